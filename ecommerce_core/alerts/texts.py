"""The title of an alert and the advice on it, in a reader's language."""

from __future__ import annotations

from collections.abc import Callable, Mapping

from ecommerce_core.domain import N_, Alert, AlertCode, Language

_FAILED = N_("The last fetch failed: {dataset}")

_TITLES: Mapping[AlertCode, str] = {
    AlertCode.STORE_DAMAGED: N_("The database is damaged"),
    AlertCode.STORE_FULL: N_("The disk is full"),
    AlertCode.STORE_READ_ONLY: N_("The database cannot be written to"),
    AlertCode.STORE_UNUSABLE: N_("The database cannot be used"),
    AlertCode.GATEWAY_DOWN: N_("The gateway does not answer"),
    AlertCode.SCHEDULER_DOWN: N_("The scheduler does not answer"),
    AlertCode.PEER_DOWN: _FAILED,
    AlertCode.FETCH_FAILED: _FAILED,
    AlertCode.FETCH_INTERRUPTED: N_("The last fetch was interrupted: {dataset}"),
    AlertCode.ANSWER_HELD: N_("A fetch is held: {dataset}"),
    AlertCode.RECORDS_REJECTED: N_("Records were rejected: {dataset}"),
    AlertCode.DATA_STALE: N_("No recent fetch: {dataset}"),
    AlertCode.CALLBACKS_MISSED: N_("A recurring task was missed: {task}"),
    AlertCode.CALLBACKS_LATE: N_("A recurring task keeps coming late: {task}"),
    AlertCode.CALLBACKS_REFUSED: N_("A recurring task is refused: {task}"),
    AlertCode.TASKS_LOST: N_("Tasks were lost: {dataset}"),
    AlertCode.CLOCK_STANDS_STILL: N_("The simulated clock stands still"),
    AlertCode.REGISTRATION_FAILING: N_(
        "The gateway has no route to this application, so no callback can arrive"
    ),
    AlertCode.SNAPSHOT_BEHIND: N_("The newest rows cannot be shown: {dataset}"),
    AlertCode.BACKUP_OVERDUE: N_("No backup could be made"),
    AlertCode.MESSAGES_FAILING: N_("A message service takes no messages: {service}"),
}

# What is said if the scheduler can be read in part.
_PARTS = {
    "clock": N_("The scheduler’s clock cannot be read"),
    "tasks": N_("The scheduler’s list cannot be read"),
}

_TODO: Mapping[AlertCode, str] = {
    AlertCode.STORE_DAMAGED: N_("Stop the server and restore a backup."),
    AlertCode.STORE_FULL: N_("Free up disk space, then fetch again."),
    AlertCode.STORE_READ_ONLY: N_(
        "Check who may write to the database: to its file and folder, or on its server."
    ),
    AlertCode.STORE_UNUSABLE: N_("The server's log says why. `doctor` examines the database."),
    AlertCode.GATEWAY_DOWN: N_(
        "Check that the gateway is running and that ECOMMERCE_GATEWAY_URL is right, "
        "then fetch again."
    ),
    AlertCode.SCHEDULER_DOWN: N_(
        "Showing the last known clock and tasks. No callbacks will arrive until it is back."
    ),
    AlertCode.PEER_DOWN: N_("Fetch again once the service is running."),
    AlertCode.FETCH_FAILED: N_("The run says what went wrong. Fetch again once that is settled."),
    AlertCode.FETCH_INTERRUPTED: N_("The server stopped during this run: fetch again."),
    AlertCode.ANSWER_HELD: N_(
        "Apply it if the change is right; discard it if the source made a mistake."
    ),
    AlertCode.RECORDS_REJECTED: N_("The run shows which ones and why. Tell the service's owners."),
    AlertCode.DATA_STALE: N_("Fetch now, and check whether a task is scheduled."),
    AlertCode.CALLBACKS_MISSED: N_("Fetch now. The scheduler page shows what was expected."),
    AlertCode.CALLBACKS_LATE: N_("The scheduler page shows by how much."),
    AlertCode.CALLBACKS_REFUSED: N_("Activity says why each callback was refused."),
    AlertCode.TASKS_LOST: N_("Add them again on the scheduler page."),
    AlertCode.CLOCK_STANDS_STILL: N_("No task runs meanwhile. Tell those who run the scheduler."),
    AlertCode.REGISTRATION_FAILING: N_(
        "The server tries again every minute. Check ECOMMERCE_GATEWAY_ADMIN_URL."
    ),
    AlertCode.SNAPSHOT_BEHIND: N_(
        "Pages show the rows of before. It is tried again every ten seconds."
    ),
    AlertCode.BACKUP_OVERDUE: N_(
        "The server tries again every few minutes. Check the folder in ECOMMERCE_BACKUP_DIR."
    ),
    AlertCode.MESSAGES_FAILING: N_("Check its URL in the settings, and whether the service runs."),
}


def title_of(
    alert: Alert,
    words: Language,
    *,
    labels: Mapping[str, str],
    shown: Callable[[str], str] = str,
) -> str:
    """What an alert is called: ``A fetch is held: products``.

    ``labels`` are the datasets' by their names. ``shown`` is applied to what others wrote in it:
    ``escape`` where it becomes Markdown.
    """
    names = ", ".join(words.text(labels.get(name, name)) for name in alert.datasets)
    details = {name: shown(str(value)) for name, value in alert.details.items()}
    template = _PARTS.get(str(alert.details.get("part")), _TITLES[alert.code])
    return words.text(template).format_map({"dataset": names, **details})


def todo_of(alert: Alert, words: Language) -> str:
    """Return the advice on an alert, in a sentence or two."""
    return words.text(_TODO[alert.code])
