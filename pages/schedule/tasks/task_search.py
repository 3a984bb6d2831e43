"""Search and order of the scheduler's list."""

from __future__ import annotations

from datetime import datetime

import streamlit as st

from ecommerce_core.domain import N_, Recurrence, Task
from pages import ui
from pages.ui import language, tasks
from pages.ui import text as _

SEARCH_CHARS = 200


WHOSE = {"all": N_("All"), "ours": N_("Ours"), "others": N_("Others")}


def show(everybodys: list[Task], ours: list[Task], *, lost: int) -> tuple[str, list[Task]]:
    """Show filter, search and order; return whose tasks are chosen, and the resulting list.

    ``lost`` tasks of ours, which the list does not have, are counted too: the table shows them.
    """
    words = language()
    counts = {
        "all": len(everybodys) + lost,
        "ours": len(ours) + lost,
        "others": len(everybodys) - len(ours),
    }
    orders = {
        "time": _("Next run"),
        "name": _("Task"),
        "recurrence": _("Recurrence"),
        "target": _("Target"),
    }
    with st.container(horizontal=True, vertical_alignment="bottom"):
        text = st.text_input(
            _("Search tasks"),
            key="tasks_search",
            icon=":material/search:",
            max_chars=SEARCH_CHARS,
            width=230,
        )
        order = st.selectbox(
            _("Order"),
            list(orders),
            key=ui.choice("tasks_order", orders, next(iter(orders))),
            format_func=orders.__getitem__,
            width=190,
        )
        owners = {name: f"{_(text)} ({words.number(counts[name])})" for name, text in WHOSE.items()}
        whose = st.radio(
            _("Whose tasks"),
            list(WHOSE),
            key=ui.choice("tasks_whose", WHOSE, "all"),
            horizontal=True,
            format_func=owners.__getitem__,
        )
    found = [
        task
        for task in everybodys
        if whose in {"all", "ours" if tasks.is_ours(task) else "others"}
        and all(part in _searched(task) for part in (text or "").casefold().split())
    ]
    found.sort(key=lambda task: _rank(task, order))
    return whose or "all", found


def _rank(task: Task, order: str) -> tuple[int, str, datetime]:
    """Return the position of a task in an order, for sorting."""
    at = task.next_fire_time or datetime.max
    if order == "recurrence":
        known = list(Recurrence)
        often = known.index(Recurrence(task.recurrence)) if task.recurrence in known else len(known)
        return often, task.recurrence, at
    text = {"name": task.name, "target": task.target}.get(order, "")
    return 0, text.casefold(), at


def _searched(task: Task) -> str:
    parts = (task.name, task.source_app, task.target, language().word(task.recurrence))
    return " ".join(parts).casefold()
