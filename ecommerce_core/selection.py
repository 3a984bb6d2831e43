"""Which rows a question selects, found in the cheapest way, and remembered while it holds.

Few rows are remembered by their keys, so that every further page, order, count and picture
of them costs nothing of the table's size. For many, an index in the wanted order is walked.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Hashable
from dataclasses import dataclass, replace
from typing import Any, TypeVar

from ecommerce_core import word_index
from ecommerce_core.dataset import Dataset
from ecommerce_core.indexes import list_present, scan_columns, scan_index, sort_index
from ecommerce_core.query import Withdrawn
from ecommerce_core.read_cache import ReadCache
from ecommerce_core.row_filters import Clause, Conditions
from ecommerce_core.transactions import Database

# So many keys are found again and sorted in a few milliseconds.
FEW_KEYS = 2_000
VALUES_KEPT = 200
# So many rows are looked at one by one for what else is asked of them, before all of them are.
FEW_TO_LOOK_AT = 30_000

T = TypeVar("T")
Groups = tuple[int, tuple[tuple[Any, int], ...]]


@dataclass(frozen=True, slots=True)
class Few:
    """The keys of a few rows, as a JSON list."""

    count: int
    keys_json: str


@dataclass(frozen=True, slots=True)
class Many:
    """How many rows were seen before it was given up, and which was the last, if that is known.

    ``last``: its place in the scan's index, from where the rest can be counted.
    """

    seen: int
    last: tuple[Any, ...] = ()


class Selection:
    """One question over one dataset, inside one open read transaction."""

    def __init__(
        self, db: Database, cache: ReadCache, dataset: Dataset, conditions: Conditions
    ) -> None:
        self.db = db
        self._cache = cache
        self._dataset = dataset
        self._version = rows_version(db, dataset)
        self.indexes = list_present(db, dataset)
        self.conditions = self._simplified(conditions)

    def among(self, conditions: Conditions) -> Selection:
        """The same dataset under other conditions."""
        return Selection(self.db, self._cache, self._dataset, conditions)

    def few(self) -> Few | None:
        """The keys of the rows where they are few, else None."""
        if not self.conditions.clauses and self.conditions.withdrawn is not Withdrawn.ONLY:
            return None
        found = self._few_or_many()
        return found if isinstance(found, Few) else None

    def count(self) -> int:
        """How many rows there are."""
        if not self.conditions.clauses:
            return self.kept("total", self._count_all)
        few = self.few()
        return self.kept("count", self._count) if few is None else few.count

    def source(self, *needed: str) -> tuple[str, list[Any]]:
        """The text after FROM, and its parameters: the table as ``t``, by keys where few.

        ``needed``: the columns that are asked for, beside the key and the conditions' own.
        """
        return self._source(self.conditions, self.few(), *needed)

    def source_by_words(self) -> tuple[str, list[Any]] | None:
        """The same by the index of words, where that leaves few enough to look at; else None."""
        question = self._question()
        if question is None or self._count_by_words(question, FEW_TO_LOOK_AT) >= FEW_TO_LOOK_AT:
            return None
        return self._by_words(), [question]

    def groups(self, column: str) -> Groups:
        """How many rows have one, and the VALUES_KEPT most frequent values with their counts.

        Whatever is asked of the column itself is left aside.
        """
        others = self.conditions.without(column)
        return self._kept(f"groups {column}", others, lambda: self._group(column, others))

    def kept(self, what: str, read: Callable[[], T]) -> T:
        """What ``read`` finds under these conditions, remembered."""
        return self._kept(what, self.conditions, read)

    def _kept(self, what: str, conditions: Conditions, read: Callable[[], T]) -> T:
        key: Hashable = (self._dataset.name, self._version, what, conditions)
        return self._cache.get(key, read)

    def _simplified(self, conditions: Conditions) -> Conditions:
        """Without the conditions that every row meets: "changed since" right after a first load."""
        clauses = tuple(clause for clause in conditions.clauses if not self._is_moot(clause))
        return replace(conditions, clauses=clauses)

    def _is_moot(self, clause: Clause) -> bool:
        index = sort_index(self._dataset, clause.column)
        if not clause.column.endswith("_at") or index not in self.indexes:
            return False
        sql = f"SELECT 1 FROM {self._dataset.table} WHERE {clause.column} < ? LIMIT 1"
        return self.db.execute(sql, clause.values).fetchone() is None

    def _source(
        self, conditions: Conditions, few: Few | None, *needed: str
    ) -> tuple[str, list[Any]]:
        dataset = self._dataset
        if few is not None:
            text = f"json_each(?) AS wanted CROSS JOIN {dataset.table} AS t"
            return f"{text} ON t.{dataset.key} = wanted.value", [few.keys_json]
        return f"{dataset.table} AS t {self._hint(conditions, set(needed))}", []

    def _hint(self, conditions: Conditions, needed: set[str]) -> str:
        """Which index the rows are found by; SQLite has no statistics to tell itself."""
        columns = conditions.columns
        times = [column for column in ("first_seen_at", "updated_at") if column in columns]
        one = next(iter(columns)) if len(columns) == 1 else None
        if conditions.withdrawn is Withdrawn.ONLY:
            wanted = sort_index(self._dataset, "withdrawn_at")
        elif times:
            wanted = sort_index(self._dataset, times[0])
        elif one is not None and needed <= {one} and sort_index(self._dataset, one) in self.indexes:
            wanted = sort_index(self._dataset, one)
        elif conditions.columns | needed <= set(scan_columns(self._dataset)):
            wanted = scan_index(self._dataset)
        else:
            return ""
        return f"INDEXED BY {wanted}" if wanted in self.indexes else ""

    def _few_or_many(self) -> Few | Many:
        return self.kept("few", self._find_few)

    def _find_few(self) -> Few | Many:
        question = self._question()
        if question is not None:
            is_told = self._is_told_by_words()
            limit = FEW_KEYS + 1 if is_told else FEW_TO_LOOK_AT
            found = self._count_by_words(question, limit)
            if found < limit:
                return self._find_few_by_words(question)
            if is_told:
                return Many(found)
        dataset, conditions = self._dataset, self.conditions
        source, values = self._source(conditions, None)
        is_scan = self._is_scan(source)
        columns = ", ".join(self._place() if is_scan else (dataset.key,))
        # The order of the index: nothing is sorted.
        order = f"ORDER BY {columns}" if is_scan else ""
        rows = self.db.execute(
            f"SELECT {columns} FROM {source} WHERE {conditions.sql(table='t')} {order}"
            f" LIMIT {FEW_KEYS + 1}",
            [*values, *conditions.values],
        ).fetchall()
        if len(rows) > FEW_KEYS:
            return Many(len(rows), rows[-1] if is_scan else ())
        return Few(len(rows), json.dumps([row[-1] for row in rows]))

    def _place(self) -> tuple[str, ...]:
        """The columns that make a row's place in the scan's index, the key last."""
        facet = self._dataset.facet
        return (facet, self._dataset.key) if facet else (self._dataset.key,)

    def _is_scan(self, source: str) -> bool:
        """Whether rows come in the order of the scan's index, from its beginning to its end."""
        facet = self._dataset.facet
        by_scan = source.endswith(f"INDEXED BY {scan_index(self._dataset)}")
        return by_scan and facet not in self.conditions.columns

    def _question(self) -> str | None:
        """What the index of words is asked for; None where it cannot help."""
        if self.conditions.withdrawn is not Withdrawn.HIDE:
            return None
        question = word_index.question_of(self.conditions.words)
        if question and word_index.is_of(self.db, self._dataset, self._version):
            return question
        return None

    def _is_told_by_words(self) -> bool:
        """Whether the rows that the index of words has are those that match."""
        conditions = self.conditions
        return conditions.columns == {"search"} and word_index.is_exact(conditions.words)

    def _count_by_words(self, question: str, limit: int | None = None) -> int:
        """How many rows the index of words has, at most ``limit``."""
        index = word_index.index_name(self._dataset)
        sql = f"SELECT count(*) FROM {index} WHERE {index} MATCH ?"
        if limit is not None:
            sql = (
                f"SELECT count(*) FROM (SELECT 1 FROM {index} WHERE {index} MATCH ? LIMIT {limit})"
            )
        return int(self.db.execute(sql, [question]).fetchone()[0])

    def _find_few_by_words(self, question: str) -> Few | Many:
        rows = self.db.execute(
            f"SELECT t.{self._dataset.key} FROM {self._by_words()}"
            f" WHERE {self.conditions.sql(table='t')} LIMIT {FEW_KEYS + 1}",
            [question, *self.conditions.values],
        ).fetchall()
        if len(rows) > FEW_KEYS:
            return Many(len(rows))
        return Few(len(rows), json.dumps([key for (key,) in rows]))

    def _by_words(self) -> str:
        """The text after FROM, with the question as its parameter: the table as ``t``."""
        index, texts = word_index.index_name(self._dataset), word_index.texts_name(self._dataset)
        return (
            f"{index} CROSS JOIN {texts} AS w ON w.id = {index}.rowid AND {index} MATCH ?"
            f" CROSS JOIN {self._dataset.table} AS t ON t.{self._dataset.key} = w.key"
        )

    def _count_all(self) -> int:
        """Without conditions: the rows are counted page by page, those withdrawn by their index."""
        table = self._dataset.table
        withdrawn = f"SELECT count(*) FROM {table} WHERE withdrawn_at > ''"
        everything = f"SELECT count(*) FROM {table}"
        sql = {
            Withdrawn.ONLY: withdrawn,
            Withdrawn.SHOW: everything,
            Withdrawn.HIDE: f"SELECT ({everything}) - ({withdrawn})",
        }[self.conditions.withdrawn]
        return int(self.db.execute(sql).fetchone()[0])

    def _count(self) -> int:
        dataset, conditions = self._dataset, self.conditions
        question = self._question()
        if question is not None and self._is_told_by_words():
            return self._count_by_words(question)
        facet = dataset.facet
        others = conditions.without(facet) if facet else conditions
        if facet and not others.clauses and len(conditions.clauses) == 1:
            counts = dict(self.groups(facet)[1])
            if len(counts) < VALUES_KEPT and conditions.clauses[0].is_choice:
                return sum(counts.get(value, 0) for value in conditions.clauses[0].values)
        source, values = self.source()
        sql = f"SELECT count(*) FROM {source} WHERE {conditions.sql(table='t')}"
        seen, last = 0, tuple[Any, ...]()
        many = self._few_or_many()
        if isinstance(many, Many) and many.last:
            # From where the search for few was given up: no row is looked at twice.
            seen, last = many.seen, many.last
            place, marks = ", ".join(self._place()), ", ".join("?" for _ in last)
            sql += f" AND ({place}) > ({marks})"
        found = self.db.execute(sql, [*values, *conditions.values, *last]).fetchone()
        return seen + int(found[0])

    def _group(self, column: str, conditions: Conditions) -> Groups:
        source, values = self.among(conditions).source(column)
        rows = self.db.execute(
            f"SELECT t.{column}, count(*), sum(count(*)) OVER () FROM {source}"
            f" WHERE {conditions.sql(table='t')} GROUP BY 1 ORDER BY 2 DESC, 1 LIMIT {VALUES_KEPT}",
            [*values, *conditions.values],
        ).fetchall()
        return (rows[0][2] if rows else 0), tuple((value, count) for value, count, _ in rows)


def rows_version(db: Database, dataset: Dataset) -> int:
    """The number of the newest run that changed the dataset's rows; 0 before there is one."""
    row = db.execute(
        "SELECT coalesce(max(id), 0) FROM run WHERE dataset = ? AND rows_after IS NOT NULL",
        [dataset.name],
    ).fetchone()
    return int(row[0])
