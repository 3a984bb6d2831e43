"""Rows and differences as CSV, in the form that the reader's language expects.

Commas and a decimal point in English, semicolons and a decimal comma in French, UTF-8 with a BOM:
so Excel opens either by a double click. Texts are guarded as ``formula_guard.py`` says, and
otherwise stay as they are; numbers stay numbers, negative ones too.
"""

from __future__ import annotations

import csv
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import astuple
from datetime import datetime
from functools import lru_cache
from io import TextIOWrapper
from operator import attrgetter
from typing import TYPE_CHECKING, Any, BinaryIO

from ecommerce_core.dataset import Dataset, Row
from ecommerce_core.export_columns import headings_of, in_euros, types_of, without_zone
from ecommerce_core.formula_guard import guard_column, guard_formula
from ecommerce_core.query import Difference

if TYPE_CHECKING:
    from _csv import Writer

# What stands between cells, and the sign before decimals.
_FORMS: Mapping[str, tuple[str, str]] = {"en": (",", "."), "fr": (";", ",")}


def write_csv(
    dataset: Dataset, chunks: Iterable[list[Row]], out: BinaryIO, *, language: str = "en"
) -> None:
    """UTF-8 with a BOM, which tells Excel so; texts are guarded against formulas."""
    _, point = _FORMS[language]
    values_of = attrgetter(*types_of(dataset))
    written = [_column(name, kind, point) for name, kind in types_of(dataset).items()]
    with _lines(out, language) as lines:
        lines.writerow(headings_of(dataset))
        for rows in chunks:
            # Column by column: the type of a value is asked once for all of them.
            columns = zip(*map(values_of, rows), strict=True)
            lines.writerows(
                zip(
                    *(write(column) for write, column in zip(written, columns, strict=False)),
                    strict=True,
                )
            )


def write_changes_csv(chunks: Iterable[list[Difference]], out: BinaryIO, *, language: str) -> None:
    """Differences between two runs as CSV, in the same form."""
    _, point = _FORMS[language]

    def cell(value: str | float | None) -> str | float | None:
        if isinstance(value, str):
            return guard_formula(value)
        return _with_point(value, point) if isinstance(value, float) else value

    with _lines(out, language) as lines:
        lines.writerow(["key", "kind", "field", "old", "new"])
        for found in chunks:
            lines.writerows(map(cell, astuple(difference)) for difference in found)


@contextmanager
def _lines(out: BinaryIO, language: str) -> Iterator[Writer]:
    """What writes lines of CSV into ``out``, which stays open."""
    separator, _ = _FORMS[language]
    text = TextIOWrapper(out, encoding="utf-8-sig", errors="replace", newline="")
    try:
        yield csv.writer(text, delimiter=separator)
    finally:
        text.detach()


def _column(
    name: str, kind: type, point: str
) -> Callable[[tuple[Any, ...]], Iterable[str | int | None]]:
    """How the values of one column become what a CSV file says."""
    if kind is str:
        return guard_column
    if name.endswith("_cents"):
        return lambda values: [in_euros(value, point) for value in values]
    if kind is datetime:
        return lambda values: map(_moment_text, values)
    if kind is float:
        return lambda values: [_with_point(value, point) for value in values]
    return lambda values: values


def _with_point(value: float | None, point: str) -> str | None:
    """A number with this sign before its decimals."""
    return None if value is None else repr(value).replace(".", point)


@lru_cache(4_096)
def _moment_text(moment: datetime | None) -> str | None:
    return None if moment is None else without_zone(moment).isoformat(" ", timespec="milliseconds")
