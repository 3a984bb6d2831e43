"""A held answer on the pages: its rows are seen before one decides, applying asks and is undone."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from urllib.parse import parse_qsl, urlsplit

import pytest

from ecommerce_core.application import Application
from ecommerce_core.domain import LOCAL_OPERATOR, Run, Trigger, escape
from tests.support.page_session import Page, installed
from tests.support.peers import Peers, product, products
from tests.support.waiting import until


@pytest.fixture
def app(peers: Peers, tmp_path: Path) -> Iterator[Application]:
    """Yield a shop whose second answer is held: 57 would go, one come, three change."""
    peers.serve_products(products(60))
    yield from installed(peers.url, tmp_path)


@pytest.fixture
def waiting(app: Application, peers: Peers) -> Run:
    Page.open(app, "products").fetch("products")
    peers.serve_products([*products(3, price=250), product("NEW", descriptionProduit="*New* one")])
    Page.open(app, "products").fetch("products")
    held = app.store.held_run("products")
    assert held is not None
    return held


def open_rows(page: Page, key: str) -> Page:
    """Open the rows: unlike in a browser, they close after each run of AppTest."""
    page.at.session_state[key] = True
    page.at.run()
    return page.sound()


@pytest.mark.parametrize(
    ("where", "key"), [("products", "apply_products"), ("activity", "apply_run")]
)
def test_the_rows_that_would_go_come_and_change_are_shown_before_one_decides(
    app: Application, waiting: Run, where: str, key: str
) -> None:
    query = {"run": str(waiting.id)} if where == "activity" else {}
    page = open_rows(Page.open(app, where, **query), f"held_rows_{key}")
    choice = page.at.segmented_control(key=f"held_rows_{key}_kind")

    counts = [option.rpartition("(")[2] for option in choice.options]
    assert counts == ["57)", "1)", "3)"]
    gone = page.table_named("The rows that the held answer would change")
    assert list(gone["key"]) == [f"X1-{number}" for number in range(3, 28)]
    assert list(gone["title"])[0] == "Frigos:P1-3"
    alt = "The rows that the held answer would change"
    [table] = [one for one in page.at.dataframe if one.proto.alt == alt]
    assert json.loads(table.proto.columns)["title"]["label"] == "Description"

    page.at.session_state[f"held_rows_{key}"] = True
    choice.set_value("updated").run()
    changed = page.sound().table_named("The rows that the held answer would change")
    assert list(changed["key"]) == ["X1-0", "X1-1", "X1-2"]
    assert (changed["old"][0], changed["new"][0]) == ("€1.00", "€2.50")


def test_all_of_them_are_a_link_away(app: Application, waiting: Run) -> None:
    page = open_rows(Page.open(app, "products"), "held_rows_apply_products")
    [link] = [e.proto for e in page.at.get("link_button") if "held" in e.proto.url]

    assert urlsplit(link.url).path == "products/held.csv"
    assert parse_qsl(urlsplit(link.url).query)[0] == ("run", str(waiting.id))


def test_applying_asks_with_the_numbers_and_is_undone_from_the_page(
    app: Application, waiting: Run
) -> None:
    page = Page.open(app, "products").click("apply_products")
    assert app.store.held_run("products") is not None
    assert "would withdraw 57" in page.texts()

    page.click("confirm_apply_products")
    until(lambda: app.store.held_run("products") is None)
    until(lambda: app.progress("products") is None)
    page.at.run()
    assert app.store.totals(app.datasets["products"]).current == 4

    page.sound().click("undo_apply_products")
    assert app.store.totals(app.datasets["products"]).current == 60
    page.at.run()
    assert "undo_apply_products" not in page.sound().buttons()


def test_an_apply_that_is_cancelled_changes_nothing(app: Application, waiting: Run) -> None:
    page = Page.open(app, "products").click("apply_products")
    page.click("cancel_apply_products")

    held = app.store.held_run("products")
    assert held is not None
    assert held.id == waiting.id


def test_after_an_undo_the_page_names_the_fetch_whose_rows_are_back(
    app: Application, waiting: Run
) -> None:
    assert "a newer fetch, " in Page.open(app, "products").texts()
    app.confirm(waiting.id, actor=LOCAL_OPERATOR, trigger=Trigger.MANUAL).wait(30)
    undone = app.undo_apply("products", actor=LOCAL_OPERATOR, trigger=Trigger.MANUAL)

    line = as_of(Page.open(app, "products"))
    assert "60 added" in line
    assert "undone" in line
    assert "a newer fetch" not in line
    activity = Page.open(app, "activity", run=str(undone.id))
    assert escape("57 returned, 3 changed, 1 withdrawn") in activity.at.table[0].value.to_string()


def test_after_an_undone_clear_the_page_names_no_fetch_that_did_not_happen(
    app: Application,
) -> None:
    Page.open(app, "products").fetch("products")
    app.clear("products", actor=LOCAL_OPERATOR, trigger=Trigger.MANUAL)
    app.undo_clear("products", actor=LOCAL_OPERATOR, trigger=Trigger.MANUAL)

    line = as_of(Page.open(app, "products"))
    assert "60 added" in line
    assert "a newer fetch" not in line


def as_of(page: Page) -> str:
    """Return the line that says how old the rows are."""
    return next(line for line in page.texts().splitlines() if "As of " in line)


def test_a_discarded_answer_is_nowhere_held_and_asks_for_nothing(
    app: Application, waiting: Run
) -> None:
    app.discard(waiting.id, actor=LOCAL_OPERATOR)

    assert "discarded" in as_of(Page.open(app, "products"))
    assert ": held]" not in Page.open(app, "overview").texts()
    activity = Page.open(app, "activity", run=str(waiting.id))
    assert list(activity.table_named("Runs, newest first")["status"])[0] == ["discarded"]
    assert "It was not applied" in activity.texts()
    assert "apply or discard" not in activity.texts()


def test_an_applied_answer_says_which_run_applied_it(app: Application, waiting: Run) -> None:
    applied = app.confirm(waiting.id, actor=LOCAL_OPERATOR, trigger=Trigger.MANUAL).wait(30)

    activity = Page.open(app, "activity", run=str(waiting.id))
    assert f"applied by run {applied.id}" in activity.at.table[0].value.to_string()
    assert "apply or discard" not in activity.texts()
