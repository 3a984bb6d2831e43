"""The words of filters, made from the declaration of their columns."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime
from typing import Any

from ecommerce_core.datasets import (
    Column,
    Dataset,
    Kind,
    Range,
    View,
    is_day,
    is_run,
    run_of,
    with_filter,
)
from pages.ui import labels, language
from pages.ui import text as _


def named(label: str, value: str) -> str:
    """Return ``Family: TV``, with the space before the colon that French requires."""
    return _("{label}: {value}").format(label=label, value=value)


def moment_in_words(said: str) -> str:
    """Return the text for a moment: ``7 days``, a day, or a run."""
    words = language()
    if is_run(said):
        number = run_of(said)
        last = _("the last run that changed something")
        return last if number is None else _("run {id}").format(id=number)
    if is_day(said):
        return words.day(datetime.fromisoformat(said))
    return words.duration(int(said[:-1]) * (3_600 if said.endswith("h") else 86_400))


def range_in_words(label: str, column: Column, ends: Range) -> str:
    """``Price ≥ €500``, ``Price €10–€50``: exactly what was typed, the lower end first."""
    words = language()
    write = words.euros if column.kind is Kind.MONEY else words.exact
    low, high = ends
    if low is None or high is None:
        said = [f"≥ {write(low)}"] if low is not None else []
        said += [f"≤ {write(high)}"] if high is not None else []
        return " ".join([label, *said])
    if low == high:
        return f"{label} = {write(low)}"
    return f"{label} {write(min(low, high))}–{write(max(low, high))}"


Said = tuple[str, dict[str, Any]]


def list_negated(dataset: Dataset, view: View) -> Iterator[Said]:
    """Yield the filters that are the opposite of one, or a part of a text.

    Each with its text, and the edit that removes it.
    """
    for name, chosen in view.excluded.items():
        label = labels.column_label(dataset.column(name))
        for value in chosen:
            left = tuple(other for other in chosen if other != value)
            text = _("{label}: not {value}").format(label=label, value=value)
            yield text, {"excluded": with_filter(view.excluded, name, left)}
    for name, ends in view.outside.items():
        column = dataset.column(name)
        said = range_in_words("", column, ends).strip()
        text = _("{label}: not {value}").format(label=labels.column_label(column), value=said)
        yield text, {"outside": with_filter(view.outside, name, None)}
    for field, filters, template in (
        ("contains", view.contains, _("{label} contains “{value}”")),
        ("lacks", view.lacks, _("{label} does not contain “{value}”")),
    ):
        for name, part in filters.items():
            label = labels.column_label(dataset.column(name))
            yield (
                template.format(label=label, value=part),
                {field: with_filter(filters, name, None)},
            )
    for name, moment in view.until.items():
        label, value = labels.column_label(dataset.column(name)), moment_in_words(moment)
        text = _until(moment).format(label=label, value=value)
        yield text, {"until": with_filter(view.until, name, None)}


def _until(moment: str) -> str:
    """Return the text of a filter by the last moment: a day is included, a run is not."""
    if is_run(moment):
        return _("{label} before {value}")
    return _("{label} until {value}") if is_day(moment) else _("{label} more than {value} ago")
