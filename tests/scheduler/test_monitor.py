"""The watcher against the sandbox's scheduler over HTTP, ticked by hand, with its callbacks."""

from __future__ import annotations

import logging
import threading
import time
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path

import pytest
import requests

from ecommerce_core.datasets import CUSTOMERS, DATASETS, PRODUCTS
from ecommerce_core.domain import (
    ExpectedCallback,
    ExpectedOutcome,
    Fact,
    Outcome,
    Recurrence,
)
from ecommerce_core.gateway import Answer, Gateway
from ecommerce_core.sandbox import Sandbox
from ecommerce_core.sandbox.data import ORIGIN
from ecommerce_core.scheduler import Scheduler, SchedulerMonitor
from ecommerce_core.storage import Store
from tests.support.callback_app import CallbackApp
from tests.support.peers import Peers
from tests.support.rig import DAY, HOUR, Rig, rigged
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
    return [promise.outcome for promise in reversed(rig.store.list_expected_callbacks())]


def only(promises: list[ExpectedCallback]) -> ExpectedCallback:
    [promise] = promises
    return promise


def test_ten_days_with_two_tasks_promise_what_is_received_and_missed(tmp_path: Path) -> None:
    with CallbackApp(drops=lambda n: n % 10 == 0) as app, rigged(app, tmp_path) as rig:
        rig.add(PRODUCTS, HOUR, Recurrence.HOUR)
        rig.add(CUSTOMERS, DAY, Recurrence.DAY)
        assert rig.monitor.look()
        rig.tick(240)
        rig.look_after_grace()

        hourly, daily = rig.store.expected_summary()[::-1]
        assert (hourly.promised, daily.promised) == (240, 10)
        assert hourly.promised + daily.promised == len(app.taken) + len(app.dropped)
        assert hourly.received + daily.received == len(app.taken)
        assert hourly.missed + daily.missed == len(app.dropped) == 25
        assert hourly.owed == daily.owed == hourly.late == daily.late == 0


def test_a_task_that_fires_is_on_time_and_knows_its_callback(rig: Rig) -> None:
    rig.add(PRODUCTS, HOUR)
    rig.monitor.look()
    rig.tick()

    promise = only(rig.store.list_expected_callbacks())
    delivery = rig.store.list_deliveries()[0]
    assert promise.outcome is ExpectedOutcome.ON_TIME
    assert (promise.dataset, promise.task_name) == ("products", "get_products")
    assert promise.simulated_at == promise.simulated_last_at == ORIGIN + HOUR
    assert (promise.delivery_id, promise.received_at) == (delivery.id, delivery.received_at)
    assert promise.lateness_s is not None
    assert promise.lateness_s >= 0


def test_what_became_of_the_callback_is_what_became_of_the_promise(tmp_path: Path) -> None:
    of = {1: Outcome.JOINED, 2: Outcome.FAILED, 3: Outcome.REFUSED}
    with CallbackApp(outcome=of.__getitem__) as app, rigged(app, tmp_path) as rig:
        rig.add(PRODUCTS, HOUR, Recurrence.HOUR)
        rig.monitor.look()
        rig.tick(3)
        rig.look_after_grace()

        assert outcomes(rig) == [
            ExpectedOutcome.ON_TIME,
            ExpectedOutcome.FAILED,
            ExpectedOutcome.REFUSED,
        ]


def test_a_callback_that_takes_longer_than_its_period_overran(rig: Rig) -> None:
    rig.sandbox.scheduler.set_speed(36_000)  # an hour passes in 100 ms
    rig.add(PRODUCTS, 8 * HOUR, Recurrence.HOUR)
    rig.monitor.look()
    rig.app.takes_s = 0.15
    rig.sandbox.scheduler.tick()
    rig.monitor.look()

    assert set(outcomes(rig)) == {ExpectedOutcome.OVERRAN}


def test_a_callback_that_comes_after_it_was_missed_makes_it_late(rig: Rig) -> None:
    rig.sandbox.app_url = None
    rig.add(PRODUCTS, HOUR, Recurrence.DAY)
    rig.monitor.look()
    rig.tick()
    rig.look_after_grace()
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
    rig.monitor.look()
    rig.tick()
    rig.look_after_grace()
    assert len(rig.monitor.missed_now()) == 1

    rig.sandbox.app_url = rig.app.url
    rig.tick()
    assert rig.monitor.missed_now() == []
    assert outcomes(rig) == [ExpectedOutcome.MISSED, ExpectedOutcome.ON_TIME]


def test_a_task_that_is_there_twice_owes_two(tmp_path: Path) -> None:
    with CallbackApp(drops=lambda n: n == 2) as app, rigged(app, tmp_path) as rig:
        rig.add(PRODUCTS, HOUR, Recurrence.DAY)
        rig.add(PRODUCTS, HOUR, Recurrence.DAY)
        rig.monitor.look()
        rig.tick()
        rig.look_after_grace()

        assert rig.counts() == {ExpectedOutcome.ON_TIME: 1, ExpectedOutcome.MISSED: 1}


def test_several_periods_in_one_tick_owe_one_each(rig: Rig) -> None:
    rig.sandbox.scheduler.set_speed(6 * 3600)
    rig.sandbox.scheduler.tick()
    rig.add(PRODUCTS, HOUR, Recurrence.HOUR)
    rig.monitor.look()
    rig.tick()

    promises = rig.store.list_expected_callbacks()[::-1]
    assert [one.outcome for one in promises] == [ExpectedOutcome.ON_TIME] * 6
    first = ORIGIN + 7 * HOUR
    assert [one.simulated_at for one in promises] == [first + n * HOUR for n in range(6)]


def test_while_a_callback_runs_its_absence_is_no_deletion(rig: Rig) -> None:
    going_on = threading.Event()
    rig.app.before_answer = lambda: going_on.wait(10)
    rig.add(PRODUCTS, HOUR, Recurrence.DAY)
    rig.monitor.look()
    ticking = threading.Thread(target=rig.sandbox.scheduler.tick)
    ticking.start()
    until(lambda: not rig.sandbox.scheduler.tasks())
    rig.busy_since_s["products"] = time.monotonic()
    rig.look_after_grace()
    assert outcomes(rig) == [ExpectedOutcome.OWED]

    going_on.set()
    ticking.join()
    rig.busy_since_s.clear()
    rig.tick(2)
    # It took longer than its grace, but was under way by then.
    assert outcomes(rig) == [ExpectedOutcome.ON_TIME]


def test_what_we_delete_owes_nothing(rig: Rig) -> None:
    rig.add(PRODUCTS, HOUR)
    rig.add(CUSTOMERS, HOUR, Recurrence.HOUR)
    rig.monitor.look()
    rig.scheduler.delete_all("e-commerce")
    rig.tick()
    rig.look_after_grace()

    assert rig.store.list_expected_callbacks() == []


def test_what_we_delete_after_it_fired_owes_what_it_had_sent(rig: Rig) -> None:
    rig.add(PRODUCTS, HOUR, Recurrence.HOUR)
    rig.monitor.look()
    rig.sandbox.scheduler.tick()
    rig.scheduler.delete_tasks("get_products", source="e-commerce")
    rig.look_after_grace()

    assert outcomes(rig) == [ExpectedOutcome.ON_TIME]


def test_a_deletion_that_is_under_way_while_the_list_is_read_counts(rig: Rig) -> None:
    rig.add(PRODUCTS, HOUR)
    rig.monitor.look()
    with rig.monitor.deleting(rig.scheduler.fetch_tasks()):
        rig.monitor.look()
        rig.post("app/delete", source="e-commerce")
        rig.tick()
    rig.look_after_grace()

    assert rig.store.list_expected_callbacks() == []


@pytest.mark.parametrize("recurrence", [Recurrence.NONE, Recurrence.DAY])
def test_what_others_delete_before_its_time_owes_nothing(rig: Rig, recurrence: Recurrence) -> None:
    rig.add(PRODUCTS, 2 * HOUR, recurrence)
    rig.monitor.look()
    rig.post("schedule/delete", name="get_products", source="e-commerce")
    rig.tick(3)
    rig.look_after_grace()

    assert rig.store.list_expected_callbacks() == []


@pytest.mark.parametrize("recurrence", [Recurrence.HOUR, Recurrence.DAY])
def test_what_others_delete_in_the_last_second_clears_itself(
    rig: Rig, recurrence: Recurrence
) -> None:
    rig.add(PRODUCTS, HOUR, recurrence)
    rig.monitor.look()
    rig.post("schedule/delete", name="get_products", source="e-commerce")
    rig.tick(3)
    rig.look_after_grace()

    assert outcomes(rig) == [ExpectedOutcome.VOID]
    assert rig.store.expected_summary()[0].promised == 0
    assert rig.monitor.missed_now() == []


def test_a_pause_owes_nothing_and_misses_nothing(rig: Rig) -> None:
    rig.add(PRODUCTS, HOUR, Recurrence.HOUR)
    rig.monitor.look()
    rig.scheduler.pause()
    rig.tick(3)
    rig.look_after_grace()
    assert rig.store.list_expected_callbacks() == []

    rig.scheduler.resume()
    rig.tick(3)
    assert outcomes(rig) == [ExpectedOutcome.ON_TIME] * 3


def test_a_reset_owes_nothing_and_ends_the_alarm(rig: Rig) -> None:
    rig.sandbox.app_url = None
    rig.add(PRODUCTS, HOUR, Recurrence.HOUR)
    rig.add(CUSTOMERS, 3 * HOUR)
    rig.monitor.look()
    rig.tick()
    rig.look_after_grace()
    rig.tick()
    assert outcomes(rig) == [ExpectedOutcome.MISSED, ExpectedOutcome.OWED]
    era_at = rig.monitor.snapshot().era_at

    rig.post("reset")
    rig.tick()
    rig.look_after_grace()
    assert outcomes(rig) == [ExpectedOutcome.MISSED, ExpectedOutcome.VOID]
    assert rig.monitor.missed_now() == []
    since = rig.monitor.snapshot().era_at
    assert since is not None
    assert era_at is not None
    assert since > era_at
    assert rig.counts(noticed_since=since) == {}

    rig.sandbox.app_url = rig.app.url
    rig.add(PRODUCTS, HOUR, Recurrence.HOUR)
    rig.monitor.look()
    rig.tick()
    assert rig.counts(noticed_since=since) == {ExpectedOutcome.ON_TIME: 1}


def test_a_clock_that_jumps_back_voids_what_was_owed(rig: Rig) -> None:
    rig.sandbox.app_url = None
    rig.add(PRODUCTS, HOUR, Recurrence.DAY)
    rig.monitor.look()
    rig.tick(2)
    rig.sandbox.scheduler._now = ORIGIN
    rig.monitor.look()
    rig.look_after_grace()

    assert outcomes(rig) == [ExpectedOutcome.VOID]
    assert rig.monitor.missed_now() == []


def test_a_speed_of_a_million_loses_no_count_and_no_bound(rig: Rig) -> None:
    rig.sandbox.scheduler.set_speed(1_000_000)
    rig.add(PRODUCTS, HOUR, Recurrence.HOUR)
    rig.monitor.look()
    rig.sandbox.scheduler.tick()  # 277 hours, one callback after the other
    assert rig.monitor.look()
    rig.look_after_grace()

    assert len(rig.app.taken) == 277
    [summary] = rig.store.expected_summary()
    assert (summary.promised, summary.received, summary.missed) == (277, 277, 0)
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
    rig.look_after_grace()

    [summary] = rig.store.expected_summary()
    assert (summary.promised, summary.received) == (277, 277)
    assert rig.monitor.missed_now() == []


def test_an_idle_watcher_writes_nothing(rig: Rig) -> None:
    rig.add(PRODUCTS, 1000 * DAY, Recurrence.HOUR)
    rig.monitor.look()
    before = rig.store.path.read_bytes()
    rig.tick(20)

    assert rig.store.path.read_bytes() == before


def test_a_look_asks_for_the_list_and_the_clock_once(rig: Rig) -> None:
    asked: list[str] = []
    rig.scheduler._gateway.observers.append(lambda peer, result: asked.append(peer))
    rig.monitor.look()
    for _ in range(50):
        rig.monitor.snapshot()
        rig.scheduler.reading()

    assert asked == ["scheduler", "scheduler"]


def test_what_was_due_while_no_server_ran_is_missed_with_the_reason(rig: Rig) -> None:
    rig.add(PRODUCTS, HOUR, Recurrence.HOUR)
    rig.monitor.look()
    rig.tick(2)
    rig.monitor.stop()
    rig.sandbox.app_url = None
    for _ in range(3):
        rig.sandbox.scheduler.tick()
    rig.sandbox.app_url = rig.app.url
    rig.restart()
    rig.monitor.look()
    rig.tick(2)
    rig.look_after_grace()

    promises = rig.store.list_expected_callbacks()[::-1]
    missed = [one for one in promises if one.outcome is ExpectedOutcome.MISSED]
    assert [one.simulated_at for one in missed] == [ORIGIN + n * HOUR for n in (3, 4, 5)]
    assert {one.reason for one in missed} == {Fact("server_was_down")}
    assert rig.counts() == {ExpectedOutcome.ON_TIME: 4, ExpectedOutcome.MISSED: 3}
    assert rig.monitor.missed_now() == []


def test_a_long_downtime_is_one_row_with_a_count(rig: Rig) -> None:
    rig.add(PRODUCTS, HOUR, Recurrence.HOUR)
    rig.monitor.look()
    rig.monitor.stop()
    rig.sandbox.app_url = None
    for _ in range(150):
        rig.sandbox.scheduler.tick()
    rig.restart()
    rig.look_after_grace()

    promise = only(rig.store.list_expected_callbacks())
    assert (promise.count, promise.outcome) == (150, ExpectedOutcome.MISSED)
    assert (promise.simulated_at, promise.simulated_last_at) == (
        ORIGIN + HOUR,
        ORIGIN + 150 * HOUR,
    )
    assert only(rig.monitor.missed_now()).id == promise.id


def test_a_restart_with_a_callback_under_way_loses_nothing(rig: Rig) -> None:
    going_on = threading.Event()
    rig.app.before_answer = lambda: going_on.wait(10)
    rig.add(PRODUCTS, HOUR, Recurrence.DAY)
    rig.monitor.look()
    ticking = threading.Thread(target=rig.sandbox.scheduler.tick)
    ticking.start()
    until(lambda: not rig.sandbox.scheduler.tasks())
    rig.monitor.look()
    rig.monitor.stop()
    going_on.set()
    ticking.join()
    rig.restart()
    rig.look_after_grace()

    assert rig.counts() == {ExpectedOutcome.ON_TIME: 1}


def test_another_scheduler_owes_nothing_of_the_last_one(rig: Rig) -> None:
    rig.sandbox.app_url = None
    rig.add(PRODUCTS, HOUR, Recurrence.DAY)
    rig.monitor.look()
    rig.tick()
    rig.monitor.stop()
    with Sandbox(products=1, customers=1, speed=DAY.total_seconds(), tick_s=None) as other:
        other.scheduler.tick()
        rig.sandbox = other
        rig.restart()
        rig.look_after_grace()

    assert outcomes(rig) == [ExpectedOutcome.VOID]


def test_a_scheduler_that_is_silent_for_a_while_is_watched_again(
    rig: Rig, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.INFO, logger="ecommerce_core.scheduler.monitor")
    rig.add(PRODUCTS, HOUR, Recurrence.HOUR)
    rig.monitor.look()
    base, rig.scheduler._gateway.base_url = rig.scheduler._gateway.base_url, "http://127.0.0.1:9"
    for _ in range(3):
        rig.sandbox.scheduler.tick()
        assert not rig.monitor.look()
    assert rig.monitor.snapshot().error
    assert rig.monitor.snapshot().tasks
    rig.scheduler._gateway.base_url = base
    assert rig.monitor.look()
    rig.tick()

    assert rig.monitor.snapshot().error is None
    assert rig.counts() == {ExpectedOutcome.ON_TIME: 4}
    assert [record.levelname for record in caplog.records] == ["WARNING", "INFO"]


def test_the_watcher_survives_a_store_that_fails(
    rig: Rig, caplog: pytest.LogCaptureFixture
) -> None:
    rig.add(PRODUCTS, HOUR, Recurrence.HOUR)
    rig.monitor.look()
    hidden = rig.store.path.with_suffix(".away")
    rig.app.store = None
    rig.store.path.rename(hidden)
    for _ in range(3):
        rig.sandbox.scheduler.tick()
        assert not rig.monitor.look()
    hidden.rename(rig.store.path)
    rig.look_after_grace()

    assert rig.counts() == {ExpectedOutcome.MISSED: 3}
    assert len([one for one in caplog.records if one.levelname == "WARNING"]) == 1


def test_the_watcher_survives_what_nobody_foresaw(
    rig: Rig, caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fail(**limits: float) -> None:
        raise ZeroDivisionError

    with monkeypatch.context() as patch:
        patch.setattr(rig.scheduler, "fetch_tasks", fail)
        assert [rig.monitor.look() for _ in range(3)] == [False] * 3

    assert rig.monitor.look()
    assert len([one for one in caplog.records if one.levelname == "ERROR"]) == 1


def test_a_scheduler_with_only_the_page_is_watched_as_well(
    rig: Rig, monkeypatch: pytest.MonkeyPatch
) -> None:
    fetch = rig.scheduler._fetch_list

    def only_html(path: str, *args: float) -> Answer:
        return fetch("no/such/page" if path == "schedule/json" else path, *args)

    monkeypatch.setattr(rig.scheduler, "_fetch_list", only_html)
    rig.add(PRODUCTS, HOUR, Recurrence.HOUR)
    rig.monitor.look()
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
    rig.monitor.look()
    rig.sandbox.app_url = None
    rig.add(PRODUCTS, HOUR / 2, Recurrence.DAY)
    rig.monitor.look()
    rig.sandbox.scheduler.set_speed(1800)
    rig.tick()
    rig.sandbox.app_url = rig.app.url
    rig.tick(3)
    rig.look_after_grace()

    assert len(rig.app.taken) == 2
    assert outcomes(rig) == [ExpectedOutcome.MISSED]


def test_of_two_servers_with_one_database_one_keeps_the_promises(rig: Rig) -> None:
    first = rig.monitor
    rig.add(PRODUCTS, HOUR, Recurrence.HOUR)
    first.look()
    rig.restart()
    rig.monitor.look()
    rig.sandbox.scheduler.tick()
    first.look()
    rig.monitor.look()
    assert rig.counts() == {ExpectedOutcome.ON_TIME: 1}
    assert rig.monitor.snapshot().tasks

    first.stop()
    rig.tick()
    assert rig.counts() == {ExpectedOutcome.ON_TIME: 2}


def test_the_thread_looks_by_itself_and_ends_at_once(rig: Rig) -> None:
    rig.grace_s = 30.0  # however slow the machine, it is in time
    rig.restart()
    rig.add(PRODUCTS, HOUR, Recurrence.HOUR)
    rig.monitor.start()
    # Pages see the tasks a moment before the ledger does; a tick in between owes nothing.
    until(lambda: rig.monitor.snapshot().era_at)
    rig.sandbox.scheduler.tick()
    until(lambda: rig.counts() == {ExpectedOutcome.ON_TIME: 1})
    began = time.monotonic()
    rig.monitor.stop()

    assert time.monotonic() - began < 2
    assert not [one for one in threading.enumerate() if one.name == "watcher"]


def test_a_look_that_hangs_is_cut_short_at_the_end(tmp_path: Path) -> None:
    with Peers() as peers:
        peers.gate.clear()
        scheduler = Scheduler(Gateway(peers.url), app_name="e-commerce")
        monitor = SchedulerMonitor(
            scheduler,
            Store.open(tmp_path / "ecommerce.db"),
            app_name="e-commerce",
            datasets=DATASETS,
            source=peers.url,
            progress=lambda _: None,
            grace_s=1,
        )
        monitor.start()
        until(lambda: peers.asked["scheduler"])
        began = time.monotonic()
        monitor.stop()

        assert time.monotonic() - began < 2
        assert not [one for one in threading.enumerate() if one.name == "watcher"]


def test_old_promises_are_let_go(rig: Rig, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("ecommerce_core.storage.record.expected_callbacks.KEPT_PROMISES", 5)
    rig.add(PRODUCTS, HOUR, Recurrence.HOUR)
    rig.monitor.look()
    rig.tick(20)

    kept = rig.store.list_expected_callbacks()
    assert [one.simulated_at for one in kept] == [ORIGIN + n * HOUR for n in range(20, 15, -1)]


def test_promises_are_found_by_time_and_dataset(rig: Rig) -> None:
    rig.add(PRODUCTS, HOUR, Recurrence.HOUR)
    rig.add(CUSTOMERS, HOUR, Recurrence.HOUR)
    rig.monitor.look()
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
                state = store.watch_state()
                entries = () if state is None or state.look is None else state.look.entries
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
