"""Track expected callbacks between polls, in memory and in the database.

Every update computes the new state beside the old one, writes it, and only then replaces the old
one. If the database cannot be written, the next update begins where this one began.
"""

from __future__ import annotations

from collections.abc import Collection, Hashable, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime

from ecommerce_core.domain import (
    Delivery,
    Entry,
    ExpectedCallback,
    ExpectedOutcome,
    InFlightCallback,
    Lateness,
    MonitorState,
    ScheduleKey,
    ScheduleSnapshot,
    period,
    series_of_callback,
)
from ecommerce_core.scheduler.expected import compare
from ecommerce_core.scheduler.matching import MatchPolicy, match_deliveries
from ecommerce_core.storage import Store

# The most open callbacks that are matched at a poll.
MAX_OPEN = 1_000

_UNDECIDED = {ExpectedOutcome.PENDING, ExpectedOutcome.CANCELLED}


@dataclass(frozen=True, slots=True)
class _TrackerState:
    state: MonitorState
    callbacks: tuple[ExpectedCallback, ...] = ()
    unmatched: tuple[Delivery, ...] = ()


class ExpectationTracker:
    """The expected callbacks of ``app_name``. One thread at a time; any may call ``missed_now``.

    ``source`` distinguishes schedulers: the callbacks expected from another one are cancelled.
    """

    def __init__(self, store: Store, *, app_name: str, source: str, lateness: Lateness) -> None:
        self._store = store
        self._app_name = app_name
        self._source = source
        self._lateness = lateness
        self._serving_since: datetime | None = None
        self._current: _TrackerState | None = None
        self._stored: MonitorState | None = None
        self._latest: dict[ScheduleKey, ExpectedCallback] = {}
        self._followed: Hashable = None

    @property
    def era_at(self) -> datetime | None:
        """Since when the clock has not been set back, as far as is known."""
        return None if self._current is None else self._current.state.era_at

    @property
    def snapshot(self) -> ScheduleSnapshot | None:
        """The last poll that was compared, from before a restart if there was none since."""
        return None if self._current is None else self._current.state.snapshot

    @property
    def in_flight(self) -> tuple[InFlightCallback, ...]:
        """The recurring entries whose callbacks are running."""
        return () if self._current is None else self._current.state.in_flight

    def open(self, now: datetime) -> None:
        """Read the state that the last server stored, once. Raises StoreError."""
        self._serving_since = self._serving_since or now
        if self._current is not None:
            return
        store = self._store
        state = store.monitor_state()
        callbacks = store.open_expected_callbacks(noticed_since=now - self._lateness.late_window)
        if state is None or state.source != self._source:
            state = MonitorState(self._source, now, delivery_id=store.newest_delivery_id())
            store.record_expected_callbacks(_cancel(callbacks), state)
            callbacks = []
        unmatched = store.list_deliveries_after(state.delivery_id, ids=state.unmatched_ids)
        self._remember(store.list_expected_callbacks(limit=1_000, noticed_since=state.era_at)[::-1])
        self._keep_latest(state)
        self._stored = state
        state = _read(state, unmatched)
        self._current = _TrackerState(
            state, _still_open(callbacks, now, self._lateness), tuple(unmatched)
        )

    def forget(self) -> None:
        """Read anew what is known, before the next poll is taken in."""
        self._current, self._latest = None, {}

    def follow(self, now: datetime) -> None:
        """See what the server that leads has kept, if that is news. Raises StoreError."""
        mark = self._store.expected_mark()
        state = self._store.monitor_state()
        if mark != self._followed and state is not None and state.source == self._source:
            self.forget()
            self.open(now)
            self._followed = mark

    def update(
        self,
        snapshot: ScheduleSnapshot | None,
        *,
        now: datetime,
        deleted: Collection[Entry] = (),
        added: Collection[ScheduleKey] = (),
        busy_since: Mapping[str, datetime] | None = None,
    ) -> None:
        """Process a poll or, with None, only deliveries and the time. Raises StoreError."""
        self.open(now)
        current, busy_since = self._current, busy_since or {}
        if current is None or self._serving_since is None:  # `open` sets both
            return
        state, callbacks = current.state, list(current.callbacks)
        new = self._store.list_deliveries_after(state.delivery_id)
        unmatched: Sequence[Delivery] = [*current.unmatched, *new]
        state = _read(state, new)
        cancelled: list[ExpectedCallback] | None = None
        if snapshot is not None and state.snapshot is not None:
            found = compare(
                state.snapshot,
                state.in_flight,
                snapshot,
                deleted=deleted,
                busy=busy_since,
                added=added,
                lateness=self._lateness,
            )
            if found.is_set_back:
                cancelled, callbacks, unmatched = _cancel(callbacks), [], ()
                state = replace(state, era_at=snapshot.seen_at)
            callbacks = _expect_again(_cancel_deleted(callbacks, found.deleted), found.returned)
            callbacks += found.pending
            state = replace(state, in_flight=found.in_flight)
        if snapshot is not None:
            state = replace(state, snapshot=snapshot)
        policy = MatchPolicy(
            now=now,
            lateness=self._lateness,
            # Without a poll, the callbacks that were due since are unknown.
            listed_at=datetime.max.replace(tzinfo=now.tzinfo)
            if state.snapshot is None
            else state.snapshot.asked_at,
            serving_since=self._serving_since,
            busy_since=busy_since,
            in_flight=state.in_flight,
        )
        after, left = match_deliveries(callbacks, unmatched, policy)
        self._commit(_TrackerState(state, tuple(after), left), cancelled, now)

    def save(self) -> None:
        """Store the last poll, for the next server to continue from. Raises StoreError."""
        if self._current is not None and self._current.state != self._stored:
            self._write([], self._current)

    def missed_now(self) -> list[ExpectedCallback]:
        """Return the last decided callback of each recurring task in the list, if it was missed."""
        missed = [one for one in self._latest.values() if one.outcome is ExpectedOutcome.MISSED]
        return sorted(missed, key=lambda one: one.simulated_at)

    def _commit(
        self, current: _TrackerState, cancelled: list[ExpectedCallback] | None, now: datetime
    ) -> None:
        """Write and replace the state. ``cancelled`` is None if the clock was not set back."""
        before = {} if self._current is None else {one.id: one for one in self._current.callbacks}
        ours = [one for one in current.callbacks if one.source_app == self._app_name]
        others = [one for one in current.callbacks if one.source_app != self._app_name]
        changed = [one for one in ours if one.id == 0 or one != before.get(one.id)]
        same = [one for one in ours if one.id and one == before.get(one.id)]
        if changed or cancelled or _is_news(current.state, self._stored):
            changed = self._write([*changed, *(cancelled or ())], current)[: len(changed)]
        self._current = replace(
            current, callbacks=_still_open([*same, *changed, *others], now, self._lateness)
        )
        if cancelled is not None:
            self._latest = {}
        self._remember(changed)
        self._keep_latest(current.state)

    def _write(
        self, changed: Sequence[ExpectedCallback], current: _TrackerState
    ) -> list[ExpectedCallback]:
        state = replace(current.state, unmatched_ids=tuple(one.id for one in current.unmatched))
        ours = [one for one in changed if one.source_app == self._app_name]
        stored = self._store.record_expected_callbacks(ours, state)
        self._stored = state
        return stored

    def _remember(self, callbacks: Iterable[ExpectedCallback]) -> None:
        latest = dict(self._latest)
        for callback in callbacks:
            series = series_of_callback(callback)
            known = latest.get(series)
            if callback.outcome in _UNDECIDED:
                if known is not None and known.id == callback.id:
                    del latest[series]
            elif known is None or callback.simulated_last_at >= known.simulated_last_at:
                latest[series] = callback
        self._latest = latest

    def _keep_latest(self, state: MonitorState) -> None:
        """Forget the tasks that are not in the list, and those that do not recur."""
        if state.snapshot is None:
            return
        entries = [*state.snapshot.entries, *(call.entry for call in state.in_flight)]
        present = {entry.series for entry in entries if period(entry.recurrence) is not None}
        self._latest = {key: one for key, one in self._latest.items() if key in present}


def _cancel(callbacks: Iterable[ExpectedCallback]) -> list[ExpectedCallback]:
    """Return the pending ones as cancelled: the clock was set back, so they never arrive."""
    pending = (one for one in callbacks if one.outcome is ExpectedOutcome.PENDING)
    return [replace(one, outcome=ExpectedOutcome.CANCELLED) for one in pending]


def _still_open(
    callbacks: Iterable[ExpectedCallback], now: datetime, lateness: Lateness
) -> tuple[ExpectedCallback, ...]:
    """Return the callbacks that a delivery may still match, or that may still be missed."""
    may_come = {ExpectedOutcome.MISSED, ExpectedOutcome.CANCELLED}
    return tuple(
        callback
        for callback in callbacks
        if callback.outcome is ExpectedOutcome.PENDING
        or (callback.outcome in may_come and now - callback.noticed_at < lateness.late_window)
    )[-MAX_OPEN:]


def _cancel_deleted(
    callbacks: Iterable[ExpectedCallback], deleted: Iterable[Entry]
) -> list[ExpectedCallback]:
    """Cancel the callbacks without a delivery whose entry was deleted before it fired."""
    left = [(entry.series, entry.simulated_at) for entry in deleted]
    taken = []
    for callback in callbacks:
        key = (series_of_callback(callback), callback.simulated_at)
        if key in left and callback.outcome in {ExpectedOutcome.PENDING, ExpectedOutcome.MISSED}:
            left.remove(key)
            taken.append(replace(callback, outcome=ExpectedOutcome.CANCELLED, reason=None))
        else:
            taken.append(callback)
    return taken


def _expect_again(
    callbacks: list[ExpectedCallback], returned: Iterable[Entry]
) -> list[ExpectedCallback]:
    """Expect cancelled callbacks again, since their entry was not deleted after all."""
    left = [(entry.series, entry.simulated_at) for entry in returned]
    again = []
    for callback in callbacks:
        key = (series_of_callback(callback), callback.simulated_at)
        if key in left and callback.outcome is ExpectedOutcome.CANCELLED:
            left.remove(key)
            again.append(replace(callback, outcome=ExpectedOutcome.PENDING))
        else:
            again.append(callback)
    return again


def _read(state: MonitorState, deliveries: Sequence[Delivery]) -> MonitorState:
    newest = max((one.id for one in deliveries), default=0)
    return replace(state, delivery_id=max(state.delivery_id, newest))


def _is_news(state: MonitorState, stored: MonitorState | None) -> bool:
    """Return True if a restarted server would be misled by what is stored."""
    if stored is None or state.snapshot is None or stored.snapshot is None:
        return state.snapshot is not None
    return (
        state.snapshot.entries != stored.snapshot.entries
        or state.in_flight != stored.in_flight
        or state.era_at != stored.era_at
    )
