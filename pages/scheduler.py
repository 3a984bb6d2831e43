"""The scheduler: its clock, its tasks, and the form that adds one."""

from datetime import UTC, datetime, timedelta
from functools import partial

import streamlit as st

from ecommerce_core import ui
from ecommerce_core.models import Recurrence
from ecommerce_core.ui import estimate, language, occurrences
from pages import tasks

# A simulated clock may stand anywhere; the input would stop ten years from today.
EARLIEST, LATEST = datetime(1900, 1, 1), datetime(9999, 12, 31, 23, 59)

app = ui.application()
state = st.session_state


def _(message: str) -> str:
    return language().text(message)


def next_moment() -> datetime | None:
    """One simulated hour ahead of the clock, on the minute; None while no clock is known."""
    at = estimate(app.scheduler.reading(), datetime.now(UTC))
    if at is None:
        return None
    return (at + timedelta(hours=1, seconds=59)).replace(second=0, microsecond=0)


def add() -> None:
    dataset = next(d for d in app.datasets.values() if d.task_app == state["task_app"])
    add_task = partial(app.scheduler.add_task, dataset)
    at, recurrence = state["task_time"], Recurrence(state["task_recurrence"])
    done = _("Added: {name} on {moment}, simulated time, {recurrence}. The scheduler has it.")
    tasks.change(partial(add_task, simulated_at=at, recurrence=recurrence), done)


def look_again() -> None:
    app.scheduler.fetch_reading()


@st.fragment(run_every=1.0)
def clock() -> None:
    words, reading, now = language(), app.scheduler.reading(), datetime.now(UTC)
    at, read = estimate(reading, now), reading.clock
    if reading.error is not None:
        known = _("Nothing is known of its clock yet.")
        if reading.read_at is not None:
            known = _("The clock below was read {ago}.").format(ago=words.ago(reading.read_at, now))
        title = _("The scheduler does not answer")
        text = f"{ui.sentence(reading.error)}\n\n{known}"
        st.warning(text, title=title, icon=":material/cloud_off:")
        st.button(
            _("Try again"),
            key="retry_clock",
            icon=":material/refresh:",
            on_click=look_again,
        )
    if at is None or read is None:
        return
    with st.grid(4, min_column_width=150, gap="small"):
        st.metric(_("Simulated date"), words.day(at), border=True)
        st.metric(_("Simulated time"), f"{at:%H:%M:%S}", border=True)
        st.metric(_("Speed"), f"{words.number(read.speed)} ×", border=True)
        st.metric(_("State"), _("Paused") if read.paused else _("Running"), border=True)
    st.caption(f"{words.weekday(at)} · {words.speed(read.speed)}")


def form() -> None:
    words = language()
    labels = {d.task_app: words.word(name).capitalize() for name, d in app.datasets.items()}
    st.header(_("Add a task"), anchor=False)
    st.radio(
        _("Fetch"),
        list(labels),
        key="task_app",
        horizontal=True,
        format_func=lambda task_app: labels[task_app],
    )
    if state.get("task_time") is None:
        state["task_time"] = next_moment()
    at = st.datetime_input(
        _("Date and time (simulated)"),
        min_value=EARLIEST,
        max_value=LATEST,
        key="task_time",
        format="DD/MM/YYYY",
        step=60,
    )
    recurrence = st.selectbox(
        _("Recurrence"), list(Recurrence), key="task_recurrence", format_func=words.word
    )
    if at is not None:
        first, *later = occurrences(at, recurrence or Recurrence.NONE, 3)
        text = _("Fires on {moment}").format(moment=words.simulated(first, seconds=False))
        then = ", ".join(words.simulated(moment, seconds=False) for moment in later)
        st.caption(f"{text}; {_('then {moments} …').format(moments=then)}" if then else f"{text}.")
    with st.container(horizontal=True):
        st.button(
            _("Add a task"),
            key="add_task",
            type="primary",
            icon=":material/add:",
            on_click=add,
            disabled=at is None,
        )
        st.button(
            _("In an hour"),
            key="task_soon",
            icon=":material/update:",
            on_click=lambda: state.update(task_time=next_moment()),
            help=_("Set the time to one simulated hour ahead of the clock."),
        )
    tasks.show_result()


ui.page_frame(_("Scheduler"))
clock()
left, right = st.columns([3, 2], gap="medium")
with right, st.container(border=True):
    form()
with left:
    st.header(_("Tasks"), anchor=False)
    tasks.show_table()
    tasks.delete_buttons()
