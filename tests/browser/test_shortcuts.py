"""Keys that work on every page, and never while somebody types."""

from __future__ import annotations

import re
from collections.abc import Callable

import pytest
import requests

from tests.browser.conftest import SandboxShop
from tests.browser.visitor import Visitor, expect

pytestmark = pytest.mark.browser


def test_a_slash_goes_to_the_search_and_a_question_mark_to_the_help(
    shop: SandboxShop, visit: Callable[..., Visitor]
) -> None:
    requests.post(shop.server.page("add-auto"), timeout=30)
    visitor = visit(shop)
    page = visitor.page
    visitor.open("products")
    box = visitor.part("search_products").locator("input")
    expect(box).to_be_visible()

    page.keyboard.press("/")
    expect(box).to_be_focused()
    page.keyboard.type("a/?b")
    expect(box).to_have_value("a/?b")
    expect(page).to_have_url(re.compile(r"/ecommerce/products"))

    box.blur()
    page.keyboard.press("?")
    expect(page).to_have_url(re.compile(r"/ecommerce/help"))
    expect(page.get_by_role("heading", level=1)).to_have_text("Help")
    visitor.expect_no_crash()
