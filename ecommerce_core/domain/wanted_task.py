"""A task that somebody wants to be in the scheduler's list."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum

from ecommerce_core.domain.schedule import ScheduleKey, series_of


class Wanted(StrEnum):
    """The state of a wanted task."""

    ADDING = "adding"
    LISTED = "listed"
    LOST = "lost"
    DELETING = "deleting"


class TaskEvent(StrEnum):
    """An event of a task of ours, for the journal."""

    ADDED = "added"
    SEEN = "seen"
    DELETED = "deleted"
    LOST = "lost"
    FOUND = "found"
    ADDED_AGAIN = "added_again"
    KEPT = "kept"
    NOT_KEPT = "not_kept"
    FORGOTTEN = "forgotten"


@dataclass(frozen=True, slots=True)
class WantedTask:
    """A task that is wanted here. ``id`` is 0 until it is stored.

    ``simulated_at`` is when it was due next when it was last seen in the list, or its first time.
    ``actor`` is who added it here, None if it was found in the list under our name. ``since_at``
    (UTC) is when it came to its state, ``kept_at`` when the server last added it again by itself.
    """

    id: int
    dataset: str
    name: str
    source_app: str
    recurrence: str
    simulated_at: datetime
    state: Wanted
    since_at: datetime
    actor: str | None = None
    kept_at: datetime | None = None

    @property
    def series(self) -> ScheduleKey:
        """What stays the same while a recurring task moves on by whole periods."""
        return series_of(
            self.dataset, self.name, self.source_app, self.recurrence, self.simulated_at
        )


@dataclass(frozen=True, slots=True)
class TaskRecord:
    """One line of the journal of our tasks."""

    at: datetime
    event: TaskEvent
    dataset: str
    name: str
    recurrence: str
    simulated_at: datetime
    actor: str | None = None


@dataclass(frozen=True, slots=True)
class WantedChange:
    """A wanted task before and after: None before if it is new, None after if it is removed.

    It is applied only if the stored task still is as it was before: another thread or process
    may have changed it meanwhile.
    """

    before: WantedTask | None
    after: WantedTask | None
    record: TaskRecord | None = None


def record_of(
    task: WantedTask, event: TaskEvent, at: datetime, *, actor: str | None = None
) -> TaskRecord:
    """Return a line of the journal about a task."""
    return TaskRecord(at, event, task.dataset, task.name, task.recurrence, task.simulated_at, actor)
