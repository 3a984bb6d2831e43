"""Who did what, beyond runs: filters, the table, and the same as a file."""

from __future__ import annotations

from typing import Any

import streamlit as st

from ecommerce_core.domain import AuditAction, AuditEntry
from pages import ui
from pages.runs import pager
from pages.ui import address_choice, language
from pages.ui import text as _
from pages.ui.table import TableColumn, show_table

FILTERS = ("audit_action", "audit_actor")
FORMATS = {"csv": "CSV", "json": "JSON"}


def show() -> None:
    """The filters, the table and the links. Raises StoreError."""
    store = ui.application().store
    if not store.list_audit(limit=1):
        text = _("Nothing yet: changes of tasks and clock, exports and sign-ins are listed here.")
        st.caption(f":material/policy: {text}")
        return
    with st.container(horizontal=True, vertical_alignment="bottom", gap="small"):
        filters = _filters()
        for file_format, name in FORMATS.items():
            st.link_button(
                name,
                ui.link_to_audit(file_format, {k: v for k, v in filters.items() if v is not None}),
                key=f"audit_{file_format}",
                icon=":material/download:",
            )
    found = store.list_audit(
        limit=pager.PAGE_SIZE, before_id=pager.before("audit", filters), **filters
    )
    if not found:
        st.caption(f":material/search_off: {_('No results')}")
        st.button(
            _("Show everything"),
            key="all_audit",
            icon=":material/filter_alt_off:",
            on_click=address_choice.forget,
            args=FILTERS,
        )
        return
    _table(found)
    pager.show("audit", [one.id for one in found], filters, label=_("Show older entries"))


def _filters() -> dict[str, Any]:
    """The filters above the table, as arguments of ``list_audit``."""
    with st.grid(2, min_column_width=150, gap="small", width=410):
        return {
            "action": address_choice.choose(
                _("What"),
                list(AuditAction),
                name="audit_action",
                key=FILTERS[0],
                shown=language().word,
            ),
            "actor": address_choice.choose(
                _("Who"),
                ui.application().store.list_auditors(),
                name="audit_actor",
                key=FILTERS[1],
                shown=str,
            ),
        }


def _table(entries: list[AuditEntry]) -> None:
    words = language()
    rows = [
        {
            "at": entry.at,
            "action": words.word(entry.action),
            "actor": entry.actor or "–",
            "subject": words.word(entry.subject),
            "details": _details(entry),
        }
        for entry in entries
    ]
    columns = [
        TableColumn("at", "moment", _("Time ({zone})").format(zone=words.place)),
        TableColumn("action", label=_("What"), width=190),
        TableColumn("actor", label=_("Who"), width=160),
        TableColumn("subject", label=_("Object"), width=160),
        TableColumn("details", label=_("Details"), width=260),
    ]
    show_table(rows, columns, key="audit_table", alt=_("Audit, newest first"))


def _details(entry: AuditEntry) -> str:
    """The numbers of an entry: ``rows 1,200 · bytes 48,121``."""
    words = language()
    parts = [
        f"{words.word(name)} {words.number(value) if isinstance(value, int | float) else value}"
        for name, value in entry.details.items()
        if value is not None
    ]
    return " · ".join(parts)
