"""Reading rows: search, filters, order and pages equal a plain reference in Python."""

from __future__ import annotations

import json
import re
import threading
import time
from collections import Counter
from collections.abc import Iterator
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from ecommerce_core.datasets import CUSTOMERS, PRODUCTS, Product
from ecommerce_core.domain import Query, Totals, Trigger, Withdrawn
from tests.storage.snapshots.shop import Shop, plainly_folded
from tests.support.peers import customer, product, products

SLOW = settings(
    max_examples=25,
    deadline=None,
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow],
)
# Accents, ligatures, cases, SQL's special characters, and characters that Unicode decomposes.
LETTERS = "aAéÉèœŒßẞ%_\\'’\"-‑; \t\u00a0\u200bıİøＡﬁ™½冷e\u0301\u00a8\u2126129"
TEXT = st.text(st.sampled_from(LETTERS), max_size=8) | st.text(
    st.characters(exclude_categories=["Cs"], exclude_characters="\0"), max_size=8
)
COLUMNS = [
    "family",
    "description",
    "price_cents",
    "min_quantity",
    "packaging",
    "catalogue_min_quantity",
    "catalogue_packaging",
    "catalogue_id",
    "first_seen_at",
    "updated_at",
    "withdrawn_at",
]


def records_of(texts: list[str]) -> list[dict[str, Any]]:
    return [
        product(
            f"{text[:2]}{number}",
            price=number * 37 % 11,
            familleProduit=text[:1] or "TV",
            descriptionProduit=text,
            quantiteMin=number % 3 or None,
        )
        for number, text in enumerate(texts)
    ]


def is_found(row: Product, search: str) -> bool:
    columns = [plainly_folded(row.code), plainly_folded(row.description)]
    return all(any(word in c for c in columns) for word in plainly_folded(search).split())


def natural(text: str) -> list[tuple[Any, ...]]:
    """Return the reference order: numbers as numbers, between texts."""
    parts = re.findall(r"[0-9]+|[^0-9]+", plainly_folded(text))
    return [("0", int(part)) if part[0] in "0123456789" else (part,) for part in parts]


def sort_key(row: Product, column: str) -> Any:
    value = getattr(row, column)
    if column == "code":
        return natural(value)
    return plainly_folded(value) if column in {"family", "description"} else value


def sorted_rows(rows: list[Product], *by: tuple[str, bool]) -> list[Product]:
    """Return the reference: sorted by each column, the last one first, missing values last."""
    down = dict(by).get("code", by[0][1])
    found = sorted(rows, key=lambda row: row.code.encode(), reverse=down)
    for column, descending in reversed([*by, ("code", down)]):
        there = [row for row in found if getattr(row, column) is not None]
        missing = [row for row in found if getattr(row, column) is None]
        there.sort(key=lambda row: sort_key(row, column), reverse=descending)  # noqa: B023
        found = [*there, *missing]
    return found


def pages_of(shop: Shop, query: Query) -> Iterator[Product]:
    number = 1
    while True:
        page = shop.reader.read_page(PRODUCTS, replace(query, page=number))
        if not page.rows:
            assert page.total == shop.reader.count_rows(PRODUCTS, query)
            return
        assert page.rows == shop.reader.list_rows(PRODUCTS, replace(query, page=number))
        for row in page.rows:
            assert isinstance(row, Product)
            yield row
        number += 1


@SLOW
@given(texts=st.lists(TEXT, min_size=1, max_size=12), search=TEXT)
def test_a_search_finds_what_plain_python_finds(shop: Shop, texts: list[str], search: str) -> None:
    shop.put(records_of(texts))
    rows = shop.products()
    expected = [row for row in rows if is_found(row, search)]

    assert shop.products(search=search) == expected
    assert shop.reader.count_rows(PRODUCTS, Query(search=search)) == len(expected)
    families = Counter(row.family for row in expected)
    assert dict(shop.reader.list_values(PRODUCTS, "family", Query(search=search))) == families


@pytest.mark.parametrize(
    ("search", "found"),
    [
        ("ecran", {"A"}),
        ("ÉCRAN", {"A"}),
        ("oeuvre", {"B"}),
        ("ŒUVRE", {"B"}),
        ("d'oeuvre", {"B"}),
        ("d’œuvre", {"B"}),
        ("strasse", {"C"}),
        ("STRAßE", {"C"}),
        ("porte-cles", {"D"}),
        ("porte‑clés", {"D"}),
        ("porte–cle\u0301s", {"D"}),
        ("ＰＯＲＴＥ", {"D"}),
        ("chef oeuv", {"B"}),
        ("oeuvre nowhere", set()),
        ("100%", {"D"}),
        ("_", set()),
        ("\ud800", set()),
        ("   ", {"A", "B", "C", "D"}),
        ("\u0301", {"A", "B", "C", "D"}),
    ],
)
def test_accents_ligatures_apostrophes_and_case_do_not_matter(
    shop: Shop, search: str, found: set[str]
) -> None:
    texts = {
        "A": "Grand E\u0301cran",
        "B": "Chef d’œuvre",
        "C": "Stra\u00adße",
        "D": "Porte\u2011clés\u00a0100%",
    }
    shop.put([product(code, descriptionProduit=text) for code, text in texts.items()])

    assert set(shop.codes(search=search)) == found


def test_a_customer_is_found_by_name_account_and_number(shop: Shop) -> None:
    shop.put([customer(1, lastName="Bérénice"), customer(2)], dataset=CUSTOMERS)

    for search in ("berenice", "bkn1cst1", "000000000001", "jean bere"):
        (row,) = shop.customers(CUSTOMERS, search=search)
        assert row.last_name == "Bérénice"


def test_more_words_than_a_statement_takes_are_no_error(shop: Shop) -> None:
    shop.put(products(2))

    assert shop.reader.count_rows(PRODUCTS, Query(search="x1 " * 50_000)) == 2
    assert shop.reader.count_rows(PRODUCTS, Query(search=" ".join(map(str, range(5_000))))) == 0


def test_codes_are_sorted_as_people_count(shop: Shop) -> None:
    codes = [
        *("X1-2", "X1-10", "X1-1", "x1-3", "X01-1", "X1", "X", "X1-02", "X10", "X2", "É9", "e10"),
        *("9" * 40, "1" + "0" * 40, "7", "X1-2b", "X1-2a"),
    ]
    shop.put([product(code) for code in codes])

    assert shop.codes() == [
        "7",
        "9" * 40,
        "1" + "0" * 40,
        *("É9", "e10", "X", "X1", "X01-1", "X1-1", "X1-02", "X1-2", "X1-2a", "X1-2b", "x1-3"),
        *("X1-10", "X2", "X10"),
    ]


@pytest.mark.parametrize("column", COLUMNS)
@pytest.mark.parametrize("descending", [False, True])
def test_the_pages_in_any_order_are_all_rows_once(
    shop: Shop, column: str, descending: bool
) -> None:
    texts = [f"{letter}{number % 4}" for number, letter in enumerate("bAaBéÉzœ" * 3)]
    shop.put(records_of(texts))
    shop.put(records_of(texts[:-3]))
    rows = shop.products(withdrawn=Withdrawn.SHOW)
    assert len(rows) == 24

    query = Query(sort=column, descending=descending, page_size=5, withdrawn=Withdrawn.SHOW)

    expected = sorted_rows(rows, (column, descending))
    assert list(pages_of(shop, query)) == expected
    chosen = replace(query, values=(("family", ("b", "z")),), page_size=2)
    assert list(pages_of(shop, chosen)) == [r for r in expected if r.family in {"b", "z"}]


@SLOW
@given(
    by=st.lists(
        st.tuples(st.sampled_from(["code", *COLUMNS]), st.booleans()),
        min_size=1,
        max_size=3,
        unique_by=lambda one: one[0],
    ),
    size=st.integers(1, 7),
)
def test_rows_are_sorted_by_several_columns(
    shop: Shop, by: list[tuple[str, bool]], size: int
) -> None:
    shop.put(records_of([f"{letter}{number % 3}" for number, letter in enumerate("bAaBéÉ" * 3)]))
    rows = shop.products()
    (column, descending), *then = by

    query = Query(sort=column, descending=descending, then_by=tuple(then), page_size=size)

    assert list(pages_of(shop, query)) == sorted_rows(rows, *by)


def test_filters_find_what_they_say(shop: Shop) -> None:
    shop.put([product("A", price=100), product("B", price=200), product("C", price=300)])
    time.sleep(0.005)
    moment = datetime.now(UTC)
    shop.put([product("A", price=100), product("B", price=250), product("D", price=300)])

    assert shop.codes(ranges=(("price_cents", 100, 250),)) == ["A", "B"]
    assert shop.codes(ranges=(("price_cents", None, 100),)) == ["A"]
    assert shop.codes(ranges=(("price_cents", 250, 100),)) == []
    assert shop.codes(ranges=(("price_cents", 1e300, float("inf")),)) == []
    assert shop.codes(ranges=(("price_cents", float("-inf"), 1e300),)) == ["A", "B", "D"]
    assert shop.codes(ranges=(("price_cents", float("nan"), None),)) == []
    assert shop.codes(ranges=(("price_cents", -(10**400), 10**400),)) == ["A", "B", "D"]
    assert shop.codes(since=(("updated_at", moment - timedelta(milliseconds=1)),)) == ["B", "D"]
    assert shop.codes(since=(("first_seen_at", moment - timedelta(milliseconds=1)),)) == ["D"]
    assert shop.codes(withdrawn=Withdrawn.ONLY) == ["C"]
    assert shop.codes(withdrawn=Withdrawn.SHOW) == ["A", "B", "C", "D"]
    assert shop.codes(values=(("family", ("Frigos", "TV")), ("code", ("A", "D")))) == ["A", "D"]
    assert shop.codes(values=(("family", ()),)) == []
    assert shop.codes(values=(("family", ("\ud800",)),)) == []
    assert shop.codes(values=(("price_cents", ("100", "x")),)) == ["A"]
    assert shop.codes(present=(("catalogue_id", False),)) == ["A", "B", "D"]


def test_a_moment_is_found_by_itself(shop: Shop) -> None:
    shop.put([product("A")])
    (row,) = shop.products()

    for since in (row.updated_at, row.updated_at + timedelta(microseconds=999)):
        assert shop.codes(since=(("updated_at", since),)) == ["A"]
    assert shop.codes(since=(("updated_at", row.updated_at + timedelta(milliseconds=1)),)) == []


def test_customers_with_and_without_an_account(shop: Shop) -> None:
    shop.put([customer(1, account=""), customer(2)], dataset=CUSTOMERS)

    for there, name in ((True, "Eddison-2"), (False, "Eddison-1")):
        (row,) = shop.customers(CUSTOMERS, present=(("account", there),))
        assert row.last_name == name


@SLOW
@given(
    name=TEXT | st.sampled_from(["(SELECT 1)", "1; --", "rowid", "code_order", "code, 1", "CODE"])
)
def test_a_name_that_is_no_column_never_reaches_sql(shop: Shop, name: str) -> None:
    shop.put(products(2))
    query = Query(
        sort=name,
        then_by=((name, True),),
        values=((name, ("x",)),),
        ranges=((name, 1, 2),),
        since=((name, datetime.now(UTC)),),
        present=((name, True),),
    )

    assert [row.code for row in pages_of(shop, query)] == ["X1-0", "X1-1"]
    for read in (
        lambda: shop.reader.list_values(PRODUCTS, name, Query()),
        lambda: shop.reader.bounds(PRODUCTS, name),
        lambda: shop.reader.histogram(PRODUCTS, name, Query()),
        lambda: list(shop.reader.iter_batches(PRODUCTS, Query(), columns=[name])),
    ):
        with pytest.raises(KeyError):
            read()


def test_a_row_is_read_as_it_was_stored(shop: Shop) -> None:
    run = shop.put([product("É’1", price=424, id=7, descriptionProduit="\u200b d’Œ\t")])

    row = shop.reader.find_row(PRODUCTS, "É’1")

    assert row == shop.products()[0]
    assert isinstance(row, Product)
    assert (row.code, row.description) == ("É’1", "\u200b d’Œ\t")
    assert (row.price_cents, row.min_quantity, row.packaging) == (424, 1, 0)
    assert (row.catalogue_min_quantity, row.catalogue_packaging, row.catalogue_id) == (15, 2, 7)
    assert row.withdrawn_at is None
    assert run.finished_at is not None
    assert row.first_seen_at == row.updated_at <= run.finished_at
    assert row.first_seen_at.tzinfo is UTC
    assert shop.reader.find_row(PRODUCTS, "nothing") is None
    assert shop.reader.find_row(PRODUCTS, "\ud800") is None


def test_a_column_that_is_empty_for_many_rows_is_read_as_what_it_is(shop: Shop) -> None:
    count = 10_000
    records = [product(f"{n:06}", quantiteMin=None, id=None) for n in range(count)]
    records += [product("999999", quantiteMin=2**63 - 1, id=3, prix=2**63 - 1)]
    shop.put(records)
    shop.put(records[:-1])

    row = shop.reader.find_row(PRODUCTS, "999999")

    assert isinstance(row, Product)
    assert (row.catalogue_min_quantity, row.catalogue_id) == (2**63 - 1, 3)
    assert row.price_cents == 2**63 - 1
    assert row.withdrawn_at is not None
    assert shop.codes(withdrawn=Withdrawn.ONLY) == ["999999"]
    points = [customer(n, fidelityPoint=None) for n in range(count)]
    shop.put([*points, customer(count, fidelityPoint=0.125)], dataset=CUSTOMERS)
    assert shop.reader.bounds(CUSTOMERS, "loyalty_points") == (0.125, 0.125)


def test_what_is_shown_or_typed_is_found_however_many_decimals(shop: Shop) -> None:
    points = [154.62542724609375, 0.125, 0.004, 1e15, -3.5]
    shop.put([customer(n, fidelityPoint=p) for n, p in enumerate(points)], dataset=CUSTOMERS)

    for value in points:
        found = shop.customers(CUSTOMERS, ranges=(("loyalty_points", value, value),))
        assert [row.loyalty_points for row in found] == [value]
    assert shop.reader.bounds(CUSTOMERS, "loyalty_points") == (-3.5, 1e15)
    found = shop.customers(CUSTOMERS, ranges=(("loyalty_points", 0.0039, 0.13),))
    assert {row.loyalty_points for row in found} == {0.125, 0.004}


def test_bounds_of_whole_numbers_are_exact_at_the_edge_of_64_bits(shop: Shop) -> None:
    shop.put([product("MAX", price=2**63 - 1), product("LESS", price=2**63 - 2), product("A")])

    assert shop.reader.bounds(PRODUCTS, "price_cents") == (100, 2**63 - 1)
    assert shop.codes(ranges=(("price_cents", 2**63 - 1, None),)) == ["MAX"]
    assert shop.codes(ranges=(("price_cents", None, 2**63 - 2),)) == ["A", "LESS"]
    assert shop.codes(ranges=(("price_cents", 2**63, None),)) == []
    assert shop.codes(ranges=(("price_cents", 99.5, 100.5),)) == ["A"]
    assert shop.codes(ranges=(("price_cents", 100.5, 200),)) == []
    assert shop.codes(ranges=(("price_cents", float(2**63), None),)) == []


@pytest.mark.parametrize("bins", [1, 2, 7, 24])
@pytest.mark.parametrize("prices", [[2**63 - 1, 100], [2**63 - 1, 2**63 - 2], [0], [0, 2**63 - 1]])
def test_a_histogram_holds_every_row_at_the_edge_of_64_bits(
    shop: Shop, bins: int, prices: list[int]
) -> None:
    shop.put([product(f"A{n}", price=price) for n, price in enumerate(prices)])

    found = shop.reader.histogram(PRODUCTS, "price_cents", Query(), bins=bins)

    assert len(found) <= bins
    assert found[0][0] == min(prices)
    for low, high, count in found:
        assert count == sum(low <= price < high for price in prices)
    assert sum(count for *_edges, count in found) == len(prices)


@pytest.mark.parametrize("bins", [1, 7, 24])
def test_a_histogram_counts_every_row_once(shop: Shop, bins: int) -> None:
    shop.put(records_of(["a", "b", "cc"] * 20))
    rows = shop.products()

    for query in (Query(), Query(values=(("family", ("a",)),)), Query(search="c")):
        expected = [r for r in rows if not query.values or r.family == "a"]
        expected = [r for r in expected if is_found(r, query.search)]
        found = shop.reader.histogram(PRODUCTS, "price_cents", query, bins=bins)
        assert len(found) <= bins
        assert sum(count for *_edges, count in found) == len(expected)
        for least, greatest, count in found[:-1]:
            assert count == sum(least <= row.price_cents < greatest for row in expected)
    bounds: list[tuple[float | None, float | None]] = [
        (3, 5),
        (3.5, 5.5),
        (5, 3),
        (100, None),
        (None, -1),
    ]
    for low, high in bounds:
        ranged = shop.reader.histogram(
            PRODUCTS, "price_cents", Query(ranges=(("price_cents", low, high),)), bins=bins
        )
        counted = sum((low or 0) <= r.price_cents <= (11 if high is None else high) for r in rows)
        assert sum(count for *_edges, count in ranged) == counted


def test_a_histogram_of_fractions_of_one_value_and_of_nothing(shop: Shop) -> None:
    assert shop.reader.histogram(CUSTOMERS, "loyalty_points", Query()) == []
    points = [0.5, 1.25, 9.75, None]
    shop.put([customer(n, fidelityPoint=p) for n, p in enumerate(points)], dataset=CUSTOMERS)

    found = shop.reader.histogram(CUSTOMERS, "loyalty_points", Query(), bins=4)

    bounds = shop.reader.bounds(CUSTOMERS, "loyalty_points")
    assert (found[0][0], found[-1][1]) == (0.5, 9.75) == bounds
    assert [count for *_edges, count in found] == [2, 0, 0, 1]
    shop.put([customer(1, fidelityPoint=154.62542724609375)], dataset=CUSTOMERS)
    only = shop.reader.histogram(CUSTOMERS, "payment", Query(withdrawn=Withdrawn.ONLY))
    assert sum(count for *_edges, count in only) == 3
    ((low, high, count),) = shop.reader.histogram(
        CUSTOMERS, "loyalty_points", Query(ranges=(("loyalty_points", 154.62542724609375, None),))
    )
    assert (low, high, count) == (154.62542724609375, 154.62542724609375, 1)


def test_choices_are_counted_among_what_else_is_asked(shop: Shop) -> None:
    families = ["TV", "TV", "Frigos", "Fours"]
    shop.put([product(n, familleProduit=family) for n, family in enumerate(families)])

    chosen = Query(values=(("family", ("TV",)), ("code", ("X1-0", "X1-1", "X1-2"))))

    assert shop.reader.list_values(PRODUCTS, "family", Query()) == [
        ("TV", 2),
        ("Fours", 1),
        ("Frigos", 1),
    ]
    assert shop.reader.list_values(PRODUCTS, "family", Query(), limit=1) == [("TV", 2)]
    assert dict(shop.reader.list_values(PRODUCTS, "family", chosen)) == {"TV": 2, "Frigos": 1}


def test_a_dataset_without_rows_answers_every_question(shop: Shop) -> None:
    for published in (False, True):
        if published:
            shop.snapshots.publish(PRODUCTS)
        assert shop.reader.totals(PRODUCTS) == Totals(current=0, withdrawn=0)
        assert shop.reader.read_page(PRODUCTS, Query(search="x", sort="description")).total == 0
        assert shop.reader.list_values(PRODUCTS, "family", Query()) == []
        assert shop.reader.bounds(PRODUCTS, "price_cents") == (None, None)
        assert shop.reader.histogram(PRODUCTS, "price_cents", Query()) == []
        assert shop.reader.find_row(PRODUCTS, "X") is None
        assert list(shop.reader.iter_rows(PRODUCTS, Query())) == []
        assert sum(map(len, shop.reader.iter_batches(PRODUCTS, Query()))) == 0


def test_all_rows_come_from_one_version_though_a_sync_changes_them_meanwhile(shop: Shop) -> None:
    shop.put(products(3_000, price=1))
    chunks = shop.reader.iter_rows(PRODUCTS, Query(sort="price_cents"), chunk=10)
    batches = shop.reader.iter_batches(PRODUCTS, Query(), columns=["price_cents"], chunk=10)
    seen = list(next(chunks))
    prices = next(batches).column(0).to_pylist()

    shop.put(products(4_000, price=2))
    assert {row.price_cents for row in shop.products()} == {2}

    for chunk in chunks:
        seen.extend(chunk)
    for batch in batches:
        prices += batch.column(0).to_pylist()
    assert [row.price_cents for row in seen if isinstance(row, Product)] == [1] * 3_000
    assert prices == [1] * 3_000


def test_batches_have_the_columns_that_were_asked_for_in_that_order(shop: Shop) -> None:
    shop.put(products(3))

    (batch,) = shop.reader.iter_batches(
        PRODUCTS, Query(sort="code", descending=True), columns=["price_cents", "code"]
    )

    assert batch.to_pylist() == [{"price_cents": 100, "code": f"X1-{n}"} for n in (2, 1, 0)]


def test_closing_an_export_half_way_lets_go_of_everything(shop: Shop) -> None:
    shop.put(products(3_000))
    chunks = shop.reader.iter_rows(PRODUCTS, Query(search="x1"), chunk=10)
    next(chunks)

    chunks.close()  # type: ignore[attr-defined]

    shop.put(products(3_001))
    assert shop.reader.totals(PRODUCTS).current == 3_001
    assert len(shop.snapshots.list_files(PRODUCTS)) == 1


def test_several_questions_are_asked_of_one_version(shop: Shop) -> None:
    shop.put(products(3))
    before = shop.reader.rows_version(PRODUCTS)

    with shop.reader.at(PRODUCTS) as view:
        shop.put(products(5))
        assert view.count_rows(Query()) == 3
        assert view.version == before

    assert shop.reader.rows_version(PRODUCTS) > before
    assert shop.reader.count_rows(PRODUCTS, Query()) == 5


def test_readers_follow_syncs_clears_and_undos(shop: Shop) -> None:
    query = Query(search="x1")
    shop.put(products(5))
    assert shop.reader.count_rows(PRODUCTS, query) == 5

    shop.store.clear(PRODUCTS, trigger=Trigger.MANUAL)
    shop.snapshots.publish(PRODUCTS)
    assert shop.reader.count_rows(PRODUCTS, query) == 0
    shop.store.undo_clear(PRODUCTS, trigger=Trigger.MANUAL)
    shop.snapshots.publish(PRODUCTS)
    assert shop.reader.count_rows(PRODUCTS, query) == 5


def test_many_threads_read_while_versions_come_and_go(shop: Shop) -> None:
    shop.put(products(200))
    errors: list[BaseException] = []
    seen: set[int] = set()
    done = threading.Event()

    def read() -> None:
        try:
            while not done.is_set():
                page = shop.reader.read_page(PRODUCTS, Query(sort="description", search="x1"))
                seen.add(page.total)
        except BaseException as error:
            errors.append(error)

    readers = [threading.Thread(target=read) for _ in range(4)]
    for reader in readers:
        reader.start()
    for count in range(201, 221):
        shop.put(products(count))
    done.set()
    for reader in readers:
        reader.join(30)

    assert errors == []
    assert seen <= set(range(200, 221))
    assert shop.reader.count_rows(PRODUCTS, Query()) == 220
    assert len(shop.snapshots.list_files(PRODUCTS)) == 1


def test_a_page_of_rows_is_cut_sorted_and_counted(shop: Shop) -> None:
    shop.put([product(f"P{n:03}", price=1000 - n) for n in range(120)])

    assert shop.codes(page=2, page_size=50) == [f"P{n:03}" for n in range(50, 100)]
    assert shop.codes(sort="price_cents", page_size=2) == ["P119", "P118"]
    assert shop.codes(sort="price_cents", descending=True, page_size=1) == ["P000"]
    assert shop.reader.count_rows(PRODUCTS, Query(page=2)) == 120


@pytest.mark.parametrize("search", ["100%", "a_c", "back\\slash", "'; DROP TABLE product; --", '"'])
def test_a_search_is_text_and_nothing_else(shop: Shop, search: str) -> None:
    shop.put([product("A", descriptionProduit=f"x {search} y"), product("B"), product("C")])

    assert shop.codes(search=search) == ["A"]


def test_every_word_of_a_search_must_be_found(shop: Shop) -> None:
    shop.put(
        [
            product("TV-1", descriptionProduit="Grand écran"),
            product("TV-2", descriptionProduit="Petit"),
        ]
    )

    assert shop.codes(search="tv gra") == ["TV-1"]


@pytest.mark.parametrize("name", ["apostrophes-and-hyphens", "largest-price"])
def test_cases_that_once_went_wrong_are_found(shop: Shop, name: str) -> None:
    found = {
        "apostrophes-and-hyphens": [
            ("d'ete", ["APO-1"]),
            ("d’hiver", ["APO-2"]),
            ("porte-cles", ["HYP-1", "HYP-2"]),
            ("porte‑clés acier", ["HYP-2"]),
        ],
        "largest-price": [("prix", ["MAX-1"]), ("tele", ["A-1"])],
    }
    folder = Path(__file__).parent / "cases"
    shop.put(json.loads((folder / f"{name}.json").read_text("utf-8"))["produits"])

    for search, codes in found[name]:
        assert shop.codes(search=search) == codes
