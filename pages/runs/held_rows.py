"""The rows that a held answer would change, before somebody decides about it."""

from __future__ import annotations

from math import ceil

import streamlit as st

from ecommerce_core.datasets import Dataset
from ecommerce_core.domain import ChangeKind, ChangeQuery, Run
from pages import ui
from pages.runs import run_summary
from pages.ui import ChangeView, labels, language, segments
from pages.ui import text as _
from pages.ui.table import TableColumn, show_table

ROWS_PER_PAGE = 25


def show(run: Run, *, key: str) -> None:
    """Show them behind one line with their numbers: they are only worked out while it is open."""
    dataset = ui.application().datasets.get(run.dataset)
    if dataset is None:
        return
    title = _("Review the rows: {summary}").format(summary=run_summary.summary(run))
    part = st.expander(title, key=key, icon=":material/rule:", on_change="rerun")
    if not part.open:
        return
    with part, ui.guarded(), ui.application().changes.held(dataset, run.id) as changes:
        counts = changes.count_rows(ChangeQuery())
        kind = _kind({kind: n for kind, n in counts.items() if n}, key=f"{key}_kind")
        if kind is None:
            st.caption(_("No row would change."))
            return
        _table(dataset, changes, kind, key=key)
        st.link_button(
            _("All of them as CSV"),
            ui.link_to_held(dataset, run.id, "csv"),
            key=f"{key}_csv",
            icon=":material/download:",
        )


def _kind(counts: dict[ChangeKind, int], *, key: str) -> ChangeKind | None:
    """Show a choice among the kinds of changes that there are, and return the chosen one."""
    said = {
        ChangeKind.WITHDRAWN: _("Would be withdrawn"),
        ChangeKind.ADDED: _("Would be added"),
        ChangeKind.RETURNED: _("Would return"),
        ChangeKind.UPDATED: _("Would change"),
    }
    kinds = [kind for kind in said if kind in counts]
    if not kinds:
        return None
    texts = {kind: f"{said[kind]} ({language().number(counts[kind])})" for kind in kinds}
    chosen: ChangeKind | None = segments.show(_("Kind"), texts, key=ui.choice(key, kinds, kinds[0]))
    return chosen


def _table(dataset: Dataset, changes: ChangeView, kind: ChangeKind, *, key: str) -> None:
    total = changes.count_entries(ChangeQuery(kind=kind))
    # A key for each kind: the pages of another are others.
    page_key = f"{key}_page_{kind}"
    pages = ceil(total / ROWS_PER_PAGE)
    page = min(int(st.session_state.get(page_key) or 1), pages)
    found = changes.list_entries(ChangeQuery(kind=kind, page=page, page_size=ROWS_PER_PAGE))
    columns = [
        TableColumn("key", label=labels.column_label(dataset.column(dataset.key)), width=110),
        TableColumn("title", label=labels.title_label(dataset), widest=260),
        *(TableColumn(each.name, label=labels.column_label(each)) for each in dataset.groups),
    ]
    if any(one.field for one in found):
        columns += [
            TableColumn("field", label=_("Field"), width=120),
            TableColumn("old", label=_("Before"), width=160),
            TableColumn("new", label=_("After"), width=160),
        ]
    rows = [
        {
            **dict(zip((each.name for each in dataset.groups), one.groups, strict=True)),
            "key": one.key,
            "title": one.title,
            "field": labels.field_label(dataset, one.field) if one.field else "",
            "old": labels.shown_change(dataset, one.field, one.old),
            "new": labels.shown_change(dataset, one.field, one.new),
        }
        for one in found
    ]
    alt = _("The rows that the held answer would change")
    show_table(rows, columns, key=f"{key}_table", alt=alt, height="content")
    if pages > 1:
        st.pagination(pages, key=page_key)
