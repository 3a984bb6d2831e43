"""The actions on our tasks: in each task's own row, and on several at once."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from functools import partial

import streamlit as st

from ecommerce_core.domain import N_, ListForm, Task, WantedTask
from pages import ui
from pages.runs import run_requests
from pages.ui import dialogs, language, period, scheduler_change, tasks
from pages.ui import text as _
from pages.ui.table import TableColumn

RUN, EDIT, DELETE, AGAIN, FORGET = "run", "edit", "delete", "again", "forget"
ACTIONS = {
    RUN: (":material/play_arrow:", N_("Run now")),
    EDIT: (":material/edit:", N_("Edit…")),
    DELETE: (":material/delete:", N_("Delete…")),
    AGAIN: (":material/add:", N_("Add again")),
    FORGET: (":material/close:", N_("Forget")),
}
CLICK = "task_action"

state = st.session_state


def can_edit() -> bool:
    """Return True if the scheduler's list is detailed enough to recognise the new task."""
    return ui.application().monitor.snapshot().list_form is not ListForm.OLDEST_TABLE


def labels(task: Task | None, lost: WantedTask | None) -> list[str]:
    """Return the actions in a row's menu; none for tasks that are not ours."""
    if lost is not None:
        return [_label(AGAIN), _label(FORGET)]
    if task is None or not tasks.is_ours(task):
        return []
    actions = [DELETE]
    if tasks.dataset_of(task) is not None:
        actions = [RUN, EDIT, DELETE] if can_edit() else [RUN, DELETE]
    return [_label(action) for action in actions]


def _label(action: str) -> str:
    icon, text = ACTIONS[action]
    return f"{icon} {_(text)}"


def column() -> TableColumn:
    """Return the column of the table with a menu in each row."""
    return TableColumn("actions", "actions", _("Actions"), key=CLICK, on_click=_clicked)


def remember(rows: Sequence[tuple[Task | None, WantedTask | None]]) -> None:
    """Note which task is in which row, since a click only gives the row's number."""
    state["_task_rows"] = list(rows)


def _clicked() -> None:
    """Callback: run the action chosen in a row's menu."""
    click = state.get(CLICK)
    rows: list[tuple[Task | None, WantedTask | None]] = state.get("_task_rows", [])
    if click is None or not 0 <= click["row"] < len(rows):
        return
    task, lost = rows[click["row"]]
    action = next((one for one in ACTIONS if _label(one) == click["label"]), "")
    if lost is not None and action in {AGAIN, FORGET}:
        add_again([lost]) if action == AGAIN else forget([lost])
    elif task is not None and action == RUN:
        run([task])
    elif task is not None and action in {EDIT, DELETE}:
        ask(action, [task])


def add_again(lost: Sequence[WantedTask]) -> None:
    """Callback: add lost tasks again."""
    act = partial(ui.application().scheduler_control.add_again, lost, actor=ui.actor())
    scheduler_change.make("table", act, _("Added again: {count}."))


def forget(lost: Sequence[WantedTask]) -> None:
    """Callback: stop wanting lost tasks."""
    act = partial(ui.application().scheduler_control.forget, lost, actor=ui.actor())
    scheduler_change.make("table", act, _("Forgotten: {count}."))


def run(chosen: Sequence[Task]) -> None:
    """Callback: run now what the tasks' callbacks do."""
    found = [dataset.name for task in chosen if (dataset := tasks.dataset_of(task)) is not None]
    for name in dict.fromkeys(found):
        run_requests.fetch(name)
        state["_run_here"] = {*state.get("_run_here", ()), name}


def ask(action: str, chosen: Sequence[Task]) -> None:
    """Callback: open the dialog of an action."""
    state["_tasks_asked"] = list(chosen)
    state.pop("edit_task_time", None)
    state.pop("edit_task_recurrence", None)
    dialogs.note(action)


def asked() -> list[Task]:
    """Return the tasks of a dialog, as the list has them now."""
    wanted = Counter(tasks.series(task) for task in state.get("_tasks_asked", []))
    found = []
    for task in tasks.list_ours():
        if wanted[tasks.series(task)] > 0:
            wanted[tasks.series(task)] -= 1
            found.append(task)
    return found


def show(ours: Sequence[Task]) -> None:
    """Choose some of our tasks, and run an action on all of them."""
    options = _options(ours)
    for_key = ui.choices("tasks_chosen", list(options))
    with st.container(horizontal=True, vertical_alignment="bottom"):
        names = st.multiselect(
            _("Our tasks"),
            list(options),
            key=for_key,
            placeholder=_("Choose one or more"),
            width=320,
        )
        chosen = [options[name] for name in names if name in options]
        st.button(
            _("Run now"),
            key="run_tasks",
            icon=ACTIONS[RUN][0],
            disabled=not chosen,
            on_click=run,
            args=(chosen,),
        )
        if can_edit():
            st.button(
                _("Edit…"),
                key="edit_task",
                icon=ACTIONS[EDIT][0],
                disabled=len(chosen) != 1,
                on_click=ask,
                args=(EDIT, chosen),
            )
        st.button(
            _("Delete…"),
            key="delete_tasks",
            icon=ACTIONS[DELETE][0],
            disabled=not chosen,
            on_click=ask,
            args=(DELETE, chosen),
        )
        if len(ours) > 1:
            st.button(
                _("Delete all our tasks ({count})…").format(count=language().number(len(ours))),
                key="delete_all_tasks",
                icon=":material/delete_sweep:",
                on_click=ask,
                args=(DELETE, list(ours)),
            )


def _options(ours: Sequence[Task]) -> dict[str, Task]:
    """Return our tasks by their identity, which stays the same while a recurring task moves on."""
    options: dict[str, Task] = {}
    for task in ours:
        parts = [tasks.short(task.name), language().word(task.recurrence)]
        if period(task.recurrence) is None:
            parts.append(tasks.moment_of(task, seconds=False))
        text, number = " · ".join(parts), 1
        while (label := text if number == 1 else f"{text} ({number})") in options:
            number += 1
        options[label] = task
    return options
