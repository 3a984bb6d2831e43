"""Fifteen questions of analysts: the same numbers on the page, by address, in CSV and in pandas.

What is expected is computed in plain Python from the records of the sandbox's peers, before and
after some simulated days. docs/questions.md lists the questions with their addresses.
"""

from __future__ import annotations

import json
from collections import Counter, defaultdict
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from io import BytesIO
from pathlib import Path
from statistics import median
from typing import Any
from urllib.parse import parse_qsl, urlencode

import msgspec
import pandas as pd
import pytest

from ecommerce_core.application import Application
from ecommerce_core.sandbox.catalogue import Shop
from ecommerce_core.sandbox.crm import Customers
from ecommerce_core.settings import PROJECT_ROOT, Settings
from pages.ui import current_application
from tests.companion.data_routes.shop import DataServer, serving
from tests.support.page_session import Page
from tests.support.peers import Peers

Record = Mapping[str, Any]
Row = tuple[Any, ...]
PAGE_ROWS = 25
EPOCHS_LATER = 60


@dataclass(frozen=True)
class Records:
    """What the peers listed at the first fetch and at the last."""

    products_before: Mapping[str, Record]
    products: Mapping[str, Record]
    customers: Sequence[Record]


@dataclass(frozen=True)
class Question:
    """A question. ``expected`` has its rows in the order of ``columns``.

    ``path`` is a page, ``products/changes`` or ``explore``; ``ordered_by`` is the place of the
    column by which the rows are sorted, ``descending`` or not.
    """

    said: str
    path: str
    query: str
    columns: tuple[str, ...]
    expected: Callable[[Records], list[Row]]
    ordered_by: int | None = None
    descending: bool = True

    @property
    def sql(self) -> str:
        return dict(parse_qsl(self.query)).get("sql", "")


def euros(cents: int) -> float:
    return round(cents / 100, 2)


def dear_tvs(records: Records) -> list[Row]:
    return [
        (code, euros(one["prix"]))
        for code, one in records.products.items()
        if one["familleProduit"] == "TV" and one["prix"] <= 49_999
    ]


def price_moves(records: Records) -> list[Row]:
    found = []
    for code, one in records.products.items():
        before = records.products_before.get(code)
        if before is not None and before["prix"] != one["prix"]:
            found.append((code, euros(one["prix"] - before["prix"])))
    return found


def without_account(records: Records) -> list[Row]:
    return [
        (one["idClient"], round(float(one["fidelityPoint"]), 3))
        for one in records.customers
        if not one["account"]
    ]


def lost(records: Records) -> list[Row]:
    gone = records.products_before.keys() - records.products.keys()
    return [(code, records.products_before[code]["familleProduit"]) for code in gone]


def arrivals(records: Records) -> list[Row]:
    return [(code,) for code in records.products.keys() - records.products_before.keys()]


def other_minimum(records: Records) -> list[Row]:
    return [
        (code, one["quantiteMin"])
        for code, one in records.products.items()
        if one["quantiteMin"] != 1
    ]


def twins(records: Records) -> list[Row]:
    counts = Counter(one["descriptionProduit"] for one in records.products.values())
    return [(text, count) for text, count in counts.items() if count > 1]


def shares(records: Records) -> list[Row]:
    counts = Counter(one["familleProduit"] for one in records.products.values())
    total = len(records.products)
    return [(family, n, round(100 * n / total, 1)) for family, n in counts.items()]


def withdrawn(records: Records) -> list[Row]:
    return [(code,) for code in records.products_before.keys() - records.products.keys()]


def changed(records: Records) -> list[Row]:
    return [
        (code,)
        for code, one in records.products.items()
        if records.products_before.get(code) != one
    ]


def payments(records: Records) -> list[Row]:
    counts = Counter(float(one["payment"]) for one in records.customers)
    return list(counts.items())


def medians(records: Records) -> list[Row]:
    prices: dict[str, list[int]] = defaultdict(list)
    for one in records.products.values():
        prices[one["familleProduit"]].append(one["prix"])
    return [(family, round(median(cents) / 100, 3)) for family, cents in prices.items()]


def black_but_no_tv(records: Records) -> list[Row]:
    return [
        (code, euros(one["prix"]))
        for code, one in records.products.items()
        if one["familleProduit"] not in {"TV", "Photo"} and "noir" in one["descriptionProduit"]
    ]


def loyal(records: Records) -> list[Row]:
    return [
        (one["idClient"], round(float(one["fidelityPoint"]), 3))
        for one in records.customers
        if one["fidelityPoint"] >= 200 and one["account"]
    ]


def middle_prices(records: Records) -> list[Row]:
    return [
        (code, euros(one["prix"]))
        for code, one in records.products.items()
        if not 10_000 <= one["prix"] <= 100_000 and "Barre de son" not in one["descriptionProduit"]
    ]


TWINS = (
    "SELECT description, count(*) AS n FROM products GROUP BY 1 HAVING count(*) > 1 ORDER BY 2 DESC"
)
SHARES = (
    "SELECT family, count(*) AS n, round(100.0 * count(*) / sum(count(*)) OVER (), 1) AS percent"
    " FROM products GROUP BY 1 ORDER BY 2 DESC"
)
PAYMENTS = "SELECT payment, count(*) AS n FROM customers GROUP BY 1 ORDER BY 2 DESC"
MEDIANS = (
    "SELECT family, median(CAST(price_eur AS DOUBLE)) AS median FROM products"
    " GROUP BY 1 ORDER BY 2 DESC"
)


def in_sql(sql: str) -> str:
    return urlencode({"mode": "sql", "sql": sql})


QUESTIONS = (
    Question(
        "The dearest TV under 500 €",
        "products",
        "family=TV&price=-499.99&sort=-price",
        ("code", "price_eur"),
        dear_tvs,
        ordered_by=1,
    ),
    Question(
        "What went up most between two runs",
        "products/changes",
        "from=1&to=3&field=price&order=-difference",
        ("key", "difference"),
        price_moves,
        ordered_by=1,
    ),
    Question(
        "Customers without an account, by points",
        "customers",
        "account=no&sort=-points",
        ("customer_id", "loyalty_points"),
        without_account,
        ordered_by=1,
    ),
    Question(
        "Families that lost products",
        "products/changes",
        "from=1&to=3&kind=withdrawn&order=family",
        ("key", "family"),
        lost,
        ordered_by=1,
        descending=False,
    ),
    Question("The newest arrivals", "products", "new=last&sort=-new", ("code",), arrivals),
    Question(
        "Products whose catalogue minimum differs from ours",
        "products",
        "minimum.outside=1-1&sort=-minimum",
        ("code", "catalogue_min_quantity"),
        other_minimum,
        ordered_by=1,
    ),
    Question(
        "Descriptions that occur more than once",
        "explore",
        in_sql(TWINS),
        ("description", "n"),
        twins,
        ordered_by=1,
    ),
    Question(
        "The share of each family",
        "explore",
        in_sql(SHARES),
        ("family", "n", "percent"),
        shares,
        ordered_by=1,
    ),
    Question("What was withdrawn this week", "products", "gone=7d", ("code",), withdrawn),
    Question("The rows that the last run changed", "products", "changed=last", ("code",), changed),
    Question(
        "Customers by payment",
        "explore",
        in_sql(PAYMENTS),
        ("payment", "n"),
        payments,
        ordered_by=1,
    ),
    Question(
        "The median price of each family",
        "explore",
        in_sql(MEDIANS),
        ("family", "median"),
        medians,
        ordered_by=1,
    ),
    Question(
        "Black products, but no TV and no camera, the cheapest first",
        "products",
        "family.not=TV&family.not=Photo&description.contains=NOIR&sort=price",
        ("code", "price_eur"),
        black_but_no_tv,
        ordered_by=1,
        descending=False,
    ),
    Question(
        "Customers with 200 points or more and an account",
        "customers",
        "points=200-&account=yes&sort=-points",
        ("customer_id", "loyalty_points"),
        loyal,
        ordered_by=1,
    ),
    Question(
        "The cheap and the dear, without sound bars",
        "products",
        "price.outside=100-1000&description.lacks=barre+de+son&sort=-price",
        ("code", "price_eur"),
        middle_prices,
        ordered_by=1,
    ),
)


@dataclass(frozen=True)
class Opened:
    server: DataServer
    records: Records


@pytest.fixture(scope="module")
def shop(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Opened]:
    """Yield a server that fetched both datasets, and again some simulated days later."""
    catalogue, crm = Shop(size=400, seed=1), Customers(size=300, seed=1)
    folder: Path = tmp_path_factory.mktemp("questions")
    with Peers() as peers:
        settings = Settings(database=folder / "ecommerce.db")
        application = Application.open(settings, gateway_url=peers.url)
        current_application.install(application)
        with serving(application) as server:
            found = []
            for epoch in (0, EPOCHS_LATER):
                products = plain(catalogue.records(epoch))
                for number, one in enumerate(products):
                    # The sandbox has no two alike.
                    if number % 90 == 3:
                        one["descriptionProduit"] = products[number % 4]["descriptionProduit"]
                peers.serve_products(products)
                peers.serve_customers(plain(crm.records(epoch)))
                assert server.fetch("products").status.is_good
                assert server.fetch("customers").status.is_good
                found.append({one["codeProduit"]: one for one in products})
            yield Opened(server, Records(found[0], found[1], plain(crm.records(EPOCHS_LATER))))
        current_application.install(None)


def plain(records: Iterator[msgspec.Struct]) -> list[dict[str, Any]]:
    """Return records as they are on the wire."""
    found: list[dict[str, Any]] = json.loads(msgspec.json.encode(list(records)))
    return found


def assert_same(question: Question, found: Sequence[Row], expected: Sequence[Row]) -> None:
    """Assert that all rows are there, in their order."""
    assert sorted(found) == sorted(expected)
    if question.ordered_by is not None:
        place = question.ordered_by
        values = [row[place] for row in found]
        assert values == sorted(values, reverse=question.descending)


def route(question: Question, file_format: str) -> str:
    """Return the address of the data route of a question."""
    if question.path == "explore":
        return f"explore.{file_format}?{urlencode({'sql': question.sql})}"
    columns = f"&columns={','.join(question.columns)}"
    return f"{question.path}.{file_format}?{question.query}{columns}"


def rows_of(table: pd.DataFrame) -> list[Row]:
    """Return rows with plain values: numbers as floats, rounded as the expected ones."""

    def plain_value(value: Any) -> Any:
        return value if isinstance(value, str) else round(float(value), 3)

    return [tuple(map(plain_value, row)) for row in table.itertuples(index=False)]


@pytest.mark.parametrize("question", QUESTIONS, ids=lambda question: question.said)
def test_the_answer_is_the_same_in_csv_and_in_a_notebook(shop: Opened, question: Question) -> None:
    expected = question.expected(shop.records)
    csv = pd.read_csv(shop.server.url(route(question, "csv")))
    parquet = pd.read_parquet(BytesIO(shop.server.get(route(question, "parquet")).body))

    assert expected, "a question that finds nothing shows nothing"
    assert list(csv.columns) == list(question.columns)
    assert_same(question, rows_of(csv), expected)
    assert_same(question, rows_of(parquet[list(question.columns)]), expected)


@pytest.mark.parametrize("question", QUESTIONS, ids=lambda question: question.said)
def test_the_page_of_the_address_answers_it(shop: Opened, question: Question) -> None:
    expected = question.expected(shop.records)
    name, _, part = question.path.partition("/")
    query = dict[str, Any]()
    for key, value in parse_qsl(question.query):
        query.setdefault(key, []).append(value)
    query |= {"view": ["changes"]} if part else {"as": ["table"]} if name == "customers" else {}
    page = Page.open(shop.server.application, name, **query)

    if name == "explore":
        assert_same(question, rows_of(page.table_named("The answer")), expected)
        return
    total = len(expected)
    last = min(PAGE_ROWS, total)
    assert f"1–{last} of {total}" in page.texts()
    table = page.table(f"{name}_differences" if part else f"{name}_table")
    key = question.columns[0]
    by_key = {row[0]: row for row in expected}
    found = [by_key[one] for one in table[key]]
    assert len(set(found)) == last
    if question.ordered_by is not None:
        place = question.ordered_by
        values = sorted((row[place] for row in expected), reverse=question.descending)
        assert [row[place] for row in found] == values[:PAGE_ROWS]


def test_there_are_fifteen_and_each_is_on_the_page_of_questions_with_its_address() -> None:
    text = (PROJECT_ROOT / "docs" / "questions.md").read_text("utf-8")

    assert len(QUESTIONS) == 15
    for question in QUESTIONS:
        assert question.said in text
        assert (question.sql or question.query) in text, question.said
