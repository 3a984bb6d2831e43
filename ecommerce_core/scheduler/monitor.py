"""The scheduler monitor: one thread polls the scheduler for all and tracks expected callbacks.

It needs no browser. Pages read the list, the clock and the alarms from it.
"""

from __future__ import annotations

import logging
import threading
import time
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta

from ecommerce_core.datasets import Dataset
from ecommerce_core.domain import (
    Entry,
    ExpectedCallback,
    Lateness,
    MonitorSnapshot,
    PeerError,
    Progress,
    ScheduleKey,
    SchedulerState,
    ScheduleSnapshot,
    StoreError,
    Task,
    Wanted,
    WantedTask,
    entries_of,
)
from ecommerce_core.scheduler.client import Scheduler
from ecommerce_core.scheduler.still_clock import StillClock
from ecommerce_core.scheduler.tracker import ExpectationTracker
from ecommerce_core.scheduler.wanted import WantedTracker
from ecommerce_core.storage import Leader, Store

logger = logging.getLogger(__name__)

INTERVAL_S = 1.0
# Not longer, since people read a page that shows the failure, and wait until it is over.
MAX_INTERVAL_S = 5.0
# A task that we add is in the list long before that.
ADDITIONS_COUNT_FOR_S = 60.0
_PART = "expected callbacks"


@dataclass(slots=True, eq=False)
class _Deletion:
    """Entries that we delete; ``ended_s`` (monotonic) is None while the request is under way."""

    entries: tuple[Entry, ...]
    ended_s: float | None = None


class SchedulerMonitor:
    """Polls the scheduler about once a second, less often while it does not answer.

    ``progress`` returns a dataset's running sync, which may be that of a callback. Of several
    processes with one database the ``leader`` tracks expected callbacks and lost tasks; all poll.
    ``keep`` is called with lost tasks, to add them again; None if people decide that.
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
        lateness: Lateness,
        leader: Leader,
        keep: Callable[[Sequence[WantedTask]], object] | None = None,
        interval_s: float = INTERVAL_S,
    ) -> None:
        self._leader = leader
        self._term = 0
        self._scheduler = scheduler
        self._store = store
        self._progress = progress
        self._interval_s = interval_s
        self._keep = keep
        self._targets = {app_name + one.callback_path: one.name for one in datasets.values()}
        self._tracker = ExpectationTracker(
            store, app_name=app_name, source=source, lateness=lateness
        )
        self._wanted = WantedTracker(app_name)
        self._still = StillClock()
        self._turn = threading.Lock()
        self._deletions: list[_Deletion] = []
        self._additions: list[tuple[float, ScheduleKey]] = []
        self._failing: str | None = None
        self._state = SchedulerState.UNKNOWN
        self._snapshot = MonitorSnapshot()
        self._wake = threading.Event()
        self._stopping = False
        self._thread: threading.Thread | None = None
        # Called after each poll, on the thread of the poll.
        self.observers: list[Callable[[], None]] = []
        scheduler.deletion_observers.append(self.deleting)
        scheduler.addition_observers.append(self._adding)

    def start(self) -> None:
        """Start the thread; it polls at once."""
        self._thread = threading.Thread(target=self._run, name="scheduler-monitor", daemon=True)
        self._thread.start()

    def stop(self, *, timeout_s: float = 1.0) -> None:
        """End the thread, and store its last poll. A poll that takes too long is cut short."""
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
            if self._leader.leads:
                self._tracker.save()
        except StoreError as error:
            logger.warning("the last poll of the scheduler was not stored: %s", error)
        finally:
            self._leader.leave(_PART)
            self._turn.release()

    def snapshot(self) -> MonitorSnapshot:
        """Return what the last poll read; never waits."""
        return self._snapshot

    def missed_now(self) -> list[ExpectedCallback]:
        """Return the last callback of each of our recurring tasks that was missed; never waits."""
        return self._tracker.missed_now()

    def refresh(self) -> None:
        """Poll again as soon as possible after a change. Never waits."""
        self._wake.set()

    @contextmanager
    def deleting(self, tasks: Iterable[Task]) -> Iterator[None]:
        """Make no callback due because ``tasks`` leave the list, while we delete them."""
        deletion = _Deletion(entries_of(tasks, self._targets))
        self._deletions.append(deletion)
        try:
            yield
        finally:
            deletion.ended_s = time.monotonic()

    def _adding(self, task: Task) -> None:
        """Note that we add a task: a new entry of its series did not return from a callback."""
        for entry in entries_of([task], self._targets):
            self._additions.append((time.monotonic(), entry.series))

    def poll(self) -> bool:
        """Poll once, now. Returns True if list and clock were read and the database was written.

        Never raises: errors are logged, once for each kind.
        """
        with self._turn:
            failure: Exception | None = None
            try:
                self._poll()
            except StoreError as error:
                failure = error
            except Exception as error:
                failure = error
                if self._failing != type(error).__name__:
                    logger.exception("the monitor failed, and continues")
            self._log(failure)
        for observer in tuple(self.observers):
            observer()
        return failure is None and self._snapshot.state is SchedulerState.UP

    def _run(self) -> None:
        failures = 0
        while not self._stopping:
            failures = 0 if self.poll() else failures + 1
            # Beyond a few doublings the exponent would only grow.
            wait_s = min(MAX_INTERVAL_S, self._interval_s * 2 ** min(failures, 6))
            self._wake.wait(wait_s)
            self._wake.clear()

    def _poll(self) -> None:
        began_s = time.monotonic()
        asked_at = _now()
        deletions, additions = list(self._deletions), list(self._additions)
        known = self._snapshot
        # List and clock fail apart: a part that cannot be read stays as it was last read.
        try:
            tasks = tuple(self._scheduler.fetch_tasks(timeout_s=3, deadline_s=5))
        except PeerError as error:
            if self._stopping:
                return  # it was cut short: nobody waits for the clock as well
            known = replace(known, list_error=error.fact)
        else:
            form = self._scheduler.list_form
            known = replace(known, tasks=tasks, listed_at=asked_at, list_error=None, list_form=form)
        seen_at = _now()
        reading = self._scheduler.fetch_reading()
        since, holding = self._still.update(known.tasks, reading)
        self._snapshot = known = replace(
            known, reading=reading, standing_still_since=since, holding=holding
        )
        snapshot = None
        if known.state is SchedulerState.UP and reading.clock is not None:
            entries = entries_of(known.tasks, self._targets)
            snapshot = ScheduleSnapshot(asked_at, seen_at, reading.clock, entries)
        if self._is_ours():
            # A deletion that began during the request counts, too.
            deletions += [one for one in self._deletions if one not in deletions]
            additions += [one for one in self._additions if one not in additions]
            before = self._tracker.snapshot
            self._tracker.update(
                snapshot,
                now=_now(),
                deleted=[entry for one in deletions for entry in one.entries],
                added={series for _, series in additions},
                busy_since=self._busy_since(),
            )
            if snapshot is not None:
                self._find_lost(before, snapshot)
        lost = tuple(self._store.list_wanted_tasks(states=[Wanted.LOST]))
        self._snapshot = replace(self._snapshot, era_at=self._tracker.era_at, lost_tasks=lost)
        if snapshot is not None:
            for one in deletions:
                if one.ended_s is not None and one.ended_s < began_s:
                    self._deletions.remove(one)
            self._additions = [
                one for one in self._additions if began_s - one[0] < ADDITIONS_COUNT_FOR_S
            ]

    def _find_lost(self, before: ScheduleSnapshot | None, after: ScheduleSnapshot) -> None:
        """Find the wanted tasks that the list lost; have them added again if that is configured."""
        wanted = self._store.list_wanted_tasks()
        changes = self._wanted.update(wanted, before, after, self._tracker.in_flight)
        if not changes:
            return
        stored = self._store.change_wanted_tasks(changes)
        lost = [task for task in stored if task.state is Wanted.LOST]
        for task in lost:
            logger.warning(
                "task %s (%s) was lost: the scheduler's list no longer has it",
                task.name,
                task.recurrence,
            )
        if lost and self._keep is not None:
            self._keep(lost)

    def _is_ours(self) -> bool:
        """Return True if this server tracks what is expected; if not, see what the one has kept."""
        term = self._leader.take(_PART)
        if not term:
            self._tracker.follow(_now())
            return False
        if term != self._term:
            # Another server may have been the leader until now.
            self._tracker.forget()
            self._term = term
        return True

    def _busy_since(self) -> dict[str, datetime]:
        found = {name: self._progress(name) for name in self._targets.values()}
        now = _now()
        return {
            name: now - timedelta(seconds=progress.elapsed_s)
            for name, progress in found.items()
            if progress is not None
        }

    def _log(self, failure: Exception | None) -> None:
        kind = None if failure is None else type(failure).__name__
        if kind != self._failing and isinstance(failure, StoreError):
            logger.warning("the scheduler is not monitored: %s", failure)
        was_failing, self._failing = self._failing, kind
        seen, state = self._snapshot, self._snapshot.state
        if state is not self._state:
            if state is SchedulerState.UP and self._state is not SchedulerState.UNKNOWN:
                logger.info("the scheduler is monitored again")
            elif state is SchedulerState.DOWN:
                logger.warning("the scheduler is not monitored: %s", seen.list_error)
            elif seen.list_error is not None:
                logger.warning("the scheduler's list cannot be read: %s", seen.list_error)
            elif seen.reading.error is not None:
                logger.warning("the scheduler's clock cannot be read: %s", seen.reading.error)
            self._state = state
        elif was_failing is not None and kind is None and state is SchedulerState.UP:
            logger.info("the scheduler is monitored again")
        self._still.log()


def _now() -> datetime:
    """Return the time to the millisecond, as in the journal, so that times compare correctly."""
    now = datetime.now(UTC)
    return now.replace(microsecond=now.microsecond // 1000 * 1000)
