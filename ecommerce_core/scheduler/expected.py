"""Which callbacks became due between two polls of the scheduler's list and clock. Pure.

A poll reads the list first and the clock after it, so an entry that is missing from the
list while the clock has not reached its time was certainly deleted. Otherwise:

- a recurring entry whose time moved by whole periods has sent that many callbacks;
- a recurring entry that is missing once the clock has reached its time is *in flight*: its
  callback is running, and the clock stands still for it. It counts as one callback and
  returns to the list. If it does not return although the clock moves on, somebody deleted
  it, and that callback is cancelled unless it arrived;
- an entry that does not recur, and is missing once its time has come, has sent one callback.
  (If somebody else deletes it in the second before its time, it cannot be told apart.)
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

# More callbacks than this between two polls are stored as one row for each task.
MAX_SINGLE = 100


@dataclass(frozen=True, slots=True)
class Comparison:
    """The difference between two polls.

    ``pending`` are new expected callbacks, ``deleted`` the entries in flight that did not return.
    ``is_set_back``: the clock went back, so the two polls cannot be compared.
    """

    pending: tuple[ExpectedCallback, ...] = ()
    in_flight: tuple[InFlightCallback, ...] = ()
    deleted: tuple[Entry, ...] = ()
    is_set_back: bool = False


class _Fired(NamedTuple):
    series: ScheduleKey
    first: datetime
    last: datetime
    number: int
    since_at: datetime


def compare(
    before: ScheduleSnapshot,
    in_flight: Sequence[InFlightCallback],
    after: ScheduleSnapshot,
    *,
    deleted: Collection[Entry] = (),
    busy: Collection[str] = (),
    disappearance_timeout: timedelta,
) -> Comparison:
    """Compare two polls; ``in_flight`` is what was in flight at the first.

    ``deleted`` are entries as they stood when we deleted them meanwhile: what they had sent
    until then is expected. ``busy`` are datasets that are being synced: an entry that is missing
    there may still be in flight after ``disappearance_timeout``.
    """
    if after.clock.simulated_at < before.clock.simulated_at:
        return Comparison(is_set_back=True)
    waiting: dict[ScheduleKey, list[tuple[datetime, InFlightCallback | None]]] = {}
    for entry in before.entries:
        waiting.setdefault(entry.series, []).append((entry.simulated_at, None))
    for call in in_flight:
        waiting.setdefault(call.entry.series, []).append((call.entry.simulated_at, call))
    # What we deleted may or may not be in the list any more: the larger number of the two.
    standing: dict[ScheduleKey, Counter[datetime]] = {}
    for entry, count in (Counter(after.entries) | Counter(deleted)).items():
        standing.setdefault(entry.series, Counter())[entry.simulated_at] = count
    fired: list[_Fired] = []
    still: list[InFlightCallback] = []
    vanished: list[Entry] = []
    for series, times in waiting.items():
        left = _Series(series, before, after, standing.get(series, Counter()))
        left.match(sorted(times, key=lambda pair: (pair[0], pair[1] is not None)))
        fired += left.fired
        for call in left.in_flight:
            is_deleted = _is_deleted(
                call, before, after, is_busy=series.dataset in busy, timeout=disappearance_timeout
            )
            if is_deleted:
                vanished.append(call.entry)
            else:
                still.append(call)
        vanished += left.returned_unsent
    return Comparison(
        pending=tuple(_expected(fired, before, after)),
        in_flight=tuple(still),
        deleted=tuple(vanished),
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
        self.in_flight: list[InFlightCallback] = []
        self.returned_unsent: list[Entry] = []

    def match(self, times: list[tuple[datetime, InFlightCallback | None]]) -> None:
        """Find out what became of the entries that stood at ``times``, in order."""
        moved = []
        for due_at, call in times:
            if self._standing[due_at] > 0:
                self._standing[due_at] -= 1
                if call is not None:
                    self.returned_unsent.append(call.entry)
            else:
                moved.append((due_at, call))
        for due_at, call in moved:
            if due_at <= self._after.clock.simulated_at:
                self._account(due_at, call)

    def _account(self, due_at: datetime, call: InFlightCallback | None) -> None:
        step = self._step
        if step is None:
            self._note(due_at, 1, timedelta())
            return
        next_at = self._moved_to(due_at, step)
        if next_at is None:
            if call is None:
                self._note(due_at, 1, step)
                call = self._begin_call(due_at)
            self.in_flight.append(call)
            return
        count = (next_at - due_at) // step
        if call is not None:  # its first callback is expected already
            due_at, count = due_at + step, count - 1
        if count:
            self._note(due_at, count, step, call)

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

    def _begin_call(self, due_at: datetime) -> InFlightCallback:
        series, after = self._series, self._after
        entry = Entry(series.dataset, series.name, series.source_app, series.recurrence, due_at)
        return InFlightCallback(
            entry, self._before.asked_at, after.seen_at, after.clock.simulated_at
        )

    def _note(
        self, first: datetime, count: int, step: timedelta, call: InFlightCallback | None = None
    ) -> None:
        # An entry that was in flight at each poll has been sending since the first of them.
        since_at = self._before.asked_at if call is None else call.since_at
        last = first + (count - 1) * step
        self.fired.append(_Fired(self._series, first, last, count, since_at))


def _is_deleted(
    call: InFlightCallback,
    before: ScheduleSnapshot,
    after: ScheduleSnapshot,
    *,
    is_busy: bool,
    timeout: timedelta,
) -> bool:
    """Return True if it would have returned to the list unless it was deleted."""
    step = period(call.entry.recurrence)
    # The list was read after the first poll's clock, so only that clock is certain.
    if step is None or before.clock.simulated_at <= call.clock_at:
        return False
    first, last = call.clock_at, after.clock.simulated_at
    due_at = call.entry.simulated_at
    if (first - due_at) // step == (last - due_at) // step:
        return True
    # It may be in flight again, for a later time, at each poll.
    return not is_busy and after.seen_at - call.noticed_at > timeout


def _expected(
    fired: list[_Fired], before: ScheduleSnapshot, after: ScheduleSnapshot
) -> Iterable[ExpectedCallback]:
    total = sum(one.number for one in fired)
    for one in fired if total <= MAX_SINGLE else _merge(fired):
        series = one.series
        callback = ExpectedCallback(
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
            yield callback
            continue
        step = period(series.recurrence) or timedelta()
        for number in range(one.number):
            due_at = one.first + number * step
            yield replace(callback, simulated_at=due_at, simulated_last_at=due_at, count=1)


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
