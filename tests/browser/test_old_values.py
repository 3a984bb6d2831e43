"""Values that a browser sends before it has received our last update undo nothing."""

from __future__ import annotations

import re
from collections.abc import Callable

import pytest

from tests.browser.conftest import PeersShop
from tests.browser.visitor import Visitor, expect

pytestmark = pytest.mark.browser

# From a double click to a click that the answer to the first one may already have overtaken.
WAITS_MS = (0, 40, 80, 160, 280)


def test_a_click_right_after_a_filter_was_dropped_does_not_bring_it_back(
    odd_shop: PeersShop, visit: Callable[..., Visitor]
) -> None:
    visitor = visit(odd_shop)
    page = visitor.page
    visitor.open("products")
    odd_shop.call_back(120)
    following = page.get_by_test_id("stPaginationNext")
    for wait_ms in WAITS_MS:
        visitor.open("products?price=0.01-")
        chip = visitor.button("drop_filter_products_0")
        expect(following).to_be_enabled()
        chip.click()
        page.wait_for_timeout(wait_ms)
        following.click()
        expect(page).to_have_url(re.compile(r"/products\?page=2$"))


def test_a_click_right_after_the_search_was_cleared_does_not_bring_it_back(
    odd_shop: PeersShop, visit: Callable[..., Visitor]
) -> None:
    visitor = visit(odd_shop)
    page = visitor.page
    visitor.open("products")
    odd_shop.call_back(120)
    tabs = visitor.part("products_part").get_by_role("radio")
    box = visitor.part("search_products").locator("input")
    for wait_ms in WAITS_MS:
        visitor.open("products?q=zzzz")
        visitor.button("clear_search_products").click()
        page.wait_for_timeout(wait_ms)
        tabs.nth(2).click()
        expect(page).to_have_url(re.compile(r"/products\?view=pictures$"))
        expect(box).to_have_value("")


def test_a_click_right_after_all_runs_were_asked_for_brings_no_choice_back(
    odd_shop: PeersShop, visit: Callable[..., Visitor]
) -> None:
    visitor = visit(odd_shop)
    page = visitor.page
    odd_shop.call_back(120)
    language = visitor.part("language")
    for wait_ms in WAITS_MS:
        visitor.open("activity?dataset=customers&status=failed")
        visitor.button("all_runs").click()
        page.wait_for_timeout(wait_ms)
        language.get_by_text("Français").click()
        expect(page).to_have_url(re.compile(r"/activity\?language=fr$"))
        language.get_by_text("English").click()
        expect(page).to_have_url(re.compile(r"/activity$"))
