"""The outcomes of recent expected callbacks: a chart, and the same as a table."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime, timedelta

import streamlit as st

from ecommerce_core.domain import N_, ExpectedCallback, ExpectedOutcome
from pages import ui
from pages.schedule import expected_timeline
from pages.ui import language, segments, tasks
from pages.ui import text as _
from pages.ui.table import TableColumn, show_table

# In a simulated week, minute by minute, there are more than a chart can show.
READ_CALLBACKS = 3_000
LISTED_CALLBACKS = 200
WINDOWS = {
    "hour": (timedelta(hours=1), N_("Last hour")),
    "day": (timedelta(days=1), N_("Last day")),
    "week": (timedelta(weeks=1), N_("Last week")),
}


def show(found: Sequence[ExpectedCallback]) -> None:
    """Show chart and list of a window that ends at the clock, or with the last callback."""
    words = language()
    windows = {name: _(text) for name, (_length, text) in WINDOWS.items()}
    key = ui.choice("expected_window", WINDOWS, "day")
    chosen = segments.show(_("Simulated time shown"), windows, key=key)
    last_at, clock_at = max(one.simulated_last_at for one in found), tasks.clock_at()
    # A clock that was set back shows an earlier time than before.
    until = last_at if clock_at is None else max(last_at, clock_at)
    try:
        since = until - WINDOWS[chosen or "day"][0]
    except OverflowError:
        since = datetime.min
    shown = [one for one in found if since <= one.simulated_last_at and one.simulated_at <= until]
    if not shown:
        st.caption(f":material/search_off: {_('Nothing was due in this period.')}")
        return
    said = _in_words(shown)
    expected_timeline.show(shown, since, until, now=clock_at, alt=said)
    st.caption(said)
    if len(found) == READ_CALLBACKS and found[-1] in shown:
        text = _("Showing the newest {n}.")
        st.caption(text.format(n=words.number(READ_CALLBACKS)))
    with st.expander(_("Show as table"), icon=":material/table_rows:"):
        _table(shown[:LISTED_CALLBACKS])
        if len(shown) > LISTED_CALLBACKS:
            text = _("The newest {n} of {total}.")
            st.caption(
                text.format(n=words.number(LISTED_CALLBACKS), total=words.number(len(shown)))
            )


def _in_words(shown: Sequence[ExpectedCallback]) -> str:
    """Return the chart in one line: ``24 expected: 23 on time, 1 missed``."""
    words = language()
    counts = {
        outcome: sum(one.count for one in shown if one.outcome is outcome)
        for outcome in expected_timeline.OUTCOMES
    }
    cancelled = counts.pop(ExpectedOutcome.CANCELLED)
    parts = [f"{words.number(n)} {words.word(name)}" for name, n in counts.items() if n]
    total = words.number(sum(counts.values()))
    said = _("{n} expected: {parts}").format(n=total, parts=", ".join(parts) or "–")
    if not cancelled:
        return said
    return f"{said} · {words.number(cancelled)} {words.word(ExpectedOutcome.CANCELLED)}"


def _table(shown: Sequence[ExpectedCallback]) -> None:
    rows = [
        {
            "due": callback.simulated_at,
            "task": callback.task_name,
            "recurrence": language().word(callback.recurrence),
            "count": callback.count,
            "outcome": callback.outcome.value,
            "lateness": callback.lateness_s or None,
            "duration": callback.duration_s,
            "received": callback.received_at,
            "reason": language().fact(callback.reason),
        }
        for callback in shown
    ]
    columns = [
        TableColumn("due", "simulated", _("Due (simulated)")),
        TableColumn("task", label=_("Task")),
        TableColumn("recurrence", label=_("Recurrence")),
        TableColumn("count", "number", _("Count")),
        TableColumn("outcome", "status", _("Outcome")),
        TableColumn("lateness", "duration", _("Late by (simulated)")),
        TableColumn("duration", "duration", _("Duration")),
        TableColumn("received", "moment", _("Received ({zone})").format(zone=language().place)),
        TableColumn("reason", label=_("Reason")),
    ]
    show_table(rows, columns, key="expected_table", alt=_("Expected callbacks, newest first"))
