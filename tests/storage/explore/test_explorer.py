"""SQL queries: their results, the journal's tables, and how they end."""

from __future__ import annotations

import threading
from datetime import date, datetime
from decimal import Decimal
from pathlib import Path

import duckdb
import pytest

from ecommerce_core.datasets import CUSTOMERS, PRODUCTS
from ecommerce_core.domain import ExploreBusy, ExploreCancelled, ExploreRefused, RowsPreparing
from ecommerce_core.storage import Snapshots, Store
from ecommerce_core.storage.explore import Explorer, Limits
from ecommerce_core.storage.explore.explorer import AT_ONCE, MOST_WAITING
from ecommerce_core.storage.explore.journal_copy import JournalCopy
from ecommerce_core.storage.explore.tables import list_tables
from tests.storage.explore.shop import AskedShop, products
from tests.support.rows import put
from tests.support.waiting import until

ENDLESS = "SELECT count(*) FROM range(1000000000000)"


def test_money_is_in_euros_and_rows_come_in_the_order_that_was_asked_for(shop: AskedShop) -> None:
    sql = "SELECT code, price_eur FROM products WHERE price_eur >= 28 ORDER BY price_eur DESC"

    assert shop.rows(sql) == [
        ("X1-29", Decimal("30.00")),
        ("X1-28", Decimal("29.00")),
        ("X1-27", Decimal("28.00")),
    ]


def test_every_kind_of_value_comes_as_something_that_everybody_reads(shop: AskedShop) -> None:
    found = shop.ask(
        "SELECT true AS a, 1::UTINYINT AS b, 170::HUGEINT AS c, 1.5::FLOAT AS d, 1.25 AS e,"
        " DATE '2026-01-31' AS f, TIMESTAMP '2026-01-31 08:15:00' AS g, [1, 2] AS h,"
        " 'nan'::DOUBLE AS i, 'infinity'::TIMESTAMP AS j, NULL AS k, INTERVAL 3 DAY AS l, 1 AS a"
    )

    assert [(column.name, column.kind) for column in found.columns] == [
        ("a", "text"),
        ("b", "number"),
        ("c", "number"),
        ("d", "number"),
        ("e", "number"),
        ("f", "date"),
        ("g", "moment"),
        ("h", "text"),
        ("i", "number"),
        ("j", "moment"),
        ("k", "text"),
        ("l", "text"),
        ("a_2", "number"),
    ]
    assert [column.decimals for column in found.columns[:5]] == [None, None, None, None, 2]
    [row] = found.table().to_pylist()
    assert row == {
        "a": "true",
        "b": 1,
        "c": 170,
        "d": 1.5,
        "e": Decimal("1.25"),
        "f": date(2026, 1, 31),
        "g": datetime(2026, 1, 31, 8, 15),
        "h": "[1, 2]",
        "i": None,
        "j": None,
        "k": None,
        "l": "3 days",
        "a_2": 1,
    }


def test_a_dataset_holds_its_current_rows_and_all_beside_it(shop: AskedShop) -> None:
    shop.put(products(20))

    assert shop.rows("SELECT count(*) FROM products") == [(20,)]
    assert shop.rows("SELECT count(*), count(withdrawn_at) FROM products_all") == [(30, 10)]


def test_what_is_kept_beside_the_rows_is_no_column(shop: AskedShop) -> None:
    names = [column.name for column in shop.ask("FROM products").columns]

    assert names == [column.field for column in PRODUCTS.row_columns]


def test_an_answer_is_cut_where_it_is_longer_than_it_may_be(shop: AskedShop) -> None:
    limits = Limits(rows=7, file_mb=8)

    cut = shop.ask("SELECT * FROM range(8)", limits=limits)
    whole = shop.ask("SELECT * FROM range(7)", limits=limits)

    assert (cut.rows, cut.is_cut, cut.table().num_rows) == (7, True, 7)
    assert (whole.rows, whole.is_cut, whole.table().num_rows) == (7, False, 7)


def test_runs_and_changes_are_those_of_the_journal_in_the_units_of_files(shop: AskedShop) -> None:
    changed = products()
    changed[3] |= {"prix": 250, "descriptionProduit": "Autre"}
    shop.put(changed)

    assert shop.rows("SELECT run_id, dataset, status, added, updated FROM runs ORDER BY 1") == [
        (1, "products", "succeeded", 30, 0),
        (2, "customers", "succeeded", 2, 0),
        (3, "products", "succeeded", 0, 1),
    ]
    assert shop.rows(
        "SELECT key, field, old, new, new_number - old_number FROM changes ORDER BY field DESC"
    ) == [
        ("X1-3", "price_eur", "4.00", "2.50", -1.5),
        ("X1-3", "description", changed_from(), "Autre", None),
    ]
    # The changes of the next run appear as soon as it has ended.
    shop.put(products())
    assert shop.rows("SELECT count(DISTINCT run_id) FROM changes") == [(2,)]


def changed_from() -> str:
    return str(products()[3]["descriptionProduit"])


def test_of_many_changes_those_of_the_last_runs_are_kept_whole(
    shop: AskedShop, tmp_path: Path
) -> None:
    for price in (200, 300, 400):
        shop.put(products(prix=price))
    [table] = [one for one in list_tables((PRODUCTS, CUSTOMERS)) if one.name == "changes"]

    def runs_kept(most_changes: int) -> set[int]:
        copy = JournalCopy(table, shop.store, (PRODUCTS,), most_changes=most_changes)
        path = copy.path(tmp_path)
        assert path is not None
        with duckdb.connect(path, read_only=True) as database:
            return {run for (run,) in database.execute("SELECT run_id FROM changes").fetchall()}

    assert runs_kept(1_000) == {3, 4, 5}
    assert runs_kept(60) == {4, 5}
    assert runs_kept(45) == {5}


def test_an_empty_shop_has_empty_tables(tmp_path: Path) -> None:
    store = Store.open(tmp_path / "shop.db")
    snapshots = Snapshots(store.path, store)
    explorer = Explorer(snapshots, store, (PRODUCTS, CUSTOMERS), memory_mb=64, timeout_s=20)

    for table in explorer.tables:
        assert explorer.start(f"FROM {table.name}").result().rows == 0
    explorer.close()


def test_rows_that_are_not_published_yet_are_no_empty_table(tmp_path: Path) -> None:
    store = Store.open(tmp_path / "shop.db")
    put(store, products())
    snapshots = Snapshots(store.path, store)
    explorer = Explorer(snapshots, store, (PRODUCTS, CUSTOMERS), memory_mb=64, timeout_s=20)

    with pytest.raises(RowsPreparing):
        explorer.start("FROM products").result()
    assert explorer.start("SELECT 1").result().rows == 1
    explorer.close()


def test_a_question_that_runs_is_cancelled_at_once(shop: AskedShop) -> None:
    asked = shop.explorer.start(ENDLESS)
    assert not asked.wait(1)

    asked.cancel()

    with pytest.raises(ExploreCancelled):
        asked.result()
    assert asked.elapsed_s < shop.explorer.timeout_s


def test_a_question_that_waits_is_cancelled_before_it_begins(shop: AskedShop) -> None:
    running = [shop.explorer.start(ENDLESS) for _ in range(AT_ONCE)]
    waiting = shop.explorer.start("SELECT 1")
    waiting.cancel()
    for asked in running:
        asked.cancel()

    with pytest.raises(ExploreCancelled):
        waiting.result()


def test_more_than_a_few_questions_are_turned_away(shop: AskedShop) -> None:
    asked = [shop.explorer.start(ENDLESS) for _ in range(AT_ONCE + MOST_WAITING)]

    with pytest.raises(ExploreBusy):
        shop.explorer.start("SELECT 1")

    for one in asked:
        one.cancel()
        assert one.wait(20)
    assert shop.rows("SELECT 1") == [(1,)]


def test_a_stop_ends_what_is_being_answered_and_leaves_no_file(shop: AskedShop) -> None:
    asked = shop.explorer.start(ENDLESS)
    assert not asked.wait(0.5)

    shop.explorer.close()

    assert asked.wait(0)
    with pytest.raises(ExploreCancelled):
        shop.explorer.start("SELECT 1")
    assert not list(shop.snapshots.folder.glob("spill-*"))


def test_a_question_that_is_too_long_to_be_an_address_is_refused(shop: AskedShop) -> None:
    with pytest.raises(ExploreRefused):
        shop.explorer.start(f"SELECT '{'x' * 6_000}'")


def test_versions_may_come_while_questions_are_asked(shop: AskedShop) -> None:
    stopped, counts = threading.Event(), set[int]()

    def ask() -> None:
        while not stopped.is_set():
            counts.update(count for (count,) in shop.rows("SELECT count(*) FROM products"))

    thread = threading.Thread(target=ask)
    thread.start()
    for size in range(30, 36):
        shop.put(products(size))
    until(lambda: 35 in counts)
    stopped.set()
    thread.join()

    assert counts <= set(range(30, 36))
