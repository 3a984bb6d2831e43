"""Compare the wanted tasks with the scheduler's list, to find which are lost. Pure.

The list exists only in the scheduler's memory: a restart or a reset silently loses every task, and
anybody may delete one. Wanted tasks are kept in the database, so a loss is noticed.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta

from ecommerce_core.domain import (
    Entry,
    InFlightCallback,
    ScheduleKey,
    ScheduleSnapshot,
    TaskEvent,
    Wanted,
    WantedChange,
    WantedTask,
    period,
    record_of,
)

# A task that is being added or deleted is not judged for this long.
CHANGES_FOR = timedelta(seconds=30)
# After a longer gap between two polls, the scheduler or this server was down: nothing ran.
LONGEST_GAP_S = 10.0
# One poll may read the list while somebody edits a task.
MISSING_POLLS = 2


@dataclass(slots=True)
class WantedTracker:
    """Finds, from one poll to the next, which wanted tasks are in the list and which are lost.

    ``own`` is the name under which our tasks stand in the list.
    """

    own: str
    _missing: dict[int, int] = field(default_factory=dict)
    _reached: dict[int, datetime] = field(default_factory=dict)

    def update(
        self,
        wanted: Sequence[WantedTask],
        before: ScheduleSnapshot | None,
        after: ScheduleSnapshot,
        in_flight: Iterable[InFlightCallback],
    ) -> list[WantedChange]:
        """Return the changes. ``in_flight`` are the callbacks in flight at the second poll."""
        listed: Counter[ScheduleKey] = Counter()
        entries: dict[ScheduleKey, Entry] = {}
        for entry in after.entries:
            if entry.source_app == self.own:
                listed[entry.series] += 1
                entries.setdefault(entry.series, entry)
        for call in in_flight:
            if call.entry.source_app == self.own and not call.is_given_up:
                listed[call.entry.series] += 1
        changes = []
        missing: dict[int, int] = {}
        # A task of the same series as one being deleted may have been added again meanwhile.
        order = [Wanted.LISTED, Wanted.DELETING, Wanted.ADDING, Wanted.LOST]
        for task in sorted(wanted, key=lambda one: (order.index(one.state), one.id)):
            if listed[task.series] > 0:
                listed[task.series] -= 1
                change = _listed(task, after.seen_at)
            else:
                missing[task.id] = self._missing.get(task.id, 0) + 1
                self._reached.setdefault(task.id, _reached(before, after))
                change = self._unlisted(task, after.seen_at, missing[task.id])
            if change is not None:
                changes.append(change)
        self._missing = missing
        self._reached = {key: at for key, at in self._reached.items() if key in missing}
        for series, count in listed.items():
            if series in entries:
                changes += [_seen(entries[series], after.seen_at) for _ in range(count)]
        return changes

    def _unlisted(self, task: WantedTask, now: datetime, polls: int) -> WantedChange | None:
        if task.state is Wanted.DELETING:
            return WantedChange(task, None)
        is_due = period(task.recurrence) is None and task.simulated_at <= self._reached[task.id]
        if task.state is Wanted.ADDING:
            is_over = is_due or now - task.since_at > CHANGES_FOR
            return WantedChange(task, None) if is_over else None
        if task.state is Wanted.LOST:
            return None
        if is_due:  # it has run, which its expected callback records
            return WantedChange(task, None)
        if polls < MISSING_POLLS:
            return None
        lost = replace(task, state=Wanted.LOST, since_at=now)
        return WantedChange(task, lost, record_of(task, TaskEvent.LOST, now))


def _listed(task: WantedTask, now: datetime) -> WantedChange | None:
    if task.state is Wanted.LISTED:
        return None
    if task.state is Wanted.DELETING and now - task.since_at < CHANGES_FOR:
        return None
    is_found = task.state is Wanted.LOST
    record = record_of(task, TaskEvent.FOUND, now) if is_found else None
    return WantedChange(task, replace(task, state=Wanted.LISTED, since_at=now), record)


def _seen(entry: Entry, now: datetime) -> WantedChange:
    """Adopt an entry under our name that nobody added here: it is ours from now on."""
    task = WantedTask(
        0,
        entry.dataset,
        entry.name,
        entry.source_app,
        entry.recurrence,
        entry.simulated_at,
        Wanted.LISTED,
        now,
    )
    return WantedChange(None, task, record_of(task, TaskEvent.SEEN, now))


def _reached(before: ScheduleSnapshot | None, after: ScheduleSnapshot) -> datetime:
    """Return how far the clock can have come before the list was read: a due task may have run."""
    if before is None:
        return after.clock.simulated_at
    clock, waited_s = before.clock, (after.seen_at - before.asked_at).total_seconds()
    waited_s = min(waited_s, LONGEST_GAP_S)
    if clock.paused:
        return max(clock.simulated_at, after.clock.simulated_at)
    try:
        # The clock may have ticked between the two requests of a poll.
        reached = clock.simulated_at + timedelta(seconds=clock.speed * (waited_s + 1))
    except OverflowError:
        reached = clock.simulated_at
    if after.clock.simulated_at >= clock.simulated_at:
        return after.clock.simulated_at
    return reached
