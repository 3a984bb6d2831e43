"""What came of the promised callbacks lately: a picture, and the same as a table."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime, timedelta

import streamlit as st

from ecommerce_core.domain import N_, ExpectedCallback, ExpectedOutcome
from pages import ui
from pages.schedule import expected_timeline
from pages.ui import language, sign_and_word, tasks
from pages.ui import text as _
from pages.ui.table import Column, show_table

# In a simulated week, minute by minute, there are more than a picture can show.
READ_PROMISES = 3_000
LISTED_PROMISES = 200
WINDOWS = {
    "hour": (timedelta(hours=1), N_("Last hour")),
    "day": (timedelta(days=1), N_("Last day")),
    "week": (timedelta(weeks=1), N_("Last week")),
}


def show(found: Sequence[ExpectedCallback]) -> None:
    """The picture and the list of a window that ends where the clock stands."""
    words = language()
    chosen = st.segmented_control(
        _("Simulated time shown"),
        list(WINDOWS),
        key=ui.choice("promises_window", WINDOWS, "day"),
        default="day",
        required=True,
        format_func=lambda name: _(WINDOWS[name][1]),
    )
    until = tasks.clock_at() or max(promise.simulated_last_at for promise in found)
    try:
        since = until - WINDOWS[chosen or "day"][0]
    except OverflowError:
        since = datetime.min
    shown = [one for one in found if since <= one.simulated_last_at and one.simulated_at <= until]
    if not shown:
        st.caption(f":material/search_off: {_('Nothing was due in this time.')}")
        return
    said = _in_words(shown)
    expected_timeline.show(shown, since, until, alt=said)
    st.caption(said)
    if len(found) == READ_PROMISES and found[-1] in shown:
        text = _("There were more: this is the newest {n}.")
        st.caption(text.format(n=words.number(READ_PROMISES)))
    with st.expander(_("The same as a table"), icon=":material/table_rows:"):
        _table(shown[:LISTED_PROMISES])
        if len(shown) > LISTED_PROMISES:
            text = _("The newest {n} of {total}.")
            st.caption(text.format(n=words.number(LISTED_PROMISES), total=words.number(len(shown))))


def _in_words(shown: Sequence[ExpectedCallback]) -> str:
    """The picture in one line: ``24 promised: 23 on time, 1 missed``."""
    words = language()
    counts = {
        outcome: sum(one.count for one in shown if one.outcome is outcome)
        for outcome in expected_timeline.LOOKS
    }
    void = counts.pop(ExpectedOutcome.VOID)
    parts = [f"{words.number(n)} {words.word(name)}" for name, n in counts.items() if n]
    total = words.number(sum(counts.values()))
    said = _("{n} promised: {parts}").format(n=total, parts=", ".join(parts) or "–")
    return f"{said} · {words.number(void)} {words.word(ExpectedOutcome.VOID)}" if void else said


def _table(shown: Sequence[ExpectedCallback]) -> None:
    rows = [
        {
            "due": promise.simulated_at,
            "task": promise.task_name,
            "recurrence": language().word(promise.recurrence),
            "count": promise.count,
            "outcome": sign_and_word(promise.outcome),
            "lateness": promise.lateness_s or None,
            "duration": promise.duration_s,
            "received": promise.received_at,
            "reason": language().fact(promise.reason),
        }
        for promise in shown
    ]
    columns = [
        Column("due", "simulated", _("Due (simulated)")),
        Column("task", label=_("Task")),
        Column("recurrence", label=_("Recurrence")),
        Column("count", "number", _("Times")),
        Column("outcome", label=_("Outcome")),
        Column("lateness", "duration", _("Late by (simulated)")),
        Column("duration", "duration", _("Duration")),
        Column("received", "moment", _("Received ({zone})").format(zone=language().place)),
        Column("reason", label=_("Reason")),
    ]
    show_table(rows, columns, key="promises_table", alt=_("Promised callbacks, newest first"))
