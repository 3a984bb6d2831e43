"""Run one sync at a time per dataset, across threads and processes, and share runs.

A worker is a thread with a queue of runs. A request that arrives while a sync runs joins the next
run, because the one under way may have read its answer before the request came: a storm of
callbacks costs two fetches, and each caller gets an answer at least as new as its request.
"""

from __future__ import annotations

import logging
import threading
import time
from collections import deque
from collections.abc import Callable, Iterator
from contextlib import contextmanager, nullcontext, suppress

from ecommerce_core.datasets import Dataset
from ecommerce_core.domain import (
    EcommerceError,
    Progress,
    Run,
    Stage,
    StoreError,
    SyncBusy,
    SyncStopped,
)
from ecommerce_core.storage import Snapshots, Store
from ecommerce_core.sync.run_handle import QueuedRun, RunHandle
from ecommerce_core.sync.sync import Job, Sync

logger = logging.getLogger(__name__)

# How often to check whether readers see the rows that are stored.
LOOK_EVERY_S = 10.0
# After a run with at least STORM_JOINED callers that joined, the next one waits as long as that run
# took, at most GATHER_S.
STORM_JOINED, GATHER_S = 8, 0.05
# How long to wait for the rollback of a run that was stopped.
GIVE_UP_S = 5.0


class Worker:
    """The one thread that syncs a dataset."""

    def __init__(
        self,
        dataset: Dataset,
        sync: Sync,
        store: Store,
        snapshots: Snapshots,
        *,
        on_run: Callable[[Run], None],
        on_begin: Callable[[str], None] = lambda dataset: None,
        on_rows: Callable[[], None] = lambda: None,
    ) -> None:
        self._dataset = dataset
        self._on_begin = on_begin
        # Called when readers see rows that a run of another server, or of an earlier process, left.
        self._on_rows = on_rows
        self._is_told = False
        self._on_run = on_run
        self._sync = sync
        self._store = store
        self._snapshots = snapshots
        # The reason why readers do not see the stored rows, as it was logged last.
        self._behind: str | None = None
        self._changed = threading.Condition()
        self._waiting: deque[QueuedRun] = deque()
        self._current: QueuedRun | None = None
        self._stopping = False
        self._is_storm = False
        self._gather_s = 0.0
        self._give_up = threading.Event()
        self._thread = threading.Thread(target=self._loop, name=f"sync-{dataset.name}", daemon=True)

    def start(self) -> None:
        """Start the thread; mark runs that a crash left behind as ``interrupted``."""
        # If another process holds the lock, its run is alive and not ours to touch.
        with suppress(SyncBusy), self.exclusive(timeout_s=0):
            pass
        self._thread.start()

    def turn_away(self) -> None:
        """Accept no more requests; callers that wait for a run yet to begin get SyncStopped."""
        with self._changed:
            self._stopping = True
            waiting, self._waiting = list(self._waiting), deque()
            self._changed.notify_all()
        for batch in waiting:
            batch.fail(_stopped())

    def stop(self, *, timeout_s: float) -> None:
        """End the thread: a run under way gets ``timeout_s`` to finish, then it is rolled back."""
        self.turn_away()
        if self._thread.ident is None:
            return
        self._thread.join(timeout_s)
        if self._thread.is_alive():
            self._give_up.set()
            # Otherwise the thread would wait for a silent peer until its time-out.
            self._sync.cut(self._dataset)
            self._thread.join(GIVE_UP_S)

    @property
    def is_alive(self) -> bool:
        """True while the thread accepts requests."""
        return self._thread.is_alive() and not self._stopping

    @property
    def is_lock_usable(self) -> bool:
        """True if a sync could take the dataset's lock, or wait for it."""
        return self._store.lock(self._dataset.name).is_usable

    def request(self, job: Job, *, join_running: bool = False) -> RunHandle:
        """Request a sync. ``join_running`` accepts the one under way, if any.

        Raises SyncStopped.
        """
        with self._changed:
            if self._stopping:
                raise _stopped()
            ahead = self._joinable(job, join_running=join_running)
            if ahead is not None:
                ahead.joined += 1
                return RunHandle(ahead, joined=True)
            batch = QueuedRun(self._dataset, job)
            self._waiting.append(batch)
            self._changed.notify_all()
            return RunHandle(batch, joined=False)

    def look(self) -> None:
        """Check soon whether another server has stored rows that readers here do not see yet."""
        with self._changed:
            self._is_told = True
            self._changed.notify_all()

    def progress(self) -> Progress | None:
        """Return the progress of the run under way or next in line, or None if there is none."""
        with self._changed:
            batch = self._current or next(iter(self._waiting), None)
        return None if batch is None else batch.progress()

    @contextmanager
    def exclusive(self, *, timeout_s: float) -> Iterator[None]:
        """Keep every other thread, process and server from syncing it.

        Raises SyncBusy, StoreError.
        """
        # A lock per use: two threads of one process must exclude each other, too.
        lock = self._store.lock(self._dataset.name)
        if not lock.acquire(timeout_s=timeout_s):
            raise SyncBusy("sync_under_way", dataset=self._dataset.name)
        try:
            self._store.interrupt_stale_runs(self._dataset.name)
            yield
        finally:
            lock.release()

    def publish(self) -> None:
        """Let readers see the rows of the last run. The caller must hold the dataset.

        A failure is logged and retried later: the run itself is committed.
        """
        behind = None
        try:
            self._snapshots.publish(self._dataset, gives_up=self._give_up.is_set)
        except (StoreError, SyncStopped) as error:
            behind = str(error)
        except Exception:
            behind = "an unknown error"
            logger.exception("%s: writing a snapshot failed", self._dataset.name)
        if behind is not None and behind != self._behind:
            logger.warning("%s: no snapshot was written: %s", self._dataset.name, behind)
        self._behind = behind

    def _joinable(self, job: Job, *, join_running: bool) -> QueuedRun | None:
        if job.confirms_run_id is not None:
            return None
        ahead = [batch for batch in self._waiting if batch.job.confirms_run_id is None]
        if join_running and self._current is not None:
            ahead.insert(0, self._current)
        return next(iter(ahead), None)

    def _loop(self) -> None:
        self._repair()
        while True:
            with self._changed:
                self._changed.wait_for(
                    lambda: self._waiting or self._stopping or self._is_told,
                    timeout=LOOK_EVERY_S,
                )
                self._is_told = False
                called = bool(self._waiting)
                if called and self._is_storm:
                    # Callers that the last run answered request again: let them share this one.
                    self._changed.wait_for(lambda: self._stopping, timeout=self._gather_s)
                if self._stopping:
                    return
                batch = self._current = self._waiting.popleft() if called else None
            if batch is None:
                self._repair()
                continue
            began_s = time.monotonic()
            try:
                run, is_ours = self._execute(batch)
            except Exception as error:
                if not isinstance(error, EcommerceError):
                    logger.exception("%s: the sync failed", self._dataset.name)
                self._finish(batch, began_s)
                batch.fail(error)
            else:
                self._finish(batch, began_s)
                # Only now: a page that redraws because of it must not find the run still under way.
                if is_ours:
                    self._on_run(run)
                batch.end(run)

    def _repair(self) -> None:
        """Publish rows that readers do not see yet because of a killed process or a full disk."""
        try:
            if not self._snapshots.is_current(self._dataset):
                # If servers share the database, a sync of one must not keep another from its
                # snapshot.
                turn = nullcontext() if self._store.is_shared else self.exclusive(timeout_s=0)
                with suppress(SyncBusy), turn:
                    self.publish()
                    self._on_rows()
        except StoreError as error:
            # Pages show the error themselves; the next check tries again.
            logger.debug("%s: the store does not answer: %s", self._dataset.name, error)

    def _finish(self, batch: QueuedRun, began_s: float) -> None:
        # Before the future is set: a caller that requests again at once must not join this run.
        with self._changed:
            if self._current is batch:
                self._current = None
            self._is_storm = batch.joined >= STORM_JOINED
            self._gather_s = min(GATHER_S, time.monotonic() - began_s)

    def _execute(self, batch: QueuedRun) -> tuple[Run, bool]:
        """Return the run that answers the queued one, and whether this process ran it."""
        newest_run_id = self._store.newest_run_id()
        with self._turn():
            # Meanwhile another process may have run the sync that this one is for. Its run is newer
            # than the requests, since nobody joins a run once it is current.
            if batch.job.confirms_run_id is None:
                run = self._store.finished_sync_after(self._dataset.name, newest_run_id)
                if run is not None:
                    batch.stored.set_result(run)
                    self.publish()
                    return run, False

            def report(stage: Stage, **known: int | None) -> None:
                if self._give_up.is_set():
                    raise _stopped()
                batch.note(stage, **known)

            self._on_begin(self._dataset.name)
            run = self._sync.run(self._dataset, batch.job, report)
            # Programs that requested the run need not wait for readers.
            batch.stored.set_result(run)
            # Before the run is announced as ended, since pages then read the rows.
            self.publish()
        return run, True

    @contextmanager
    def _turn(self) -> Iterator[None]:
        """Hold the dataset, however long another holder takes. Raises SyncStopped on shutdown."""
        while True:
            try:
                with self.exclusive(timeout_s=0.5):
                    yield
                    return
            except SyncBusy:
                if self._stopping:
                    raise _stopped() from None


def _stopped() -> SyncStopped:
    return SyncStopped("stopping")
