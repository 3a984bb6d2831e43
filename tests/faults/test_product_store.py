"""Faults of the database, and of the process: the server, its pages and its journal."""

from __future__ import annotations

import os
import resource
import sqlite3
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing, contextmanager
from pathlib import Path

import pytest
import requests

from ecommerce_core.domain import RunStatus
from tests.faults import peer as faults
from tests.faults.product import PAGES, ROWS, Product, running_product, said
from tests.support.peers import products
from tests.support.server import Session, running_server
from tests.support.waiting import until

GARBAGE = bytes(range(256)) * 64

# The scheduler's page shows what the watcher saw, the help is a text, and explore keeps its answer.
WITHOUT_THE_STORE = {"scheduler", "explore", "help"}


@pytest.fixture(scope="module")
def running(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Product]:
    with running_product(tmp_path_factory.mktemp("store")) as product:
        yield product


@pytest.fixture
def product(running: Product) -> Iterator[Product]:
    """Yield the product, and check it before and after: no fault of its store may persist."""
    for dataset in ("products", "customers"):
        running.assert_takes_the_next_good_answer(dataset)
        # Its entry is written shortly after the answer, into whatever the file is by then.
        running.last_delivery(running.last_run(dataset))
    yield running
    for dataset in ("products", "customers"):
        running.assert_takes_the_next_good_answer(dataset)
    running.assert_every_page_is_alive()
    assert healthz(running).status_code == 200
    running.assert_log_is_clean()


def healthz(product: Product) -> requests.Response:
    return requests.get(product.server.page("healthz"), timeout=30)


def assert_unavailable(answer: requests.Response, reason: str) -> None:
    """Check for a 503 whose text has no path, with a time to retry."""
    assert (answer.status_code, answer.text) == (503, f"Service Unavailable: {reason}\n")
    assert answer.headers["Retry-After"] == "5"


@contextmanager
def no_room(product: Product) -> Iterator[None]:
    """Let none of the server's files grow: for SQLite, a full disk."""
    pid = product.server.process.pid
    size = product.store.path.stat().st_size
    before = resource.prlimit(pid, resource.RLIMIT_FSIZE)
    resource.prlimit(pid, resource.RLIMIT_FSIZE, (size, before[1]))
    try:
        yield
    finally:
        resource.prlimit(pid, resource.RLIMIT_FSIZE, before)


def test_a_disk_without_room_loses_nothing_and_is_said_in_words(product: Product) -> None:
    before = product.rows()
    many = products(20_000, price=5)
    product.peer.play(faults.answer_json({"produits": many}), host="catalogue-produit")

    with no_room(product):
        answer = product.post()

        assert answer.status_code == 503
        assert answer.text.partition(": ")[2] in {
            "no room on the disk\n",
            "the database cannot be written\n",
        }
        assert product.rows() == before
        assert "X1-0" in product.read("products")
        product.assert_every_page_is_alive()

    run = product.last_run()
    assert run.status in {RunStatus.FAILED, RunStatus.RUNNING}
    until(lambda: any(d.outcome == "failed" for d in product.store.list_deliveries(limit=5)))
    product.peer.play(faults.answer_json({"produits": many}), host="catalogue-produit")
    assert product.post().text.startswith("Done")
    assert product.rows() == {5: 20_000}
    withdrawn = products(ROWS, price=5)
    product.peer.play(faults.answer_json({"produits": withdrawn}), host="catalogue-produit")
    assert product.post().status_code == 202
    page = Session(product.server, "products")
    page.click("confirm_products")
    until(lambda: product.last_run().status.is_good)


@pytest.mark.parametrize("lock", ["IMMEDIATE", "EXCLUSIVE"])
def test_a_database_that_another_process_holds_is_busy_and_well_again(
    product: Product, lock: str
) -> None:
    """SQLite's busy time-out is 5 s: holding it for longer is no different from 20 s."""
    before = product.rows()
    product.serve()
    hold_s = float(os.environ.get("ECOMMERCE_TEST_LOCK_S", "0"))
    began = time.monotonic()
    with closing(sqlite3.connect(product.store.path, isolation_level=None)) as other:
        other.execute(f"BEGIN {lock}")

        with ThreadPoolExecutor(3) as pool:
            callback, health = pool.submit(product.post), pool.submit(healthz, product)
            page = pool.submit(product.read, "products")
            assert_unavailable(callback.result(), "another process holds the database")
            assert health.result().status_code == 503
            assert "store_busy" in health.result().json()["reasons"]
            text = page.result().replace("\\", "")
        assert 4 < time.monotonic() - began < 20
        if lock == "IMMEDIATE":  # a reader does not have to wait
            assert "X1-0" in text
            product.assert_every_page_is_alive()
        else:
            assert "has held it" in text
            assert "No products yet" not in text, "an error is no empty table"
        time.sleep(max(0.0, hold_s - (time.monotonic() - began)))
        other.execute("ROLLBACK")
    assert product.rows() == before
    until(lambda: any(d.outcome == "failed" for d in product.store.list_deliveries(limit=3)))


@pytest.mark.skipif(
    "ECOMMERCE_TEST_LOCK_S" not in os.environ, reason="set ECOMMERCE_TEST_LOCK_S=20: it is slow"
)
def test_every_page_of_a_locked_database_says_so(product: Product) -> None:
    with closing(sqlite3.connect(product.store.path, isolation_level=None)) as other:
        other.execute("BEGIN EXCLUSIVE")
        for page in PAGES:
            began = time.monotonic()
            text = product.read(page)
            print(page, f"{time.monotonic() - began:.1f} s")
            assert page in WITHOUT_THE_STORE or "has held it" in text.replace("\\", "")
        other.execute("ROLLBACK")


def test_a_database_overwritten_with_garbage_is_left_as_it_is_and_said_in_words(
    product: Product,
) -> None:
    database = product.store.path
    good = database.read_bytes()
    try:
        database.write_bytes(GARBAGE)

        assert_unavailable(product.post(), "the database file is damaged")

        for page in PAGES:
            text = product.read(page)
            assert page in WITHOUT_THE_STORE or "no sound SQLite database" in text.replace("\\", "")
        assert "No products yet" not in product.read("products")
        unready = healthz(product)
        assert unready.status_code == 503
        assert "damaged" in unready.text
        assert str(database.parent) not in unready.text
        assert database.read_bytes() == GARBAGE
    finally:
        database.write_bytes(good)


def test_a_database_that_is_taken_away_is_not_made_anew(product: Product) -> None:
    database = product.store.path
    aside = database.rename(database.with_suffix(".aside"))
    try:
        assert_unavailable(product.post(), "the database cannot be written")
        for page in PAGES:
            product.read(page)
        assert not database.exists()
    finally:
        aside.rename(database)


def test_a_process_killed_in_mid_callback_leaves_an_interrupted_run_and_the_next_goes_in(
    tmp_path: Path,
) -> None:
    with running_product(tmp_path) as first:
        first.assert_takes_the_next_good_answer()
        before = first.rows()
        first.peer.play(faults.never_answer(), host="catalogue-produit")
        with ThreadPoolExecutor(1) as pool:
            caller = pool.submit(first.post)
            until(lambda: first.last_run().status is RunStatus.RUNNING)
            first.server.process.kill()
            with pytest.raises(requests.ConnectionError):
                caller.result(20)
        cut = first.last_run()
        assert first.rows() == before

        environment = {"ECOMMERCE_GATEWAY_URL": first.peer.url}
        with running_server(
            tmp_path, environment, options=("--server.enableAgentApi=true",)
        ) as server:
            second = Product(server, first.peer, tmp_path)
            left = second.store.run(cut.id)
            assert left is not None
            assert left.status is RunStatus.INTERRUPTED
            assert left.error
            assert "interrupted" in said(Session(server, "activity"))
            assert second.rows() == before
            second.serve()
            second.assert_takes_the_next_good_answer()
            second.assert_every_page_is_alive()
            second.assert_log_is_clean()
