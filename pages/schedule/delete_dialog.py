"""The dialog before tasks of ours are deleted from the scheduler's list; it names them."""

from __future__ import annotations

import streamlit as st

from ecommerce_core.domain import Task
from pages import ui
from pages.schedule.tasks import task_actions
from pages.ui import dialogs, escape, escape_time, language, scheduler_change, tasks
from pages.ui import text as _

SHOWN_ENTRIES = 8


def show() -> None:
    """Ask before the chosen tasks are deleted. Raises PeerError if the list is unknown."""
    going, ours = task_actions.asked(), tasks.list_ours()
    if not going:  # somebody else was quicker
        dialogs.close()
        return
    app = ui.application()

    def delete() -> int:
        if len(going) == len(ours):
            return app.scheduler_control.delete_all(app.settings.app_name, actor=ui.actor())
        return app.scheduler_control.delete_each(going, actor=ui.actor())

    def body() -> None:
        words = language()
        st.write(
            words.plural(
                "{count} task will be deleted.", "{count} tasks will be deleted.", len(going)
            )
        )
        st.markdown("\n".join(f"- {_entry(task)}" for task in going[:SHOWN_ENTRIES]))
        if len(going) > SHOWN_ENTRIES:
            st.caption(_("and {n} more").format(n=words.number(len(going) - SHOWN_ENTRIES)))
        act = lambda: scheduler_change.make("table", delete, _("Deleted: {count}."))  # noqa: E731
        dialogs.confirm(_("Delete"), "delete_tasks", ":material/delete:", act)

    if len(going) == len(ours) > 1:
        title = _("Delete all our tasks?")
    elif len(going) == 1:
        title = _("Delete {name}?").format(name=escape(tasks.short(going[0].name)))
    else:
        title = _("Delete these tasks?")
    dialogs.show(title, body)


def _entry(task: Task) -> str:
    moment, recurrence = tasks.moment_of(task), language().word(task.recurrence)
    return f"{escape(tasks.short(task.name))} · {escape_time(moment)} · {escape(recurrence)}"
