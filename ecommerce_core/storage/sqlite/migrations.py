"""The migrations of a database: those applied, what they declare, and those pending."""

from __future__ import annotations

import sqlite3
from collections.abc import Sequence
from contextlib import closing
from pathlib import Path

import sqlite_utils
from sqlite_utils.migrations import Migrations

from ecommerce_core.domain import StoreDamaged, StoreIncompatible
from ecommerce_core.storage.sqlite import schema
from ecommerce_core.storage.sqlite.checks import (
    SchemaObject,
    find_additions,
    find_difference,
    list_objects,
    list_reader_objects,
)


def _migrations(more: Sequence[schema.Migration]) -> Migrations:
    """Return the application's own migrations, and ``more`` of the datasets."""
    found = Migrations("ecommerce")
    for migration in (*schema.MIGRATIONS, *more):
        found(name=migration.__name__)(migration)
    return found


def open_database(connection: sqlite3.Connection) -> sqlite_utils.Database:
    """Return the connection's database in the form that migrations and journals use."""
    return sqlite_utils.Database(connection, execute_plugins=False, recursive_triggers=False)


def is_pending(connection: sqlite3.Connection, more: Sequence[schema.Migration] = ()) -> bool:
    """Return True if the database is of an older version."""
    return bool(_migrations(more).pending(open_database(connection)))


def migrate(connection: sqlite3.Connection, more: Sequence[schema.Migration] = ()) -> None:
    """Bring a database to this version, inside the transaction of its connection."""
    db = open_database(connection)
    db.execute(f"PRAGMA application_id = {schema.APPLICATION_ID}")
    _migrations(more).apply(db)


def check_shape(
    connection: sqlite3.Connection, *, path: Path, more: Sequence[schema.Migration] = ()
) -> None:
    """Raise StoreIncompatible for a newer version, StoreDamaged for one that no version made."""
    try:
        done = _migrations(more).applied(open_database(connection))
        applied = [str(each.name) for each in done]
    except sqlite3.OperationalError as error:
        if getattr(error, "sqlite_errorname", None) != "SQLITE_ERROR":
            raise
        applied = []  # no list of ours, which the difference will report
    known = {migration.__name__ for migration in (*schema.MIGRATIONS, *more)}
    newer = [name for name in applied if name not in known]
    if newer:
        raise StoreIncompatible("store_of_newer_version", path=path, newer=", ".join(newer))
    expected, optional = _objects_made_by(applied, more)
    difference = find_difference(connection, expected=expected, optional=optional)
    if difference is not None:
        additions = find_additions(connection, expected=expected, optional=optional)
        if additions is not None:
            raise StoreDamaged("store_shape_has_more", path=path, verdict=difference, sql=additions)
        raise StoreDamaged("store_shape_differs", path=path, verdict=difference)


def _objects_made_by(
    applied: Sequence[str], more: Sequence[schema.Migration]
) -> tuple[frozenset[SchemaObject], frozenset[SchemaObject]]:
    """Return the objects that these migrations declare, and those that may exist besides."""
    with closing(sqlite3.connect(":memory:", isolation_level=None)) as connection:
        db = open_database(connection)
        migrations = _migrations(more)
        later = [one.name for one in migrations.pending(db) if one.name not in applied]
        migrations.apply(db, stop_before=later)
        # Fewer than ``applied`` if the list of these has a gap.
        made = [one.name for one in migrations.applied(db)]
        return list_objects(connection), list_reader_objects(connection, made)
