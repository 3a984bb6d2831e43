"""The warning on every page while a recurring callback of ours is missed."""

from __future__ import annotations

from datetime import datetime

import streamlit as st

from ecommerce_core.domain import Alert, AlertCode, AuditAction, make_fact
from pages import ui
from pages.runs import run_requests
from pages.ui import escape, escape_time, language
from pages.ui import text as _
from pages.ui.labels import dataset_label

SHOWN = 3


def show(*, with_link: bool) -> None:
    """Show the warning, or nothing if no callback is missed."""
    seen: set[int] = st.session_state.setdefault("_missed_seen", set())
    missed = [
        alert
        for alert in ui.alerts()
        if alert.code is AlertCode.CALLBACKS_MISSED and alert.details["expected"] not in seen
    ]
    if not missed:
        return
    words = language()
    lines = [f"- {_line(alert)}" for alert in missed[-SHOWN:]]
    if len(missed) > SHOWN:
        lines.append(f"- {_('and {n} more').format(n=words.number(len(missed) - SHOWN))}")
    title = words.plural(
        "{count} recurring task was missed", "{count} recurring tasks were missed", len(missed)
    )
    st.warning("\n".join(lines), title=title, icon=":material/event_busy:")
    with st.container(horizontal=True, vertical_alignment="center", gap="small"):
        if ui.may_change():
            for name in dict.fromkeys(name for alert in missed for name in alert.datasets):
                _fetch_button(name)
        st.button(
            _("Dismiss"),
            key="missed_seen",
            icon=":material/visibility_off:",
            help=_("Hides this notice for you until another task is missed."),
            on_click=_dismiss,
            args=(missed,),
        )
        if with_link:
            label = _("See expected callbacks")
            st.page_link("scheduler.py", label=label, icon=":material/arrow_forward:")


def _dismiss(alerts: list[Alert]) -> None:
    """Callback: hide these here, and note who did."""
    app, seen = ui.application(), st.session_state["_missed_seen"]
    seen.update(int(alert.details["expected"] or 0) for alert in alerts)
    for alert in alerts:
        app.audit_log.record(
            AuditAction.ALERT_DISMISSED,
            by=ui.actor(),
            subject=str(alert.details["task"]),
            code=alert.code,
        )


def _fetch_button(name: str) -> None:
    """Show a button that fetches what the task would have fetched."""
    text = _("Fetch {dataset}").format(dataset=dataset_label(name))
    key = f"fetch_missed_{name}"
    st.button(text, key=key, icon=":material/sync:", on_click=run_requests.fetch, args=(name,))


def _line(alert: Alert) -> str:
    words, details = language(), alert.details
    text = _("**{name}**, {recurrence}: was due on {moment} (simulated) but never arrived.")
    line = text.format(
        name=escape(str(details["task"])),
        recurrence=escape(words.word(str(details["recurrence"]))),
        moment=escape_time(words.simulated(datetime.fromisoformat(str(details["due_at"])))),
    )
    reason = details["reason"]
    return f"{line} {ui.sentence(make_fact(str(reason)))}." if reason else line
