"""The scheduler's tasks as pages show them: the table, when each fires, how one is deleted."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, datetime

import streamlit as st

from ecommerce_core import ui
from ecommerce_core.models import ClockReading, Task
from ecommerce_core.ui import (
    Application,
    Column,
    EcommerceError,
    escape,
    estimate,
    language,
    real_delay,
)

state = st.session_state


def _(message: str) -> str:
    return language().text(message)


@st.cache_data(ttl=2, max_entries=4, show_spinner=False)
def _fetch(_app: Application, app_id: int) -> list[Task]:
    """Cached for all sessions; an error is not."""
    return _app.scheduler.fetch_tasks()


def list_all() -> list[Task]:
    """Everybody's tasks, by time: one request every 2 s for all sessions. Raises PeerError."""
    app = ui.application()
    return _fetch(app, id(app))


def list_ours() -> list[Task]:
    """Those that this application has added. Raises PeerError."""
    own = ui.application().settings.app_name
    return [task for task in list_all() if task.source_app == own]


def real_time_until(task: Task, reading: ClockReading) -> str:
    """When a task fires in real time, in words: ``in 1 min 12 s``."""
    at, clock = estimate(reading, datetime.now(UTC)), reading.clock
    if at is None or clock is None:
        return "–"
    delay = real_delay(replace(clock, simulated_at=at), task.next_fire_time)
    if delay is None:
        return _("clock paused")
    return _("in {duration}").format(duration=language().duration(int(delay.total_seconds())))


def change(act: Callable[[], object], done: str) -> None:
    """Callback: something that changes the scheduler; what came of it is said under the form."""
    try:
        state["_task_result"] = (done, act())
    except EcommerceError as error:
        state["_task_result"] = ("", error)
    _fetch.clear()


def show_result() -> None:
    """What came of the last change; it stays until the next one."""
    if "_task_result" not in state:
        return
    done, result = state["_task_result"]
    if isinstance(result, EcommerceError):
        ui.show_error(result, title=_("The scheduler's list was not changed as asked"))
    elif isinstance(result, Task):
        moment = language().simulated(result.next_fire_time)
        recurrence = language().word(result.recurrence)
        text = done.format(name=escape(result.name), moment=moment, recurrence=recurrence)
        st.success(text, icon=":material/check_circle:")
    else:
        st.success(done.format(count=result), icon=":material/check_circle:")


def _target(task: Task) -> str:
    """Application and path apart, where the scheduler tells them apart."""
    return task.target if task.target_app is None else f"{task.target_app}: {task.target_url}"


@st.fragment(run_every=2.0)
def show_table() -> None:
    """Ours first, the others' on demand; the countdown moves by itself."""
    with ui.guarded():
        everybodys, ours = list_all(), list_ours()
        label = _("Show other applications' tasks ({n})")
        others = language().number(len(everybodys) - len(ours))
        with_others = st.toggle(label.format(n=others), key="tasks_of_others")
        shown = ours + [t for t in everybodys if with_others and t not in ours]
        if not shown:
            st.caption(f":material/event_busy: {_('No task of ours is scheduled.')}")
            return
        reading = ui.application().scheduler.reading()
        rows = [
            {
                "name": task.name,
                "source": task.source_app,
                "target": _target(task),
                "next": task.next_fire_time,
                "real": real_time_until(task, reading),
                "recurrence": language().word(task.recurrence),
            }
            for task in shown
        ]
        columns = [
            Column("name", label=_("Task")),
            Column("next", "simulated", _("Next time (simulated)")),
            Column("real", label=_("In real time")),
            Column("recurrence", label=_("Recurrence")),
            Column("target", label=_("Target")),
        ]
        if with_others:
            columns.append(Column("source", label=_("Added by")))
        ui.table(rows, columns, key="tasks_table", alt=_("Scheduled tasks"))


def delete_buttons() -> None:
    """One button for each name of ours, with how many entries it takes away."""
    try:
        names = Counter(task.name for task in list_ours())
    except EcommerceError:
        return  # the table above says why
    with st.container(horizontal=True):
        for name, count in sorted(names.items()):
            label = _("Delete {name} ({count})").format(name=escape(name), count=count)
            if st.button(label, key=f"delete_task_{name}", icon=":material/delete:"):
                _confirm_delete(name, count)


def _confirm_delete(name: str, count: int) -> None:
    app = ui.application()

    def delete() -> int:
        return app.scheduler.delete_tasks(name, source=app.settings.app_name)

    def body() -> None:
        text = language().plural(
            "The scheduler deletes by name: this takes {count} entry away.",
            "The scheduler deletes by name: this takes all {count} entries away.",
            count,
        )
        st.write(text)
        with st.container(horizontal=True, horizontal_alignment="right"):
            if st.button(_("Cancel"), key=f"cancel_delete_task_{name}"):
                st.rerun()
            if st.button(
                _("Delete"),
                key=f"confirm_delete_task_{name}",
                type="primary",
                icon=":material/delete:",
                on_click=change,
                args=(delete, _("Deleted: {count}.")),
            ):
                st.rerun()

    st.dialog(_("Delete {name}?").format(name=escape(name)))(body)()
