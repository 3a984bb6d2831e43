"""A requested run, shared by all callers that wait for it."""

from __future__ import annotations

import time
from concurrent.futures import Future

from ecommerce_core.datasets import Dataset
from ecommerce_core.domain import Progress, Run, Stage
from ecommerce_core.sync.sync import Job


class QueuedRun:
    """One run to come or under way, shared by all callers that wait for it."""

    def __init__(self, dataset: Dataset, job: Job) -> None:
        self.job = job
        self.stored: Future[Run] = Future()
        self.future: Future[Run] = Future()
        # Marked as running, so that none of the many callers can cancel it for the others.
        self.stored.set_running_or_notify_cancel()
        self.future.set_running_or_notify_cancel()
        self.joined = 0
        self._dataset = dataset
        self._stage = Stage.WAITING
        self._run_id: int | None = None
        self._bytes_done = 0
        self._bytes_total: int | None = None
        self._records = 0
        self._since_s = time.monotonic()

    def note(
        self,
        stage: Stage,
        *,
        run_id: int | None = None,
        bytes_done: int | None = None,
        bytes_total: int | None = None,
        records: int | None = None,
    ) -> None:
        """Record the progress of the run; None leaves a value as it is."""
        self._stage = stage
        self._run_id = self._run_id if run_id is None else run_id
        self._bytes_done = self._bytes_done if bytes_done is None else bytes_done
        self._bytes_total = self._bytes_total if bytes_total is None else bytes_total
        self._records = self._records if records is None else records

    @property
    def run_id(self) -> int | None:
        """The run's number, or None before it began."""
        return self._run_id

    def end(self, run: Run) -> None:
        """Release all callers: the run is stored, and readers see its rows."""
        if not self.stored.done():
            self.stored.set_result(run)
        self.future.set_result(run)

    def fail(self, error: Exception) -> None:
        """Raise ``error`` in all callers that wait: there is no run."""
        if not self.stored.done():
            self.stored.set_exception(error)
        self.future.set_exception(error)

    def progress(self) -> Progress:
        """Return the progress of the run."""
        return Progress(
            dataset=self._dataset.name,
            trigger=self.job.trigger,
            stage=self._stage,
            run_id=self._run_id,
            bytes_done=self._bytes_done,
            bytes_total=self._bytes_total,
            records=self._records,
            elapsed_s=time.monotonic() - self._since_s,
        )


class RunHandle:
    """Handle on a queued run, shared by every caller that joined it."""

    def __init__(self, batch: QueuedRun, *, joined: bool) -> None:
        self._batch = batch
        self.joined = joined

    @property
    def future(self) -> Future[Run]:
        """Done when readers see the run's rows. Raises StoreError, SyncStopped, RunNotHeld."""
        return self._batch.future

    @property
    def stored(self) -> Future[Run]:
        """Done when the run is committed, before readers see its rows. Raises as ``future``."""
        return self._batch.stored

    def run_id(self) -> int | None:
        """Return the run's number, or None while it waits for its turn."""
        future = self._batch.stored
        if future.done() and future.exception() is None:
            return future.result().id
        return self._batch.run_id

    def wait(self, timeout_s: float | None = None) -> Run:
        """Return the run once readers see its rows. Raises TimeoutError and as ``future``."""
        return self._batch.future.result(timeout_s)
