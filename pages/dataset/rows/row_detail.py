"""One row beside the table: its fields, the peer's own values, and its history."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, datetime
from pathlib import Path
from urllib.parse import urlencode

import pandas as pd
import streamlit as st

from ecommerce_core.datasets import Column, Dataset, Filter, Row
from ecommerce_core.domain import HistoryEntry
from pages import ui
from pages.dataset.view_state import edit
from pages.ui import address, charts, escape, labels, language
from pages.ui import text as _

CHANGES_SHOWN = 200
TITLE_CHARS = 80
PANEL, WIDTH = "row_panel", 330
# It stays in sight however far down the table the row is; on a phone, at the foot of the screen.
LOOK = f"""<style>
.st-key-{PANEL} {{ position: sticky; top: 4rem; max-height: calc(100vh - 5rem); overflow-y: auto; }}
@media (max-width: 640px) {{
  .st-key-{PANEL} {{
    position: fixed; inset: auto 0 0 0; z-index: 100; width: auto !important; max-height: 45vh;
    background: light-dark(#ffffff, #12191a);
  }}
}}
</style>"""

_keys = st.components.v2.component(
    "ecommerce_row_keys", js=(Path(__file__).parent / "row_keys.js").read_text("utf-8")
)


def show(dataset: Dataset, key: str, keys: Sequence[str]) -> None:
    """Show the row with that key, or a note if there is none. Raises StoreError.

    ``keys`` are the rows of the table, in its order.
    """
    st.html(LOOK)
    with st.container(border=True, key=PANEL, width=WIDTH, gap="small"):
        row = ui.application().reader.find_row(dataset, key)
        with st.container(horizontal=True, vertical_alignment="center", gap="xxsmall", wrap=False):
            title = key if row is None else dataset.title_of(row)
            st.markdown(f"**{escape(title[:TITLE_CHARS])}**")
            _buttons(dataset.name, key, keys)
        if row is None:
            text = _("There is no row {key}, or it is gone.").format(key=escape(key))
            st.caption(f":material/search_off: {text}")
            return
        if key not in keys:
            st.caption(f":material/info: {_('It is not among the rows shown.')}")
        with ui.guarded():
            _body(dataset, row)


def _buttons(name: str, key: str, keys: Sequence[str]) -> None:
    """Show the buttons to the neighbours in the table, and the one that closes the panel."""
    at = keys.index(key) if key in keys else None
    before = keys[at - 1] if at else None
    after = keys[at + 1] if at is not None and at + 1 < len(keys) else None
    for action, label, icon, row in (
        ("previous", _("Previous row"), ":material/keyboard_arrow_up:", before),
        ("next", _("Next row"), ":material/keyboard_arrow_down:", after),
        ("close", _("Close"), ":material/close:", None),
    ):
        st.button(
            icon,
            key=f"{action}_row_{name}",
            help=label,
            type="tertiary",
            disabled=row is None and action != "close",
            on_click=edit,
            args=(name,),
            kwargs={"row": row},
        )
    _keys(key=f"{name}_row_keys", data={"name": name}, height=1)


def _body(dataset: Dataset, row: Row) -> None:
    if row.withdrawn_at is not None:
        st.badge(_("Withdrawn"), icon=":material/block:", color="orange")
    facts = {
        labels.column_label(column): escape(labels.shown(column, getattr(row, column.name)))
        for column in dataset.row_columns
    }
    st.table(facts, border="horizontal", alt=_("Every field of this row"))
    history = ui.application().store.list_history(dataset.name, getattr(row, dataset.key))
    st.markdown(f"**{_('History')}**")
    if not history:
        st.caption(_("Nothing has changed since it was first seen."))
        return
    for column in dataset.filtered_by(Filter.RANGE):
        _line(column, row, [entry for entry in history if entry.field == column.name])
    _changes(dataset, history)


def _line(column: Column, row: Row, history: Sequence[HistoryEntry]) -> None:
    """Show a number over time, or nothing if it never changed."""
    if not history:
        return
    oldest_first = sorted(history, key=lambda entry: entry.at)
    points = [(row.first_seen_at, oldest_first[0].old)]
    points += [(entry.at, entry.new) for entry in oldest_first]
    points.append((datetime.now(UTC), getattr(row, column.name)))
    known = [(at, float(v) / column.scale) for at, v in points if v not in (None, "")]
    charts.steps(
        pd.DataFrame(known, columns=["at", "value"]),
        label=labels.label_with_unit(column),
        alt=_("{what} over time, from {first} to {last}").format(
            what=labels.column_label(column),
            first=labels.shown(column, points[0][1]),
            last=labels.shown(column, points[-1][1]),
        ),
        height=160,
    )


def _changes(dataset: Dataset, history: Sequence[HistoryEntry]) -> None:
    words = language()
    kept = address.language_kept()
    rows = [
        {
            _("When"): escape(words.moment(entry.at)),
            _("Field"): escape(labels.field_label(dataset, entry.field)),
            _("Before"): escape(labels.shown_field(dataset, entry.field, entry.old)),
            _("After"): escape(labels.shown_field(dataset, entry.field, entry.new)),
            _("Run"): f"[{entry.run_id}](activity?{urlencode({'run': entry.run_id, **kept})})",
        }
        for entry in history[:CHANGES_SHOWN]
    ]
    st.table(
        pd.DataFrame(rows), hide_index=True, border="horizontal", alt=_("History, newest first")
    )
