"""If people sign in, rows need a signed link or a program's token."""

from __future__ import annotations

import logging
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from urllib.parse import parse_qsl, urlencode

import pandas as pd
import pytest

from ecommerce_core.application import Application
from ecommerce_core.companion import DataRoute, link_to
from ecommerce_core.domain import LASTS, Actor, Grant, Role
from ecommerce_core.settings import Settings
from ecommerce_core.settings.api_tokens import ApiToken
from ecommerce_core.storage import sign_in_key
from tests.companion.data_routes.shop import DataServer, serving
from tests.support.peers import Peers, products

ANNE = Actor("anne@shop.example", Role.ANALYST)
TOKEN = "0123456789abcdef0123456789ABCDEF"
QUERY = [("q", "x1-1"), ("size", "2")]


@pytest.fixture(scope="module")
def closed(tmp_path_factory: pytest.TempPathFactory) -> Iterator[DataServer]:
    """Yield a server with sign-in and 12 products, three of which match the search."""
    with Peers() as peers:
        yield from signed_in(tmp_path_factory.mktemp("closed"), peers)


def signed_in(folder: Path, peers: Peers) -> Iterator[DataServer]:
    peers.serve_products(products(12))
    application = Application.open(
        Settings(database=folder / "ecommerce.db", api_tokens=(ApiToken("notebook", TOKEN),)),
        gateway_url=peers.url,
        sign_in_providers=("default",),
        link_secret="a cookie secret of some good length",
    )
    with serving(application) as served:
        served.fetch("products")
        yield served


def link(
    served: DataServer,
    file_format: str = "json",
    *,
    query: list[tuple[str, str]] = QUERY,
    at: datetime | None = None,
    sign_in: str = "",
) -> str:
    """Return a link as an analyst's page draws it."""
    application = served.application
    route = DataRoute(application.datasets["products"], file_format)
    now = at or datetime.now(UTC)
    grant = Grant(ANNE, now + LASTS, sign_in)
    return link_to(route.path, query, links=application.links, grant=grant)


@pytest.mark.parametrize(
    "address",
    [
        *(f"products.{name}" for name in ("csv", "xlsx", "json", "parquet", "wire.json")),
        *(f"products/changes.{name}?from=1&to=1" for name in ("csv", "xlsx", "json", "parquet")),
        "audit.csv",
        "audit.json",
    ],
)
def test_nothing_comes_without_a_ticket_or_a_token(closed: DataServer, address: str) -> None:
    for method in ("GET", "HEAD"):
        answer = closed.get(address, method=method)
        assert (answer.status, answer.headers["www-authenticate"]) == (401, "Bearer")


def test_a_link_of_a_page_answers_its_own_question(closed: DataServer) -> None:
    said = closed.json(link(closed))
    assert [row["code"] for row in said["rows"]] == ["X1-1", "X1-10"]
    assert closed.get(link(closed, "csv"), method="HEAD").status == 200


def test_the_next_page_of_a_link_is_a_link(closed: DataServer) -> None:
    following = closed.json(link(closed))["next"]
    assert [row["code"] for row in closed.json(following)["rows"]] == ["X1-11"]


def test_a_ticket_answers_no_other_question(closed: DataServer) -> None:
    path, _, query = link(closed).partition("?")
    pairs = parse_qsl(query)
    ticket = dict(pairs)["ticket"]
    others = [
        ("products.csv", pairs),
        ("customers.json", pairs),
        (path, [("q", "x1-2"), *pairs[1:]]),
        (path, [*pairs, ("page", "2")]),
        (path, [("ticket", ticket)]),
        (path, [*QUERY, ("ticket", ticket[:-2])]),
        (path, [*QUERY, ("ticket", "")]),
    ]
    for other, asked in others:
        assert closed.get(f"{other}?{urlencode(asked)}").status == 403


def test_an_old_link_says_where_a_new_one_is(closed: DataServer) -> None:
    answer = closed.get(link(closed, at=datetime.now(UTC) - timedelta(hours=2)))
    assert answer.status == 403
    assert "take it from the page again" in answer.text


def test_a_link_ends_with_the_sign_in_that_made_it(closed: DataServer) -> None:
    claims = {"sub": "anne", "iat": 1}
    hers, others = link(closed, sign_in=sign_in_key(claims)), link(closed, sign_in="another")
    assert closed.get(hers).status == 200

    closed.application.sign_outs.end(claims)

    assert (closed.get(hers).status, closed.get(others).status) == (403, 200)


def test_a_program_asks_by_its_token(closed: DataServer) -> None:
    def status(authorization: str) -> int:
        return closed.get("products.csv", headers={"Authorization": authorization}).status

    assert status(f"Bearer {TOKEN}") == 200
    assert status(f"Bearer {TOKEN[:-1]}") == 401
    assert status(f"Basic {TOKEN}") == 401
    # A signed link does not help a caller that sends an invalid token.
    answer = closed.get(link(closed), headers={"Authorization": "Bearer x"})
    assert answer.status == 401


def test_pandas_asks_by_a_token(closed: DataServer) -> None:
    headers = {"Authorization": f"Bearer {TOKEN}"}
    frame = pd.read_parquet(closed.url("products.parquet?size=5"), storage_options=headers)
    assert list(frame["code"]) == [f"X1-{number}" for number in range(5)]


def test_neither_token_nor_ticket_is_in_the_log(
    closed: DataServer, caplog: pytest.LogCaptureFixture
) -> None:
    with caplog.at_level(logging.DEBUG):
        closed.get("products.csv", headers={"Authorization": f"Bearer {TOKEN}"})
        closed.get("products.csv", headers={"Authorization": f"Bearer {TOKEN}x"})
        address = link(closed, "csv", query=[("q", "x1-1")])
        closed.get(address)
        closed.get(f"{address}x")

    assert "for notebook" in caplog.text
    assert "for anne@shop.example" in caplog.text
    assert TOKEN not in caplog.text
    assert dict(parse_qsl(address.partition("?")[2]))["ticket"][:20] not in caplog.text


def test_what_makes_no_sense_is_told_to_those_alone_who_may_ask(closed: DataServer) -> None:
    assert closed.get("products.csv?famly=TV").status == 401
    token = {"Authorization": f"Bearer {TOKEN}"}
    assert closed.get("products.csv?famly=TV", headers=token).status == 400
