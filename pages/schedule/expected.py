"""Did it run? What the scheduler promised, task by task, and what came of it lately."""

from __future__ import annotations

from collections.abc import Sequence

import streamlit as st

from ecommerce_core.domain import ExpectedCallback, ExpectedOutcome, ExpectedSummary
from pages import ui
from pages.schedule import expected_lately, expected_timeline
from pages.ui import language, sign_and_word
from pages.ui import text as _
from pages.ui.table import Column, show_table


def show() -> None:
    """The summary, the picture and the list."""
    st.header(_("Did it run?"), anchor=False)
    with ui.guarded():
        app = ui.application()
        since = app.monitor.snapshot().era_at
        summary = app.store.expected_summary(noticed_since=since)
        if not summary:
            text = _(
                "No callback of ours has been due yet. From the first one on, each is listed here"
                " as it was promised and as it came."
            )
            st.info(text, icon=":material/event_upcoming:")
            return
        found = app.store.list_expected_callbacks(
            limit=expected_lately.READ_PROMISES, noticed_since=since
        )
        _summary(summary, found)
        expected_lately.show(found)


def _summary(summary: Sequence[ExpectedSummary], found: Sequence[ExpectedCallback]) -> None:
    latest: dict[tuple[str, str], float] = {}
    for promise in found:
        key = (promise.task_name, promise.recurrence)
        if promise.lateness_s:
            latest[key] = max(latest.get(key, 0.0), promise.lateness_s)
    rows = [
        {
            "task": one.task_name,
            "recurrence": language().word(one.recurrence),
            "promised": one.promised,
            **{outcome.value: getattr(one, outcome) for outcome in ExpectedOutcome},
            "lateness": latest.get((one.task_name, one.recurrence)),
        }
        for one in summary
    ]
    sums = [outcome for outcome in expected_timeline.LOOKS if outcome is not ExpectedOutcome.VOID]
    columns = [
        Column("task", label=_("Task")),
        Column("recurrence", label=_("Recurrence")),
        Column("promised", "number", _("Promised")),
        *(Column(name, "number", sign_and_word(name)) for name in sums),
        Column(
            "lateness",
            "duration",
            _("Latest by"),
            help=_("In simulated time. The clock moves once a second, so it is never exactly 0."),
        ),
    ]
    show_table(rows, columns, key="promises_summary", alt=_("Promised callbacks, task by task"))
