"""The rows of a dataset in a browser: what is drawn again for a click, and what follows it."""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import TYPE_CHECKING

from streamlit.proto.ForwardMsg_pb2 import ForwardMsg

from ecommerce_core.catalogue import PRODUCTS
from ecommerce_core.query import Query
from tests.browser.conftest import SandboxShop
from tests.browser.visitor import Visitor, expect

if TYPE_CHECKING:
    from playwright.sync_api import WebSocket


def whole_runs(visitor: Visitor) -> list[str]:
    """Gets an entry with each run of the whole page; what is drawn alone names no navigation."""
    heard: list[str] = []

    def listen(socket: WebSocket) -> None:
        def note(frame: str | bytes) -> None:
            if isinstance(frame, bytes):
                kind = ForwardMsg.FromString(frame).WhichOneof("type")
                heard.extend(["navigation"] * (kind == "navigation"))

        socket.on("framereceived", note)

    visitor.page.on("websocket", listen)
    return heard


def test_the_rows_are_drawn_again_alone_and_the_address_and_the_rest_follow(
    shop: SandboxShop, visit: Callable[..., Visitor]
) -> None:
    visitor = visit(shop)
    page, runs = visitor.page, whole_runs(visitor)
    visitor.open("products")
    visitor.button("fetch_products").click()
    visitor.expect_rows("products_table", 25)
    first = visitor.row("products_table", 0).first.inner_text()
    page.wait_for_timeout(3_000)  # until the page has noticed the end of the fetch, too
    assert runs
    runs.clear()

    page.get_by_test_id("stPaginationNext").click()
    expect(page).to_have_url(re.compile(r"\?page=2$"))
    expect(visitor.cell("products_table", first)).to_have_count(0)
    visitor.part("search_products").locator("input").fill("x1-2")
    expect(page).to_have_url(re.compile(r"\?q=x1-2$"))
    matching = shop.store.count_rows(PRODUCTS, Query(search="x1-2"))
    assert 1 < matching < 25
    visitor.expect_rows("products_table", matching)
    assert not runs, "more than the rows was drawn again"

    # What stands outside of the rows is of the rows as they are.
    visitor.button("export_products").click()
    expect(page.get_by_text(f"All {matching} rows that match")).to_be_visible()
    runs.clear()
    page.keyboard.press("Escape")
    while not runs:  # the menu's closing is told with the address of before the step back
        page.wait_for_timeout(20)
    visitor.wait_until_drawn()

    page.go_back()
    expect(page).to_have_url(re.compile(r"\?page=2$"))
    expect(visitor.part("search_products").locator("input")).to_have_value("")
    page.go_back()
    expect(page).not_to_have_url(re.compile(r"\?"))
    expect(visitor.cell("products_table", first)).to_have_count(1)
    visitor.expect_no_crash()


def test_a_menu_of_exports_that_stays_open_is_of_the_rows_as_they_are(
    shop: SandboxShop, visit: Callable[..., Visitor]
) -> None:
    visitor = visit(shop)
    page = visitor.page
    visitor.open("products")
    visitor.button("fetch_products").click()
    visitor.expect_rows("products_table", 25)
    visitor.button("export_products").click()
    expect(page.get_by_text(re.compile(r"^All 120 rows that match$"))).to_be_visible()

    # A click elsewhere would close it; the keyboard does not.
    visitor.part("search_products").locator("input").focus()
    page.keyboard.type("x1-2")

    matching = shop.store.count_rows(PRODUCTS, Query(search="x1-2"))
    visitor.expect_rows("products_table", matching)
    expect(page.get_by_text(f"All {matching} rows that match")).to_be_visible()
    expect(page.get_by_text("All 120 rows that match")).to_have_count(0)
    visitor.expect_no_crash()
