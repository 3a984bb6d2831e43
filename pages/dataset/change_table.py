"""The differences between two runs as a table, a page at a time."""

from __future__ import annotations

from math import ceil

import streamlit as st

from ecommerce_core.datasets import Dataset, View
from ecommerce_core.domain import ChangeKind
from pages import ui
from pages.dataset.rows import pager
from pages.ui import labels
from pages.ui import text as _
from pages.ui.table import Column, show_table


def show(dataset: Dataset, view: View, runs: tuple[int, int], total: int) -> None:
    """One page of them. Raises StoreError."""
    if not total:
        text = _("Nothing of this kind changed between these runs.")
        st.info(text, icon=":material/search_off:")
        return
    kind = None if view.kind is None else ChangeKind(view.kind)
    page = min(view.page, ceil(total / view.size))
    found = ui.application().comparison.compare_runs(
        dataset, *runs, kind=kind, search=view.search, page=page, page_size=view.size
    )
    kinds = {
        ChangeKind.ADDED: f"+ {_('added')}",
        ChangeKind.WITHDRAWN: f"− {_('withdrawn')}",
        ChangeKind.UPDATED: f"~ {_('changed')}",
    }
    rows = [
        {
            "key": difference.key,
            "kind": kinds[difference.kind],
            "field": labels.field_label(dataset, difference.field) if difference.field else "",
            "old": _value(dataset, difference.field, difference.old),
            "new": _value(dataset, difference.field, difference.new),
        }
        for difference in found
    ]
    columns = [
        Column("key", label=labels.column_label(dataset.column(dataset.key)), width=180),
        Column("kind", label=_("Kind"), width=120),
        Column("field", label=_("Field"), width=150),
        Column("old", label=_("Before"), width=260),
        Column("new", label=_("After"), width=260),
    ]
    alt = _("What changed from run {first} to run {last}").format(first=runs[0], last=runs[1])
    show_table(rows, columns, key=f"{dataset.name}_differences", alt=alt, height="content")
    pager.show(dataset, page=page, size=view.size, matching=total, shown=len(found))


def _value(dataset: Dataset, field: str | None, value: object) -> str:
    return labels.shown_field(dataset, field, value) if field else ""
