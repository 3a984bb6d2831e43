"""Arithmetic between the simulated clock and ours: pure, no network.

Simulated times are naive ``datetime``; ours are aware, in UTC.
"""

from __future__ import annotations

import math
from datetime import datetime, timedelta

from ecommerce_core.domain.models import Clock, ClockReading, Recurrence

_PERIODS = {
    Recurrence.MINUTE: timedelta(minutes=1),
    Recurrence.HOUR: timedelta(hours=1),
    Recurrence.DAY: timedelta(days=1),
    Recurrence.WEEK: timedelta(weeks=1),
}


def estimate(reading: ClockReading, now: datetime) -> datetime | None:
    """The simulated time at ``now`` (aware), as far as ``reading`` lets one say; None without one.

    The clock advances once per real second by ``speed`` seconds, so only whole
    seconds since the reading count: what comes out is never ahead of what the
    scheduler will say next. It stands still while the clock is paused, and
    after an error, when nobody knows whether it moves.
    """
    clock = reading.clock
    if clock is None or reading.read_at is None:
        return None
    if clock.paused or reading.error is not None:
        return clock.simulated_at
    ticks = max(0, math.floor((now - reading.read_at).total_seconds()))
    try:
        return clock.simulated_at + timedelta(seconds=clock.speed * ticks)
    except OverflowError:
        return clock.simulated_at


def period(recurrence: str) -> timedelta | None:
    """Simulated time between two occurrences; None for ``none`` and for what we do not know."""
    try:
        return _PERIODS.get(Recurrence(recurrence))
    except ValueError:
        return None


def occurrences(simulated_at: datetime, recurrence: str, count: int = 5) -> list[datetime]:
    """The first ``count`` simulated times, beginning with ``simulated_at`` itself.

    One where the task does not recur; fewer where the calendar ends.
    """
    step = period(recurrence)
    times: list[datetime] = []
    try:
        for number in range(count if step else min(count, 1)):
            times.append(simulated_at + number * (step or timedelta()))
    except OverflowError:
        pass
    return times


def real_delay(clock: Clock, simulated_at: datetime) -> timedelta | None:
    """Real time until ``clock`` shows ``simulated_at``, at its present speed.

    Zero where it already does; None where it never will: paused, or at speed 0.
    """
    if clock.paused or clock.speed <= 0:
        return None
    ahead = max(timedelta(), simulated_at - clock.simulated_at)
    try:
        return ahead / clock.speed
    except OverflowError:
        return timedelta.max
