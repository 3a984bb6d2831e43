"""The scheduler monitor against the sandbox's scheduler over HTTP, ticked by hand."""

from __future__ import annotations

import logging
import threading
import time
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
import requests

from ecommerce_core.datasets import CUSTOMERS, DATASETS, PRODUCTS
from ecommerce_core.domain import (
    ExpectedCallback,
    ExpectedOutcome,
    Fact,
    Oddity,
    Outcome,
    PeerFailed,
    Recurrence,
    TaskError,
)
from ecommerce_core.domain.access import LOCAL_OPERATOR
from ecommerce_core.domain.clock import STANDS_AFTER_S
from ecommerce_core.gateway import Answer, Gateway
from ecommerce_core.sandbox import Sandbox
from ecommerce_core.sandbox.data import ORIGIN
from ecommerce_core.scheduler import Scheduler, SchedulerControl, SchedulerMonitor
from ecommerce_core.storage import Leader, Store
from tests.support.callback_app import CallbackApp
from tests.support.peers import Peers
from tests.support.rig import DAY, HOUR, LATENESS, Rig, rigged
from tests.support.server import running_server
from tests.support.waiting import until


@pytest.fixture
def app() -> Iterator[CallbackApp]:
    with CallbackApp() as running:
        yield running


@pytest.fixture
def rig(app: CallbackApp, tmp_path: Path) -> Iterator[Rig]:
    with rigged(app, tmp_path) as built:
        yield built


def outcomes(rig: Rig) -> list[ExpectedOutcome]:
    return [callback.outcome for callback in reversed(rig.store.list_expected_callbacks())]


def only(callbacks: list[ExpectedCallback]) -> ExpectedCallback:
    [callback] = callbacks
    return callback


def test_ten_days_with_two_tasks_expect_what_is_received_and_missed(tmp_path: Path) -> None:
    with CallbackApp(drops=lambda n: n % 10 == 0) as app, rigged(app, tmp_path) as rig:
        rig.add(PRODUCTS, HOUR, Recurrence.HOUR)
        rig.add(CUSTOMERS, DAY, Recurrence.DAY)
        assert rig.monitor.poll()
        rig.tick(240)
        rig.poll_after_grace()

        hourly, daily = rig.store.expected_summary()[::-1]
        assert (hourly.expected, daily.expected) == (240, 10)
        assert hourly.expected + daily.expected == len(app.taken) + len(app.dropped)
        assert hourly.received + daily.received == len(app.taken)
        assert hourly.missed + daily.missed == len(app.dropped) == 25
        assert hourly.pending == daily.pending == hourly.late == daily.late == 0


def test_a_task_that_fires_is_on_time_and_knows_its_callback(rig: Rig) -> None:
    rig.add(PRODUCTS, HOUR)
    rig.monitor.poll()
    rig.tick()

    callback = only(rig.store.list_expected_callbacks())
    delivery = rig.store.list_deliveries()[0]
    assert callback.outcome is ExpectedOutcome.ON_TIME
    assert (callback.dataset, callback.task_name) == ("products", "get_products")
    assert callback.simulated_at == callback.simulated_last_at == ORIGIN + HOUR
    assert (callback.delivery_id, callback.received_at) == (delivery.id, delivery.received_at)
    assert callback.lateness_s is not None
    assert callback.lateness_s >= 0


def test_the_outcome_of_a_delivery_is_that_of_its_expected_callback(
    tmp_path: Path,
) -> None:
    of = {1: Outcome.JOINED, 2: Outcome.FAILED, 3: Outcome.REFUSED}
    with CallbackApp(outcome=of.__getitem__) as app, rigged(app, tmp_path) as rig:
        rig.add(PRODUCTS, HOUR, Recurrence.HOUR)
        rig.monitor.poll()
        rig.tick(3)
        rig.poll_after_grace()

        assert outcomes(rig) == [
            ExpectedOutcome.ON_TIME,
            ExpectedOutcome.FAILED,
            ExpectedOutcome.REFUSED,
        ]


def test_a_callback_that_takes_longer_than_its_period_overran(rig: Rig) -> None:
    rig.sandbox.scheduler.set_speed(36_000)  # an hour passes in 100 ms
    rig.add(PRODUCTS, 8 * HOUR, Recurrence.HOUR)
    rig.monitor.poll()
    rig.app.takes_s = 0.15
    rig.sandbox.scheduler.tick()
    rig.monitor.poll()

    assert set(outcomes(rig)) == {ExpectedOutcome.SLOW}


def test_a_callback_that_comes_after_it_was_missed_makes_it_late(rig: Rig) -> None:
    rig.sandbox.app_url = None
    rig.add(PRODUCTS, HOUR, Recurrence.DAY)
    rig.monitor.poll()
    rig.tick()
    rig.poll_after_grace()
    assert outcomes(rig) == [ExpectedOutcome.MISSED]
    assert only(rig.monitor.missed_now()).simulated_at == ORIGIN + HOUR

    requests.post(f"{rig.app.url}/{PRODUCTS.callback_path}", timeout=5)
    rig.tick()
    late = only(rig.store.list_expected_callbacks())
    assert late.outcome is ExpectedOutcome.LATE
    assert late.lateness_s is not None
    assert late.lateness_s >= 0
    assert rig.monitor.missed_now() == []


def test_the_alarm_ends_with_the_next_callback(rig: Rig) -> None:
    rig.sandbox.app_url = None
    rig.add(PRODUCTS, HOUR, Recurrence.HOUR)
    rig.monitor.poll()
    rig.tick()
    rig.poll_after_grace()
    assert len(rig.monitor.missed_now()) == 1

    rig.sandbox.app_url = rig.app.url
    rig.tick()
    assert rig.monitor.missed_now() == []
    assert outcomes(rig) == [ExpectedOutcome.MISSED, ExpectedOutcome.ON_TIME]


def test_a_task_that_is_there_twice_owes_two(tmp_path: Path) -> None:
    with CallbackApp(drops=lambda n: n == 2) as app, rigged(app, tmp_path) as rig:
        rig.add(PRODUCTS, HOUR, Recurrence.DAY)
        rig.add(PRODUCTS, HOUR, Recurrence.DAY)
        rig.monitor.poll()
        rig.tick()
        rig.poll_after_grace()

        assert rig.counts() == {ExpectedOutcome.ON_TIME: 1, ExpectedOutcome.MISSED: 1}


def test_several_periods_in_one_tick_owe_one_each(rig: Rig) -> None:
    rig.sandbox.scheduler.set_speed(6 * 3600)
    rig.sandbox.scheduler.tick()
    rig.add(PRODUCTS, HOUR, Recurrence.HOUR)
    rig.monitor.poll()
    rig.tick()

    callbacks = rig.store.list_expected_callbacks()[::-1]
    assert [one.outcome for one in callbacks] == [ExpectedOutcome.ON_TIME] * 6
    first = ORIGIN + 7 * HOUR
    assert [one.simulated_at for one in callbacks] == [first + n * HOUR for n in range(6)]


def test_while_a_callback_runs_its_absence_is_no_deletion(rig: Rig) -> None:
    going_on = threading.Event()
    rig.app.before_answer = lambda: going_on.wait(10)
    rig.add(PRODUCTS, HOUR, Recurrence.DAY)
    rig.monitor.poll()
    ticking = threading.Thread(target=rig.sandbox.scheduler.tick)
    ticking.start()
    until(lambda: not rig.sandbox.scheduler.tasks())
    rig.busy_since_s["products"] = time.monotonic()
    rig.poll_after_grace()
    assert outcomes(rig) == [ExpectedOutcome.PENDING]

    going_on.set()
    ticking.join()
    rig.busy_since_s.clear()
    rig.tick(2)
    # It took longer than its grace period, but was under way by then.
    assert outcomes(rig) == [ExpectedOutcome.ON_TIME]


def test_what_we_delete_owes_nothing(rig: Rig) -> None:
    rig.add(PRODUCTS, HOUR)
    rig.add(CUSTOMERS, HOUR, Recurrence.HOUR)
    rig.monitor.poll()
    rig.scheduler.delete_all("e-commerce")
    rig.tick()
    rig.poll_after_grace()

    assert rig.store.list_expected_callbacks() == []


def test_what_we_delete_after_it_fired_owes_what_it_had_sent(rig: Rig) -> None:
    rig.add(PRODUCTS, HOUR, Recurrence.HOUR)
    rig.monitor.poll()
    rig.sandbox.scheduler.tick()
    rig.scheduler.delete_tasks("get_products", source="e-commerce")
    rig.poll_after_grace()

    assert outcomes(rig) == [ExpectedOutcome.ON_TIME]


def test_a_deletion_that_is_under_way_while_the_list_is_read_counts(rig: Rig) -> None:
    rig.add(PRODUCTS, HOUR)
    rig.monitor.poll()
    with rig.monitor.deleting(rig.scheduler.fetch_tasks()):
        rig.monitor.poll()
        rig.post("app/delete", source="e-commerce")
        rig.tick()
    rig.poll_after_grace()

    assert rig.store.list_expected_callbacks() == []


@pytest.mark.parametrize("recurrence", [Recurrence.NONE, Recurrence.DAY])
def test_what_others_delete_before_its_time_owes_nothing(rig: Rig, recurrence: Recurrence) -> None:
    rig.add(PRODUCTS, 2 * HOUR, recurrence)
    rig.monitor.poll()
    rig.post("schedule/delete", name="get_products", source="e-commerce")
    rig.tick(3)
    rig.poll_after_grace()

    assert rig.store.list_expected_callbacks() == []


@pytest.mark.parametrize("recurrence", [Recurrence.HOUR, Recurrence.DAY])
def test_what_others_delete_in_the_last_second_clears_itself(
    rig: Rig, recurrence: Recurrence
) -> None:
    rig.add(PRODUCTS, HOUR, recurrence)
    rig.monitor.poll()
    rig.post("schedule/delete", name="get_products", source="e-commerce")
    rig.tick(3)
    rig.poll_after_grace()

    assert outcomes(rig) == [ExpectedOutcome.CANCELLED]
    assert rig.store.expected_summary()[0].expected == 0
    assert rig.monitor.missed_now() == []


def test_a_pause_owes_nothing_and_misses_nothing(rig: Rig) -> None:
    rig.add(PRODUCTS, HOUR, Recurrence.HOUR)
    rig.monitor.poll()
    rig.scheduler.pause()
    rig.tick(3)
    rig.poll_after_grace()
    assert rig.store.list_expected_callbacks() == []

    rig.scheduler.resume()
    rig.tick(3)
    assert outcomes(rig) == [ExpectedOutcome.ON_TIME] * 3


def test_a_reset_owes_nothing_and_ends_the_alarm(rig: Rig) -> None:
    rig.sandbox.app_url = None
    rig.add(PRODUCTS, HOUR, Recurrence.HOUR)
    rig.add(CUSTOMERS, 3 * HOUR)
    rig.monitor.poll()
    rig.tick()
    rig.poll_after_grace()
    rig.tick()
    assert outcomes(rig) == [ExpectedOutcome.MISSED, ExpectedOutcome.PENDING]
    era_at = rig.monitor.snapshot().era_at

    rig.sandbox.scheduler.set_speed(3600)  # what passed before is forgotten at a reset
    rig.post("reset")
    rig.tick()
    rig.poll_after_grace()
    assert outcomes(rig) == [ExpectedOutcome.MISSED, ExpectedOutcome.CANCELLED]
    assert rig.monitor.missed_now() == []
    since = rig.monitor.snapshot().era_at
    assert since is not None
    assert era_at is not None
    assert since > era_at
    assert rig.counts(noticed_since=since) == {}

    rig.sandbox.app_url = rig.app.url
    rig.add(PRODUCTS, HOUR, Recurrence.HOUR)
    rig.monitor.poll()
    rig.tick()
    assert rig.counts(noticed_since=since) == {ExpectedOutcome.ON_TIME: 1}


def test_a_clock_that_jumps_back_voids_what_was_owed(rig: Rig) -> None:
    rig.sandbox.app_url = None
    rig.add(PRODUCTS, HOUR, Recurrence.DAY)
    rig.monitor.poll()
    rig.tick(2)
    rig.sandbox.scheduler._now = ORIGIN
    rig.monitor.poll()
    rig.poll_after_grace()

    assert outcomes(rig) == [ExpectedOutcome.CANCELLED]
    assert rig.monitor.missed_now() == []


def test_a_speed_of_a_million_loses_no_count_and_no_bound(rig: Rig) -> None:
    rig.sandbox.scheduler.set_speed(1_000_000)
    rig.add(PRODUCTS, HOUR, Recurrence.HOUR)
    rig.monitor.poll()
    rig.sandbox.scheduler.tick()  # 277 hours, one callback after the other
    assert rig.monitor.poll()
    rig.poll_after_grace()

    assert len(rig.app.taken) == 277
    [summary] = rig.store.expected_summary()
    assert (summary.expected, summary.received, summary.missed) == (277, 277, 0)
    assert len(rig.store.list_expected_callbacks()) <= 3
    assert all((one.lateness_s or 0) >= 0 for one in rig.store.list_expected_callbacks())


def test_a_speed_of_a_million_watched_meanwhile_leaves_no_alarm(rig: Rig) -> None:
    rig.grace_s = 1.0
    rig.restart()
    rig.sandbox.scheduler.set_speed(1_000_000)
    rig.add(PRODUCTS, HOUR, Recurrence.HOUR)
    rig.monitor.start()
    until(lambda: rig.monitor.snapshot().tasks)
    rig.sandbox.scheduler.tick()
    ticked_at = datetime.now(UTC)
    until(lambda: (rig.monitor.snapshot().listed_at or ticked_at) > ticked_at)
    rig.monitor.stop()
    rig.poll_after_grace()

    [summary] = rig.store.expected_summary()
    assert (summary.expected, summary.received) == (277, 277)
    assert rig.monitor.missed_now() == []


def test_an_idle_monitor_writes_nothing(rig: Rig) -> None:
    rig.add(PRODUCTS, 1000 * DAY, Recurrence.HOUR)
    rig.monitor.poll()
    before = rig.store.path.read_bytes()
    rig.tick(20)

    assert rig.store.path.read_bytes() == before


def test_a_look_asks_for_the_list_and_the_clock_once(rig: Rig) -> None:
    asked: list[str] = []
    rig.scheduler._gateway.observers.append(lambda peer, result: asked.append(peer))
    rig.monitor.poll()
    for _ in range(50):
        rig.monitor.snapshot()
        rig.scheduler.reading()

    assert asked == ["scheduler", "scheduler"]


def test_what_was_due_while_no_server_ran_is_missed_with_the_reason(rig: Rig) -> None:
    rig.add(PRODUCTS, HOUR, Recurrence.HOUR)
    rig.monitor.poll()
    rig.tick(2)
    rig.monitor.stop()
    rig.sandbox.app_url = None
    for _ in range(3):
        rig.sandbox.scheduler.tick()
    rig.sandbox.app_url = rig.app.url
    rig.restart()
    rig.monitor.poll()
    rig.tick(2)
    rig.poll_after_grace()

    callbacks = rig.store.list_expected_callbacks()[::-1]
    missed = [one for one in callbacks if one.outcome is ExpectedOutcome.MISSED]
    assert [one.simulated_at for one in missed] == [ORIGIN + n * HOUR for n in (3, 4, 5)]
    assert {one.reason for one in missed} == {Fact("server_was_down")}
    assert rig.counts() == {ExpectedOutcome.ON_TIME: 4, ExpectedOutcome.MISSED: 3}
    assert rig.monitor.missed_now() == []


def test_a_long_downtime_is_one_row_with_a_count(rig: Rig) -> None:
    rig.add(PRODUCTS, HOUR, Recurrence.HOUR)
    rig.monitor.poll()
    rig.monitor.stop()
    rig.sandbox.app_url = None
    for _ in range(150):
        rig.sandbox.scheduler.tick()
    rig.restart()
    rig.poll_after_grace()

    callback = only(rig.store.list_expected_callbacks())
    assert (callback.count, callback.outcome) == (150, ExpectedOutcome.MISSED)
    assert (callback.simulated_at, callback.simulated_last_at) == (
        ORIGIN + HOUR,
        ORIGIN + 150 * HOUR,
    )
    assert only(rig.monitor.missed_now()).id == callback.id


def test_a_restart_with_a_callback_under_way_loses_nothing(rig: Rig) -> None:
    going_on = threading.Event()
    rig.app.before_answer = lambda: going_on.wait(10)
    rig.add(PRODUCTS, HOUR, Recurrence.DAY)
    rig.monitor.poll()
    ticking = threading.Thread(target=rig.sandbox.scheduler.tick)
    ticking.start()
    until(lambda: not rig.sandbox.scheduler.tasks())
    rig.monitor.poll()
    rig.monitor.stop()
    going_on.set()
    ticking.join()
    rig.restart()
    rig.poll_after_grace()

    assert rig.counts() == {ExpectedOutcome.ON_TIME: 1}


def test_another_scheduler_owes_nothing_of_the_last_one(rig: Rig) -> None:
    rig.sandbox.app_url = None
    rig.add(PRODUCTS, HOUR, Recurrence.DAY)
    rig.monitor.poll()
    rig.tick()
    rig.monitor.stop()
    with Sandbox(products=1, customers=1, speed=DAY.total_seconds(), tick_s=None) as other:
        other.scheduler.tick()
        rig.sandbox = other
        rig.restart()
        rig.poll_after_grace()

    assert outcomes(rig) == [ExpectedOutcome.CANCELLED]


def test_a_scheduler_that_is_silent_for_a_while_is_watched_again(
    rig: Rig, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.INFO, logger="ecommerce_core.scheduler.monitor")
    rig.add(PRODUCTS, HOUR, Recurrence.HOUR)
    rig.monitor.poll()
    base, rig.scheduler._gateway.base_url = rig.scheduler._gateway.base_url, "http://127.0.0.1:9"
    for _ in range(3):
        rig.sandbox.scheduler.tick()
        assert not rig.monitor.poll()
    assert rig.monitor.snapshot().list_error
    assert rig.monitor.snapshot().reading.error
    assert rig.monitor.snapshot().tasks
    rig.scheduler._gateway.base_url = base
    assert rig.monitor.poll()
    rig.tick()

    assert rig.monitor.snapshot().list_error is None
    assert rig.counts() == {ExpectedOutcome.ON_TIME: 4}
    assert [record.levelname for record in caplog.records] == ["WARNING", "INFO"]


def test_the_monitor_survives_a_store_that_fails(
    rig: Rig, caplog: pytest.LogCaptureFixture
) -> None:
    rig.add(PRODUCTS, HOUR, Recurrence.HOUR)
    rig.monitor.poll()
    hidden = rig.store.path.with_suffix(".away")
    rig.app.store = None
    rig.store.path.rename(hidden)
    for _ in range(3):
        rig.sandbox.scheduler.tick()
        assert not rig.monitor.poll()
    hidden.rename(rig.store.path)
    rig.poll_after_grace()

    assert rig.counts() == {ExpectedOutcome.MISSED: 3}
    assert len([one for one in caplog.records if one.levelname == "WARNING"]) == 1


def test_the_monitor_survives_what_nobody_foresaw(
    rig: Rig, caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fail(**limits: float) -> None:
        raise ZeroDivisionError

    with monkeypatch.context() as patch:
        patch.setattr(rig.scheduler, "fetch_tasks", fail)
        assert [rig.monitor.poll() for _ in range(3)] == [False] * 3

    assert rig.monitor.poll()
    assert len([one for one in caplog.records if one.levelname == "ERROR"]) == 1


def test_a_scheduler_with_only_the_page_is_watched_as_well(
    rig: Rig, monkeypatch: pytest.MonkeyPatch
) -> None:
    fetch = rig.scheduler._fetch_list

    def only_html(path: str, *args: float) -> Answer:
        return fetch("no/such/page" if path == "schedule/json" else path, *args)

    monkeypatch.setattr(rig.scheduler, "_fetch_list", only_html)
    rig.add(PRODUCTS, HOUR, Recurrence.HOUR)
    rig.monitor.poll()
    rig.tick(3)

    assert outcomes(rig) == [ExpectedOutcome.ON_TIME] * 3


def test_the_tasks_of_others_owe_us_nothing_and_pay_nothing_of_ours(rig: Rig) -> None:
    time_text = (ORIGIN + HOUR).strftime("%d/%m/%Y-%H:%M:%S")
    task = {"target_url": PRODUCTS.callback_path, "target_app": "e-commerce", "time": time_text}
    for extra in (
        {"source_app": "crm", "name": "theirs", "recurrence": "hour"},
        {"source_app": "e-commerce", "name": "other", "target_url": "elsewhere"},
    ):
        answer = requests.post(
            f"{rig.sandbox.url}/schedule/add",
            json=task | extra,
            headers={"Host": "scheduler"},
            timeout=5,
        )
        assert answer.status_code == 200
    rig.monitor.poll()
    rig.sandbox.app_url = None
    rig.add(PRODUCTS, HOUR / 2, Recurrence.DAY)
    rig.monitor.poll()
    rig.sandbox.scheduler.set_speed(1800)
    rig.tick()
    rig.sandbox.app_url = rig.app.url
    rig.tick(3)
    rig.poll_after_grace()

    assert len(rig.app.taken) == 2
    assert outcomes(rig) == [ExpectedOutcome.MISSED]


def test_of_two_servers_with_one_database_one_tracks_expected_callbacks(rig: Rig) -> None:
    first = rig.monitor
    rig.add(PRODUCTS, HOUR, Recurrence.HOUR)
    first.poll()
    rig.restart()
    rig.monitor.poll()
    rig.sandbox.scheduler.tick()
    first.poll()
    rig.monitor.poll()
    assert rig.counts() == {ExpectedOutcome.ON_TIME: 1}
    assert rig.monitor.snapshot().tasks

    first.stop()
    rig.tick()
    assert rig.counts() == {ExpectedOutcome.ON_TIME: 2}


def test_the_thread_looks_by_itself_and_ends_at_once(rig: Rig) -> None:
    rig.grace_s = 30.0  # so that it is in time on a slow machine, too
    rig.restart()
    rig.add(PRODUCTS, HOUR, Recurrence.HOUR)
    rig.monitor.start()
    # Pages see the tasks shortly before the tracker does; a tick in between would expect nothing.
    until(lambda: rig.monitor.snapshot().era_at)
    rig.sandbox.scheduler.tick()
    until(lambda: rig.counts() == {ExpectedOutcome.ON_TIME: 1})
    began = time.monotonic()
    rig.monitor.stop()

    assert time.monotonic() - began < 2
    assert not [one for one in threading.enumerate() if one.name == "scheduler-monitor"]


def test_a_look_that_hangs_is_cut_short_at_the_end(tmp_path: Path) -> None:
    with Peers() as peers:
        peers.gate.clear()
        scheduler = Scheduler(Gateway(peers.url), app_name="e-commerce")
        store = Store.open(tmp_path / "ecommerce.db")
        monitor = SchedulerMonitor(
            scheduler,
            store,
            app_name="e-commerce",
            datasets=DATASETS,
            source=peers.url,
            progress=lambda _: None,
            lateness=LATENESS,
            leader=Leader(store),
        )
        monitor.start()
        until(lambda: peers.asked["scheduler"])
        began = time.monotonic()
        monitor.stop()

        assert time.monotonic() - began < 2
        assert not [one for one in threading.enumerate() if one.name == "scheduler-monitor"]


def test_old_expected_callbacks_are_removed(rig: Rig, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("ecommerce_core.storage.record.expected_callbacks.KEPT_CALLBACKS", 5)
    rig.add(PRODUCTS, HOUR, Recurrence.HOUR)
    rig.monitor.poll()
    rig.tick(20)

    kept = rig.store.list_expected_callbacks()
    assert [one.simulated_at for one in kept] == [ORIGIN + n * HOUR for n in range(20, 15, -1)]


def test_expected_callbacks_are_found_by_time_and_dataset(rig: Rig) -> None:
    rig.add(PRODUCTS, HOUR, Recurrence.HOUR)
    rig.add(CUSTOMERS, HOUR, Recurrence.HOUR)
    rig.monitor.poll()
    rig.tick(6)
    find = rig.store.list_expected_callbacks

    assert len(find()) == 12
    assert len(find(limit=5)) == 5
    assert len(find(since=ORIGIN + 5 * HOUR)) == 4
    assert len(find(since=ORIGIN + 2 * HOUR, until=ORIGIN + 3 * HOUR, dataset="customers")) == 2


def test_the_real_server_reports_what_came_and_what_did_not(tmp_path: Path) -> None:
    with Sandbox(products=5, customers=5, speed=3600, tick_s=None) as sandbox:
        environment = {
            "ECOMMERCE_GATEWAY_URL": sandbox.url,
            "ECOMMERCE_CALLBACK_GRACE_S": "0.5",
        }
        with running_server(tmp_path, environment) as server:
            store = Store(tmp_path / "ecommerce.db")

            def due() -> list[tuple[datetime, ExpectedOutcome]]:
                return [
                    (one.simulated_at, one.outcome) for one in store.list_expected_callbacks()[::-1]
                ]

            def seen() -> datetime | None:
                state = store.monitor_state()
                entries = () if state is None or state.snapshot is None else state.snapshot.entries
                return next((entry.simulated_at for entry in entries), None)

            scheduler = Scheduler(Gateway(sandbox.url), app_name="e-commerce")
            at = ORIGIN + HOUR
            scheduler.add_task(PRODUCTS, simulated_at=at, recurrence=Recurrence.HOUR)
            sandbox.app_url = server.url
            expected: list[tuple[datetime, ExpectedOutcome]] = []
            for outcome in (
                ExpectedOutcome.ON_TIME,
                ExpectedOutcome.MISSED,
                ExpectedOutcome.ON_TIME,
            ):
                expected.append((ORIGIN + (len(expected) + 1) * HOUR, outcome))
                until(lambda: seen() == expected[-1][0])
                sandbox.app_url = None if outcome is ExpectedOutcome.MISSED else server.url
                sandbox.scheduler.tick()
                until(lambda: due() == expected)
            assert "Traceback" not in server.log


# List and clock apart, odd tasks, a clock that stands still, lost tasks


def test_an_odd_task_leaves_ours_watched_the_clock_read_and_the_list_changeable(rig: Rig) -> None:
    rig.add(PRODUCTS, HOUR, Recurrence.HOUR)
    rig.post("schedule/add", json={"target_url": "x", "time": "08/01/2030-00:00:00"})
    assert rig.monitor.poll()
    rig.tick(3)

    seen = rig.monitor.snapshot()
    assert (seen.state, seen.list_state, seen.clock_state) == ("up", "up", "up")
    assert [task.name for task in seen.odd_tasks] == ["default"]
    assert outcomes(rig) == [ExpectedOutcome.ON_TIME] * 3
    rig.add(CUSTOMERS, HOUR)
    assert rig.scheduler.delete_all("e-commerce") == 2


@pytest.mark.parametrize("path", ["schedule/json", "clock/info"])
def test_of_list_and_clock_one_that_fails_leaves_the_other_as_it_is(
    rig: Rig, path: str, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    rig.add(PRODUCTS, HOUR, Recurrence.HOUR)
    assert rig.monitor.poll()
    before = rig.monitor.snapshot()
    fetch = rig.scheduler._gateway.fetch

    def failing(peer: str, asked: str, **how: Any) -> Answer:
        if asked == path:
            raise PeerFailed("peer_failed", peer=peer, status=500)
        return fetch(peer, asked, **how)

    monkeypatch.setattr(rig.scheduler._gateway, "fetch", failing)
    rig.sandbox.scheduler.tick()
    assert not rig.monitor.poll()
    after = rig.monitor.snapshot()
    assert after.state == "partly"
    assert before.listed_at is not None
    assert after.listed_at is not None
    assert before.reading.read_at is not None
    assert after.reading.read_at is not None
    if path == "clock/info":
        assert (after.clock_state, after.list_state) == ("down", "up")
        assert after.reading.clock == before.reading.clock
        assert after.reading.read_at == before.reading.read_at
        assert after.listed_at > before.listed_at
        assert "the scheduler's clock cannot be read" in caplog.text
    else:
        assert (after.clock_state, after.list_state) == ("up", "down")
        assert after.tasks == before.tasks
        assert after.listed_at == before.listed_at
        assert after.reading.read_at > before.reading.read_at
        assert "the scheduler's list cannot be read" in caplog.text

    monkeypatch.undo()
    assert rig.monitor.poll()
    rig.tick()
    assert rig.counts() == {ExpectedOutcome.ON_TIME: 2}


def test_a_clock_that_a_callback_holds_stands_still_and_names_it(rig: Rig) -> None:
    going_on = threading.Event()
    rig.app.before_answer = lambda: going_on.wait(30)
    rig.add(PRODUCTS, HOUR, Recurrence.DAY)
    rig.monitor.poll()
    assert rig.monitor.snapshot().standing_still_since is None
    began_at = datetime.now(UTC)
    ticking = threading.Thread(target=rig.sandbox.scheduler.tick)
    ticking.start()
    until(lambda: not rig.sandbox.scheduler.tasks())
    rig.monitor.poll()
    assert rig.monitor.snapshot().standing_still_since is None  # for a few readings
    until(lambda: rig.monitor.poll() and rig.monitor.snapshot().standing_still_since)

    seen = rig.monitor.snapshot()
    assert seen.standing_still_since is not None
    assert began_at < seen.standing_still_since < datetime.now(UTC)
    assert [(task.name, task.next_fire_time) for task in seen.holding] == [
        ("get_products", ORIGIN + HOUR)
    ]
    going_on.set()
    ticking.join()
    rig.tick()
    assert rig.monitor.snapshot().standing_still_since is None
    assert rig.monitor.snapshot().holding == ()


def test_a_task_that_ends_the_schedulers_loop_is_named(rig: Rig) -> None:
    body = {"target_url": "x", "time": "07/01/2019-01:00:00", "recurrence": "day"}
    rig.post("schedule/add", json=body)
    rig.monitor.poll()
    rig.sandbox.scheduler.tick()
    until(lambda: rig.monitor.poll() and rig.monitor.snapshot().standing_still_since)

    (task,) = rig.monitor.snapshot().holding
    assert (task.source_app, task.oddities) == ("Unknown", (Oddity.NO_APPLICATION,))


def test_a_clock_that_is_paused_does_not_stand_still(rig: Rig) -> None:
    rig.scheduler.pause()
    rig.tick()
    began = time.monotonic()
    while time.monotonic() - began < STANDS_AFTER_S + 0.5:
        rig.monitor.poll()
        assert rig.monitor.snapshot().standing_still_since is None


def lost(rig: Rig) -> list[tuple[str, str]]:
    return [(task.name, task.recurrence) for task in rig.monitor.snapshot().lost_tasks]


def test_a_reset_loses_our_tasks_and_says_so_until_they_are_back(rig: Rig) -> None:
    rig.add(PRODUCTS, HOUR, Recurrence.HOUR)
    rig.add(CUSTOMERS, DAY)
    rig.tick(2)
    assert lost(rig) == []
    rig.post("reset")
    rig.monitor.poll()
    assert lost(rig) == []  # one poll may fall between two changes of somebody
    rig.monitor.poll()
    assert lost(rig) == [("get_products", "hour"), ("get_customers", "none")]
    # A restarted server knows it, too.
    rig.monitor.stop()
    rig.restart()
    rig.monitor.poll()
    assert len(lost(rig)) == 2

    rig.add(PRODUCTS, HOUR, Recurrence.HOUR)
    rig.monitor.poll()
    assert lost(rig) == [("get_customers", "none")]


def test_what_ran_what_we_delete_and_what_is_in_flight_is_not_lost(rig: Rig) -> None:
    rig.add(PRODUCTS, HOUR)
    rig.add(CUSTOMERS, HOUR, Recurrence.HOUR)
    rig.tick(3)
    going_on = threading.Event()
    rig.app.before_answer = lambda: going_on.wait(10)
    ticking = threading.Thread(target=rig.sandbox.scheduler.tick)
    ticking.start()
    until(lambda: not rig.sandbox.scheduler.tasks())
    for _ in range(4):
        rig.monitor.poll()
    going_on.set()
    ticking.join()
    rig.tick()
    assert lost(rig) == []


def test_a_server_that_was_away_finds_what_was_lost_meanwhile(rig: Rig) -> None:
    rig.add(PRODUCTS, HOUR, Recurrence.DAY)
    rig.add(CUSTOMERS, 5 * HOUR)
    rig.monitor.poll()
    rig.monitor.stop()
    rig.post("reset")
    rig.restart()
    rig.monitor.poll()
    rig.monitor.poll()
    assert lost(rig) == [("get_products", "day"), ("get_customers", "none")]


class Shop:
    """The control of the scheduler that people use here, over a rig."""

    def __init__(self, rig: Rig) -> None:
        self.rig = rig
        self.scheduler_control = SchedulerControl(
            rig.scheduler, rig.store, app_name="e-commerce", datasets=DATASETS
        )

    def add(self, after: timedelta, recurrence: Recurrence) -> None:
        at = self.rig.sandbox.scheduler.now() + after
        self.scheduler_control.add_task(
            PRODUCTS, actor=LOCAL_OPERATOR, simulated_at=at, recurrence=recurrence
        )

    def listed(self) -> list[tuple[str, str, datetime]]:
        return [
            (str(task.name), task.recurrence, task.time)
            for task in self.rig.sandbox.scheduler.tasks()
        ]

    def events(self) -> list[str]:
        return [record.event.value for record in self.rig.store.list_task_records()[::-1]]


def test_what_people_schedule_and_delete_here_is_journalled_and_never_lost(rig: Rig) -> None:
    shop = Shop(rig)
    shop.add(DAY, Recurrence.WEEK)
    rig.monitor.poll()
    shop.scheduler_control.delete_tasks("get_products", actor=LOCAL_OPERATOR, source="e-commerce")
    for _ in range(3):
        rig.tick()

    assert lost(rig) == []
    assert rig.store.list_wanted_tasks() == []
    assert shop.events() == ["added", "deleted"]


def test_lost_tasks_are_added_again_at_the_same_time_of_the_day(rig: Rig) -> None:
    rig.sandbox.scheduler.set_speed(HOUR.total_seconds())
    rig.tick(5)
    shop = Shop(rig)
    shop.add(timedelta(minutes=90), Recurrence.DAY)  # 06:30
    shop.add(timedelta(hours=30), Recurrence.NONE)
    rig.tick()
    rig.post("reset")
    rig.monitor.poll()
    rig.monitor.poll()
    now = rig.sandbox.scheduler.now()

    assert (
        shop.scheduler_control.add_again(rig.monitor.snapshot().lost_tasks, actor=LOCAL_OPERATOR)
        == 2
    )
    once, daily = sorted(shop.listed(), key=lambda task: task[1] == "day")
    assert (daily[2].hour, daily[2].minute) == (6, 30)
    assert now < daily[2]
    assert once[2] == ORIGIN + timedelta(hours=35)
    for _ in range(3):
        rig.monitor.poll()
    assert lost(rig) == []
    assert shop.events()[-2:] == ["added_again", "added_again"]


def test_where_it_is_set_the_server_adds_lost_tasks_again_once_and_says_so(rig: Rig) -> None:
    rig.monitor.stop()
    rig.restart(keeps=True)
    shop = Shop(rig)
    shop.add(DAY, Recurrence.DAY)
    rig.tick(2)
    rig.post("reset")
    for _ in range(4):
        rig.monitor.poll()
    assert [name for name, _, _ in shop.listed()] == ["get_products"]
    assert lost(rig) == []
    assert shop.events()[-2:] == ["lost", "kept"]

    # Somebody deletes it again at once: from now on people decide.
    rig.post("app/delete", source="e-commerce")
    for _ in range(4):
        rig.monitor.poll()
    assert shop.listed() == []
    assert lost(rig) == [("get_products", "day")]
    assert shop.events()[-2:] == ["lost", "not_kept"]


def test_of_several_tasks_of_one_name_one_is_deleted_and_one_is_edited(rig: Rig) -> None:
    shop = Shop(rig)
    shop.add(DAY, Recurrence.WEEK)
    shop.add(2 * DAY, Recurrence.NONE)
    shop.add(3 * DAY, Recurrence.DAY)
    weekly, once, daily = rig.scheduler.fetch_tasks()
    assert {weekly.name, once.name, daily.name} == {"get_products"}

    assert shop.scheduler_control.delete_each([once], actor=LOCAL_OPERATOR) == 1
    assert shop.listed() == [
        ("get_products-2", "week", ORIGIN + DAY),
        ("get_products-2", "day", ORIGIN + 3 * DAY),
    ]
    weekly = rig.scheduler.fetch_tasks()[0]
    at = ORIGIN + 4 * DAY
    new = shop.scheduler_control.edit_task(
        weekly, actor=LOCAL_OPERATOR, simulated_at=at, recurrence=Recurrence.HOUR
    )
    assert (new.name, new.next_fire_time, new.recurrence) == ("get_products", at, "hour")
    assert shop.listed() == [
        ("get_products", "day", ORIGIN + 3 * DAY),
        ("get_products", "hour", at),
    ]
    for _ in range(3):
        rig.monitor.poll()
    assert lost(rig) == []
    assert len(rig.store.list_wanted_tasks()) == 2


def test_a_task_that_has_run_meanwhile_is_not_edited(rig: Rig) -> None:
    shop = Shop(rig)
    shop.add(HOUR, Recurrence.NONE)
    (task,) = rig.scheduler.fetch_tasks()
    rig.tick()
    with pytest.raises(TaskError, match="is not in the list any more"):
        shop.scheduler_control.edit_task(
            task,
            actor=LOCAL_OPERATOR,
            simulated_at=ORIGIN + DAY,
            recurrence=Recurrence.NONE,
        )
    assert shop.listed() == []
