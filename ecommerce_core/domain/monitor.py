"""The state of the scheduler monitor: list, clock, whether that stands still, lost tasks."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum

from ecommerce_core.domain.messages import Fact
from ecommerce_core.domain.models import ClockReading, ListForm, Task
from ecommerce_core.domain.wanted_task import WantedTask


class PartState(StrEnum):
    """The state of the scheduler's clock, or of its list, at the last poll."""

    UNKNOWN = "unknown"
    UP = "up"
    DOWN = "down"


class SchedulerState(StrEnum):
    """The state of the scheduler: read in whole, in part, or not."""

    UNKNOWN = "unknown"
    UP = "up"
    PARTLY = "partly"
    DOWN = "down"


@dataclass(frozen=True, slots=True)
class MonitorSnapshot:
    """The result of the last poll: all tasks as requested at ``listed_at``, and the clock.

    List and clock fail apart: ``list_error`` says why the list could not be read, the reading's own
    error why the clock could not; what was read before stays. Since ``era_at`` the clock has not
    been set back. ``standing_still_since`` (UTC): the clock is not paused and has not moved since
    then; ``holding`` are the tasks whose callbacks may hold it. ``lost_tasks`` are tasks that are
    wanted here and that the scheduler's list no longer has, though nobody here deleted them.
    """

    tasks: tuple[Task, ...] = ()
    listed_at: datetime | None = None
    reading: ClockReading = ClockReading(None, None, None)
    list_error: Fact | None = None
    list_form: ListForm | None = None
    era_at: datetime | None = None
    standing_still_since: datetime | None = None
    holding: tuple[Task, ...] = ()
    lost_tasks: tuple[WantedTask, ...] = ()

    @property
    def list_state(self) -> PartState:
        """The state of the list."""
        if self.list_error is not None:
            return PartState.DOWN
        return PartState.UNKNOWN if self.listed_at is None else PartState.UP

    @property
    def clock_state(self) -> PartState:
        """The state of the clock."""
        if self.reading.error is not None:
            return PartState.DOWN
        return PartState.UNKNOWN if self.reading.clock is None else PartState.UP

    @property
    def state(self) -> SchedulerState:
        """The state that pages, health, metrics, command line and log show."""
        parts = {self.list_state, self.clock_state}
        if len(parts) == 1:
            return SchedulerState(parts.pop().value)
        if PartState.UNKNOWN in parts:
            return SchedulerState.UNKNOWN
        return SchedulerState.PARTLY

    @property
    def odd_tasks(self) -> tuple[Task, ...]:
        """The entries that can only be shown in part."""
        return tuple(task for task in self.tasks if task.oddities)


def held_by(before: Iterable[Task], after: Iterable[Task], clock_at: datetime) -> tuple[Task, ...]:
    """Return the tasks that were due and left the list: their callbacks may hold the clock.

    A recurring task is back in the list, at a later time, once its callback was answered.
    """
    listed = Counter(_identity(task) for task in after)
    found = []
    for task in before:
        if listed[_identity(task)] > 0:
            listed[_identity(task)] -= 1
        elif task.next_fire_time is not None and task.next_fire_time <= clock_at:
            found.append(task)
    return tuple(found)


def _identity(task: Task) -> tuple[str, ...]:
    return task.name, task.source_app, task.target, task.recurrence
