"""A whole store is copied from one engine to the other, and back."""

from __future__ import annotations

import sqlite3
from contextlib import closing
from pathlib import Path

import pytest

from ecommerce_core.datasets import CUSTOMERS, PRODUCTS
from ecommerce_core.domain import RunStatus, StoreError, StoreIncompatible, Trigger
from ecommerce_core.storage import Store, copy_store, open_store
from ecommerce_core.storage.sqlite.schema import MIGRATIONS
from tests.faults.dump_schema import ROWS, dump_of
from tests.support.peers import customer, product, products
from tests.support.postgresql import PostgresqlServer
from tests.support.rows import put


@pytest.fixture
def shop(tmp_path: Path) -> Store:
    """A store with something in every table that runs fill."""
    store = Store.open(tmp_path / "shop.db")
    put(store, [product(1, descriptionProduit="été 冷"), *products(40)])
    put(store, [customer(1, fidelityPoint=12.5)], dataset=CUSTOMERS)
    put(store, [customer(1, fidelityPoint=0.1 + 0.2)], dataset=CUSTOMERS)
    put(store, [customer(1), customer(2, payment="dear")], dataset=CUSTOMERS)
    put(store, products(2))
    store.clear(CUSTOMERS, trigger=Trigger.MANUAL, actor="ada")
    return store


def test_a_shop_moves_to_a_server_and_back(
    shop: Store, tmp_path: Path, postgresql: PostgresqlServer
) -> None:
    server = open_store(tmp_path / "server", url=postgresql.new_database(), server_id="one")
    back = Store.open(tmp_path / "back.db")

    there = copy_store(shop, server)
    again = copy_store(server, back)

    assert there == again
    rows = {table.name: table.rows for table in there}
    counts = [rows[name] for name in ("product", "customer_cleared", "held", "rejected")]
    assert counts == [40, 1, 1, 2]
    for copy in (server, back):
        assert copy.list_runs() == shop.list_runs()
        assert copy.list_changes(3) == shop.list_changes(3)
        assert copy.held_body(5) == b"body"
        assert copy.undo_clear(CUSTOMERS, trigger=Trigger.MANUAL).id == 7
        assert put(copy, products(41)).status is RunStatus.SUCCEEDED
        assert copy.totals(PRODUCTS).current == 41
    server.close()


def test_a_target_that_is_not_empty_stays_as_it_is(shop: Store, tmp_path: Path) -> None:
    target = Store.open(tmp_path / "target.db")
    put(target, products(3))

    with pytest.raises(StoreError) as caught:
        copy_store(shop, target)

    assert caught.value.details["table"] == "dataset_state"
    assert target.totals(PRODUCTS).current == 3
    with pytest.raises(StoreError):
        copy_store(shop, Store(shop.path))


def test_every_kind_of_value_arrives(tmp_path: Path, postgresql: PostgresqlServer) -> None:
    with closing(sqlite3.connect(tmp_path / "shop.db")) as connection:
        connection.executescript(dump_of(MIGRATIONS[-1].__name__))
    shop = Store.open(tmp_path / "shop.db")
    server = open_store(tmp_path / "server", url=postgresql.new_database(), server_id="one")

    rows = {table.name: table.rows for table in copy_store(shop, server)}

    assert {name: len(of) for name, of in ROWS.items() if name in rows} == {
        name: count for name, count in rows.items() if count
    }
    server.close()


def test_a_source_that_is_not_there_is_not_made(
    tmp_path: Path, postgresql: PostgresqlServer
) -> None:
    with pytest.raises(StoreIncompatible):
        open_store(tmp_path / "no.db", create=False)
    with pytest.raises(StoreIncompatible):
        open_store(tmp_path / "x", url=postgresql.new_database(), create=False)

    assert not (tmp_path / "no.db").exists()
