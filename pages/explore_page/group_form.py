"""A query without SQL: the table, the columns to group by, and the measure of each group."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import partial
from typing import Any

import streamlit as st

from ecommerce_core.datasets import Kind
from pages.dataset.view_state import choose_in
from pages.explore_page import question
from pages.explore_page.question import Question
from pages.explore_page.schema import label, title
from pages.ui import address, exploring
from pages.ui import text as _
from pages.ui.exploring import Measure, Table

state = st.session_state


def show(asked: Question) -> None:
    """Show the choices, and the SQL that they result in."""
    table = exploring.tables()[asked.table]
    with st.grid(4, min_column_width=170, gap="small"):
        _choose(_("Rows of"), list(exploring.tables()), asked.table, "table", _table_label)
        groups = exploring.groupable(table)
        shown = partial(group_label, table)
        _choose(_("Group by"), groups, asked.by[0], "by", shown, edit=_first_group)
        others = [name for name in groups if name != asked.by[0]]
        second = asked.by[1] if len(asked.by) > 1 else None
        _choose(_("and by"), others, second, "by2", shown, edit=_second_group)
        measured = measures(table)
        _choose(
            _("Show"),
            list(measured),
            f"{asked.measure}.{asked.of}" if asked.of else asked.measure,
            "measure",
            measured.__getitem__,
            edit=_measure,
        )


def measures(table: Table) -> dict[str, str]:
    """Return the measures of a group, by ``measure.column``, with their names."""
    names = {
        Measure.SUM: _("Sum: {column}"),
        Measure.AVERAGE: _("Average: {column}"),
        Measure.MEDIAN: _("Median: {column}"),
        Measure.LEAST: _("Minimum: {column}"),
        Measure.MOST: _("Maximum: {column}"),
    }
    found = {Measure.ROWS.value: _("Number of rows")}
    for column in exploring.measurable(table):
        for measure, text in names.items():
            found[f"{measure.value}.{column.field}"] = text.format(column=label(column))
    return found


def group_label(table: Table, name: str) -> str:
    """Return the name of a group: ``Family``, ``First seen, by month``."""
    field, _dot, part = name.partition(".")
    column = table.find(field)
    word = name if column is None else label(column)
    if column is None or column.kind is not Kind.MOMENT:
        return word
    texts = {
        "day": _("{column}, by day"),
        "week": _("{column}, by week"),
        "month": _("{column}, by month"),
    }
    return texts[part].format(column=word)


def headings(asked: Question) -> list[str]:
    """Return the headings of the answer's columns."""
    table = exploring.tables()[asked.table]
    measure = f"{asked.measure}.{asked.of}" if asked.of else asked.measure
    return [*(group_label(table, name) for name in asked.by), measures(table)[measure]]


def _table_label(name: str) -> str:
    table = exploring.tables()[name]
    if table.dataset is None:
        return {"runs": _("Runs"), "changes": _("Changes")}.get(name, name)
    if not table.with_withdrawn:
        return title(table.dataset)
    return _("{what}, withdrawn ones too").format(what=title(table.dataset))


def _choose(
    text: str,
    options: Sequence[str],
    value: str | None,
    name: str,
    shown: Callable[[str], str],
    *,
    edit: Callable[[Any], None] | None = None,
) -> None:
    key = f"explore_{name}"

    def changed() -> None:
        chosen = state.get(key)
        if address.accept(key, chosen) and (chosen is None or chosen in options):
            if edit is not None:
                edit(chosen)
            elif chosen is not None:
                question.edit(**{name: chosen})

    st.selectbox(
        text,
        options,
        index=None if name == "by2" else 0,
        key=choose_in(key, value),
        format_func=shown,
        placeholder=_("nothing else") if name == "by2" else None,
        on_change=changed,
    )


def _first_group(chosen: str | None) -> None:
    if chosen is not None:
        rest = [name for name in question.current().by[1:] if name != chosen]
        question.edit(by=(chosen, *rest))


def _second_group(chosen: str | None) -> None:
    first = question.current().by[0]
    question.edit(by=(first,) if chosen is None else (first, chosen))


def _measure(chosen: str | None) -> None:
    if chosen is not None:
        measure, _dot, of = chosen.partition(".")
        question.edit(measure=measure, of=of)
