"""The watcher: one thread that looks at the scheduler for everybody, and keeps what it owes us.

It needs no browser. Pages take the list, the clock and the alarms from it and ask nobody.
"""

from __future__ import annotations

import logging
import threading
import time
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta

from ecommerce_core.datasets import Dataset
from ecommerce_core.domain import (
    ClockReading,
    Entry,
    ExpectedCallback,
    MonitorSnapshot,
    PeerError,
    Progress,
    ScheduleSnapshot,
    StoreError,
    Task,
    entries_of,
)
from ecommerce_core.scheduler.client import Scheduler
from ecommerce_core.scheduler.tracker import ExpectationTracker
from ecommerce_core.storage import Store

logger = logging.getLogger(__name__)

INTERVAL_S = 1.0
# No longer: people look at a page that says so, and wait for it to be right again.
MAX_INTERVAL_S = 5.0


@dataclass(slots=True, eq=False)
class _Deletion:
    """Entries that we delete; ``ended_s`` (monotonic) is None while the scheduler is asked to."""

    entries: tuple[Entry, ...]
    ended_s: float | None = None


class SchedulerMonitor:
    """Looks at the scheduler about once a second, less often while it does not answer.

    ``progress`` gives a dataset's sync under way, which may be a callback's. ``grace_s`` is
    how long, in real seconds, a callback may take to come once it was seen to be due.
    Of several processes with one database, one keeps the promises; all of them look.
    """

    def __init__(
        self,
        scheduler: Scheduler,
        store: Store,
        *,
        app_name: str,
        datasets: Mapping[str, Dataset],
        source: str,
        progress: Callable[[str], Progress | None],
        grace_s: float,
        interval_s: float = INTERVAL_S,
    ) -> None:
        self._scheduler = scheduler
        self._progress = progress
        self._interval_s = interval_s
        self._targets = {app_name + one.callback_path: one.name for one in datasets.values()}
        self._tracker = ExpectationTracker(
            store, app_name=app_name, source=source, grace=timedelta(seconds=grace_s)
        )
        self._lock = store.lock("watcher")
        self._turn = threading.Lock()
        self._deletions: list[_Deletion] = []
        self._failing: str | None = None
        self._snapshot = MonitorSnapshot((), None, ClockReading(None, None, None), None, None)
        self._wake = threading.Event()
        self._stopping = False
        self._thread: threading.Thread | None = None
        # Who hears of each look; called on the thread of the look.
        self.observers: list[Callable[[], None]] = []
        scheduler.deletion_observers.append(self.deleting)

    def start(self) -> None:
        """Start the thread; its first look is at once."""
        self._thread = threading.Thread(target=self._run, name="watcher", daemon=True)
        self._thread.start()

    def stop(self, *, timeout_s: float = 1.0) -> None:
        """End the thread, and keep its last look. A look that takes too long is cut short."""
        self._stopping = True
        self._wake.set()
        if self._thread is not None:
            self._thread.join(timeout_s / 2)
            if self._thread.is_alive():
                self._scheduler.cut()
                self._thread.join(timeout_s / 2)
        if not self._turn.acquire(timeout=0.1):
            return
        try:
            if self._lock.is_held:
                self._tracker.save()
        except StoreError as error:
            logger.warning("the last look at the scheduler was not kept: %s", error)
        finally:
            self._lock.release()
            self._turn.release()

    def snapshot(self) -> MonitorSnapshot:
        """What was seen last; never waits."""
        return self._snapshot

    def missed_now(self) -> list[ExpectedCallback]:
        """The last promise of each of our recurring tasks that was missed; never waits."""
        return self._tracker.missed_now()

    def refresh(self) -> None:
        """Look again as soon as possible: something was just changed. Never waits."""
        self._wake.set()

    @contextmanager
    def deleting(self, tasks: Iterable[Task]) -> Iterator[None]:
        """While we delete ``tasks``: that they are gone from the list owes nothing."""
        deletion = _Deletion(entries_of(tasks, self._targets))
        self._deletions.append(deletion)
        try:
            yield
        finally:
            deletion.ended_s = time.monotonic()

    def look(self) -> bool:
        """Look once, now; True where the scheduler answered and the journal took it.

        Never raises: what goes wrong is logged, once for each kind.
        """
        with self._turn:
            try:
                error = self._look()
            except StoreError as failure:
                error = failure
            except Exception as failure:
                error = failure
                if self._failing != type(failure).__name__:
                    logger.exception("the watcher failed, and goes on")
            self._note(error)
        for observer in tuple(self.observers):
            observer()
        return error is None

    def _run(self) -> None:
        failures = 0
        while not self._stopping:
            failures = 0 if self.look() else failures + 1
            # Beyond a few doublings the exponent would only grow.
            wait_s = min(MAX_INTERVAL_S, self._interval_s * 2 ** min(failures, 6))
            self._wake.wait(wait_s)
            self._wake.clear()

    def _look(self) -> Exception | None:
        began_s = time.monotonic()
        asked_at = _now()
        deletions = list(self._deletions)
        look, failure = None, None
        try:
            tasks = tuple(self._scheduler.fetch_tasks(timeout_s=3, deadline_s=5))
            seen_at = _now()
            reading = self._scheduler.fetch_reading()
        except PeerError as error:
            failure = error
            self._snapshot = replace(self._snapshot, error=error.fact)
        else:
            self._snapshot = MonitorSnapshot(
                tasks, seen_at, reading, reading.error, self._tracker.era_at
            )
            if reading.clock is not None and reading.error is None:
                entries = entries_of(tasks, self._targets)
                look = ScheduleSnapshot(asked_at, seen_at, reading.clock, entries)
            else:
                failure = PeerError("said", peer="scheduler", text=reading.error)
        if self._is_ours():
            # One that began while the list was on its way counts, too.
            deletions += [one for one in self._deletions if one not in deletions]
            self._tracker.advance(
                look,
                now=_now(),
                deleted=[entry for one in deletions for entry in one.entries],
                busy_since=self._busy_since(),
            )
            self._snapshot = replace(self._snapshot, era_at=self._tracker.era_at)
        if look is not None:
            for one in deletions:
                if one.ended_s is not None and one.ended_s < began_s:
                    self._deletions.remove(one)
        return failure

    def _is_ours(self) -> bool:
        """Return True if this server keeps the promises; if not, see what the one has kept."""
        if self._lock.is_held:
            return True
        if self._lock.acquire(timeout_s=0):
            # Another server may have led until now.
            self._tracker.forget()
            return True
        self._tracker.follow(_now())
        return False

    @property
    def leads(self) -> bool:
        """Whether this is the one server that keeps the promises, as far as is known."""
        return self._lock.is_held

    def _busy_since(self) -> dict[str, datetime]:
        found = {name: self._progress(name) for name in self._targets.values()}
        now = _now()
        return {
            name: now - timedelta(seconds=progress.elapsed_s)
            for name, progress in found.items()
            if progress is not None
        }

    def _note(self, error: Exception | None) -> None:
        kind = None if error is None else type(error).__name__
        if kind == self._failing:
            return
        self._failing = kind
        if error is None:
            logger.info("the scheduler is being watched again")
        elif isinstance(error, PeerError | StoreError):
            logger.warning("the scheduler is not being watched: %s", error)


def _now() -> datetime:
    """Now, to the millisecond, as the journal writes it: what came later must not seem earlier."""
    now = datetime.now(UTC)
    return now.replace(microsecond=now.microsecond // 1000 * 1000)
