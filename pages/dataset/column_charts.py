"""The charts of one column: the number of rows with each value, and the distribution of numbers."""

from __future__ import annotations

from collections.abc import Callable, Collection, Sequence

import pandas as pd

from ecommerce_core.datasets import Column, Dataset
from pages.dataset.rows.filter_words import named
from pages.ui import charts, labels, language
from pages.ui import text as _

Values = Sequence[tuple[str, int]]
Bins = Sequence[tuple[float, float, int]]


def values_title(dataset: Dataset, column: Column) -> str:
    """Return ``Products by family``."""
    return _("{what} by {column}").format(
        what=labels.dataset_title(dataset.name), column=labels.column_label(column).lower()
    )


def spread_title(column: Column) -> str:
    """Return ``Distribution: price``."""
    return _("Distribution of {column}").format(column=labels.column_label(column).lower())


def draw_values(
    found: Values,
    *,
    title: str,
    key: str,
    height: charts.Height,
    on_pick: Callable[[list[str]], None],
    chosen: Collection[str] = (),
) -> None:
    """Draw a bar for each value; a click calls ``on_pick`` with the values that were clicked.

    ``chosen`` are the values of a filter, all if there are none.
    """
    words = language()
    names = [name for name, _count in found]
    said = [named(name, words.number(count)) for name, count in found]
    frame = pd.DataFrame(
        {
            "name": names,
            "count": [count for _name, count in found],
            "said": said,
            "chosen": [not chosen or name in chosen for name in names],
        }
    )
    alt = named(title, ", ".join(said[:8]))
    charts.bars(frame, alt=alt, height=height, key=key, on_pick=on_pick)


def draw_spread(column: Column, bins: Bins, *, title: str, height: charts.Height) -> str:
    """Draw the distribution of numbers; return it as a sentence, which screen readers get."""
    words = language()
    ends = [(labels.amount(column, low), labels.amount(column, high)) for low, high, _n in bins]
    counts = [n for _low, _high, n in bins]
    said = [
        named(f"{low}–{high}", words.number(n)) for (low, high), n in zip(ends, counts, strict=True)
    ]
    peak = counts.index(max(counts))
    text = _("{n} rows from {low} to {high}; most ({count}) between {from_peak} and {to_peak}")
    summary = text.format(
        n=words.number(sum(counts)),
        low=ends[0][0],
        high=ends[-1][1],
        count=words.number(counts[peak]),
        from_peak=ends[peak][0],
        to_peak=ends[peak][1],
    )
    frame = pd.DataFrame(
        {
            "low": [low / column.scale for low, _high, _n in bins],
            "high": [high / column.scale for _low, high, _n in bins],
            "count": counts,
            "said": said,
        }
    )
    label = labels.label_with_unit(column)
    charts.histogram(frame, label=label, alt=named(title, summary), height=height)
    return summary
