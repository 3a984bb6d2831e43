"""Which migrations a database has seen, what they declare, and those that are pending."""

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

_migrations = Migrations(_MIGRATION_SET)
for _migration in schema.MIGRATIONS:
    _migrations(name=_migration.__name__)(_migration)


def _open(connection: sqlite3.Connection) -> sqlite_utils.Database:
    """The database of a connection as migrations use it."""
    return sqlite_utils.Database(connection, execute_plugins=False, recursive_triggers=False)


def is_pending(connection: sqlite3.Connection) -> bool:
    """Return True if the database is of an older version."""
    return bool(_migrations.pending(_open(connection)))


def migrate(connection: sqlite3.Connection) -> None:
    """Bring a database to this version, inside the transaction of its connection."""
    db = _open(connection)
    db.execute(f"PRAGMA application_id = {schema.APPLICATION_ID}")
    _migrations.apply(db)


def check_shape(connection: sqlite3.Connection, *, path: Path) -> None:
    """Raise StoreIncompatible for a newer version's, StoreDamaged for what no version made."""
    try:
        applied = [str(done.name) for done in _migrations.applied(_open(connection))]
    except sqlite3.OperationalError as error:
        if getattr(error, "sqlite_errorname", None) != "SQLITE_ERROR":
            raise
        applied = []  # no list of ours: the difference says so
    known = {migration.__name__ for migration in schema.MIGRATIONS}
    newer = [name for name in applied if name not in known]
    if newer:
        raise StoreIncompatible(
            "{path} was written by a newer version ({newer}); it was left as it is."
            " Update the application, or set ECOMMERCE_DATABASE to another file.",
            path=path,
            newer=", ".join(newer),
        )
    expected, optional = _objects_made_by(applied)
    difference = find_difference(connection, expected=expected, optional=optional)
    if difference is not None:
        additions = find_additions(connection, expected=expected, optional=optional)
        if additions is not None:
            raise StoreDamaged(
                "{path} has more in it than this application makes ({verdict}); it was left"
                " as it is. Stop the application and run this in SQLite, which changes no"
                " row: {sql}",
                path=path,
                verdict=difference,
                sql=additions,
            )
        raise StoreDamaged(
            "{path} is not as this application makes it ({verdict}); it was left as it is."
            " Restore a backup, or set ECOMMERCE_DATABASE to another file.",
            path=path,
            verdict=difference,
        )


def select_installation(connection: sqlite3.Connection) -> str | None:
    """The installation whose database is open; None if it is empty."""
    row = connection.execute(
        "SELECT applied_at FROM _sqlite_migrations WHERE migration_set = ? AND name = ?",
        [_MIGRATION_SET, _FIRST_MIGRATION],
    ).fetchone()
    return None if row is None else str(row[0])


def set_installation(connection: sqlite3.Connection, installation: str) -> None:
    """Let the database that is open pass for this installation's from now on."""
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


def list_made_tables(applied: Collection[str] | None = None) -> list[Table]:
    """The tables that the migrations ``applied`` make, all unless given; who refers comes later."""
    with closing(sqlite3.connect(":memory:", isolation_level=None)) as connection:
        for migration in schema.MIGRATIONS:
            if applied is None or migration.__name__ in applied:
                migration(_open(connection))
        names = connection.execute(
            "SELECT name, sql LIKE '%AUTOINCREMENT%' FROM sqlite_master"
            " WHERE type = 'table' AND name NOT LIKE 'sqlite\\_%' ESCAPE '\\'"
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
    applied: Sequence[str],
) -> tuple[frozenset[SchemaObject], frozenset[SchemaObject]]:
    """What a database of these migrations declares, and what it may declare beside that."""
    with closing(sqlite3.connect(":memory:", isolation_level=None)) as connection:
        db = _open(connection)
        later = [one.name for one in _migrations.pending(db) if one.name not in applied]
        _migrations.apply(db, stop_before=later)
        # Fewer than ``applied`` where the list of these has a gap.
        made = [one.name for one in _migrations.applied(db)]
        return list_objects(connection), list_reader_objects(connection, made)
