"""The changes between two runs, as a file."""

from __future__ import annotations

import json
from collections.abc import Iterator
from io import BytesIO
from pathlib import Path

import pyarrow.parquet as pq
import pytest

from ecommerce_core.application import Application
from ecommerce_core.settings import Settings
from tests.companion.data_routes.shop import DataServer, serving
from tests.companion.data_routes.written import lines_of, sheet_of
from tests.support.peers import Peers, customer, product

FIELDS = ["key", "kind", "field", "old", "new", "difference", "percent", "title", "family"]
NEW_TITLE, GONE_TITLE, A_TITLE = "Frigos:P1-NEW", "Frigos:P1-GONE", "new; =1"
# By kind, key and field, as the page lists them.
CHANGES: list[list[str | float | None]] = [
    ["NEW", "added", None, None, None, None, None, NEW_TITLE, "Frigos"],
    ["GONE", "withdrawn", None, None, None, None, None, GONE_TITLE, "Frigos"],
    ["A", "updated", "description", "=old", "new; =1", None, None, A_TITLE, "Frigos"],
    ["A", "updated", "price_eur", "1.00", "12.34", 11.34, 1134.0, A_TITLE, "Frigos"],
]
GUARDED = {"=old": "'=old", "new; =1": "new; '=1"}


@pytest.fixture(scope="module")
def compared(tmp_path_factory: pytest.TempPathFactory) -> Iterator[DataServer]:
    """Yield a server with two runs of each dataset: 1 and 2 of products, 3 and 4 of customers."""
    folder: Path = tmp_path_factory.mktemp("compared")
    with Peers() as peers:
        application = Application.open(
            Settings(database=folder / "ecommerce.db"), gateway_url=peers.url
        )
        with serving(application) as served:
            stays = [product(number) for number in range(3)]
            a, gone = product("A", descriptionProduit="=old"), product("GONE")
            peers.serve_products([*stays, a, gone])
            served.fetch("products")
            a = product("A", price=1_234, descriptionProduit="new; =1")
            peers.serve_products([*stays, a, product("NEW")])
            served.fetch("products")
            for payment in (-1.5, -2.25):
                peers.serve_customers([customer(1, idClient="c", payment=payment)])
                served.fetch("customers")
            yield served


def test_json_has_every_change_in_the_names_and_units_of_all_files(compared: DataServer) -> None:
    said = compared.json("products/changes.json?from=1&to=2")

    assert [list(row) for row in said["rows"]] == [FIELDS] * 4
    assert [list(row.values()) for row in said["rows"]] == CHANGES
    assert (said["dataset"], said["version"], said["total"]) == ("products", 2, 4)
    assert compared.json("products/changes.json?from=2&to=1")["rows"] == said["rows"]


def test_csv_excel_and_parquet_have_the_same(compared: DataServer) -> None:
    body = compared.get("products/changes.csv?from=1&to=2").body
    heading, *lines = lines_of(body)
    table = pq.read_table(BytesIO(compared.get("products/changes.parquet?from=1&to=2").body))
    sheet = sheet_of(compared.get("products/changes.xlsx?from=1&to=2").body)

    assert heading == FIELDS
    assert [list(line) for line in lines] == [
        ["" if cell is None else GUARDED.get(str(cell), str(cell)) for cell in row]
        for row in CHANGES
    ]
    assert [list(row.values()) for row in table.to_pylist()] == CHANGES
    read = [[cell.value for cell in row] for row in sheet.iter_rows()]
    assert (read[0], read[1:]) == (FIELDS, CHANGES)


@pytest.mark.parametrize(
    ("lang", "separator", "line"),
    [
        (
            "en",
            ",",
            ["c", "updated", "payment", "-1.5", "-2.25", "-0.75", "-50.0", "Jean Eddison-1"],
        ),
        (
            "fr",
            ";",
            ["c", "updated", "payment", "-1,5", "-2,25", "-0,75", "-50,0", "Jean Eddison-1"],
        ),
    ],
)
def test_numbers_stay_numbers_in_the_form_of_the_language(
    compared: DataServer, lang: str, separator: str, line: list[str]
) -> None:
    body = compared.get(f"customers/changes.csv?from=3&to=4&lang={lang}").body
    assert lines_of(body, delimiter=separator)[1:] == [line]


@pytest.mark.parametrize(
    ("query", "numbers"),
    [
        ("kind=updated", [2, 3]),
        ("kind=withdrawn", [1]),
        ("q=gone", [1]),
        ("field=price", [3]),
        ("family=TV", []),
        ("family=Frigos&kind=added", [0]),
        ("kind=updated&order=-difference", [3, 2]),
        ("page=1&size=3", [0, 1, 2]),
        ("page=2&size=3", [3]),
        ("page=3&size=3", []),
    ],
)
def test_changes_are_filtered_and_paged(
    compared: DataServer, query: str, numbers: list[int]
) -> None:
    said = compared.json(f"products/changes.json?from=1&to=2&{query}")

    assert [list(row.values()) for row in said["rows"]] == [CHANGES[number] for number in numbers]
    assert (said["next"] is not None) == ("page=1" in query)
    if said["next"] is not None:
        following = json.loads(compared.get(f"products/{said['next']}").body)
        assert following["rows"][0]["field"] == "price_eur"


@pytest.mark.parametrize(
    ("query", "status", "named"),
    [
        ("", 400, "from"),
        ("from=1", 400, "to"),
        ("from=1&to=3", 404, "to=3 is no run of products"),
        ("from=99&to=2", 404, "from=99 is no run of products"),
        ("from=x&to=2", 400, "from='x'"),
        ("from=1&to=2&kind=all", 400, "kind='all'"),
        ("from=1&to=2&price=1-2", 400, "price"),
        ("from=1&to=2&field=prix", 400, "field='prix'"),
        ("from=1&to=2&order=price", 400, "order='price'"),
        ("from=1&to=2&sort=price", 400, "sort"),
        ("from=1&to=2&columns=code", 400, "columns='code'"),
    ],
)
def test_a_comparison_that_makes_no_sense_is_refused_and_named(
    compared: DataServer, query: str, status: int, named: str
) -> None:
    answer = compared.get(f"products/changes.csv?{query}")
    assert answer.status == status
    assert named in answer.text


def test_a_file_of_changes_is_named_after_its_runs(compared: DataServer) -> None:
    answer = compared.get("products/changes.csv?from=1&to=2&kind=added", method="HEAD")
    said = answer.headers["content-disposition"]
    assert said.startswith('attachment; filename="products-changes-1-2-filtered-20')
    assert said.endswith('-UTC.csv"')


def test_two_runs_that_differ_in_nothing_are_a_file_of_nothing(compared: DataServer) -> None:
    assert compared.json("products/changes.json?from=2&to=2")["total"] == 0
    assert lines_of(compared.get("products/changes.csv?from=2&to=2").body) == [FIELDS]
