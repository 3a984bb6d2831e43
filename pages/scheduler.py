"""The scheduler: its clock, its tasks, the form that adds one, and whether they ran."""

import streamlit as st

from pages import ui
from pages.schedule import clock_card, clock_dialogs, delete_dialog, expected
from pages.schedule.tasks import lost_tasks, task_edit, task_form, task_table
from pages.ui import dialogs, header
from pages.ui import text as _

header.show(_("Scheduler"))
with st.container():  # may appear and disappear: the elements below keep their position
    clock_card.show()
    ui.note_for_analysts()
    lost_tasks.show_lost()
    task_table.show_runs()
may_change = ui.may_change()
left, *right = st.columns([5, 3] if may_change else 1, gap="medium")
with left:
    st.header(_("Tasks"), anchor=False)
    task_table.show()
    with ui.guarded():
        lost_tasks.show_records()
if may_change:
    with right[0], st.container(border=True):
        task_form.show()
expected.show()
what, _name = dialogs.asked()
if not may_change:
    what = ""
with ui.guarded():
    if what in {"pause", "resume"}:
        clock_dialogs.pause_or_resume(is_pause=what == "pause")
    elif what == "speed":
        clock_dialogs.speed()
    elif what == "edit":
        task_edit.show()
    elif what == "delete":
        delete_dialog.show()
