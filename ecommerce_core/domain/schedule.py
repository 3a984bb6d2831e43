"""What the monitor reads: entries of the scheduler's list that call us, and snapshots of them."""

from __future__ import annotations

from collections.abc import Hashable, Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import NamedTuple

from ecommerce_core.domain.clock import period
from ecommerce_core.domain.expected_callback import ExpectedCallback
from ecommerce_core.domain.models import Clock, Task


class ScheduleKey(NamedTuple):
    """What stays the same while a recurring entry moves on by whole periods."""

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
        """Its series."""
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

    ``is_given_up``: it counts as deleted since it has been missing for long, but it may have been
    in flight at every poll, one callback after the other, and then returns.
    """

    entry: Entry
    since_at: datetime
    noticed_at: datetime
    clock_at: datetime
    is_given_up: bool = False


@dataclass(frozen=True, slots=True)
class MonitorState:
    """What is kept of the last poll, so that a restarted server continues from there.

    ``source``: the gateway behind which it was. ``era_at``: since when the clock has not
    been set back. Callbacks up to ``delivery_id`` are dealt with, ``unmatched_ids`` aside.
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
    """The series of what is due at the simulated time ``due_at``."""
    step = period(recurrence)
    phase = due_at if step is None else (due_at - datetime.min) % step
    return ScheduleKey(dataset, name, source_app, recurrence, phase)


def series_of_callback(callback: ExpectedCallback) -> ScheduleKey:
    """The series of the entry that made a callback."""
    return series_of(
        callback.dataset,
        callback.task_name,
        callback.source_app,
        callback.recurrence,
        callback.simulated_at,
    )


def entries_of(tasks: Iterable[Task], targets: Mapping[str, str]) -> tuple[Entry, ...]:
    """The tasks that call us. ``targets``: application and path as one text, to the dataset."""
    return tuple(
        Entry(
            targets[task.target], task.name, task.source_app, task.recurrence, task.next_fire_time
        )
        for task in tasks
        if task.target in targets and task.next_fire_time is not None
    )
