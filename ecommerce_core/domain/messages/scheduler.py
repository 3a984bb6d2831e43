"""Errors of reading the scheduler or of adding a task."""

from __future__ import annotations

from ecommerce_core.domain.labels import N_

SCHEDULER = {
    "clock_not_json": N_("{peer} answered clock/info with something that is not JSON: {reason}"),
    "clock_not_a_list": N_(
        "{peer} answered clock/info with {value}: it should be a list of time, speed, paused"
    ),
    "clock_value_wrong": N_("{peer} gave the clock's {what} as {value}: it should be {takes}"),
    "tasks_not_json": N_(
        "{peer} answered schedule/json with something that is not a list in JSON: {reason}"
    ),
    "tasks_without_table": N_(
        "{peer} answered schedule/list with a page that has no table of tasks"
    ),
    "tasks_table_cut": N_("{peer} answered schedule/list with a table of tasks that does not end"),
    "tasks_markup_unreadable": N_(
        "{peer} answered schedule/list with markup that cannot be read: {reason}"
    ),
    "task_accepted_not_read": N_(
        "{peer} accepted the task, but could not be asked what it stored: {reason}"
    ),
    "task_unconfirmed_not_read": N_(
        "{peer} did not confirm the task ({reason}), and cannot be asked for it "
        "({list_reason}): it is not known whether it was added. Look at the list before "
        "adding it again"
    ),
    "task_unconfirmed_passed": N_(
        "{peer} did not confirm the task ({reason}), and its time has passed since: it is "
        "not known whether it was added and has run"
    ),
    "task_not_added": N_(
        "{peer} did not confirm the task ({reason}), and does not list it: it was not added"
    ),
    "task_refused": N_("The scheduler refused the task {name} at {time}: {reason}"),
    "task_not_listed": N_(
        "The scheduler accepted the task {name}, but does not list it: it may be running at "
        "this moment, or was stored without its recurrence"
    ),
    "task_stored_otherwise": N_(
        "The scheduler stored the task {name} with recurrence {stored} at {stored_at}, not "
        "{asked} at {asked_at} as asked. It stays in the list until it is deleted"
    ),
    "task_without_time": N_("The task {name} has no time"),
    "task_not_replaced": N_(
        "The new task {name} is in the list, but the old one could not be deleted: {reason}"
    ),
    "task_changed_meanwhile": N_(
        "The task {name} is not in the list any more as it was shown: it may have run"
    ),
    "task_calls_elsewhere": N_("The task {name} calls {target}, which is none of our callbacks"),
    "task_recurrence_unknown": N_(
        "The scheduler does not know the recurrence {recurrence}, and would store none"
    ),
    "task_time_with_zone": N_("The time {time} has a time zone: the simulated clock has none"),
    "task_time_passed": N_(
        "The task's time {time} is not ahead of the simulated clock, which shows {clock}"
    ),
    "clock_speed_invalid": N_(
        "The clock cannot run at speed {speed}: it takes a finite number above 0"
    ),
    "scheduler_silent": N_("No answer for a while: it may be busy or down."),
    "server_was_down": N_("the server was not running when it was due"),
}
