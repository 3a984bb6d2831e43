"""The scheduler's list with the tasks of all: ours are marked and can be changed."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import streamlit as st

from ecommerce_core.domain import N_, ListForm, Oddity, Task, TaskEvent, WantedTask
from pages import ui
from pages.runs import held_run, run_progress, run_requests
from pages.schedule.tasks import task_actions, task_search
from pages.ui import EcommerceError, language, scheduler_change, tasks
from pages.ui import text as _
from pages.ui.table import TableColumn, show_table

SHOWN_TASKS = 300
ODDITIES = {
    Oddity.INCOMPLETE: N_("incomplete"),
    Oddity.NO_APPLICATION: N_("no application"),
    Oddity.NO_TIME: N_("no readable time"),
    Oddity.WRONG_TYPE: N_("a field of another type"),
    Oddity.TOO_LONG: N_("very long"),
}
state = st.session_state


@dataclass(frozen=True, slots=True)
class Shown:
    """A row: an entry of the list, or a task of ours that the list lost."""

    task: Task | None
    lost: WantedTask | None = None


def show() -> None:
    """Show the table of all tasks, and the buttons for ours."""
    with ui.guarded():
        _show_list()
    scheduler_change.show("table")


def _show_list() -> None:
    """Show the list. Raises PeerError if it is unknown although the clock is known."""
    try:
        everybodys, ours = tasks.list_all(), tasks.list_ours()
    except EcommerceError:
        if tasks.reading().error is None:
            raise
        # The clock's card above says why, and neither can be read.
        st.caption(_("Unknown while the scheduler does not answer."))
        return
    lost = ui.application().monitor.snapshot().lost_tasks
    with st.container():  # may appear and disappear: the box below keeps its position
        _how_old()
        _old_form()
    whose, found = task_search.show(everybodys, ours, lost=len(lost))
    rows = [Shown(None, one) for one in lost if whose != "others"]
    rows += [Shown(task) for task in found[:SHOWN_TASKS]]
    if not everybodys and not rows:
        st.info(_("No tasks scheduled."), icon=":material/event_busy:")
    elif not rows:
        st.caption(f":material/search_off: {_('No task matches.')}")
    else:
        _table(rows)
    if len(found) > SHOWN_TASKS:
        text = _("The first {n} of {total}; search to narrow the list.")
        shown = language().number(SHOWN_TASKS), language().number(len(found))
        st.caption(text.format(n=shown[0], total=shown[1]))
    _odd(everybodys)
    if ours and ui.may_change():
        task_actions.show(ours)


def show_runs() -> None:
    """Show the progress and errors of the fetches that this session requested here."""
    names = [name for name in ui.application().datasets if name in state.get("_run_here", ())]
    under_way = [name for name in names if run_requests.ticket(name) is not None]
    if under_way:
        run_progress.watch(*under_way)
    for name in names:
        held_run.show(name)


def _how_old() -> None:
    seen = ui.application().monitor.snapshot()
    if seen.list_error is None or seen.listed_at is None:
        return
    moment = ui.escape_time(language().moment(seen.listed_at))
    text = _("The list cannot be read; this is the list of {moment}.").format(moment=moment)
    st.caption(f":material/cloud_off: {text} {ui.sentence(seen.list_error)}")


def _old_form() -> None:
    form = ui.application().monitor.snapshot().list_form
    if form is ListForm.OLDEST_TABLE:
        text = _(
            "An old scheduler: its list gives only time, URL and recurrence. Tasks that call us"
            " count as ours. Adding, running and deleting all of a name work; editing does not."
        )
    elif form is ListForm.URL_TABLE:
        text = _(
            "An old scheduler: its list gives URLs without applications. Adding, running, editing"
            " and deleting work; which applications the tasks of others call is not known."
        )
    else:
        return
    st.caption(f":material/history: {text}")


def _odd(everybodys: Sequence[Task]) -> None:
    odd = [task for task in everybodys if task.oddities]
    if not odd:
        return
    text = language().plural(
        "{count} entry of the list is odd; it is shown as far as it can be read.",
        "{count} entries of the list are odd; they are shown as far as they can be read.",
        len(odd),
    )
    st.caption(f":material/warning: {text}")
    if any(Oddity.NO_APPLICATION in task.oddities for task in odd):
        text = _("A recurring task without application stops the scheduler for all when it is due.")
        st.caption(f":material/warning: {text}")


def _table(rows: Sequence[Shown]) -> None:
    reading, may_change = tasks.reading(), ui.may_change()
    cells: list[dict[str, Any]] = []
    for row in rows:
        task, lost = row.task, row.lost
        name, source = ("", "") if task is None else (task.name, task.source_app)
        at = None if task is None else task.next_fire_time
        recurrence, target = ("", "") if task is None else (task.recurrence, tasks.target(task))
        if lost is not None:
            name, source, recurrence = lost.name, lost.source_app, lost.recurrence
            target = tasks.target_of(lost)
        is_ours = lost is not None or (task is not None and tasks.is_ours(task))
        cells.append(
            {
                "name": tasks.short(name) or "–",
                "actions": task_actions.labels(row.task, row.lost) if may_change else [],
                "next": at,
                "real": None if at is None else tasks.local_time_to(at, reading),
                "recurrence": tasks.short(language().word(recurrence)),
                "state": _state(row),
                "target": tasks.short(target),
                "source": _("ours") if is_ours else tasks.short(source) or "–",
            }
        )
    columns = [
        TableColumn("name", label=_("Task")),
        TableColumn("source", label=_("Added by")),
        TableColumn("next", "simulated", _("Next run (simulated)"), width=175),
        TableColumn("recurrence", label=_("Recurrence")),
        TableColumn(
            "real", label=_("In real time ({zone})").format(zone=language().place), width=175
        ),
        TableColumn("target", label=_("Target")),
    ]
    if may_change and any(cell["actions"] for cell in cells):
        columns.insert(2, task_actions.column())
    if any(cell["state"] for cell in cells):
        columns.insert(2, TableColumn("state", "status", _("Notes"), width=150))
    task_actions.remember([(row.task, row.lost) for row in rows])
    show_table(cells, columns, key="tasks_table", alt=_("Scheduled tasks"))


def _state(row: Shown) -> str:
    if row.lost is not None:
        return TaskEvent.LOST
    if row.task is None or not row.task.oddities:
        return ""
    return ", ".join(_(ODDITIES[one]) for one in row.task.oddities)
