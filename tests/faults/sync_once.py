"""One sync in a process of its own, to be killed: ``python -m tests.faults.sync_once``.

Prints ``ready`` once everything is imported and waits for a line with the database and the
gateway's URL, separated by a tab. Then it syncs the products and prints its progress: ``began`` (in
the journal), ``applying`` (before the transaction), ``committing`` (all is written but the COMMIT),
``committed``, ``done``. It keeps running until it is killed or its standard input ends.
"""

from __future__ import annotations

import os
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from ecommerce_core.application import Application
from ecommerce_core.domain import Run, Trigger
from ecommerce_core.domain.access import LOCAL_OPERATOR
from ecommerce_core.gateway import Gateway
from ecommerce_core.settings import Settings
from ecommerce_core.storage import NewRun, Store
from ecommerce_core.storage.record.database import Database


class TellingStore(Store):
    """A store that prints the progress of a sync."""

    def __init__(self, *args: Any, **options: Any) -> None:
        super().__init__(*args, **options)
        self._applying = False
        begin_run, apply = self.begin_run, self.apply

        def tell_begin(new: NewRun) -> int:
            run_id = begin_run(new)
            tell("began")
            return run_id

        def tell_apply(*args: Any, **options: Any) -> Run:
            tell("applying")
            self._applying = True
            run = apply(*args, **options)
            tell("committed")
            return run

        self.begin_run, self.apply = tell_begin, tell_apply

    @contextmanager
    def writing(self, *, is_stored: Callable[[Database], bool] | None = None) -> Iterator[Database]:
        with super().writing() as db:
            yield db
            if self._applying:
                self._applying = False
                tell("committing")


def tell(mark: str) -> None:
    """Print a mark at once: a buffer would be lost with the process."""
    os.write(sys.stdout.fileno(), f"{mark}\n".encode())


def main() -> None:
    tell("ready")
    database, _, url = sys.stdin.readline().strip().partition("\t")
    if not database:
        return
    settings = Settings(database=Path(database))
    store = TellingStore.open(settings.database)
    application = Application(settings, store=store, gateway=Gateway(url))
    application.start()
    application.request_sync("products", actor=LOCAL_OPERATOR, trigger=Trigger.CLI).wait()
    tell("done")
    sys.stdin.read()


if __name__ == "__main__":
    main()
