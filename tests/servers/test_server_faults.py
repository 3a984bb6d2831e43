"""A server is killed, stopped or cut off, or the database is: nothing lost, twice or torn.

The database is away for three seconds in a normal run; by hand for longer:
``OUTAGE_S=30 python -m pytest tests/servers/test_server_faults.py -k away``.
"""

from __future__ import annotations

import os
import signal
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from pathlib import Path
from urllib.parse import quote

import pytest

from ecommerce_core.application import Application
from ecommerce_core.datasets import PRODUCTS
from ecommerce_core.domain import (
    AlertCode,
    Query,
    Run,
    RunStatus,
    StoreBusy,
    StoreError,
    StoreIncompatible,
    Trigger,
)
from ecommerce_core.domain.access import LOCAL_OPERATOR
from ecommerce_core.storage import Store, open_store
from tests.servers.conftest import StartServer
from tests.support.child import Child
from tests.support.cutting_proxy import Cut, CuttingProxy
from tests.support.peers import Peers, products
from tests.support.postgresql import PostgresqlServer
from tests.support.waiting import until

OUTAGE_S = float(os.environ.get("OUTAGE_S", "3"))
StartChild = Callable[..., Child]
# Shorter than ours, and longer than a heart takes to beat.
_OPTIONS = "-c idle_session_timeout=5s -c idle_in_transaction_session_timeout=5s"
IMPATIENT = f"&options={quote(_OPTIONS)}"


@pytest.fixture
def start_child(database: str, peers: Peers, tmp_path: Path) -> Iterator[StartChild]:
    with ExitStack() as stack:

        def start(*, hold: str = "", options: str = "", url: str = database) -> Child:
            child = Child(url + options, peers.url, tmp_path / "child", hold=hold)
            return stack.enter_context(child)

        yield start


def sync(application: Application) -> Run:
    handle = application.request_sync("products", actor=LOCAL_OPERATOR, trigger=Trigger.MANUAL)
    return handle.wait()


def prices(store: Store) -> tuple[int, int, int]:
    """How many rows there are, and the least and the greatest price: of one answer, or torn."""
    with store.reading() as db:
        found: tuple[int, int, int] = db.execute(
            "SELECT count(*), min(price_cents), max(price_cents) FROM product"
        ).fetchone()
    return found


def statuses(store: Store) -> list[str]:
    return [run.status.value for run in reversed(store.list_runs())]


def test_a_server_killed_while_it_downloads_leaves_the_dataset_to_the_other(
    start_server: StartServer, start_child: StartChild, peers: Peers
) -> None:
    other = start_server()
    child = start_child()
    peers.gate.clear()
    child.say("sync")
    until(lambda: peers.asked["catalogue-produit"] == 1)
    handle = other.request_sync("products", actor=LOCAL_OPERATOR, trigger=Trigger.CALLBACK)

    child.kill()
    peers.gate.set()

    assert handle.wait(20).status is RunStatus.SUCCEEDED
    assert statuses(other.store) == ["interrupted", "succeeded"]
    assert prices(other.store) == (30, 100, 100)


def test_a_server_killed_while_it_writes_leaves_the_rows_as_they_were(
    start_server: StartServer, start_child: StartChild, peers: Peers
) -> None:
    other = start_server()
    sync(other)
    peers.serve_products(products(40, price=7))
    child = start_child(hold="writing")
    child.say("sync")
    child.wait_for("writing")

    child.kill()

    assert prices(other.store) == (30, 100, 100)
    assert sync(other).status is RunStatus.SUCCEEDED
    assert prices(other.store) == (40, 7, 7)
    assert statuses(other.store) == ["succeeded", "interrupted", "succeeded"]


def test_a_server_killed_between_its_commit_and_the_answer_has_stored_it_once(
    start_server: StartServer,
    start_child: StartChild,
    peers: Peers,
    database: str,
    postgresql: PostgresqlServer,
) -> None:
    other = start_server()
    with CuttingProxy(postgresql.port) as proxy:
        child = start_child(url=postgresql.tcp(database, port=proxy.port))
        peers.gate.clear()
        child.say("sync")
        until(lambda: peers.asked["catalogue-produit"] == 1)
        proxy.cut_at("silence instead of its answer")
        peers.gate.set()
        assert proxy.has_cut.wait(20)

        child.kill()

    assert prices(other.store) == (30, 100, 100)
    assert sync(other).status is RunStatus.UNCHANGED
    assert statuses(other.store) == ["succeeded", "unchanged"]
    until(lambda: other.reader.count_rows(PRODUCTS, Query()) == 30)


@pytest.mark.parametrize(
    ("moment", "is_stored"), [("before its answer", True), ("before COMMIT", False)]
)
def test_a_commit_whose_answer_was_lost_is_looked_up_before_it_is_believed(
    start_server: StartServer,
    peers: Peers,
    database: str,
    postgresql: PostgresqlServer,
    *,
    moment: Cut,
    is_stored: bool,
) -> None:
    with CuttingProxy(postgresql.port) as proxy:
        one = start_server(watch=False, url=postgresql.tcp(database, port=proxy.port))
        peers.gate.clear()
        handle = one.request_sync("products", actor=LOCAL_OPERATOR, trigger=Trigger.MANUAL)
        until(lambda: peers.asked["catalogue-produit"] == 1)
        proxy.cut_at(moment)
        peers.gate.set()

        if is_stored:
            assert handle.wait(40).status is RunStatus.SUCCEEDED
        else:
            with pytest.raises(StoreError):
                handle.wait(40)

        assert proxy.has_cut.is_set()
        assert prices(one.store)[0] == (30 if is_stored else 0)
        again = sync(one)
        assert again.status is (RunStatus.UNCHANGED if is_stored else RunStatus.SUCCEEDED)
        assert statuses(one.store)[0] == ("succeeded" if is_stored else "interrupted")
        one.stop(timeout_s=5)
        one.close()


@pytest.mark.parametrize("where", ["downloading", "writing"])
def test_a_server_that_was_stopped_for_too_long_stores_nothing_late(
    start_server: StartServer, start_child: StartChild, peers: Peers, where: str
) -> None:
    other = start_server()
    child = start_child(hold=where, options=IMPATIENT)
    if where == "downloading":
        peers.gate.clear()
        child.say("sync")
        until(lambda: peers.asked["catalogue-produit"] == 1)
    else:
        child.say("sync")
        child.wait_for("writing")
    child.signal(signal.SIGSTOP)
    peers.gate.set()
    peers.serve_products(products(31, price=9))

    run = other.request_sync("products", actor=LOCAL_OPERATOR, trigger=Trigger.MANUAL).wait(40)
    child.signal(signal.SIGCONT)
    child.say("go on")

    assert run.counts.added == 31
    assert child.wait_for("StoreError", "succeeded", "partial", "failed") == "StoreError"
    assert prices(other.store) == (31, 9, 9)
    assert statuses(other.store) == ["interrupted", "succeeded"]


def test_a_database_that_is_away_for_a_while_amid_a_sync_loses_that_sync_alone(
    start_server: StartServer, peers: Peers, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("ecommerce_core.storage.postgresql.pool.PATIENCE_S", 1.0)
    with PostgresqlServer() as own:
        url = own.new_database()
        one, other = start_server(url=url), start_server(url=url)
        sync(one)
        until(lambda: other.reader.count_rows(PRODUCTS, Query()) == 30)
        assert not _is_alarmed(one)
        peers.serve_products(products(35, price=3))
        peers.gate.clear()
        handle = one.request_sync("products", actor=LOCAL_OPERATOR, trigger=Trigger.MANUAL)
        until(lambda: peers.asked["catalogue-produit"] == 2)

        own.stop(signal.SIGQUIT)
        back_at_s = time.monotonic() + OUTAGE_S
        peers.gate.set()
        with pytest.raises(StoreError):
            handle.wait(60)
        # Who asks meanwhile is told, and nothing of it runs later.
        while time.monotonic() < back_at_s or not (_is_alarmed(one) and _is_alarmed(other)):
            for server in (one, other):
                with pytest.raises(StoreError):
                    sync(server)
                # Readers need no database, even the first one: they read what they have.
                assert server.reader.count_rows(PRODUCTS, Query()) == 30
        own.start()

        until(lambda: _answers(one.store) and _answers(other.store))
        until(lambda: not _is_alarmed(one) and not _is_alarmed(other))
        assert sync(other).status is RunStatus.SUCCEEDED
        assert prices(one.store) == (35, 3, 3)
        assert statuses(one.store) == ["succeeded", "interrupted", "succeeded"]
        until(lambda: one.reader.count_rows(PRODUCTS, Query()) == 35)
        until(lambda: one.leader.leads or other.leader.leads)
        for server in (one, other):
            server.stop(timeout_s=5)
            server.close()


def _is_alarmed(server: Application) -> bool:
    """Whether pages and healthz of a server say that the database cannot be used."""
    server.alerts.look()
    return AlertCode.STORE_UNUSABLE in {alert.code for alert in server.alerts.newest()}


def _answers(store: Store) -> bool:
    try:
        store.check_writable()
    except StoreError:
        return False
    return True


def test_a_server_whose_connections_are_all_in_use_says_that_it_is_busy(
    database: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("ecommerce_core.storage.postgresql.pool.MOST_CONNECTIONS", 2)
    monkeypatch.setattr("ecommerce_core.storage.postgresql.pool.PATIENCE_S", 0.2)
    store = open_store(tmp_path / "shop", url=database, server_id="one")
    release, are_held = threading.Event(), threading.Barrier(3)

    def hold() -> None:
        with store.reading():
            are_held.wait(20)
            release.wait(20)

    holders = [threading.Thread(target=hold) for _ in range(2)]
    for holder in holders:
        holder.start()
    are_held.wait(20)

    with pytest.raises(StoreBusy):
        store.newest_run_id()
    release.set()
    for holder in holders:
        holder.join(20)

    assert store.newest_run_id() == 0
    store.close()


def test_an_older_version_is_refused_by_a_database_that_a_newer_one_has_migrated(
    database: str, tmp_path: Path
) -> None:
    running = open_store(tmp_path / "shop", url=database, server_id="one")
    with running.writing() as db:
        db.execute("INSERT INTO schema_migration VALUES ('m999_of_tomorrow', '2030')")

    with pytest.raises(StoreIncompatible) as caught:
        open_store(tmp_path / "other", url=database, server_id="other")

    assert caught.value.details["newer"] == "m999_of_tomorrow"
    with pytest.raises(StoreIncompatible):
        running.lock("products").acquire(timeout_s=0)
    with pytest.raises(StoreIncompatible):
        running.check_sound()
    running.close()
