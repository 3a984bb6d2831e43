"""The tasks that are wanted here, and the journal of what happened to them."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from datetime import datetime
from typing import Any

from ecommerce_core.domain import TaskEvent, TaskRecord, Wanted, WantedChange, WantedTask
from ecommerce_core.storage.record.database import (
    Database,
    Part,
    to_datetime,
    to_text,
)

KEPT_TASK_RECORDS = 1_000


class WantedTaskJournal(Part):
    """Reads and writes of wanted tasks. Everything raises StoreError."""

    def list_wanted_tasks(self, *, states: Collection[Wanted] = tuple(Wanted)) -> list[WantedTask]:
        """Return the wanted tasks in one of the states, in the order in which they were added."""
        wanted = {state.value for state in states}
        with self.reading() as db:
            rows = db.query("SELECT * FROM wanted_task ORDER BY id")
            return [_task_of_row(row) for row in rows if row["state"] in wanted]

    def change_wanted_tasks(self, changes: Sequence[WantedChange]) -> list[WantedTask]:
        """Apply changes in one transaction. Return the tasks as they are stored after it."""
        stored = []
        with self.writing() as db:
            for change in changes:
                task = _apply(db, change)
                if task is False:
                    continue
                if change.record is not None:
                    _insert_record(db, change.record)
                if isinstance(task, WantedTask):
                    stored.append(task)
            db.execute(
                "DELETE FROM task_record WHERE id <= (SELECT max(id) FROM task_record) - ?",
                [KEPT_TASK_RECORDS],
            )
        return stored

    def list_task_records(self, *, limit: int = 100) -> list[TaskRecord]:
        """Return what happened to our tasks, newest first."""
        with self.reading() as db:
            rows = db.query(
                "SELECT at, event, dataset, name, recurrence, simulated_at, actor"
                " FROM task_record ORDER BY id DESC LIMIT ?",
                [limit],
            )
            return [_record_of_row(row) for row in rows]


def _apply(db: Database, change: WantedChange) -> WantedTask | None | bool:
    """Return the stored task, None if there is none, or False if it was changed meanwhile."""
    before, after = change.before, change.after
    if before is None:
        if after is None:
            return None
        cursor = db.execute(
            "INSERT INTO wanted_task (dataset, name, source_app, recurrence, simulated_at, state,"
            " since_at, actor, kept_at) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?) RETURNING id",
            _values(after),
        )
        return _with_id(after, int(cursor.fetchone()[0]))
    as_before = (before.id, before.state.value, to_text(before.since_at))
    if after is None:
        cursor = db.execute(
            "DELETE FROM wanted_task WHERE id = ? AND state = ? AND since_at = ?", as_before
        )
    else:
        cursor = db.execute(
            "UPDATE wanted_task SET dataset = ?, name = ?, source_app = ?, recurrence = ?,"
            " simulated_at = ?, state = ?, since_at = ?, actor = ?, kept_at = ?"
            " WHERE id = ? AND state = ? AND since_at = ?",
            (*_values(after), *as_before),
        )
    if cursor.rowcount == 0:
        return False
    return None if after is None else _with_id(after, before.id)


def _values(task: WantedTask) -> tuple[object, ...]:
    return (
        task.dataset,
        task.name,
        task.source_app,
        task.recurrence,
        to_text(task.simulated_at),
        task.state.value,
        to_text(task.since_at),
        task.actor,
        to_text(task.kept_at),
    )


def _with_id(task: WantedTask, task_id: int) -> WantedTask:
    values = dict(zip(_COLUMNS, _values(task), strict=True))
    return _task_of_row({"id": task_id, **values})


_COLUMNS = (
    "dataset",
    "name",
    "source_app",
    "recurrence",
    "simulated_at",
    "state",
    "since_at",
    "actor",
    "kept_at",
)


def _insert_record(db: Database, record: TaskRecord) -> None:
    db.execute(
        "INSERT INTO task_record (at, event, dataset, name, recurrence, simulated_at, actor)"
        " VALUES (?, ?, ?, ?, ?, ?, ?)",
        [
            to_text(record.at),
            record.event.value,
            record.dataset,
            record.name,
            record.recurrence,
            to_text(record.simulated_at),
            record.actor,
        ],
    )


def _task_of_row(row: Mapping[str, Any]) -> WantedTask:
    return WantedTask(
        id=row["id"],
        dataset=row["dataset"],
        name=row["name"],
        source_app=row["source_app"],
        recurrence=row["recurrence"],
        simulated_at=_moment(row["simulated_at"]),
        state=Wanted(row["state"]),
        since_at=_moment(row["since_at"]),
        actor=row["actor"],
        kept_at=to_datetime(row["kept_at"]),
    )


def _record_of_row(row: Mapping[str, Any]) -> TaskRecord:
    moments = {name: _moment(row[name]) for name in ("at", "simulated_at")}
    return TaskRecord(**{**row, **moments, "event": TaskEvent(row["event"])})


def _moment(text: str) -> datetime:
    return datetime.fromisoformat(text)
