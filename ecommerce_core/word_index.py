"""Which rows hold a word, without looking at all of them: an FTS5 index of three letters each.

It is no part of the schema, like the other indexes, and no sync touches it: the worker brings
it in line with the rows when no sync waits, in short transactions. Where prices changed and no
text did, that is a second's reading among a million rows. It answers for the one version of the
rows that it was brought in line with and for no other, so nothing depends on when that happens;
until then the rows are looked at one by one, which is slower and says the same.

``TABLE_word`` is the index, ``TABLE_word_text`` what is in it: key and text of every row that
is not withdrawn. A table of fewer rows than WORTH_ROWS has none: looking at all is as quick.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Sequence

from ecommerce_core.dataset import Dataset
from ecommerce_core.transactions import Database

WORTH_ROWS = 20_000
# A third of a second or so: no writer waits for longer.
ROWS_PER_STEP = 25_000
LETTERS = 3
_WORDS_ASKED = 8


def _is_there() -> bool:
    """Whether this SQLite has such indexes: from 3.34 on, where it was built with FTS5."""
    db = sqlite3.connect(":memory:")
    try:
        db.execute("CREATE VIRTUAL TABLE probe USING fts5(text, tokenize='trigram')")
    except sqlite3.Error:
        return False
    finally:
        db.close()
    return True


# A database may come from a machine that has them, and be read on one that has not.
_IS_THERE = _is_there()


def index_name(dataset: Dataset) -> str:
    """The FTS5 table; a column of the same name is what is asked of it."""
    return f"{dataset.table}_word"


def texts_name(dataset: Dataset) -> str:
    """The table of what is in the index: ``id``, its rowid, ``key`` and ``search``."""
    return f"{dataset.table}_word_text"


def question_of(words: Sequence[str]) -> str | None:
    """What the index is asked for these folded words; None where all of them are too short.

    Every row that has the words is in its answer, and others where not ``is_exact``.
    """
    asked = [word for word in words if len(word) >= LETTERS][:_WORDS_ASKED]
    return " ".join('"' + word.replace('"', '""') + '"' for word in asked) or None


def is_exact(words: Sequence[str]) -> bool:
    """Whether the index's answer is the rows that have these words, and no other row."""
    # Of other letters than ASCII's FTS5 has its own idea which are the same.
    asked = all(len(word) >= LETTERS and word.isascii() for word in words)
    return asked and len(words) <= _WORDS_ASKED


def is_of(db: Database, dataset: Dataset, version: int) -> bool:
    """Whether the index is there and in line with this version of the rows."""
    if not _IS_THERE or not _exists(db, dataset):
        return False
    row = db.execute(f"SELECT version, after FROM {dataset.table}_word_state").fetchone()
    return row is not None and tuple(row) == (version, None)


def is_wanted(db: Database, dataset: Dataset, version: int) -> bool:
    """Whether a step is to be taken for this version of the rows."""
    if not _IS_THERE or is_of(db, dataset, version):
        return False
    rows = f"SELECT count(*) FROM (SELECT 1 FROM {dataset.table} LIMIT {WORTH_ROWS})"
    return bool(db.execute(rows).fetchone()[0] >= WORTH_ROWS)


def take_step(db: Database, dataset: Dataset, version: int) -> None:
    """Bring it a step nearer to the rows as they are, inside an open transaction."""
    texts, index, state = texts_name(dataset), index_name(dataset), f"{dataset.table}_word_state"
    if not _exists(db, dataset):
        _create(db, dataset)
    begun = db.execute(f"SELECT version, after FROM {state}").fetchone()
    after = begun[1] if begun and begun[0] == version else ""
    if after is None:
        return
    if after == "":
        _forget_what_is_not_so(db, dataset)
    (last,) = db.execute(f"SELECT coalesce(max(id), 0) FROM {texts}").fetchone()
    taken = db.execute(
        f"INSERT INTO {texts} (key, search) SELECT t.{dataset.key}, t.search"
        f" FROM {dataset.table} AS t WHERE t.withdrawn_at IS NULL AND t.{dataset.key} > ?"
        f" AND NOT EXISTS (SELECT 1 FROM {texts} AS w WHERE w.key = t.{dataset.key})"
        f" ORDER BY t.{dataset.key} LIMIT {ROWS_PER_STEP}",
        [after],
    ).rowcount
    db.execute(
        f"INSERT INTO {index} (rowid, search) SELECT id, search FROM {texts} WHERE id > ?", [last]
    )
    # In the key's order: the last that was taken has the greatest.
    db.execute(f"DELETE FROM {state}")
    db.execute(
        f"INSERT INTO {state} SELECT ?,"
        f" CASE WHEN ? THEN (SELECT key FROM {texts} ORDER BY id DESC LIMIT 1) END",
        [version, taken == ROWS_PER_STEP],
    )


def _exists(db: Database, dataset: Dataset) -> bool:
    sql = "SELECT 1 FROM sqlite_master WHERE name = ?"
    return db.execute(sql, [f"{dataset.table}_word_state"]).fetchone() is not None


def _create(db: Database, dataset: Dataset) -> None:
    texts, index = texts_name(dataset), index_name(dataset)
    for name in (index, texts, f"{dataset.table}_word_state"):
        db.execute(f"DROP TABLE IF EXISTS {name}")
    db.execute(
        f"CREATE TABLE {texts}"
        " (id INTEGER PRIMARY KEY, key TEXT NOT NULL UNIQUE, search TEXT NOT NULL) STRICT"
    )
    db.execute(
        f"CREATE VIRTUAL TABLE {index} USING fts5(search, content='{texts}', content_rowid='id',"
        " columnsize=0, tokenize='trigram')"
    )
    # ``after``: the key up to which the rows are in it, NULL where all of them are.
    db.execute(f"CREATE TABLE {dataset.table}_word_state (version INTEGER NOT NULL, after TEXT)")


def _forget_what_is_not_so(db: Database, dataset: Dataset) -> None:
    """Take out what is withdrawn, gone or another text now."""
    texts, index = texts_name(dataset), index_name(dataset)
    db.execute(
        f"CREATE TEMP TABLE moot AS SELECT w.id FROM {texts} AS w LEFT JOIN {dataset.table} AS t"
        f" ON t.{dataset.key} = w.key AND t.withdrawn_at IS NULL WHERE t.search IS NOT w.search"
    )
    (moot,) = db.execute("SELECT count(*) FROM moot").fetchone()
    if moot > ROWS_PER_STEP:
        _create(db, dataset)
    elif moot:
        db.execute(
            f"INSERT INTO {index} ({index}, rowid, search)"
            f" SELECT 'delete', id, search FROM {texts} WHERE id IN (SELECT id FROM moot)"
        )
        db.execute(f"DELETE FROM {texts} WHERE id IN (SELECT id FROM moot)")
    db.execute("DROP TABLE temp.moot")
