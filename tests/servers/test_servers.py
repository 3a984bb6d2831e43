"""Sharing among servers with one database: syncs, progress, changes, sign-outs, the leader."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from ecommerce_core.application import Application
from ecommerce_core.companion.health import describe_server
from ecommerce_core.datasets import PRODUCTS
from ecommerce_core.domain import Query, Run, Stage, StoreIncompatible, SyncBusy, Trigger
from ecommerce_core.domain.access import LOCAL_OPERATOR
from ecommerce_core.domain.signed_links import Grant
from ecommerce_core.settings import Settings
from ecommerce_core.storage import open_store
from tests.servers.conftest import StartServer
from tests.support.notes import NOTES, WITH_NOTES, note, serve_notes
from tests.support.peers import Peers, products
from tests.support.postgresql import PostgresqlServer
from tests.support.waiting import until


def sync(application: Application) -> Run:
    handle = application.request_sync("products", actor=LOCAL_OPERATOR, trigger=Trigger.MANUAL)
    return handle.wait()


def shown(application: Application) -> int:
    return application.reader.count_rows(PRODUCTS, Query())


def test_what_one_server_fetched_is_on_the_pages_of_the_other(start_server: StartServer) -> None:
    one, other = start_server(), start_server()
    until(lambda: "products" in other.live.state().versions)
    versions = other.live.state().versions["products"]

    run = sync(one)

    assert run.counts.added == 30
    assert shown(one) == 30
    until(lambda: shown(other) == 30, timeout_s=5)
    until(lambda: other.live.state().versions["products"] > versions, timeout_s=5)
    assert one.snapshots.folder != other.snapshots.folder


def test_who_asks_on_another_server_while_a_sync_runs_shares_the_next(
    start_server: StartServer, peers: Peers
) -> None:
    one, other = start_server(), start_server()
    peers.gate.clear()
    first = one.request_sync("products", actor=LOCAL_OPERATOR, trigger=Trigger.MANUAL)
    until(lambda: peers.asked["catalogue-produit"] == 1)
    handles = [
        server.request_sync("products", actor=LOCAL_OPERATOR, trigger=Trigger.CALLBACK)
        for server in (one, other, other)
    ]
    peers.gate.set()

    ids = {handle.wait().id for handle in handles}

    assert first.wait().id not in ids
    assert len(ids) <= 2
    assert peers.asked["catalogue-produit"] == 1 + len(ids)
    statuses = {run.status.value for run in one.store.list_runs()}
    assert statuses == {"succeeded", "unchanged"}


def test_a_run_is_seen_on_every_server_while_it_is_under_way(
    start_server: StartServer, peers: Peers
) -> None:
    one, other = start_server(), start_server()
    peers.gate.clear()
    handle = one.request_sync("products", actor=LOCAL_OPERATOR, trigger=Trigger.MANUAL)

    def stage() -> Stage | None:
        progress = other.progress("products")
        return None if progress is None else progress.stage

    until(lambda: stage() is Stage.DOWNLOADING, timeout_s=10)
    until(lambda: other.live.state().progress, timeout_s=10)
    with pytest.raises(SyncBusy):
        other.clear("products", actor=LOCAL_OPERATOR, trigger=Trigger.MANUAL)
    peers.gate.set()
    handle.wait()
    until(lambda: other.progress("products") is None, timeout_s=10)


def test_one_server_watches_the_scheduler_and_another_takes_over(
    start_server: StartServer,
) -> None:
    one = start_server()
    until(lambda: one.leader.leads)
    other = start_server()
    until(lambda: other.monitor.snapshot().list_error is not None)

    assert describe_server(other) == {
        "id": other.server_id,
        "leads": False,
        "leader": one.server_id,
    }
    one.stop(timeout_s=5)
    until(lambda: other.leader.leads, timeout_s=15)
    assert other.leading_server() == other.server_id


def test_a_sign_in_that_was_ended_on_one_server_opens_nothing_on_the_other(
    start_server: StartServer,
) -> None:
    one, other = start_server(), start_server()
    claims = {"iss": "x", "sub": "ada", "iat": 1, "nonce": "n"}

    one.sign_outs.end(claims)

    until(lambda: other.sign_outs.is_ended(claims), timeout_s=5)


def test_a_change_is_heard_again_after_the_listening_line_was_cut(
    start_server: StartServer, postgresql: PostgresqlServer
) -> None:
    one, other = start_server(), start_server()
    listeners = "FROM pg_stat_activity WHERE application_name LIKE '%listens'"
    cut = f"SELECT pg_terminate_backend(pid) {listeners}"
    until(lambda: len(postgresql.ask(cut)) >= 2)

    sync(one)

    until(lambda: shown(other) == 30, timeout_s=5)


def test_messages_that_are_not_of_this_version_cut_no_listening_line(
    start_server: StartServer, postgresql: PostgresqlServer, caplog: pytest.LogCaptureFixture
) -> None:
    one, other = start_server(), start_server()
    listeners = "SELECT pid FROM pg_stat_activity WHERE application_name LIKE '%listens' ORDER BY 1"
    until(lambda: len(postgresql.ask(listeners)) >= 2)
    before = postgresql.ask(listeners)

    postgresql.ask("SELECT pg_notify('ecommerce', 'of somebody else')")
    one.store.notify('{"dataset":"products","progress":{"of":"another version"}}')
    sync(one)

    until(lambda: shown(other) == 30, timeout_s=5)
    assert postgresql.ask(listeners) == before
    assert "could not be taken in" not in caplog.text


def test_progress_of_a_server_that_was_killed_is_forgotten(
    start_server: StartServer, monkeypatch: pytest.MonkeyPatch, peers: Peers
) -> None:
    monkeypatch.setattr("ecommerce_core.live.other_servers.FORGOTTEN_AFTER_S", 0.5)
    one, other = start_server(watch=False), start_server()
    message = (
        '{"dataset":"products","progress":{"dataset":"products","trigger":"manual",'
        '"stage":"downloading","run_id":1,"bytes_done":5,"bytes_total":null,"records":0,'
        '"elapsed_s":1.0}}'
    )

    def is_heard() -> bool:
        one.store.notify(message)
        return other.progress("products") is not None

    until(is_heard, timeout_s=5)
    until(lambda: other.progress("products") is None, timeout_s=5)


def test_many_changes_of_two_servers_leave_one_consistent_dataset(
    start_server: StartServer, peers: Peers
) -> None:
    one, other = start_server(), start_server()
    for price in range(1, 6):
        peers.serve_products(products(30, price=price))
        handles = [
            server.request_sync("products", actor=LOCAL_OPERATOR, trigger=Trigger.MANUAL)
            for server in (one, other)
        ]
        for handle in handles:
            handle.wait()

    with other.store.reading() as db:
        prices = db.execute("SELECT DISTINCT price_cents FROM product").fetchall()
    assert prices == [(5,)]
    changed = [run for run in one.store.list_runs() if run.status.value == "succeeded"]
    assert len(changed) == 5


def test_a_dataset_that_brings_its_own_tables_is_kept_on_the_server_too(
    database: str, peers: Peers, tmp_path: Path
) -> None:
    open_store(tmp_path / "before", url=database).close()
    serve_notes(peers, [note(number) for number in range(24)])
    settings = Settings(database=tmp_path / "shop", database_url=database)
    server = Application.open(settings, gateway_url=peers.url, datasets=WITH_NOTES)
    server.start(watch=False)

    handle = server.request_sync("notes", actor=LOCAL_OPERATOR, trigger=Trigger.MANUAL)

    assert handle.wait(30).counts.added == 24
    assert server.reader.totals(NOTES).current == 24
    cleared = server.clear("notes", actor=LOCAL_OPERATOR, trigger=Trigger.MANUAL)
    assert cleared.counts.withdrawn == 24
    server.stop(timeout_s=5)
    server.close()
    # A version without that dataset is an older one.
    with pytest.raises(StoreIncompatible):
        open_store(tmp_path / "after", url=database)


def test_a_link_of_one_server_holds_on_the_other(
    database: str, peers: Peers, tmp_path: Path
) -> None:
    secret, now = "s3cret-of-all-servers", datetime.now(UTC)
    one, other = (
        Application.open(
            Settings(database=tmp_path / name, database_url=database),
            gateway_url=peers.url,
            sign_in_providers=("google",),
            link_secret=secret,
        )
        for name in "ab"
    )
    grant = Grant(LOCAL_OPERATOR, now + timedelta(minutes=5), "ada")

    ticket = one.links.sign("products.csv", grant=grant)

    assert other.links.check(ticket, "products.csv", now=now).sign_in == "ada"
    for server in (one, other):
        server.close()
