"""Every column can be filtered on the page, and what holds is said in words."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime
from pathlib import Path
from typing import Any

import pytest

from ecommerce_core.application import Application
from ecommerce_core.domain import Trigger, escape
from ecommerce_core.domain.access import LOCAL_OPERATOR
from tests.support.page_session import Page, installed
from tests.support.peers import Peers, product

INPUTS = ("text_input", "date_input", "multiselect", "radio")
FAMILIES = ("TV", "Frigos", "Audio")


@pytest.fixture
def app(peers: Peers, tmp_path: Path) -> Iterator[Application]:
    """Yield a shop with 30 products in three families, every fifth without a minimum."""
    peers.serve_products([record(n) for n in range(30)])
    for application in installed(peers.url, tmp_path):
        fetch(application)
        yield application


def record(n: int) -> dict[str, Any]:
    """Return the n-th product as the catalogue writes it."""
    return product(
        n,
        price=1_000 + 100 * n,
        familleProduit=FAMILIES[n % 3],
        descriptionProduit="Télé OLED" if n % 2 else "Radio",
        quantiteMin=None if n % 5 == 0 else n % 5,
    )


def fetch(app: Application) -> int:
    return app.request_sync("products", actor=LOCAL_OPERATOR, trigger=Trigger.MANUAL).wait(10).id


def address(page: Page) -> dict[str, list[str]]:
    said = page.at.query_params
    return {n: list(v) if isinstance(v, list) else [v] for n, v in said.items()}


def open_filters(page: Page, column: str) -> Page:
    """Open the filters of a column: a popover closes after each run of AppTest."""
    page.at.session_state["products_filters"] = True
    page.at.session_state["products_filter_column"] = column
    page.at.run()
    return page.sound()


def chips(page: Page) -> list[str]:
    return [b.label for b in page.at.button if (b.key or "").startswith("drop_filter_products")]


def test_families_can_be_left_out(app: Application) -> None:
    page = open_filters(Page.open(app, "products"), "family")
    page.at.multiselect(key="products_family_not").set_value(["TV", "Audio"]).run()

    assert set(page.sound().table()["family"]) == {"Frigos"}
    assert address(page) == {"family.not": ["TV", "Audio"]}
    assert chips(page) == [escape("Family: not TV"), escape("Family: not Audio")]
    page.click("drop_filter_products_0")
    assert address(page) == {"family.not": ["Audio"]}


def test_a_text_is_found_by_a_part_of_it_and_by_what_it_lacks(app: Application) -> None:
    page = open_filters(Page.open(app, "products"), "description")
    page.at.text_input(key="products_description_contains").set_value("tele").run()
    assert len(page.sound().table()) == 15
    open_filters(page, "code")
    page.at.text_input(key="products_code_lacks").set_value("x1-1").run()

    assert list(page.sound().table()["code"])[:4] == ["X1-3", "X1-5", "X1-7", "X1-9"]
    assert address(page) == {"description.contains": ["tele"], "code.lacks": ["x1-1"]}
    assert chips(page) == [
        escape("Description contains “tele”"),
        escape("Code does not contain “x1-1”"),
    ]


def test_a_number_is_found_by_a_range_outside_of_one_and_by_being_empty(app: Application) -> None:
    page = open_filters(Page.open(app, "products"), "catalogue_min_quantity")
    page.at.text_input(key="products_minimum_low").set_value("3").run()
    assert set(page.sound().table()["catalogue_min_quantity"]) == {3, 4}

    page = Page.open(app, "products", **{"minimum.outside": "1-3"})
    assert len(page.table()) == 12
    assert chips(page) == [escape("Catalogue min. qty: not 1–3")]

    page = open_filters(Page.open(app, "products"), "catalogue_min_quantity")
    page.at.radio(key="products_minimum_empty").set_value("no").run()
    assert len(page.sound().table()) == 6
    assert address(page) == {"minimum.empty": ["yes"]}


def test_what_a_run_changed_is_a_filter(app: Application, peers: Peers) -> None:
    peers.serve_products(
        [product(n, price=5, familleProduit="TV") for n in range(3)]
        + [record(n) for n in range(10, 35)]
    )
    run = fetch(app)
    page = open_filters(Page.open(app, "products"), "updated_at")
    page.at.selectbox(key="products_changed_run").set_value(f"run{run}").run()
    changed = set(page.sound().table()["code"])

    assert address(page) == {"changed": [f"run{run}"]}
    assert changed == {f"X1-{n}" for n in (0, 1, 2, *range(30, 35))}
    assert chips(page) == [escape(f"Changed since: run {run}")]
    last = Page.open(app, "products", changed="last")
    assert set(last.table()["code"]) == changed
    before = Page.open(app, "products", **{"changed.until": "last"})
    assert chips(before) == [escape("Last changed before the last run that changed something")]
    assert not set(before.table()["code"]) & changed
    nothing = Page.open(app, "products", changed="run999")
    assert escape("Changed since: run 999") in nothing.at.info[0].value


def test_when_rows_were_withdrawn_is_a_filter_that_shows_them(
    app: Application, peers: Peers
) -> None:
    peers.serve_products([record(n) for n in range(20)])
    fetch(app)
    page = Page.open(app, "products", gone="24h")

    assert list(page.table()["code"]) == [f"X1-{n}" for n in range(20, 30)]
    assert chips(page) == [escape("Withdrawn since: 1 d")]
    open_filters(page, "withdrawn_at")
    assert page.at.radio(key="products_withdrawn").value == "only"


def test_a_day_until_which_is_the_whole_day(app: Application) -> None:
    today = datetime.now().astimezone().date()
    page = Page.open(app, "products", **{"new.until": str(today)})

    assert len(page.table()) == 25
    assert len(chips(page)) == 1


def test_every_column_has_filters_that_can_be_drawn(app: Application) -> None:
    page = Page.open(app, "products")
    for column in app.datasets["products"].row_columns:
        open_filters(page, column.name)
        keys = {element.key for kind in INPUTS for element in page.at.get(kind)}
        assert any(f"products_{column.address}_" in str(key) for key in keys), column.name


def test_people_are_not_told_what_programs_need(app: Application) -> None:
    assert [text.value for text in Page.open(app, "products").at.text] == []
