"""Check that a database has exactly the schema that the migrations make.

``sqlite_master`` is compared with that of a newly made database: a trigger, a view, another default
or one constraint less was not made by this application.
"""

from __future__ import annotations

import re
import sqlite3
from collections.abc import Set
from typing import NamedTuple

# Blanks only matter inside quotes.
_TOKENS = re.compile(r"""('(?:[^']|'')*'|"(?:[^"]|"")*"|`[^`]*`|\[[^\]]*\])|\s+""")


class SchemaObject(NamedTuple):
    """A table, index, view or trigger, and its declaration; None if SQLite made it itself."""

    kind: str
    name: str
    table: str
    sql: str | None


def list_objects(connection: sqlite3.Connection) -> frozenset[SchemaObject]:
    """List everything that a database declares, except statistics."""
    # The statistics of ANALYZE are SQLite's own and do not change results.
    rows = connection.execute(
        "SELECT type, name, tbl_name, sql FROM sqlite_master WHERE name NOT GLOB 'sqlite_stat*'"
    )
    return frozenset(
        SchemaObject(kind, name, table, None if sql is None else _normal(sql))
        for kind, name, table, sql in rows
    )


def find_difference(
    connection: sqlite3.Connection,
    *,
    expected: Set[SchemaObject],
    optional: Set[SchemaObject] = frozenset(),
) -> str | None:
    """Return a first difference to ``expected`` in few words, or None; ``optional`` may exist."""
    (encoding,) = connection.execute("PRAGMA encoding").fetchone()
    if encoding != "UTF-8":  # the order of its texts would differ
        return f"its texts are {encoding}"
    found = list_objects(connection)
    declared = {one.name for one in expected}
    present = {one.name for one in found}
    for one in sorted(found - expected - optional, key=lambda one: one.name):
        fault = "is declared otherwise" if one.name in declared else "does not belong there"
        return f"{one.kind} {one.name} {fault}"
    for one in sorted(expected - found, key=lambda one: one.name):
        fault = "is declared otherwise" if one.name in present else "is missing"
        return f"{one.kind} {one.name} {fault}"
    return None


def find_additions(
    connection: sqlite3.Connection,
    *,
    expected: Set[SchemaObject],
    optional: Set[SchemaObject] = frozenset(),
) -> str | None:
    """Return the SQL that removes additions, or None if that is not enough.

    Only indexes and views: removing one changes no row.
    """
    found = list_objects(connection)
    declared = {one.name for one in expected}
    added = sorted(found - expected - optional)
    is_all = expected <= found and all(
        one.kind in {"index", "view"} and one.sql is not None and one.name not in declared
        for one in added
    )
    if not added or not is_all:
        return None
    names = ((one.kind.upper(), one.name.replace('"', '""')) for one in added)
    return " ".join(f'DROP {kind} "{name}";' for kind, name in names)


def _normal(sql: str) -> str:
    return _TOKENS.sub(lambda match: match[1] or " ", sql).strip()
