"""axe-core on every page, light and dark: no violation that is ours."""

from __future__ import annotations

from collections.abc import Callable

import pytest
import requests

from tests.browser.accessibility import check, violations
from tests.browser.conftest import PeersShop, SandboxShop, Shop
from tests.browser.visitor import PAGES, Visitor, expect
from tests.support import peers as wire

pytestmark = pytest.mark.browser


def fill(shop: Shop) -> None:
    for path in ("add-auto", "auto_load_customers"):
        requests.post(shop.server.page(path), timeout=30)


def check_every_page(visitor: Visitor) -> None:
    found = {}
    for name in PAGES:
        visitor.open(name)
        found[name or "overview"] = check(visitor)
    assert {name: said for name, said in found.items() if said} == {}


def test_axe_finds_what_is_wrong(shop: SandboxShop, visit: Callable[..., Visitor]) -> None:
    visitor = visit(shop)
    visitor.open()
    visitor.page.evaluate("document.querySelector('h1').outerHTML = '<img src=\"data:,\">'")

    assert any(line.startswith("image-alt") for line in violations(visitor))


def test_a_shop_is_accessible_while_it_is_empty_and_when_it_is_full(
    new_shop: SandboxShop, visit: Callable[..., Visitor]
) -> None:
    visitor = visit(new_shop)
    check_every_page(visitor)
    fill(new_shop)
    check_every_page(visitor)
    visitor.open("customers", language="fr")
    visitor.button("clear_customers").click()
    expect(visitor.page.get_by_role("dialog")).to_be_visible()
    assert check(visitor) == []


def test_a_shop_with_troubles_is_accessible_on_a_telephone(
    odd_shop: PeersShop, visit: Callable[..., Visitor]
) -> None:
    odd_shop.peers.serve_products(wire.products(24))
    odd_shop.peers.serve_customers([wire.customer(n) for n in range(5)])
    fill(odd_shop)
    odd_shop.peers.serve_products(wire.products(3))
    odd_shop.peers.bodies["crm"] = b"<html>down</html>"
    fill(odd_shop)

    visitor = visit(odd_shop, viewport={"width": 390, "height": 844})
    check_every_page(visitor)
    visitor.open("activity", run="3")
    expect(visitor.button("apply_run")).to_be_visible()
    assert check(visitor) == []


def test_the_whole_job_can_be_done_with_the_keyboard(
    new_shop: SandboxShop, visit: Callable[..., Visitor]
) -> None:
    visitor = visit(new_shop)
    visitor.open("products")

    def tab_to(key: str) -> None:
        for _ in range(40):
            visitor.page.keyboard.press("Tab")
            if visitor.button(key).evaluate_all("all => all.includes(document.activeElement)"):
                return
        raise AssertionError(f"Tab does not lead to {key}")

    tab_to("fetch_products")
    visitor.page.keyboard.press("Enter")
    visitor.expect_rows("products_table", 25)
    visitor.page.evaluate("document.activeElement.blur()")
    tab_to("clear_products")
    visitor.page.keyboard.press("Enter")
    expect(visitor.button("confirm_clear_products")).to_be_visible()
    tab_to("confirm_clear_products")
    visitor.page.keyboard.press("Enter")
    expect(visitor.part("products_table")).to_have_count(0)
    tab_to("undo_clear_products")
    visitor.page.keyboard.press("Enter")
    visitor.expect_rows("products_table", 25)
