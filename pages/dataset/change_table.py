"""The differences between two runs as a table, a page at a time."""

from __future__ import annotations

from decimal import Decimal
from functools import partial
from math import ceil
from typing import Any

import streamlit as st

from ecommerce_core.datasets import Dataset, View, change_query_of
from ecommerce_core.domain import Difference
from pages.dataset import selection, view_state
from pages.dataset.rows import pager
from pages.ui import ChangeView, labels, language
from pages.ui import text as _
from pages.ui.table import TableColumn, show_table


def show(dataset: Dataset, view: View, changes: ChangeView, *, alt: str) -> list[str]:
    """Show one page of the differences. Return the keys of its rows. Raises StoreError."""
    query = change_query_of(view, dataset)
    total = changes.count_entries(query)
    if not total:
        text = _("Nothing of this kind changed between these runs.")
        st.info(text, icon=":material/search_off:")
        return []
    page = min(view.page, ceil(total / view.size))
    found = changes.list_entries(change_query_of(view, dataset, page=page))
    rows = [_cells(dataset, one) for one in found]
    keys, columns = [one.key for one in found], _columns(dataset)
    key = selection.show(
        dataset.name,
        keys,
        [column.name for column in columns],
        opened=view.row,
        table=selection.CHANGES_TABLE,
    )
    hear = partial(
        selection.hear,
        dataset.name,
        key,
        keys,
        drawn_on=view.tab,
        open_row=partial(view_state.open_row, dataset.name, keys),
    )
    show_table(
        rows,
        columns,
        key=key,
        alt=alt,
        height="content",
        on_select=hear,
        selection_mode="single-cell",
    )
    pager.show(dataset, page=page, size=view.size, matching=total, shown=len(found))
    return list(dict.fromkeys(keys))


def _columns(dataset: Dataset) -> list[TableColumn]:
    groups = [
        TableColumn(each.name, label=labels.column_label(each), width=120)
        for each in dataset.groups
    ]
    return [
        TableColumn("kind", "status", _("Kind"), width=100),
        TableColumn("key", label=labels.column_label(dataset.column(dataset.key)), width=90),
        TableColumn("title", label=labels.title_label(dataset), widest=215),
        *groups,
        TableColumn("field", label=_("Field"), width=95),
        TableColumn("old", label=_("Before"), width=110),
        TableColumn("new", label=_("After"), width=110),
        TableColumn("difference", label=_("Difference"), width=95),
        TableColumn("percent", label="%", width=75),
    ]


def _cells(dataset: Dataset, difference: Difference) -> dict[str, Any]:
    column = dataset.find_column(difference.field)
    values = dict(zip((each.name for each in dataset.groups), difference.groups, strict=True))
    return {
        **values,
        "kind": difference.kind.value,
        "key": difference.key,
        "title": difference.title,
        "field": labels.field_label(dataset, difference.field) if difference.field else "",
        "old": labels.shown_change(dataset, difference.field, difference.old),
        "new": labels.shown_change(dataset, difference.field, difference.new),
        "difference": ""
        if difference.difference is None or column is None
        else signed(labels.amount(column, abs(difference.difference)), difference.difference),
        "percent": percent_of(difference),
    }


def percent_of(difference: Difference) -> str:
    """Return a number's change in per cent: ``+12.5 %``; empty if it is unknown."""
    if difference.percent is None:
        return ""
    return signed(
        f"{language().exact(Decimal(f'{abs(difference.percent):.1f}'))} %", difference.percent
    )


def signed(text: str, value: float) -> str:
    """Return a number with its sign, a minus for a decrease."""
    return text if not value else f"{'+' if value > 0 else '−'}{text}"
