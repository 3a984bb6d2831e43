"""Gather the facts for alerts from all their sources."""

from __future__ import annotations

from collections.abc import Callable, Hashable, Iterable, Mapping
from contextlib import suppress
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from itertools import takewhile
from types import MappingProxyType

from ecommerce_core.alerts.facts import DatasetFacts, Facts, Fault, SchedulerFacts, StoreFault
from ecommerce_core.datasets import Dataset
from ecommerce_core.domain import (
    ExpectedCallback,
    ExpectedOutcome,
    Fact,
    MonitorSnapshot,
    PartState,
    RunStatus,
    ScheduleKey,
    SchedulerState,
    StoreBusy,
    StoreDamaged,
    StoreError,
    StoreFull,
    StoreIncompatible,
    StoreReadOnly,
    estimate,
    period,
    series_of_callback,
)
from ecommerce_core.gateway import Registration
from ecommerce_core.scheduler import SchedulerMonitor
from ecommerce_core.storage import BackupSchedule, Reader, SnapshotCode, Store

# This many callbacks in a row that are late or too slow are no accident.
LATE_IN_A_ROW = 3
# The expected callbacks that are read for that: an hour or two of a task that fires each minute.
READ_EXPECTED = 200

# The monitor polls every second: a clock read longer ago means that it hangs.
SILENT_AFTER = timedelta(seconds=6)

_DECIDED = frozenset(ExpectedOutcome) - {ExpectedOutcome.PENDING, ExpectedOutcome.CANCELLED}
_LATE = frozenset({ExpectedOutcome.LATE, ExpectedOutcome.SLOW})

# Whose fault an error is, by its code; of any other nobody can say it.
_FAULTS: Mapping[Fault, frozenset[str]] = {
    Fault.GATEWAY: frozenset(
        {"gateway_name_unknown", "gateway_timed_out", "gateway_untrusted", "gateway_refuses"}
    ),
    Fault.PEER: frozenset(
        {
            "peer_down",
            "peer_silent",
            "peer_fell_silent",
            "peer_too_slow",
            "no_answer",
            "answer_cut",
            "peer_failed",
            "peer_failed_with_reason",
        }
    ),
}


def fault_of(error: Fact | None) -> Fault:
    """Whose fault an error is."""
    code = "" if error is None else error.code
    return next((fault for fault, codes in _FAULTS.items() if code in codes), Fault.OTHER)


def store_fault_of(error: StoreError) -> StoreFault | None:
    """Return the store's fault from an error, or None if it is only busy, which passes."""
    if isinstance(error, StoreBusy):
        return None
    if isinstance(error, StoreFull):
        return StoreFault.FULL
    if isinstance(error, StoreDamaged | StoreIncompatible):
        return StoreFault.DAMAGED
    if isinstance(error, StoreReadOnly):
        return StoreFault.READ_ONLY
    return StoreFault.UNUSABLE


@dataclass(slots=True)
class FactSource:
    """Gathers facts. ``store_fault`` is the result of the last attempt to write to the store."""

    store: Store
    reader: Reader
    monitor: SchedulerMonitor
    backups: Callable[[], BackupSchedule]
    registration: Registration
    datasets: Mapping[str, Dataset]
    app_name: str
    grace: timedelta
    max_age: timedelta | None = None
    store_fault: StoreFault | None = None
    failing_services: Callable[[], Mapping[str, datetime]] = lambda: MappingProxyType({})
    _expected: tuple[Hashable, SchedulerFacts] | None = field(default=None, init=False)

    @property
    def has_looked(self) -> bool:
        """True if the state of the scheduler is known, which takes some moments after a start."""
        seen = self.monitor.snapshot()
        return seen.state is not SchedulerState.UNKNOWN

    def gather(self) -> Facts:
        """Gather all facts now. Never raises StoreError, which is a fact, too."""
        fault = self.store_fault
        seen = self.monitor.snapshot()
        now = datetime.now(UTC)
        datasets: list[DatasetFacts] = []
        scheduler = SchedulerFacts()
        try:
            datasets = [self._of_dataset(one, seen, now) for one in self.datasets.values()]
            scheduler = self._of_callbacks()
        except StoreError as error:
            fault = store_fault_of(error) or fault
        backups = self.backups().state
        return Facts(
            now,
            tuple(datasets),
            SchedulerFacts(
                fault=_scheduler_fault(seen, now, waits=fault is not None),
                part=_part_down(seen),
                missed=tuple(self.monitor.missed_now()),
                refused=scheduler.refused,
                late=scheduler.late,
                lost_tasks=tuple((task.dataset, task.name) for task in seen.lost_tasks),
                clock_stands_since=seen.standing_still_since,
            ),
            store_fault=fault,
            max_age=self.max_age,
            registration_error=self.registration.state.error,
            backup_error=backups.error,
            backup_due_at=backups.next_at,
            failing_services=self.failing_services(),
        )

    def _of_dataset(self, dataset: Dataset, seen: MonitorSnapshot, now: datetime) -> DatasetFacts:
        name = dataset.name
        runs = self.store.list_runs(dataset=name, limit=3)
        last = next((run for run in runs if run.status is not RunStatus.RUNNING), None)
        good = self.store.last_good_run(name)
        snapshot = self.reader.state(dataset)
        age, step = None, self._period(dataset, seen)
        at = None if seen.reading.error is not None else estimate(seen.reading, now)
        if good is not None and good.simulated_at is not None and at is not None:
            # A callback that is late by less is on its way; the clock moves in whole ticks.
            speed = 0.0 if seen.reading.clock is None else seen.reading.clock.speed
            with suppress(OverflowError):  # a clock of an absurd speed, which makes nothing stale
                age = at - good.simulated_at - speed * (self.grace + timedelta(seconds=5))
        return DatasetFacts(
            name,
            dataset.peer,
            last_run=last,
            last_good=good,
            held=self.store.held_run(name),
            fault=None if last is None or last.error is None else fault_of(last.error),
            schedule_age=age,
            schedule_period=step,
            # Each new version is behind for a moment; only one that is behind because of an error
            # is an alert.
            is_snapshot_behind=snapshot.error_code is not None
            and snapshot.code is not SnapshotCode.CURRENT,
            snapshot_error=snapshot.error_code,
        )

    def _period(self, dataset: Dataset, seen: MonitorSnapshot) -> timedelta | None:
        """Return how often our tasks fetch a dataset, in simulated time, or None if none recurs."""
        target = self.app_name + dataset.callback_path
        steps = [period(task.recurrence) for task in seen.tasks if task.target == target]
        return min((step for step in steps if step is not None), default=None)

    def _of_callbacks(self) -> SchedulerFacts:
        era_at = self.monitor.snapshot().era_at
        mark = era_at, self.store.expected_mark()
        if self._expected is None or self._expected[0] != mark:
            newest = self.store.list_expected_callbacks(limit=READ_EXPECTED, noticed_since=era_at)
            self._expected = mark, _judge(newest)
        return self._expected[1]


def _judge(newest: Iterable[ExpectedCallback]) -> SchedulerFacts:
    """Find the recurring tasks that are refused, or late again and again; ``newest`` first."""
    by_series: dict[ScheduleKey, list[ExpectedCallback]] = {}
    for one in newest:
        if one.outcome in _DECIDED and period(one.recurrence) is not None:
            by_series.setdefault(series_of_callback(one), []).append(one)
    refused, late = [], []
    for ones in by_series.values():
        in_a_row = sum(1 for _ in takewhile(lambda one: one.outcome in _LATE, ones))
        if ones[0].outcome is ExpectedOutcome.REFUSED:
            refused.append(ones[0])
        elif in_a_row >= LATE_IN_A_ROW:
            late.append((ones[0], in_a_row))
    return SchedulerFacts(refused=tuple(refused), late=tuple(late))


def _scheduler_fault(seen: MonitorSnapshot, now: datetime, *, waits: bool) -> Fault | None:
    """Return whose fault it is that the scheduler cannot be read, or None if it can.

    ``waits``: the monitor waits for the store of record, so its silence says nothing about the
    scheduler.
    """
    error = seen.reading.error or seen.list_error
    if error is not None:
        found = fault_of(error)
        return Fault.PEER if found is Fault.OTHER else found
    read_at = seen.reading.read_at
    is_silent = not waits and read_at is not None and now - read_at > SILENT_AFTER
    return Fault.PEER if is_silent else None


def _part_down(seen: MonitorSnapshot) -> str | None:
    """Which part of the scheduler alone cannot be read; None if both or neither can."""
    is_down = {
        "clock": seen.clock_state is PartState.DOWN,
        "tasks": seen.list_state is PartState.DOWN,
    }
    return (
        next((part for part, down in is_down.items() if down), None)
        if not all(is_down.values())
        else None
    )
