"""A reader's query as SQL: names from the dataset's shape, values as parameters."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from ecommerce_core.domain import Query, Withdrawn
from ecommerce_core.storage.snapshots.shape import Field, Kind, Shape
from ecommerce_core.storage.snapshots.text_search import words_of

# Beyond any integer that is stored, and within the range that DuckDB compares exactly.
_BEYOND_64_BITS = 2**64
# The order in which rows are stored.
AS_STORED = "rowid ASC NULLS LAST"


@dataclass(frozen=True, slots=True)
class Condition:
    """A condition on one column, or on several (``column`` is None)."""

    column: str | None
    sql: str
    values: tuple[Any, ...] = ()


@dataclass(frozen=True, slots=True)
class Where:
    """The text after WHERE, with its parameters."""

    sql: str
    values: list[Any]


def where(shape: Shape, query: Query, *, aside: str | None = None) -> Where:
    """Return the condition on the rows; ``aside`` is a column whose own conditions are left out."""
    kept = [one for one in _conditions(shape, query) if aside is None or one.column != aside]
    return Where(
        " AND ".join(one.sql for one in kept) or "true",
        [value for one in kept for value in one.values],
    )


def order_by(shape: Shape, query: Query, *, is_backwards: bool = False) -> str:
    """Return the text after ORDER BY: a total order, with missing values last."""
    first = shape.find(query.sort)
    then = ((shape.find(name), down) for name, down in query.then_by)
    columns = {field: down for field, down in ((first, query.descending), *then) if field}
    # Rows that are equal are in the key's order.
    columns.setdefault(shape.key, query.descending)
    nulls = "FIRST" if is_backwards else "LAST"
    return ", ".join(
        f"{field.order} {'DESC' if down != is_backwards else 'ASC'} NULLS {nulls}"
        for field, down in columns.items()
    )


def _conditions(shape: Shape, query: Query) -> Iterator[Condition]:
    if query.withdrawn is not Withdrawn.SHOW:
        is_not = "NOT " if query.withdrawn is Withdrawn.ONLY else ""
        yield Condition(None, f"withdrawn_at IS {is_not}NULL")
    for name, values in query.values:
        if (field := shape.find(name)) is not None:
            yield _one_of(field, values)
    for name, low, high in query.ranges:
        field = shape.find(name)
        if field is not None and field.kind in {Kind.INTEGER, Kind.NUMBER}:
            if low is not None:
                yield Condition(name, f"{name} >= ?", (_bound(field, low, math.ceil),))
            if high is not None:
                yield Condition(name, f"{name} <= ?", (_bound(field, high, math.floor),))
    for name, at in query.since:
        field = shape.find(name)
        if field is not None and field.kind is Kind.MOMENT:
            yield Condition(name, f"{name} >= ?", (_as_stored(at),))
    for name, is_there in query.present:
        if (field := shape.find(name)) is not None:
            missing = f"{name} IS NULL" + (f" OR {name} = ''" if field.is_text else "")
            yield Condition(name, f"NOT ({missing})" if is_there else f"({missing})")
    for word in words_of(query.search):
        found = " OR ".join(f"contains({field.folded}, ?)" for field in shape.searched)
        yield Condition(None, f"({found})", (word,) * len(shape.searched))


def _one_of(field: Field, values: tuple[str, ...]) -> Condition:
    if not values:
        return Condition(field.name, "false")
    sound = tuple(value.encode("utf-8", "replace").decode() for value in values)
    text = field.name if field.is_text else f"CAST({field.name} AS VARCHAR)"
    return Condition(field.name, f"{text} IN ({', '.join('?' for _ in sound)})", sound)


def _bound(field: Field, number: float, rounded: Callable[[float], int]) -> float:
    """Return a bound in the column's own type, so that the comparison is exact."""
    if isinstance(number, float) and not math.isfinite(number):
        return number
    if field.kind is Kind.INTEGER:
        return min(max(rounded(number), -_BEYOND_64_BITS), _BEYOND_64_BITS)
    try:
        return float(number)
    except OverflowError:
        return math.inf if number > 0 else -math.inf


def _as_stored(at: datetime) -> datetime:
    """Return a moment as rows have it: UTC, to the millisecond."""
    utc = at.astimezone(UTC).replace(tzinfo=None)
    return utc.replace(microsecond=utc.microsecond // 1000 * 1000)
