"""Charts of the matching rows: counts by value, distributions, and the size over time."""

from __future__ import annotations

import pandas as pd
import streamlit as st

from ecommerce_core.datasets import Column, Dataset, Filter, with_filter
from ecommerce_core.domain import Query
from pages import ui
from pages.dataset import column_charts, view_state
from pages.dataset.view_state import edit
from pages.ui import charts, escape, labels, language
from pages.ui import text as _

BARS, HEIGHT = 15, 300


def show(dataset: Dataset, query: Query) -> None:
    """Show all charts of a dataset, with the active filters applied. Raises StoreError."""
    question = query.without_order()
    with st.grid(2, min_column_width=380, gap="medium") as grid:
        for column in dataset.filtered_by(Filter.CHOICE):
            with grid.cell(), ui.guarded():
                _choices(dataset, column, question)
        for column in dataset.filtered_by(Filter.RANGE):
            with grid.cell(), ui.guarded():
                _spread(dataset, column, question)
        with grid.cell(), ui.guarded():
            _growth(dataset)


def _heading(text: str, more: str) -> None:
    with st.container(gap=None):
        st.markdown(f"**{text}**")
        st.caption(more)


def _choices(dataset: Dataset, column: Column, question: Query) -> None:
    words = language()
    wanted = view_state.current(dataset.name).choices.get(column.name, ())
    found = ui.application().reader.list_values(dataset, column.name, question)
    title = column_charts.values_title(dataset, column)
    _heading(title, _("Click a bar to filter by it; click it again to remove the filter."))
    if not found:
        st.caption(f":material/search_off: {_('No results')}")
        return

    def pick(picked: list[str]) -> None:
        choices = view_state.current(dataset.name).choices
        now = choices.get(column.name, ())
        for name in picked:
            now = tuple(n for n in now if n != name) if name in now else (*now, name)
        edit(dataset.name, choices=with_filter(choices, column.name, now))

    top = found[:BARS]
    column_charts.draw_values(
        top,
        title=title,
        # A picture of another choice is another picture: nothing is picked in it yet.
        key=f"{dataset.name}_{column.address}_{abs(hash(wanted))}",
        height=max(120, 22 * len(top) + 30),
        on_pick=pick,
        chosen=wanted,
    )
    if len(found) > BARS:
        rest = sum(count for _name, count in found[BARS:])
        more = _("{n} more, with {rows} rows together.")
        st.caption(more.format(n=words.number(len(found) - BARS), rows=words.number(rest)))


def _spread(dataset: Dataset, column: Column, question: Query) -> None:
    bins = ui.application().reader.histogram(dataset, column.name, question)
    title = column_charts.spread_title(column)
    if not any(n for _low, _high, n in bins):
        _heading(title, f":material/search_off: {_('No results')}")
        return
    heading = st.container()
    summary = column_charts.draw_spread(column, bins, title=title, height=HEIGHT)
    with heading:
        _heading(title, escape(summary))


def _growth(dataset: Dataset) -> None:
    words, store = language(), ui.application().store
    sizes = store.size_over_time(dataset)
    text = _("Number of {dataset} over time").format(dataset=labels.dataset_label(dataset.name))
    if not sizes:
        _heading(text, _("Not fetched yet."))
        return
    summary = _("from {first} to {last} rows").format(
        first=words.number(sizes[0][1]), last=words.number(sizes[-1][1])
    )
    _heading(text, escape(summary))
    if len(sizes) < 2:
        return
    charts.steps(
        pd.DataFrame(sizes, columns=["at", "value"]),
        label=_("Number of rows"),
        alt=f"{text}, {summary}",
        height=HEIGHT,
    )
