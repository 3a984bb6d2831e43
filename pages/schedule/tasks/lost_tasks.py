"""The tasks of ours that the scheduler lost, and the history of our tasks."""

from __future__ import annotations

import streamlit as st

from ecommerce_core.domain import N_, AlertCode, Severity, TaskEvent, WantedTask
from pages import ui
from pages.schedule.tasks import task_actions
from pages.ui import escape, escape_time, language, tasks
from pages.ui import text as _
from pages.ui.table import TableColumn, show_table

SHOWN = 8
SHOWN_RECORDS = 100
EVENTS = {
    TaskEvent.ADDED: N_("added to the list"),
    TaskEvent.SEEN: N_("found in the list"),
    TaskEvent.DELETED: N_("deleted"),
    TaskEvent.LOST: N_("lost by the scheduler"),
    TaskEvent.FOUND: N_("back in the list"),
    TaskEvent.ADDED_AGAIN: N_("added again"),
    TaskEvent.KEPT: N_("added again by the server"),
    TaskEvent.NOT_KEPT: N_("not added again by the server"),
    TaskEvent.FORGOTTEN: N_("forgotten"),
}


def show_lost() -> None:
    """Show the lost tasks, or nothing while the list has all wanted tasks."""
    lost = ui.application().monitor.snapshot().lost_tasks
    if not lost:
        return
    words = language()
    lines = [f"- {_line(task)}" for task in lost[:SHOWN]]
    if len(lost) > SHOWN:
        lines.append(f"- {_('and {n} more').format(n=words.number(len(lost) - SHOWN))}")
    why = _(
        "The scheduler does not list them any more, and nobody deleted them here: it was"
        " restarted or reset, or somebody deleted them there."
    )
    title = words.plural("{count} task was lost", "{count} tasks were lost", len(lost))
    # As red as the alert is on the overview, and no redder.
    is_critical = AlertCode.TASKS_LOST.severity is Severity.CRITICAL
    box = st.error if is_critical else st.warning
    box(f"{why}\n\n" + "\n".join(lines), title=title, icon=":material/event_busy:")
    if not ui.may_change():
        return
    with st.container(horizontal=True):
        st.button(
            _("Add again ({count})").format(count=words.number(len(lost))),
            key="add_lost_tasks",
            type="primary",
            icon=":material/add:",
            on_click=task_actions.add_again,
            args=(lost,),
            help=_("Each at the next time that fits: the same time of the day or of the week."),
        )
        st.button(
            _("Forget"),
            key="forget_lost_tasks",
            icon=":material/close:",
            on_click=task_actions.forget,
            args=(lost,),
            help=_("They are not wanted any more."),
        )


def _line(task: WantedTask) -> str:
    words = language()
    text = _("**{name}**, {recurrence}, last known for {moment} (simulated); lost on {lost_at}")
    return text.format(
        name=escape(tasks.short(task.name)),
        recurrence=escape(words.word(task.recurrence)),
        moment=escape_time(words.simulated(task.simulated_at, seconds=False)),
        lost_at=escape_time(words.moment(task.since_at)),
    )


def show_records() -> None:
    """Show what happened to our tasks, newest first. Raises StoreError."""
    records = ui.application().store.list_task_records(limit=SHOWN_RECORDS)
    if not records:
        return
    with st.expander(_("What happened to our tasks"), icon=":material/history:"):
        rows = [
            {
                "at": record.at,
                "event": _(EVENTS[record.event]),
                "name": tasks.short(record.name),
                "recurrence": language().word(record.recurrence),
                "due": record.simulated_at,
                "actor": record.actor,
            }
            for record in records
        ]
        columns = [
            TableColumn("at", "moment", _("When ({zone})").format(zone=language().place)),
            TableColumn("event", label=_("Event")),
            TableColumn("name", label=_("Task")),
            TableColumn("recurrence", label=_("Recurrence")),
            TableColumn("due", "simulated", _("Due (simulated)")),
            TableColumn("actor", label=_("By")),
        ]
        show_table(rows, columns, key="task_records", alt=_("What happened to our tasks"))
