"""Make the list of alerts from the facts, only here. Pure."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import replace
from datetime import timedelta

from ecommerce_core.alerts.facts import DatasetFacts, Facts, Fault, StoreFault
from ecommerce_core.domain import (
    Alert,
    AlertCode,
    AlertDetail,
    ExpectedCallback,
    RunStatus,
    series_of_callback,
)

# A backup takes a while; it is overdue if it is late by more.
BACKUP_GRACE = timedelta(minutes=15)
# A dataset may miss one of its times before it is stale, since the next may update it.
STALE_AFTER_PERIODS = 2

_STORE = {
    StoreFault.DAMAGED: AlertCode.STORE_DAMAGED,
    StoreFault.FULL: AlertCode.STORE_FULL,
    StoreFault.READ_ONLY: AlertCode.STORE_READ_ONLY,
    StoreFault.UNUSABLE: AlertCode.STORE_UNUSABLE,
}

_CALLBACKS = frozenset(
    {AlertCode.CALLBACKS_MISSED, AlertCode.CALLBACKS_LATE, AlertCode.CALLBACKS_REFUSED}
)
_SCHEDULE = _CALLBACKS | {
    AlertCode.TASKS_LOST,
    AlertCode.CLOCK_STANDS_STILL,
    AlertCode.DATA_STALE,
}
_STALE = frozenset({AlertCode.DATA_STALE})
_STORED = frozenset(
    {
        AlertCode.BACKUP_OVERDUE,
        AlertCode.SNAPSHOT_BEHIND,
        AlertCode.FETCH_INTERRUPTED,
        AlertCode.DATA_STALE,
    }
)
# The alerts that another one explains, for the same dataset if both name one.
INHIBITS: Mapping[AlertCode, frozenset[AlertCode]] = {
    AlertCode.STORE_DAMAGED: _STORED,
    AlertCode.STORE_FULL: _STORED,
    AlertCode.STORE_READ_ONLY: _STORED,
    AlertCode.STORE_UNUSABLE: _STORED,
    AlertCode.GATEWAY_DOWN: _SCHEDULE
    | {AlertCode.SCHEDULER_DOWN, AlertCode.PEER_DOWN, AlertCode.REGISTRATION_FAILING},
    AlertCode.SCHEDULER_DOWN: _SCHEDULE,
    AlertCode.REGISTRATION_FAILING: _CALLBACKS | _STALE,
    AlertCode.CLOCK_STANDS_STILL: _CALLBACKS | _STALE,
    AlertCode.TASKS_LOST: _CALLBACKS | _STALE,
    AlertCode.PEER_DOWN: _STALE,
    AlertCode.FETCH_FAILED: _STALE,
    AlertCode.FETCH_INTERRUPTED: _STALE,
    AlertCode.ANSWER_HELD: _STALE,
    AlertCode.CALLBACKS_MISSED: _STALE,
    AlertCode.CALLBACKS_LATE: _STALE,
    AlertCode.CALLBACKS_REFUSED: _STALE,
}


def find_alerts(facts: Facts) -> list[Alert]:
    """Return all alerts, the worst first, each with its cause if another one explains it."""
    found = [*_around(facts), *_of_datasets(facts), *_of_scheduler(facts)]
    judged = [replace(alert, inhibited_by=_cause(alert, found)) for alert in found]
    return sorted(judged, key=lambda alert: (-alert.severity.rank, alert.since_at, alert.key))


def _cause(alert: Alert, found: list[Alert]) -> AlertCode | None:
    for other in found:
        named = alert.datasets and other.datasets
        is_related = not named or set(alert.datasets) & set(other.datasets)
        if is_related and alert.code in INHIBITS.get(other.code, ()):
            return other.code
        if (
            other.code is AlertCode.GATEWAY_DOWN
            and alert.code is AlertCode.FETCH_FAILED
            and alert.details.get("fault") == Fault.GATEWAY
        ):
            return other.code
    return None


def _around(facts: Facts) -> Iterator[Alert]:
    if facts.store_fault is not None:
        yield Alert(_STORE[facts.store_fault], "", facts.now)
    if facts.registration_error is not None:
        yield Alert(AlertCode.REGISTRATION_FAILING, "", facts.now)
    due_at = facts.backup_due_at
    if facts.backup_error is not None:
        yield Alert(AlertCode.BACKUP_OVERDUE, "", min(due_at or facts.now, facts.now))
    elif due_at is not None and facts.now > due_at + BACKUP_GRACE:
        yield Alert(AlertCode.BACKUP_OVERDUE, "", due_at)
    for service, since_at in facts.failing_services.items():
        yield Alert(AlertCode.MESSAGES_FAILING, service, since_at, details={"service": service})


def _of_datasets(facts: Facts) -> Iterator[Alert]:
    down: dict[str, list[DatasetFacts]] = {}
    for dataset in facts.datasets:
        run = dataset.last_run
        if run is not None and run.status is RunStatus.FAILED and dataset.fault is Fault.PEER:
            down.setdefault(dataset.peer, []).append(dataset)
        else:
            yield from _of_last_run(dataset)
        yield from _of_rows(dataset, facts)
    for peer, datasets in down.items():
        runs = [one.last_run for one in datasets if one.last_run is not None]
        since_at = min(run.finished_at or run.started_at for run in runs)
        names = tuple(one.name for one in datasets)
        details: Mapping[str, AlertDetail] = {"peer": peer, "run": max(run.id for run in runs)}
        yield Alert(AlertCode.PEER_DOWN, peer, since_at, names, details)


def _of_last_run(dataset: DatasetFacts) -> Iterator[Alert]:
    run = dataset.last_run
    codes = {
        RunStatus.FAILED: AlertCode.FETCH_FAILED,
        RunStatus.INTERRUPTED: AlertCode.FETCH_INTERRUPTED,
    }
    if run is not None and run.status in codes:
        details = {"run": run.id, "fault": dataset.fault}
        since_at = run.finished_at or run.started_at
        yield Alert(codes[run.status], dataset.name, since_at, (dataset.name,), details)


def _of_rows(dataset: DatasetFacts, facts: Facts) -> Iterator[Alert]:
    name, held, good = dataset.name, dataset.held, dataset.last_good
    if held is not None:
        details = {
            "run": held.id,
            "withdrawn": held.counts.withdrawn,
            "added": held.counts.added,
        }
        since_at = held.finished_at or held.started_at
        yield Alert(AlertCode.ANSWER_HELD, name, since_at, (name,), details)
    if good is not None and good.counts.rejected:
        rejected = {"run": good.id, "rejected": good.counts.rejected}
        since_at = good.finished_at or good.started_at
        yield Alert(AlertCode.RECORDS_REJECTED, name, since_at, (name,), rejected)
    if dataset.is_snapshot_behind:
        error = {"error": dataset.snapshot_error}
        yield Alert(AlertCode.SNAPSHOT_BEHIND, name, facts.now, (name,), error)
    if good is not None:
        good_at = good.finished_at or good.started_at
        age = facts.now - good_at
        if _is_stale(dataset, age, facts.max_age):
            yield Alert(
                AlertCode.DATA_STALE, name, facts.now, (name,), {"good_at": good_at.isoformat()}
            )


def _is_stale(dataset: DatasetFacts, age: timedelta, max_age: timedelta | None) -> bool:
    if max_age is not None and age > max_age:
        return True
    since, period = dataset.schedule_age, dataset.schedule_period
    return since is not None and period is not None and since > STALE_AFTER_PERIODS * period


def _of_scheduler(facts: Facts) -> Iterator[Alert]:
    scheduler = facts.scheduler
    if scheduler.fault is Fault.GATEWAY and scheduler.part is None:
        yield Alert(AlertCode.GATEWAY_DOWN, "", facts.now)
    if scheduler.fault is not None:
        yield Alert(AlertCode.SCHEDULER_DOWN, "", facts.now, details={"part": scheduler.part})
    if scheduler.clock_stands_since is not None:
        yield Alert(AlertCode.CLOCK_STANDS_STILL, "", scheduler.clock_stands_since)
    lost: dict[str, list[str]] = {}
    for dataset, task_name in scheduler.lost_tasks:
        lost.setdefault(dataset, []).append(task_name)
    for dataset, names in lost.items():
        details: Mapping[str, AlertDetail] = {"count": len(names), "task": names[0]}
        yield Alert(AlertCode.TASKS_LOST, dataset, facts.now, (dataset,), details)
    for missed in scheduler.missed:
        yield _of_task(AlertCode.CALLBACKS_MISSED, missed, missed.count)
    for refused in scheduler.refused:
        yield _of_task(AlertCode.CALLBACKS_REFUSED, refused, refused.count)
    for late, in_a_row in scheduler.late:
        yield _of_task(AlertCode.CALLBACKS_LATE, late, in_a_row)


def _of_task(code: AlertCode, newest: ExpectedCallback, count: int) -> Alert:
    """Return an alert about a recurring task, from its newest expected callback."""
    series = series_of_callback(newest)
    subject = f"{series.dataset} {series.name} {series.recurrence} {series.phase}"
    details: Mapping[str, AlertDetail] = {
        "expected": newest.id,
        "task": newest.task_name,
        "recurrence": newest.recurrence,
        "due_at": newest.simulated_last_at.isoformat(),
        "count": count,
        "reason": None if newest.reason is None else newest.reason.code,
    }
    return Alert(code, subject, newest.noticed_at, (newest.dataset,), details)
