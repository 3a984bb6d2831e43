"""Each alert, provoked for real: the message as a service receives it, and its all clear."""

from __future__ import annotations

import os
import shutil
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import PlainTextResponse, Response
from starlette.routing import Route

from ecommerce_core.alerts import FactSource
from ecommerce_core.alerts.facts import Fault, StoreFault
from ecommerce_core.application import Application
from ecommerce_core.datasets import DATASETS
from ecommerce_core.domain import (
    Action,
    Outcome,
    Recurrence,
    Run,
    Trigger,
)
from ecommerce_core.domain.access import LOCAL_OPERATOR
from ecommerce_core.gateway import Registration
from ecommerce_core.settings import Settings
from ecommerce_core.storage import BackupSchedule, NewRun, Reader, Snapshots, to_text
from tests.support.callback_app import CallbackApp
from tests.support.companion_server import Served
from tests.support.peers import Peers, products
from tests.support.receivers import Webhook
from tests.support.rig import Rig, rigged
from tests.support.server import free_port
from tests.support.waiting import until
from tests.support.watched import Watched

HOUR = timedelta(hours=1)


@pytest.fixture
def hook() -> Iterator[Webhook]:
    with Webhook() as running:
        yield running


@contextmanager
def running(settings: Settings, url: str) -> Iterator[Application]:
    app = Application.open(settings, gateway_url=url)
    app.start(watch=False)
    try:
        yield app
    finally:
        app.stop(timeout_s=5)
        app.close()


@pytest.fixture
def watched(application: Application, peers: Peers, hook: Webhook) -> Watched:
    """A shop with 40 products, of which all is well."""
    peers.serve_products(products(40))
    fetch(application)
    watched = Watched(application.facts, hook, application.leader)
    assert watched.look() == []
    return watched


def fetch(app: Application, name: str = "products") -> Run:
    return app.request_sync(name, actor=LOCAL_OPERATOR, trigger=Trigger.MANUAL).wait(20)


def test_a_fetch_that_failed(application: Application, peers: Peers, watched: Watched) -> None:
    body = peers.bodies.pop("catalogue-produit")
    fetch(application)
    watched.told_of("The last fetch failed: products")
    assert watched.hook.posts[0]["type"] == "failure"
    peers.bodies["catalogue-produit"] = body
    fetch(application)
    watched.cleared("The last fetch failed: products")


def test_a_fetch_that_was_cut(application: Application, watched: Watched) -> None:
    application.store.begin_run(NewRun("products", Action.SYNC, Trigger.MANUAL))
    application.store.interrupt_stale_runs("products")
    watched.told_of("The last fetch was interrupted: products")
    fetch(application)
    watched.cleared("The last fetch was interrupted: products")


def test_an_answer_that_is_held(application: Application, peers: Peers, watched: Watched) -> None:
    peers.serve_products(products(3))
    held = fetch(application)
    watched.told_of("A fetch is held: products")
    application.discard(held.id, actor=LOCAL_OPERATOR)
    watched.cleared("A fetch is held: products")


def test_rejected_records_are_for_who_asks_for_all(
    application: Application, peers: Peers, watched: Watched
) -> None:
    peers.serve_products([*products(40), {"codeProduit": 3}])
    fetch(application)
    assert watched.look() == []
    assert [alert.code for alert in watched.watch.newest()] == ["records_rejected"]


def test_data_that_is_older_than_it_may_be(settings: Settings, peers: Peers, hook: Webhook) -> None:
    peers.serve_products(products(40))
    with running(replace(settings, max_age_h=1), peers.url) as app:
        run = fetch(app)
        watched = Watched(app.facts, hook, app.leader)
        assert watched.look() == []
        with app.store.writing() as db:
            at = to_text(datetime.now(UTC) - 2 * HOUR)
            db.execute("UPDATE run SET finished_at = ? WHERE id = ?", [at, run.id])
        watched.told_of("No recent fetch: products")
        fetch(app)
        watched.cleared("No recent fetch: products")


def test_a_peer_that_is_down(settings: Settings, hook: Webhook) -> None:
    is_down = True

    async def answer(request: Request) -> Response:
        if is_down:
            return PlainTextResponse("hunter2", 500)
        return PlainTextResponse('{"produits": []}', media_type="application/json")

    with (
        Served(Starlette(routes=[Route("/{_:path}", answer)])) as served,
        running(settings, served.url) as app,
    ):
        watched = Watched(app.facts, hook, app.leader)
        fetch(app)
        watched.told_of("The last fetch failed: products")
        assert [alert.code for alert in watched.watch.newest()] == ["peer_down"]
        # What a peer said is told to nobody.
        assert "hunter2" not in str(hook.posts)
        is_down = False
        fetch(app)
        watched.cleared("The last fetch failed: products")


def test_a_gateway_that_is_down_is_one_message(settings: Settings, hook: Webhook) -> None:
    with running(settings, f"http://127.0.0.1:{free_port()}") as app:
        watched = Watched(app.facts, hook, app.leader)
        app.monitor.poll()
        fetch(app)
        fetch(app, "customers")
        watched.told_of("The gateway does not answer")
        assert len(watched.hook.posts) == 1


def test_a_scheduler_that_is_down(application: Application, watched: Watched) -> None:
    application.monitor.poll()  # the gateway has no route to one
    watched.told_of("The scheduler does not answer")


def test_a_registration_that_fails(settings: Settings, peers: Peers, hook: Webhook) -> None:
    away = replace(
        settings,
        gateway_admin_url=f"http://127.0.0.1:{free_port()}",
        public_url="http://127.0.0.1:8501",
    )
    with running(away, peers.url) as app:
        app.registration.start()
        until(lambda: app.registration.state.error)
        Watched(app.facts, hook, app.leader).told_of(
            "The gateway has no route to this application, so no callback can arrive"
        )


def test_a_backup_that_cannot_be_made(
    application: Application, watched: Watched, tmp_path: Path
) -> None:
    folder = tmp_path / "backups"
    folder.write_text("in the way")
    application.backups = BackupSchedule(
        application.store, folder, every=HOUR, keep=2, retry_s=0.05
    )
    application.backups.start()
    watched.told_of("No backup could be made")
    folder.unlink()
    watched.cleared("No backup could be made")


def test_a_snapshot_that_is_behind(
    application: Application, peers: Peers, watched: Watched
) -> None:
    folder = application.snapshots.folder
    application.reader.close()
    shutil.rmtree(folder)
    folder.write_bytes(b"in the way")
    peers.serve_products(products(41))
    fetch(application)
    watched.told_of("The newest rows cannot be shown: products")
    folder.unlink()
    watched.cleared("The newest rows cannot be shown: products")


def test_a_message_service_that_takes_nothing_is_told_by_another(
    settings: Settings, peers: Peers, hook: Webhook
) -> None:
    with Webhook() as dead:
        dead.status = 500
        told = replace(settings, alert_urls=(dead.url,))
        with running(told, peers.url) as app:
            watched = Watched(app.facts, hook, app.leader)
            assert app.messenger.send_test() == {"json (1)": False}
            watched.told_of("A message service takes no messages: json (1)")
            dead.status = 200
            assert app.messenger.send_test() == {"json (1)": True}
            watched.cleared("A message service takes no messages: json (1)")


def test_a_store_that_is_damaged(application: Application, watched: Watched) -> None:
    application.store.path.write_bytes(b"garbage" * 1_000)
    watched.told_of("The database is damaged")


@pytest.fixture
def small_disk(tmp_path: Path) -> Iterator[Path]:
    folder, mount = tmp_path / "disk", shutil.which("mount")
    folder.mkdir()
    command = [mount or "", "-t", "tmpfs", "-o", "size=4m", "tmpfs", str(folder)]
    if mount is None or os.geteuid() != 0 or subprocess.run(command, check=False).returncode:
        pytest.skip("no small disk can be mounted here")
    yield folder
    subprocess.run(["umount", "-l", str(folder)], check=True)


def test_a_disk_that_is_full(
    settings: Settings, small_disk: Path, peers: Peers, hook: Webhook
) -> None:
    with running(replace(settings, database=small_disk / "shop.db"), peers.url) as app:
        watched = Watched(app.facts, hook, app.leader)
        assert watched.look() == []
        filler = small_disk / "filler"
        with filler.open("wb", buffering=0) as file, suppress(OSError):
            while True:
                file.write(bytes(4_096))
        watched.told_of("The disk is full")
        filler.unlink()
        watched.cleared("The disk is full")


@contextmanager
def read_only(folder: Path) -> Iterator[None]:
    """Lay a folder over itself that may only be read."""
    subprocess.run(["mount", "--bind", str(folder), str(folder)], check=True)
    remount = ["mount", "-o", "remount,bind,ro", str(folder)]
    # It is busy while a file in it is open to be written to.
    until(lambda: subprocess.run(remount, check=False, capture_output=True).returncode == 0)
    try:
        yield
    finally:
        subprocess.run(["umount", "-l", str(folder)], check=True)


def test_a_disk_that_may_only_be_read(
    settings: Settings, small_disk: Path, peers: Peers, hook: Webhook
) -> None:
    with running(replace(settings, database=small_disk / "shop.db"), peers.url) as app:
        watched = Watched(app.facts, hook, app.leader)
        assert watched.look() == []
        with read_only(small_disk):
            watched.told_of("The database cannot be written to")
        watched.cleared("The database cannot be written to")


@pytest.fixture
def app_of_callbacks() -> Iterator[CallbackApp]:
    with CallbackApp() as running:
        yield running


def facts_of(rig: Rig, settings: Settings) -> FactSource:
    return FactSource(
        rig.store,
        Reader(Snapshots(rig.store.path, rig.store)),
        rig.monitor,
        lambda: BackupSchedule(rig.store, None, every=HOUR, keep=1),
        Registration(settings),
        DATASETS,
        "e-commerce",
        timedelta(seconds=rig.grace_s),
    )


def watched_rig(rig: Rig, hook: Webhook, settings: Settings) -> Watched:
    return Watched(facts_of(rig, settings), hook, rig.leader)


def test_a_monitor_that_waits_for_the_database_accuses_no_scheduler(
    app_of_callbacks: CallbackApp,
    tmp_path: Path,
    settings: Settings,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr("ecommerce_core.alerts.gather.SILENT_AFTER", timedelta(0))
    with rigged(app_of_callbacks, tmp_path) as rig:
        facts = facts_of(rig, settings)
        rig.monitor.poll()
        until(lambda: facts.gather().scheduler.fault is Fault.PEER)

        facts.store_fault = StoreFault.UNUSABLE

        assert facts.gather().scheduler.fault is None


def test_a_recurring_task_that_is_missed(
    app_of_callbacks: CallbackApp, tmp_path: Path, hook: Webhook, settings: Settings
) -> None:
    with rigged(app_of_callbacks, tmp_path) as rig:
        watched = watched_rig(rig, hook, settings)
        rig.sandbox.app_url = None
        rig.add(DATASETS["products"], HOUR, Recurrence.HOUR)
        rig.monitor.poll()
        rig.tick()
        rig.poll_after_grace()
        watched.told_of("A recurring task was missed: get_products")
        rig.sandbox.app_url = rig.app.url
        rig.tick()
        rig.poll_after_grace()
        watched.cleared("A recurring task was missed: get_products")


def test_a_recurring_task_that_is_refused(
    tmp_path: Path, hook: Webhook, settings: Settings
) -> None:
    def outcome(number: int) -> Outcome:
        return Outcome.REFUSED if number == 1 else Outcome.EXECUTED

    with CallbackApp(outcome=outcome) as app, rigged(app, tmp_path) as rig:
        watched = watched_rig(rig, hook, settings)
        rig.add(DATASETS["products"], HOUR, Recurrence.HOUR)
        rig.monitor.poll()
        rig.tick()
        rig.poll_after_grace()
        watched.told_of("A recurring task is refused: get_products")
        rig.tick()
        rig.poll_after_grace()
        watched.cleared("A recurring task is refused: get_products")


def test_a_recurring_task_that_takes_too_long_three_times_in_a_row(
    app_of_callbacks: CallbackApp, tmp_path: Path, hook: Webhook, settings: Settings
) -> None:
    with rigged(app_of_callbacks, tmp_path) as rig:
        watched = watched_rig(rig, hook, settings)
        rig.sandbox.scheduler.set_speed(36_000)  # an hour passes in 100 ms
        rig.add(DATASETS["products"], HOUR, Recurrence.HOUR)
        rig.monitor.poll()
        app_of_callbacks.takes_s = 0.15
        rig.tick(3)
        rig.poll_after_grace()
        watched.told_of("A recurring task keeps coming late: get_products")
        app_of_callbacks.takes_s = 0
        rig.sandbox.scheduler.set_speed(3_600)
        rig.tick(2)
        rig.poll_after_grace()
        watched.cleared("A recurring task keeps coming late: get_products")


def test_a_clock_that_stands_still(
    app_of_callbacks: CallbackApp, tmp_path: Path, hook: Webhook, settings: Settings
) -> None:
    with rigged(app_of_callbacks, tmp_path) as rig:
        watched = watched_rig(rig, hook, settings)
        rig.monitor.poll()
        until(lambda: rig.monitor.poll() and rig.monitor.snapshot().standing_still_since)
        watched.told_of("The simulated clock stands still")
        rig.tick()
        watched.cleared("The simulated clock stands still")


def test_tasks_that_the_scheduler_lost(
    app_of_callbacks: CallbackApp, tmp_path: Path, hook: Webhook, settings: Settings
) -> None:
    with rigged(app_of_callbacks, tmp_path) as rig:
        watched = watched_rig(rig, hook, settings)
        rig.add(DATASETS["products"], HOUR, Recurrence.HOUR)
        rig.tick(2)
        assert watched.look() == []
        rig.post("reset")
        rig.monitor.poll()
        rig.monitor.poll()
        watched.told_of("Tasks were lost: products")
        rig.add(DATASETS["products"], HOUR, Recurrence.HOUR)
        rig.monitor.poll()
        watched.cleared("Tasks were lost: products")
