"""Examine step by step whether a PostgreSQL database is suitable. Nothing is changed."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

import psycopg
from psycopg import errors

from ecommerce_core.domain import StoreError
from ecommerce_core.storage.postgresql.dialect import explain
from ecommerce_core.storage.postgresql.migrations import (
    OLDEST_SERVER,
    check_shape,
    check_version,
    list_applied,
)
from ecommerce_core.storage.postgresql.sessions import connect
from ecommerce_core.storage.sqlite import Migration


@dataclass(frozen=True, slots=True)
class Finding:
    """The finding of one step. ``is_right`` is None for a remark that is no fault."""

    step: str
    is_right: bool | None
    detail: str
    advice: str | None = None


def examine_server(url: str, *, name: str, more: Sequence[Migration] = ()) -> Iterator[Finding]:
    """Yield each finding as made: connection, version, encoding, collation, rights, tables."""
    try:
        with connect(url, server_id="doctor") as connection:
            yield Finding("connect", True, f"{name} answers")
            yield from _examine(connection, name, more)
    except psycopg.Error as error:
        advice = "check ECOMMERCE_DATABASE, and what the server logs"
        yield Finding("connect", False, str(explain(error)), advice)


def _examine(
    connection: psycopg.Connection[Any], name: str, more: Sequence[Migration]
) -> Iterator[Finding]:
    version = connection.info.server_version
    yield Finding(
        "version",
        version >= OLDEST_SERVER,
        f"PostgreSQL {version // 10_000}.{version % 10_000}",
        "it takes 15 or newer",
    )
    encoding = connection.info.parameter_status("server_encoding")
    advice = "make the database anew: createdb --encoding=UTF8 --template=template0"
    yield Finding("encoding", encoding == "UTF8", str(encoding), advice)
    collation, recorded, actual = _row(
        connection,
        "SELECT datcollate, datcollversion, pg_database_collation_actual_version(oid)"
        " FROM pg_database WHERE datname = current_database()",
    )
    # Our columns are compared byte by byte, so the system's libraries do not affect them.
    yield Finding(
        "collation",
        True if recorded == actual else None,
        f"{collation}; our texts are compared byte by byte, whatever it is",
        f"its version was {recorded} and is {actual}: ALTER DATABASE … REFRESH COLLATION VERSION",
    )
    yield _examine_rights(connection)
    yield _examine_tables(connection, name, more)


def _examine_rights(connection: psycopg.Connection[Any]) -> Finding:
    user, schema, creates, temporary, is_read_only = _row(
        connection,
        "SELECT current_user, current_schema(),"
        " coalesce(has_schema_privilege(current_schema(), 'CREATE'), FALSE),"
        " has_database_privilege(current_database(), 'TEMPORARY'),"
        " pg_is_in_recovery() OR current_setting('default_transaction_read_only')::boolean",
    )
    missing = [
        word
        for word, is_missing in (
            (f"CREATE in the schema {schema}", not creates),
            ("TEMPORARY in the database", not temporary),
            ("writing: it is read-only", is_read_only),
        )
        if is_missing
    ]
    if missing:
        return Finding(
            "rights", False, f"{user} lacks {', '.join(missing)}", f"GRANT that to {user}"
        )
    return Finding("rights", True, f"{user} may make tables and write")


def _examine_tables(
    connection: psycopg.Connection[Any], name: str, more: Sequence[Migration]
) -> Finding:
    try:
        applied = list_applied(connection)
        check_version(applied, name=name, more=more)
        check_shape(connection, applied, name=name, more=more)
    except errors.UndefinedTable:
        return Finding("tables", None, "none are there", "a start of the server creates them")
    except StoreError as error:
        return Finding("tables", False, str(error), "restore the database where it is operated")
    return Finding("tables", True, f"{len(applied)} migrations, as this version makes them")


def _row(connection: psycopg.Connection[Any], sql: str) -> tuple[Any, ...]:
    return connection.execute(sql).fetchone() or ()
