"""The active filters: the text of each, and the button that removes it."""

from __future__ import annotations

from datetime import datetime
from typing import Any

import streamlit as st

from ecommerce_core.datasets import (
    NO_FILTERS,
    Column,
    Dataset,
    Kind,
    Range,
    View,
    is_day,
    with_filter,
)
from ecommerce_core.domain import Withdrawn
from pages import ui
from pages.dataset.view_state import edit
from pages.ui import language
from pages.ui import text as _


def named(label: str, value: str) -> str:
    """Return ``Family: TV``, with the space before the colon that French requires."""
    return _("{label}: {value}").format(label=label, value=value)


def age_in_words(age: str) -> str:
    """Return the text for an age such as ``7d``."""
    return language().duration(int(age[:-1]) * (3_600 if age.endswith("h") else 86_400))


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


def list_active(dataset: Dataset, view: View) -> list[tuple[str, dict[str, Any]]]:
    """Return each active filter: its text, and the edit that removes it."""
    words, found = language(), list[tuple[str, dict[str, Any]]]()
    filters = {column.name: _(column.filter_label) for column in dataset.row_columns}
    for column, chosen in view.choices.items():
        for value in chosen:
            left = tuple(other for other in chosen if other != value)
            choices = with_filter(view.choices, column, left)
            found.append((named(filters[column], value), {"choices": choices}))
    for column, ends in view.ranges.items():
        ranges = with_filter(view.ranges, column, None)
        text = range_in_words(filters[column], dataset.column(column), ends)
        found.append((text, {"ranges": ranges}))
    if view.withdrawn is not Withdrawn.HIDE:
        text = _("Including withdrawn") if view.withdrawn is Withdrawn.SHOW else _("Only withdrawn")
        found.append((text, {"withdrawn": Withdrawn.HIDE}))
    for column, since in view.since.items():
        day = words.day(datetime.fromisoformat(since)) if is_day(since) else None
        text = day or age_in_words(since)
        without = with_filter(view.since, column, None)
        found.append((named(filters[column], text), {"since": without}))
    for column, is_there in view.presence.items():
        text = _("With {what}") if is_there else _("Without {what}")
        presence = with_filter(view.presence, column, None)
        found.append((text.format(what=filters[column].lower()), {"presence": presence}))
    return found


def show(dataset: Dataset, view: View) -> None:
    """Show the active filters, each as a button that removes it."""
    found = list_active(dataset, view)
    if not found:
        return
    with st.container(horizontal=True, gap="xsmall", key=f"{dataset.name}_active"):
        for number, (text, without) in enumerate(found):
            st.button(
                ui.escape(text),
                key=f"drop_filter_{dataset.name}_{number}",
                icon=":material/close:",
                icon_position="right",
                help=_("Remove filter"),
                on_click=edit,
                args=(dataset.name,),
                kwargs=without,
            )
        if len(found) > 1:
            st.button(
                _("Clear all filters"),
                key=f"clear_active_{dataset.name}",
                type="tertiary",
                icon=":material/filter_alt_off:",
                on_click=edit,
                args=(dataset.name,),
                kwargs=NO_FILTERS,
            )
