"""Whoever changes rows sees the change: rows are published before a run is announced as ended."""

from __future__ import annotations

import json
import shutil
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from ecommerce_core.application import Application
from ecommerce_core.companion.health import PeerErrors, check
from ecommerce_core.datasets import DATASETS, PRODUCTS
from ecommerce_core.domain import Query, Run, RunStatus, Totals, Trigger
from ecommerce_core.domain.access import LOCAL_OPERATOR
from ecommerce_core.scheduler import DeliveryWriter
from ecommerce_core.settings import Settings
from ecommerce_core.storage import SnapshotCode
from ecommerce_core.sync import worker
from tests.support.peers import Peers, product, products
from tests.support.rows import put
from tests.support.waiting import until

ROOT = Path(__file__).parents[3]


def sync(application: Application) -> Run:
    return application.request_sync("products", actor=LOCAL_OPERATOR, trigger=Trigger.MANUAL).wait(
        20
    )


def state_of(application: Application) -> tuple[SnapshotCode, str | None]:
    state = application.reader.state(PRODUCTS)
    return state.code, state.error_code


def remove(folder: Path) -> None:
    """Remove a folder that may be written to: rename it first, so that its name is free at once."""
    aside = folder.with_name(f"{folder.name}.aside")
    folder.rename(aside)
    shutil.rmtree(aside, ignore_errors=True)


@pytest.fixture
def looks_often(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(worker, "LOOK_EVERY_S", 0.02)


@pytest.fixture
def restarted(settings: Settings, peers: Peers) -> Iterator[Application]:
    """Yield an application that has not started yet, on the database of another."""
    running = Application.open(settings, gateway_url=peers.url)
    yield running
    running.stop(timeout_s=5)
    running.close()


def test_whoever_hears_of_a_run_reads_its_rows(application: Application, peers: Peers) -> None:
    seen: list[int] = []
    application.run_observers.append(
        lambda run: seen.append(application.reader.count_rows(PRODUCTS, Query()))
    )
    for count in (30, 40, 50):
        peers.serve_products(products(count))
        sync(application)
        assert application.reader.count_rows(PRODUCTS, Query()) == count

    application.clear("products", actor=LOCAL_OPERATOR, trigger=Trigger.MANUAL)
    assert application.reader.totals(PRODUCTS) == Totals(current=0, withdrawn=0)
    application.undo_clear("products", actor=LOCAL_OPERATOR, trigger=Trigger.MANUAL)
    assert application.reader.totals(PRODUCTS).current == 50

    assert seen == [30, 40, 50, 0, 50]


def test_a_held_answer_is_read_once_it_is_confirmed(application: Application, peers: Peers) -> None:
    peers.serve_products(products(30))
    sync(application)
    peers.serve_products(products(5))
    held = sync(application)
    assert held.status is RunStatus.HELD
    assert application.reader.totals(PRODUCTS).current == 30

    application.confirm(held.id, actor=LOCAL_OPERATOR, trigger=Trigger.MANUAL).wait(20)

    assert application.reader.totals(PRODUCTS) == Totals(current=5, withdrawn=25)


def test_a_run_that_changes_no_row_writes_no_snapshot(
    application: Application, peers: Peers
) -> None:
    peers.serve_products(products(30))
    sync(application)
    files = application.snapshots.list_files(PRODUCTS)
    version = application.reader.state(PRODUCTS).shown

    assert sync(application).status is RunStatus.UNCHANGED
    peers.serve_products(list(reversed(products(30))))
    run = sync(application)

    assert (run.status, run.counts.unchanged) == (RunStatus.SUCCEEDED, 30)
    assert application.snapshots.list_files(PRODUCTS) == files
    assert application.reader.state(PRODUCTS).shown == version
    assert state_of(application) == (SnapshotCode.CURRENT, None)


def test_what_a_kill_kept_from_readers_is_published_at_the_next_start(
    restarted: Application,
) -> None:
    put(restarted.store, products(30))
    restarted.snapshots.publish(PRODUCTS)
    # The state after a kill between the commit and the publication.
    put(restarted.store, products(40))
    assert restarted.reader.totals(PRODUCTS).current == 30
    assert state_of(restarted) == (SnapshotCode.BEHIND, None)

    restarted.start(watch=False)

    until(lambda: restarted.reader.totals(PRODUCTS).current == 40)
    assert state_of(restarted) == (SnapshotCode.CURRENT, None)


@pytest.mark.usefixtures("looks_often")
@pytest.mark.parametrize("is_there", [True, False])
def test_a_running_server_repairs_what_another_process_left(
    application: Application, *, is_there: bool
) -> None:
    put(application.store, products(30))
    until(lambda: state_of(application) == (SnapshotCode.CURRENT, None))
    assert application.reader.totals(PRODUCTS).current == 30

    put(application.store, products(40))
    if not is_there:
        remove(application.snapshots.folder)

    until(lambda: state_of(application) == (SnapshotCode.CURRENT, None))
    assert application.reader.totals(PRODUCTS).current == 40


@pytest.mark.usefixtures("looks_often")
def test_a_snapshot_that_cannot_be_written_fails_no_run_and_is_tried_again(
    application: Application, peers: Peers
) -> None:
    peers.serve_products(products(30))
    sync(application)
    folder = application.snapshots.folder
    application.reader.close()
    remove(folder)
    folder.write_bytes(b"in the way")

    peers.serve_products(products(40))
    run = sync(application)

    assert (run.status, run.counts.added) == (RunStatus.SUCCEEDED, 10)
    assert state_of(application) == (SnapshotCode.PREPARING, "not_written")
    journal = DeliveryWriter(application.store.record_deliveries)
    journal.start()
    health = check(
        application.store,
        application.gateway,
        application.reader,
        datasets=DATASETS.values(),
        workers=application.workers_alive(),
        locks=application.locks_usable(),
        journal=journal,
        peer_errors=PeerErrors(),
        registration=application.registration.state,
        backups=application.backups.state,
        server={},
        alerts=application.alerts.current(),
        scheduler=application.monitor.snapshot(),
    )
    journal.stop()
    assert health.is_ready
    assert [alert["code"] for alert in health.alerts] == ["snapshot_behind"]
    assert health.snapshots["products"] == {"state": "preparing", "error": "not_written"}

    folder.unlink()

    until(lambda: state_of(application) == (SnapshotCode.CURRENT, None))
    assert application.reader.totals(PRODUCTS).current == 40


def test_what_the_command_line_does_is_seen_by_a_running_server(
    application: Application, peers: Peers, settings: Settings
) -> None:
    peers.serve_products([product(n) for n in range(30)])
    environment = {
        "ECOMMERCE_DATABASE": str(settings.database),
        "ECOMMERCE_GATEWAY_URL": peers.url,
    }

    def run(*command: str) -> str:
        done = subprocess.run(
            [sys.executable, "-m", "ecommerce_core", *command],
            cwd=ROOT,
            env=environment,
            capture_output=True,
            text=True,
            check=True,
            timeout=60,
        )
        return done.stdout

    run("sync", "products")
    assert application.reader.totals(PRODUCTS).current == 30
    run("clear", "products", "--yes")
    assert application.reader.totals(PRODUCTS).current == 0
    run("undo", "products")
    assert application.reader.totals(PRODUCTS).current == 30
    assert json.loads(run("status", "--json"))["datasets"]["products"]["rows"] == 30
    assert state_of(application) == (SnapshotCode.CURRENT, None)


def test_a_server_that_is_told_to_stop_ends_though_a_snapshot_is_being_written(
    application: Application, peers: Peers
) -> None:
    peers.serve_products(products(30_000))
    ticket = application.request_sync("products", actor=LOCAL_OPERATOR, trigger=Trigger.MANUAL)
    until(lambda: application.store.totals(PRODUCTS).current == 30_000)

    application.stop(timeout_s=0)

    assert ticket.wait(10).status is RunStatus.SUCCEEDED
    assert not any(application.workers_alive().values())
    left = [path.name for path in application.snapshots.folder.iterdir() if path.is_file()]
    assert [name for name in left if name.endswith(".part")] == []
