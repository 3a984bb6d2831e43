"""The form that adds a task, with its times in both clocks, and the reasons against it."""

from __future__ import annotations

from datetime import datetime
from functools import partial

import streamlit as st

from ecommerce_core.domain import ClockReading, Recurrence
from pages import ui
from pages.schedule.tasks import task_checks, task_moment, task_undo
from pages.ui import language, scheduler_change, tasks
from pages.ui import text as _
from pages.ui.labels import dataset_title
from pages.ui.live import live_text

state = st.session_state


def show() -> None:
    """Show the form, and the result of the last submission."""
    reading = tasks.reading()
    st.header(_("Add a task"), anchor=False)
    asked, shown = st.columns([3, 2], gap="medium")
    with asked:
        with st.container(horizontal=True, vertical_alignment="bottom", gap="small"):
            at, recurrence = _inputs(reading)
        add = _buttons(at)
    dataset = next(d for d in ui.application().datasets.values() if d.task_app == state["task_app"])
    refusal = None if at is None else task_checks.refusal(at, reading)
    with shown:
        if refusal is not None:
            st.error(refusal, icon=":material/event_busy:")
        elif at is not None:
            task_moment.preview(at, recurrence, reading)
            first = live_text.filled(_("First run: {countdown}"), countdown=live_text.until(at))
            live_text.show("task_countdown", first, look="caption")
    if refusal is None and at is not None:
        with ui.guarded():
            # The task that was just added needs no warning that it is there.
            is_new = not task_undo.is_stored(dataset.task_name, at, recurrence)
            for text in task_checks.warnings(dataset, at, recurrence, reading) if is_new else ():
                st.warning(text, icon=":material/warning:")
    if add and at is not None:
        add_task = partial(
            ui.application().scheduler_control.add_task,
            dataset,
            simulated_at=at,
            recurrence=recurrence,
            actor=ui.actor(),
        )
        done = _("Stored by the scheduler: {name} on {moment}, simulated time, {recurrence}.")
        with st.spinner(_("Asking the scheduler…")):
            scheduler_change.make("form", add_task, done)
        st.rerun()
    scheduler_change.show("form")
    task_undo.show()


def _buttons(at: datetime | None) -> bool:
    """Show the buttons; return True if a task is to be added."""
    with st.container(horizontal=True):
        add = st.button(
            _("Add a task"),
            key="add_task",
            type="primary",
            icon=":material/add:",
            disabled=at is None,
        )
        st.button(
            _("Suggest a time"),
            key="task_soon",
            icon=":material/update:",
            on_click=_suggest,
            help=_("One hour later than the clock, or half a minute of real time if that is more."),
        )
    return add


def _suggest() -> None:
    state["task_time"] = state["_task_time_suggested"] = task_moment.suggest(tasks.reading())


def _inputs(reading: ClockReading) -> tuple[datetime | None, Recurrence]:
    words, app = language(), ui.application()
    labels = {d.task_app: dataset_title(name) for name, d in app.datasets.items()}
    st.radio(
        _("Fetch"),
        list(labels),
        key=ui.choice("task_app", labels, next(iter(labels))),
        horizontal=True,
        format_func=lambda task_app: labels[task_app],
    )
    at: datetime | None = state.get("task_time")
    # A suggested time that the clock has overtaken is replaced.
    is_ours = at is None or at == state.get("_task_time_suggested")
    if is_ours and (at is None or task_checks.refusal(at, reading) is not None):
        _suggest()
    chosen = st.datetime_input(
        _("Date and time (simulated)"),
        min_value=task_moment.EARLIEST,
        max_value=task_moment.LATEST,
        key="task_time",
        format="DD/MM/YYYY",
        step=60,
        width=230,
    )
    recurrence = st.selectbox(
        _("Recurrence"),
        list(Recurrence),
        key=ui.choice("task_recurrence", list(Recurrence), Recurrence.NONE),
        format_func=words.word,
        width=170,
    )
    return chosen, Recurrence(recurrence or Recurrence.NONE)
