"""One reading of the simulated clock for every session and thread that wants to show it."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, datetime

from ecommerce_core.errors import PeerError
from ecommerce_core.models import Clock, ClockReading


class ClockCache:
    """Asks for the clock at most once per ``interval_s``, and never twice at a time.

    ``fetch`` may raise PeerError, which ends up in the reading.
    """

    def __init__(self, fetch: Callable[[], Clock], *, interval_s: float = 1.0) -> None:
        self._fetch = fetch
        self._interval_s = interval_s
        self._turn = threading.Condition()
        self._asking = False
        self._fresh_until = 0.0
        self._reading = ClockReading(clock=None, read_at=None, error=None)

    def reading(self) -> ClockReading:
        """The last reading, renewed where it is older than the interval.

        While another thread asks, this returns the last known one at once (an
        error too), or waits for the answer where there is none yet. Never
        raises PeerError.
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
        """A reading asked for after this call began, whatever the interval. No PeerError either."""
        with self._turn:
            self._turn.wait_for(lambda: not self._asking)
            self._asking = True
        return self._ask()

    def expire(self) -> None:
        """Make the next caller ask: the clock was just changed."""
        with self._turn:
            self._fresh_until = 0.0

    def _ask(self) -> ClockReading:
        reading = self._reading
        fresh_until = time.monotonic() + self._interval_s
        try:
            clock = self._fetch()
            reading = ClockReading(clock=clock, read_at=datetime.now(UTC), error=None)
        except PeerError as error:
            reading = replace(reading, error=str(error))
            # A silent peer took its time already: callers are spared the wait for a while.
            fresh_until = time.monotonic() + self._interval_s
        finally:
            with self._turn:
                self._reading = reading
                self._fresh_until = fresh_until
                self._asking = False
                self._turn.notify_all()
        return reading
