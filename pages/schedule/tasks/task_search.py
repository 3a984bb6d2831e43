"""Which tasks of the scheduler's list are shown, and in what order."""

from __future__ import annotations

from datetime import datetime

import streamlit as st

from ecommerce_core.domain import Recurrence, Task
from pages import ui
from pages.ui import language
from pages.ui import text as _

SEARCH_CHARS = 200


def show(everybodys: list[Task], ours: list[Task]) -> tuple[bool, list[Task]]:
    """Whether the others' are wanted, and what the search and the order make of the list."""
    words = language()
    orders = {
        "time": _("Next time"),
        "name": _("Task"),
        "recurrence": _("Recurrence"),
        "target": _("Target"),
    }
    with st.container(horizontal=True, vertical_alignment="bottom"):
        text = st.text_input(
            _("Search the tasks"),
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
            width=150,
        )
        label = _("Show other applications' tasks ({n})")
        others = words.number(len(everybodys) - len(ours))
        with_others = st.toggle(label.format(n=others), key="tasks_of_others")
    own = ui.application().settings.app_name
    found = [
        task
        for task in (everybodys if with_others else ours)
        if all(part in _searched(task) for part in (text or "").casefold().split())
    ]
    found.sort(key=lambda task: (task.source_app != own, *_rank(task, order)))
    return with_others, found


def _rank(task: Task, order: str) -> tuple[int, str, datetime]:
    """Where a task stands among its like in an order."""
    at = task.next_fire_time
    if order == "recurrence":
        known = list(Recurrence)
        often = known.index(Recurrence(task.recurrence)) if task.recurrence in known else len(known)
        return often, task.recurrence, at
    text = {"name": task.name, "target": task.target}.get(order, "")
    return 0, text.casefold(), at


def _searched(task: Task) -> str:
    parts = (task.name, task.source_app, task.target, language().word(task.recurrence))
    return " ".join(parts).casefold()
