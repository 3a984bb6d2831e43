"""What a held answer would change, as a file."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from ecommerce_core.application import Application
from ecommerce_core.domain.access import LOCAL_OPERATOR
from ecommerce_core.settings import Settings
from tests.companion.data_routes.shop import DataServer, serving
from tests.companion.data_routes.written import lines_of
from tests.support.peers import Peers, product, products


@pytest.fixture
def holding(tmp_path: Path) -> Iterator[DataServer]:
    """Yield a server whose run 2 holds an answer: 29 would go, one come, one change."""
    with Peers() as peers:
        settings = Settings(database=tmp_path / "ecommerce.db")
        with serving(Application.open(settings, gateway_url=peers.url)) as served:
            peers.serve_products(products(30))
            served.fetch("products")
            peers.serve_products([product(0, price=150), product("NEW")])
            served.fetch("products")
            yield served


def test_it_has_every_row_with_old_and_new_values_in_the_units_of_all_files(
    holding: DataServer,
) -> None:
    heading, *lines = lines_of(holding.get("products/held.csv?run=2").body)

    assert heading[:5] == ["key", "kind", "field", "old", "new"]
    assert lines[0][:2] == ["NEW", "added"]
    assert [line[:2] for line in lines[1:30]] == [[f"X1-{n}", "withdrawn"] for n in range(1, 30)]
    assert lines[30][:7] == ["X1-0", "updated", "price_eur", "1.00", "1.50", "0.5", "50.0"]
    assert len(lines) == 31


def test_it_is_filtered_paged_and_named_like_other_files(holding: DataServer) -> None:
    said = holding.json("products/held.json?run=2&kind=updated")
    page = holding.json("products/held.json?run=2&page=2&size=10")
    name = holding.get("products/held.csv?run=2", method="HEAD").headers["content-disposition"]

    assert [row["key"] for row in said["rows"]] == ["X1-0"]
    assert (page["total"], len(page["rows"])) == (31, 10)
    assert 'filename="products-held-2-20' in name


@pytest.mark.parametrize(
    ("query", "status", "named"),
    [
        ("", 400, "run=…"),
        ("run=x", 400, "run='x'"),
        ("run=1", 404, "run 1 does not wait"),
        ("run=9", 404, "run 9 does not wait"),
        ("run=2&from=1", 400, "from"),
    ],
)
def test_a_run_that_does_not_wait_is_refused_and_named(
    holding: DataServer, query: str, status: int, named: str
) -> None:
    answer = holding.get(f"products/held.csv?{query}")
    assert (answer.status, named in answer.text) == (status, True)


def test_once_it_is_decided_there_is_no_file(holding: DataServer) -> None:
    holding.application.discard(2, actor=LOCAL_OPERATOR)

    assert holding.get("products/held.csv?run=2").status == 404
    assert holding.get("customers/held.csv?run=2").status == 404
