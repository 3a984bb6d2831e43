"""One line that answers whether everything is all right, made of all alerts."""

from __future__ import annotations

import streamlit as st

from ecommerce_core.domain import Action, SchedulerState, Severity, StoreError
from pages import ui
from pages.ui import escape, language, status
from pages.ui import text as _
from pages.ui.labels import dataset_label

SHOWN = 2


def show() -> None:
    """Show the line."""
    found = ui.alerts(at_least=Severity.INFO)
    if found:
        words = language()
        count = words.plural("{count} alert", "{count} alerts", len(found))
        parts = [ui.title_of(alert, escape) for alert in found[:SHOWN]]
        if len(found) > SHOWN:
            parts.append(_("and {n} more").format(n=words.number(len(found) - SHOWN)))
        _line(status.pill(found[0].severity, count), " · ".join(parts))
        return
    if ui.application().monitor.snapshot().state is SchedulerState.UNKNOWN:
        _line(status.pill("unknown", _("Not known yet")), "")
        return
    try:
        missing = _missing()
    except StoreError:  # the page says why below
        _line(status.pill("unknown", _("Not known yet")), "")
        return
    if missing:
        _line(status.pill("unknown", _("Not complete")), missing)
    else:
        text = _("Every dataset is fetched, and no alert is open.")
        _line(status.pill("well", _("All is well")), text)


def _missing() -> str:
    """Return which datasets were never fetched, or were cleared. Raises StoreError."""
    store, parts = ui.application().store, []
    for name in ui.application().datasets:
        last = store.last_run(name)
        if last is not None and last.action is Action.CLEAR:
            parts.append(_("Cleared: {dataset}").format(dataset=dataset_label(name)))
        elif store.last_good_run(name) is None:
            parts.append(_("Not fetched yet: {dataset}").format(dataset=dataset_label(name)))
    return " · ".join(parts)


def _line(pill: str, text: str) -> None:
    st.markdown(f"{pill} {text}".strip(), width="content")
