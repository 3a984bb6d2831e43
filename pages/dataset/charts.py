"""The rows that match as pictures: what there is of each kind, how it spreads, how it has grown."""

from __future__ import annotations

import pandas as pd
import streamlit as st

from ecommerce_core.datasets import Column, Dataset, Filter, Kind, with_filter
from ecommerce_core.domain import Query
from pages import ui
from pages.dataset import reads, view_state
from pages.dataset.rows.active_filters import named
from pages.dataset.view_state import edit
from pages.ui import charts, escape, language
from pages.ui import text as _

BARS, HEIGHT = 15, 300


def show(dataset: Dataset, query: Query) -> None:
    """All pictures of a dataset, under the filters that hold. Raises StoreError."""
    question = query.without_order()
    with st.grid(2, min_column_width=380, gap="medium") as grid:
        for column in dataset.filtered_by(Filter.CHOICE):
            with grid.cell(), ui.guarded():
                _choices(dataset, column.name, question)
        for column in dataset.filtered_by(Filter.RANGE):
            with grid.cell(), ui.guarded():
                _spread(dataset, column, question)
        with grid.cell(), ui.guarded():
            _growth(dataset)


def _heading(text: str, more: str) -> None:
    st.markdown(f"**{text}**")
    st.caption(more)


def _choices(dataset: Dataset, column: str, question: Query) -> None:
    words = language()
    wanted = view_state.current(dataset.name).choices.get(column, ())
    found = reads.values(dataset, column, question)
    text = _("{what} by {column}").format(
        what=words.word(dataset.name).capitalize(), column=words.word(column).lower()
    )
    _heading(text, _("Click a bar to filter by it, click it again to take the filter away."))
    if not found:
        st.caption(f":material/search_off: {_('Nothing matches')}")
        return
    top = found[:BARS]
    names = [name for name, _count in top]
    said = [named(name, words.number(count)) for name, count in top]
    chosen = [not wanted or name in wanted for name in names]
    frame = pd.DataFrame(
        {"name": names, "count": [n for _name, n in top], "said": said, "chosen": chosen}
    )
    # A picture of another choice is another picture: nothing is picked in it yet.
    key = f"{dataset.name}_{column}_{abs(hash(wanted))}"

    def pick() -> None:
        picked = st.session_state[key]["selection"].get("picked") or []
        choices = view_state.current(dataset.name).choices
        now = choices.get(column, ())
        for name in (point["name"] for point in picked if "name" in point):
            now = tuple(n for n in now if n != name) if name in now else (*now, name)
        edit(dataset.name, choices=with_filter(choices, column, now))

    alt = named(text, ", ".join(said[:5]))
    charts.bars(frame, alt=alt, height=max(120, 22 * len(top) + 30), key=key, on_pick=pick)
    if len(found) > BARS:
        rest = sum(count for _name, count in found[BARS:])
        more = _("{n} more, with {rows} rows together.")
        st.caption(more.format(n=words.number(len(found) - BARS), rows=words.number(rest)))


def _spread(dataset: Dataset, column: Column, question: Query) -> None:
    words = language()
    bins = reads.histogram(dataset, column.name, question)
    is_money = column.kind is Kind.MONEY
    word = words.word(column.name)
    text = _("Distribution: {column}").format(column=word.lower())
    counted = sum(n for _low, _high, n in bins)
    if not counted:
        _heading(text, f":material/search_off: {_('Nothing matches')}")
        return
    shown = words.money if is_money else words.points
    said = [named(f"{shown(low)}–{shown(high)}", words.number(n)) for low, high, n in bins]
    most = max(range(len(bins)), key=lambda index: bins[index][2])
    summary = _("{n} rows from {low} to {high}; most in {peak}").format(
        n=words.number(counted), low=shown(bins[0][0]), high=shown(bins[-1][1]), peak=said[most]
    )
    _heading(text, escape(summary))
    scale = column.scale
    frame = pd.DataFrame(
        {
            "low": [low / scale for low, _high, _n in bins],
            "high": [high / scale for _low, high, _n in bins],
            "count": [n for _low, _high, n in bins],
            "said": said,
        }
    )
    label = word + (" (€)" if is_money else "")
    charts.histogram(frame, label=label, alt=named(text, summary), height=HEIGHT)


def _growth(dataset: Dataset) -> None:
    words, store = language(), ui.application().store
    sizes = store.size_over_time(dataset)
    text = _("Size over time: {dataset}").format(dataset=words.word(dataset.name))
    if not sizes:
        _heading(text, _("Never fetched yet."))
        return
    summary = _("from {first} to {last} rows").format(
        first=words.number(sizes[0][1]), last=words.number(sizes[-1][1])
    )
    _heading(text, escape(summary))
    if len(sizes) < 2:
        return
    charts.steps(
        pd.DataFrame(sizes, columns=["at", "value"]),
        label="",
        alt=f"{text}, {summary}",
        height=HEIGHT,
    )
