"""The scheduler's clock and the next three callbacks, in both clocks."""

from __future__ import annotations

import streamlit as st

from ecommerce_core.domain import Task
from pages.ui import EcommerceError, language, tasks
from pages.ui import text as _
from pages.ui.live import live_text

SHOWN = 3


def show() -> None:
    """Show the card; it moves in the browser. The page reports a silent scheduler elsewhere."""
    words, reading, at = language(), tasks.reading(), tasks.clock_at()
    label = f"**{_('Next callbacks')}**"
    st.page_link("scheduler.py", label=label, icon=":material/schedule:")
    if reading.clock is not None and at is not None:
        state = _("paused") if reading.clock.paused else f"{words.number(reading.clock.speed)} ×"
        now = live_text.filled(
            _("Now {moment}, simulated · {state}"),
            moment=live_text.clock(),
            state=state.replace(" ", "\N{NO-BREAK SPACE}"),
        )
        live_text.show("coming_now", now, look="caption")
    try:
        ours = [task for task in tasks.list_ours() if task.next_fire_time is not None]
    except EcommerceError:
        st.caption(_("Unknown while the scheduler does not answer."))
        ours = []
    else:
        if not ours:
            st.caption(_("No tasks scheduled."))
    for number, task in enumerate(ours[:SHOWN]):
        name = [live_text.text(task.name, bold=True), live_text.text(" ")]
        line = [
            *name,
            live_text.until(task.next_fire_time),
            live_text.text(f"\n{_when(task)}"),
        ]
        live_text.show(f"coming_{number}", line)


def _when(task: Task) -> str:
    words = language()
    return _("{moment} simulated · {recurrence}").format(
        moment=tasks.moment_of(task, seconds=False),
        recurrence=words.word(task.recurrence),
    )
