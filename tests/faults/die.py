"""A write that ends in ``kill -9``: ``python -m tests.faults.die DATABASE URL ACTION MOMENT``.

ACTION is ``sync``, ``clear`` or ``undo_clear`` of the products. MOMENT is ``before`` the COMMIT,
``half-way`` (the same, but pages had to be written out early) or ``after`` it.
"""

from __future__ import annotations

import os
import signal
import sqlite3
import sys
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager
from pathlib import Path

from ecommerce_core.application import Application
from ecommerce_core.domain import Trigger
from ecommerce_core.domain.access import LOCAL_OPERATOR
from ecommerce_core.gateway import Gateway
from ecommerce_core.settings import Settings
from ecommerce_core.storage import Store
from ecommerce_core.storage.record.database import Database
from ecommerce_core.storage.sqlite.database import SqliteDatabase

WRITES = 100


class DyingStore(Store):
    """Dies in or after the first transaction that writes many rows."""

    moment = "before"

    @contextmanager
    def writing(self, *, is_stored: Callable[[Database], bool] | None = None) -> Iterator[Database]:
        transaction = self._spilling() if self.moment == "half-way" else super().writing()
        with transaction as db:
            assert isinstance(db, SqliteDatabase)
            changes = db.conn.total_changes
            yield db
            written = db.conn.total_changes - changes
            if written > WRITES and self.moment != "after":
                die()
        if written > WRITES:
            die()

    @contextmanager
    def _spilling(self) -> Iterator[Database]:
        """Yield a transaction whose pages do not fit into memory and are written before COMMIT."""
        with closing(sqlite3.connect(self.path, isolation_level=None)) as connection:
            connection.execute("PRAGMA cache_size = 1")
            connection.execute("BEGIN IMMEDIATE")
            yield SqliteDatabase(connection)
            connection.execute("COMMIT")


def die() -> None:
    os.kill(os.getpid(), signal.SIGKILL)


def main() -> None:
    database, url, action, moment = sys.argv[1:]
    settings = Settings(database=Path(database))
    store = DyingStore.open(settings.database)
    assert isinstance(store, DyingStore)
    store.moment = moment
    application = Application(settings, store=store, gateway=Gateway(url))
    application.start()
    actions: dict[str, Callable[[], object]] = {
        "sync": lambda: application.request_sync(
            "products", actor=LOCAL_OPERATOR, trigger=Trigger.CLI
        ).wait(),
        "clear": lambda: application.clear("products", actor=LOCAL_OPERATOR, trigger=Trigger.CLI),
        "undo_clear": lambda: application.undo_clear(
            "products", actor=LOCAL_OPERATOR, trigger=Trigger.CLI
        ),
    }
    actions[action]()


if __name__ == "__main__":
    main()
