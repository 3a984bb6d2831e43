"""Which rows a question selects, found in the cheapest way, and remembered while it holds.

Few rows are remembered by their keys, so that every further page, order, count and picture
of them costs nothing of the table's size. For many, an index in the wanted order is walked.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Hashable
from dataclasses import dataclass
from typing import Any, TypeVar

from ecommerce_core.dataset import Dataset
from ecommerce_core.indexes import list_present, scan_columns, scan_index, sort_index
from ecommerce_core.models import Withdrawn
from ecommerce_core.read_cache import ReadCache
from ecommerce_core.row_filters import Clause, Conditions
from ecommerce_core.transactions import Database

# So many keys are found again and sorted in a few milliseconds.
FEW_KEYS = 2_000
VALUES_KEPT = 200

T = TypeVar("T")
Groups = tuple[int, tuple[tuple[Any, int], ...]]


@dataclass(frozen=True, slots=True)
class Few:
    """The keys of a few rows, as a JSON list."""

    count: int
    keys_json: str


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

    def few(self) -> Few | None:
        """The keys of the rows where they are few, else None."""
        if not self.conditions.clauses and self.conditions.withdrawn is not Withdrawn.ONLY:
            return None
        return self.kept("few", lambda: self._find_few(self.conditions))

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
        return Conditions(conditions.withdrawn, clauses)

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

    def _find_few(self, conditions: Conditions) -> Few | None:
        source, values = self._source(conditions, None)
        rows = self.db.execute(
            f"SELECT {self._dataset.key} FROM {source} WHERE {conditions.sql(table='t')}"
            f" LIMIT {FEW_KEYS + 1}",
            [*values, *conditions.values],
        ).fetchall()
        if len(rows) > FEW_KEYS:
            return None
        return Few(len(rows), json.dumps([key for (key,) in rows]))

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
        facet = dataset.facet
        others = conditions.without(facet) if facet else conditions
        if facet and others == conditions and conditions.is_covered(dataset):
            # The counts per value are wanted next to the count, and hold it.
            return self.groups(facet)[0]
        if facet and not others.clauses and len(conditions.clauses) == 1:
            counts = dict(self.groups(facet)[1])
            if len(counts) < VALUES_KEPT and conditions.clauses[0].is_choice:
                return sum(counts.get(value, 0) for value in conditions.clauses[0].values)
        source, values = self.source()
        sql = f"SELECT count(*) FROM {source} WHERE {conditions.sql(table='t')}"
        return int(self.db.execute(sql, [*values, *conditions.values]).fetchone()[0])

    def _group(self, column: str, conditions: Conditions) -> Groups:
        everything = Selection(self.db, self._cache, self._dataset, conditions)
        source, values = everything.source(column)
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
