"""What the scheduler monitor reads: list entries that call this application, and snapshots."""

from __future__ import annotations

from collections.abc import Hashable, Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import NamedTuple

from ecommerce_core.domain.clock import period
from ecommerce_core.domain.expected_callback import ExpectedCallback
from ecommerce_core.domain.models import Clock, Task


class ScheduleKey(NamedTuple):
    """The part of a recurring entry that stays the same while it moves on by whole periods."""

    dataset: str
    name: str
    source_app: str
    recurrence: str
    phase: Hashable


@dataclass(frozen=True, slots=True)
class Entry:
    """An entry of the list that calls one of our callbacks."""

    dataset: str
    name: str
    source_app: str
    recurrence: str
    simulated_at: datetime

    @property
    def series(self) -> ScheduleKey:
        """The key of its recurring schedule."""
        return series_of(
            self.dataset, self.name, self.source_app, self.recurrence, self.simulated_at
        )


@dataclass(frozen=True, slots=True)
class ScheduleSnapshot:
    """The list as it was between ``asked_at`` and ``seen_at``, and the clock right after."""

    asked_at: datetime
    seen_at: datetime
    clock: Clock
    entries: tuple[Entry, ...]


@dataclass(frozen=True, slots=True)
class InFlightCallback:
    """A recurring entry that is missing since a poll at which the clock showed ``clock_at``.

    ``is_given_up``: it has been missing for so long that it counts as deleted. It returns if it was
    in flight at every poll, with one callback after the other.
    """

    entry: Entry
    since_at: datetime
    noticed_at: datetime
    clock_at: datetime
    is_given_up: bool = False


@dataclass(frozen=True, slots=True)
class MonitorState:
    """The state kept of the last poll, so that a restarted server continues from there.

    ``source`` is the gateway through which it was read. Since ``era_at`` the clock has not been set
    back. Callbacks up to ``delivery_id`` are matched, except ``unmatched_ids``.
    """

    source: str
    era_at: datetime
    snapshot: ScheduleSnapshot | None = None
    in_flight: tuple[InFlightCallback, ...] = ()
    delivery_id: int = 0
    unmatched_ids: tuple[int, ...] = ()


def series_of(
    dataset: str, name: str, source_app: str, recurrence: str, due_at: datetime
) -> ScheduleKey:
    """Return the schedule key of an entry that is due at the simulated time ``due_at``."""
    step = period(recurrence)
    phase = due_at if step is None else (due_at - datetime.min) % step
    return ScheduleKey(dataset, name, source_app, recurrence, phase)


def series_of_callback(callback: ExpectedCallback) -> ScheduleKey:
    """Return the series of the entry that made a callback."""
    return series_of(
        callback.dataset,
        callback.task_name,
        callback.source_app,
        callback.recurrence,
        callback.simulated_at,
    )


def entries_of(tasks: Iterable[Task], targets: Mapping[str, str]) -> tuple[Entry, ...]:
    """Return the tasks that call this server.

    ``targets`` maps application and path, as one text, to the dataset.
    """
    return tuple(
        Entry(
            targets[task.target], task.name, task.source_app, task.recurrence, task.next_fire_time
        )
        for task in tasks
        if task.target in targets and task.next_fire_time is not None
    )
