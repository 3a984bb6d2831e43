"""Objects that earlier versions kept in the database for readers, until m009 drops them.

Only ``store.py`` uses this, to check a database that is not migrated yet.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Collection

from ecommerce_core.storage.sqlite.checks.schema_check import SchemaObject, list_objects

# Before the first, readers had no indexes; before the second, those of texts were different.
_SINCE, _TEXTS_SINCE = "m004_search_and_sizes", "m006_order_of_texts"
_UNTIL = "m009_readers_read_snapshots"

# The part of ``search`` that belongs to one column: after so many line ends.
_AFTER_1 = "substr(search, instr(search, char(10)) + 1)"
_AFTER_2 = f"substr({_AFTER_1}, instr({_AFTER_1}, char(10)) + 1)"
_AFTER_3 = f"substr({_AFTER_2}, instr({_AFTER_2}, char(10)) + 1)"


def _first_of(text: str) -> str:
    return f"substr({text}, 1, instr({text}, char(10)) - 1)"


_SORTED = {
    "product": (
        *("price_cents", "catalogue_min_quantity", "catalogue_packaging", "catalogue_id"),
        *("first_seen_at", "updated_at"),
    ),
    "customer": ("loyalty_points", "payment", "first_seen_at", "updated_at"),
}
_TEXTS = {
    "product": {"description": _AFTER_1},
    "customer": {
        "first_name": _first_of(_AFTER_1),
        "last_name": _first_of(_AFTER_2),
        "account": _AFTER_3,
    },
}
_SCANNED = {
    "product": "family, code, withdrawn_at, price_cents, search",
    "customer": "customer_id, withdrawn_at, loyalty_points, account, search",
}
_KEYS = {"product": "code", "customer": "customer_id"}


def list_reader_objects(
    connection: sqlite3.Connection, applied: Collection[str]
) -> frozenset[SchemaObject]:
    """List them; ``connection`` is to an empty database with the migrations ``applied``."""
    if _SINCE not in applied or _UNTIL in applied:
        return frozenset()
    made = list_objects(connection)
    found: set[SchemaObject] = set()
    for table, key in _KEYS.items():
        if _TEXTS_SINCE not in applied:
            for column in (key, *_TEXTS[table]):
                _index(connection, table, column, f"{column} COLLATE NOCASE")
                found |= list_objects(connection) - made
                connection.execute(f"DROP INDEX {table}_by_{column}")
        connection.execute(f"CREATE INDEX {table}_scan ON {table} ({_SCANNED[table]})")
        connection.execute(f"CREATE INDEX {table}_by_withdrawn_at ON {table} (withdrawn_at, {key})")
        for column in _SORTED[table]:
            _index(connection, table, column, column)
        for column, text in _TEXTS[table].items():
            _index(connection, table, column, f"{text} COLLATE NOCASE", more=", search")
        found |= _word_objects(table)
    return frozenset(found | (list_objects(connection) - made))


def _index(
    connection: sqlite3.Connection, table: str, column: str, by: str, *, more: str = ""
) -> None:
    connection.execute(
        f"CREATE INDEX {table}_by_{column} ON {table} ({by}, {_KEYS[table]}, withdrawn_at{more})"
    )


def _word_objects(table: str) -> set[SchemaObject]:
    """Return them as SQLite declares them: this SQLite may have no FTS5 to create them with."""
    texts, index, state = f"{table}_word_text", f"{table}_word", f"{table}_word_state"
    columns = "(id INTEGER PRIMARY KEY, key TEXT NOT NULL UNIQUE, search TEXT NOT NULL) STRICT"
    options = f"content='{texts}', content_rowid='id', columnsize=0, tokenize='trigram'"
    tables = {
        texts: f"CREATE TABLE {texts} {columns}",
        state: f"CREATE TABLE {state} (version INTEGER NOT NULL, after TEXT)",
        index: f"CREATE VIRTUAL TABLE {index} USING fts5(search, {options})",
        f"{index}_data": f"CREATE TABLE '{index}_data'(id INTEGER PRIMARY KEY, block BLOB)",
        f"{index}_idx": f"CREATE TABLE '{index}_idx'(segid, term, pgno,"
        " PRIMARY KEY(segid, term)) WITHOUT ROWID",
        f"{index}_config": f"CREATE TABLE '{index}_config'(k PRIMARY KEY, v) WITHOUT ROWID",
    }
    found = {SchemaObject("table", name, name, sql) for name, sql in tables.items()}
    return found | {SchemaObject("index", f"sqlite_autoindex_{texts}_1", texts, None)}
