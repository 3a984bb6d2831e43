"""Changes of a dataset's rows by syncs, clears and decisions: each is one transaction."""

from __future__ import annotations

import json
import zlib
from collections.abc import Mapping

from ecommerce_core.datasets import Body, Dataset, Parsed
from ecommerce_core.domain import (
    Action,
    Counts,
    NothingToUndo,
    Resolution,
    Run,
    RunNotHeld,
    RunStatus,
    Totals,
    Trigger,
)
from ecommerce_core.storage.record.database import Database, Part, now_utc, to_text
from ecommerce_core.storage.record.dataset_state import (
    DatasetState,
    count_table,
    forget_cleared,
    forget_held,
    hold_answer,
    keep_rows,
    note_cleared,
    reason_to_hold,
    select_state,
    upsert_state,
)
from ecommerce_core.storage.record.difference import (
    Report,
    apply_difference,
    is_empty,
    list_difference,
    list_fingerprints,
)
from ecommerce_core.storage.record.runs import (
    NewRun,
    finish_run,
    has_ended,
    insert_rejected,
    insert_run,
    select_applied,
    select_run,
)


class Rows(Part):
    """The rows of every dataset, with the journal of their changes. All raise StoreError."""

    def dataset_state(self, dataset: str) -> DatasetState:
        """Return what is stored about the last answer that was applied."""
        with self.reading() as db:
            return select_state(db, dataset)

    def apply(
        self,
        run_id: int,
        dataset: Dataset,
        parsed: Parsed,
        *,
        state: DatasetState,
        body: Body,
        stages_s: Mapping[str, float],
        report: Report,
        hold_above_percent: int,
        fingerprints: Mapping[int, str] | None = None,
        confirms_run_id: int | None = None,
    ) -> Run:
        """Apply an answer to the table, with changes and journal, or hold it.

        One transaction. An answer that would withdraw more than ``hold_above_percent`` of the rows
        is held with its body, unless it is the held answer of ``confirms_run_id``, which an
        operator confirmed. ``fingerprints`` are those of the records that were known and so not
        decoded; raises WholeAnswerNeeded, and changes nothing, if the other records are not enough.
        """
        now = now_utc()
        resolution = Resolution.SUPERSEDED if confirms_run_id is None else Resolution.CONFIRMED
        with self.writing(is_stored=lambda db: has_ended(db, run_id)) as db:
            difference = list_difference(db, dataset, parsed, fingerprints or {})
            counts = difference.counts(parsed)
            rows_after = None
            is_held = difference.exceeds_hold_threshold(hold_above_percent)
            if is_held and confirms_run_id is None:
                hold_answer(db, dataset.name, run_id, body)
                insert_rejected(db, run_id, parsed.rejected)
                status, error = RunStatus.HELD, reason_to_hold(difference)
            else:
                before = None
                # After a clear the cleared rows stay: it is to them that an undo leads back.
                if confirms_run_id is not None and not is_empty(db, dataset):
                    before = select_state(db, dataset.name)
                    keep_rows(db, dataset)
                apply_difference(
                    db,
                    dataset,
                    difference,
                    run_id=run_id,
                    now=to_text(now) or "",
                    report=report,
                )
                rows_after = difference.current_after
                insert_rejected(db, run_id, parsed.rejected)
                forget_held(db, dataset.name, resolution)
                if confirms_run_id is None:
                    forget_cleared(db, dataset)
                upsert_state(db, dataset.name, state)
                if before is not None:
                    note_cleared(db, dataset, before)
                status = RunStatus.PARTIAL if parsed.rejected_count else RunStatus.SUCCEEDED
                error = None
            stages = {**stages_s, "storing": (now_utc() - now).total_seconds()}
            return finish_run(
                db,
                run_id,
                status=status,
                counts=counts,
                error=error,
                body_bytes=len(body),
                stages_s=stages,
                rows_after=rows_after,
            )

    def list_fingerprints(self, dataset: Dataset) -> dict[int, str]:
        """List the keys of the current rows by the fingerprints of their records.

        Empty if a row has no fingerprint. Only for the holder of the dataset's lock.
        """
        with self.reading() as db:
            return list_fingerprints(db, dataset)

    def finish_unchanged(
        self, run_id: int, dataset: Dataset, *, body_bytes: int, stages_s: Mapping[str, float]
    ) -> Run:
        """Journal that the peer's answer equals the one that was applied last."""
        with self.writing(is_stored=lambda db: has_ended(db, run_id)) as db:
            state = select_state(db, dataset.name)
            # The peer returned the answer that is already applied, so a held answer is superseded.
            forget_held(db, dataset.name, Resolution.SUPERSEDED)
            return finish_run(
                db,
                run_id,
                status=RunStatus.UNCHANGED,
                counts=Counts(
                    fetched=state.fetched,
                    unchanged=state.fetched - state.rejected,
                    rejected=state.rejected,
                ),
                body_bytes=body_bytes,
                stages_s=stages_s,
            )

    def clear(self, dataset: Dataset, *, trigger: Trigger, actor: str | None = None) -> Run:
        """Empty a dataset and keep its rows aside; in the journal, in one transaction."""
        with self.writing(is_stored=lambda db: has_ended(db, run_id)) as db:
            run_id = insert_run(
                db,
                NewRun(dataset.name, Action.CLEAR, trigger, actor=actor),
                status=RunStatus.RUNNING,
            )
            rows = count_table(db, dataset.table)
            if rows:  # clearing an empty dataset must not forget the rows that can be restored
                keep_rows(db, dataset)
                db.execute(f"DELETE FROM {dataset.table}")
                state = select_state(db, dataset.name)
                upsert_state(db, dataset.name, DatasetState())
                note_cleared(db, dataset, state)
            return finish_run(
                db,
                run_id,
                status=RunStatus.SUCCEEDED,
                counts=Counts(withdrawn=rows),
                rows_after=0,
            )

    def undo_clear(self, dataset: Dataset, *, trigger: Trigger, actor: str | None = None) -> Run:
        """Restore the rows that the last clear removed. Raises NothingToUndo."""
        with self.writing(is_stored=lambda db: has_ended(db, run_id)) as db:
            rows = count_table(db, f"{dataset.table}_cleared")
            if not rows or select_applied(db, dataset) is not None:
                raise NothingToUndo("nothing_to_undo", dataset=dataset.name)
            new = NewRun(dataset.name, Action.UNDO_CLEAR, trigger, actor=actor)
            run_id = insert_run(db, new, status=RunStatus.RUNNING)
            return _restore(db, dataset, run_id, Counts(returned=rows))

    def undo_apply(self, dataset: Dataset, *, trigger: Trigger, actor: str | None = None) -> Run:
        """Restore the rows from before a held answer was applied. Raises NothingToUndo."""
        with self.writing(is_stored=lambda db: has_ended(db, run_id)) as db:
            applied = select_applied(db, dataset)
            if applied is None:
                raise NothingToUndo("no_answer_to_undo", dataset=dataset.name)
            new = NewRun(dataset.name, Action.UNDO_APPLY, trigger, actor=actor)
            run_id = insert_run(db, new, status=RunStatus.RUNNING)
            table, kept, key = dataset.table, f"{dataset.table}_cleared", dataset.key
            # No NOT IN: among many rows, PostgreSQL compares each one with all the others.
            only_in = (
                "SELECT count(*) FROM {} a WHERE a.withdrawn_at IS NULL AND NOT EXISTS"
                " (SELECT 1 FROM {} b WHERE b.{key} = a.{key} AND b.withdrawn_at IS NULL)"
            )
            (go,) = db.execute(only_in.format(table, kept, key=key)).fetchone()
            (return_,) = db.execute(only_in.format(kept, table, key=key)).fetchone()
            # What the run changed is changed back, so that reports see no difference over both.
            db.execute(
                "INSERT INTO change (run_id, dataset, key, field, old, new)"
                " SELECT ?, dataset, key, field, new, old FROM change WHERE run_id = ?",
                [run_id, applied.id],
            )
            db.execute(f"DELETE FROM {table}")
            counts = Counts(returned=return_, updated=applied.counts.updated, withdrawn=go)
            return _restore(db, dataset, run_id, counts)

    def totals(self, dataset: Dataset) -> Totals:
        """Return how many rows the dataset holds, whatever readers see of them."""
        with self.reading() as db:
            rows = count_table(db, dataset.table)
            (current,) = db.execute(
                f"SELECT count(*) FROM {dataset.table} WHERE withdrawn_at IS NULL"
            ).fetchone()
            return Totals(current=current, withdrawn=rows - current)

    def undoable_rows(self, dataset: Dataset) -> int:
        """Return how many rows ``undo_clear`` would restore; 0 if there is nothing to undo."""
        with self.reading() as db:
            if select_applied(db, dataset) is not None:
                return 0
            return count_table(db, f"{dataset.table}_cleared")

    def applied_run(self, dataset: Dataset) -> Run | None:
        """Return the run whose held answer ``undo_apply`` would take back, or None."""
        with self.reading() as db:
            return select_applied(db, dataset)

    def held_body(self, run_id: int) -> bytes:
        """Return the answer that a held run keeps. Raises RunNotHeld."""
        with self.reading() as db:
            row = db.execute("SELECT body FROM held WHERE run_id = ?", [run_id]).fetchone()
        if row is None:
            raise RunNotHeld("run_not_held", run_id=run_id)
        return zlib.decompress(row[0])

    def discard_held(self, run_id: int) -> Run:
        """Discard a held answer: the store stays as it is. Raises RunNotHeld."""

        def is_stored(db: Database) -> bool:
            return not db.execute("SELECT 1 FROM held WHERE run_id = ?", [run_id]).fetchone()

        with self.writing(is_stored=is_stored) as db:
            row = db.execute("SELECT dataset FROM held WHERE run_id = ?", [run_id]).fetchone()
            if row is None:
                raise RunNotHeld("run_not_held", run_id=run_id)
            forget_held(db, row[0], Resolution.DISCARDED)
            run = select_run(db, run_id)
            if run is None:
                raise RunNotHeld("run_not_held", run_id=run_id)
            return run


def _restore(db: Database, dataset: Dataset, run_id: int, counts: Counts) -> Run:
    """Bring back the rows that were kept and their state, into an empty table."""
    current = f"SELECT count(*) FROM {dataset.table}_cleared WHERE withdrawn_at IS NULL"
    (rows_after,) = db.execute(current).fetchone()
    db.execute(f"INSERT INTO {dataset.table} SELECT * FROM {dataset.table}_cleared")
    saved = db.execute(
        "SELECT cleared FROM dataset_state WHERE dataset = ?", [dataset.name]
    ).fetchone()
    if saved is not None and saved[0]:
        upsert_state(db, dataset.name, DatasetState(**json.loads(saved[0])))
    forget_cleared(db, dataset)
    return finish_run(db, run_id, status=RunStatus.SUCCEEDED, counts=counts, rows_after=rows_after)
