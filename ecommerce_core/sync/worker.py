"""One sync at a time per dataset, across threads and processes; who asks meanwhile shares the next.

A worker is a thread with a queue of batches. Whoever asks while a sync runs
joins the batch behind it, because the one under way may have read its answer
before the question came: a storm of callbacks costs two fetches, and each
caller gets an answer at least as new as its question.
"""

from __future__ import annotations

import logging
import threading
import time
from collections import deque
from collections.abc import Callable, Iterator
from contextlib import contextmanager, nullcontext, suppress
from pathlib import Path

from ecommerce_core import storage
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

# How often is looked whether readers see the rows that are stored.
LOOK_EVERY_S = 10.0
# After a run that so many joined, the next one waits as long as that one took, at most so long.
STORM_JOINED, GATHER_S = 8, 0.05
# How long a run that was told to give up may take to roll back.
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
        on_rows: Callable[[], None] = lambda: None,
    ) -> None:
        self._dataset = dataset
        # Called when readers see rows that a run of another server, or of before, has left.
        self._on_rows = on_rows
        self._is_told = False
        self._on_run = on_run
        self._sync = sync
        self._store = store
        self._snapshots = snapshots
        # Why readers do not see what is stored, as it was logged last.
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
        """Start the thread; runs that a crash left behind become ``interrupted``."""
        # Where another process holds the lock, its run is alive and not ours to touch.
        with suppress(SyncBusy), self.exclusive(timeout_s=0):
            pass
        self._thread.start()

    def turn_away(self) -> None:
        """Take no more work: who waits for a run that has not begun is told so."""
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
            # A silent peer would be waited for until its time-out.
            self._sync.cut(self._dataset)
            self._thread.join(GIVE_UP_S)

    @property
    def is_alive(self) -> bool:
        """True while the thread takes work."""
        return self._thread.is_alive() and not self._stopping

    @property
    def is_lock_usable(self) -> bool:
        """Whether a sync could take the dataset's lock, or wait for it."""
        return self._store.lock(self._dataset.name).is_usable

    def request(self, job: Job, *, join_running: bool = False) -> RunHandle:
        """Ask for a sync. ``join_running`` takes the one under way, if any, as good enough.

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
        """See soon whether another server has left rows that readers here do not see yet."""
        with self._changed:
            self._is_told = True
            self._changed.notify_all()

    def progress(self) -> Progress | None:
        """The run under way or next in line; None where there is nothing to do."""
        with self._changed:
            batch = self._current or next(iter(self._waiting), None)
        return None if batch is None else batch.progress()

    @contextmanager
    def exclusive(self, *, timeout_s: float) -> Iterator[None]:
        """Hold the dataset: no sync of any thread, process or server meanwhile. Raises SyncBusy."""
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
        """Let readers see the rows that a run has left; only for who holds the dataset.

        A failure is logged and tried again: the run itself is committed.
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
                    # Those whom the last run answered ask again: let them share this one.
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
                # Only now: who looks because of it must not find the run still under way.
                if is_ours:
                    self._on_run(run)
                batch.end(run)

    def _repair(self) -> None:
        """Publish what a process that was killed, or a full disk, has kept readers from seeing."""
        try:
            if not self._snapshots.is_current(self._dataset):
                # Where servers share the database, one that syncs keeps nobody from his snapshot.
                turn = nullcontext() if self._store.is_shared else self.exclusive(timeout_s=0)
                with suppress(SyncBusy), turn:
                    self.publish()
                    self._on_rows()
        except StoreError as error:
            # Pages say so themselves; the next look tries again.
            logger.debug("%s: the store does not answer: %s", self._dataset.name, error)

    def _finish(self, batch: QueuedRun, began_s: float) -> None:
        # Before the future is set: who hears of the end and asks again must not join the past.
        with self._changed:
            if self._current is batch:
                self._current = None
            self._is_storm = batch.joined >= STORM_JOINED
            self._gather_s = min(GATHER_S, time.monotonic() - began_s)

    def _execute(self, batch: QueuedRun) -> tuple[Run, bool]:
        """Return the run that answers the batch, and whether it is this process's own."""
        newest_run_id = self._store.newest_run_id()
        with self._turn():
            # Another process may have run, meanwhile, the very sync that this batch is for:
            # a run that is newer than our question, since nobody joins a batch once it is current.
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

            run = self._sync.run(self._dataset, batch.job, report)
            # Programs that asked need not wait for readers.
            batch.stored.set_result(run)
            # Before the run is announced as ended: who hears of it looks at the rows.
            self.publish()
        return run, True

    @contextmanager
    def _turn(self) -> Iterator[None]:
        """Wait for the dataset, however long its holder takes, unless the application stops."""
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


def lock_path(database: Path, dataset: Dataset) -> Path:
    """The file whose lock a sync of ``dataset`` holds, beside a database that is a file."""
    return storage.lock_path(database, dataset.name)
