"""What two looks at the scheduler's list and clock mean: which callbacks are due. Pure.

A look reads the list first and the clock after it, so an entry that is missing from the
list while the clock has not reached its time was deleted, for certain. Otherwise:

- a recurring entry that stands later by whole periods has sent that many callbacks;
- one that is missing while the clock has reached its time is *in flight*: its callback is
  under way, and the clock stands still for it. It counts as one callback, and comes back.
  Where it does not, although the clock has moved on, somebody deleted it, and that
  callback is taken back unless it came;
- one that does not recur, and is missing when its time has come, has sent one callback.
  (Deleted by somebody else in the second before its time, it looks the same.)
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection, Iterable, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from typing import NamedTuple

from ecommerce_core.domain import (
    Entry,
    ExpectedCallback,
    InFlightCallback,
    ScheduleKey,
    ScheduleSnapshot,
    period,
)

# More callbacks than this between two looks are kept as one row for each task.
MAX_SINGLE = 100


@dataclass(frozen=True, slots=True)
class Comparison:
    """``owed`` are new promises, ``gone`` the entries of flights that did not come back.

    ``is_set_back``: the clock went back, so the looks have nothing to do with each other.
    """

    owed: tuple[ExpectedCallback, ...] = ()
    flights: tuple[InFlightCallback, ...] = ()
    gone: tuple[Entry, ...] = ()
    is_set_back: bool = False


class _Fired(NamedTuple):
    series: ScheduleKey
    first: datetime
    last: datetime
    number: int
    since_at: datetime


def compare(
    before: ScheduleSnapshot,
    flights: Sequence[InFlightCallback],
    after: ScheduleSnapshot,
    *,
    deleted: Collection[Entry] = (),
    busy: Collection[str] = (),
    patience: timedelta = timedelta(seconds=10),
) -> Comparison:
    """What happened between two looks, ``flights`` being what was in flight at the first.

    ``deleted`` are entries as they stood when we deleted them meanwhile: they owe what they
    had sent until then. ``busy`` are datasets that are being synced: whatever is missing there
    may still be under way after ``patience``.
    """
    if after.clock.simulated_at < before.clock.simulated_at:
        return Comparison(is_set_back=True)
    waiting: dict[ScheduleKey, list[tuple[datetime, InFlightCallback | None]]] = {}
    for entry in before.entries:
        waiting.setdefault(entry.series, []).append((entry.simulated_at, None))
    for flight in flights:
        waiting.setdefault(flight.entry.series, []).append((flight.entry.simulated_at, flight))
    # What we deleted may or may not be in the list any more: the larger number of the two.
    standing: dict[ScheduleKey, Counter[datetime]] = {}
    for entry, count in (Counter(after.entries) | Counter(deleted)).items():
        standing.setdefault(entry.series, Counter())[entry.simulated_at] = count
    fired: list[_Fired] = []
    still: list[InFlightCallback] = []
    gone: list[Entry] = []
    for series, times in waiting.items():
        left = _Series(series, before, after, standing.get(series, Counter()))
        left.match(sorted(times, key=lambda pair: (pair[0], pair[1] is not None)))
        fired += left.fired
        for flight in left.flights:
            lost = _is_gone(flight, before, after, is_patient=series.dataset in busy, wait=patience)
            if lost:
                gone.append(flight.entry)
            else:
                still.append(flight)
        gone += left.returned_unsent
    return Comparison(
        owed=tuple(_promises(fired, before, after)), flights=tuple(still), gone=tuple(gone)
    )


class _Series:
    """The entries of one series, before and after."""

    def __init__(
        self,
        series: ScheduleKey,
        before: ScheduleSnapshot,
        after: ScheduleSnapshot,
        standing: Counter[datetime],
    ) -> None:
        self._series = series
        self._step = period(series.recurrence)
        self._before, self._after = before, after
        self._standing = standing
        self.fired: list[_Fired] = []
        self.flights: list[InFlightCallback] = []
        self.returned_unsent: list[Entry] = []

    def match(self, times: list[tuple[datetime, InFlightCallback | None]]) -> None:
        """Find out what became of the entries that stood at ``times``, in order."""
        moved = []
        for due_at, flight in times:
            if self._standing[due_at] > 0:
                self._standing[due_at] -= 1
                if flight is not None:
                    self.returned_unsent.append(flight.entry)
            else:
                moved.append((due_at, flight))
        for due_at, flight in moved:
            if due_at <= self._after.clock.simulated_at:
                self._account(due_at, flight)

    def _account(self, due_at: datetime, flight: InFlightCallback | None) -> None:
        step = self._step
        if step is None:
            self._note(due_at, 1, timedelta())
            return
        next_at = self._moved_to(due_at, step)
        if next_at is None:
            if flight is None:
                self._note(due_at, 1, step)
                flight = self._begin_flight(due_at)
            self.flights.append(flight)
            return
        count = (next_at - due_at) // step
        if flight is not None:  # its first one is owed already
            due_at, count = due_at + step, count - 1
        if count:
            self._note(due_at, count, step, flight)

    def _moved_to(self, due_at: datetime, step: timedelta) -> datetime | None:
        """Where it stands now: later, but no further than the clock can have taken it."""
        clock_at = self._after.clock.simulated_at
        later = (
            at
            for at, count in self._standing.items()
            if count > 0 and at > due_at and at - step <= clock_at
        )
        next_at = min(later, default=None)
        if next_at is not None:
            self._standing[next_at] -= 1
        return next_at

    def _begin_flight(self, due_at: datetime) -> InFlightCallback:
        series, after = self._series, self._after
        entry = Entry(series.dataset, series.name, series.source_app, series.recurrence, due_at)
        return InFlightCallback(
            entry, self._before.asked_at, after.seen_at, after.clock.simulated_at
        )

    def _note(
        self, first: datetime, count: int, step: timedelta, flight: InFlightCallback | None = None
    ) -> None:
        # What was in flight each time that we looked has been sending all the while.
        since_at = self._before.asked_at if flight is None else flight.since_at
        last = first + (count - 1) * step
        self.fired.append(_Fired(self._series, first, last, count, since_at))


def _is_gone(
    flight: InFlightCallback,
    before: ScheduleSnapshot,
    after: ScheduleSnapshot,
    *,
    is_patient: bool,
    wait: timedelta,
) -> bool:
    """True where it would have come back if it were not deleted."""
    step = period(flight.entry.recurrence)
    # The list was read after the first look's clock: only what that one says is sure.
    if step is None or before.clock.simulated_at <= flight.clock_at:
        return False
    first, last = flight.clock_at, after.clock.simulated_at
    due_at = flight.entry.simulated_at
    if (first - due_at) // step == (last - due_at) // step:
        return True
    # It may be in flight again for a later time, each time that we look.
    return not is_patient and after.seen_at - flight.noticed_at > wait


def _promises(
    fired: list[_Fired], before: ScheduleSnapshot, after: ScheduleSnapshot
) -> Iterable[ExpectedCallback]:
    total = sum(one.number for one in fired)
    for one in fired if total <= MAX_SINGLE else _merge(fired):
        series = one.series
        promise = ExpectedCallback(
            id=0,
            dataset=series.dataset,
            task_name=series.name,
            source_app=series.source_app,
            recurrence=series.recurrence,
            simulated_at=one.first,
            simulated_last_at=one.last,
            count=one.number,
            since_at=one.since_at,
            noticed_at=after.seen_at,
            # A change of speed shows after the tick that it made longer.
            speed=max(before.clock.speed, after.clock.speed),
        )
        if total > MAX_SINGLE:
            yield promise
            continue
        step = period(series.recurrence) or timedelta()
        for number in range(one.number):
            due_at = one.first + number * step
            yield replace(promise, simulated_at=due_at, simulated_last_at=due_at, count=1)


def _merge(fired: list[_Fired]) -> Iterable[_Fired]:
    by_series: dict[ScheduleKey, _Fired] = {}
    for one in fired:
        have = by_series.get(one.series, one._replace(number=0))
        by_series[one.series] = _Fired(
            one.series,
            min(have.first, one.first),
            max(have.last, one.last),
            have.number + one.number,
            min(have.since_at, one.since_at),
        )
    return by_series.values()
