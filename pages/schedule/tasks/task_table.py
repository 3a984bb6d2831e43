"""The scheduler's list: ours first and the others' on demand, and what may be done to ours."""

from __future__ import annotations

from collections import Counter

import streamlit as st

from ecommerce_core.domain import ClockReading, Task
from pages import ui
from pages.runs import held_run, run_progress, run_requests
from pages.schedule.tasks import task_search
from pages.ui import dialogs, escape, language, scheduler_change, tasks
from pages.ui import text as _
from pages.ui.live import live_text
from pages.ui.table import Column, show_table

SHOWN_TASKS = 300

state = st.session_state


def show() -> None:
    """The countdown of the next one, which moves in the browser; the table and its buttons."""
    with ui.guarded():
        everybodys, ours = tasks.list_all(), tasks.list_ours()
        with st.container():  # comes and goes: the box below keeps its place
            _how_old()
            _next(ours)
        with_others, found = task_search.show(everybodys, ours)
        reading = tasks.reading()
        if not ours and not with_others:
            st.info(_("No task of ours is scheduled."), icon=":material/event_busy:")
        elif not found:
            st.caption(f":material/search_off: {_('No task matches.')}")
        else:
            _table(found[:SHOWN_TASKS], reading, with_source=with_others)
        if len(found) > SHOWN_TASKS:
            text = _("The first {n} of {total}; a search narrows them.")
            shown = language().number(SHOWN_TASKS), language().number(len(found))
            st.caption(text.format(n=shown[0], total=shown[1]))
        if ours and ui.may_change():
            _buttons(ours)
    scheduler_change.show("table")


def show_runs() -> None:
    """How the fetches that this session asked for here get on, and what went wrong with them."""
    names = [name for name in ui.application().datasets if name in state.get("_run_here", ())]
    under_way = [name for name in names if run_requests.ticket(name) is not None]
    if under_way:
        run_progress.watch(*under_way)
    for name in names:
        held_run.show(name)


def _next(ours: list[Task]) -> None:
    if ours:
        line = live_text.filled(
            _("Next: {name} {countdown}"),
            name=live_text.text(ours[0].name, bold=True),
            countdown=live_text.until(ours[0].next_fire_time),
        )
        live_text.show("next_task", line)


def _how_old() -> None:
    seen = ui.application().monitor.snapshot()
    if seen.error is not None and seen.listed_at is not None:
        moment = ui.escape_time(language().moment(seen.listed_at))
        text = _("As the list was on {moment}; the scheduler does not answer.")
        text = text.format(moment=moment)
        st.caption(f":material/cloud_off: {text}")


def _table(found: list[Task], reading: ClockReading, *, with_source: bool) -> None:
    rows = [
        {
            "name": task.name,
            "source": task.source_app,
            "target": tasks.target(task),
            "next": task.next_fire_time,
            "real": tasks.local_time_to(task.next_fire_time, reading),
            "recurrence": language().word(task.recurrence),
        }
        for task in found
    ]
    columns = [
        Column("name", label=_("Task")),
        Column("next", "simulated", _("Next time (simulated)")),
        Column("real", label=_("In real time ({zone})").format(zone=language().place)),
        Column("recurrence", label=_("Recurrence")),
        Column("target", label=_("Target")),
    ]
    if with_source:
        columns.insert(1, Column("source", label=_("Added by")))
    show_table(rows, columns, key="tasks_table", alt=_("Scheduled tasks"))


def _buttons(ours: list[Task]) -> None:
    """Run now and delete, for each name of ours, and delete all of them."""
    datasets = {
        task.name: dataset for task in ours if (dataset := tasks.dataset_of(task)) is not None
    }
    names = Counter(task.name for task in ours)
    for name, count in sorted(names.items()):
        with st.container(horizontal=True):
            if name in datasets:
                label = _("Run {name} now").format(name=escape(name))
                key, args = f"run_task_{name}", (datasets[name].name,)
                st.button(label, key=key, icon=":material/play_arrow:", on_click=_run, args=args)
            label = _("Delete {name} ({count})").format(name=escape(name), count=count)
            st.button(
                label,
                key=f"delete_task_{name}",
                icon=":material/delete:",
                on_click=dialogs.note,
                args=("delete", name),
            )
    if len(names) > 1:
        label = _("Delete all of ours ({count})").format(count=len(ours))
        key, icon = "delete_all_tasks", ":material/delete_sweep:"
        st.button(label, key=key, icon=icon, on_click=dialogs.note, args=("delete_all",))


def _run(name: str) -> None:
    """Callback: do now what the task's callback does."""
    run_requests.fetch(name)
    state["_run_here"] = {*state.get("_run_here", ()), name}
