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


MENUS = {
    "products": ["products_filters", "products_columns", "export_products"],
    "explore": ["explore_examples"],
}
# The button that opens each, and the one that closes it.
DIALOGS_OF_THE_SCHEDULER = {
    "pause_clock": "cancel_pause_clock",
    "set_speed": "cancel_set_speed",
    "edit_task": "cancel_edit_task",
    "delete_tasks": "cancel_delete_tasks",
}


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
    check_menus_and_dialogs(visitor)


def check_menus_and_dialogs(visitor: Visitor) -> None:
    """Check every menu and dialog of a full shop in the dark, but for that of a held answer."""
    found = {}
    page = visitor.page
    page.emulate_media(color_scheme="dark")
    for name, menus in MENUS.items():
        visitor.open(name)
        for menu in menus:
            visitor.button(menu).click()
            expect(page.get_by_test_id("stPopoverBody")).to_be_visible()
            visitor.wait_until_drawn()
            found[menu] = violations(visitor)
            page.keyboard.press("Escape")
            expect(page.get_by_test_id("stPopoverBody")).to_have_count(0)
    visitor.open("products")
    visitor.button("save_view_menu_products").click()
    visitor.part("view_name_products").locator("input").fill("Kept")
    found["save_view_menu_products"] = violations(visitor)
    visitor.button("save_view_products").click()
    expect(visitor.part("view_name_products")).to_have_count(0)
    visitor.button("edit_view_menu_products").click()
    found["edit_view_menu_products"] = violations(visitor)
    visitor.button("delete_view_products").click()
    found["delete_view"] = check_dialog(visitor, "cancel_delete_view")
    visitor.open("customers", language="fr")
    visitor.button("clear_customers").click()
    found["clear_customers"] = check_dialog(visitor, "cancel_clear_customers")
    visitor.open("scheduler")
    visitor.button("add_task").click()
    for ask, cancel in DIALOGS_OF_THE_SCHEDULER.items():
        if ask == "edit_task":
            page.get_by_role("combobox", name="Our tasks").click()
            page.get_by_role("option").first.click()
            page.keyboard.press("Escape")
        visitor.wait_until_drawn()
        visitor.button(ask).click()
        found[ask] = check_dialog(visitor, cancel)
    visitor.button("pause_clock").click()
    visitor.button("confirm_pause_clock").click()
    visitor.button("resume_clock").click()
    found["resume_clock"] = check_dialog(visitor, "cancel_resume_clock")
    assert {name: said for name, said in found.items() if said} == {}


def check_dialog(visitor: Visitor, cancel: str) -> list[str]:
    """Return the violations of the open dialog, and close it."""
    dialog = visitor.page.get_by_test_id("stDialog")
    expect(dialog).to_be_visible()
    visitor.wait_until_drawn()
    found = violations(visitor)
    visitor.button(cancel).click()
    expect(dialog).to_have_count(0)
    return found


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
    visitor.button("apply_run").click()
    assert check_dialog(visitor, "cancel_apply_run") == []


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
