"""Tell open pages which of the things they show have changed.

One thread reads the state for all pages: once a second, and at once when a run has ended or a
callback was written. A topic that differs from the last reading gets a higher version. Changes by
other processes on the same database are found the same way, because the store is read every time.
"""

from __future__ import annotations

import logging
import secrets
import threading
import time
from collections.abc import Callable, Hashable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

from ecommerce_core.domain import ClockReading, Progress, StoreError, estimate

logger = logging.getLogger(__name__)

LOOK_EVERY_S = 1.0
# Pause after a reading, so that a storm of callbacks costs twenty a second and not a thousand.
PAUSE_S = 0.05
# A clock that is read once a second and ticks once a second may be read a tick late.
TICKS_AHEAD = 1.5
# No clock can be set to be faster; within a second, the position of such a clock is unknown.
FASTEST = 1e9
EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
# A change of these alone is not urgent: pages are correct without it.
PATIENT_TOPICS = frozenset({"begun"})


@dataclass(frozen=True, slots=True)
class Seen:
    """One observation: the state of each topic, the clock as read, and the runs under way.

    ``is_still``: the clock is not paused and does not move.
    """

    topics: Mapping[str, Hashable]
    clock: ClockReading
    progress: tuple[Progress, ...]
    is_still: bool = False


@dataclass(frozen=True, slots=True)
class LiveClock:
    """The simulated clock as a browser moves it on: where it was at ``read_at_ms`` (Unix, UTC).

    If it is neither paused nor moving, it stands still (``is_still``) or cannot be read.
    """

    simulated_ms: int
    read_at_ms: int
    speed: float
    is_paused: bool
    is_moving: bool
    is_still: bool = False

    def as_dict(self) -> dict[str, object]:
        """Return the clock as pages and sockets receive it."""
        return {
            "simulated_ms": self.simulated_ms,
            "read_at_ms": self.read_at_ms,
            "speed": self.speed,
            "is_paused": self.is_paused,
            "is_moving": self.is_moving,
            "is_still": self.is_still,
        }


@dataclass(frozen=True, slots=True)
class LiveState:
    """The state that pages receive. Versions are only comparable within one ``epoch`` (process)."""

    epoch: str
    versions: Mapping[str, int]
    clock: LiveClock | None = None
    progress: tuple[Mapping[str, object], ...] = ()

    def as_dict(self) -> dict[str, object]:
        """Return the state as a message to a page."""
        return {
            "epoch": self.epoch,
            "versions": dict(self.versions),
            "clock": None if self.clock is None else self.clock.as_dict(),
            "progress": [dict(each) for each in self.progress],
        }


class Live:
    """Calls ``look`` regularly, keeps the newest state, and calls ``observers`` when it changes.

    Observers are called on the thread that looked, with True if a page that shows what changed is
    out of date, False if only a clock or a progress moved on or a run began.
    """

    def __init__(self, look: Callable[[], Seen], *, every_s: float = LOOK_EVERY_S) -> None:
        self._look = look
        self._every_s = every_s
        self.observers: list[Callable[[bool], None]] = []
        self._topics: Mapping[str, Hashable] = {}
        self._reading: ClockReading | None = None
        self._state = LiveState(secrets.token_hex(6), {})
        self._turn = threading.Lock()
        self._wake = threading.Event()
        self._stopping = threading.Event()
        self._thread: threading.Thread | None = None
        self._is_failing = False
        self._is_stale = True

    def start(self) -> None:
        """Start the thread; it looks at once."""
        self._thread = threading.Thread(target=self._run, name="live", daemon=True)
        self._thread.start()

    def stop(self, *, timeout_s: float = 2.0) -> None:
        """End the thread."""
        self._stopping.set()
        self._wake.set()
        if self._thread is not None:
            self._thread.join(timeout_s)

    def state(self) -> LiveState:
        """Return the newest state; never waits."""
        return self._state

    def fresh_state(self) -> LiveState:
        """Return the state with every change that ``wake`` announced, for a page drawn now."""
        if self._is_stale:
            self.look()
        return self._state

    def wake(self) -> None:
        """Request a reading as soon as possible, after a change. Never waits."""
        self._is_stale = True
        self._wake.set()

    def announce(self) -> None:
        """Have observers check their receivers again, since a sign-in has ended."""
        for observer in tuple(self.observers):
            observer(True)

    def look(self) -> None:
        """Read the state once, now. Never raises: an error is logged once."""
        with self._turn:
            self._is_stale = False
            try:
                self._take(self._look())
            except Exception as error:
                if not self._is_failing:
                    self._is_failing = True
                    # Pages themselves show why a store cannot be read.
                    level = logging.WARNING if isinstance(error, StoreError) else logging.ERROR
                    logger.log(level, "pages are not told of changes: %s", error)
                return
            self._is_failing = False

    def _run(self) -> None:
        while not self._stopping.is_set():
            self.look()
            self._stopping.wait(PAUSE_S)
            self._wake.wait(self._every_s)
            self._wake.clear()

    def _take(self, seen: Seen) -> None:
        before = self._state
        changed = {name for name, now in seen.topics.items() if self._topics.get(name) != now}
        versions = {name: before.versions.get(name, 0) + (name in changed) for name in seen.topics}
        clock = self._clock(seen.clock, is_still=seen.is_still)
        progress = tuple(describe_progress(each) for each in seen.progress)
        self._topics = seen.topics
        state = LiveState(before.epoch, versions, clock, progress)
        if state == before:
            return
        self._state = state
        is_urgent = bool(changed - PATIENT_TOPICS)
        for observer in tuple(self.observers):
            observer(is_urgent)

    def _clock(self, reading: ClockReading, *, is_still: bool) -> LiveClock | None:
        """Return the clock as sent last if a browser can derive the reading from it, else anew."""
        if reading.clock is None or reading.read_at is None:
            self._reading = None
            return None
        kept = self._reading
        # A clock that stands still is sent once, and not every second.
        is_news = kept is None or not (is_still or _foretells(kept, reading))
        if kept is None or is_news or (is_still and kept.clock != reading.clock):
            self._reading = kept = reading
        clock, read_at = kept.clock, kept.read_at
        if clock is None or read_at is None:  # never true of a kept reading
            return None
        is_moving = not clock.paused and reading.error is None and not is_still
        is_moving = is_moving and clock.speed <= FASTEST
        return LiveClock(
            (clock.simulated_at.replace(tzinfo=UTC) - EPOCH) // timedelta(milliseconds=1),
            (read_at - EPOCH) // timedelta(milliseconds=1),
            min(clock.speed, FASTEST),
            clock.paused,
            is_moving,
            is_still and not clock.paused,
        )


def _foretells(kept: ClockReading, reading: ClockReading) -> bool:
    """Return True if a browser with ``kept`` shows ``reading`` already: nothing need be sent."""
    before, now = kept.clock, reading.clock
    if before is None or now is None or reading.read_at is None or kept.error != reading.error:
        return False
    if (before.speed, before.paused) != (now.speed, now.paused):
        return False
    expected = estimate(kept, reading.read_at)
    if expected is None:
        return False
    # Never behind what a page shows: a page must not show a time that the clock has not reached.
    # Both show whole seconds.
    ahead_s = (now.simulated_at - expected.replace(microsecond=0)).total_seconds()
    return 0 <= ahead_s <= max(1.0, TICKS_AHEAD * abs(now.speed))


def describe_progress(progress: Progress) -> Mapping[str, object]:
    """Return a run under way as pages receive it, with the time of its request."""
    return {
        "dataset": progress.dataset,
        "stage": progress.stage.value,
        "bytes_done": progress.bytes_done,
        "bytes_total": progress.bytes_total,
        "records": progress.records,
        "since_ms": round(time.time() * 1e3 - progress.elapsed_s * 1e3, -2),
    }
