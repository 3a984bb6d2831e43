"""The journal of callbacks, written in groups: a storm must not cost a transaction per caller."""

from __future__ import annotations

import logging
import math
import queue
import threading
import time
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import Executor, Future
from dataclasses import dataclass, field, replace
from datetime import datetime

from ecommerce_core.domain import ClockReading, NewDelivery, Outcome, StoreError
from ecommerce_core.logs import RefusalLimit
from ecommerce_core.scheduler.client import Scheduler

logger = logging.getLogger(__name__)

_RETRY_S = 1.0
# How often the number of refused callbacks that are not kept is written.
_COUNTED_EVERY_S = 10.0
# How long to wait for the answer of a clock.
_CLOCK_PATIENCE_S = 3.0
_CLOCK_EVERY_S = 0.2


@dataclass(slots=True)
class _Entry:
    delivery: NewDelivery
    clock: Future[ClockReading] | None
    since: float = field(default_factory=time.monotonic)

    def is_ready(self) -> bool:
        """Return True if there is nothing to wait for."""
        if self.clock is None or self.clock.done():
            return True
        return time.monotonic() - self.since > _CLOCK_PATIENCE_S

    def resolve(self) -> NewDelivery:
        """Return the delivery, with the simulated time if the clock has answered."""
        if self.clock is None:
            return self.delivery
        return replace(self.delivery, simulated_at=simulated_time(self.clock))


def simulated_time(clock: Future[ClockReading] | None) -> datetime | None:
    """Return the simulated time of a reading, or None if it failed or is still under way."""
    if clock is None or not clock.done() or clock.cancelled() or clock.exception() is not None:
        return None
    reading = clock.result()
    # After an error the reading keeps the last good clock, which may be hours old.
    if reading.clock is None or reading.error is not None:
        return None
    return reading.clock.simulated_at


class ClockPeek:
    """Reads the simulated clock for callbacks, in ``executor`` and by one thread at a time.

    The scheduler's clock passes the due time before it sends a callback, so a reading that was
    taken before the callback arrived may show an earlier time: only one that is requested after
    it counts. A scheduler that does not answer must not take a thread per callback.
    """

    def __init__(self, executor: Executor, *, every_s: float = _CLOCK_EVERY_S) -> None:
        self._executor = executor
        self._every_s = every_s
        self._lock = threading.Lock()
        self._next: Future[ClockReading] | None = None
        self._is_reading = False
        self._began_s = -math.inf

    def ask(self, scheduler: Scheduler) -> Future[ClockReading] | None:
        """Return a reading that is requested from now on, shared with all callers until then.

        Never blocks. Returns None if the executor has been shut down.
        """
        with self._lock:
            if self._next is None:
                self._next = Future()
            reading = self._next
            if not self._is_reading:
                try:
                    self._executor.submit(self._read, scheduler)
                except RuntimeError:
                    self._next = None
                    return None
                self._is_reading = True
        return reading

    def _read(self, scheduler: Scheduler) -> None:
        while True:
            # Many callbacks at once must not cause as many requests to the scheduler.
            time.sleep(max(0.0, self._began_s + self._every_s - time.monotonic()))
            with self._lock:
                reading, self._next = self._next, None
                if reading is None:
                    self._is_reading = False
                    return
                self._began_s = time.monotonic()
            try:
                reading.set_result(scheduler.fetch_reading())
            except Exception as error:
                reading.set_exception(error)


class DeliveryWriter:
    """Collects deliveries and writes each group in one transaction, from a thread of its own.

    ``write`` is ``Store.record_deliveries``. ``interval_s`` is how long a group is collected. While
    the store fails, up to ``capacity`` deliveries are kept and tried again; those beyond are
    counted in the log, never lost silently. Refused ones beyond ``refusals`` are only counted in
    the journal.
    """

    def __init__(
        self,
        write: Callable[[Sequence[NewDelivery], Mapping[str, int]], object],
        *,
        refusals: RefusalLimit | None = None,
        counted_every_s: float = _COUNTED_EVERY_S,
        interval_s: float = 0.05,
        capacity: int = 100_000,
        retry_s: float = _RETRY_S,
    ) -> None:
        self._write = write
        self._refusals = refusals or RefusalLimit()
        self._counted_every_s = counted_every_s
        self._counted_at_s = 0.0
        self._interval_s = interval_s
        self._capacity = capacity
        self._retry_s = retry_s
        self._incoming: queue.SimpleQueue[_Entry | None] = queue.SimpleQueue()
        self._kept: list[_Entry] = []
        self._stopping = threading.Event()
        self._thread: threading.Thread | None = None
        self._dropped = 0
        self._failing = False
        self._attempts = 0
        self._attempted = threading.Condition()

    @property
    def is_alive(self) -> bool:
        """True if the writing thread runs."""
        return self._thread is not None and self._thread.is_alive()

    def keeps_failing(self, *, patience_s: float = 2.5) -> bool:
        """Return whether a group waits and its next attempt fails, too. May block ``patience_s``.

        The cause of the last failure may have gone.
        """
        with self._attempted:
            before = self._attempts
            self._attempted.wait_for(
                lambda: not self._failing or self._attempts > before, timeout=patience_s
            )
            return self._failing

    def start(self) -> None:
        """Start the writing thread; deliveries recorded before are written first."""
        if self._thread is not None:
            return
        self._stopping.clear()
        self._thread = threading.Thread(target=self._run, name="deliveries", daemon=True)
        self._thread.start()

    def stop(self, timeout_s: float = 10.0) -> None:
        """Write what is still waiting, then end. What cannot be written is counted in the log."""
        if self._thread is None:
            return
        self._stopping.set()
        self._incoming.put(None)
        self._thread.join(timeout_s)
        if self._thread.is_alive():
            logger.error("the journal of deliveries did not end within %.0f s", timeout_s)
        self._thread = None

    def record(self, delivery: NewDelivery, *, clock: Future[ClockReading] | None = None) -> bool:
        """Queue a delivery to be written; never blocks, any thread or event loop may call it.

        ``clock`` is a reading of the simulated clock that may still be under way: it sets
        ``simulated_at`` if it arrives in time. Returns False for a refused delivery that is only
        counted, because there have been so many.
        """
        if delivery.outcome is Outcome.REFUSED and not self._refusals.admits(delivery.dataset):
            return False
        if self._incoming.qsize() + len(self._kept) >= self._capacity:
            self._dropped += 1
        else:
            self._incoming.put(_Entry(delivery, clock))
        return True

    def _run(self) -> None:
        while not self._stopping.is_set():
            if not self._kept:
                self._keep(self._next())
            self._stopping.wait(self._retry_s if self._failing else self._interval_s)
            self._take_in()
            self._flush(final=False)
            self._note_attempt()
        self._take_in()
        self._flush(final=True)
        if self._kept:
            logger.error("%d deliveries could not be journalled before the end", len(self._kept))

    def _note_attempt(self) -> None:
        with self._attempted:
            self._attempts += 1
            self._attempted.notify_all()

    def _next(self) -> _Entry | None:
        try:
            return self._incoming.get(timeout=self._counted_every_s)
        except queue.Empty:
            return None

    def _keep(self, entry: _Entry | None) -> None:
        if entry is not None:
            self._kept.append(entry)

    def _take_in(self) -> None:
        while not self._incoming.empty():
            self._keep(self._incoming.get())
        dropped, self._dropped = self._dropped, 0
        if dropped:
            logger.error("%d deliveries were not journalled: no room to keep them", dropped)

    def _flush(self, *, final: bool) -> None:
        ready = [entry for entry in self._kept if final or entry.is_ready()]
        not_kept = self._take_not_kept(final=final)
        if not ready and not not_kept:
            return
        try:
            self._write([entry.resolve() for entry in ready], not_kept)
        except StoreError as error:
            self._refusals.give_back(not_kept)
            if not ready:
                return
            if not self._failing:
                logger.warning("%d deliveries wait to be journalled: %s", len(ready), error)
            self._failing = True
            return
        except Exception:
            self._refusals.give_back(not_kept)
            not_kept = {}
            logger.exception("%d deliveries could not be journalled together", len(ready))
            ready = self._write_singly(ready)
        if self._failing and ready:
            logger.info("%d deliveries journalled after a wait", len(ready))
        self._failing = False
        if not_kept:
            count = sum(not_kept.values())
            logger.warning("%d refused callbacks were counted and not journalled", count)
        written = {id(entry) for entry in ready}
        self._kept = [entry for entry in self._kept if id(entry) not in written]

    def _take_not_kept(self, *, final: bool) -> Mapping[str, int]:
        now_s = time.monotonic()
        if not final and now_s - self._counted_at_s < self._counted_every_s:
            return {}
        self._counted_at_s = now_s
        return self._refusals.take_not_kept()

    def _write_singly(self, entries: Sequence[_Entry]) -> list[_Entry]:
        """Write each delivery on its own, so that a bad one does not block the others for ever.

        Return those that are done with: the others wait for a store that is busy or full.
        """
        done: list[_Entry] = []
        lost: list[str] = []
        for entry in entries:
            try:
                self._write([entry.resolve()], {})
            except StoreError as error:
                logger.warning("a delivery waits to be journalled: %s", error)
                continue
            except Exception as error:
                lost.append(type(error).__name__)
            done.append(entry)
        if lost:
            why = ", ".join(sorted(set(lost)))
            logger.error("%d deliveries were not journalled: %s", len(lost), why)
        return done
