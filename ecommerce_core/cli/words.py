"""Format runs and tasks as text, and as plain values for JSON."""

from __future__ import annotations

from dataclasses import asdict
from datetime import datetime
from typing import Any

from ecommerce_core.domain import AuditEntry, Fact, Language, Run, RunStatus, Task
from ecommerce_core.storage import AlertRecord


def run_in_words(run: Run) -> str:
    """Return a run as one line."""
    counts = run.counts
    by = f" ({run.actor})" if run.actor else ""
    word = Language().word
    said = f"run {run.id}: {run.dataset} {word(run.action)} {word(run.shown_status)}"
    if run.status in {RunStatus.RUNNING, RunStatus.INTERRUPTED, RunStatus.FAILED}:
        return (f"{said}: {run.error}" if run.error else said) + by
    numbers = (
        f"{counts.fetched:,} fetched, {counts.added:,} added, {counts.returned:,} returned, "
        f"{counts.updated:,} changed, {counts.unchanged:,} unchanged, "
        f"{counts.withdrawn:,} withdrawn, {counts.rejected:,} rejected"
        f" in {run.duration_s or 0:.2f} s"
    )
    todo = (
        " Review the rows, then apply or discard it." if run.shown_status is RunStatus.HELD else ""
    )
    return f"{said}: {numbers}" + (f". {run.error}{todo}" if run.error else "") + by


def run_as_plain(run: Run) -> dict[str, Any]:
    """Return a run as values for JSON."""
    return {
        "id": run.id,
        "dataset": run.dataset,
        "action": run.action.value,
        "trigger": run.trigger.value,
        "actor": run.actor,
        "status": run.status.value,
        "started_at": moment(run.started_at),
        "finished_at": moment(run.finished_at),
        "duration_s": run.duration_s,
        "counts": asdict(run.counts),
        "body_bytes": run.body_bytes,
        **error_as_plain(run.error),
        "simulated_at": moment(run.simulated_at),
        "task_name": run.task_name,
        "resolution": None if run.resolution is None else run.resolution.value,
    }


def error_as_plain(error: Fact | None) -> dict[str, Any]:
    """Return an error for JSON: as a text, and as a code with its details."""
    return {"error": None if error is None else str(error), **fact_as_plain(error)}


def fact_as_plain(fact: Fact | None) -> dict[str, Any]:
    """Return a fact as values for JSON."""
    return {"code": None, "details": {}} if fact is None else asdict(fact)


def task_as_plain(task: Task) -> dict[str, Any]:
    """Return a task as values for JSON, without its data, which may be a token."""
    return {
        "name": task.name,
        "source_app": task.source_app,
        "target": task.target,
        "application": task.target_app,
        "path": task.target_url,
        "next_fire_time": moment(task.next_fire_time),
        "recurrence": task.recurrence,
        "oddities": [oddity.value for oddity in task.oddities],
    }


def alert_as_plain(record: AlertRecord) -> dict[str, Any]:
    """Return an alert as values for JSON."""
    alert = record.alert
    return {
        "code": alert.code.value,
        "severity": alert.severity.value,
        "subject": alert.subject,
        "datasets": list(alert.datasets),
        "since": moment(alert.since_at),
        "over_since": moment(record.ended_at),
        "details": dict(alert.details),
    }


def audit_as_plain(entry: AuditEntry) -> dict[str, Any]:
    """A line of the audit as JSON says it."""
    return {
        "id": entry.id,
        "at": moment(entry.at),
        "action": entry.action.value,
        "actor": entry.actor,
        "subject": entry.subject,
        "details": dict(entry.details),
    }


def moment(at: datetime | None) -> str | None:
    """Return a moment in ISO 8601."""
    return None if at is None else at.isoformat()


def size_in_words(count: int) -> str:
    """Return a file's size with its unit."""
    size, unit = float(count), "bytes"
    for larger in ("kB", "MB", "GB"):
        if size < 1000:
            break
        size, unit = size / 1000, larger
    return f"{size:,.0f} {unit}" if unit == "bytes" else f"{size:,.1f} {unit}"
