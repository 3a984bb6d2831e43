"""A run that was asked for, as everybody holds it who waits for it."""

from __future__ import annotations

import time
from concurrent.futures import Future

from ecommerce_core.datasets import Dataset
from ecommerce_core.domain import Progress, Run, Stage
from ecommerce_core.sync.sync import Job


class QueuedRun:
    """One run to come or under way, with everybody who waits for it."""

    def __init__(self, dataset: Dataset, job: Job) -> None:
        self.job = job
        self.stored: Future[Run] = Future()
        self.future: Future[Run] = Future()
        # Waiting for one's turn cannot be cancelled by one of many who wait.
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
        """Note how far the run is; None leaves a value as it is."""
        self._stage = stage
        self._run_id = self._run_id if run_id is None else run_id
        self._bytes_done = self._bytes_done if bytes_done is None else bytes_done
        self._bytes_total = self._bytes_total if bytes_total is None else bytes_total
        self._records = self._records if records is None else records

    @property
    def run_id(self) -> int | None:
        """The run's number, None before it began."""
        return self._run_id

    def end(self, run: Run) -> None:
        """Tell all who wait: the run is stored, and readers see its rows."""
        if not self.stored.done():
            self.stored.set_result(run)
        self.future.set_result(run)

    def fail(self, error: Exception) -> None:
        """Tell all who wait that there is no run, and why."""
        if not self.stored.done():
            self.stored.set_exception(error)
        self.future.set_exception(error)

    def progress(self) -> Progress:
        """How far the run is."""
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
    """What who asked for a sync holds: the run to come, shared by all who joined it."""

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
        """The run's number, None while it waits for its turn."""
        future = self._batch.stored
        if future.done() and future.exception() is None:
            return future.result().id
        return self._batch.run_id

    def wait(self, timeout_s: float | None = None) -> Run:
        """The run, once readers see its rows. Raises TimeoutError and what ``future`` raises."""
        return self._batch.future.result(timeout_s)
