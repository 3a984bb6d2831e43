"""Expected callbacks and their outcomes, task by task."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime

import streamlit as st

from ecommerce_core.domain import N_, ExpectedCallback, ExpectedOutcome, ExpectedSummary
from pages import ui
from pages.schedule import expected_lately, expected_timeline
from pages.ui import language
from pages.ui import text as _
from pages.ui.table import TableColumn, show_table

ERAS = {"now": N_("Since the clock was set back"), "all": N_("All")}


def show() -> None:
    """Show the summary, the chart and the list."""
    st.header(_("Expected callbacks"), anchor=False)
    with ui.guarded():
        app = ui.application()
        # A scheduler that was restarted or reset has lost its tasks; the journal keeps them.
        every = app.store.expected_summary()
        if not every:
            text = _(
                "Nothing has been due yet. Once a task is due, you will see here when it was"
                " expected and when it arrived."
            )
            st.info(text, icon=":material/event_upcoming:")
            return
        since = app.monitor.snapshot().era_at
        summary = app.store.expected_summary(noticed_since=since)
        if summary != every:
            since = _choose_era(since, has_now=bool(summary))
            summary = every if since is None else summary
        found = app.store.list_expected_callbacks(
            limit=expected_lately.READ_CALLBACKS, noticed_since=since
        )
        _summary(summary, found)
        expected_lately.show(found)


def _choose_era(since: datetime | None, *, has_now: bool) -> datetime | None:
    """Show the callbacks since the clock was set back, or all. None means all."""
    if not has_now:
        moment = "–" if since is None else ui.escape_time(language().moment(since))
        text = _("Nothing has been due since the clock was set back on {moment}; this is before.")
        st.caption(f":material/history: {text.format(moment=moment)}")
        return None
    eras = {name: _(text) for name, text in ERAS.items()}
    era = st.radio(
        _("Show"),
        list(ERAS),
        key=ui.choice("expected_era", ERAS, "now"),
        horizontal=True,
        format_func=eras.__getitem__,
    )
    return None if era == "all" else since


def _summary(summary: Sequence[ExpectedSummary], found: Sequence[ExpectedCallback]) -> None:
    latest: dict[tuple[str, str], float] = {}
    for callback in found:
        key = (callback.task_name, callback.recurrence)
        if callback.lateness_s:
            latest[key] = max(latest.get(key, 0.0), callback.lateness_s)
    rows = [
        {
            "task": one.task_name,
            "recurrence": language().word(one.recurrence),
            "expected": one.expected,
            **{outcome.value: getattr(one, outcome) for outcome in ExpectedOutcome},
            "lateness": latest.get((one.task_name, one.recurrence)),
        }
        for one in summary
    ]
    sums = [
        outcome
        for outcome in expected_timeline.OUTCOMES
        if outcome is not ExpectedOutcome.CANCELLED
    ]
    columns = [
        TableColumn("task", label=_("Task")),
        TableColumn("recurrence", label=_("Recurrence")),
        TableColumn("expected", "number", _("Expected")),
        *(TableColumn(name, "number", language().word(name).capitalize()) for name in sums),
        TableColumn(
            "lateness",
            "duration",
            _("Longest delay"),
            help=_("In simulated time. The clock moves once a second, so it is never exactly 0."),
        ),
    ]
    show_table(rows, columns, key="expected_summary", alt=_("Expected callbacks, task by task"))
