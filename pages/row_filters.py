"""The filters, behind one button."""

from __future__ import annotations

from collections.abc import Callable
from datetime import date
from typing import Any

import streamlit as st

from ecommerce_core import ui
from ecommerce_core.address import NO_FILTERS, Shape, View
from ecommerce_core.dataset import Dataset
from ecommerce_core.query import Query, Totals, Withdrawn
from ecommerce_core.ui import language
from pages import drawn, reads, view_state
from pages.active_filters import age_in_words, list_active
from pages.view_state import choose_in, edit, edited_by, show_in

AGES = ("1h", "24h", "7d", "30d")


def _(message: str) -> str:
    return language().text(message)


def show(dataset: Dataset, shape: Shape, query: Query, totals: Totals) -> None:
    """The filters, folded away: what is in them is only read while they are open."""
    view, name = view_state.current(shape.name), shape.name
    count = len(list_active(shape, view))
    # Another label would be another popover, and closed.
    icon = ":material/filter_alt:"
    popover = st.popover(_("Filters"), icon=icon, key=f"{name}_filters", on_change="rerun")
    drawn.note_menu(name, is_open=bool(popover.open))
    if not popover.open:
        return
    with popover, ui.guarded():
        if shape.choice is not None:
            _choice(dataset, shape, view, query)
        _range(dataset, shape, view)
        _withdrawn(shape, view, totals)
        _since(shape, view)
        if shape.presence is not None:
            _presence(shape, view)
        st.button(
            _("Clear all filters"),
            key=f"clear_filters_{name}",
            icon=":material/filter_alt_off:",
            disabled=not count,
            on_click=edit,
            args=(name,),
            kwargs=NO_FILTERS,
        )


def edited_where_seen(name: str, *about: Any, **more: Any) -> Callable[[], None]:
    """As ``edited_by``, where the menu was there to be edited in.

    As it opens, a browser tells its widgets as they were when it closed, however long ago.
    """
    edit_field = edited_by(name, *about, **more)

    def edit_what_is_seen() -> None:
        if drawn.was_menu_there(name):
            edit_field()

    return edit_what_is_seen


def _choice(dataset: Dataset, shape: Shape, view: View, query: Query) -> None:
    column = shape.choice or ""
    question = query.without_order()
    counts = dict(reads.values(dataset, column, question))
    options = [*counts, *(value for value in view.chosen if value not in counts)]
    key = f"{shape.name}_{column}"
    st.multiselect(
        language().word(column),
        options,
        key=choose_in(key, list(view.chosen)),
        format_func=lambda value: f"{value} ({language().number(counts.get(value, 0))})",
        placeholder=_("All ({n})").format(n=language().number(len(counts))),
        on_change=edited_where_seen(shape.name, key, "chosen", tuple, options=options),
    )


def _range(dataset: Dataset, shape: Shape, view: View) -> None:
    store = ui.application().store
    bounds = reads.kept(
        dataset, lambda: store.bounds(dataset, shape.range_column), "bounds", shape.range_column
    )
    labels = _("{column} from"), _("{column} to")
    with st.container(horizontal=True):
        for label, field, bound in zip(labels, ("low", "high"), bounds, strict=True):
            key = f"{shape.name}_{shape.range_name}_{field}"
            hint = None if bound is None else language().points(bound / shape.range_scale)
            st.number_input(
                label.format(column=_range_label(shape)),
                value=None,
                step=1.0,
                format="%.10g",
                key=show_in(key, getattr(view, field)),
                placeholder=hint,
                width=150,
                on_change=edited_where_seen(shape.name, key, field),
            )


def _range_label(shape: Shape) -> str:
    word = language().word(shape.range_column)
    return f"{word} (€)" if shape.range_column.endswith("_cents") else word


def _withdrawn(shape: Shape, view: View, totals: Totals) -> None:
    key = f"{shape.name}_withdrawn"
    labels = {
        Withdrawn.HIDE: _("Hide"),
        Withdrawn.SHOW: _("Show too"),
        Withdrawn.ONLY: _("Only those"),
    }
    st.radio(
        _("Withdrawn ({n})").format(n=language().number(totals.withdrawn)),
        list(labels),
        key=choose_in(key, view.withdrawn),
        horizontal=True,
        format_func=lambda option: labels[option],
        help=_("Rows that the peer no longer lists. They are kept, and come back with it."),
        on_change=edited_where_seen(shape.name, key, "withdrawn", options=labels),
    )


def _since(shape: Shape, view: View) -> None:
    """An age out of a few, or a day: two inputs for one field, each empty where the other holds."""
    for field, label in (("new", _("New since")), ("changed", _("Changed since"))):
        since: str = getattr(view, field)
        age_key, day_key = f"{shape.name}_{field}_age", f"{shape.name}_{field}_day"
        with st.container(horizontal=True, vertical_alignment="bottom"):
            # What an address asks for need not be among the usual ones.
            ages = AGES if since in AGES or not since[-1:].isalpha() else (*AGES, since)
            st.selectbox(
                label,
                ages,
                index=None,
                key=choose_in(age_key, since if since in ages else None),
                format_func=age_in_words,
                placeholder=_("Any time"),
                width=150,
                on_change=edited_where_seen(
                    shape.name, age_key, field, lambda age: age or "", options=ages
                ),
            )
            day = date.fromisoformat(since) if since.count("-") == 2 else None
            st.date_input(
                _("{label} (day)").format(label=label),
                value=None,
                key=show_in(day_key, day),
                min_value=date(1970, 1, 1),
                max_value=date(9999, 12, 31),
                format="DD/MM/YYYY",
                label_visibility="collapsed",
                width=150,
                on_change=edited_where_seen(
                    shape.name, day_key, field, lambda day: "" if day is None else str(day)
                ),
            )


def _presence(shape: Shape, view: View) -> None:
    key = f"{shape.name}_{shape.presence}"
    options = {"all": None, "yes": True, "no": False}
    labels = {"all": _("All"), "yes": _("Has one"), "no": _("Has none")}
    st.radio(
        language().word(shape.presence or ""),
        list(labels),
        key=choose_in(key, next(o for o, present in options.items() if present is view.present)),
        horizontal=True,
        format_func=lambda option: labels[option],
        on_change=edited_where_seen(shape.name, key, "present", options.get, options=options),
    )
