"""Verify that a task was stored: the list before and after, compared. Pure."""

from __future__ import annotations

from collections import Counter
from collections.abc import Hashable
from datetime import datetime, timedelta

from ecommerce_core.domain import PeerError, Task, TaskError, period
from ecommerce_core.scheduler.wire_json import WIRE_TIME


def to_wire(task: Task) -> dict[str, str | None]:
    """Return the JSON body of ``schedule/add``. Raises TaskError if the task has no time."""
    if task.next_fire_time is None:
        raise TaskError("task_without_time", name=task.name)
    return {
        "target_url": task.target_url,
        "target_app": task.target_app,
        "time": task.next_fire_time.strftime(WIRE_TIME),
        "recurrence": task.recurrence,
        "data": task.data,
        "source_app": task.source_app,
        "name": task.name,
    }


def series_of_task(task: Task) -> Hashable:
    """Return what stays the same while a recurring task moves on by whole periods."""
    step, at = period(task.recurrence), task.next_fire_time
    phase = at if step is None or at is None else (at - datetime.min) % step
    return (task.name, task.source_app, task.target, task.recurrence, phase)


def find_stored(wanted: Task, before: list[Task], after: list[Task]) -> Task | None:
    """Return the entry of ``after`` that ``wanted`` became, or None if there is none.

    Raises TaskError if it was stored differently.
    """
    new = Counter(map(series_of_task, after)) - Counter(map(series_of_task, before))
    if series_of_task(wanted) in new:
        same = (task for task in after if series_of_task(task) == series_of_task(wanted))
        return min(same, key=lambda task: _apart(task, wanted))
    for task in after:
        if (
            task.target == wanted.target
            and task.name == wanted.name
            and series_of_task(task) in new
        ):
            raise TaskError(
                "task_stored_otherwise",
                name=wanted.name,
                stored=task.recurrence,
                stored_at=task.next_fire_time,
                asked=wanted.recurrence,
                asked_at=wanted.next_fire_time,
            )
    return None


def _apart(task: Task, wanted: Task) -> timedelta:
    if task.next_fire_time is None or wanted.next_fire_time is None:
        return timedelta.max
    return abs(task.next_fire_time - wanted.next_fire_time)


def unknown(lost: PeerError | None, list_error: PeerError) -> PeerError:
    """Return the error if the list cannot be read after a task was sent.

    ``lost`` is the error of the sending, or None if it was answered.
    """
    if lost is None:
        return _restate(
            list_error,
            "task_accepted_not_read",
        )
    return _restate(
        lost,
        "task_unconfirmed_not_read",
        list_reason=list_error.fact,
    )


def not_there(lost: PeerError, *, passed: bool) -> PeerError:
    """Return the error for a failed sending of an unlisted task. ``passed``: it may have run."""
    if passed:
        return _restate(
            lost,
            "task_unconfirmed_passed",
        )
    return _restate(
        lost,
        "task_not_added",
    )


def _restate(error: PeerError, code: str, **details: object) -> PeerError:
    """Return an error of the same kind with a new text; ``{reason}`` is the text of ``error``."""
    kept = {key: value for key, value in error.details.items() if key != "peer"}
    return type(error)(code, peer=error.peer, **{**kept, **details, "reason": error.fact})
