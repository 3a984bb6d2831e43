"""A reader's question as SQL: names out of the dataset's own list, values as parameters."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, replace
from typing import Any

from ecommerce_core.dataset import Dataset
from ecommerce_core.folding import pattern_of, words_of
from ecommerce_core.indexes import TIMES, scan_columns, sortable_columns
from ecommerce_core.query import Query, Withdrawn
from ecommerce_core.transactions import to_text

_LARGEST_INTEGER = 2**63 - 1
_LIKE = "{} LIKE ? ESCAPE '\\'"
_PRESENT = {True: "{} <> ''", False: "coalesce({}, '') = ''"}


@dataclass(frozen=True, slots=True)
class Clause:
    """One condition over one column. ``values`` are its parameters: a choice's are the values."""

    column: str
    sql: str
    values: tuple[Any, ...] = ()
    is_choice: bool = False


@dataclass(frozen=True, slots=True)
class Conditions:
    """What a row must meet, apart from order and page. Hashable: a key for what is cached."""

    withdrawn: Withdrawn
    clauses: tuple[Clause, ...] = ()
    # What the clauses over the searched text look for, folded.
    words: tuple[str, ...] = ()

    @property
    def columns(self) -> set[str]:
        """The columns that are asked about."""
        return {clause.column for clause in self.clauses}

    def without(self, column: str) -> Conditions:
        """The same without what is asked of one column."""
        kept = tuple(c for c in self.clauses if c.column != column)
        return replace(self, clauses=kept, words=() if column == "search" else self.words)

    def sql(self, *, table: str = "") -> str:
        """The text after WHERE."""
        prefix = f"{table}." if table else ""
        parts = [clause.sql.format(prefix + clause.column) for clause in self._all()]
        return " AND ".join(parts) or "1"

    @property
    def values(self) -> list[Any]:
        """The parameters of the text after WHERE."""
        return [value for clause in self._all() for value in clause.values]

    def is_covered(self, dataset: Dataset) -> bool:
        """Whether the scan's index knows all that is asked."""
        return self.columns <= set(scan_columns(dataset))

    def _all(self) -> Iterator[Clause]:
        if self.withdrawn is Withdrawn.HIDE:
            yield Clause("withdrawn_at", "{} IS NULL")
        elif self.withdrawn is Withdrawn.ONLY:
            # Not IS NOT NULL: SQLite looks a range up in an index.
            yield Clause("withdrawn_at", "{} > ''")
        yield from self.clauses


def conditions_of(dataset: Dataset, query: Query) -> Conditions:
    """What a query asks for. A name that is no column of the dataset is left out."""
    known = set(sortable_columns(dataset))
    words = tuple(words_of(query.search))
    clauses = [
        *(_one_of(column, values) for column, values in query.values if column in known),
        *_ranges(query, known),
        *(_since(column, to_text(at)) for column, at in query.since if column in TIMES),
        *(Clause(column, _PRESENT[there]) for column, there in query.present if column in known),
        *(Clause("search", _LIKE, (pattern_of(word),)) for word in words),
    ]
    return Conditions(query.withdrawn, tuple(clauses), words)


def _one_of(column: str, values: Iterable[str]) -> Clause:
    sound = tuple(dict.fromkeys(v.encode("utf-8", "replace").decode() for v in values))
    if not sound:
        return Clause(column, "{0} IS NULL AND {0} IS NOT NULL")
    marks = ", ".join("?" for _ in sound)
    sql = "{} = ?" if len(sound) == 1 else f"{{}} IN ({marks})"
    return Clause(column, sql, sound, is_choice=True)


def _ranges(query: Query, known: set[str]) -> Iterator[Clause]:
    for column, low, high in query.ranges:
        if column in known and column not in TIMES:
            if low is not None:
                yield Clause(column, "{} >= ?", (_storable(low),))
            if high is not None:
                yield Clause(column, "{} <= ?", (_storable(high),))


def _storable(number: float) -> float:
    """The number as SQLite takes it: an int beyond 64 bits would be an error."""
    return float(number) if abs(number) > _LARGEST_INTEGER else number


def _since(column: str, at: str | None) -> Clause:
    return Clause(column, "{} >= ?", (at,))
