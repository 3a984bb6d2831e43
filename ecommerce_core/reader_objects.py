"""The readers' indexes, as far as the check of the schema must know: they may be there or not.

Nothing but ``store.py`` looks here. Databases out there hold these until a migration drops them.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Collection

from ecommerce_core import indexes, word_index
from ecommerce_core.catalogue import PRODUCTS
from ecommerce_core.crm import CUSTOMERS
from ecommerce_core.dataset import Dataset
from ecommerce_core.schema_check import SchemaObject, list_objects

# Before it no reader had indexes; before m006 those of texts were declared otherwise.
_SINCE = "m004_search_and_sizes"
_TEXTS_SINCE = "m006_order_of_texts"


def list_reader_objects(
    connection: sqlite3.Connection, applied: Collection[str]
) -> frozenset[SchemaObject]:
    """All of them; ``connection`` is to an empty database of the migrations ``applied``."""
    if _SINCE not in applied:
        return frozenset()
    made = list_objects(connection)
    found: set[SchemaObject] = set()
    for dataset in (PRODUCTS, CUSTOMERS):
        if _TEXTS_SINCE not in applied:
            for column in dataset.searched_names:
                name = indexes.sort_index(dataset, column)
                connection.execute(
                    f"CREATE INDEX {name} ON {dataset.table}"
                    f" ({column} COLLATE NOCASE, {dataset.key}, withdrawn_at)"
                )
                found |= list_objects(connection) - made
                connection.execute(f"DROP INDEX {name}")
        for statement in indexes.definitions(dataset).values():
            connection.execute(statement)
        found |= _word_objects(dataset)
    return frozenset(found | (list_objects(connection) - made))


def _word_objects(dataset: Dataset) -> set[SchemaObject]:
    """As they stand in a database: this SQLite may have no FTS5 to build them with."""
    texts, index, state = (
        word_index.texts_name(dataset),
        word_index.index_name(dataset),
        f"{dataset.table}_word_state",
    )
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
