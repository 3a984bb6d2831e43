"""Differences between two runs, the history of one row, and the size over time."""

from __future__ import annotations

import itertools
import time
from collections.abc import Iterable, Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from pathlib import Path

import pytest

from ecommerce_core.datasets import PRODUCTS
from ecommerce_core.domain import ChangeKind, ChangeQuery, Counts, Difference, Run, Trigger
from tests.storage.snapshots.shop import Shop, opened
from tests.support.peers import product, products


@pytest.fixture
def shop(tmp_path: Path) -> Iterator[Shop]:
    yield from opened(tmp_path / "shop.db")


def told(shop: Shop, one: Run, other: Run, query: ChangeQuery | None = None) -> list[Difference]:
    """Return all matching differences, in their order."""
    query = replace(query or ChangeQuery(), page_size=1_000)
    with shop.changes.at(PRODUCTS, one.id, other.id) as view:
        found = view.list_entries(query)
        assert view.count_entries(query) == len(found)
        counts = view.count_rows(query)
    shown = {each.key for each in found}
    assert (sum(counts.values()) == len(shown)) or query.kind is not None
    return found


def entries(found: Iterable[Difference]) -> list[tuple[str, str, str | None]]:
    return [(each.kind.value, each.key, each.field) for each in found]


def test_between_two_runs_rows_come_go_change_and_return(shop: Shop) -> None:
    first = shop.put([product("A"), product("B"), product("C"), product("E", price=1)])
    time.sleep(0.005)
    second = shop.put([product("A", price=2), product("B"), product("E", price=9)])
    time.sleep(0.005)
    third = shop.put([product("A", price=3), product("C"), product("D"), product("E", price=1)])

    everything = entries(told(shop, first, third))

    assert everything == [
        ("added", "D", None),
        ("withdrawn", "B", None),
        ("updated", "A", "price_cents"),
    ]
    assert entries(told(shop, third, first)) == everything
    assert entries(told(shop, second, third))[:3] == [
        ("added", "D", None),
        ("returned", "C", None),
        ("withdrawn", "B", None),
    ]
    (change,) = told(shop, first, third, ChangeQuery(kind=ChangeKind.UPDATED))
    assert (change.old, change.new) == ("100", "3")
    assert (change.difference, change.percent) == (-97, -97)
    assert (change.title, change.groups) == ("Frigos:P1-A", ("Frigos",))
    assert entries(told(shop, first, third, ChangeQuery(search="p1-d"))) == [("added", "D", None)]
    with shop.changes.at(PRODUCTS, first.id, third.id) as view:
        assert view.count_rows(ChangeQuery()) == {
            ChangeKind.ADDED: 1,
            ChangeKind.RETURNED: 0,
            ChangeKind.WITHDRAWN: 1,
            ChangeKind.UPDATED: 1,
        }
        pages = [view.list_entries(ChangeQuery(page=n, page_size=1)) for n in (1, 2, 3, 4)]
        assert [entry for page in pages for entry in entries(page)] == everything
    with shop.changes.at(PRODUCTS, 0, first.id) as view:
        assert view.count_rows(ChangeQuery())[ChangeKind.ADDED] == 4

    # A run counts its rows as the report from the run before it does.
    for before, run in ((first, second), (second, third)):
        counts = run.counts
        assert shop.changes.count_rows(PRODUCTS, before.id, run.id) == {
            ChangeKind.ADDED: counts.added,
            ChangeKind.RETURNED: counts.returned,
            ChangeKind.WITHDRAWN: counts.withdrawn,
            ChangeKind.UPDATED: counts.updated,
        }
    assert third.counts == Counts(fetched=4, added=1, returned=1, updated=2, withdrawn=1)


def test_a_row_counts_once_however_many_of_its_fields_changed(shop: Shop) -> None:
    first = shop.put([product("A", price=1, descriptionProduit="old"), product("B")])
    second = shop.put([product("A", price=2, descriptionProduit="new"), product("B")])

    found = told(shop, first, second)

    assert [each.field for each in found] == ["description", "price_cents"]
    assert shop.changes.count_rows(PRODUCTS, first.id, second.id)[ChangeKind.UPDATED] == 1
    assert second.counts.updated == 1


def test_a_row_that_returns_with_another_price_is_returned_and_says_both(shop: Shop) -> None:
    shop.put([product("A", price=1), product("B")])
    first = shop.put([product("B")])
    second = shop.put([product("A", price=2), product("B")])

    assert entries(told(shop, first, second)) == [
        ("returned", "A", None),
        ("returned", "A", "price_cents"),
    ]


def test_differences_are_sorted_by_what_a_reader_asks(shop: Shop) -> None:
    prices = {"A": (100, 110), "B": (1_000, 1_050), "C": (50, 25)}
    first = shop.put([product(key, price=old) for key, (old, _new) in prices.items()])
    second = shop.put([product(key, price=new) for key, (_old, new) in prices.items()])

    def order(sort: str, *, descending: bool = False) -> str:
        query = ChangeQuery(sort=sort, descending=descending)
        return "".join(each.key for each in told(shop, first, second, query))

    assert order("difference") == "CAB"
    assert order("difference", descending=True) == "BAC"
    assert order("percent", descending=True) == "ABC"
    assert order("move", descending=True) == "CAB"
    assert order("key", descending=True) == "CBA"
    assert order("nonsense") == "ABC"


def test_differences_are_filtered_and_totalled_by_family_and_field(shop: Shop) -> None:
    first = shop.put([product("A"), product("B"), product("C", familleProduit="Radio")])
    second = shop.put(
        [
            product("A", price=1),
            product("B", descriptionProduit="new"),
            product("C", familleProduit="Radio", price=2, descriptionProduit="new"),
        ]
    )

    radio = ChangeQuery(values=(("family", ("Radio",)),))
    assert {each.key for each in told(shop, first, second, radio)} == {"C"}
    prices = ChangeQuery(field="price_cents")
    assert [each.key for each in told(shop, first, second, prices)] == ["A", "C"]
    with shop.changes.at(PRODUCTS, first.id, second.id) as view:
        assert view.totals(ChangeQuery(), "family") == [("Frigos", 2), ("Radio", 1)]
        assert view.totals(prices, "family") == [("Frigos", 1), ("Radio", 1)]
        assert view.totals(radio, "field") == [("description", 1), ("price_cents", 1)]
        assert view.totals(radio, "family") == [("Frigos", 2), ("Radio", 1)]


def test_a_search_among_differences_finds_rows_as_any_search_does(shop: Shop) -> None:
    first = shop.put([product("A"), product("B"), product("C")])
    second = shop.put(
        [
            product("A", price=1, descriptionProduit="Crème d’été"),
            product("B", price=2, descriptionProduit="Porte‑clés"),
        ]
    )

    def found(search: str) -> set[str]:
        return {each.key for each in told(shop, first, second, ChangeQuery(search=search))}

    assert found("") == {"A", "B", "C"}
    assert found("creme d'ete") == {"A"}
    assert found("PORTE-CLES") == {"B"}
    assert found("p1-c") == {"C"}
    assert found("nothing") == set()
    shop.put([product("A", price=1, descriptionProduit="Four"), product("B", price=2)])
    assert found("four") == {"A"}


def test_what_a_clear_took_is_found_by_its_key(shop: Shop) -> None:
    first = shop.put([product("Éa-1"), product("B")])
    second = shop.put([product("Éa-1", price=1), product("B", price=1)])
    shop.store.clear(PRODUCTS, trigger=Trigger.MANUAL)
    shop.snapshots.publish(PRODUCTS)

    found = told(shop, first, second, ChangeQuery(search="EA‑1"))

    assert [(each.key, each.title) for each in found] == [("Éa-1", None)]


def test_many_readers_compare_many_runs_at_once(shop: Shop) -> None:
    runs = [shop.put([product("A", price=price)]) for price in range(1, 7)]

    def compare(pair: tuple[Run, Run]) -> tuple[float | None, ...]:
        return tuple(each.difference for each in told(shop, *pair))

    pairs = list(itertools.combinations(runs, 2)) * 3
    with ThreadPoolExecutor(4) as threads:
        found = list(threads.map(compare, pairs))

    assert found == [(float(other.id - one.id),) for one, other in pairs]


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
