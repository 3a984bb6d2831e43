"""Filters and order of the differences, and totals of rows by family and field."""

from __future__ import annotations

from functools import partial

import streamlit as st

from ecommerce_core.datasets import Column, Dataset, View, change_query_of, with_filter
from pages.dataset import column_charts, view_state
from pages.dataset.view_state import choose_in, edit, edited_by, show_in
from pages.ui import ChangeView, labels
from pages.ui import text as _

TOTALS_HEIGHT = 220


def show(dataset: Dataset, view: View) -> None:
    """Show the choice of the changed field, and of the order."""
    name = dataset.name
    fields = {each.name: labels.column_label(each) for each in dataset.columns[1:]}
    field_key = f"{name}_changed_field"
    st.selectbox(
        _("Field"),
        list(fields),
        index=None,
        key=choose_in(field_key, view.changed_field if view.changed_field in fields else None),
        format_func=lambda field: fields[field],
        placeholder=_("Any field"),
        width=170,
        label_visibility="collapsed",
        on_change=edited_by(name, field_key, "changed_field", options=fields),
    )
    sort_key, down_key = f"{name}_change_sort", f"{name}_change_descending"
    sorts = _sorts(dataset)
    st.selectbox(
        _("Sort by"),
        list(sorts),
        key=choose_in(sort_key, view.change_sort or "kind"),
        format_func=lambda sort: _("Sort: {column}").format(column=sorts[sort]),
        width=200,
        label_visibility="collapsed",
        on_change=edited_by(name, sort_key, "change_sort", options=sorts),
    )
    st.toggle(
        _("Descending"),
        key=show_in(down_key, view.change_descending),
        on_change=edited_by(name, down_key, "change_descending"),
    )


def show_totals(dataset: Dataset, view: View, changes: ChangeView) -> None:
    """Show how many rows changed by family and by field; a click on a bar filters by it."""
    totals = st.expander(
        _("Totals"), icon=":material/bar_chart:", key=f"{dataset.name}_totals", on_change="rerun"
    )
    if not totals.open:
        return
    query = change_query_of(view, dataset)
    with totals, st.grid(2, min_column_width=300, gap="small"):
        for column in dataset.groups:
            found = [(value or "–", n) for value, n in changes.totals(query, column.name)]
            with st.container():
                title = column_charts.values_title(dataset, column)
                st.markdown(f"**{title}**")
                column_charts.draw_values(
                    found,
                    title=title,
                    key=f"{dataset.name}_totals_{column.address}",
                    height=TOTALS_HEIGHT,
                    on_pick=partial(_pick, dataset, column),
                    chosen=view.choices.get(column.name, ()),
                )
        fields = {each.name: labels.column_label(each) for each in dataset.row_columns}
        found = [(fields.get(name, name), n) for name, n in changes.totals(query, "field") if name]
        with st.container():
            title = _("{what} by {column}").format(
                what=labels.dataset_title(dataset.name), column=_("Field").lower()
            )
            st.markdown(f"**{title}**")
            names = {label: name for name, label in fields.items()}
            column_charts.draw_values(
                found,
                title=title,
                key=f"{dataset.name}_totals_field",
                height=TOTALS_HEIGHT,
                on_pick=partial(_pick_field, dataset.name, names),
                chosen=[fields[view.changed_field]] if view.changed_field in fields else (),
            )


def _pick(dataset: Dataset, column: Column, values: list[str]) -> None:
    view = view_state.current(dataset.name)
    edit(dataset.name, choices=with_filter(view.choices, column.name, tuple(values)))


def _pick_field(name: str, names: dict[str, str], labels_picked: list[str]) -> None:
    edit(name, changed_field=names[labels_picked[0]] if labels_picked else None)


def _sorts(dataset: Dataset) -> dict[str, str]:
    """Return the labels of the sorts."""
    return {
        "kind": _("Kind"),
        "key": labels.column_label(dataset.column(dataset.key)),
        "title": labels.title_label(dataset),
        **{each.name: labels.column_label(each) for each in dataset.groups},
        "field": _("Field"),
        "difference": _("Difference"),
        "percent": "%",
    }
