"""One sync at a time, and the callers that request another meanwhile."""

from __future__ import annotations

import subprocess
import sys
import threading
import time
from concurrent.futures import wait
from functools import partial

import pytest

from ecommerce_core.application import Application
from ecommerce_core.domain import Action, Fact, RunStatus, Stage, SyncBusy, SyncStopped, Trigger
from ecommerce_core.domain.access import LOCAL_OPERATOR
from ecommerce_core.settings import PROJECT_ROOT, Settings
from ecommerce_core.storage import NewRun, Store
from ecommerce_core.sync import RunHandle
from tests.support.peers import Peers, customer, products
from tests.support.waiting import until


def ask(application: Application, *, join_running: bool = False) -> RunHandle:
    return application.request_sync(
        "products", actor=LOCAL_OPERATOR, trigger=Trigger.CALLBACK, join_running=join_running
    )


def begin_a_slow_sync(application: Application, peers: Peers) -> RunHandle:
    """Begin a sync whose peer has been called and does not answer until the gate opens."""
    peers.serve_products(products(30))
    peers.gate.clear()
    before = peers.asked["catalogue-produit"]
    ticket = ask(application)
    until(lambda: peers.asked["catalogue-produit"] > before)
    return ticket


def test_who_asks_while_a_sync_runs_gets_a_newer_one_shared_by_all(
    application: Application, peers: Peers
) -> None:
    first = begin_a_slow_sync(application, peers)

    later = [ask(application) for _ in range(50)]
    peers.gate.set()
    runs = {ticket.wait(20).id for ticket in later}

    assert len(runs) == 1
    assert runs != {first.wait(20).id}
    assert [ticket.joined for ticket in later] == [False] + [True] * 49
    assert peers.asked["catalogue-produit"] == 2


def test_a_storm_from_many_threads_costs_two_fetches(
    application: Application, peers: Peers
) -> None:
    begin_a_slow_sync(application, peers)
    tickets: list[RunHandle] = []

    def storm() -> None:
        tickets.extend(ask(application) for _ in range(125))

    threads = [threading.Thread(target=storm) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    peers.gate.set()
    done, late = wait([ticket.future for ticket in tickets], timeout=20)

    assert len(tickets) == 1000
    assert not late
    assert all(future.result().status.is_good for future in done)
    assert peers.asked["catalogue-produit"] == 2


def test_a_second_click_joins_the_run_that_is_under_way(
    application: Application, peers: Peers
) -> None:
    first = begin_a_slow_sync(application, peers)

    second = ask(application, join_running=True)
    peers.gate.set()

    assert second.joined
    assert second.wait(20) == first.wait(20)
    assert peers.asked["catalogue-produit"] == 1


def test_two_datasets_do_not_wait_for_each_other(application: Application, peers: Peers) -> None:
    peers.serve_customers([customer(1)])
    first = begin_a_slow_sync(application, peers)
    peers.gate.set()

    assert (
        application.request_sync("customers", actor=LOCAL_OPERATOR, trigger=Trigger.MANUAL)
        .wait(20)
        .status.is_good
    )
    assert first.wait(20).status.is_good


def test_progress_tells_the_stage_and_ends_with_the_run(
    application: Application, peers: Peers
) -> None:
    ticket = begin_a_slow_sync(application, peers)

    progress = application.progress("products")
    assert progress is not None
    assert progress.stage is Stage.DOWNLOADING
    assert progress.run_id == ticket.run_id()
    assert progress.elapsed_s >= 0

    peers.gate.set()
    ticket.wait(20)
    assert application.progress("products") is None


def test_a_clear_says_why_not_while_a_sync_runs(
    application: Application, peers: Peers, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("ecommerce_core.application.CLEAR_PATIENCE_S", 0.1)
    ticket = begin_a_slow_sync(application, peers)

    with pytest.raises(SyncBusy, match="a sync of products is under way"):
        application.clear("products", actor=LOCAL_OPERATOR, trigger=Trigger.MANUAL)

    peers.gate.set()
    assert ticket.wait(20).status.is_good
    assert (
        application.clear("products", actor=LOCAL_OPERATOR, trigger=Trigger.MANUAL).counts.withdrawn
        == 30
    )


def test_a_clear_waits_for_a_sync_that_is_about_to_end(
    application: Application, peers: Peers
) -> None:
    begin_a_slow_sync(application, peers)
    threading.Timer(0.2, peers.gate.set).start()

    assert (
        application.clear("products", actor=LOCAL_OPERATOR, trigger=Trigger.MANUAL).counts.withdrawn
        == 30
    )


def test_a_run_that_a_crash_left_running_is_interrupted_at_the_next_start(
    settings: Settings, peers: Peers
) -> None:
    store = Store.open(settings.database)
    run_id = store.begin_run(NewRun("products", Action.SYNC, Trigger.CALLBACK))

    application = Application.open(settings, gateway_url=peers.url)
    application.start()
    application.stop()

    run = store.run(run_id)
    assert run is not None
    assert run.status is RunStatus.INTERRUPTED
    assert run.finished_at is not None


def test_stopping_turns_those_who_wait_away_and_lets_the_running_one_end(
    application: Application, peers: Peers
) -> None:
    running = begin_a_slow_sync(application, peers)
    waiting = ask(application)
    threading.Timer(0.1, peers.gate.set).start()

    application.stop(timeout_s=10)

    assert running.wait(1).status.is_good
    with pytest.raises(SyncStopped):
        waiting.wait(1)
    with pytest.raises(SyncStopped):
        ask(application)
    assert application.workers_alive() == {"products": False, "customers": False}


def test_another_process_waits_for_the_one_that_syncs(
    application: Application, peers: Peers
) -> None:
    begin_a_slow_sync(application, peers)
    command = [sys.executable, "-m", "ecommerce_core", "sync", "products"]
    environment = {
        "ECOMMERCE_GATEWAY_URL": peers.url,
        "ECOMMERCE_DATABASE": str(application.store.path),
        "PATH": "",
    }
    with subprocess.Popen(
        command, env=environment, cwd=PROJECT_ROOT, stdout=subprocess.PIPE, text=True
    ) as other:
        time.sleep(1.5)
        assert other.poll() is None
        assert len(application.store.list_runs()) == 1

        peers.gate.set()
        said, _ = other.communicate(timeout=20)

    assert other.returncode == 0
    assert "products fetch unchanged" in said
    runs = application.store.list_runs()
    assert [run.trigger for run in runs] == [Trigger.CLI, Trigger.CALLBACK]
    assert all(run.status.is_good for run in runs)


def test_a_silent_peer_does_not_hold_up_the_stop(application: Application, peers: Peers) -> None:
    running = begin_a_slow_sync(application, peers)

    began_s = time.monotonic()
    application.stop(timeout_s=0.2)

    assert time.monotonic() - began_s < 3
    with pytest.raises(SyncStopped):
        running.wait(1)
    run = application.store.last_run("products")
    assert run is not None
    assert run.status is RunStatus.INTERRUPTED
    assert run.error == Fact("stopping")


def test_those_whom_a_storms_run_answered_and_who_ask_again_share_the_next(
    application: Application, peers: Peers, monkeypatch: pytest.MonkeyPatch
) -> None:
    # More than its 50 ms, so that callers find the next run still waiting on a slow machine, too.
    monkeypatch.setattr("ecommerce_core.sync.worker.GATHER_S", 2.0)
    peers.serve_products(products(30))
    peers.gate.clear()
    request = partial(
        application.request_sync, "products", actor=LOCAL_OPERATOR, trigger=Trigger.CALLBACK
    )
    first = request()
    until(lambda: peers.asked["catalogue-produit"] == 1)
    storm = [request() for _ in range(20)]
    peers.gate.set()
    peers.gate.clear()
    first.wait(10)
    until(lambda: peers.asked["catalogue-produit"] == 2)
    time.sleep(0.5)  # the next run waits as long as this one took
    peers.gate.set()
    assert len({ticket.wait(10).id for ticket in storm}) == 1

    again = [request()]
    time.sleep(0.005)
    again.append(request())

    assert [ticket.joined for ticket in again] == [False, True]
    assert len({ticket.wait(10).id for ticket in again}) == 1
    assert peers.asked["catalogue-produit"] == 3
