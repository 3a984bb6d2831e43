"""The columns of the table and their order, and the order of the rows, behind one button."""

from __future__ import annotations

from functools import partial
from typing import Any

import streamlit as st

from ecommerce_core.datasets import Column, Dataset, View, columns_of, differs_in_columns
from pages.dataset import view_state
from pages.dataset.rows.filter_widgets import edited_where_seen
from pages.dataset.view_state import choose_in, edit, edited_by, show_in
from pages.ui import labels
from pages.ui import text as _


def show(dataset: Dataset, view: View) -> None:
    """Show the menu: each column with buttons that hide, show and move it, then the order."""
    name = dataset.name
    icon = ":material/view_column:"
    popover = st.popover(_("Columns"), icon=icon, key=f"{name}_columns", on_change="rerun")
    st.session_state[f"_{name}_columns_were_open"] = bool(popover.open)
    if not popover.open:
        return
    with popover, st.container(gap="xsmall"):  # so that the order is in sight on a laptop, too
        shown = columns_of(view, dataset)
        fields = [column.field for column in shown]
        with st.container(gap=None):
            for at, column in enumerate(shown):
                _shown(name, column, at, fields)
            for column in dataset.row_columns:
                if column not in shown:
                    _button(name, "show", column, [*fields, column.field])
        st.button(
            _("Usual columns"),
            key=f"{name}_columns_reset",
            icon=":material/restart_alt:",
            disabled=not differs_in_columns(view, dataset),
            on_click=edit,
            args=(name,),
            kwargs={"columns": ()},
        )
        edited = partial(edited_where_seen, menu="columns")
        with st.container(horizontal=True, vertical_alignment="center"):
            order(dataset, view, edited)
        with st.container(horizontal=True, vertical_alignment="center"):
            _then_by(dataset, view, edited)


def _shown(name: str, column: Column, at: int, fields: list[str]) -> None:
    with st.container(horizontal=True, vertical_alignment="center", gap=None, wrap=False):
        others = [field for field in fields if field != column.field]
        _button(name, "hide", column, others)
        st.space("stretch")
        for action, label, icon, to in (
            ("left", _("Further left"), ":material/arrow_upward:", at - 1),
            ("right", _("Further right"), ":material/arrow_downward:", at + 1),
        ):
            st.button(
                icon,
                key=f"{name}_{action}_{column.address}",
                help=label,
                type="tertiary",
                disabled=not 0 <= to < len(fields),
                on_click=edit,
                args=(name,),
                kwargs={"columns": (*others[:to], column.field, *others[to:])},
            )


def _button(name: str, action: str, column: Column, fields: list[str]) -> None:
    """Show the button that makes ``fields`` the columns; the last one of a table stays."""
    hides = action == "hide"
    st.button(
        labels.column_label(column),
        key=f"{name}_{action}_{column.address}",
        icon=":material/check_box:" if hides else ":material/check_box_outline_blank:",
        help=_("Hide this column") if hides else _("Show this column"),
        type="tertiary",
        disabled=not fields,
        on_click=edit,
        args=(name,),
        kwargs={"columns": tuple(fields)},
    )


def order(dataset: Dataset, view: View, edited: Any = edited_by) -> None:
    """Show the choice of the order of rows. ``edited`` makes the callback of a widget."""
    sort_key, down_key = f"{dataset.name}_sort", f"{dataset.name}_descending"
    columns = {column.name: labels.column_label(column) for column in dataset.sortable}
    st.selectbox(
        _("Sort by"),
        list(columns),
        key=choose_in(sort_key, view.sort or dataset.default_sort),
        format_func=lambda column: _("Sort: {column}").format(column=columns[column]),
        width=190,
        label_visibility="collapsed",
        on_change=edited(dataset.name, sort_key, "sort", options=columns),
    )
    st.toggle(
        _("Descending"),
        key=show_in(down_key, view.descending),
        on_change=edited(dataset.name, down_key, "descending"),
    )


def _then_by(dataset: Dataset, view: View, edited: Any) -> None:
    """Show the choice of the column that sorts rows that are equal in the first one."""
    name, first = dataset.name, view.sort or dataset.default_sort
    columns = {c.name: labels.column_label(c) for c in dataset.sortable if c.name != first}
    column, descends = view.then_by[0] if view.then_by else (None, False)
    column_key, down_key = f"{name}_then_by", f"{name}_then_descending"
    st.selectbox(
        _("Then by"),
        list(columns),
        index=None,
        key=choose_in(column_key, column),
        format_func=lambda column: _("Then by: {column}").format(column=columns[column]),
        placeholder=_("Then by"),
        width=220,
        label_visibility="collapsed",
        on_change=edited(
            name,
            column_key,
            "then_by",
            lambda column: () if column is None else ((column, descends),),
            options=columns,
        ),
    )
    st.toggle(
        _("Descending"),
        key=show_in(down_key, descends),
        disabled=column is None,
        on_change=edited(
            name,
            down_key,
            "then_by",
            lambda turned: ((view_state.current(name).then_by[0][0], turned),) if column else (),
        ),
    )
