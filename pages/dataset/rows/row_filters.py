"""The filters, behind one button."""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping
from datetime import date
from decimal import Decimal
from functools import partial
from typing import Any

import streamlit as st

from ecommerce_core.datasets import (
    NO_FILTERS,
    Column,
    Dataset,
    Filter,
    Range,
    View,
    is_day,
    with_filter,
)
from ecommerce_core.domain import Query, Totals, Withdrawn
from pages import ui
from pages.dataset import view_state
from pages.dataset.rows.active_filters import age_in_words, list_active
from pages.dataset.view_state import choose_in, edit, edited_by, show_in
from pages.ui import labels, language, number_box
from pages.ui import text as _

AGES = ("1h", "24h", "7d", "30d")
# Larger than any number that is stored.
LARGEST = Decimal(10) ** 18


def show(dataset: Dataset, query: Query, totals: Totals) -> None:
    """Show the filters in a popover; their values are only read while it is open."""
    view, name = view_state.current(dataset.name), dataset.name
    count = len(list_active(dataset, view))
    # Another label would make another popover, which would be closed.
    icon = ":material/filter_alt:"
    popover = st.popover(_("Filters"), icon=icon, key=f"{name}_filters", on_change="rerun")
    st.session_state[f"_{name}_filters_were_open"] = bool(popover.open)
    if not popover.open:
        return
    with popover, ui.guarded():
        for column in dataset.filtered_by(Filter.CHOICE):
            _choice(dataset, column, view, query)
        for column in dataset.filtered_by(Filter.RANGE):
            _range(dataset, column, view)
        _withdrawn(dataset, view, totals)
        for column in dataset.filtered_by(Filter.SINCE):
            _since(dataset, column, view)
        for column in dataset.filtered_by(Filter.PRESENCE):
            _presence(dataset, column, view)
        st.button(
            _("Clear all filters"),
            key=f"clear_filters_{name}",
            icon=":material/filter_alt_off:",
            disabled=not count,
            on_click=edit,
            args=(name,),
            kwargs=NO_FILTERS,
        )


def edited_where_seen(
    name: str, *about: Any, menu: str = "filters", **more: Any
) -> Callable[[], None]:
    """Return the callback of ``edited_by`` that does nothing unless its menu was open.

    When the menu opens, a browser sends its widgets' values of when it closed, however long ago.
    """
    edit_field = edited_by(name, *about, **more)

    def edit_what_is_seen() -> None:
        if st.session_state.get(f"_{name}_{menu}_were_open"):
            edit_field()

    return edit_what_is_seen


def filter_edited(
    name: str,
    key: str,
    field: str,
    column: str,
    convert: Callable[[Any], Any] = lambda value: value,
    *,
    options: Collection[object] | None = None,
) -> Callable[[], None]:
    """Return the callback of a widget that edits the filter by one column."""

    def filters(value: Any) -> Mapping[str, Any]:
        return with_filter(getattr(view_state.current(name), field), column, convert(value))

    return edited_where_seen(name, key, field, filters, options=options)


def _choice(dataset: Dataset, column: Column, view: View, query: Query) -> None:
    found = ui.application().reader.list_values(dataset, column.name, query.without_order())
    counts, chosen = dict(found), view.choices.get(column.name, ())
    options = [*counts, *(value for value in chosen if value not in counts)]
    key = f"{dataset.name}_{column.address}"
    st.multiselect(
        _(column.filter_label),
        options,
        key=choose_in(key, list(chosen)),
        format_func=lambda value: f"{value} ({language().number(counts.get(value, 0))})",
        placeholder=_("All ({n})").format(n=language().number(len(counts))),
        on_change=filter_edited(dataset.name, key, "choices", column.name, tuple, options=options),
    )


def _range(dataset: Dataset, column: Column, view: View) -> None:
    bounds = ui.application().reader.bounds(dataset, column.name)
    ends = view.ranges.get(column.name, (None, None))
    said = _("{column} from"), _("{column} to")
    with st.container(horizontal=True):
        for number, (label, field, bound) in enumerate(
            zip(said, ("low", "high"), bounds, strict=True)
        ):
            key = f"{dataset.name}_{column.address}_{field}"
            end = ends[number]
            number_box.show(
                label.format(column=labels.label_with_unit(column)),
                key=show_in(key, number_box.typed(end)),
                placeholder=_bound(bound, column),
                width=150,
                on_change=filter_edited(
                    dataset.name,
                    key,
                    "ranges",
                    column.name,
                    partial(_with_end, dataset.name, column.name, number),
                ),
            )


def _bound(bound: float | None, column: Column) -> str | None:
    """Return the smallest or largest value in the form in which it can be typed."""
    return None if bound is None else number_box.typed(Decimal(repr(bound)) / column.scale)


def _with_end(name: str, column: str, number: int, typed: str | None) -> Range:
    """Return the range with the end that was typed."""
    end = number_box.parse_number(typed)
    if end is not None and abs(end) > LARGEST:
        end = None
    low, high = view_state.current(name).ranges.get(column, (None, None))
    return (low, end) if number else (end, high)


def _withdrawn(dataset: Dataset, view: View, totals: Totals) -> None:
    key = f"{dataset.name}_withdrawn"
    options = {
        Withdrawn.HIDE: _("Hide"),
        Withdrawn.SHOW: _("Include"),
        Withdrawn.ONLY: _("Only"),
    }
    st.radio(
        _("Withdrawn ({n})").format(n=language().number(totals.withdrawn)),
        list(options),
        key=choose_in(key, view.withdrawn),
        horizontal=True,
        format_func=lambda option: options[option],
        help=_(
            "Rows that the source no longer lists. They are kept, and are current "
            "again if it lists them again."
        ),
        on_change=edited_where_seen(dataset.name, key, "withdrawn", options=options),
    )


def _since(dataset: Dataset, column: Column, view: View) -> None:
    """Show a choice of ages and a date input for one filter; one of the two is empty."""
    name, label = dataset.name, _(column.filter_label)
    since = view.since.get(column.name, "")
    age_key, day_key = f"{name}_{column.address}_age", f"{name}_{column.address}_day"
    with st.container(horizontal=True, vertical_alignment="bottom"):
        # An address may contain an age that is not among the usual ones.
        ages = AGES if since in AGES or not since[-1:].isalpha() else (*AGES, since)
        st.selectbox(
            label,
            ages,
            index=None,
            key=choose_in(age_key, since if since in ages else None),
            format_func=age_in_words,
            placeholder=_("Any time"),
            width=150,
            on_change=filter_edited(name, age_key, "since", column.name, options=ages),
        )
        st.date_input(
            _("{label} (day)").format(label=label),
            value=None,
            key=show_in(day_key, date.fromisoformat(since) if is_day(since) else None),
            min_value=date(1970, 1, 1),
            max_value=date(9999, 12, 31),
            format="DD/MM/YYYY",
            label_visibility="collapsed",
            width=150,
            on_change=filter_edited(
                name, day_key, "since", column.name, lambda day: None if day is None else str(day)
            ),
        )


def _presence(dataset: Dataset, column: Column, view: View) -> None:
    key = f"{dataset.name}_{column.address}"
    options = {"all": None, "yes": True, "no": False}
    said = {"all": _("All"), "yes": _("Has one"), "no": _("Has none")}
    present = view.presence.get(column.name)
    st.radio(
        _(column.filter_label),
        list(said),
        key=choose_in(key, next(o for o, is_there in options.items() if is_there is present)),
        horizontal=True,
        format_func=lambda option: said[option],
        on_change=filter_edited(
            dataset.name, key, "presence", column.name, options.get, options=options
        ),
    )
