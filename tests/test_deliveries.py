"""The journal of callbacks: groups, retries, and nothing lost in silence."""

from __future__ import annotations

import logging
import sqlite3
import threading
import time
from collections.abc import Callable, Sequence
from concurrent.futures import Future
from datetime import UTC, datetime

import pytest

from ecommerce_core.deliveries import DeliveryLog
from ecommerce_core.errors import StoreBusy
from ecommerce_core.models import Clock, ClockReading, NewDelivery, Outcome
from ecommerce_core.settings import Settings
from ecommerce_core.store import Store
from tests.waiting import until


def delivery(reason: str | None = None) -> NewDelivery:
    return NewDelivery(
        received_at=datetime.now(UTC),
        dataset="products",
        outcome=Outcome.REFUSED,
        run_id=None,
        reason=reason,
        simulated_at=None,
        task_name=None,
        duration_s=0.1,
    )


class Written:
    """Keeps the groups that were written; fails as long as ``error`` is set."""

    def __init__(self, error: Exception | None = None) -> None:
        self.groups: list[list[NewDelivery]] = []
        self.error = error
        self.attempts = 0

    def __call__(self, deliveries: Sequence[NewDelivery]) -> None:
        self.attempts += 1
        if self.error is not None:
            raise self.error
        self.groups.append(list(deliveries))

    @property
    def count(self) -> int:
        return sum(len(group) for group in self.groups)


def test_many_deliveries_are_written_in_few_groups() -> None:
    written = Written()
    log = DeliveryLog(written)
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
    log = DeliveryLog(written)
    log.start()
    log.record(delivery())
    until(lambda: written.count == 1, timeout_s=3)
    log.stop()

    assert written.count == 1


def test_the_stop_writes_what_waits(store: Store) -> None:
    log = DeliveryLog(store.record_deliveries, interval_s=60)
    log.start()
    for number in range(500):
        log.record(delivery(str(number)))
    log.stop()

    assert [found.reason for found in store.list_deliveries(limit=1_000)] == [
        str(number) for number in reversed(range(500))
    ]


def test_a_locked_database_delays_the_journal_and_loses_nothing(
    settings: Settings, store: Store, caplog: pytest.LogCaptureFixture
) -> None:
    impatient = Store.open(settings.database, busy_timeout_s=0.5)
    log = DeliveryLog(impatient.record_deliveries, retry_s=0.05)
    holder = sqlite3.connect(store.path)
    holder.execute("BEGIN EXCLUSIVE")
    with caplog.at_level(logging.INFO, logger="ecommerce_core.deliveries"):
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
    log = DeliveryLog(written, capacity=5, retry_s=0.02)
    with caplog.at_level(logging.INFO, logger="ecommerce_core.deliveries"):
        for _ in range(12):
            log.record(delivery())
        log.start()
        until(lambda: written.attempts > 2)
        log.stop()

    assert "7 deliveries were not journalled: no room to keep them" in caplog.messages
    assert "5 deliveries could not be journalled before the end" in caplog.messages


def test_one_delivery_that_cannot_be_written_does_not_hold_up_the_others(store: Store) -> None:
    log = DeliveryLog(store.record_deliveries)
    log.record(delivery("before"))
    log.record(delivery("a lone surrogate: \ud800"))
    log.record(delivery("after"))
    log.start()
    log.stop()

    assert [found.reason for found in store.list_deliveries()] == ["after", "before"]


def answered(reading: ClockReading) -> Callable[[Future[ClockReading]], None]:
    return lambda clock: clock.set_result(reading)


SIMULATED = datetime(2019, 1, 7, 1, 23, 20)  # noqa: DTZ001
CLOCK = Clock(simulated_at=SIMULATED, speed=50, paused=False)


@pytest.mark.parametrize(
    ("answer", "simulated_at"),
    [
        (answered(ClockReading(CLOCK, datetime.now(UTC), None)), SIMULATED),
        (answered(ClockReading(CLOCK, datetime.now(UTC), "timed out")), None),
        (answered(ClockReading(None, None, "timed out")), None),
        (lambda clock: clock.set_exception(RuntimeError()), None),
        (lambda clock: clock.cancel(), None),
    ],
)
def test_the_simulated_time_is_filled_in_when_the_clock_answers(
    answer: Callable[[Future[ClockReading]], object], simulated_at: datetime | None
) -> None:
    written = Written()
    log = DeliveryLog(written, interval_s=0.01)
    log.start()
    clock: Future[ClockReading] = Future()
    log.record(delivery("waits"), clock=clock)
    log.record(delivery("does not"))
    until(lambda: written.count == 1)
    answer(clock)
    until(lambda: written.count == 2)
    log.stop()

    assert [group[0].reason for group in written.groups] == ["does not", "waits"]
    assert written.groups[1][0].simulated_at == simulated_at


def test_the_stop_does_not_wait_for_a_clock_that_hangs() -> None:
    written = Written()
    log = DeliveryLog(written, interval_s=0.01)
    log.start()
    log.record(delivery(), clock=Future())
    began = time.monotonic()
    log.stop()

    assert written.count == 1
    assert time.monotonic() - began < 5
