"""The rows of a dataset in a browser: what a click redraws, and what follows it."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from typing import TYPE_CHECKING, Any

import pytest
import requests
from streamlit.proto.ForwardMsg_pb2 import ForwardMsg

from ecommerce_core.datasets import PRODUCTS
from tests.browser.conftest import SandboxShop, sandbox_shop
from tests.browser.visitor import Browser, Visitor, expect
from tests.support.rows import count_rows

if TYPE_CHECKING:
    from playwright.sync_api import WebSocket

pytestmark = pytest.mark.browser


def whole_runs(visitor: Visitor) -> list[str]:
    """Return a list that gets an entry with each run of the page."""
    return told(visitor, lambda message: message.WhichOneof("type") == "navigation")


def told(visitor: Visitor, is_meant: Callable[[ForwardMsg], bool]) -> list[str]:
    """Return a list that gets an entry with each matching message to the browser."""
    heard: list[str] = []

    def listen(socket: WebSocket) -> None:
        def note(frame: str | bytes) -> None:
            if isinstance(frame, bytes):
                message = ForwardMsg.FromString(frame)
                heard.extend([message.WhichOneof("type") or ""] * is_meant(message))

        socket.on("framereceived", note)

    visitor.page.on("websocket", listen)
    return heard


@pytest.fixture(scope="module")
def shop(tmp_path_factory: pytest.TempPathFactory, browser: Browser) -> Iterator[SandboxShop]:
    """Yield a full shop that the tests of this module share."""
    with sandbox_shop(tmp_path_factory.mktemp("shop")) as shared:
        for path in ("add-auto", "auto_load_customers"):
            assert requests.post(shared.server.page(path), timeout=60).status_code == 200
        yield shared


def open_products(visitor: Visitor) -> None:
    """Open the products' page and wait until its table is drawn."""
    visitor.open("products")
    visitor.expect_rows("products_table", 25)
    visitor.wait_until_drawn()


def test_a_filter_that_is_taken_away_is_gone_from_the_menu_too(
    shop: SandboxShop, visit: Callable[..., Visitor]
) -> None:
    visitor = visit(shop)
    page = visitor.page
    open_products(visitor)
    first = visitor.button("drop_filter_products_0")
    visitor.open("products", price="1-", new="24h")
    visitor.expect_rows("products_table", 25)
    expect(first).to_contain_text("Price")
    visitor.wait_until_drawn()
    first.click()
    expect(page).to_have_url(re.compile(r"\?new=24h$"))
    expect(first).to_contain_text("New since")

    # The menu, drawn when it opens, shows the filters that are still active.
    visitor.button("products_filters").click()
    expect(visitor.part("products_price_low").locator("input")).to_have_value("")
    since = visitor.part("products_new_age").locator("input")
    expect(since).to_have_value(re.compile("^1.d$"))
    # It closes when the focus moves elsewhere, and shows the present filters when it opens again.
    first.focus()
    page.keyboard.press("Enter")
    expect(first).to_have_count(0)
    expect(page).not_to_have_url(re.compile(r"\?"))
    expect(since).to_have_count(0)
    visitor.wait_until_drawn()
    visitor.button("products_filters").click()
    expect(since).to_have_value("")
    expect(visitor.button("clear_filters_products")).to_be_disabled()
    visitor.expect_no_crash()


def test_the_address_and_the_rest_of_the_page_follow_the_rows(
    shop: SandboxShop, visit: Callable[..., Visitor]
) -> None:
    visitor = visit(shop)
    page, runs = visitor.page, whole_runs(visitor)
    open_products(visitor)
    first = visitor.row("products_table", 0).first.inner_text()

    page.get_by_test_id("stPaginationNext").click()
    expect(page).to_have_url(re.compile(r"\?page=2$"))
    expect(visitor.cell("products_table", first)).to_have_count(0)
    visitor.part("search_products").locator("input").fill("x1-2")
    expect(page).to_have_url(re.compile(r"\?q=x1-2$"))
    matching = count_rows(shop.store, PRODUCTS, search="x1-2")
    assert 1 < matching < 25
    visitor.expect_rows("products_table", matching)

    # Parts outside of the rows also show the present rows.
    visitor.button("export_products").click()
    expect(page.get_by_text(f"All {matching} rows that match")).to_be_visible()
    runs.clear()
    page.keyboard.press("Escape")
    while not runs:  # the menu's closing is sent with the address before the step back
        page.wait_for_timeout(20)
    visitor.wait_until_drawn()

    page.go_back()
    expect(page).to_have_url(re.compile(r"\?page=2$"))
    expect(visitor.part("search_products").locator("input")).to_have_value("")
    page.go_back()
    expect(page).not_to_have_url(re.compile(r"\?"))
    expect(visitor.cell("products_table", first)).to_have_count(1)
    for size, pages in (("25", 5), ("50", 3), ("100", 2)):
        visitor.open("products", size=size)
        numbers = page.get_by_role("button", name=re.compile("^Page [0-9]"))
        expect(numbers).to_have_text([str(number + 1) for number in range(pages)])
    visitor.expect_no_crash()


def test_a_click_on_a_heading_sorts_all_rows_and_a_second_one_turns_them(
    shop: SandboxShop, visit: Callable[..., Visitor]
) -> None:
    visitor = visit(shop)
    page = visitor.page
    open_products(visitor)
    page.get_by_test_id("stPaginationNext").click()
    expect(page).to_have_url(re.compile(r"\?page=2$"))
    visitor.wait_until_drawn()
    table = visitor.part("products_rows")

    for order, arrow, first in (("family", "▲", "Audio"), ("-family", "▼", "TV")):
        visitor.click_heading("products_rows", x=115)
        expect(page).to_have_url(re.compile(rf"\?sort={order}$"))
        expect(table.locator("th").filter(has_text=f"Family {arrow}")).to_have_count(1)
        expect(table.locator("th").filter(has_text=re.compile("[▲▼]"))).to_have_count(1)
        expect(
            visitor.row("products_rows", 0).filter(has_text=re.compile(f"^{first}$"))
        ).to_have_count(1)
    visitor.expect_no_crash()


def test_a_click_opens_a_row_beside_the_table_and_arrows_go_to_the_next(
    shop: SandboxShop, visit: Callable[..., Visitor]
) -> None:
    visitor = visit(shop)
    page, panel = visitor.page, visitor.part("row_panel")
    open_products(visitor)
    visitor.click_cell("products_table", 1)
    expect(page).to_have_url(re.compile(r"row=X1-1$"))
    expect(panel).to_contain_text("X1-1")
    table: Any = visitor.part("products_table").bounding_box()
    beside: Any = panel.bounding_box()
    assert beside["x"] >= table["x"] + table["width"]
    assert table["width"] > beside["width"]

    page.keyboard.press("ArrowDown")
    expect(page).to_have_url(re.compile(r"row=X1-2$"))
    visitor.button("next_row_products").click()
    expect(page).to_have_url(re.compile(r"row=X1-3$"))
    visitor.button("close_row_products").click()
    expect(panel).to_have_count(0)
    expect(page).to_have_url(re.compile(r"/products$"))
    visitor.expect_no_crash()


def test_keys_step_and_close_an_open_row_without_a_click_in_the_table(
    shop: SandboxShop, visit: Callable[..., Visitor]
) -> None:
    visitor = visit(shop)
    page, panel = visitor.page, visitor.part("row_panel")
    open_products(visitor)
    page.goto(f"{page.url}?row=X1-1")
    expect(panel).to_contain_text("X1-1")
    visitor.wait_until_drawn()
    page.keyboard.press("ArrowDown")
    expect(page).to_have_url(re.compile(r"row=X1-2$"))
    visitor.button("next_row_products").click()
    expect(page).to_have_url(re.compile(r"row=X1-3$"))
    page.keyboard.press("ArrowUp")
    expect(page).to_have_url(re.compile(r"row=X1-2$"))
    visitor.part("search_products").locator("input").focus()
    page.keyboard.press("ArrowDown")
    expect(page).to_have_url(re.compile(r"row=X1-2$"))
    visitor.button("next_row_products").focus()
    page.keyboard.press("Escape")
    expect(panel).to_have_count(0)
    expect(page).to_have_url(re.compile(r"/products$"))
    visitor.expect_no_crash()


def test_the_page_or_its_ticked_rows_are_copied_and_the_open_row_stays(
    shop: SandboxShop, visit: Callable[..., Visitor]
) -> None:
    visitor = visit(shop, permissions=["clipboard-read", "clipboard-write"])
    page, button = visitor.page, visitor.part("copy_products").locator("button")
    open_products(visitor)
    # The grid would save the page alone, in other units and with live formulas.
    visitor.part("products_table").hover()
    expect(page.get_by_test_id("stElementToolbarButton").first).to_be_attached()
    expect(page.get_by_role("button", name="Download as CSV")).to_have_count(0)

    visitor.click_cell("products_table", 2)
    expect(page).to_have_url(re.compile(r"row=X1-2$"))
    expect(visitor.part("row_panel")).to_contain_text("X1-2")
    for row, said in ((0, "Copy 1 row"), (3, "Copy 2 rows")):
        visitor.tick("products_table", row)
        expect(button).to_have_text(said)
    button.click()
    expect(button).to_have_text("Copied")
    copied = page.evaluate("navigator.clipboard.readText()").splitlines()
    assert [line.split("\t")[0] for line in copied] == ["Code", "X1-0", "X1-3"]
    expect(visitor.part("row_panel")).to_contain_text("X1-2")

    page.get_by_test_id("stPaginationNext").click()
    expect(button).to_have_text("Copy page")
    expect(page).to_have_url(re.compile(r"page=2"))
    visitor.wait_until_drawn()
    button.click()
    expect(button).to_have_text("Copied")
    copied = page.evaluate("navigator.clipboard.readText()").splitlines()
    title, *codes = (line.split("\t")[0] for line in copied)
    assert (title, len(codes)) == ("Code", 25)
    for code in codes:
        expect(visitor.cell("products_rows", code)).to_have_count(1)
    visitor.expect_no_crash()


def test_a_new_page_begins_at_the_top_of_the_table(
    shop: SandboxShop, visit: Callable[..., Visitor]
) -> None:
    visitor = visit(shop, viewport={"width": 1000, "height": 500})
    open_products(visitor)
    following = visitor.page.get_by_test_id("stPaginationNext")
    following.scroll_into_view_if_needed()
    rows = visitor.part("products_rows")
    before: Any = rows.bounding_box()
    assert before["y"] < 0
    following.click()
    expect(visitor.page).to_have_url(re.compile(r"page=2$"))
    visitor.wait_until_drawn()
    expect(rows).to_be_in_viewport()
    visitor.page.wait_for_function(
        "() => document.querySelector('.st-key-products_rows').getBoundingClientRect().top >= 0"
    )


@pytest.mark.parametrize("locale", ["en-GB", "fr-FR"])
def test_the_first_row_is_near_the_top_and_the_head_inside_the_window(
    shop: SandboxShop, visit: Callable[..., Visitor], locale: str
) -> None:
    visitor = visit(shop, locale=locale, color_scheme="light")
    for width, height, most_px in ((1440, 900, 230), (390, 844, 400)):
        visitor.page.set_viewport_size({"width": width, "height": height})
        for name in ("products", "customers"):
            visitor.open(name)
            visitor.expect_rows(f"{name}_table", 25)
            table = visitor.part(f"{name}_table")
            canvas: Any = table.get_by_test_id("data-grid-canvas").bounding_box()
            # The canvas begins with its headings, as high as a row.
            assert canvas["y"] + canvas["height"] / 26 <= most_px, (name, width)
            age: Any = visitor.part("freshness").bounding_box()
            assert age["x"] + age["width"] <= width, (name, width)


def test_the_back_button_is_heard_right_behind_an_edit(
    shop: SandboxShop, visit: Callable[..., Visitor]
) -> None:
    visitor = visit(shop)
    page = visitor.page
    open_products(visitor)
    for _ in range(3):
        page.get_by_test_id("stPaginationNext").click()
        expect(page).to_have_url(re.compile(r"\?page=2$"))
        page.go_back()
        page.wait_for_timeout(1_500)  # time for anything that might write the address again
        expect(page).not_to_have_url(re.compile(r"\?"))
        expect(page.get_by_text("1–25 of 120")).to_be_visible()
    visitor.expect_no_crash()


def test_the_overview_fits_a_laptop_and_fills_a_large_screen(
    shop: SandboxShop, visit: Callable[..., Visitor]
) -> None:
    visitor = visit(shop, locale="fr-FR")
    for width, height in ((1440, 900), (1920, 1080)):
        visitor.page.set_viewport_size({"width": width, "height": height})
        visitor.open()
        main, cards = visitor.page.get_by_test_id("stMain"), visitor.part("overview_cards")
        expect(cards.get_by_test_id("stVegaLiteChart").first).to_be_visible()
        visitor.wait_until_drawn()
        assert main.evaluate("main => main.scrollHeight - main.clientHeight") <= 0
        box: Any = cards.bounding_box()
        assert height - 60 <= box["y"] + box["height"] <= height


def test_a_menu_of_exports_that_stays_open_is_of_the_rows_as_they_are(
    shop: SandboxShop, visit: Callable[..., Visitor]
) -> None:
    visitor = visit(shop)
    page = visitor.page
    open_products(visitor)
    visitor.button("export_products").click()
    expect(page.get_by_text(re.compile(r"^All 120 rows that match$"))).to_be_visible()

    # A click elsewhere would close it; the keyboard does not.
    visitor.part("search_products").locator("input").focus()
    page.keyboard.type("x1-2")

    matching = count_rows(shop.store, PRODUCTS, search="x1-2")
    visitor.expect_rows("products_table", matching)
    expect(page.get_by_text(f"All {matching} rows that match")).to_be_visible()
    expect(page.get_by_text("All 120 rows that match")).to_have_count(0)
    visitor.expect_no_crash()
