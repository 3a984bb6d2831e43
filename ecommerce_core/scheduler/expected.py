"""Find which callbacks became due between two polls of the scheduler's list and clock. Pure.

A poll reads the list first and the clock after it, so an entry that is missing from the list while
the clock has not reached its time was certainly deleted. Otherwise:

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
    ExpectedOutcome,
    InFlightCallback,
    Lateness,
    ScheduleKey,
    ScheduleSnapshot,
    period,
)

# More callbacks than this between two polls are stored as one row for each task.
MAX_SINGLE = 100


@dataclass(frozen=True, slots=True)
class Comparison:
    """The difference between two polls.

    ``pending`` are new expected callbacks, ``deleted`` the entries in flight that did not return,
    ``returned`` those that returned although they had been given up. ``is_set_back``: the clock
    went back, so the two polls cannot be compared.
    """

    pending: tuple[ExpectedCallback, ...] = ()
    in_flight: tuple[InFlightCallback, ...] = ()
    deleted: tuple[Entry, ...] = ()
    returned: tuple[Entry, ...] = ()
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
    added: Collection[ScheduleKey] = (),
    busy: Collection[str] = (),
    lateness: Lateness,
) -> Comparison:
    """Compare two polls; ``in_flight`` are the callbacks in flight at the first.

    ``deleted`` are entries as they were when we deleted them meanwhile: the callbacks that they had
    sent until then are expected. ``added`` are the series of entries that we added meanwhile: a new
    entry there did not return. ``busy`` are datasets that are being synced: an entry that is
    missing there may still be in flight after the ``disappearance_timeout``.
    """
    if after.clock.simulated_at < before.clock.simulated_at:
        return Comparison(is_set_back=True)
    waiting: dict[ScheduleKey, list[tuple[datetime, InFlightCallback | None]]] = {}
    for entry in before.entries:
        waiting.setdefault(entry.series, []).append((entry.simulated_at, None))
    given_up: dict[ScheduleKey, list[InFlightCallback]] = {}
    for call in in_flight:
        if call.is_given_up:
            given_up.setdefault(call.entry.series, []).append(call)
        else:
            waiting.setdefault(call.entry.series, []).append((call.entry.simulated_at, call))
    # An entry that we deleted may or may not be in the list: use the larger number of the two.
    standing: dict[ScheduleKey, Counter[datetime]] = {}
    for entry, count in (Counter(after.entries) | Counter(deleted)).items():
        standing.setdefault(entry.series, Counter())[entry.simulated_at] = count
    every: list[_Series] = []
    for series in {**waiting, **given_up}:
        one = _Series(series, before, after, standing.get(series, Counter()))
        one.match(sorted(waiting.get(series, ()), key=lambda pair: (pair[0], pair[1] is not None)))
        one.give_up(lateness, is_busy=series.dataset in busy)
        if series not in added:
            one.take_back(given_up.get(series, ()), lateness)
        every.append(one)
    fired = [each for one in every for each in one.fired]
    if any(one.is_deleted_early for one in every) and not after.entries:
        return _emptied(every, fired, before, after)
    return Comparison(
        pending=tuple(_expected(fired, before, after)),
        in_flight=tuple(call for one in every for call in one.in_flight),
        deleted=tuple(entry for one in every for entry in one.deleted),
        returned=tuple(entry for one in every for entry in one.returned),
    )


def _emptied(
    every: Sequence[_Series],
    fired: list[_Fired],
    before: ScheduleSnapshot,
    after: ScheduleSnapshot,
) -> Comparison:
    """Handle a reset or restart of the scheduler after which its clock was not set back.

    An entry whose time came meanwhile may or may not have been sent before that. It is not
    expected, but a delivery may still match it.
    """
    callbacks = _expected(fired, before, after)
    return Comparison(
        pending=tuple(replace(one, outcome=ExpectedOutcome.CANCELLED) for one in callbacks),
        deleted=tuple(
            entry
            for one in every
            for entry in (*one.deleted, *(call.entry for call in one.in_flight))
        ),
    )


class _Series:
    """The entries of one recurring schedule, before and after."""

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
        self.deleted: list[Entry] = []
        self.returned: list[Entry] = []
        # An entry is missing whose time has not come.
        self.is_deleted_early = False

    def match(self, times: list[tuple[datetime, InFlightCallback | None]]) -> None:
        """Work out what happened to the entries due at ``times``, in order."""
        moved = []
        for due_at, call in times:
            if self._standing[due_at] > 0:
                self._standing[due_at] -= 1
                if call is not None:
                    self.deleted.append(call.entry)
            else:
                moved.append((due_at, call))
        for due_at, call in moved:
            if due_at <= self._after.clock.simulated_at:
                self._account(due_at, call)
            else:
                self.is_deleted_early = True

    def give_up(self, lateness: Lateness, *, is_busy: bool) -> None:
        """Give up entries that have been in flight for so long that they must have been deleted."""
        calls, self.in_flight = self.in_flight, []
        for call in calls:
            if _is_deleted(call, self._before, self._after):
                self.deleted.append(call.entry)
            elif not is_busy and _is_overdue(call, self._before, self._after, lateness):
                self.deleted.append(call.entry)
                self.in_flight.append(replace(call, is_given_up=True))
            else:
                self.in_flight.append(call)

    def take_back(self, given_up: Iterable[InFlightCallback], lateness: Lateness) -> None:
        """Find entries given up that are back in the list: they were in flight at every poll."""
        for call in given_up:
            due_at, step = call.entry.simulated_at, self._step
            if step is None or self._after.seen_at - call.noticed_at > lateness.late_window:
                continue
            next_at = self._moved_to(due_at, step)
            if next_at is None:
                self.in_flight.append(call)
                continue
            self.returned.append(call.entry)
            count = (next_at - due_at) // step - 1
            if count:
                self._note(due_at + step, count, step, call)

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
        """Return its present time: later, but no further than the clock can have moved it."""
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
        # An entry that was in flight at each poll has been sending since the first poll.
        since_at = self._before.asked_at if call is None else call.since_at
        last = first + (count - 1) * step
        self.fired.append(_Fired(self._series, first, last, count, since_at))


def _is_deleted(call: InFlightCallback, before: ScheduleSnapshot, after: ScheduleSnapshot) -> bool:
    """Return True if the entry would have returned to the list unless it was deleted."""
    step = period(call.entry.recurrence)
    # The list was read after the first poll's clock, so only that clock is certain.
    if step is None or before.clock.simulated_at <= call.clock_at:
        return False
    first, last = call.clock_at, after.clock.simulated_at
    due_at = call.entry.simulated_at
    return (first - due_at) // step == (last - due_at) // step


def _is_overdue(
    call: InFlightCallback, before: ScheduleSnapshot, after: ScheduleSnapshot, lateness: Lateness
) -> bool:
    """Return True if the entry has been missing for long, though the clock moved on.

    It may be in flight again, for a later time, at each poll; only its return shows that.
    """
    return (
        before.clock.simulated_at > call.clock_at
        and after.seen_at - call.noticed_at > lateness.disappearance_timeout
    )


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
            # A change of speed is seen only after the tick that it lengthened.
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
