"""The journal of runs, their rejected records and their changes."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass
from datetime import datetime
from typing import Any

from ecommerce_core.datasets import Dataset
from ecommerce_core.domain import (
    Action,
    Change,
    Counts,
    Fact,
    Rejected,
    Resolution,
    Run,
    RunStatus,
    Trigger,
)
from ecommerce_core.storage.record.database import (
    Database,
    Part,
    now_utc,
    to_columns,
    to_datetime,
    to_details,
    to_fact,
    to_text,
)
from ecommerce_core.storage.record.undone import not_undone

# How many runs are read at once on the way back to the one that made the rows: few undo.
WALK_STEP = 20


@dataclass(frozen=True, slots=True)
class NewRun:
    """The details of a run that are known at its beginning."""

    dataset: str
    action: Action
    trigger: Trigger
    simulated_at: datetime | None = None
    task_name: str | None = None
    confirms_run_id: int | None = None
    actor: str | None = None


class RunJournal(Part):
    """Reads and writes of the journal. All methods raise StoreError if the database fails."""

    def begin_run(self, new: NewRun) -> int:
        """Write that a run begins, and return its number."""
        with self.writing() as db:
            return insert_run(db, new, status=RunStatus.RUNNING)

    def fail_run(
        self,
        run_id: int,
        *,
        status: RunStatus,
        error: Fact,
        body_bytes: int = 0,
        stages_s: Mapping[str, float] | None = None,
        fetched: int = 0,
        rejected: Sequence[Rejected] = (),
        rejected_count: int = 0,
    ) -> Run:
        """Write that a run ended without changing its dataset: ``failed`` or ``interrupted``."""
        with self.writing(is_stored=lambda db: has_ended(db, run_id)) as db:
            insert_rejected(db, run_id, rejected)
            counts = Counts(fetched=fetched, rejected=rejected_count)
            return finish_run(
                db,
                run_id,
                status=status,
                counts=counts,
                error=error,
                body_bytes=body_bytes,
                stages_s=stages_s or {},
            )

    def interrupt_stale_runs(self, dataset: str) -> int:
        """Mark the dataset's ``running`` runs as interrupted, and return how many there were.

        Only for the holder of the dataset's lock: then no such run can be alive.
        """
        with self.reading() as db:
            stale = db.execute(
                "SELECT 1 FROM run WHERE dataset = ? AND status = 'running' LIMIT 1", [dataset]
            ).fetchone()
        if stale is None:
            return 0
        with self.writing() as db:
            cursor = db.execute(
                "UPDATE run SET status = 'interrupted', finished_at = ?, error_code = ?"
                " WHERE dataset = ? AND status = 'running'",
                [
                    to_text(now_utc()),
                    "process_ended",
                    dataset,
                ],
            )
            return int(cursor.rowcount)

    def run(self, run_id: int) -> Run | None:
        """Return the run with that number, or None."""
        with self.reading() as db:
            return select_run(db, run_id)

    def list_runs(
        self,
        *,
        limit: int = 100,
        before_id: int | None = None,
        dataset: str | None = None,
        trigger: Trigger | None = None,
        status: RunStatus | None = None,
        action: Action | None = None,
        statuses: Sequence[RunStatus] = (),
    ) -> list[Run]:
        """List matching runs, newest first. Continue with ``before_id``."""
        clauses, values = ["TRUE"], list[Any]()
        if before_id is not None:
            clauses.append("id < ?")
            values.append(before_id)
        equal = {"dataset": dataset, "trigger": trigger, "status": status, "action": action}
        for column, value in equal.items():
            if value is not None:
                clauses.append(f"{column} = ?")
                values.append(value)
        if statuses:
            clauses.append(f"status IN ({', '.join('?' for _ in statuses)})")
            values.extend(statuses)
        where = " AND ".join(clauses)
        with self.reading() as db:
            rows = db.query(
                f"SELECT * FROM run WHERE {where} ORDER BY id DESC LIMIT ?",
                [*values, limit],
            )
            return [run_of_row(row) for row in rows]

    def last_run(self, dataset: str) -> Run | None:
        """Return the newest run of a dataset, of any kind, or None."""
        return next(iter(self.list_runs(dataset=dataset, limit=1)), None)

    def last_good_run(self, dataset: str) -> Run | None:
        """Return the newest sync after which the store held the peer's answer, or None.

        A sync that was undone does not count: its answer is not in the store any more.
        """
        runs = not_undone(self._list_good(dataset))
        return next((run for run in runs if run.action is Action.SYNC), None)

    def run_of_rows(self, dataset: str) -> Run | None:
        """Return the sync or clear that made the rows as they are, or None.

        An undo makes no rows: it leads back to the run before what it undid.
        """
        return next(not_undone(self._list_good(dataset)), None)

    def applying_run(self, held_run_id: int) -> Run | None:
        """Return the run that applied the answer of a held run, or None."""
        with self.reading() as db:
            row = db.execute(
                "SELECT id FROM run WHERE confirms_run_id = ?"
                " AND status IN ('succeeded', 'partial') ORDER BY id DESC LIMIT 1",
                [held_run_id],
            ).fetchone()
            return None if row is None else select_run(db, row[0])

    def _list_good(self, dataset: str) -> Iterator[Run]:
        """Yield the good runs of a dataset, newest first."""
        good = [status for status in RunStatus if status.is_good]
        before_id: int | None = None
        while runs := self.list_runs(
            dataset=dataset, statuses=good, before_id=before_id, limit=WALK_STEP
        ):
            yield from runs
            before_id = runs[-1].id

    def finished_sync_after(self, dataset: str, run_id: int) -> Run | None:
        """Return the newest run after ``run_id`` if it is a fetch that ended normally.

        None if the newest run is of another kind: a confirmed held answer is old, and a clear has
        undone what was fetched before it.
        """
        run = self.last_run(dataset)
        ended = {RunStatus.RUNNING, RunStatus.INTERRUPTED}
        if run is None or run.id <= run_id or run.status in ended:
            return None
        fetched = run.action is Action.SYNC and run.confirms_run_id is None
        return run if fetched else None

    def newest_run_id(self) -> int:
        """Return the number of the newest run of any dataset; 0 before the first."""
        with self.reading() as db:
            return int(db.execute("SELECT coalesce(max(id), 0) FROM run").fetchone()[0])

    def held_run(self, dataset: str) -> Run | None:
        """Return the held run that waits for a decision, or None."""
        with self.reading() as db:
            row = db.execute("SELECT run_id FROM held WHERE dataset = ?", [dataset]).fetchone()
            return None if row is None else select_run(db, row[0])

    def list_rejected(self, run_id: int, *, limit: int = 1_000) -> list[Rejected]:
        """List the records that a run rejected, as far as they were kept, by position."""
        with self.reading() as db:
            rows = db.execute(
                "SELECT position, key, code, details, record FROM rejected"
                " WHERE run_id = ? ORDER BY position LIMIT ?",
                [run_id, limit],
            )
            return [
                Rejected(position, key, Fact(code, to_details(details)), record)
                for position, key, code, details, record in rows
            ]

    def list_changes(self, run_id: int, *, limit: int = 1_000) -> list[Change]:
        """List the fields that a run changed, by key."""
        with self.reading() as db:
            rows = db.execute(
                "SELECT run_id, key, field, old, new FROM change"
                " WHERE run_id = ? ORDER BY key, field LIMIT ?",
                [run_id, limit],
            )
            return [Change(*row) for row in rows]


def insert_run(db: Database, new: NewRun, *, status: RunStatus) -> int:
    """Write a run that begins, inside an open transaction, and return its number."""
    cursor = db.execute(
        "INSERT INTO run (dataset, action, trigger, status, started_at, simulated_at,"
        " task_name, confirms_run_id, actor) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?) RETURNING id",
        [
            new.dataset,
            new.action,
            new.trigger,
            status,
            to_text(now_utc()),
            to_text(new.simulated_at),
            new.task_name,
            new.confirms_run_id,
            new.actor,
        ],
    )
    return int(cursor.fetchone()[0])


def finish_run(
    db: Database,
    run_id: int,
    *,
    status: RunStatus,
    counts: Counts,
    error: Fact | None = None,
    body_bytes: int = 0,
    stages_s: Mapping[str, float] | None = None,
    rows_after: int | None = None,
) -> Run:
    """Write how a run ended, inside an open transaction, and return the run.

    ``rows_after``: the number of current rows it left, if it may have changed the rows.
    """
    values = asdict(counts)
    db.execute(
        "UPDATE run SET status = ?, finished_at = ?, error_code = ?, error_details = ?,"
        " body_bytes = ?, stages_s = ?, rows_after = ?, "
        + ", ".join(f"{name} = ?" for name in values)
        + " WHERE id = ?",
        [
            status,
            to_text(now_utc()),
            *to_columns(error),
            body_bytes,
            json.dumps({stage: round(s, 4) for stage, s in (stages_s or {}).items()}),
            rows_after,
            *values.values(),
            run_id,
        ],
    )
    run = select_run(db, run_id)
    if run is None:  # the journal is append-only: somebody else has changed the file
        raise LookupError(f"run {run_id} is gone from the journal")
    return run


def select_applied(db: Database, dataset: Dataset) -> Run | None:
    """Return the run that applied a held answer, if the rows from before it are kept aside."""
    kept = db.execute(f"SELECT 1 FROM {dataset.table}_cleared LIMIT 1").fetchone()
    if kept is None:
        return None
    # Any other run that changed the rows, or could have, lets go of what was kept, or replaces it.
    row = db.execute(
        "SELECT id FROM run WHERE dataset = ? AND status IN ('succeeded', 'partial')"
        " ORDER BY id DESC LIMIT 1",
        [dataset.name],
    ).fetchone()
    run = None if row is None else select_run(db, row[0])
    return run if run is not None and run.confirms_run_id is not None else None


def insert_rejected(db: Database, run_id: int, rejected: Sequence[Rejected]) -> None:
    """Write the records that a run rejected, inside an open transaction."""
    db.executemany(
        "INSERT INTO rejected (run_id, position, key, code, details, record)"
        " VALUES (?, ?, ?, ?, ?, ?)",
        [(run_id, bad.position, bad.key, *to_columns(bad.reason), bad.record) for bad in rejected],
    )


def select_run(db: Database, run_id: int) -> Run | None:
    """Return one run, or None, inside any open transaction."""
    row = next(iter(db.query("SELECT * FROM run WHERE id = ?", [run_id])), None)
    return None if row is None else run_of_row(row)


def has_ended(db: Database, run_id: int) -> bool:
    """Return True if the run has ended according to the journal: its rows are then stored."""
    run = select_run(db, run_id)
    return run is not None and run.status not in {RunStatus.RUNNING, RunStatus.INTERRUPTED}


def run_of_row(row: Mapping[str, Any]) -> Run:
    """Return the Run of a stored row."""
    started_at = to_datetime(row["started_at"])
    if started_at is None:
        raise ValueError("a run without a start")
    return Run(
        id=row["id"],
        dataset=row["dataset"],
        action=Action(row["action"]),
        trigger=Trigger(row["trigger"]),
        status=RunStatus(row["status"]),
        started_at=started_at,
        finished_at=to_datetime(row["finished_at"]),
        counts=Counts(**{name: row[name] for name in Counts.__slots__}),
        body_bytes=row["body_bytes"],
        stages_s=json.loads(row["stages_s"]),
        error=to_fact(row["error_code"], row["error_details"]),
        simulated_at=to_datetime(row["simulated_at"]),
        task_name=row["task_name"],
        confirms_run_id=row["confirms_run_id"],
        resolution=Resolution(row["resolution"]) if row["resolution"] else None,
        actor=row["actor"],
    )
