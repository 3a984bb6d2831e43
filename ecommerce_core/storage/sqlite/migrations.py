"""The migrations of a database: those applied, what they declare, and those pending."""

from __future__ import annotations

import sqlite3
from collections.abc import Collection, Mapping, Sequence
from contextlib import closing
from dataclasses import dataclass
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

_MIGRATION_SET = "ecommerce"
_FIRST_MIGRATION = schema.MIGRATIONS[0].__name__


def _migrations(more: Sequence[schema.Migration]) -> Migrations:
    """Return the application's own migrations, and ``more`` of the datasets."""
    found = Migrations(_MIGRATION_SET)
    for migration in (*schema.MIGRATIONS, *more):
        found(name=migration.__name__)(migration)
    return found


def _open(connection: sqlite3.Connection) -> sqlite_utils.Database:
    """Return the database of a connection as migrations use it."""
    return sqlite_utils.Database(connection, execute_plugins=False, recursive_triggers=False)


def is_pending(connection: sqlite3.Connection, more: Sequence[schema.Migration] = ()) -> bool:
    """Return True if the database is of an older version."""
    return bool(_migrations(more).pending(_open(connection)))


def migrate(connection: sqlite3.Connection, more: Sequence[schema.Migration] = ()) -> None:
    """Bring a database to this version, inside the transaction of its connection."""
    db = _open(connection)
    db.execute(f"PRAGMA application_id = {schema.APPLICATION_ID}")
    _migrations(more).apply(db)


def check_shape(
    connection: sqlite3.Connection, *, path: Path, more: Sequence[schema.Migration] = ()
) -> None:
    """Raise StoreIncompatible for a newer version, StoreDamaged for one that no version made."""
    try:
        done = _migrations(more).applied(_open(connection))
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


def select_installation(connection: sqlite3.Connection) -> str | None:
    """Return the installation of the open database, or None if it is empty."""
    row = connection.execute(
        "SELECT applied_at FROM _sqlite_migrations WHERE migration_set = ? AND name = ?",
        [_MIGRATION_SET, _FIRST_MIGRATION],
    ).fetchone()
    return None if row is None else str(row[0])


def set_installation(connection: sqlite3.Connection, installation: str) -> None:
    """Make the open database one of this installation."""
    connection.execute(
        "UPDATE _sqlite_migrations SET applied_at = ? WHERE migration_set = ? AND name = ?",
        [installation, _MIGRATION_SET, _FIRST_MIGRATION],
    )


@dataclass(frozen=True, slots=True)
class Table:
    """A table: its columns and what they are declared as, and those of its key in order.

    ``is_numbered``: the database gives its rows their numbers.
    """

    name: str
    columns: Mapping[str, str]
    key: tuple[str, ...]
    is_numbered: bool


def list_made_tables(
    applied: Collection[str] | None = None, *, more: Sequence[schema.Migration] = ()
) -> list[Table]:
    """The tables that the migrations ``applied`` make, all unless given; who refers comes later."""
    with closing(sqlite3.connect(":memory:", isolation_level=None)) as connection:
        for migration in (*schema.MIGRATIONS, *more):
            if applied is None or migration.__name__ in applied:
                migration(_open(connection))
        names = connection.execute(
            "SELECT name, sql LIKE '%id INTEGER PRIMARY KEY%' AND name <> 'watch'"
            " FROM sqlite_master WHERE type = 'table' AND name NOT LIKE 'sqlite\\_%' ESCAPE '\\'"
            " ORDER BY sql LIKE '%REFERENCES run%' AND name <> 'run', name"
        ).fetchall()
        tables = []
        for name, is_numbered in names:
            columns = connection.execute(
                "SELECT name, type, pk FROM pragma_table_info(?)", [name]
            ).fetchall()
            key = sorted((place, column) for column, _, place in columns if place)
            tables.append(
                Table(
                    name,
                    {column: kind for column, kind, _ in columns},
                    tuple(column for _, column in key),
                    bool(is_numbered),
                )
            )
        return tables


def _objects_made_by(
    applied: Sequence[str], more: Sequence[schema.Migration]
) -> tuple[frozenset[SchemaObject], frozenset[SchemaObject]]:
    """Return the objects that these migrations declare, and those that may exist besides."""
    with closing(sqlite3.connect(":memory:", isolation_level=None)) as connection:
        db = _open(connection)
        migrations = _migrations(more)
        later = [one.name for one in migrations.pending(db) if one.name not in applied]
        migrations.apply(db, stop_before=later)
        # Fewer than ``applied`` if the list of these has a gap.
        made = [one.name for one in migrations.applied(db)]
        return list_objects(connection), list_reader_objects(connection, made)
