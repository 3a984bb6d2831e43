"""The use case: fetch a dataset from its peer, validate it, store it, journal it."""

from __future__ import annotations

import hashlib
import time
from collections.abc import Iterator, Mapping, Set
from contextlib import contextmanager, suppress
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Protocol

from ecommerce_core.datasets import CONTRACT_REVISION, Body, Dataset, Parsed
from ecommerce_core.domain import (
    Action,
    Fact,
    PeerContractError,
    PeerError,
    Run,
    RunStatus,
    Stage,
    StoreError,
    SyncStopped,
    Trigger,
    fact_of,
)
from ecommerce_core.gateway import Answer, Gateway
from ecommerce_core.logs import log_run
from ecommerce_core.settings import Settings
from ecommerce_core.storage import DatasetState, NewRun, Store, WholeAnswerNeeded


@dataclass(frozen=True, slots=True)
class Job:
    """Details of a requested run. ``confirms_run_id`` applies a held answer instead of fetching."""

    trigger: Trigger
    simulated_at: datetime | None = None
    task_name: str | None = None
    confirms_run_id: int | None = None
    actor: str | None = None


class Report(Protocol):
    """Receives the progress of a sync. It may raise SyncStopped to end it."""

    def __call__(
        self,
        stage: Stage,
        *,
        run_id: int | None = None,
        bytes_done: int | None = None,
        bytes_total: int | None = None,
        records: int | None = None,
    ) -> None:
        """Record what is known now; None leaves a value as it is."""
        ...


class Sync:
    """Runs syncs. The caller must make sure that only one runs per dataset at a time."""

    def __init__(self, settings: Settings, gateway: Gateway, store: Store) -> None:
        self._settings = settings
        self._gateway = gateway
        self._store = store

    def run(self, dataset: Dataset, job: Job, report: Report) -> Run:
        """Bring the store in line with the peer, and return the run, failed ones included.

        Raises StoreError if not even the journal could be written, SyncStopped if ``report`` raised
        it, RunNotHeld for a confirmation that came too late.
        """
        held_body = None
        if job.confirms_run_id is not None:
            held_body = self._store.held_body(job.confirms_run_id)
        new = NewRun(
            dataset.name,
            Action.SYNC,
            job.trigger,
            simulated_at=job.simulated_at,
            task_name=job.task_name,
            confirms_run_id=job.confirms_run_id,
            actor=job.actor,
        )
        run_id = self._store.begin_run(new)
        attempt = _Attempt(self._store, dataset, run_id, report, self._settings)
        try:
            if held_body is not None:
                run = attempt.apply_held(held_body, job)
            else:
                run = attempt.fetch_and_apply(self._gateway, dataset.path(self._settings))
        except BaseException as error:
            return self._end(attempt, error)
        log_run(run)
        return run

    def cut(self, dataset: Dataset) -> None:
        """Cut the download of a dataset, after ``report`` was set to stop it."""
        self._gateway.cut_calls(dataset.peer)

    def _end(self, attempt: _Attempt, error: BaseException) -> Run:
        """Journal the error that ended a run.

        Returns the failed run for a PeerError; re-raises everything else.
        """
        if isinstance(error, PeerError):
            run = attempt.fail(RunStatus.FAILED, error.fact)
            log_run(run, error=error)
            return run
        status = RunStatus.INTERRUPTED if isinstance(error, SyncStopped) else RunStatus.FAILED
        # If the database is what failed, the next run marks this one as interrupted.
        with suppress(StoreError):
            log_run(attempt.fail(status, fact_of(error)), error=error)
        raise error


class _Attempt:
    """One run under way: its number, its stages and their durations."""

    def __init__(
        self, store: Store, dataset: Dataset, run_id: int, report: Report, settings: Settings
    ) -> None:
        self._store = store
        self._dataset = dataset
        self._run_id = run_id
        self._report = report
        self._max_records = settings.max_records
        self._hold_above_percent = settings.hold_above_percent
        # The deadline is for the whole fetch: reading gets the time that the download leaves.
        self._ends_at_s = time.monotonic() + settings.deadline_s
        self._stages_s: dict[str, float] = {}
        self._body_bytes = 0
        self._all_rejected = Parsed()

    def fetch_and_apply(self, gateway: Gateway, path: str) -> Run:
        """Download, and apply the answer unless it equals the last one. Raises PeerError."""
        before = self._store.dataset_state(self._dataset.name)
        is_known = before.source == path and _is_of_this_decoder(before.digest)
        known = before if is_known else DatasetState()
        answer = self._download(gateway, path, known)
        digest = _digest(answer.body)
        if answer.not_modified or digest == before.digest:
            return self._store.finish_unchanged(
                self._run_id,
                self._dataset,
                body_bytes=self._body_bytes,
                stages_s=self._stages_s,
            )
        state = DatasetState(
            source=path,
            digest=digest,
            etag=answer.etag,
            last_modified=answer.last_modified,
        )
        fingerprints = self._store.list_fingerprints(self._dataset)
        if fingerprints:
            parsed = self._validate(answer.body, known=fingerprints.keys())
            with suppress(WholeAnswerNeeded):
                return self._apply(parsed, state, answer.body, fingerprints=fingerprints)
        return self._apply(self._validate(answer.body), state, answer.body)

    def apply_held(self, body: bytes, job: Job) -> Run:
        """Apply the answer of a held run that an operator confirmed."""
        self._body_bytes = len(body)
        parsed = self._validate(body)
        # No validators: the answer may be old.
        state = DatasetState(digest=_digest(body))
        return self._apply(parsed, state, body, confirms_run_id=job.confirms_run_id)

    def fail(self, status: RunStatus, error: Fact) -> Run:
        """Journal the end of a run that stored nothing."""
        parsed = self._all_rejected
        return self._store.fail_run(
            self._run_id,
            status=status,
            error=error,
            body_bytes=self._body_bytes,
            stages_s=self._stages_s,
            fetched=parsed.fetched,
            rejected=parsed.rejected,
            rejected_count=parsed.rejected_count,
        )

    def _download(self, gateway: Gateway, path: str, known: DatasetState) -> Answer:
        def on_progress(done: int, total: int | None) -> None:
            self._body_bytes = done
            self._report(Stage.DOWNLOADING, bytes_done=done, bytes_total=total)

        self._report(Stage.DOWNLOADING, run_id=self._run_id)
        with self._timed(Stage.DOWNLOADING):
            try:
                answer = gateway.fetch(
                    self._dataset.peer,
                    path,
                    etag=known.etag,
                    last_modified=known.last_modified,
                    on_progress=on_progress,
                )
            except PeerError:
                # If this application cut the call to stop, report raises SyncStopped in place of
                # the error.
                self._report(Stage.DOWNLOADING)
                raise
        self._body_bytes = len(answer.body)
        return answer

    def _validate(self, body: Body, *, known: Set[int] = frozenset()) -> Parsed:
        self._report(Stage.VALIDATING, run_id=self._run_id, bytes_done=len(body))
        with self._timed(Stage.VALIDATING):
            parsed = self._dataset.parse(
                body,
                known=known,
                max_records=self._max_records,
                ends_at_s=self._ends_at_s,
                on_progress=lambda records: self._report(Stage.VALIDATING, records=records),
            )
        if parsed.fetched and not parsed.records and not parsed.known:
            self._all_rejected = parsed
            raise PeerContractError(
                "no_record_taken",
                peer=self._dataset.peer,
                count=parsed.fetched,
                reason=parsed.rejected[0].reason,
            )
        return parsed

    def _apply(
        self,
        parsed: Parsed,
        state: DatasetState,
        body: Body,
        *,
        fingerprints: Mapping[int, str] | None = None,
        confirms_run_id: int | None = None,
    ) -> Run:
        self._report(Stage.STORING, records=0)
        return self._store.apply(
            self._run_id,
            self._dataset,
            parsed,
            state=replace(state, fetched=parsed.fetched, rejected=parsed.rejected_count),
            body=body,
            stages_s=self._stages_s,
            report=lambda records: self._report(Stage.STORING, records=records),
            fingerprints=fingerprints,
            confirms_run_id=confirms_run_id,
            hold_above_percent=self._hold_above_percent,
        )

    @contextmanager
    def _timed(self, stage: Stage) -> Iterator[None]:
        start = time.perf_counter()
        try:
            yield
        finally:
            self._stages_s[stage.value] = time.perf_counter() - start


def _digest(body: Body) -> str:
    return f"{CONTRACT_REVISION}:{hashlib.sha256(body).hexdigest()}"


def _is_of_this_decoder(digest: str | None) -> bool:
    """Return True if the answer with this digest was read by today's decoder.

    If not, the request must not be conditional: the peer would answer that nothing has changed.
    """
    return digest is not None and digest.startswith(f"{CONTRACT_REVISION}:")
