"""The store: transactions, reading rows, clearing and undoing."""

from __future__ import annotations

import sqlite3
import threading
from pathlib import Path

import pytest

from ecommerce_core.datasets import CUSTOMERS, PRODUCTS, Customer, Product
from ecommerce_core.domain import (
    Action,
    NothingToUndo,
    StoreBusy,
    StoreDamaged,
    StoreError,
    StoreIncompatible,
    Totals,
    Trigger,
)
from ecommerce_core.storage import NewRun, Store
from ecommerce_core.storage.record.database import now_utc
from tests.support.peers import customer, product, products
from tests.support.rows import list_rows, put


def test_a_new_database_and_its_folder_are_created(tmp_path: Path) -> None:
    store = Store.open(tmp_path / "deep" / "down" / "shop.db")

    assert store.totals(PRODUCTS) == Totals(current=0, withdrawn=0)


def test_opening_again_changes_nothing(store: Store) -> None:
    put(store, products(3))
    before = store.path.read_bytes()

    Store.open(store.path)

    assert store.path.read_bytes() == before


def test_a_product_is_kept_with_our_quantities_beside_the_catalogues(store: Store) -> None:
    before = now_utc()
    put(store, [product("A", price=424, id=7)])

    (row,) = list_rows(store, PRODUCTS)

    assert isinstance(row, Product)
    assert (row.min_quantity, row.packaging) == (1, 0)
    assert (row.catalogue_min_quantity, row.catalogue_packaging, row.catalogue_id) == (15, 2, 7)
    assert row.price_cents == 424
    assert row.first_seen_at == row.updated_at
    assert abs((row.first_seen_at - before).total_seconds()) < 10
    assert row.withdrawn_at is None


def test_a_customer_is_kept_with_a_fraction_of_points(store: Store) -> None:
    put(store, [customer(1, fidelityPoint=154.625)], dataset=CUSTOMERS)

    (row,) = list_rows(store, CUSTOMERS)

    assert isinstance(row, Customer)
    assert (row.first_name, row.loyalty_points, row.payment) == ("Jean", 154.625, 25.0)


def test_a_clear_can_be_undone_row_by_row(store: Store) -> None:
    put(store, products(25))
    before = list_rows(store, PRODUCTS)

    cleared = store.clear(PRODUCTS, trigger=Trigger.MANUAL)

    assert cleared.counts.withdrawn == 25
    assert store.totals(PRODUCTS).current == 0
    assert store.undoable_rows(PRODUCTS) == 25
    assert store.dataset_state("products").digest is None

    undone = store.undo_clear(PRODUCTS, trigger=Trigger.MANUAL)

    assert undone.counts.returned == 25
    assert list_rows(store, PRODUCTS) == before
    assert store.dataset_state("products").digest == "1"
    assert [run.action for run in store.list_runs()] == [
        Action.UNDO_CLEAR,
        Action.CLEAR,
        Action.SYNC,
    ]


def test_a_second_clear_does_not_forget_what_the_first_one_took(store: Store) -> None:
    put(store, products(25))

    store.clear(PRODUCTS, trigger=Trigger.MANUAL)
    store.clear(PRODUCTS, trigger=Trigger.MANUAL)

    assert store.undoable_rows(PRODUCTS) == 25


def test_the_next_sync_ends_what_can_be_undone(store: Store) -> None:
    put(store, products(25))
    store.clear(PRODUCTS, trigger=Trigger.MANUAL)
    put(store, products(20))

    assert store.undoable_rows(PRODUCTS) == 0
    with pytest.raises(NothingToUndo, match="no cleared rows of products"):
        store.undo_clear(PRODUCTS, trigger=Trigger.MANUAL)
    assert store.totals(PRODUCTS).current == 20


def test_a_transaction_that_raises_leaves_nothing_behind(store: Store) -> None:
    put(store, products(3))

    def change_and_fail() -> None:
        with store.writing() as db:
            db.execute("DELETE FROM product")
            raise RuntimeError("half-way")

    with pytest.raises(RuntimeError):
        change_and_fail()

    assert store.totals(PRODUCTS).current == 3


def test_writers_wait_for_their_turn_instead_of_failing(store: Store) -> None:
    errors: list[Exception] = []

    def write() -> None:
        try:
            for _ in range(10):
                store.begin_run(NewRun("products", Action.SYNC, Trigger.MANUAL))
        except StoreError as error:
            errors.append(error)

    threads = [threading.Thread(target=write) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()

    assert errors == []
    assert len(store.list_runs(limit=1000)) == 80


def test_a_database_that_another_process_holds_is_said_to_be_busy(store: Store) -> None:
    impatient = Store(store.path, busy_timeout_s=0.05)
    holder = sqlite3.connect(store.path, isolation_level=None)
    holder.execute("BEGIN EXCLUSIVE")
    try:
        with pytest.raises(StoreBusy, match="try again"):
            impatient.clear(PRODUCTS, trigger=Trigger.MANUAL)
    finally:
        holder.close()


def test_a_file_that_is_no_database_is_left_as_it_is(tmp_path: Path) -> None:
    file = tmp_path / "notes.db"
    file.write_bytes(b"Dear diary, " * 1000)

    with pytest.raises(StoreDamaged, match=r"notes\.db.*left as it is"):
        Store.open(file)

    assert file.read_bytes() == b"Dear diary, " * 1000


def test_a_database_of_another_application_is_left_as_it_is(tmp_path: Path) -> None:
    file = tmp_path / "other.db"
    with sqlite3.connect(file) as other:
        other.execute("CREATE TABLE product (mine)")
    other.close()
    before = file.read_bytes()

    with pytest.raises(StoreIncompatible, match="another application"):
        Store.open(file)

    assert file.read_bytes() == before


def test_a_database_of_a_newer_version_is_left_as_it_is(store: Store) -> None:
    with store.writing() as db:
        db.execute(
            "INSERT INTO _sqlite_migrations (migration_set, name, applied_at)"
            " VALUES ('ecommerce', 'm999_future', '')"
        )

    with pytest.raises(StoreIncompatible, match="m999_future"):
        Store.open(store.path)


def test_readers_see_the_state_before_until_a_sync_commits(store: Store) -> None:
    put(store, products(3, price=1))
    with store.writing() as db:
        db.execute("UPDATE product SET price_cents = 2")

        with store.reading() as reading:
            prices = reading.execute("SELECT DISTINCT price_cents FROM product").fetchall()

        assert prices == [(1,)]
