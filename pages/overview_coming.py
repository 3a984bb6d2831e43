"""What comes next: the scheduler's clock and the next three callbacks, in both clocks."""

from __future__ import annotations

import streamlit as st

from ecommerce_core import ui
from ecommerce_core.models import Task
from ecommerce_core.ui import EcommerceError, escape, escape_time, language
from pages import tasks

SHOWN = 3


def _(message: str) -> str:
    return language().text(message)


@ui.fragment(run_every_s=1.0)
def show() -> None:
    """It moves by itself. That the scheduler is silent is said elsewhere on the page."""
    words, reading, at = language(), tasks.reading(), tasks.clock_at()
    heading = f"**{_('Next callbacks')}**"
    if reading.clock is not None and at is not None:
        state = _("paused") if reading.clock.paused else f"{words.number(reading.clock.speed)} ×"
        now = _("Now {moment}, simulated · {state}").format(
            moment=escape_time(words.simulated(at)),
            state=state.replace(" ", "\N{NO-BREAK SPACE}"),
        )
        heading = f"{heading}  \n:small[{now}]"
    st.markdown(heading)
    try:
        ours = tasks.list_ours()
    except EcommerceError:
        st.caption(_("Not known while the scheduler does not answer."))
        ours = []
    else:
        if not ours:
            st.caption(_("No task of ours is scheduled."))
    for task in ours[:SHOWN]:
        real = tasks.real_time_until(task, reading)
        st.markdown(f"**{escape(task.name)}** {real}  \n:small[{_when(task)}]")
    st.page_link("scheduler.py", label=_("Open the scheduler"), icon=":material/arrow_forward:")


def _when(task: Task) -> str:
    words = language()
    return _("{moment} simulated · {recurrence}").format(
        moment=words.simulated(task.next_fire_time, seconds=False),
        recurrence=escape(words.word(task.recurrence)),
    )
