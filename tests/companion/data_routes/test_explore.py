"""An SQL query in a URL: the same answer in every format, for authorised callers only."""

from __future__ import annotations

import io
import json
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path
from urllib.parse import urlencode

import openpyxl  # type: ignore[import-untyped]
import pandas as pd
import pytest

from ecommerce_core.application import Application
from ecommerce_core.companion import link_to_sql
from ecommerce_core.domain import LASTS, Actor, Grant, Role
from ecommerce_core.settings import Settings
from ecommerce_core.settings.api_tokens import ApiToken
from tests.companion.data_routes.shop import DataServer, serving
from tests.support.peers import Peers, products

ANNE = Actor("anne@shop.example", Role.ANALYST)
TOKEN = "0123456789abcdef0123456789ABCDEF"
BY_FAMILY = """
    SELECT family, avg(price_eur) AS mean, max(first_seen_at) AS seen, DATE '2026-01-31' AS day
    FROM products GROUP BY family ORDER BY mean
"""
FORMATS = ("csv", "json", "parquet", "xlsx")


def address(sql: str, file_format: str = "csv", **more: str) -> str:
    return f"explore.{file_format}?{urlencode({'sql': sql, **more})}"


def test_every_format_holds_the_same_rows(served: DataServer) -> None:
    csv = pd.read_csv(served.url(address(BY_FAMILY)))
    parquet = pd.read_parquet(io.BytesIO(served.get(address(BY_FAMILY, "parquet")).body))
    said = served.json(address(BY_FAMILY, "json"))
    book = openpyxl.load_workbook(io.BytesIO(served.get(address(BY_FAMILY, "xlsx")).body))
    sheet = list(book.worksheets[0].values)

    expected = [("TV", 14.5), ("Audio", 15.5), ("Hi-fi, vidéo", 16.5)]
    assert list(zip(csv["family"], csv["mean"], strict=True)) == expected
    assert list(zip(parquet["family"], parquet["mean"], strict=True)) == expected
    assert [(row["family"], row["mean"]) for row in said["rows"]] == expected
    assert said["total"] == 3
    assert sheet[0] == ("family", "mean", "seen", "day")
    assert [row[:2] for row in sheet[1:]] == expected
    assert {row["day"] for row in said["rows"]} == set(csv["day"]) == {"2026-01-31"}
    assert all(row["seen"].endswith("Z") for row in said["rows"])
    assert str(parquet["seen"].dtype).endswith(", UTC]")


def test_a_french_file_has_semicolons_and_decimal_commas(served: DataServer) -> None:
    text = served.get(address("SELECT 'a' AS a, 1.5 AS b", lang="fr")).body.decode("utf-8-sig")

    assert text.splitlines() == ["a;b", "a;1,5"]


def test_no_heading_of_a_file_is_run_by_a_spreadsheet_or_by_our_engine(served: DataServer) -> None:
    sql = """SELECT 1 AS "=1+1", 2 AS "a"" FROM read_text('/etc/passwd') --", '=2+2' AS c"""

    heading, row = served.get(address(sql)).body.decode("utf-8-sig").splitlines()

    assert heading == """'=1+1,"a"" FROM read_text('/etc/passwd') --",c"""
    assert row == "1,2,'=2+2"


@pytest.mark.parametrize(
    ("sql", "status", "code"),
    [
        ("DROP TABLE products", 400, "explore_one_select"),
        ("SELECT * FROM duckdb_settings()", 400, "explore_no_function"),
        ("SELECT 1; SELECT 2", 400, "explore_one_select"),
        ("SELECT nothing FROM products", 400, "explore_failed"),
        ("SELECT repeat('x', 2000000000) FROM range(10)", 422, "explore_too_large"),
        ("SELECT * FROM range(1000001)", 422, "explore_too_many_rows"),
        (f"SELECT '{'x' * 6_000}'", 400, "explore_too_long"),
    ],
)
def test_what_cannot_be_answered_says_why(
    served: DataServer, sql: str, status: int, code: str
) -> None:
    answer = served.get(address(sql), headers={"Accept": "application/json"})

    assert (answer.status, json.loads(answer.body)["code"]) == (status, code)
    assert served.get(address("SELECT 1")).status == 200


@pytest.mark.parametrize(
    "query", ["", "sql=", "sql=SELECT+1&sql=SELECT+2", "sql=SELECT+1&q=x", "sql=SELECT+1&lang=de"]
)
def test_an_address_that_makes_no_sense_is_refused(served: DataServer, query: str) -> None:
    assert served.get(f"explore.csv?{query}").status == 400


def test_the_head_of_an_answer_comes_without_asking_the_question(served: DataServer) -> None:
    answer = served.get(address("SELECT 1", "parquet"), method="HEAD")

    assert (answer.status, answer.body) == (200, b"")
    assert answer.headers["content-type"] == "application/vnd.apache.parquet"


def test_a_question_that_takes_too_long_is_ended(tmp_path: Path) -> None:
    settings = Settings(database=tmp_path / "ecommerce.db", explore_timeout_s=2)
    with Peers() as peers, serving(Application.open(settings, gateway_url=peers.url)) as running:
        answer = running.get(
            address("SELECT count(*) FROM range(1000000000000)"),
            headers={"Accept": "application/json"},
        )

    assert (answer.status, json.loads(answer.body)["code"]) == (422, "explore_timed_out")


@pytest.fixture(scope="module")
def closed(tmp_path_factory: pytest.TempPathFactory) -> Iterator[DataServer]:
    """Run a server where people sign in."""
    folder = tmp_path_factory.mktemp("closed")
    settings = Settings(database=folder / "ecommerce.db", api_tokens=(ApiToken("notebook", TOKEN),))
    with Peers() as peers:
        peers.serve_products(products(12))
        application = Application.open(
            settings,
            gateway_url=peers.url,
            sign_in_providers=("default",),
            link_secret="a cookie secret of some good length",
        )
        with serving(application) as served:
            served.fetch("products")
            yield served


def link(served: DataServer, sql: str, *, role: Role = Role.ANALYST) -> str:
    grant = Grant(Actor("anne@shop.example", role), datetime.now(UTC) + LASTS)
    return link_to_sql(sql, "csv", language="en", links=served.application.links, grant=grant)


@pytest.mark.parametrize("file_format", FORMATS)
def test_a_stranger_is_answered_nothing(closed: DataServer, file_format: str) -> None:
    for method in ("GET", "HEAD"):
        answer = closed.get(address("SELECT 1", file_format), method=method)
        assert answer.status == 401


def test_a_programs_token_reads(closed: DataServer) -> None:
    headers = {"Authorization": f"Bearer {TOKEN}"}
    answer = closed.get(address("SELECT count(*) AS n FROM products"), headers=headers)

    assert answer.body.decode("utf-8-sig").split() == ["n", "12"]


def test_a_link_of_the_page_answers_its_own_question_alone(closed: DataServer) -> None:
    own = link(closed, "SELECT count(*) AS n FROM products")
    other = own.replace("products", "customers")

    assert closed.get(own).body.decode("utf-8-sig").split() == ["n", "12"]
    assert closed.get(other).status == 403


@pytest.mark.parametrize("role", [Role.SCHEDULER, Role.STRANGER])
def test_a_role_that_may_not_ask_gets_no_answer(closed: DataServer, role: Role) -> None:
    assert closed.get(link(closed, "SELECT 1", role=role)).status == 403
