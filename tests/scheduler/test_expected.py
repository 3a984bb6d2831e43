"""The meaning of polls, and which delivery matched what: pure, on a scheduler in memory."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ecommerce_core.domain import (
    Clock,
    Delivery,
    Entry,
    ExpectedCallback,
    ExpectedOutcome,
    InFlightCallback,
    MonitorState,
    Outcome,
    Recurrence,
    ScheduleSnapshot,
    Task,
    entries_of,
    period,
)
from ecommerce_core.scheduler.expected import MAX_SINGLE, Comparison
from ecommerce_core.scheduler.expected import compare as compare_polls
from ecommerce_core.scheduler.matching import MatchPolicy, match_deliveries
from ecommerce_core.scheduler.tracker import ExpectationTracker
from tests.support.rig import LATENESS

T0 = datetime(2019, 1, 7)
NOW = datetime(2025, 1, 1, tzinfo=UTC)
SECOND, MINUTE, HOUR = timedelta(seconds=1), timedelta(minutes=1), timedelta(hours=1)
GRACE = timedelta(seconds=10)


def compare(*polls: Any, timeout: timedelta = GRACE, **more: Any) -> Comparison:
    return compare_polls(*polls, lateness=replace(LATENESS, disappearance_timeout=timeout), **more)


def entry(after: timedelta, recurrence: str = "hour", *, dataset: str = "products") -> Entry:
    return Entry(dataset, "get", "e-commerce", recurrence, T0 + after)


def look(
    number: int, clock_after: timedelta, *entries: Entry, speed: float = 60
) -> ScheduleSnapshot:
    at = NOW + number * SECOND
    return ScheduleSnapshot(
        at, at + SECOND / 10, Clock(T0 + clock_after, speed, paused=False), entries
    )


def due(callbacks: Iterable[ExpectedCallback]) -> list[timedelta]:
    return [callback.simulated_at - T0 for callback in callbacks for _ in range(callback.count)]


def test_an_entry_that_moved_on_by_periods_owes_one_for_each() -> None:
    found = compare(look(0, 0 * HOUR, entry(HOUR)), (), look(1, 3.5 * HOUR, entry(4 * HOUR)))

    assert due(found.pending) == [HOUR, 2 * HOUR, 3 * HOUR]
    assert found.in_flight == ()
    assert found.deleted == ()


def test_an_entry_that_is_missing_before_its_time_was_deleted() -> None:
    found = compare(look(0, 0 * HOUR, entry(HOUR)), (), look(1, HOUR - SECOND))

    assert found.pending == ()
    assert found.in_flight == ()


@pytest.mark.parametrize("recurrence", ["none", "month", ""])
def test_an_entry_that_does_not_recur_owes_one_when_its_time_has_come(recurrence: str) -> None:
    found = compare(look(0, 0 * HOUR, entry(HOUR, recurrence)), (), look(1, HOUR))

    assert due(found.pending) == [HOUR]
    assert found.in_flight == ()


def test_a_recurring_entry_that_is_missing_is_in_flight_and_comes_back() -> None:
    away = look(1, HOUR)
    found = compare(look(0, 0 * HOUR, entry(HOUR)), (), away)
    assert due(found.pending) == [HOUR]

    still = compare(away, found.in_flight, look(2, HOUR))
    assert (still.pending, still.in_flight, still.deleted) == ((), found.in_flight, ())
    back = compare(away, found.in_flight, look(2, HOUR, entry(2 * HOUR)))
    assert (back.pending, back.in_flight, back.deleted) == ((), (), ())
    late = compare(away, found.in_flight, look(2, 3.5 * HOUR, entry(4 * HOUR)))
    assert due(late.pending) == [2 * HOUR, 3 * HOUR]


def test_what_does_not_come_back_though_the_clock_moves_was_deleted() -> None:
    first, second = look(1, HOUR), look(2, HOUR + MINUTE)
    in_flight = compare(look(0, 0 * HOUR, entry(HOUR)), (), first).in_flight
    # The list of the second poll may be from before its clock moved.
    assert compare(first, in_flight, second).deleted == ()

    found = compare(second, in_flight, look(3, HOUR + 2 * MINUTE))
    assert found.deleted == (entry(HOUR),)
    assert found.in_flight == ()


def test_what_may_be_in_flight_again_and_again_is_given_up_after_a_while() -> None:
    in_flight = compare(look(0, 0 * HOUR, entry(HOUR)), (), look(1, HOUR)).in_flight
    before, after = look(19, 19 * HOUR), look(20, 20 * HOUR)

    assert compare(before, in_flight, after, busy={"products"}).in_flight == in_flight
    assert compare(before, in_flight, after, timeout=timedelta(minutes=1)).in_flight == in_flight
    given_up = compare(before, in_flight, after)
    assert given_up.deleted == (entry(HOUR),)
    gone = compare(after, given_up.in_flight, look(621, 621 * HOUR))
    assert (gone.in_flight, gone.returned, gone.pending) == ((), (), ())


def test_what_was_given_up_and_returns_was_in_flight_at_every_poll() -> None:
    in_flight = compare(look(0, 0 * HOUR, entry(HOUR)), (), look(1, HOUR)).in_flight
    after = look(20, 20 * HOUR)
    given_up = compare(look(19, 19 * HOUR), in_flight, after).in_flight

    back = look(21, 21 * HOUR, entry(22 * HOUR))
    found = compare(after, given_up, back)
    assert found.returned == (entry(HOUR),)
    assert due(found.pending) == [n * HOUR for n in range(2, 22)]
    assert found.in_flight == ()
    # An entry that we added again ourselves is new, and nothing was due meanwhile.
    found = compare(after, given_up, back, added={entry(HOUR).series})
    assert (found.returned, found.pending, found.in_flight) == ((), (), ())


def test_a_task_in_flight_at_every_poll_is_accounted_for() -> None:
    # Found by chance: a task of every minute whose callbacks fill each tick of the scheduler.
    model = Model(tasks=[entry(MINUTE, "minute")])
    model.poll()
    for _ in range(20):
        model.wait(0.4)
        model.tick([True, False], [True])
    model.poll()
    model.wait(GRACE.total_seconds() + 1)
    model.poll()

    counts = model.counts()
    assert model.fired == 200
    assert counts["missed"] == counts["received"] == 100
    assert counts["pending"] == counts["cancelled"] == 0


def test_twins_owe_two_and_neighbours_are_not_mixed_up() -> None:
    twins = compare(
        look(0, 0 * HOUR, entry(HOUR), entry(HOUR)),
        (),
        look(1, HOUR, entry(HOUR), entry(2 * HOUR)),
    )
    assert due(twins.pending) == [HOUR]
    neighbours = compare(
        look(0, 0 * HOUR, entry(HOUR), entry(2 * HOUR)),
        (),
        look(1, 2 * HOUR, entry(3 * HOUR), entry(3 * HOUR)),
    )
    assert sorted(due(neighbours.pending)) == [HOUR, 2 * HOUR, 2 * HOUR]


def test_a_list_that_was_emptied_expects_nothing_that_may_not_have_been_sent() -> None:
    # At a reset the newest schedulers keep the clock, if nobody changed its speed.
    before = look(0, 0 * HOUR, entry(HOUR), entry(HOUR, "none"), entry(9 * HOUR, "day"))
    found = compare(before, (), look(1, HOUR))

    assert {one.outcome for one in found.pending} == {ExpectedOutcome.CANCELLED}
    assert sorted(due(found.pending)) == [HOUR, HOUR]
    assert found.in_flight == ()


def test_an_entry_that_was_put_off_owes_nothing() -> None:
    found = compare(look(0, 0 * HOUR, entry(HOUR)), (), look(1, MINUTE, entry(5 * HOUR)))

    assert found.pending == ()


def test_a_clock_that_was_set_back_owes_nothing() -> None:
    found = compare(look(0, 2 * HOUR, entry(3 * HOUR)), (), look(1, HOUR))

    assert found.is_set_back
    assert found.pending == ()


def test_many_callbacks_between_two_polls_are_one_row_for_each_task() -> None:
    steps = 16_666
    found = compare(
        look(0, 0 * HOUR, entry(MINUTE, "minute"), entry(HOUR, "none"), speed=1e6),
        (),
        look(1, steps * MINUTE, entry((steps + 1) * MINUTE, "minute"), speed=1e6),
    )

    assert [callback.count for callback in found.pending] == [steps, 1]
    assert found.pending[0].simulated_last_at == T0 + steps * MINUTE
    assert steps > MAX_SINGLE


@pytest.mark.parametrize("at", [datetime.max.replace(microsecond=0), datetime.min])
def test_the_ends_of_the_calendar_are_no_end_of_the_monitor(at: datetime) -> None:
    there = Entry("products", "get", "e-commerce", "week", at)
    before = replace(look(0, HOUR, there), clock=Clock(datetime.min, 1, paused=False))
    after = replace(look(1, HOUR), clock=Clock(datetime.max, 1, paused=False))

    found = compare(before, (), after)
    assert len(found.pending) == 1
    assert compare(after, found.in_flight, after).pending == ()


def test_only_tasks_that_call_us_are_watched() -> None:
    task = Task("get", "crm", "shopx/y", None, None, T0, "none", None)

    assert entries_of([task], {"shopx/z": "products"}) == ()
    assert entries_of([task], {"shopx/y": "products"}) == (
        Entry("products", "get", "crm", "none", T0),
    )


def callback(number: int, **fields: object) -> ExpectedCallback:
    """Return a callback due at hour ``number`` that fired before poll ``number``."""
    at = T0 + number * HOUR
    made = ExpectedCallback(
        id=number,
        dataset="products",
        task_name="get",
        source_app="e-commerce",
        recurrence="hour",
        simulated_at=at,
        simulated_last_at=at,
        count=1,
        since_at=NOW + (number - 1) * SECOND,
        noticed_at=NOW + (number + 0.1) * SECOND,
        speed=3600,
    )
    return replace(made, **fields)  # type: ignore[arg-type]


def delivery(number: int, after_s: float, **fields: object) -> Delivery:
    received_at = NOW + after_s * SECOND
    made = Delivery(
        number, received_at, "products", Outcome.EXECUTED, None, None, None, "get", 0.01
    )
    return replace(made, **fields)  # type: ignore[arg-type]


def policy(now_s: float, **fields: object) -> MatchPolicy:
    now = NOW + now_s * SECOND
    made = MatchPolicy(
        now=now, lateness=LATENESS, listed_at=now - SECOND / 10, serving_since=NOW - HOUR
    )
    return replace(made, **fields)  # type: ignore[arg-type]


def test_a_lost_callback_is_not_hidden_by_the_next_one() -> None:
    after, left = match_deliveries([callback(1), callback(2)], [delivery(9, 1.5)], policy(12))

    assert [one.outcome for one in after] == [ExpectedOutcome.MISSED, ExpectedOutcome.ON_TIME]
    assert left == ()


def test_what_came_after_the_last_list_waits_for_the_next() -> None:
    after, left = match_deliveries([callback(1)], [delivery(9, 1.95)], policy(2))

    assert after == [callback(1)]
    assert [one.id for one in left] == [9]
    after, left = match_deliveries(after, left, policy(3))
    assert [one.outcome for one in after] == [ExpectedOutcome.ON_TIME]


def test_what_came_before_an_entry_was_last_seen_waiting_pays_nothing_of_it() -> None:
    after, left = match_deliveries([callback(5)], [delivery(9, 0.5)], policy(6))

    assert (after, left) == ([callback(5)], ())


def test_while_an_entry_is_in_flight_its_callbacks_pay_nothing_older() -> None:
    since, noticed_at = NOW + 4 * SECOND, NOW + 5.1 * SECOND
    call = InFlightCallback(entry(5 * HOUR), since, noticed_at, T0 + 5 * HOUR)
    older = callback(1, outcome=ExpectedOutcome.MISSED)
    extra = delivery(9, 6)
    after, left = match_deliveries([older], [extra], policy(7, in_flight=(call,)))
    assert (after, left) == ([older], (extra,))

    after, _ = match_deliveries([older, callback(5)], [extra], policy(7, in_flight=(call,)))
    assert [one.outcome for one in after] == [ExpectedOutcome.MISSED, ExpectedOutcome.ON_TIME]


def test_a_call_by_a_stranger_pays_only_what_would_be_missed() -> None:
    refused = delivery(8, 0.5, outcome=Outcome.REFUSED)
    after, left = match_deliveries([callback(1)], [refused], policy(2))
    assert (after, left) == ([callback(1)], (refused,))

    both, _ = match_deliveries(after, [*left, delivery(9, 0.6)], policy(2))
    assert [(one.outcome, one.delivery_id) for one in both] == [(ExpectedOutcome.ON_TIME, 9)]
    alone, _ = match_deliveries(after, left, policy(12))
    assert [(one.outcome, one.delivery_id) for one in alone] == [(ExpectedOutcome.REFUSED, 8)]


@pytest.mark.parametrize("outcome", [Outcome.EXECUTED, Outcome.JOINED, Outcome.FAILED])
def test_what_a_person_had_delivered_again_matches_nothing(outcome: Outcome) -> None:
    again = delivery(9, 0.5, outcome=outcome, again_of=8)
    waiting, left = match_deliveries([callback(1)], [again], policy(2))
    assert (waiting, left) == ([callback(1)], ())

    missed, _ = match_deliveries([callback(1)], [again], policy(12))
    assert [one.outcome for one in missed] == [ExpectedOutcome.MISSED]
    own, _ = match_deliveries([callback(1)], [again, delivery(10, 0.6)], policy(12))
    assert [one.delivery_id for one in own] == [10]


def test_a_sync_under_way_puts_off_what_is_missed_one_that_began_later_does_not() -> None:
    early, late = NOW + 5 * SECOND, NOW + 12 * SECOND

    waiting, _ = match_deliveries([callback(1)], [], policy(20, busy_since={"products": early}))
    missed, _ = match_deliveries([callback(1)], [], policy(20, busy_since={"products": late}))
    assert waiting[0].outcome is ExpectedOutcome.PENDING
    assert missed[0].outcome is ExpectedOutcome.MISSED


def test_a_row_of_many_is_shared_out_by_outcome() -> None:
    many = callback(1, count=300, simulated_last_at=T0 + 300 * HOUR, speed=1e6)
    came = [
        delivery(n, 0.1 + n / 1000, outcome=Outcome.FAILED if n % 3 else Outcome.JOINED)
        for n in range(90)
    ]
    after, _ = match_deliveries([many], came, policy(12))

    assert Counter({one.outcome: one.count for one in after}) == {
        ExpectedOutcome.MISSED: 210,
        ExpectedOutcome.FAILED: 60,
        ExpectedOutcome.SLOW: 30,
    }
    assert [one.id for one in after] == [1, 0, 0]
    assert after[0].simulated_at == T0 + 91 * HOUR


def test_lateness_is_counted_in_simulated_time_and_never_negative() -> None:
    clock_at = T0 + 3 * HOUR + SECOND
    late, _ = match_deliveries([callback(1)], [delivery(9, 0.5, simulated_at=clock_at)], policy(2))
    early, _ = match_deliveries([callback(1)], [delivery(9, 0.5, simulated_at=T0)], policy(2))

    assert (late[0].outcome, late[0].lateness_s) == (ExpectedOutcome.LATE, 7201)
    assert (early[0].outcome, early[0].lateness_s) == (ExpectedOutcome.ON_TIME, 0)


class MemoryStore:
    """The part of a store that the tracker needs, in memory."""

    def __init__(self) -> None:
        self.callbacks: dict[int, ExpectedCallback] = {}
        self.deliveries: list[Delivery] = []
        self.state: MonitorState | None = None

    def record_expected_callbacks(
        self, callbacks: Sequence[ExpectedCallback], state: MonitorState
    ) -> list[ExpectedCallback]:
        stored = []
        for one in callbacks:
            kept = replace(one, id=one.id or len(self.callbacks) + 1)
            self.callbacks[kept.id] = kept
            stored.append(kept)
        self.state = state
        return stored

    def monitor_state(self) -> MonitorState | None:
        return self.state

    def newest_delivery_id(self) -> int:
        return len(self.deliveries)

    def open_expected_callbacks(self, *, noticed_since: datetime) -> list[ExpectedCallback]:
        return [one for one in self.callbacks.values() if not one.outcome.is_received]

    def list_deliveries_after(self, after: int, *, ids: Iterable[int] = ()) -> list[Delivery]:
        wanted = set(ids)
        return [one for one in self.deliveries if one.id > after or one.id in wanted]

    def list_expected_callbacks(
        self, *, limit: int, noticed_since: datetime
    ) -> list[ExpectedCallback]:
        return [one for one in self.callbacks.values() if one.noticed_at >= noticed_since][::-1]


@dataclass
class Model:
    """A scheduler, its callbacks and our tracker, with a simulated real time."""

    store: MemoryStore = field(default_factory=MemoryStore)
    now: datetime = NOW
    clock: Clock = Clock(T0, 600, paused=False)
    tasks: list[Entry] = field(default_factory=list)
    fired: int = 0
    delivered: int = 0

    def __post_init__(self) -> None:
        self.restart()

    def restart(self) -> None:
        self.tracker = ExpectationTracker(
            self.store,  # type: ignore[arg-type]
            app_name="e-commerce",
            source="there",
            lateness=LATENESS,
        )

    def wait(self, s: float) -> None:
        self.now += timedelta(milliseconds=int(s * 1000))

    def poll(self) -> None:
        asked_at = self.now
        self.wait(0.005)
        seen = ScheduleSnapshot(asked_at, self.now, self.clock, tuple(self.tasks))
        self.wait(0.005)
        self.tracker.update(seen, now=self.now)

    def tick(self, drops: Sequence[bool], looks: Sequence[bool]) -> None:
        """Tick; ``looks``: whether to poll while a callback runs."""
        if not self.clock.paused:
            later = self.clock.simulated_at + timedelta(seconds=self.clock.speed)
            self.clock = replace(self.clock, simulated_at=later)
        for number in range(40):
            self.tasks.sort(key=lambda one: one.simulated_at)
            if not self.tasks or self.tasks[0].simulated_at > self.clock.simulated_at:
                return
            task = self.tasks.pop(0)
            self.fired += 1
            self.wait(0.02)
            received_at = self.now
            if looks[number % len(looks)]:
                self.poll()
            self.wait(0.02)
            if not drops[self.fired % len(drops)]:
                self.delivered += 1
                made = delivery(len(self.store.deliveries) + 1, 0, dataset=task.dataset)
                clock_at = self.clock.simulated_at
                made = replace(made, received_at=received_at, simulated_at=clock_at)
                self.store.deliveries.append(made)
            self.wait(0.02)
            step = period(task.recurrence)
            if step is not None:
                self.tasks.append(replace(task, simulated_at=task.simulated_at + step))

    def counts(self) -> Counter[str]:
        found: Counter[str] = Counter()
        for one in self.store.callbacks.values():
            found[one.outcome.value] += one.count
            found["received"] += one.count * one.outcome.is_received
        return found


RECURRENCES = st.sampled_from([one.value for one in Recurrence])
ENTRIES = st.builds(
    lambda minutes, recurrence, dataset: entry(minutes * MINUTE, recurrence, dataset=dataset),
    st.integers(1, 90),
    RECURRENCES,
    st.sampled_from(["products", "customers"]),
)
STEPS = st.lists(
    st.sampled_from(["tick", "tick", "tick", "look", "look", "pause", "faster", "restart"]),
    min_size=5,
    max_size=30,
)
BOOLEANS = st.lists(st.booleans(), min_size=1, max_size=7)


@settings(max_examples=150, deadline=None)
@given(st.lists(ENTRIES, min_size=1, max_size=4), STEPS, BOOLEANS, BOOLEANS)
def test_whatever_happens_all_that_is_promised_is_received_or_missed(
    tasks: list[Entry], steps: list[str], drops: list[bool], looks: list[bool]
) -> None:
    model = Model(tasks=list(tasks))
    model.poll()
    for step in steps:
        model.wait(0.4)
        if step == "tick":
            model.tick(drops, looks)
        elif step == "look":
            model.poll()
        elif step == "pause":
            model.clock = replace(model.clock, paused=not model.clock.paused)
        elif step == "faster":
            model.clock = replace(model.clock, speed=model.clock.speed % 2000 + 500)
        else:
            model.restart()
            model.poll()
    model.poll()
    model.wait(GRACE.total_seconds() + 1)
    model.poll()

    counts = model.counts()
    assert counts["pending"] == counts["cancelled"] == 0
    assert counts["received"] + counts["missed"] == model.fired
    assert counts["received"] == model.delivered
    assert all((one.lateness_s or 0) >= 0 for one in model.store.callbacks.values())


@settings(max_examples=100, deadline=None)
@given(st.lists(ENTRIES, max_size=4), STEPS)
def test_a_reset_at_any_time_leaves_nothing_owed_and_no_alarm(
    tasks: list[Entry], steps: list[str]
) -> None:
    model = Model(tasks=list(tasks))
    model.poll()
    for step in steps:
        model.wait(0.4)
        if step == "tick":
            model.tick([True], [False])
        elif step == "look":
            model.poll()
    model.poll()
    model.tasks, model.clock = [], replace(model.clock, simulated_at=T0 - SECOND)
    model.poll()
    model.wait(GRACE.total_seconds() + 1)
    before = model.counts()["missed"]
    model.poll()

    assert model.tracker.missed_now() == []
    assert model.counts()["pending"] == 0
    assert model.counts()["missed"] == before


def test_a_state_with_a_flight_is_kept_and_read_again() -> None:
    model = Model(tasks=[entry(HOUR, "day")], clock=Clock(T0, 3600, paused=False))
    model.poll()
    model.tick([False], [True])
    assert model.store.state is not None
    [kept] = model.store.state.in_flight
    assert (kept.entry, kept.clock_at) == (entry(HOUR, "day"), T0 + HOUR)

    model.restart()
    model.poll()
    assert model.counts() == {"on_time": 1, "received": 1}
