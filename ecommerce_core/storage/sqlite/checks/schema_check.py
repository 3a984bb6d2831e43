"""Whether a database has exactly the shape that the migrations make.

What stands in ``sqlite_master`` is compared with that of a database that has just been made:
a trigger, a view, another default or one constraint less is another application's work.
"""

from __future__ import annotations

import re
import sqlite3
from collections.abc import Set
from typing import NamedTuple

# Blanks count inside quotes alone.
_TOKENS = re.compile(r"""('(?:[^']|'')*'|"(?:[^"]|"")*"|`[^`]*`|\[[^\]]*\])|\s+""")


class SchemaObject(NamedTuple):
    """A table, index, view or trigger, and how it was declared; None if SQLite made it itself."""

    kind: str
    name: str
    table: str
    sql: str | None


def list_objects(connection: sqlite3.Connection) -> frozenset[SchemaObject]:
    """List everything that a database declares, statistics aside."""
    # The statistics of an ANALYZE are SQLite's own and change no answer.
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
    """What is not as ``expected``, in a few words; None if all is. ``optional`` may be there."""
    (encoding,) = connection.execute("PRAGMA encoding").fetchone()
    if encoding != "UTF-8":  # its texts have another order
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
    """The SQL that takes away what somebody added; None if more than that is to be mended.

    Only indexes and views: to take one away changes no row.
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
