"""Objects that earlier versions kept for readers are dropped, and their rows are still found."""

from __future__ import annotations

import sqlite3
from contextlib import closing
from pathlib import Path

import pytest
import sqlite_utils

from ecommerce_core.datasets import CUSTOMERS, PRODUCTS
from ecommerce_core.domain import Query, Trigger
from ecommerce_core.storage import Store
from ecommerce_core.storage.sqlite.schema import m009_readers_read_snapshots
from tests.faults.dump_schema import SCHEMAS
from tests.support.older import INDEXES, WORDS, make_older
from tests.support.rows import reader_of


def declared_in(path: Path) -> set[tuple[str, str]]:
    with closing(sqlite3.connect(path)) as connection:
        declared = connection.execute("SELECT name, sql FROM sqlite_master WHERE sql IS NOT NULL")
        return {(name, " ".join(sql.split())) for name, sql in declared}


@pytest.mark.parametrize("more", ["", INDEXES, WORDS, INDEXES + WORDS])
def test_indexes_and_searched_texts_of_before_are_dropped(tmp_path: Path, more: str) -> None:
    older = make_older(tmp_path / "older.db", more=more)

    Store.open(older)

    Store.open(tmp_path / "fresh.db")
    assert declared_in(older) == declared_in(tmp_path / "fresh.db")
    Store.check(tmp_path / "fresh.db")


def test_an_index_of_words_goes_where_sqlite_knows_no_such_index(tmp_path: Path) -> None:
    older = make_older(tmp_path / "older.db", more=WORDS)
    with closing(sqlite3.connect(older)) as connection:
        connection.executescript(
            "PRAGMA writable_schema = ON;"
            "UPDATE sqlite_master SET sql = replace(sql, 'USING fts5', 'USING unknown')"
            " WHERE name = 'product_word';"
        )
    with closing(sqlite3.connect(older, isolation_level=None)) as connection:
        db = sqlite_utils.Database(connection)
        connection.execute("BEGIN IMMEDIATE")
        m009_readers_read_snapshots(db)
        connection.execute("COMMIT")

    with closing(sqlite3.connect(older)) as connection:
        assert connection.execute("PRAGMA integrity_check").fetchall() == [("ok",)]
        left = connection.execute("SELECT name FROM sqlite_master WHERE name LIKE '%word%'")
        assert left.fetchall() == []
        assert connection.execute("SELECT count(*) FROM product").fetchone() == (2,)


@pytest.mark.parametrize("dump", sorted(SCHEMAS.glob("*.sql")), ids=lambda dump: dump.stem)
def test_an_older_database_is_searched_like_a_new_one(dump: Path, tmp_path: Path) -> None:
    store = Store.open(make_older(tmp_path / "older.db", last=dump.stem))

    with reader_of(store, PRODUCTS, CUSTOMERS) as reader:
        assert reader.count_rows(PRODUCTS, Query(search="x1-1 ete")) == 1
        assert reader.count_rows(CUSTOMERS, Query(search="zoe o’neil")) == 1
    store.undo_clear(PRODUCTS, trigger=Trigger.MANUAL)
    with reader_of(store, PRODUCTS) as reader:
        assert reader.count_rows(PRODUCTS, Query(search="x1-3 冷")) == 1
