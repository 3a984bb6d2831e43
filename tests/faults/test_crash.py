"""Processes that end at the worst moments: in a COMMIT, with a lock, with a silent peer."""

from __future__ import annotations

import sqlite3
import subprocess
import sys
import time
from contextlib import closing
from pathlib import Path
from typing import NamedTuple

import pytest

from ecommerce_core.application import Application
from ecommerce_core.datasets import PRODUCTS
from ecommerce_core.domain import Action, RunStatus, SyncStopped, Trigger
from ecommerce_core.domain.access import LOCAL_OPERATOR
from ecommerce_core.settings import Settings
from ecommerce_core.storage import Store
from ecommerce_core.storage.sqlite.file import FIRST_SAFE_WAL
from tests.faults.victim import Victim
from tests.support.peers import Peers, products
from tests.support.waiting import until

ROOT = Path(__file__).resolve().parents[2]
ROWS = 1_000


class State(NamedTuple):
    rows: int
    price: int | None
    undoable: int


def state_of(store: Store) -> State:
    with store.reading() as db:
        rows, low, high = db.execute(
            "SELECT count(*), min(price_cents), max(price_cents) FROM product"
        ).fetchone()
    assert low == high
    return State(rows, low, store.undoable_rows(PRODUCTS))


FULL, CLEARED, SYNCED = State(ROWS, 1, 0), State(0, None, ROWS), State(ROWS, 2, 0)
# The states before and after each action.
EFFECTS = {
    "sync": (FULL, SYNCED),
    "clear": (FULL, CLEARED),
    "undo_clear": (CLEARED, FULL),
}


def start(settings: Settings, url: str) -> Application:
    application = Application.open(settings, gateway_url=url)
    application.start()
    return application


@pytest.mark.parametrize("moment", ["before", "half-way", "after"])
@pytest.mark.parametrize("action", EFFECTS)
def test_a_write_that_dies_is_there_as_a_whole_or_not_at_all(
    settings: Settings, peers: Peers, action: str, moment: str
) -> None:
    before, after = EFFECTS[action]
    peers.serve_products(products(ROWS, price=1))
    first = start(settings, peers.url)
    first.request_sync("products", actor=LOCAL_OPERATOR, trigger=Trigger.CLI).wait(20)
    if before == CLEARED:
        first.clear("products", actor=LOCAL_OPERATOR, trigger=Trigger.CLI)
    first.stop()
    assert state_of(first.store) == before
    peers.serve_products(products(ROWS, price=2))

    died = subprocess.run(
        [sys.executable, "-m", "tests.faults.die", settings.database, peers.url, action, moment],
        cwd=ROOT,
        check=False,
        timeout=30,
    )
    assert died.returncode == -9
    if moment == "half-way" and sqlite3.sqlite_version_info < FIRST_SAFE_WAL:
        assert Path(f"{settings.database}-journal").stat().st_size > 0

    second = start(settings, peers.url)
    try:
        assert state_of(second.store) == (after if moment == "after" else before)
        with closing(sqlite3.connect(settings.database)) as connection:
            assert connection.execute("PRAGMA integrity_check").fetchall() == [("ok",)]
        newest = second.store.last_run("products")
        assert newest is not None
        if moment == "after":
            assert (newest.action, newest.status) == (Action(action), RunStatus.SUCCEEDED)
        elif action == "sync":
            assert (newest.action, newest.status) == (Action.SYNC, RunStatus.INTERRUPTED)
        else:
            assert newest.action is not Action(action), "a clear is in the journal with its rows"
        # The application goes on: the same action again, then the others.
        if state_of(second.store) == CLEARED:
            assert (
                second.undo_clear(
                    "products", actor=LOCAL_OPERATOR, trigger=Trigger.CLI
                ).counts.returned
                == ROWS
            )
        second.request_sync("products", actor=LOCAL_OPERATOR, trigger=Trigger.CLI).wait(20)
        assert state_of(second.store) == SYNCED
        assert (
            second.clear("products", actor=LOCAL_OPERATOR, trigger=Trigger.CLI).counts.withdrawn
            == ROWS
        )
        assert (
            second.undo_clear("products", actor=LOCAL_OPERATOR, trigger=Trigger.CLI).counts.returned
            == ROWS
        )
        assert state_of(second.store) == SYNCED
    finally:
        second.stop()


def test_who_waits_for_a_process_that_is_killed_takes_over_and_says_what_became_of_it(
    application: Application, peers: Peers
) -> None:
    peers.serve_products(products(10, price=1))
    peers.gate.clear()
    victim = Victim()
    try:
        victim.start(application.store.path, peers.url)
        victim.wait_for("began")
        ticket = application.request_sync("products", actor=LOCAL_OPERATOR, trigger=Trigger.MANUAL)
        time.sleep(0.7)
        assert ticket.run_id() is None, "one sync at a time"
        (alive,) = application.store.list_runs()
        assert alive.status is RunStatus.RUNNING, "who is alive is not interrupted"
        victim.kill()
        peers.gate.set()
        run = ticket.wait(20)
    finally:
        peers.gate.set()
        victim.close()
    assert (run.status, run.counts.added) == (RunStatus.SUCCEEDED, 10)
    dead = application.store.run(alive.id)
    assert dead is not None
    assert dead.status is RunStatus.INTERRUPTED


def test_a_start_beside_a_process_that_syncs_does_not_interrupt_it(
    settings: Settings, peers: Peers
) -> None:
    peers.serve_products(products(10, price=1))
    peers.gate.clear()
    victim = Victim()
    try:
        victim.start(settings.database, peers.url)
        victim.wait_for("began")
        beside = start(settings, peers.url)
        beside.stop()
        assert [run.status for run in beside.store.list_runs()] == [RunStatus.RUNNING]
        peers.gate.set()
        victim.wait_for("done")
    finally:
        peers.gate.set()
        victim.close()
    assert [run.status for run in beside.store.list_runs()] == [RunStatus.SUCCEEDED]


def test_a_stop_does_not_wait_for_a_silent_peer(settings: Settings, peers: Peers) -> None:
    peers.serve_products(products(10, price=1))
    peers.gate.clear()
    stopping = start(settings, peers.url)
    ticket = stopping.request_sync("products", actor=LOCAL_OPERATOR, trigger=Trigger.MANUAL)
    until(lambda: ticket.run_id() is not None and peers.asked)
    begun_at = time.monotonic()
    stopping.stop(timeout_s=0.5)
    assert time.monotonic() - begun_at < 4
    # The process would end here; if it does not, the answer comes too late to be stored.
    peers.gate.set()
    with pytest.raises(SyncStopped):
        ticket.wait(20)
    run = stopping.store.last_run("products")
    assert run is not None
    assert run.status is RunStatus.INTERRUPTED
    assert state_of(stopping.store).rows == 0
