"""Open the store that a setting names."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from ecommerce_core.settings import hide_password
from ecommerce_core.storage.database_lock import DatabaseLock
from ecommerce_core.storage.postgresql import PostgresqlEngine
from ecommerce_core.storage.restore import clear_leftovers
from ecommerce_core.storage.sqlite import Migration
from ecommerce_core.storage.store import Store


def open_store(
    database: Path,
    *,
    url: str | None = None,
    server_id: str = "",
    create: bool = True,
    more_migrations: Sequence[Migration] = (),
) -> Store:
    """Open the store for work: the file ``database``, or the server's that ``url`` names.

    Then ``database`` is beside what this machine keeps its own files. A file is held against
    being replaced until ``close``, and what killed processes left beside it goes. Raises
    StoreIncompatible without ``create`` where there is nothing of ours, and StoreDamaged,
    StoreIncompatible, StoreBusy, StoreFull, StoreError.
    """
    if url is not None:
        engine = PostgresqlEngine(
            url, path=database, server_id=server_id, name=hide_password(url), more=more_migrations
        )
        engine.open(create=create)
        return Store(engine)
    clear_leftovers(database)
    presence = DatabaseLock.announce(database)
    try:
        return Store.open(
            database, presence=presence, create=create, more_migrations=more_migrations
        )
    except BaseException:
        presence.let_go()
        raise
