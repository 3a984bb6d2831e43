"""Reading rows: search, filters, order and pages in SQL equal a plain reference in Python."""

from __future__ import annotations

import json
import threading
import time
import unicodedata
from collections import Counter
from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from ecommerce_core import indexes, row_page, word_index
from ecommerce_core.access import LOCAL
from ecommerce_core.application import Application
from ecommerce_core.catalogue import PRODUCTS
from ecommerce_core.crm import CUSTOMERS
from ecommerce_core.dataset import Dataset
from ecommerce_core.errors import StoreError
from ecommerce_core.folding import fold, words_of
from ecommerce_core.models import Customer, Product, Trigger
from ecommerce_core.query import ChangeKind, Query, Withdrawn
from ecommerce_core.read_cache import ReadCache
from ecommerce_core.row_filters import conditions_of
from ecommerce_core.selection import FEW_KEYS, Selection
from ecommerce_core.store import Store
from tests.peers import Peers, customer, product, products
from tests.test_store import put

SLOW = settings(
    max_examples=25,
    deadline=None,
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow],
)
# Accents, ligatures, cases, what SQL and LIKE read as their own, and what Unicode takes apart.
LETTERS = "aAéÉèœŒßẞ%_\\'\"-; \tıİøＡﬁ™½冷e\u0301\u00a8\u2126"
TEXT = st.text(st.sampled_from(LETTERS), max_size=8) | st.text(
    st.characters(exclude_categories=["Cs"], exclude_characters="\0"), max_size=8
)
SORTS = [name for name in indexes.sortable_columns(PRODUCTS) if name != "code"]


def put_texts(store: Store, texts: list[str], *, indexed: bool) -> list[Product]:
    records = [
        product(
            f"{number:03}{text[:2]}",
            price=number * 37 % 11,
            familleProduit=text[:1] or "TV",
            descriptionProduit=text,
            quantiteMin=number % 3 or None,
        )
        for number, text in enumerate(texts)
    ]
    put(store, records)
    if indexed:
        store.prepare_reading(PRODUCTS)
    rows = store.list_rows(PRODUCTS, Query(page_size=1_000, withdrawn=Withdrawn.SHOW))
    return [row for row in rows if isinstance(row, Product)]


def plainly_folded(text: str) -> str:
    """The reference: letter by letter, with nothing of the code that it checks."""
    extra = {"œ": "oe", "æ": "ae", "ø": "o", "đ": "d", "ł": "l", "ı": "i"}
    bare = [
        letter
        for letter in unicodedata.normalize("NFKD", text.casefold())
        if not unicodedata.combining(letter)
    ]
    return "".join(extra.get(c, c) for letter in bare for c in letter.casefold())


def is_found(row: Product, search: str) -> bool:
    columns = [plainly_folded(row.code), plainly_folded(row.description)]
    return all(any(word in c for c in columns) for word in plainly_folded(search).split())


@pytest.fixture(params=["no indexes", "indexes", "words too"])
def indexed(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> bool:
    if request.param == "words too":
        monkeypatch.setattr(word_index, "WORTH_ROWS", 0)
        monkeypatch.setattr(word_index, "ROWS_PER_STEP", 5)
    return bool(request.param != "no indexes")


def new_store(folder: Path) -> Store:
    return Store.open(folder / f"{time.monotonic_ns()}.db")


@SLOW
@given(texts=st.lists(TEXT, min_size=1, max_size=12), search=TEXT)
def test_a_search_in_sql_finds_what_plain_python_finds(
    tmp_path: Path, indexed: bool, texts: list[str], search: str
) -> None:
    store = new_store(tmp_path)
    rows = put_texts(store, texts, indexed=indexed)
    expected = [row for row in rows if is_found(row, search)]

    assert store.list_rows(PRODUCTS, Query(search=search, page_size=100)) == expected
    assert store.count_rows(PRODUCTS, Query(search=search)) == len(expected)
    families = Counter(row.family for row in expected)
    assert dict(store.list_values(PRODUCTS, "family", Query(search=search))) == families


@pytest.mark.parametrize(
    ("search", "found"),
    [
        ("ecran", {"A"}),
        ("ÉCRAN", {"A"}),
        ("oeuvre", {"B"}),
        ("ŒUVRE", {"B"}),
        ("strasse", {"C"}),
        ("STRAßE", {"C"}),
        ("chef oeuv", {"B"}),
        ("oeuvre nowhere", set()),
        ("x\0", set()),
        ("\ud800", set()),
        ("   ", {"A", "B", "C"}),
        ("\u0301", {"A", "B", "C"}),
    ],
)
def test_accents_ligatures_and_case_do_not_matter(
    store: Store, search: str, found: set[str]
) -> None:
    texts = {"A": "Grand Écran", "B": "Chef d’œuvre", "C": "Straße"}
    put(store, [product(code, descriptionProduit=text) for code, text in texts.items()])

    rows = store.list_rows(PRODUCTS, Query(search=search))

    assert {row.code for row in rows if isinstance(row, Product)} == found


def test_a_customer_is_found_by_name_account_and_number(store: Store) -> None:
    put(store, [customer(1, lastName="Bérénice"), customer(2)], dataset=CUSTOMERS)

    for search in ("berenice", "bkn1cst1", "000000000001", "jean bere"):
        (row,) = store.list_rows(CUSTOMERS, Query(search=search))
        assert isinstance(row, Customer)
        assert row.last_name == "Bérénice"


def test_a_search_follows_what_a_sync_changes(store: Store) -> None:
    put(store, [product("A", descriptionProduit="Télé"), product("B", descriptionProduit="plain")])
    put(store, [product("A", descriptionProduit="Four"), product("B", descriptionProduit="Télé")])

    assert [str(row.code) for row in products_of(store, Query(search="tele"))] == ["B"]
    assert [str(row.code) for row in products_of(store, Query(search="four"))] == ["A"]


def test_more_words_than_sqlite_takes_are_no_error(store: Store) -> None:
    put(store, products(2))

    assert store.count_rows(PRODUCTS, Query(search="x1 " * 50_000)) == 2
    assert store.count_rows(PRODUCTS, Query(search=" ".join(map(str, range(5_000))))) == 0


def products_of(store: Store, query: Query) -> list[Product]:
    return [row for row in store.list_rows(PRODUCTS, query) if isinstance(row, Product)]


def pages_of(store: Store, query: Query) -> Iterator[Product]:
    number = 1
    while page := products_of(store, replaced(query, page=number)):
        yield from page
        number += 1


def replaced(query: Query, **fields: Any) -> Query:
    from dataclasses import replace

    return replace(query, **fields)


def sort_key(row: Product, column: str) -> tuple[Any, ...]:
    value = getattr(row, column)
    if column == "description":
        value = plainly_folded(value)
    return (value is not None, value) if value is not None else (False, 0)


@pytest.mark.parametrize("column", SORTS)
@pytest.mark.parametrize("descending", [False, True])
def test_the_pages_in_any_order_are_all_rows_once(
    tmp_path: Path, indexed: bool, column: str, descending: bool
) -> None:
    store = new_store(tmp_path)
    texts = [f"{letter}{number % 4}" for number, letter in enumerate("bAaBéÉzœ" * 3)]
    rows = put_texts(store, texts, indexed=indexed)
    expected = sorted(rows, key=lambda row: row.code, reverse=descending)
    expected.sort(key=lambda row: sort_key(row, column), reverse=descending)

    query = Query(sort=column, descending=descending, page_size=5)

    assert list(pages_of(store, query)) == expected
    families = ("b", "z")
    chosen = replaced(query, values=(("family", families),), page_size=2)
    assert list(pages_of(store, chosen)) == [row for row in expected if row.family in families]


def test_pages_of_many_that_match_are_right_beyond_the_few_that_are_remembered(
    tmp_path: Path, indexed: bool
) -> None:
    store = new_store(tmp_path)
    records = [
        product(f"{n:05}", price=n * 7919 % 1000, familleProduit="AB"[n % 3 == 0])
        for n in range(2 * FEW_KEYS)
    ]
    put(store, records)
    if indexed:
        store.prepare_reading(PRODUCTS)
    everything = sorted(
        store.list_rows(PRODUCTS, Query(page_size=10_000)),
        key=lambda row: (row.price_cents, row.code) if isinstance(row, Product) else (0, ""),
    )
    queries: list[tuple[Query, list[Any]]] = [
        (Query(), everything),
        (
            Query(values=(("family", ("A",)),)),
            [row for row in everything if getattr(row, "family") == "A"],  # noqa: B009
        ),
        (
            Query(search="frigos", ranges=(("price_cents", 100, None),)),
            [row for row in everything if getattr(row, "price_cents") >= 100],  # noqa: B009
        ),
    ]
    for query, expected in queries:
        sorted_query = replaced(query, sort="price_cents", page_size=100)
        last = (len(expected) + 99) // 100
        assert store.count_rows(PRODUCTS, query) == len(expected) > FEW_KEYS
        for page in (1, last // 2, last - 1, last, last + 1):
            assert (
                store.list_rows(PRODUCTS, replaced(sorted_query, page=page))
                == expected[(page - 1) * 100 : page * 100]
            )


def test_filters_find_what_they_say(store: Store) -> None:
    put(store, [product("A", price=100), product("B", price=200), product("C", price=300)])
    first = store.last_run("products")
    assert first is not None
    time.sleep(0.005)
    moment = datetime.now(UTC)
    put(store, [product("A", price=100), product("B", price=250), product("D", price=300)])

    def codes(**query: Any) -> list[str]:
        return [row.code for row in products_of(store, Query(**query))]

    assert codes(ranges=(("price_cents", 100, 250),)) == ["A", "B"]
    assert codes(ranges=(("price_cents", None, 100),)) == ["A"]
    assert codes(ranges=(("price_cents", 1e300, float("inf")),)) == []
    assert codes(since=(("updated_at", moment - timedelta(milliseconds=1)),)) == ["B", "D"]
    assert codes(since=(("first_seen_at", moment - timedelta(milliseconds=1)),)) == ["D"]
    assert codes(withdrawn=Withdrawn.ONLY) == ["C"]
    assert codes(withdrawn=Withdrawn.SHOW) == ["A", "B", "C", "D"]
    assert codes(values=(("family", ("Frigos", "TV")), ("code", ("A", "D")))) == ["A", "D"]
    assert codes(values=(("family", ()),)) == []


def test_customers_with_and_without_an_account(store: Store) -> None:
    put(store, [customer(1, account=""), customer(2)], dataset=CUSTOMERS)

    for there, name in ((True, "Eddison-2"), (False, "Eddison-1")):
        (row,) = store.list_rows(CUSTOMERS, Query(present=(("account", there),)))
        assert isinstance(row, Customer)
        assert row.last_name == name


@SLOW
@given(name=TEXT | st.sampled_from(["(SELECT 1)", "1; --", "rowid", "search", "code, 1", "CODE"]))
def test_a_name_that_is_no_column_never_reaches_sql(tmp_path: Path, name: str) -> None:
    store = new_store(tmp_path)
    put(store, products(2))
    query = Query(
        sort=name,
        values=((name, ("x",)),),
        ranges=((name, 1, 2),),
        since=((name, datetime.now(UTC)),),
        present=((name, True),),
    )

    assert conditions_of(PRODUCTS, query).clauses == ()
    assert [row.code for row in products_of(store, query)] == ["X1-0", "X1-1"]
    for read in (
        lambda: store.list_values(PRODUCTS, name, Query()),
        lambda: store.bounds(PRODUCTS, name),
        lambda: store.histogram(PRODUCTS, name, Query()),
    ):
        with pytest.raises(KeyError):
            read()


def test_what_is_remembered_ends_with_the_run_that_changes_it(store: Store) -> None:
    put(store, products(3))
    query = Query(search="x1")
    assert store.count_rows(PRODUCTS, query) == 3
    before = store.rows_version(PRODUCTS)

    put(store, products(5))

    assert store.rows_version(PRODUCTS) > before
    assert store.count_rows(PRODUCTS, query) == 5
    store.clear(PRODUCTS, trigger=Trigger.MANUAL)
    assert store.count_rows(PRODUCTS, query) == 0
    store.undo_clear(PRODUCTS, trigger=Trigger.MANUAL)
    assert store.count_rows(PRODUCTS, query) == 5
    assert store.count_rows(PRODUCTS, Query()) == store.totals(PRODUCTS).current == 5


def test_a_run_that_has_begun_does_not_change_the_version(store: Store) -> None:
    from ecommerce_core.journal import NewRun
    from ecommerce_core.models import Action

    put(store, products(3))
    before = store.rows_version(PRODUCTS)

    store.begin_run(NewRun("products", Action.SYNC, Trigger.MANUAL))

    assert store.rows_version(PRODUCTS) == before


@pytest.mark.parametrize("bins", [1, 7, 24])
def test_a_histogram_counts_every_row_once(tmp_path: Path, indexed: bool, bins: int) -> None:
    store = new_store(tmp_path)
    rows = put_texts(store, ["a", "b", "cc"] * 20, indexed=indexed)

    for query in (Query(), Query(values=(("family", ("a",)),)), Query(search="c")):
        expected = [r for r in rows if not query.values or r.family == "a"]
        expected = [r for r in expected if is_found(r, query.search)]
        found = store.histogram(PRODUCTS, "price_cents", query, bins=bins)
        assert len(found) <= bins
        assert sum(count for *_edges, count in found) == len(expected)
        for low, high, count in found[:-1]:
            assert count == sum(low <= row.price_cents < high for row in expected)
    ranged = store.histogram(
        PRODUCTS, "price_cents", Query(ranges=(("price_cents", 3, 5),)), bins=bins
    )
    assert sum(count for *_edges, count in ranged) == sum(3 <= r.price_cents <= 5 for r in rows)


def test_a_histogram_of_fractions_and_of_nothing(store: Store) -> None:
    assert store.histogram(CUSTOMERS, "loyalty_points", Query()) == []
    points = [0.5, 1.25, 9.75, None]
    records = [customer(n, fidelityPoint=value) for n, value in enumerate(points)]
    put(store, records, dataset=CUSTOMERS)

    found = store.histogram(CUSTOMERS, "loyalty_points", Query(), bins=4)

    assert (found[0][0], found[-1][1]) == (0.5, 9.75) == store.bounds(CUSTOMERS, "loyalty_points")
    assert [count for *_edges, count in found] == [2, 0, 0, 1]


def test_all_rows_come_from_one_state_though_a_sync_changes_them_meanwhile(store: Store) -> None:
    put(store, products(30, price=1))
    chunks = store.iter_rows(PRODUCTS, Query(sort="price_cents"), chunk=10)
    seen = list(next(chunks))

    impatient = Store(store.path, busy_timeout_s=0.2)
    put(impatient, products(40, price=2))  # a reader that kept its lock would make this fail

    for chunk in chunks:
        seen.extend(chunk)
    assert [row.price_cents for row in seen if isinstance(row, Product)] == [1] * 30


def test_closing_an_export_half_way_lets_go_of_everything(store: Store) -> None:
    put(store, products(30))
    chunks = store.iter_rows(PRODUCTS, Query(search="x1"), chunk=10)
    next(chunks)

    chunks.close()  # type: ignore[attr-defined]

    put(store, products(31))
    assert store.totals(PRODUCTS).current == 31


def test_a_large_sync_drops_the_indexes_and_a_small_one_keeps_them(store: Store) -> None:
    put(store, products(5))
    store.prepare_reading(PRODUCTS)
    wanted = set(indexes.definitions(PRODUCTS))

    def present() -> set[str]:
        with store.reading() as db:
            return indexes.list_present(db, PRODUCTS)

    assert present() == wanted
    put(store, products(6))
    assert present() == wanted
    put(store, products(indexes.FEW_ROWS + 10))
    assert present() == set()
    assert store.prepare_reading(PRODUCTS, at_most=1) == len(wanted) - 1
    assert store.prepare_reading(PRODUCTS) == 0
    assert present() == wanted


def test_the_worker_builds_what_a_sync_dropped(application: Application, peers: Peers) -> None:
    peers.serve_products(products(indexes.FEW_ROWS + 10))
    application.request_sync("products", actor=LOCAL, trigger=Trigger.MANUAL).wait(20)

    give_up_at = time.monotonic() + 10
    while time.monotonic() < give_up_at:
        with application.store.reading() as db:
            if not indexes.list_missing(db, PRODUCTS):
                break
        time.sleep(0.05)
    else:
        pytest.fail("the indexes were not built")


@pytest.fixture
def words_indexed(monkeypatch: pytest.MonkeyPatch) -> None:
    """Small tables have an index of words, too, built in several steps."""
    monkeypatch.setattr(word_index, "WORTH_ROWS", 1)
    monkeypatch.setattr(word_index, "ROWS_PER_STEP", 7)


def words_hold(store: Store, dataset: Dataset = PRODUCTS) -> bool:
    with store.reading() as db:
        return word_index.is_of(db, dataset, store.rows_version(dataset))


@pytest.mark.usefixtures("words_indexed")
def test_the_index_of_words_follows_whatever_runs_do_to_the_rows(store: Store) -> None:
    def named(*texts: str) -> list[Any]:
        return [product(f"C{n:02}", descriptionProduit=text) for n, text in enumerate(texts)]

    many = [f"Télé {n}" for n in range(20)]
    steps: list[Callable[[], object]] = [
        lambda: put(store, named(*many)),
        lambda: put(store, named("Four", "Écran 冷", *many[2:])),
        lambda: put(store, named("Four", *many[1:15])),
        lambda: put(store, named("Télé again", *many[1:])),
        lambda: store.clear(PRODUCTS, trigger=Trigger.MANUAL),
        lambda: store.undo_clear(PRODUCTS, trigger=Trigger.MANUAL),
        lambda: put(store, named(*(f"Four {n}" for n in range(25)))),
    ]
    for step in steps:
        step()
        assert not words_hold(store)
        # Before, half-way, and when it is done.
        for at_most in (1, 1, None, None):
            store.read_cache = ReadCache()
            found = products_of(store, Query(page_size=100))
            for search in ("tele", "four", "écran", "冷", "tele 1", "again", "crans", "c01"):
                expected = [row for row in found if is_found(row, search)]
                assert products_of(store, Query(search=search, page_size=100)) == expected
                assert store.count_rows(PRODUCTS, Query(search=search)) == len(expected)
            store.prepare_reading(PRODUCTS, at_most=at_most)
        assert words_hold(store) or not found


@pytest.mark.usefixtures("words_indexed")
def test_no_letter_is_another_to_the_index_of_words_than_to_a_search(store: Store) -> None:
    letters = {
        letter
        for code in range(0x80, 0x110000)
        if not 0xD800 <= code < 0xE000
        for letter in fold(chr(code))
        if not letter.isascii()
    }
    with store.writing() as db:
        db.execute("CREATE VIRTUAL TABLE folded USING fts5(text, tokenize='trigram')")
        db.conn.executemany("INSERT INTO folded VALUES (?)", ((f"{c}{c}{c}",) for c in letters))
        asked = [f'"{chr(code) * 3}"' for code in range(0x21, 0x7F) if chr(code) != '"']
        found = "SELECT count(*) FROM folded WHERE folded MATCH ?"
        assert [db.execute(found, [a]).fetchone()[0] for a in asked] == [0] * len(asked)


@pytest.mark.usefixtures("words_indexed")
def test_where_sqlite_has_no_such_index_one_that_came_with_the_file_is_left_alone(
    store: Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    put(store, products(20))
    store.prepare_reading(PRODUCTS)
    assert words_hold(store)
    monkeypatch.setattr(word_index, "_IS_THERE", False)
    store.read_cache = ReadCache()

    assert not words_hold(store)
    assert store.count_rows(PRODUCTS, Query(search="x1-1")) == 11
    put(store, products(30))
    assert store.prepare_reading(PRODUCTS) == 0


def test_many_that_a_search_finds_are_counted_with_and_without_the_index_of_words(
    store: Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    records = [
        product(f"{n:05}", familleProduit="ABC"[n % 3], descriptionProduit=f"Télé{n % 2}")
        for n in range(3 * FEW_KEYS)
    ]
    put(store, records)
    queries = [
        Query(search="tele"),
        Query(search="te"),
        Query(search="tele1 00"),
        Query(search="te e1"),
        Query(search="tele0", values=(("family", ("A", "B")),)),
        Query(search="tele", ranges=(("price_cents", 1, None),)),
        Query(search="tele", withdrawn=Withdrawn.SHOW),
    ]

    def check(listed: list[Any]) -> None:
        store.read_cache = ReadCache()
        for query in queries:
            among = records if query.withdrawn is Withdrawn.SHOW else listed
            wanted = sum(_has(record, query) for record in among)
            assert store.count_rows(PRODUCTS, query) == wanted, query

    check(records)
    monkeypatch.setattr(word_index, "WORTH_ROWS", 1)
    store.prepare_reading(PRODUCTS)
    check(records)
    listed = records[:-100]
    put(store, listed)
    check(listed)
    store.prepare_reading(PRODUCTS)
    assert words_hold(store)
    check(listed)


def test_a_count_is_right_though_the_index_of_words_came_after_the_search_began(
    store: Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    class Forgetful(ReadCache):
        """Keeps that there are many, and lets go of how many, as a full one does by chance."""

        def get(self, key: Any, read: Callable[[], Any]) -> Any:
            return read() if "count" in key else super().get(key, read)

    store.read_cache = Forgetful()
    put(store, products(FEW_KEYS + 50))
    assert store.count_rows(PRODUCTS, Query(search="x1-")) == FEW_KEYS + 50
    monkeypatch.setattr(word_index, "WORTH_ROWS", 1)
    store.prepare_reading(PRODUCTS)

    assert words_hold(store)
    assert store.count_rows(PRODUCTS, Query(search="x1-")) == FEW_KEYS + 50


def _has(record: Any, query: Query) -> bool:
    texts = record["codeProduit"], plainly_folded(record["descriptionProduit"])
    chosen = dict(query.values).get("family")
    return (chosen is None or record["familleProduit"] in chosen) and all(
        any(word in text for text in texts) for word in query.search.split()
    )


def test_rows_that_stand_together_at_the_far_end_of_an_order_are_found(
    store: Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(row_page, "FEW_TO_PASS", 100)
    monkeypatch.setattr(word_index, "WORTH_ROWS", 1)
    count = 2 * FEW_KEYS + 10
    put(
        store,
        [
            product(
                f"{n:05}",
                price=n // 2,
                familleProduit="AZ"[n >= count // 2 - 9],
                descriptionProduit=f"{'eÉfF'[n * 4 // count]}{n % 7}"
                + " far" * (n >= count // 2 - 9),
            )
            for n in range(count)
        ],
    )
    store.prepare_reading(PRODUCTS)
    everything = products_of(store, Query(values=(("family", ("Z",)),), page_size=10_000))
    assert len(everything) > FEW_KEYS
    for sort in ("price_cents", "catalogue_id", "code", "description"):
        everything.sort(key=lambda row: (*sort_key(row, sort), row.code))  # noqa: B023
        for asked in (Query(values=(("family", ("Z",)),)), Query(search="far")):
            for page in (1, 2, 7, 20, 21):
                query = replaced(asked, sort=sort, page=page, page_size=100)
                assert products_of(store, query) == everything[(page - 1) * 100 : page * 100]
    assert words_hold(store)


@pytest.mark.parametrize(
    "query",
    [
        Query(search="x1"),
        Query(search="frigos", sort="description"),
        Query(search="x1", sort="price_cents", ranges=(("price_cents", 0, None),)),
        Query(values=(("family", ("Frigos",)),), sort="family"),
    ],
)
def test_the_first_page_of_many_is_there_before_they_are_counted(
    store: Store, monkeypatch: pytest.MonkeyPatch, query: Query
) -> None:
    monkeypatch.setattr(word_index, "WORTH_ROWS", 1)
    put(store, products(FEW_KEYS + 100))
    store.prepare_reading(PRODUCTS)
    count_by_words = Selection._count_by_words

    def fail(_: Selection) -> int:
        raise AssertionError("counted")

    def count_some(selection: Selection, question: str, limit: int | None = None) -> int:
        assert limit is not None, "counted"
        return count_by_words(selection, question, limit)

    with monkeypatch.context() as patched:
        patched.setattr(Selection, "count", fail)
        patched.setattr(Selection, "_count_by_words", count_some)
        first = products_of(store, query)
        with pytest.raises(AssertionError, match="counted"):
            products_of(store, replaced(query, page=2))
    assert first == products_of(store, replaced(query, page_size=2 * FEW_KEYS))[:50]


def test_readers_and_an_index_being_built_do_not_fail_each_other(store: Store) -> None:
    put(store, products(3_000))
    errors: list[StoreError] = []
    done = threading.Event()

    def read() -> None:
        while not done.is_set():
            try:
                assert len(store.list_rows(PRODUCTS, Query(sort="price_cents", search="x1"))) == 50
            except StoreError as error:
                errors.append(error)

    reader = threading.Thread(target=read)
    reader.start()
    try:
        store.prepare_reading(PRODUCTS)
    finally:
        done.set()
        reader.join(10)

    assert errors == []


@pytest.mark.parametrize("dataset", [PRODUCTS, CUSTOMERS])
def test_every_order_and_every_filter_has_an_index(store: Store, dataset: Dataset) -> None:
    store.prepare_reading(dataset)
    for column in indexes.sortable_columns(dataset):
        with store.reading() as db:
            plan = " ".join(
                row[3]
                for row in db.execute(
                    f"EXPLAIN QUERY PLAN SELECT {dataset.key} FROM {dataset.table}"
                    f" WHERE +(withdrawn_at IS NULL)"
                    f" ORDER BY {indexes.order_of(dataset, column)}, {dataset.key}"
                )
            )
        assert "TEMP B-TREE" not in plan, (column, plan)
        # What is passed over on the way to a page is not looked up in the table.
        if column != dataset.key:
            assert "USING COVERING INDEX" in plan, (column, plan)


def test_between_two_runs_rows_come_go_change_and_return(store: Store) -> None:
    first = put(store, [product("A"), product("B"), product("C"), product("E", price=1)])
    time.sleep(0.005)
    second = put(store, [product("A", price=2), product("B"), product("E", price=9)])
    time.sleep(0.005)
    third = put(
        store,
        [product("A", price=3), product("C"), product("D"), product("E", price=1)],
    )

    def told(one: int, other: int, **asked: Any) -> list[tuple[Any, ...]]:
        found = store.compare_runs(PRODUCTS, one, other, **asked)
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
    (change,) = store.compare_runs(PRODUCTS, first.id, third.id, kind=ChangeKind.UPDATED)
    assert (change.old, change.new) == (100, 3)
    assert store.compare_counts(PRODUCTS, first.id, third.id) == {
        ChangeKind.ADDED: 1,
        ChangeKind.WITHDRAWN: 1,
        ChangeKind.UPDATED: 1,
    }
    assert told(first.id, third.id, search="p1-d") == [("added", "D", None)]
    assert store.compare_counts(PRODUCTS, 0, first.id)[ChangeKind.ADDED] == 4
    everything = told(first.id, third.id)
    paged = [told(first.id, third.id, page=n, page_size=1) for n in (1, 2, 3, 4)]
    assert [entry for page in paged for entry in page] == everything


def test_the_history_of_a_row_says_when(store: Store) -> None:
    put(store, [product("A", price=1)])
    run = put(store, [product("A", price=2)])

    (entry,) = store.list_history("products", "A")

    assert (entry.run_id, entry.at, entry.field) == (run.id, run.finished_at, "price_cents")
    assert (entry.old, entry.new) == (1, 2)


def test_the_size_over_time_is_exact_through_returns_clears_and_undos(store: Store) -> None:
    for count in (30, 20, 25):
        put(store, products(count))
    store.clear(PRODUCTS, trigger=Trigger.MANUAL)
    store.undo_clear(PRODUCTS, trigger=Trigger.MANUAL)

    sizes = store.size_over_time(PRODUCTS)

    assert [size for _at, size in sizes] == [30, 20, 25, 0, 25]
    assert [at for at, _size in sizes] == sorted(at for at, _size in sizes)
    assert sizes[-1][1] == store.totals(PRODUCTS).current
    assert len(store.size_over_time(PRODUCTS, limit=2)) == 2


def test_an_older_database_is_searched_like_a_new_one(tmp_path: Path) -> None:
    import sqlite3
    from contextlib import closing

    from tests.faults.dump_schema import dump_of

    database = tmp_path / "old.db"
    with closing(sqlite3.connect(database)) as connection:
        connection.executescript(dump_of("m002_journal"))
    store = Store.open(database)

    assert store.count_rows(PRODUCTS, Query(search="x1-1 ete")) == 1
    assert store.count_rows(CUSTOMERS, Query(search="zoe o'neil")) == 1
    store.undo_clear(PRODUCTS, trigger=Trigger.MANUAL)
    assert store.count_rows(PRODUCTS, Query(search="x1-3 冷")) == 1


def test_words_are_folded_once_each() -> None:
    assert words_of("  Été  ete\tTV ") == ["ete", "tv"]
    assert fold("Œuf ß Å ﬁ") == "oeuf ss a fi"
    assert json.dumps(fold("İstanbul")) == '"istanbul"'
