"""What asks before entries of ours leave the scheduler's list, and says how many go."""

from __future__ import annotations

import streamlit as st

from ecommerce_core.domain import Task
from pages import ui
from pages.ui import dialogs, escape, escape_time, language, scheduler_change, tasks
from pages.ui import text as _

SHOWN_ENTRIES = 8


def show(name: str | None) -> None:
    """Ask before the entries of one name of ours go, or with None all of ours.

    Raises PeerError where nobody knows what there is.
    """
    app = ui.application()
    own = app.settings.app_name
    going = [task for task in tasks.list_ours() if name in {None, task.name}]
    if not going:  # somebody else was quicker
        dialogs.close()
        return

    def delete() -> int:
        if name is None:
            return app.steering.delete_all(own, actor=ui.actor())
        return app.steering.delete_tasks(name, actor=ui.actor(), source=own)

    def body() -> None:
        words = language()
        if name is None:
            text = words.plural(
                "This takes {count} entry of ours away.",
                "This takes all {count} entries of ours away.",
                len(going),
            )
        else:
            text = words.plural(
                "The scheduler deletes by name: this takes {count} entry away.",
                "The scheduler deletes by name: this takes all {count} entries away.",
                len(going),
            )
        st.write(text)
        st.markdown("\n".join(f"- {_entry(task)}" for task in going[:SHOWN_ENTRIES]))
        if len(going) > SHOWN_ENTRIES:
            st.caption(_("and {n} more").format(n=words.number(len(going) - SHOWN_ENTRIES)))
        key = "delete_all_tasks" if name is None else f"delete_task_{name}"
        act = lambda: scheduler_change.make("table", delete, _("Deleted: {count}."))  # noqa: E731
        dialogs.confirm(_("Delete"), key, ":material/delete:", act)

    title = _("Delete all of ours?") if name is None else _("Delete {name}?")
    dialogs.show(title.format(name=escape(name or "")), body)


def _entry(task: Task) -> str:
    words = language()
    moment, recurrence = words.simulated(task.next_fire_time), words.word(task.recurrence)
    return f"{escape(task.name)} · {escape_time(moment)} · {escape(recurrence)}"
