"""Taking back the task that was added last."""

from __future__ import annotations

from datetime import datetime
from functools import partial

import streamlit as st

from ecommerce_core.domain import Recurrence, Task
from pages import ui
from pages.ui import EcommerceError, dialogs, language, scheduler_change, tasks
from pages.ui import text as _


def is_stored(name: str, at: datetime, recurrence: Recurrence) -> bool:
    """True where this is what was added last."""
    result = scheduler_change.result("form")
    stored = None if result is None else result.value
    return isinstance(stored, Task) and (name, at, recurrence) == (
        stored.name,
        stored.next_fire_time,
        stored.recurrence,
    )


def show() -> None:
    """Takes back what was added, saying what goes with it: the scheduler deletes by name."""
    result = scheduler_change.result("form")
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
            scheduler_change.make("form", act, _("Taken back: {count} entry deleted."))
        st.rerun()
