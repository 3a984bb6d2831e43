"""The journal of callbacks: groups, retries, and no silent loss."""

from __future__ import annotations

import logging
import sqlite3
import threading
import time
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from ecommerce_core.domain import (
    Clock,
    ClockReading,
    ExpectedCallback,
    ExpectedOutcome,
    MonitorState,
    NewDelivery,
    Outcome,
    StoreBusy,
    said,
)
from ecommerce_core.logs import RefusalLimit
from ecommerce_core.scheduler import ClockPeek, DeliveryWriter
from ecommerce_core.settings import Settings
from ecommerce_core.storage import Store
from tests.support.waiting import until


def delivery(reason: str | None = None, outcome: Outcome = Outcome.EXECUTED) -> NewDelivery:
    return NewDelivery(
        received_at=datetime.now(UTC),
        dataset="products",
        outcome=outcome,
        run_id=None,
        reason=None if reason is None else said(reason),
        simulated_at=None,
        task_name=None,
        duration_s=0.1,
    )


class Written:
    """Keeps the groups that were written; fails as long as ``error`` is set."""

    def __init__(self, error: Exception | None = None) -> None:
        self.groups: list[list[NewDelivery]] = []
        self.not_kept: Counter[str] = Counter()
        self.error = error
        self.attempts = 0

    def __call__(self, deliveries: Sequence[NewDelivery], not_kept: Mapping[str, int]) -> None:
        self.attempts += 1
        if self.error is not None:
            raise self.error
        self.groups.append(list(deliveries))
        self.not_kept.update(not_kept)

    @property
    def count(self) -> int:
        return sum(len(group) for group in self.groups)


def test_many_deliveries_are_written_in_few_groups() -> None:
    written = Written()
    log = DeliveryWriter(written)
    log.start()

    def record_many() -> None:
        for _ in range(100):
            log.record(delivery())

    threads = [threading.Thread(target=record_many) for _ in range(10)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    until(lambda: written.count == 1_000)
    log.stop()

    assert len(written.groups) < 20


def test_a_delivery_is_written_soon_without_being_followed_by_another() -> None:
    written = Written()
    log = DeliveryWriter(written)
    log.start()
    log.record(delivery())
    until(lambda: written.count == 1, timeout_s=3)
    log.stop()

    assert written.count == 1


def test_the_stop_writes_what_waits(store: Store) -> None:
    log = DeliveryWriter(store.record_deliveries, interval_s=60)
    log.start()
    for number in range(500):
        log.record(delivery(str(number)))
    log.stop()

    assert [str(found.reason) for found in store.list_deliveries(limit=1_000)] == [
        str(number) for number in reversed(range(500))
    ]


def test_a_locked_database_delays_the_journal_and_loses_nothing(
    settings: Settings, store: Store, caplog: pytest.LogCaptureFixture
) -> None:
    impatient = Store.open(settings.database, busy_timeout_s=0.5)
    log = DeliveryWriter(impatient.record_deliveries, retry_s=0.05)
    holder = sqlite3.connect(store.path)
    holder.execute("BEGIN EXCLUSIVE")
    with caplog.at_level(logging.INFO, logger="ecommerce_core.scheduler.delivery_writer"):
        log.start()
        for number in range(10):
            began = time.monotonic()
            log.record(delivery(str(number)))
            assert time.monotonic() - began < 0.3
            time.sleep(0.03)
        until(lambda: caplog.records)
        holder.rollback()
        holder.close()
        until(lambda: len(store.list_deliveries()) == 10)
        log.stop()

    assert [record.levelname for record in caplog.records] == ["WARNING", "INFO"]


def test_what_finds_no_room_is_counted_in_the_log(caplog: pytest.LogCaptureFixture) -> None:
    written = Written(StoreBusy("locked"))
    log = DeliveryWriter(written, capacity=5, retry_s=0.02)
    with caplog.at_level(logging.INFO, logger="ecommerce_core.scheduler.delivery_writer"):
        for _ in range(12):
            log.record(delivery())
        log.start()
        until(lambda: written.attempts > 2)
        log.stop()

    assert "7 deliveries were not journalled: no room to keep them" in caplog.messages
    assert "5 deliveries could not be journalled before the end" in caplog.messages


def test_one_delivery_that_cannot_be_written_does_not_hold_up_the_others(store: Store) -> None:
    log = DeliveryWriter(store.record_deliveries)
    log.record(delivery("before"))
    log.record(delivery("a lone surrogate: \ud800"))
    log.record(delivery("after"))
    log.start()
    log.stop()

    assert [str(found.reason) for found in store.list_deliveries()] == ["after", "before"]


def answered(reading: ClockReading) -> Callable[[Future[ClockReading]], None]:
    return lambda clock: clock.set_result(reading)


SIMULATED = datetime(2019, 1, 7, 1, 23, 20)  # noqa: DTZ001
CLOCK = Clock(simulated_at=SIMULATED, speed=50, paused=False)


@pytest.mark.parametrize(
    ("answer", "simulated_at"),
    [
        (answered(ClockReading(CLOCK, datetime.now(UTC), None)), SIMULATED),
        (answered(ClockReading(CLOCK, datetime.now(UTC), said("timed out"))), None),
        (answered(ClockReading(None, None, said("timed out"))), None),
        (lambda clock: clock.set_exception(RuntimeError()), None),
        (lambda clock: clock.cancel(), None),
    ],
)
def test_the_simulated_time_is_filled_in_when_the_clock_answers(
    answer: Callable[[Future[ClockReading]], object], simulated_at: datetime | None
) -> None:
    written = Written()
    log = DeliveryWriter(written, interval_s=0.01)
    log.start()
    clock: Future[ClockReading] = Future()
    log.record(delivery("waits"), clock=clock)
    log.record(delivery("does not"))
    until(lambda: written.count == 1)
    answer(clock)
    until(lambda: written.count == 2)
    log.stop()

    assert [str(group[0].reason) for group in written.groups] == ["does not", "waits"]
    assert written.groups[1][0].simulated_at == simulated_at


def test_a_store_that_is_busy_after_a_bad_delivery_costs_no_other_one() -> None:
    written = Written()
    busy = iter([True])

    def write(deliveries: Sequence[NewDelivery], not_kept: Mapping[str, int]) -> None:
        if any(str(one.reason) == "bad" for one in deliveries):
            raise ValueError
        if next(busy, False):
            raise StoreBusy("store_busy", seconds=5)
        written(deliveries, not_kept)

    log = DeliveryWriter(write, interval_s=0.01)
    for reason in ("bad", "good"):
        log.record(delivery(reason))
    log.start()
    until(lambda: written.count == 1)
    log.stop()

    assert [str(one.reason) for group in written.groups for one in group] == ["good"]


class SteppingClock:
    """A scheduler whose clock shows, at each reading, how many readings were begun before."""

    def __init__(self) -> None:
        self.began = 0
        self.may_answer = threading.Event()

    def fetch_reading(self) -> ClockReading:
        at = SIMULATED + timedelta(seconds=self.began)
        self.began += 1
        assert self.may_answer.wait(10)
        return ClockReading(replace(CLOCK, simulated_at=at), datetime.now(UTC), None)


def test_a_callback_gets_a_reading_that_began_after_it_arrived() -> None:
    scheduler: Any = SteppingClock()
    with ThreadPoolExecutor(1) as executor:
        peek = ClockPeek(executor, every_s=0)
        first = peek.ask(scheduler)
        until(lambda: scheduler.began == 1)
        # The running reading was begun before these two arrived: they share the next one.
        second, third = peek.ask(scheduler), peek.ask(scheduler)
        scheduler.may_answer.set()
        assert first is not None
        assert second is not None
        assert second is third

        assert simulated(first) == SIMULATED
        assert simulated(second) == SIMULATED + timedelta(seconds=1)
    assert scheduler.began == 2
    assert ClockPeek(executor).ask(scheduler) is None


def test_a_storm_of_callbacks_is_no_storm_of_requests() -> None:
    scheduler: Any = SteppingClock()
    scheduler.may_answer.set()
    with ThreadPoolExecutor(1) as executor:
        peek = ClockPeek(executor, every_s=0.2)
        began, readings = time.monotonic(), set()
        while time.monotonic() - began < 0.5:
            readings.add(peek.ask(scheduler))
    assert len(readings) <= 4


def simulated(reading: Future[ClockReading]) -> datetime:
    clock = reading.result(10).clock
    assert clock is not None
    return clock.simulated_at


def test_a_run_gets_the_simulated_time_of_its_callback(tmp_path: Path) -> None:
    store = Store.open(tmp_path / "shop.db")
    with store.writing() as db:
        for _ in range(2):
            db.execute(
                "INSERT INTO run (dataset, action, trigger, status, started_at)"
                " VALUES ('products', 'sync', 'callback', 'running', '2025-01-01T00:00:00.000Z')"
            )
    first = replace(delivery("first"), run_id=1, simulated_at=SIMULATED, reason=None)
    joined = replace(first, outcome=Outcome.JOINED, simulated_at=SIMULATED + timedelta(hours=1))
    store.record_deliveries([first, joined, replace(first, run_id=2, simulated_at=None)])

    times = [run and run.simulated_at for run in (store.run(1), store.run(2))]
    assert times == [SIMULATED, None]


def test_a_delivery_is_never_dated_before_it_was_due(tmp_path: Path) -> None:
    store = Store.open(tmp_path / "shop.db")
    with store.writing() as db:
        db.execute(
            "INSERT INTO run (dataset, action, trigger, status, started_at)"
            " VALUES ('products', 'sync', 'callback', 'succeeded', '2025-01-01T00:00:00.000Z')"
        )
    due_at = SIMULATED + timedelta(hours=1)
    store.record_deliveries(
        [
            replace(delivery("early"), simulated_at=SIMULATED, run_id=1),
            replace(delivery("unknown"), simulated_at=None),
            replace(delivery("after"), simulated_at=due_at + timedelta(seconds=50)),
        ]
    )
    now = datetime.now(UTC)
    expected = [
        ExpectedCallback(
            0, "products", "get", "shop", "hour", due_at, due_at, 1, now, now, 50,
            outcome=ExpectedOutcome.ON_TIME, delivery_id=number,
        )
        for number in (1, 2, 3)
    ]  # fmt: skip
    store.record_expected_callbacks(expected, MonitorState("there", now))

    found = [one.simulated_at for one in store.list_deliveries()[::-1]]
    assert found == [due_at, due_at, due_at + timedelta(seconds=50)]
    run = store.run(1)
    assert run is not None
    assert run.simulated_at == due_at


def test_the_stop_does_not_wait_for_a_clock_that_hangs() -> None:
    written = Written()
    log = DeliveryWriter(written, interval_s=0.01)
    log.start()
    log.record(delivery(), clock=Future())
    began = time.monotonic()
    log.stop()

    assert written.count == 1
    assert time.monotonic() - began < 5


def test_twenty_refusals_a_minute_of_each_dataset_are_kept_and_the_others_counted() -> None:
    now_s = [0.0]
    limit = RefusalLimit(now_s=lambda: now_s[0])

    assert sum(limit.admits("products") for _ in range(100)) == 20
    assert sum(limit.admits("customers") for _ in range(5)) == 5
    now_s[0] = 59.9
    assert not limit.admits("products")
    now_s[0] = 60.0
    assert sum(limit.admits("products") for _ in range(30)) == 20
    assert limit.take_not_kept() == {"products": 91}
    assert limit.take_not_kept() == {}


def test_a_flood_of_refusals_takes_no_room_from_what_was_executed(store: Store) -> None:
    log = DeliveryWriter(store.record_deliveries, capacity=100)
    for _ in range(1_000):
        log.record(delivery("refused", Outcome.REFUSED))
    for number in range(50):
        assert log.record(delivery(str(number)))
    log.start()
    log.stop()

    outcomes = Counter(found.outcome for found in store.list_deliveries(limit=2_000))
    assert outcomes == {Outcome.REFUSED: 20, Outcome.EXECUTED: 50}
    assert store.refused_not_kept() == {"products": 980}


def test_the_count_is_written_while_the_flood_goes_on_and_not_with_each_refusal() -> None:
    written = Written()
    log = DeliveryWriter(written, counted_every_s=0.2)
    log.start()
    for _ in range(500):
        log.record(delivery("refused", Outcome.REFUSED))
    until(lambda: written.not_kept["products"] == 480)
    attempts = written.attempts
    log.stop()

    assert attempts < 10
    assert (written.count, written.not_kept) == (20, {"products": 480})


def test_a_count_that_cannot_be_written_is_written_later() -> None:
    written = Written(StoreBusy("locked"))
    log = DeliveryWriter(written, counted_every_s=0.02, retry_s=0.02)
    log.start()
    for _ in range(30):
        log.record(delivery("refused", Outcome.REFUSED))
    until(lambda: written.attempts > 3)
    written.error = None
    until(lambda: written.not_kept["products"] == 10)
    log.stop()

    assert (written.count, written.not_kept) == (20, {"products": 10})


def test_the_oldest_refusals_are_removed_and_counted_and_nothing_else(store: Store) -> None:
    others = [Outcome.EXECUTED, Outcome.JOINED, Outcome.FAILED]
    store.record_deliveries([delivery("kept", outcome) for outcome in others])
    for first in range(0, 10_500, 500):
        store.record_deliveries(
            [delivery(str(n), Outcome.REFUSED) for n in range(first, first + 500)]
        )
    store.record_deliveries([delivery("the last", Outcome.REFUSED)])

    refused = store.list_deliveries(limit=20_000, outcome=Outcome.REFUSED)
    assert len(refused) == 10_000
    assert (str(refused[0].reason), str(refused[-1].reason)) == ("the last", "501")
    assert store.refused_not_kept() == {"products": 501}
    for outcome in others:
        assert len(store.list_deliveries(outcome=outcome)) == 1


def test_a_journal_that_was_flooded_before_shrinks_a_thousand_at_a_time(store: Store) -> None:
    with store.writing() as db:
        db.executemany(
            "INSERT INTO delivery (received_at, dataset, outcome) VALUES (?, ?, ?)",
            [("2025-01-01T00:00:00.000Z", "products", "refused")] * 12_500,
        )
    sizes = []
    for _ in range(4):
        store.record_deliveries([delivery("one more", Outcome.REFUSED)])
        sizes.append(len(store.list_deliveries(limit=20_000, outcome=Outcome.REFUSED)))

    assert sizes == [11_501, 10_502, 10_000, 10_000]
