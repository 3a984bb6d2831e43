"""Saved views and the copied link in a browser: what one person keeps, another one opens."""

from __future__ import annotations

import re
from collections.abc import Callable

import pytest
import requests

from ecommerce_core.datasets import PRODUCTS
from tests.browser.conftest import SandboxShop
from tests.browser.visitor import Visitor, expect
from tests.support.rows import count_rows

pytestmark = pytest.mark.browser


def test_a_view_is_opened_by_its_copied_link_and_from_the_sidebar_in_another_browser(
    shop: SandboxShop, visit: Callable[..., Visitor]
) -> None:
    assert requests.post(shop.server.page("add-auto"), timeout=60).status_code == 200
    visitor = visit(shop, permissions=["clipboard-read", "clipboard-write"])
    visitor.open("products")
    visitor.expect_rows("products_table", 25)  # its rows are those of the fetch by now
    tvs = count_rows(shop.store, PRODUCTS, search="televiseur")
    assert 0 < tvs < 25
    visitor.open("products", q="televiseur", sort="-price")
    visitor.expect_rows("products_table", tvs)

    visitor.button("save_view_menu_products").click()
    visitor.part("view_name_products").locator("input").fill("Dear sets")
    visitor.button("save_view_products").click()
    expect(visitor.toast("View saved.")).to_be_visible()
    # The menu closes by itself.
    expect(visitor.part("view_name_products")).to_have_count(0)
    copy = visitor.part("copy_link_products").locator("button")
    copy.click()
    expect(copy).to_have_text("Copied")
    link = visitor.page.evaluate("navigator.clipboard.readText()")
    assert link == visitor.server.page("products") + "?q=televiseur&sort=-price"

    # The language in the address is of the person who copies.
    visitor.open("products", q="televiseur", language="fr")
    visitor.wait_until_drawn()
    copy.click()
    expect(copy).to_have_text("Copié")
    link_in_french = visitor.page.evaluate("navigator.clipboard.readText()")
    assert link_in_french == visitor.server.page("products") + "?q=televiseur"

    other = visit(shop)
    other.page.goto(link)
    other.expect_rows("products_table", tvs)
    expect(other.page).to_have_url(link)

    third = visit(shop)
    third.open("products")
    third.expect_rows("products_table", 25)
    third.page.get_by_role("button", name="Dear sets").click()
    third.expect_rows("products_table", tvs)
    expect(third.page).to_have_url(re.compile(r"\?q=televiseur&sort=-price$"))
    expect(third.part("search_products").locator("input")).to_have_value("televiseur")
    third.button("edit_view_menu_products").click()
    third.button("delete_view_products").click()
    expect(third.part("new_view_name_products")).to_have_count(0)
    third.button("confirm_delete_view").click()
    expect(third.toast("View deleted.")).to_be_visible()
    expect(third.page.get_by_role("button", name="Dear sets")).to_have_count(0)
    third.expect_no_crash()
