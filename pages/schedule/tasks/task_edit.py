"""The dialog that changes when a task of ours runs."""

from __future__ import annotations

from datetime import datetime

import streamlit as st

from ecommerce_core.domain import Recurrence, Task
from pages import ui
from pages.schedule.tasks import task_actions, task_checks, task_moment
from pages.ui import dialogs, escape, language, scheduler_change, tasks
from pages.ui import text as _

state = st.session_state


def show() -> None:
    """Ask when the task is to run from now on. Raises PeerError."""
    found = task_actions.asked()
    if not found:  # it has run, or somebody else has changed it
        dialogs.close()
        return
    [task] = found[:1]

    def body() -> None:
        known = task.recurrence if task.recurrence in set(Recurrence) else Recurrence.NONE
        state.setdefault("edit_task_time", _on_the_minute(task))
        state.setdefault("edit_task_recurrence", Recurrence(known))
        at = st.datetime_input(
            _("Date and time (simulated)"),
            min_value=task_moment.EARLIEST,
            max_value=task_moment.LATEST,
            key="edit_task_time",
            format="DD/MM/YYYY",
            step=60,
        )
        st.selectbox(
            _("Recurrence"),
            list(Recurrence),
            key="edit_task_recurrence",
            format_func=language().word,
        )
        refusal = None if at is None else task_checks.refusal(at, tasks.reading())
        if refusal is not None:
            st.error(refusal, icon=":material/event_busy:")
        st.caption(_("The task as it is stays until the scheduler lists the new one."))
        dialogs.confirm(_("Save"), "edit_task", ":material/save:", lambda: _save(task))

    dialogs.show(_("Edit {name}").format(name=escape(tasks.short(task.name))), body)


def _on_the_minute(task: Task) -> datetime | None:
    at = task.next_fire_time
    return None if at is None else at.replace(second=0)


def _save(task: Task) -> None:
    at: datetime | None = state.get("edit_task_time")
    if at is None:
        return
    recurrence = Recurrence(state.get("edit_task_recurrence", Recurrence.NONE))

    def edit() -> Task:
        return ui.application().scheduler_control.edit_task(
            task, actor=ui.actor(), simulated_at=at, recurrence=recurrence
        )

    done = _("Changed: {name} runs on {moment}, simulated time, {recurrence}.")
    scheduler_change.make("table", edit, done)
