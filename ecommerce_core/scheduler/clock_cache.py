"""Caches of what all sessions and threads show of the scheduler, fetched once for all of them."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from typing import Generic, TypeAlias, TypeVar

from ecommerce_core.domain import Clock, ClockReading, PeerError

T = TypeVar("T")


class ClockCache:
    """Fetches the clock at most once per ``interval_s``, and never twice at a time.

    ``fetch`` may raise PeerError, which the reading then contains.
    """

    def __init__(self, fetch: Callable[[], Clock], *, interval_s: float = 1.0) -> None:
        self._fetch = fetch
        self._interval_s = interval_s
        self._turn = threading.Condition()
        self._asking = False
        self._fresh_until = 0.0
        self._reading = ClockReading(clock=None, read_at=None, error=None)

    def reading(self) -> ClockReading:
        """Return the last reading, renewed if it is older than the interval.

        While another thread fetches, this returns the last known one at once (an error too), or
        waits for the answer if there is none yet. Never raises PeerError.
        """
        with self._turn:
            if time.monotonic() < self._fresh_until:
                return self._reading
            if self._asking:
                if self._reading.clock is None and self._reading.error is None:
                    self._turn.wait_for(lambda: not self._asking)
                return self._reading
            self._asking = True
        return self._ask()

    def fetch_reading(self) -> ClockReading:
        """Return a reading fetched after this call began. Never raises PeerError."""
        with self._turn:
            self._turn.wait_for(lambda: not self._asking)
            self._asking = True
        return self._ask()

    def expire(self) -> None:
        """Make the next caller fetch, after a change of the clock."""
        with self._turn:
            self._fresh_until = 0.0

    def _ask(self) -> ClockReading:
        reading = self._reading
        fresh_until = time.monotonic() + self._interval_s
        try:
            clock = self._fetch()
            reading = ClockReading(clock=clock, read_at=datetime.now(UTC), error=None)
        except PeerError as error:
            reading = replace(reading, error=error.fact)
            # A silent peer has taken its time already, so for a while callers need not wait again.
            fresh_until = time.monotonic() + self._interval_s
        finally:
            with self._turn:
                self._reading = reading
                self._fresh_until = fresh_until
                self._asking = False
                self._turn.notify_all()
        return reading


class SharedFetch(Generic[T]):
    """The outcome of ``fetch``, a value or a PeerError, renewed once it is ``interval_s`` old.

    One thread at a time fetches. Meanwhile the others get the previous outcome, an error too: a
    silent peer delays one caller and not all of them.
    """

    def __init__(self, fetch: Callable[[], T], *, interval_s: float) -> None:
        self._fetch = fetch
        self._interval_s = interval_s
        self._turn = threading.Condition()
        self._asking = False
        self._generation = 0
        self._fresh_until = 0.0
        self._outcome: _Outcome[T] | None = None

    def get(self) -> T:
        """Return the value, older than ``interval_s`` only during a fetch. Raises PeerError."""
        with self._turn:
            if self._outcome is None:
                self._turn.wait_for(lambda: self._outcome is not None or not self._asking)
            if self._outcome is not None and (self._asking or time.monotonic() < self._fresh_until):
                return _told(self._outcome)
            self._asking = True
            generation = self._generation
        return self._ask(generation)

    def expire(self) -> None:
        """Forget the outcome after a change. The next caller waits for a new one."""
        with self._turn:
            self._generation += 1
            self._outcome = None
            # A fetch under way may have been answered before the change, so its outcome is not
            # kept.
            self._asking = False
            self._turn.notify_all()

    def _ask(self, generation: int) -> T:
        outcome: _Outcome[T] | None = None
        try:
            outcome = self._try()
            return _told(outcome)
        finally:
            with self._turn:
                if generation == self._generation:
                    self._outcome = outcome
                    self._fresh_until = time.monotonic() + self._interval_s
                    self._asking = False
                    self._turn.notify_all()

    def _try(self) -> _Outcome[T]:
        try:
            return _Value(self._fetch())
        except PeerError as error:
            return error


@dataclass(frozen=True, slots=True)
class _Value(Generic[T]):
    value: T


_Outcome: TypeAlias = _Value[T] | PeerError


def _told(outcome: _Outcome[T]) -> T:
    if isinstance(outcome, PeerError):
        # Raised by many threads: each begins a traceback of its own.
        raise outcome.with_traceback(None)
    return outcome.value
