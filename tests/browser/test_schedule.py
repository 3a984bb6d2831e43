"""The scheduler's page in a browser: the same in every zone, actions in rows, absurd clocks."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest

from ecommerce_core.datasets import CUSTOMERS, PRODUCTS
from ecommerce_core.domain import Recurrence
from ecommerce_core.gateway import Gateway
from ecommerce_core.sandbox import Sandbox
from ecommerce_core.scheduler import Scheduler
from tests.browser.conftest import PeersShop, SandboxShop
from tests.browser.visitor import Browser, Visitor, expect
from tests.support.peers import product
from tests.support.server import running_server
from tests.support.waiting import until

pytestmark = pytest.mark.browser

CASES = Path(__file__).parents[1] / "scheduler" / "cases"
HOUR = timedelta(hours=1)


@pytest.fixture(scope="module")
def shop(tmp_path_factory: pytest.TempPathFactory, browser: Browser) -> Iterator[SandboxShop]:
    """A shop with a few simulated hours behind it, whose clock moves when a test says so."""
    folder = tmp_path_factory.mktemp("shop")
    with Sandbox(products=3, customers=3, speed=3600, tick_s=None) as sandbox:
        environment = {"ECOMMERCE_GATEWAY_URL": sandbox.url}
        with running_server(folder, environment) as server:
            sandbox.app_url = server.url
            shop = SandboxShop(server, folder, sandbox.url, sandbox)
            scheduler = Scheduler(Gateway(sandbox.url), app_name="e-commerce")
            at = sandbox.scheduler.now() + timedelta(minutes=38)
            scheduler.add_task(PRODUCTS, simulated_at=at, recurrence=Recurrence.HOUR)
            scheduler.add_task(CUSTOMERS, simulated_at=at + HOUR, recurrence=Recurrence.DAY)
            for number in range(1, 6):
                wait_for_poll(shop)
                sandbox.scheduler.tick()
                until(lambda n=number: received(shop) > n)  # type: ignore[misc]
            sandbox.scheduler.pause()
            sandbox.scheduler.tick()
            yield shop


def received(shop: SandboxShop) -> int:
    return sum(one.received for one in shop.store.expected_summary()) + 1


def wait_for_poll(shop: SandboxShop) -> None:
    """Wait until the server has read the list as it is."""
    listed = [task.time for task in shop.sandbox.scheduler.tasks()]

    def is_read() -> bool:
        state = shop.store.monitor_state()
        entries = () if state is None or state.snapshot is None else state.snapshot.entries
        return [entry.simulated_at for entry in entries] == listed

    until(is_read)


def test_the_chart_is_the_same_in_browsers_of_two_zones(
    shop: SandboxShop, visit: Callable[..., Visitor]
) -> None:
    charts = {}
    for zone in ("UTC", "America/New_York"):
        visitor = visit(shop, timezone_id=zone)
        visitor.open("scheduler")
        chart = visitor.page.get_by_test_id("stVegaLiteChart").first
        expect(chart.locator("canvas, svg").first).to_be_visible()
        visitor.page.wait_for_timeout(1000)
        charts[zone] = chart.screenshot()
    # A simulated time has no zone: where naive times are read as local, the points move.
    assert charts["America/New_York"] == charts["UTC"]


def test_a_task_is_edited_from_the_menu_in_its_own_row(
    shop: SandboxShop, visit: Callable[..., Visitor]
) -> None:
    visitor = visit(shop)
    visitor.open("scheduler")
    table = visitor.page.get_by_test_id("stDataFrame").first
    expect(table.locator("canvas").first).to_be_visible()
    table.scroll_into_view_if_needed()
    edit = visitor.page.get_by_text("Edit…", exact=True)
    others = edit.count()

    def is_open() -> bool:
        box: Any = table.bounding_box()
        # The third column's cell of the first row, as the table is drawn.
        visitor.page.mouse.click(box["x"] + 193, box["y"] + 50)
        visitor.page.wait_for_timeout(300)
        return edit.count() > others

    until(is_open)  # what is above the table may still grow
    edit.last.click()
    dialog = visitor.page.get_by_role("dialog")
    expect(dialog).to_contain_text("The task as it is stays until the scheduler lists the new one.")
    visitor.button("cancel_edit_task").click()
    expect(dialog).to_have_count(0)


def test_an_absurd_clock_breaks_nothing_in_the_browser(
    odd_shop: PeersShop, visit: Callable[..., Visitor]
) -> None:
    odd_shop.peers.bodies["scheduler"] = (CASES / "absurd-clock-info.json").read_bytes()
    visitor = visit(odd_shop)
    visitor.open("scheduler")
    expect(visitor.part("clock_face").locator(".time")).to_have_text("01:00:00")
    visitor.page.wait_for_timeout(2500)
    expect(visitor.part("clock_face").locator(".time")).to_have_text("01:00:00")
    expect(visitor.page.get_by_text("NaN")).to_have_count(0)
    visitor.open("")
    visitor.expect_no_crash()


@pytest.mark.parametrize("locale", ["en-GB", "fr-FR"])
def test_a_decimal_comma_is_taken_in_a_filter(
    odd_shop: PeersShop, visit: Callable[..., Visitor], locale: str
) -> None:
    odd_shop.peers.serve_products([product(1, price=1_000), product(2, price=1_300)])
    visitor = visit(odd_shop, locale=locale)
    visitor.open("products")
    visitor.click_through("fetch_products")
    visitor.expect_rows("products_table", 2)
    visitor.part("products_filters").get_by_role("button").click()
    box = visitor.part("products_price_low").get_by_role("textbox")
    box.fill("12,50")
    box.press("Enter")
    visitor.expect_rows("products_table", 1)
    expect(visitor.page).to_have_url(re.compile(r"price=12\.5-"))


def test_after_a_change_of_speed_the_countdown_follows_at_once(
    shop: SandboxShop, visit: Callable[..., Visitor]
) -> None:
    clock = shop.sandbox.scheduler
    clock.resume()
    clock.set_speed(1)
    visitor = visit(shop)
    visitor.open("scheduler")
    countdown = visitor.part("next_task").locator("p")

    def is_counting() -> bool:
        clock.tick()  # else it stands still for whoever looks late
        visitor.page.wait_for_timeout(500)
        return re.search(r"in \d\d min", countdown.inner_text()) is not None

    until(is_counting)
    visitor.button("set_speed").click()
    box = visitor.part("clock_speed").get_by_role("textbox")
    box.fill("60")
    box.press("Enter")
    visitor.button("confirm_set_speed").click()
    expect(countdown).to_have_text(re.compile(r"in \d\d s"), timeout=3_000)
