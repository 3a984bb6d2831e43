"""The form that adds a task: when it would fire in both clocks, and what speaks against it."""

from __future__ import annotations

from contextlib import suppress
from datetime import UTC, datetime
from functools import partial

import pandas as pd
import streamlit as st

from ecommerce_core import ui
from ecommerce_core.models import ClockReading, Recurrence, Task
from ecommerce_core.ui import EcommerceError, language, occurrences
from pages import dialogs, task_checks, tasks

SHOWN_OCCURRENCES = 5

state = st.session_state


def _(message: str) -> str:
    return language().text(message)


@ui.fragment(run_every_s=2.0)
def show() -> None:
    """The form; what it says of the real time is kept up to date."""
    reading = tasks.reading()
    st.header(_("Add a task"), anchor=False)
    at, recurrence = _inputs(reading)
    dataset = next(d for d in ui.application().datasets.values() if d.task_app == state["task_app"])
    refusal = None if at is None else task_checks.refusal(at, reading)
    if refusal is not None:
        st.error(refusal, icon=":material/event_busy:")
    elif at is not None:
        _preview(at, recurrence, reading)
        with ui.guarded():
            # What was just added is there, of course.
            is_new = not _is_stored(dataset.task_name, at, recurrence)
            for text in task_checks.warnings(dataset, at, recurrence, reading) if is_new else ():
                st.warning(text, icon=":material/warning:")
    with st.container(horizontal=True):
        add = st.button(
            _("Add a task"),
            key="add_task",
            type="primary",
            icon=":material/add:",
            disabled=at is None,
        )
        st.button(
            _("Next good moment"),
            key="task_soon",
            icon=":material/update:",
            on_click=_suggest,
            help=_("An hour ahead of the clock, or half a minute of ours if that is more."),
        )
    if add and at is not None:
        add_task = partial(ui.application().steering.add_task, dataset, actor=ui.actor())
        done = _("Stored by the scheduler: {name} on {moment}, simulated time, {recurrence}.")
        with st.spinner(_("Asking the scheduler…")):
            tasks.change("form", partial(add_task, simulated_at=at, recurrence=recurrence), done)
        st.rerun()
    tasks.show_result("form")
    _undo()


def _suggest() -> None:
    state["task_time"] = state["_task_time_suggested"] = task_checks.next_moment(tasks.reading())


def _inputs(reading: ClockReading) -> tuple[datetime | None, Recurrence]:
    words, app = language(), ui.application()
    labels = {d.task_app: words.word(name).capitalize() for name, d in app.datasets.items()}
    st.radio(
        _("Fetch"),
        list(labels),
        key=ui.choice("task_app", labels, next(iter(labels))),
        horizontal=True,
        format_func=lambda task_app: labels[task_app],
    )
    at: datetime | None = state.get("task_time")
    # The clock overtakes what nobody has chosen.
    is_ours = at is None or at == state.get("_task_time_suggested")
    if is_ours and (at is None or task_checks.refusal(at, reading) is not None):
        _suggest()
    chosen = st.datetime_input(
        _("Date and time (simulated)"),
        min_value=task_checks.EARLIEST,
        max_value=task_checks.LATEST,
        key="task_time",
        format="DD/MM/YYYY",
        step=60,
    )
    recurrence = st.selectbox(
        _("Recurrence"),
        list(Recurrence),
        key=ui.choice("task_recurrence", list(Recurrence), Recurrence.NONE),
        format_func=words.word,
    )
    return chosen, Recurrence(recurrence or Recurrence.NONE)


def _preview(at: datetime, recurrence: Recurrence, reading: ClockReading) -> None:
    """When it would fire, in both clocks."""
    words, now = language(), datetime.now(UTC)
    moments = occurrences(at, recurrence, SHOWN_OCCURRENCES)
    real = []
    for moment in moments:
        delay = tasks.delay_to(moment, reading)
        said = tasks.real_time_to(moment, reading)
        with suppress(OverflowError):  # beyond our own calendar
            said = said if delay is None else f"{words.local(now + delay)} ({said})"
        real.append(said)
    simulated = _("It fires at (simulated)")
    in_real_time = _("In real time ({zone})").format(zone=words.place)
    frame = pd.DataFrame(
        {simulated: [words.simulated(m, seconds=False) for m in moments], in_real_time: real}
    )
    st.table(frame, hide_index=True, alt=_("The next times that this task fires, in both clocks"))


def _is_stored(name: str, at: datetime, recurrence: Recurrence) -> bool:
    """True where this is what was added last."""
    result = tasks.result("form")
    stored = None if result is None else result.value
    return isinstance(stored, Task) and (name, at, recurrence) == (
        stored.name,
        stored.next_fire_time,
        stored.recurrence,
    )


def _undo() -> None:
    """Takes back what was added, saying what goes with it: the scheduler deletes by name."""
    result = tasks.result("form")
    stored = None if result is None else result.value
    if not isinstance(stored, Task):
        return
    try:
        same_name = [task for task in tasks.list_ours() if task.name == stored.name]
    except EcommerceError:
        return  # the list says why
    is_there = any(
        task.recurrence == stored.recurrence and task.next_fire_time >= stored.next_fire_time
        for task in same_name
    )
    if not is_there:
        return
    count, name = len(same_name), ui.escape(stored.name)
    if count > 1:
        text = language().plural(
            "Taking it back takes {count} other entry of this name with it.",
            "Taking it back takes {count} other entries of this name with it.",
            count - 1,
        )
        st.caption(f":material/info: {text}")
        if st.button(
            _("Undo: delete {name} ({count})…").format(name=name, count=count),
            key="undo_add_task",
            icon=":material/undo:",
        ):
            dialogs.ask("delete", stored.name)
        return
    if st.button(_("Undo"), key="undo_add_task", icon=":material/undo:"):
        app = ui.application()
        delete = partial(app.steering.delete_tasks, actor=ui.actor())
        act = partial(delete, stored.name, source=app.settings.app_name)
        with st.spinner(_("Asking the scheduler…")):
            tasks.change("form", act, _("Taken back: {count} entry deleted."))
        st.rerun()
