"""README's journey in Chromium, from the view of a new user."""

from __future__ import annotations

import csv
import re
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path

import pytest
import requests

from ecommerce_core.datasets import PRODUCTS as PRODUCTS_DATASET
from ecommerce_core.domain import Trigger
from tests.browser.conftest import CUSTOMERS, PRODUCTS, SandboxShop
from tests.browser.visitor import PAGES, Visitor, expect
from tests.support.rows import count_rows
from tests.support.waiting import until

pytestmark = pytest.mark.browser

TITLES = {
    "en": ("Overview", "Products", "Customers", "Scheduler", "Activity", "Explore", "Help"),
    "fr": ("Vue d’ensemble", "Produits", "Clients", "Scheduler", "Activité", "Explorer", "Aide"),
}


@pytest.fixture
def full_shop(shop: SandboxShop) -> SandboxShop:
    """Return the module's shop with both datasets fetched."""
    for path in ("add-auto", "auto_load_customers"):
        assert requests.post(shop.server.page(path), timeout=30).status_code == 200
    return shop


@pytest.fixture
def visitor(visit: Callable[..., Visitor], full_shop: SandboxShop) -> Visitor:
    return visit(full_shop)


def test_a_new_shop_is_empty_and_the_overview_leads_to_a_full_one(
    new_shop: SandboxShop, visit: Callable[..., Visitor]
) -> None:
    visitor = visit(new_shop)
    visitor.open("products")
    expect(visitor.button("fetch_products")).to_be_visible()
    expect(visitor.part("products_table")).to_have_count(0)
    visitor.go("")

    visitor.button("fetch_products").click()
    expect(visitor.toast(str(PRODUCTS))).to_be_visible()
    visitor.button("fetch_customers").click()
    expect(visitor.toast(str(CUSTOMERS))).to_be_visible()

    metrics = visitor.page.get_by_test_id("stMetricValue")
    expect(metrics.get_by_text(str(PRODUCTS), exact=True).first).to_be_visible()
    expect(metrics.get_by_text(str(CUSTOMERS), exact=True).first).to_be_visible()
    visitor.expect_no_crash()


def test_fetched_products_are_a_table_a_page_at_a_time(
    new_shop: SandboxShop, visit: Callable[..., Visitor]
) -> None:
    visitor = visit(new_shop)
    visitor.open("products")

    visitor.button("fetch_products").click()

    expect(visitor.toast(str(PRODUCTS))).to_be_visible()
    expect(visitor.cell("products_table", "X1-0")).to_be_attached()
    visitor.expect_rows("products_table", 25)
    expect(visitor.page.get_by_text(f"1–25 of {PRODUCTS}")).to_be_visible()
    run = new_shop.runs("products")[0]
    assert (run.trigger, run.counts.added) == (Trigger.MANUAL, PRODUCTS)


def test_customers_are_a_table_and_cards_as_the_reader_likes(visitor: Visitor) -> None:
    visitor.open("customers")
    points = visitor.page.get_by_text(re.compile(r"^Loyalty points: \d"))
    visitor.expect_rows("customers_table", 25)
    expect(points).to_have_count(0)

    choice = visitor.page.get_by_role("radiogroup", name="Show as")
    expect(choice.get_by_role("radio", name="Table", exact=True)).to_be_checked()
    choice.get_by_role("radio", name="Cards", exact=True).click()

    expect(points).to_have_count(25)
    expect(visitor.part("customers_table")).to_have_count(0)
    expect(visitor.page).to_have_url(re.compile(r"as=cards"))


def test_a_scheduled_task_calls_back_and_the_products_page_shows_it_by_itself(
    shop: SandboxShop, visit: Callable[..., Visitor]
) -> None:
    as_of_words, manual, callback, executed = "État au", "manuel", "déclenchement", "exécuté"
    shop.sandbox.scheduler.set_speed(5)
    visitor = visit(shop, locale="fr-FR")
    visitor.open("products")
    visitor.button("fetch_products").click()
    as_of = visitor.part("as_of_products").locator("p").filter(has_text=as_of_words)
    expect(as_of).to_contain_text(manual)
    visitor.go("scheduler")
    visitor.button("task_soon").click()
    visitor.wait_until_drawn()
    visitor.button("add_task").click()
    until(lambda: [task.name for task in shop.sandbox.scheduler.tasks()] == ["get_products"])
    # A table without selection has no key: it is the first one on the page.
    tasks = visitor.page.get_by_test_id("stDataFrame").first.locator("td")
    expect(tasks.get_by_text("get_products", exact=True)).to_be_attached()
    visitor.go("products")

    shop.sandbox.scheduler.set_speed(360)  # the hour passes in a second

    expect(as_of).to_contain_text(callback)
    visitor.go("activity")
    expect(visitor.row("runs_table", 0).get_by_text(callback, exact=True)).to_be_attached()
    deliveries = visitor.part("deliveries_table").locator("td")
    expect(deliveries.get_by_text(re.compile(executed)).first).to_be_attached()
    assert shop.runs("products")[0].task_name == "get_products"
    shop.sandbox.scheduler.set_speed(5)
    visitor.expect_no_crash()


def test_clearing_asks_first_and_can_be_undone(visitor: Visitor, full_shop: SandboxShop) -> None:
    visitor.open("products")
    visitor.button("clear_products").click()
    dialog = visitor.page.get_by_role("dialog")
    expect(dialog).to_contain_text(re.compile(r"\b1[12]\d rows"))
    visitor.button("cancel_clear_products").click()
    expect(dialog).to_have_count(0)
    visitor.expect_rows("products_table", 25)

    visitor.button("clear_products").click()
    visitor.button("confirm_clear_products").click()

    expect(dialog).to_have_count(0)
    expect(visitor.part("products_table")).to_have_count(0)
    expect(visitor.button("clear_products")).to_be_disabled()
    visitor.button("undo_clear_products").click()
    visitor.expect_rows("products_table", 25)
    expect(visitor.part("undo_clear_products")).to_have_count(0)
    actions = [run.action for run in full_shop.runs("products")[:2]]
    assert actions == ["undo_clear", "clear"]
    visitor.expect_no_crash()


def test_every_page_opens_by_its_own_address_and_by_the_navigation(visitor: Visitor) -> None:
    title = visitor.page.get_by_role("heading", level=1)
    for name, expected in zip(PAGES, TITLES["fr"], strict=True):
        visitor.open(name, language="fr")
        expect(title).to_have_text(expected)
    visitor.part("language").get_by_text("English").click()
    for name, expected in zip(PAGES, TITLES["en"], strict=True):
        visitor.go(name)
        expect(title).to_have_text(expected)
    visitor.expect_no_crash()


def test_the_language_switch_works_both_ways_and_travels_in_the_address(
    visitor: Visitor, visit: Callable[..., Visitor], full_shop: SandboxShop
) -> None:
    visitor.open("products")
    title = visitor.page.get_by_role("heading", level=1)
    visitor.part("language").get_by_text("Français").click()
    expect(title).to_have_text("Produits")
    expect(visitor.page).to_have_url(re.compile("language=fr"))
    expect(visitor.button("fetch_products")).to_have_text(re.compile("Récupérer les produits"))

    friend = visit(full_shop)
    friend.page.goto(visitor.page.url)
    expect(friend.page.get_by_role("heading", level=1)).to_have_text("Produits")

    visitor.part("language").get_by_text("English").click()
    expect(title).to_have_text("Products")
    expect(visitor.page).not_to_have_url(re.compile("language="))


def test_what_was_chosen_survives_the_language_switch(visitor: Visitor) -> None:
    title = visitor.page.get_by_role("heading", level=1)
    french = {"products": "Produits", "customers": "Clients", "activity": "Activité"}
    for page in ("products", "customers", "scheduler", "activity"):
        visitor.open(page)
        visitor.part("language").get_by_text("Français").click()
        expect(title).to_have_text(french.get(page, "Scheduler"))
        expect(visitor.page).to_have_url(re.compile(rf"/{page}\?language=fr$"))
        visitor.part("language").get_by_text("English").click()
        expect(title).to_have_text(page.capitalize())
        expect(visitor.page).to_have_url(re.compile(rf"/{page}$"))
    visitor.expect_no_crash()


def test_a_search_narrows_the_table_and_its_address_can_be_shared(
    visitor: Visitor, visit: Callable[..., Visitor], full_shop: SandboxShop
) -> None:
    visitor.open("products")
    visitor.part("search_products").locator("input").fill("X1-11")
    visitor.expect_rows("products_table", 11)  # X1-11 and X1-110 to X1-119
    expect(visitor.page).to_have_url(re.compile("q=X1-11"))

    friend = visit(full_shop)
    friend.page.goto(visitor.page.url)
    friend.expect_rows("products_table", 11)
    expect(friend.cell("products_table", "X1-0")).to_have_count(0)
    visitor.part("search_products").locator("input").fill("no such thing")
    expect(visitor.part("products_table")).to_have_count(0)
    visitor.expect_no_crash()


def test_what_was_filtered_is_shared_selected_taken_away_and_read_back(
    visit: Callable[..., Visitor], full_shop: SandboxShop
) -> None:
    count = count_rows(full_shop.store, PRODUCTS_DATASET, values=(("family", ("TV",)),))
    assert 0 < count < 25
    visitor = visit(full_shop, locale="fr-FR")
    visitor.open("products")
    # A browser that speaks French is answered in French.
    expect(visitor.page).not_to_have_url(re.compile("language="))
    visitor.part("products_filters").get_by_role("button").first.click()
    visitor.page.get_by_role("combobox").and_(visitor.page.locator("[aria-label*=amil]")).fill("TV")
    visitor.page.keyboard.press("Enter")
    visitor.expect_rows("products_table", count)
    visitor.page.keyboard.press("Escape")
    visitor.page.keyboard.press("Escape")
    expect(visitor.page).to_have_url(re.compile("family=TV"))

    friend = visit(full_shop, locale="fr-FR")
    friend.page.goto(visitor.page.url)
    friend.expect_rows("products_table", count)
    expect(friend.page.get_by_role("button", name=re.compile(r"^Famille\W+TV$"))).to_be_visible()
    code = friend.row("products_table", 0).nth(1).inner_text()
    friend.click_cell("products_table", 0)
    expect(friend.part("row_panel")).to_contain_text(code)
    expect(friend.page).to_have_url(re.compile("row="))
    friend.page.keyboard.press("Escape")
    expect(friend.part("row_panel")).to_have_count(0)

    visitor.part("export_products").get_by_text("Exporter").first.click()
    download = visitor.take("export_products_csv")
    with Path(download.path()).open(encoding="utf-8-sig", newline="") as file:
        rows = list(csv.DictReader(file, delimiter=";"))
    assert len(rows) == count
    assert {row["family"] for row in rows} == {"TV"}
    assert f"products-filtered-{datetime.now(UTC):%Y-%m-%d}" in download.suggested_filename
    visitor.expect_no_crash()


def open_list(visitor: Visitor, key: str) -> None:
    """Open a box's list by the keyboard."""
    visitor.part(key).locator("input").focus()
    visitor.page.keyboard.press("ArrowDown")
    expect(visitor.page.get_by_role("option").first).to_be_visible()


def test_a_callback_is_delivered_again_without_a_mouse(
    visitor: Visitor, full_shop: SandboxShop
) -> None:
    newest = full_shop.store.newest_delivery_id()
    visitor.open("activity")
    expect(visitor.button("deliver_again")).to_be_disabled()
    open_list(visitor, "delivery")
    visitor.page.keyboard.press("Enter")
    expect(visitor.button("deliver_again")).to_be_enabled()
    visitor.page.keyboard.press("Tab")
    visitor.page.keyboard.press("Tab")
    expect(visitor.button("deliver_again")).to_be_focused()
    visitor.page.keyboard.press("Enter")

    first = visitor.row("deliveries_table", 0)
    expect(first.get_by_text(re.compile(r"^callback \d+, delivered again$"))).to_be_attached()
    [again] = full_shop.store.list_deliveries(limit=1)
    assert again.id > newest
    assert again.outcome == "executed"
    visitor.expect_no_crash()
