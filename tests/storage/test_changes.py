"""What differs between two runs, what one row went through, and how many there were."""

from __future__ import annotations

import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from ecommerce_core.datasets import PRODUCTS
from ecommerce_core.domain import ChangeKind, Trigger
from ecommerce_core.storage import Comparison
from tests.storage.snapshots.shop import Shop, opened
from tests.support.peers import product, products


@pytest.fixture
def shop(tmp_path: Path) -> Iterator[Shop]:
    yield from opened(tmp_path / "shop.db")


def test_between_two_runs_rows_come_go_change_and_return(shop: Shop) -> None:
    comparison = Comparison(shop.store, shop.reader)
    first = shop.put([product("A"), product("B"), product("C"), product("E", price=1)])
    time.sleep(0.005)
    second = shop.put([product("A", price=2), product("B"), product("E", price=9)])
    time.sleep(0.005)
    third = shop.put(
        [product("A", price=3), product("C"), product("D"), product("E", price=1)],
    )

    def told(one: int, other: int, **asked: Any) -> list[tuple[Any, ...]]:
        found = comparison.compare_runs(PRODUCTS, one, other, **asked)
        return [(d.kind.value, d.key, d.field) for d in found]

    assert told(first.id, third.id) == [
        ("added", "D", None),
        ("withdrawn", "B", "withdrawn_at"),
        ("updated", "A", "price_cents"),
    ]
    assert told(second.id, third.id)[:3] == [
        ("added", "C", "withdrawn_at"),
        ("added", "D", None),
        ("withdrawn", "B", "withdrawn_at"),
    ]
    assert told(third.id, first.id) == told(first.id, third.id)
    (change,) = comparison.compare_runs(PRODUCTS, first.id, third.id, kind=ChangeKind.UPDATED)
    assert (change.old, change.new) == (100, 3)
    assert comparison.compare_counts(PRODUCTS, first.id, third.id) == {
        ChangeKind.ADDED: 1,
        ChangeKind.WITHDRAWN: 1,
        ChangeKind.UPDATED: 1,
    }
    assert told(first.id, third.id, search="p1-d") == [("added", "D", None)]
    assert comparison.compare_counts(PRODUCTS, 0, first.id)[ChangeKind.ADDED] == 4
    everything = told(first.id, third.id)
    paged = [told(first.id, third.id, page=n, page_size=1) for n in (1, 2, 3, 4)]
    assert [entry for page in paged for entry in page] == everything
    chunks = comparison.iter_differences(PRODUCTS, first.id, third.id, chunk=2)
    spooled = [(d.kind.value, d.key, d.field) for found in chunks for d in found]
    assert spooled == everything


def test_a_search_among_differences_finds_rows_as_any_search_does(shop: Shop) -> None:
    comparison = Comparison(shop.store, shop.reader)
    first = shop.put([product("A"), product("B"), product("C")])
    second = shop.put(
        [
            product("A", price=1, descriptionProduit="Crème d’été"),
            product("B", price=2, descriptionProduit="Porte‑clés"),
        ]
    )

    def found(search: str) -> set[str]:
        told = comparison.compare_runs(PRODUCTS, first.id, second.id, search=search)
        counts = comparison.compare_counts(PRODUCTS, first.id, second.id, search=search)
        assert sum(counts.values()) == len(told)
        return {difference.key for difference in told}

    assert found("") == {"A", "B", "C"}
    assert found("creme d'ete") == {"A"}
    assert found("PORTE-CLES") == {"B"}
    assert found("p1-c") == {"C"}
    assert found("nothing") == set()
    shop.put([product("A", price=1, descriptionProduit="Four"), product("B", price=2)])
    assert found("four") == {"A"}


def test_what_a_clear_took_is_found_by_its_key(shop: Shop) -> None:
    comparison = Comparison(shop.store, shop.reader)
    first = shop.put([product("Éa-1"), product("B")])
    second = shop.put([product("Éa-1", price=1), product("B", price=1)])
    shop.store.clear(PRODUCTS, trigger=Trigger.MANUAL)
    shop.snapshots.publish(PRODUCTS)

    told = comparison.compare_runs(PRODUCTS, first.id, second.id, search="EA‑1")

    assert [difference.key for difference in told] == ["Éa-1"]


def test_the_history_of_a_row_says_when(shop: Shop) -> None:
    shop.put([product("A", price=1)])
    run = shop.put([product("A", price=2)])

    (entry,) = shop.store.list_history("products", "A")

    assert (entry.run_id, entry.at, entry.field) == (run.id, run.finished_at, "price_cents")
    assert (entry.old, entry.new) == (1, 2)


def test_the_size_over_time_is_exact_through_returns_clears_and_undos(shop: Shop) -> None:
    for count in (30, 20, 25):
        shop.put(products(count))
    shop.store.clear(PRODUCTS, trigger=Trigger.MANUAL)
    shop.store.undo_clear(PRODUCTS, trigger=Trigger.MANUAL)

    sizes = shop.store.size_over_time(PRODUCTS)

    assert [size for _at, size in sizes] == [30, 20, 25, 0, 25]
    assert [at for at, _size in sizes] == sorted(at for at, _size in sizes)
    assert sizes[-1][1] == shop.store.totals(PRODUCTS).current
    assert len(shop.store.size_over_time(PRODUCTS, limit=2)) == 2
