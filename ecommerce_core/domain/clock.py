"""Conversions between the simulated clock and real time: pure, no network.

Simulated times are naive ``datetime``; real ones are aware, in UTC.
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
    """Estimate the simulated time at ``now`` (aware), or return None if there was no reading.

    The clock advances once per real second by ``speed`` seconds, so only whole seconds since the
    reading count: the estimate is never ahead of what the scheduler will show next. It stands still
    while the clock is paused, and after an error, since the clock may then not be moving.
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
    """Return the simulated time between two occurrences, or None if unknown or not recurring."""
    try:
        return _PERIODS.get(Recurrence(recurrence))
    except ValueError:
        return None


def occurrences(simulated_at: datetime, recurrence: str, count: int = 5) -> list[datetime]:
    """Return the first ``count`` simulated times, beginning with ``simulated_at`` itself.

    Only one if the task does not recur; fewer if the calendar ends before.
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
    """Return the real time until ``clock`` shows ``simulated_at``, at its present speed.

    Zero if it already does; None if it never will: paused, or at speed 0.
    """
    if clock.paused or clock.speed <= 0:
        return None
    ahead = max(timedelta(), simulated_at - clock.simulated_at)
    try:
        return ahead / clock.speed
    except OverflowError:
        return timedelta.max


# A clock that shows the same time for this long, though it is not paused, stands still.
STANDS_AFTER_S = 3.0
# Enough time to fill in a form and for a task to reach the scheduler.
_AHEAD, _AHEAD_S, _ON_THE_WAY_S = timedelta(hours=1), 30.0, 5.0


def stands_still(since: ClockReading, now: ClockReading) -> bool:
    """Return True if the clock has not moved between two readings, though it should have."""
    clock = now.clock
    if clock is None or clock.paused or now.error is not None or since.clock is None:
        return False
    if since.clock.simulated_at != clock.simulated_at or None in {since.read_at, now.read_at}:
        return False
    assert since.read_at is not None and now.read_at is not None  # noqa: S101, PT018 - see above
    waited_s = (now.read_at - since.read_at).total_seconds()
    # Its times are whole seconds: a slow one shows the same for a while.
    return waited_s >= STANDS_AFTER_S and waited_s * clock.speed >= STANDS_AFTER_S


def suggested_time(clock_at: datetime, speed: float) -> datetime | None:
    """Return the clock's next sensible moment for a new task, or None if it is beyond the calendar.

    It is on the minute: an hour ahead of the clock, or the simulated time of half a minute if that
    is more.
    """
    try:
        ahead = max(_AHEAD, timedelta(seconds=_AHEAD_S * speed))
        return (clock_at + ahead + timedelta(seconds=59)).replace(second=0, microsecond=0)
    except OverflowError:
        return None


def next_sensible_time(
    simulated_at: datetime, recurrence: str, *, clock_at: datetime, speed: float
) -> datetime | None:
    """Return when a task that was due at ``simulated_at`` can be due next, or None if never.

    A recurring task keeps its time of the day or of the week, another task its own time, as long as
    that is ahead of the clock.
    """
    step = period(recurrence)
    try:
        earliest = clock_at + timedelta(seconds=_ON_THE_WAY_S * speed)
        if step is not None:
            ahead = max(0, -((simulated_at - earliest) // step))
            behind = max(0, (simulated_at - earliest) // step)
            return simulated_at + (ahead - behind) * step
    except OverflowError:
        return None
    return simulated_at if simulated_at > earliest else suggested_time(clock_at, speed)
