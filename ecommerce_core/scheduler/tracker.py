"""What the scheduler owes us, from one look to the next: in memory, and in the journal.

Every step computes the new state beside the old one, writes it, and only then takes it
over: where the database cannot take it, the next step begins where this one did.
"""

from __future__ import annotations

from collections.abc import Collection, Hashable, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta

from ecommerce_core.domain import (
    Delivery,
    Entry,
    ExpectedCallback,
    ExpectedOutcome,
    MonitorState,
    ScheduleKey,
    ScheduleSnapshot,
    period,
    series_of_promise,
)
from ecommerce_core.scheduler.expected import compare
from ecommerce_core.scheduler.matching import LATE_FOR, MatchPolicy, settle
from ecommerce_core.storage import Store

# What can be paid late is looked at every second.
MAX_OPEN = 1_000

_UNDECIDED = {ExpectedOutcome.OWED, ExpectedOutcome.VOID}


@dataclass(frozen=True, slots=True)
class _Books:
    state: MonitorState
    promises: tuple[ExpectedCallback, ...] = ()
    unpaid: tuple[Delivery, ...] = ()


class ExpectationTracker:
    """The promises to ``app_name``. Not to be used by two threads at once, ``missed_now`` aside.

    ``source`` tells schedulers apart: of another one's promises nothing comes any more.
    """

    def __init__(self, store: Store, *, app_name: str, source: str, grace: timedelta) -> None:
        self._store = store
        self._app_name = app_name
        self._source = source
        self._grace = grace
        self._serving_since: datetime | None = None
        self._books: _Books | None = None
        self._stored: MonitorState | None = None
        self._latest: dict[ScheduleKey, ExpectedCallback] = {}
        self._followed: Hashable = None

    @property
    def era_at(self) -> datetime | None:
        """Since when the clock has not been set back, as far as we know."""
        return None if self._books is None else self._books.state.era_at

    def open(self, now: datetime) -> None:
        """Read what was known when the last server stopped, once. Raises StoreError."""
        self._serving_since = self._serving_since or now
        if self._books is not None:
            return
        store = self._store
        state = store.watch_state()
        promises = store.open_promises(noticed_since=now - LATE_FOR)
        if state is None or state.source != self._source:
            state = MonitorState(self._source, now, delivery_id=store.newest_delivery_id())
            store.record_promises(_void(promises), state)
            promises = []
        unpaid = store.list_deliveries_after(state.delivery_id, ids=state.unpaid_ids)
        self._remember(store.list_expected_callbacks(limit=1_000, noticed_since=state.era_at)[::-1])
        self._keep_latest(state)
        self._stored = state
        state = _read(state, unpaid)
        self._books = _Books(state, _still_open(promises, now), tuple(unpaid))

    def forget(self) -> None:
        """Read anew what is known, before the next look is taken in."""
        self._books, self._latest = None, {}

    def follow(self, now: datetime) -> None:
        """See what the server that leads has kept, where that is news. Raises StoreError."""
        mark = self._store.expected_mark()
        state = self._store.watch_state()
        if mark != self._followed and state is not None and state.source == self._source:
            self.forget()
            self.open(now)
            self._followed = mark

    def advance(
        self,
        look: ScheduleSnapshot | None,
        *,
        now: datetime,
        deleted: Collection[Entry] = (),
        busy_since: Mapping[str, datetime] | None = None,
    ) -> None:
        """Take in a look, or, with None, only the callbacks and the time. Raises StoreError."""
        self.open(now)
        books, busy_since = self._books, busy_since or {}
        if books is None or self._serving_since is None:  # `open` has seen to both
            return
        state, promises = books.state, list(books.promises)
        new = self._store.list_deliveries_after(state.delivery_id)
        unpaid: Sequence[Delivery] = [*books.unpaid, *new]
        state = _read(state, new)
        voided: list[ExpectedCallback] | None = None
        if look is not None and state.look is not None:
            found = compare(
                state.look,
                state.flights,
                look,
                deleted=deleted,
                busy=busy_since,
                patience=self._grace,
            )
            if found.is_set_back:
                voided, promises, unpaid = _void(promises), [], ()
                state = replace(state, era_at=look.seen_at)
            promises = [*_take_back(promises, found.gone), *found.owed]
            state = replace(state, flights=found.flights)
        if look is not None:
            state = replace(state, look=look)
        terms = MatchPolicy(
            now=now,
            grace=self._grace,
            # Without a look, nothing is known of what came since.
            listed_at=datetime.max.replace(tzinfo=now.tzinfo)
            if state.look is None
            else state.look.asked_at,
            serving_since=self._serving_since,
            busy_since=busy_since,
            flights=state.flights,
        )
        after, left = settle(promises, unpaid, terms)
        self._commit(_Books(state, tuple(after), left), voided, now)

    def save(self) -> None:
        """Keep the last look, for the next server to go on from. Raises StoreError."""
        if self._books is not None and self._books.state != self._stored:
            self._write([], self._books)

    def missed_now(self) -> list[ExpectedCallback]:
        """The last decided promise of each recurring task in the list, where it was missed."""
        missed = [one for one in self._latest.values() if one.outcome is ExpectedOutcome.MISSED]
        return sorted(missed, key=lambda one: one.simulated_at)

    def _commit(self, books: _Books, voided: list[ExpectedCallback] | None, now: datetime) -> None:
        """Write and take over. ``voided`` is None where the clock was not set back."""
        before = {} if self._books is None else {one.id: one for one in self._books.promises}
        ours = [one for one in books.promises if one.source_app == self._app_name]
        others = [one for one in books.promises if one.source_app != self._app_name]
        changed = [one for one in ours if one.id == 0 or one != before.get(one.id)]
        same = [one for one in ours if one.id and one == before.get(one.id)]
        if changed or voided or _is_news(books.state, self._stored):
            changed = self._write([*changed, *(voided or ())], books)[: len(changed)]
        self._books = replace(books, promises=_still_open([*same, *changed, *others], now))
        if voided is not None:
            self._latest = {}
        self._remember(changed)
        self._keep_latest(books.state)

    def _write(self, changed: Sequence[ExpectedCallback], books: _Books) -> list[ExpectedCallback]:
        state = replace(books.state, unpaid_ids=tuple(one.id for one in books.unpaid))
        ours = [one for one in changed if one.source_app == self._app_name]
        stored = self._store.record_promises(ours, state)
        self._stored = state
        return stored

    def _remember(self, promises: Iterable[ExpectedCallback]) -> None:
        latest = dict(self._latest)
        for promise in promises:
            series = series_of_promise(promise)
            known = latest.get(series)
            if promise.outcome in _UNDECIDED:
                if known is not None and known.id == promise.id:
                    del latest[series]
            elif known is None or promise.simulated_last_at >= known.simulated_last_at:
                latest[series] = promise
        self._latest = latest

    def _keep_latest(self, state: MonitorState) -> None:
        """Forget the tasks that are not in the list, and those that do not recur."""
        if state.look is None:
            return
        entries = [*state.look.entries, *(flight.entry for flight in state.flights)]
        present = {entry.series for entry in entries if period(entry.recurrence) is not None}
        self._latest = {key: one for key, one in self._latest.items() if key in present}


def _void(promises: Iterable[ExpectedCallback]) -> list[ExpectedCallback]:
    """Those that were still owed, and never will be paid: the clock was set back."""
    owed = (one for one in promises if one.outcome is ExpectedOutcome.OWED)
    return [replace(one, outcome=ExpectedOutcome.VOID) for one in owed]


def _still_open(
    promises: Iterable[ExpectedCallback], now: datetime
) -> tuple[ExpectedCallback, ...]:
    """Those that a callback may yet pay, or that time may yet call missed."""
    may_come = {ExpectedOutcome.MISSED, ExpectedOutcome.VOID}
    return tuple(
        promise
        for promise in promises
        if promise.outcome is ExpectedOutcome.OWED
        or (promise.outcome in may_come and now - promise.noticed_at < LATE_FOR)
    )[-MAX_OPEN:]


def _take_back(
    promises: Iterable[ExpectedCallback], gone: Iterable[Entry]
) -> list[ExpectedCallback]:
    """``promises``, void where nothing paid them and their entry was deleted before it fired."""
    left = [(entry.series, entry.simulated_at) for entry in gone]
    taken = []
    for promise in promises:
        key = (series_of_promise(promise), promise.simulated_at)
        if key in left and promise.outcome in {ExpectedOutcome.OWED, ExpectedOutcome.MISSED}:
            left.remove(key)
            taken.append(replace(promise, outcome=ExpectedOutcome.VOID, reason=None))
        else:
            taken.append(promise)
    return taken


def _read(state: MonitorState, deliveries: Sequence[Delivery]) -> MonitorState:
    newest = max((one.id for one in deliveries), default=0)
    return replace(state, delivery_id=max(state.delivery_id, newest))


def _is_news(state: MonitorState, stored: MonitorState | None) -> bool:
    """True where a server that starts again would be misled by what is stored."""
    if stored is None or state.look is None or stored.look is None:
        return state.look is not None
    return (
        state.look.entries != stored.look.entries
        or state.flights != stored.flights
        or state.era_at != stored.era_at
    )
