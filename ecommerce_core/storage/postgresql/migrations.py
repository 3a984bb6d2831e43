"""The schema in PostgreSQL: SQLite's migrations, each translated as it is run.

So there is one description of the tables. ``schema_migration`` lists the migrations of a database.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import psycopg

from ecommerce_core.domain import StoreDamaged, StoreError, StoreIncompatible
from ecommerce_core.storage.postgresql.dialect import translate, translate_declaration, type_of
from ecommerce_core.storage.record import now_utc, to_text
from ecommerce_core.storage.sqlite import Migration, list_made_tables, schema

OLDEST_SERVER = 150_000
_TABLE = "schema_migration"
_Connection = psycopg.Connection[Any]


class _Migrated:
    """A connection as migrations use it. In a new database there are no rows to change."""

    def __init__(self, connection: _Connection, *, is_new: bool) -> None:
        self.conn = connection
        self._is_new = is_new

    def execute(self, sql: str, parameters: Any = None) -> Any:
        """Run one statement, unless it is about rows that cannot be there."""
        if self._is_new and not sql.lstrip().startswith(("CREATE", "ALTER", "DROP")):
            return _NoRows()
        declared = translate_declaration(sql)
        if parameters is None:
            return self.conn.execute(declared)
        return self.conn.execute(translate(declared), parameters)


class _NoRows:
    """What a statement answers that was not run."""

    def fetchall(self) -> list[Any]:
        return []

    def fetchone(self) -> None:
        return None


def migrate(
    connection: _Connection,
    *,
    name: str,
    create: bool = True,
    more: Sequence[Migration] = (),
) -> None:
    """Bring the database to this version, in one transaction.

    Raises StoreIncompatible for an unsuitable server, encoding or database, and for a database of a
    newer version; StoreDamaged for a schema that no version made; psycopg.Error.
    """
    check_server(connection)
    with connection.transaction():
        # Two servers may start at the same moment.
        connection.execute("SELECT pg_advisory_xact_lock(hashtext('ecommerce migrations'))")
        is_new = not _has_table(connection, _TABLE)
        if is_new:
            _refuse_foreign(connection, name, more)
            if not create:
                raise StoreIncompatible("store_without_data", path=name)
            connection.execute(f"CREATE TABLE {_TABLE} (name TEXT PRIMARY KEY, applied_at TEXT)")
        applied = list_applied(connection)
        check_version(applied, name=name, more=more)
        check_shape(connection, applied, name=name, more=more)
        for migration in (*schema.MIGRATIONS, *more):
            title = migration.__name__
            if title not in applied:
                migration(_Migrated(connection, is_new=is_new))
                connection.execute(
                    f"INSERT INTO {_TABLE} VALUES (%s, %s)", [title, to_text(now_utc())]
                )


def check_server(connection: _Connection) -> None:
    """Raise StoreIncompatible unless this server can hold the store."""
    if connection.info.server_version < OLDEST_SERVER:
        version = connection.info.server_version // 10_000
        raise StoreIncompatible("server_too_old", version=version)
    encoding = connection.info.parameter_status("server_encoding")
    if encoding != "UTF8":
        raise StoreIncompatible("server_encoding", encoding=encoding)


def list_applied(connection: _Connection) -> list[str]:
    """Return the migrations that were applied to a database, oldest first."""
    rows = connection.execute(f"SELECT name FROM {_TABLE} ORDER BY name").fetchall()
    return [name for (name,) in rows]


def check_version(applied: Sequence[str], *, name: str, more: Sequence[Migration] = ()) -> None:
    """Raise StoreIncompatible if a newer version has migrated the database."""
    known = {migration.__name__ for migration in (*schema.MIGRATIONS, *more)}
    newer = [one for one in applied if one not in known]
    if newer:
        raise StoreIncompatible("server_of_newer_version", path=name, newer=", ".join(newer))


def check_shape(
    connection: _Connection,
    applied: Sequence[str],
    *,
    name: str,
    more: Sequence[Migration] = (),
) -> None:
    """Raise StoreDamaged if our tables are not as the migrations make them."""
    expected = _tables_made_by(applied, more)
    rows = connection.execute(
        "SELECT table_name, column_name, data_type FROM information_schema.columns"
        " WHERE table_schema = current_schema()"
    ).fetchall()
    found: dict[str, dict[str, str]] = {}
    for table, column, kind in rows:
        found.setdefault(table, {})[column] = kind
    wrong = [table for table, columns in expected.items() if found.get(table) != columns]
    triggers = connection.execute(
        "SELECT t.tgname FROM pg_trigger AS t JOIN pg_class AS c ON c.oid = t.tgrelid"
        " WHERE NOT t.tgisinternal AND c.relnamespace = current_schema()::regnamespace"
        " AND c.relname = ANY(%s)",
        [list(expected)],
    ).fetchall()
    verdicts = [f"table {table} is declared otherwise" for table in wrong]
    verdicts += [f"trigger {trigger} does not belong there" for (trigger,) in triggers]
    if verdicts:
        raise StoreDamaged("server_shape_differs", path=name, verdict=verdicts[0])


def list_json_columns(connection: _Connection) -> dict[str, frozenset[str]]:
    """Return the columns, by table, that hold values of any type."""
    rows = connection.execute(
        "SELECT table_name, array_agg(column_name::text) FROM information_schema.columns"
        " WHERE table_schema = current_schema() AND data_type = 'json' GROUP BY 1"
    ).fetchall()
    return {table: frozenset(columns) for table, columns in rows}


def _tables_made_by(applied: Sequence[str], more: Sequence[Migration]) -> dict[str, dict[str, str]]:
    return {
        table.name: {column: type_of(kind) for column, kind in table.columns.items()}
        for table in list_made_tables(applied, more=more)
    }


def _has_table(connection: _Connection, table: str) -> bool:
    sql = "SELECT to_regclass(quote_ident(current_schema()) || '.' || %s) IS NOT NULL"
    row = connection.execute(sql, [table]).fetchone()
    if row is None or row[0] is None:
        raise StoreError("server_without_schema")
    return bool(row[0])


def _refuse_foreign(connection: _Connection, name: str, more: Sequence[Migration]) -> None:
    ours = [table.name for table in list_made_tables(more=more)]
    theirs = [table for table in ours if _has_table(connection, table)]
    if theirs:
        raise StoreIncompatible("server_has_foreign_table", path=name, table=theirs[0])
