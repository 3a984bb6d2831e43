"""The data routes over real HTTP: the same rows in every format, and only the requested ones."""

from __future__ import annotations

import json
import re
from datetime import UTC, datetime
from decimal import Decimal
from io import BytesIO
from typing import Any
from urllib.parse import quote, urlencode

import pandas as pd
import pyarrow.parquet as pq
import pytest

from ecommerce_core.application import Application
from ecommerce_core.settings import Settings
from tests.companion.data_routes.shop import DataServer, serving
from tests.companion.data_routes.written import lines_of, sheet_of
from tests.support.companion_server import Answered
from tests.support.peers import Peers, products

FORMATS = ["csv", "xlsx", "json", "parquet"]


def codes(answer: Answered, file_format: str) -> list[str]:
    """Return the product codes of a file."""
    assert answer.status == 200, answer.text
    if file_format == "csv":
        return [line[0] for line in lines_of(answer.body)[1:]]
    if file_format == "xlsx":
        return [cell.value for cell in sheet_of(answer.body)["A"]][1:]
    if file_format == "json":
        return [row["code"] for row in json.loads(answer.body)["rows"]]
    read: list[str] = pq.read_table(BytesIO(answer.body)).column("code").to_pylist()
    return read


@pytest.mark.parametrize("file_format", FORMATS)
@pytest.mark.parametrize(
    ("query", "numbers"),
    [
        ("", range(30)),
        ("sort=-price", range(29, -1, -1)),
        ("sort=family,-price&price=-5", [4, 1, 2, 3, 0]),
        ("family=TV", range(0, 30, 3)),
        ("family=TV&family=Audio&price=5-8.99", [4, 6, 7]),
        ("family=Hi-fi%2C+vid%C3%A9o&price=-6", [2, 5]),
        ("q=x1-2&sort=price", [2, *range(20, 30)]),
        ("page=3&size=7", range(14, 21)),
        ("withdrawn=only", []),
        ("q=nothing+like+it", []),
        ("view=pictures&price=29.50-", [29]),
    ],
)
def test_every_format_has_all_rows_that_match_in_their_order(
    served: DataServer, file_format: str, query: str, numbers: Any
) -> None:
    answer = served.get(f"products.{file_format}?{query}")

    assert codes(answer, file_format) == [f"X1-{number}" for number in numbers]


def test_every_format_says_the_same_of_a_row(served: DataServer) -> None:
    query = "q=x1-7&columns=code,price_eur,min_quantity,catalogue_min_quantity,updated_at"
    (as_json,) = served.json(f"products.json?{query}")["rows"]
    heading, line = lines_of(served.get(f"products.csv?{query}").body)
    (as_parquet,) = pq.read_table(BytesIO(served.get(f"products.parquet?{query}").body)).to_pylist()
    sheet = sheet_of(served.get(f"products.xlsx?{query}").body)

    assert (as_json["code"], as_json["price_eur"]) == ("X1-7", 8.0)
    assert (as_json["min_quantity"], as_json["catalogue_min_quantity"]) == (1, 15)
    assert dict(zip(heading, line, strict=True)) == {
        **{name: str(value) for name, value in as_json.items()},
        "price_eur": "8.00",
    }
    updated_at = datetime.fromisoformat(as_json["updated_at"])
    assert as_parquet == {**as_json, "price_eur": Decimal("8.00"), "updated_at": updated_at}
    assert [cell.value for cell in sheet[2]] == [
        *list(as_json.values())[:-1],
        updated_at.replace(tzinfo=None),
    ]


def test_json_says_whose_rows_these_are_of_when_and_where_more_are(served: DataServer) -> None:
    first = served.json("products.json?family=TV&size=4&columns=code")

    assert (first["dataset"], first["version"], first["total"]) == ("products", 1, 10)
    assert re.fullmatch(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z", first["as_of"])
    as_of = datetime.fromisoformat(first["as_of"])
    assert abs((datetime.now(UTC) - as_of).total_seconds()) < 60
    assert [row["code"] for row in first["rows"]] == ["X1-0", "X1-3", "X1-6", "X1-9"]
    second = served.json(first["next"])
    third = served.json(second["next"])
    assert [row["code"] for row in third["rows"]] == ["X1-24", "X1-27"]
    assert (third["next"], third["version"]) == (None, first["version"])
    assert served.json("products.json?family=TV")["next"] is None


def test_a_page_of_a_thousand_is_the_largest(served: DataServer) -> None:
    assert len(served.json("products.json?size=1000")["rows"]) == 30
    assert served.get("products.json?size=1001").status == 400


def test_pages_go_on_after_the_server_was_started_again(settings: Settings, peers: Peers) -> None:
    peers.serve_products(products(30))
    found: list[str] = []
    following: str | None = "products.json?size=12&sort=-price"
    versions = set()
    while following is not None:
        application = Application.open(settings, gateway_url=peers.url)
        with serving(application) as served:
            if not found:
                served.fetch("products")
            page = served.json(following)
        found += [row["code"] for row in page["rows"]]
        versions.add(page["version"])
        following = page["next"]

    assert found == [f"X1-{number}" for number in range(29, -1, -1)]
    assert len(versions) == 1


@pytest.mark.parametrize(
    ("query", "named"),
    [
        ("famly=TV", "famly"),
        ("price=abc", "price='abc'"),
        ("price=-", "price='-'"),
        ("price=1e3-", "price='1e3-'"),
        ("page=0", "page='0'"),
        ("page=1&page=2", "page='1'"),
        ("size=1001", "size='1001'"),
        ("sort=secret", "sort='secret'"),
        ("sort=price%3B+DROP+TABLE+product", "DROP"),
        ("withdrawn=maybe", "withdrawn='maybe'"),
        ("new=yesterday", "new='yesterday'"),
        ("q=", "q=''"),
        ("family=", "family=''"),
        ("columns=code,secret", "columns='code,secret'"),
        ("columns=code,code", "columns='code,code'"),
        ("columns=", "columns=''"),
        ("lang=de", "lang='de'"),
        ("from=1", "from"),
        ("row=X1-1", "row"),
        ("family=%FF", "query string"),
        ("x", "'x'"),
    ],
)
def test_a_query_that_makes_no_sense_is_refused_and_named(
    served: DataServer, query: str, named: str
) -> None:
    for file_format in FORMATS:
        answer = served.get(f"products.{file_format}?{query}")
        assert answer.status == 400
        assert named in answer.text


def test_what_the_peer_itself_would_answer_has_no_columns_to_choose(served: DataServer) -> None:
    answer = served.json("products.wire.json?family=TV&size=1&page=2")

    assert [product["codeProduit"] for product in answer["produits"]] == ["X1-3"]
    assert answer["produits"][0]["prix"] == 400
    assert isinstance(served.json("customers.wire.json"), list)
    assert served.get("products.wire.json?columns=code").status == 400


def test_a_files_name_says_what_it_holds_and_of_when(served: DataServer) -> None:
    def name(address: str) -> str:
        said = served.get(address, method="HEAD").headers["content-disposition"]
        found = re.fullmatch(r'attachment; filename="(.+)-(\d{4}-\d\d-\d\d-\d{4})-UTC\.(.+)"', said)
        assert found is not None, said
        at = datetime.strptime(found[2], "%Y-%m-%d-%H%M").replace(tzinfo=UTC)
        assert abs((datetime.now(UTC) - at).total_seconds()) < 120
        return f"{found[1]}.{found[3]}"

    assert name("products.csv") == "products.csv"
    assert name("products.csv?sort=-price&columns=code&lang=fr") == "products.csv"
    assert name("products.xlsx?family=TV") == "products-filtered.xlsx"
    assert name("customers.json?withdrawn=show") == "customers-filtered.json"
    assert name("products.parquet?q=x&page=2") == "products-filtered-page-2.parquet"
    assert name("products.wire.json") == "products.wire.json"


@pytest.mark.parametrize(
    ("file_format", "content_type"),
    [
        ("csv", "text/csv; charset=utf-8"),
        ("xlsx", "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet"),
        ("json", "application/json"),
        ("parquet", "application/vnd.apache.parquet"),
        ("wire.json", "application/json"),
    ],
)
def test_a_head_says_what_a_get_would_without_its_body(
    served: DataServer, file_format: str, content_type: str
) -> None:
    head = served.get(f"products.{file_format}", method="HEAD")
    got = served.get(f"products.{file_format}")

    assert (head.status, head.body) == (200, b"")
    assert got.headers["content-type"] == content_type
    assert int(got.headers["content-length"]) == len(got.body)
    same = ("content-type", "etag", "cache-control", "content-encoding")
    assert [head.headers[name] for name in same] == [got.headers[name] for name in same]


def test_rows_that_did_not_change_are_no_news(fresh: DataServer, peers: Peers) -> None:
    served = fresh
    etag = served.get("products.csv?family=TV").headers["etag"]

    for known in (etag, f'"other", {etag}', etag.removeprefix("W/"), "*"):
        for method in ("GET", "HEAD"):
            answer = served.get(
                "products.csv?family=TV", method=method, headers={"If-None-Match": known}
            )
            assert (answer.status, answer.body, answer.headers["etag"]) == (304, b"", etag)
    for other in ("products.csv?family=Audio", "products.json?family=TV", "products.csv"):
        assert served.get(other, headers={"If-None-Match": etag}).status == 200
    assert served.get("products.csv?family=TV&view=pictures").headers["etag"] == etag
    peers.serve_products(products(30, price=500))
    served.fetch("products")
    assert served.get("products.csv?family=TV", headers={"If-None-Match": etag}).status == 200


def test_an_age_of_the_same_minute_is_the_same_question(served: DataServer) -> None:
    def etag() -> str:
        return served.get("products.csv?new=24h", method="HEAD").headers["etag"]

    before = datetime.now(UTC)
    first, second = etag(), etag()
    if before.minute == datetime.now(UTC).minute:
        assert first == second


def test_moments_may_be_told_to_the_minute_in_utc(served: DataServer) -> None:
    assert served.json("products.json?new=2000-01-01T12%3A30Z")["total"] == 30
    assert served.json("products.json?new=2999-01-01T00%3A00Z")["total"] == 0
    assert served.json("products.json?new=2999-01-01")["total"] == 0


def test_pandas_reads_a_csv_file_with_its_mark_and_guarded_texts(served: DataServer) -> None:
    frame = pd.read_csv(served.url("customers.csv"), parse_dates=["updated_at"])

    assert list(frame.columns)[0] == "customer_id"
    assert list(frame["last_name"]) == ["'=Zed", "Élan"]
    assert str(frame["updated_at"].dt.tz) == "UTC"
    french = pd.read_csv(served.url("products.csv?lang=fr"), sep=";", decimal=",")
    assert list(french["price_eur"][:3]) == [1.0, 2.0, 3.0]


def test_a_method_that_changes_something_is_not_taken(served: DataServer) -> None:
    for method in ("POST", "PUT", "DELETE"):
        answer = served.get("products.csv", method=method)
        assert (answer.status, answer.headers["allow"]) == (405, "GET, HEAD")


def test_rows_whose_first_snapshot_is_not_there_yet_come_later(
    settings: Settings, peers: Peers
) -> None:
    peers.serve_products(products(3))
    application = Application.open(settings, gateway_url=peers.url)
    with serving(application) as served:
        served.fetch("products")
        for file in application.snapshots.list_files(application.datasets["products"]):
            file.unlink()
        answer = served.get("products.csv")

    assert (answer.status, answer.headers["retry-after"]) == (503, "5")


def test_a_dataset_that_was_never_fetched_is_a_file_of_nothing(
    settings: Settings, peers: Peers
) -> None:
    with serving(Application.open(settings, gateway_url=peers.url)) as served:
        said = served.json("products.json")
        lines = lines_of(served.get("customers.csv").body)

    assert said == {
        "dataset": "products",
        "version": 0,
        "as_of": None,
        "total": 0,
        "next": None,
        "rows": [],
    }
    assert len(lines) == 1


@pytest.mark.parametrize("text", ["x\u2028y", "a&b=c", "é", "100%", "'; DROP TABLE product; --"])
def test_a_search_is_the_readers_own_text(served: DataServer, text: str) -> None:
    assert served.json(f"products.json?{urlencode({'q': text})}")["total"] == 0
    assert served.json(f"products.json?family={quote(text)}")["total"] == 0
