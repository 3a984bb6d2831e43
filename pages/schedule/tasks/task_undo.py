"""Undo of the task that was added last."""

from __future__ import annotations

from datetime import datetime
from functools import partial

import streamlit as st

from ecommerce_core.domain import Recurrence, Task
from pages import ui
from pages.ui import EcommerceError, scheduler_change, tasks
from pages.ui import text as _


def is_stored(name: str, at: datetime, recurrence: Recurrence) -> bool:
    """Return True if this is the task that was added last."""
    result = scheduler_change.result("form")
    stored = None if result is None else result.value
    return isinstance(stored, Task) and (name, at, recurrence) == (
        stored.name,
        stored.next_fire_time,
        stored.recurrence,
    )


def show() -> None:
    """Delete added tasks while the list has them; others of the same name stay."""
    result = scheduler_change.result("form")
    stored = None if result is None else result.value
    if not isinstance(stored, Task):
        return
    try:
        is_there = tasks.series(stored) in {tasks.series(task) for task in tasks.list_ours()}
    except EcommerceError:
        return  # the list shows why
    if not is_there:
        return
    if st.button(_("Undo"), key="undo_add_task", icon=":material/undo:"):
        act = partial(ui.application().scheduler_control.delete_each, [stored], actor=ui.actor())
        with st.spinner(_("Asking the scheduler…")):
            scheduler_change.make("form", act, _("Undone: {count} task deleted."))
        st.rerun()
