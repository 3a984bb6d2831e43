"""Pages that update without timers: changes elsewhere appear, and do not disturb the visitor."""

from __future__ import annotations

import os
import random
import re
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import timedelta
from typing import Any

import pytest
import requests

from tests.browser.conftest import PeersShop, SandboxShop
from tests.browser.visitor import PAGES, SERVER_AWAY, Page, Visitor, WebSocketRoute, expect
from tests.support import peers as wire
from tests.support.peers import products

pytestmark = pytest.mark.browser

# Of ten fast clicks each; by hand: ``CLICK_TURNS=30 python -m pytest tests/browser/test_live.py``.
TURNS = int(os.environ.get("CLICK_TURNS", "2"))
LIVE = re.compile(r"/ecommerce/live(\?|$)")
HIDE = """hidden => {
    Object.defineProperty(document, "hidden", {get: () => hidden, configurable: true});
    document.dispatchEvent(new Event("visibilitychange"));
}"""


@contextmanager
def runs_that_end_every_second(shop: PeersShop, first: int = 101) -> Iterator[None]:
    """Send callbacks, each with one product more."""
    is_over = threading.Event()

    def go_on() -> None:
        rows = first
        while not is_over.wait(1.0):
            rows += 1
            shop.call_back(rows)

    thread = threading.Thread(target=go_on)
    thread.start()
    try:
        yield
    finally:
        is_over.set()
        thread.join(30)


def test_a_callback_appears_on_every_page_that_shows_it_and_disturbs_no_other(
    odd_shop: PeersShop, visit: Callable[..., Visitor]
) -> None:
    visitors = {name: visit(odd_shop) for name in ("products", "", "activity", "customers")}
    for name, visitor in visitors.items():
        visitor.open(name)
    before = visitors["customers"].full_runs

    odd_shop.call_back(15)

    visitors["products"].expect_rows("products_table", 15)
    counted = visitors[""].page.get_by_test_id("stMetricValue")
    expect(counted).to_have_text(["15", "0"])
    expect(visitors["activity"].row("runs_table", 0)).to_contain_text(["succeeded"])
    expect(visitors["activity"].row("deliveries_table", 0)).to_contain_text(["executed"])
    assert visitors["customers"].full_runs == before


def test_an_idle_page_runs_no_script_and_its_clock_moves(
    shop: SandboxShop, visit: Callable[..., Visitor]
) -> None:
    visitor = visit(shop)
    tabs = {name: visitor.new_tab() for name in PAGES}
    for name, tab in tabs.items():
        tab.goto(shop.server.page(name))
    clocks = {name: tab.locator(".st-key-live_channel .time") for name, tab in tabs.items()}
    shown = {name: clock.inner_text() for name, clock in clocks.items()}
    visitor.page.wait_for_timeout(2_500)  # what a page does right after it was drawn is over
    visitor.full_runs = 0
    visitor.page.wait_for_timeout(4_000)

    assert visitor.full_runs == 0
    assert [name for name, clock in clocks.items() if clock.inner_text() == shown[name]] == []
    visitor.expect_no_crash()


def test_the_sidebar_and_the_card_show_the_same_clock(
    shop: SandboxShop, visit: Callable[..., Visitor]
) -> None:
    visitor = visit(shop)
    visitor.open("scheduler")
    expect(visitor.part("clock_face").locator(".time")).to_have_text(re.compile(r"\d\d:\d\d:\d\d"))
    shown = visitor.page.evaluate("""async () => {
        const text = key => document.querySelector(`.st-key-${key} [data-testid] .time,
            .st-key-${key} .time`)?.textContent
        const inside = (key) => {
            const hosts = [...document.querySelectorAll(`.st-key-${key} *`)]
            const root = hosts.map(host => host.shadowRoot).find(root => root)
            return (root ?? document).querySelector(".time").textContent
        }
        const seen = []
        for (let turn = 0; turn < 20; turn += 1) {
            await new Promise(resolve => setTimeout(resolve, 97))
            seen.push([inside("live_channel").slice(-8), inside("clock_face")])
        }
        return seen
    }""")

    # Between a tick and the next drawing of either, they may differ for a moment.
    assert sum(side == card for side, card in shown) >= 14, shown


def test_fast_clicks_while_runs_end_are_neither_lost_nor_undone(
    odd_shop: PeersShop, visit: Callable[..., Visitor]
) -> None:
    visitor = visit(odd_shop)
    page, chance = visitor.page, random.Random(7)
    visitor.open("products")
    odd_shop.call_back(120)
    visitor.expect_rows("products_table", 25)
    following = visitor.part("products_page").get_by_test_id("stPaginationNext")
    part, language = visitor.part("products_part"), visitor.part("language")
    part = part.get_by_role("radio")
    search = visitor.part("search_products").locator("input")

    def act(*clicks: Callable[[], None]) -> None:
        for click in clicks:
            click()
            page.wait_for_timeout(chance.randrange(30, 350))

    with runs_that_end_every_second(odd_shop, 120):
        for turn in range(TURNS):
            is_descending = turn % 2 == 0
            word = "x1-" if turn % 2 else "x1"
            act(
                lambda word=word: search.fill(word),  # type: ignore[misc]
                lambda: visitor.click_heading("products_rows", x=50),
                language.get_by_text("Français").click,
                part.nth(1).click,
                part.nth(0).click,
            )
            # A visitor turns the pages that are visible, however slow the machine; in French, since
            # the other language moves the button.
            expect(page.get_by_text(re.compile(r"^1–25 sur \d+$"))).to_be_visible()
            # Nor is one from before the other part of the page still there.
            expect(following).to_have_count(1)
            visitor.wait_until_drawn()
            act(
                following.click,
                following.click,
                following.click,
                language.get_by_text("English").click,
                following.hover,
            )
            address = f"q={word}&sort=-code&page=4" if is_descending else f"q={word}&page=4"
            expect(page).to_have_url(re.compile(rf"\?{address}$"))
            expect(page.get_by_text(re.compile(r"^76–100 of \d+$"))).to_be_visible()
            expect(search).to_have_value(word)
            expect(visitor.part("products_part")).to_contain_text("Rows")
    visitor.expect_no_crash()


def test_fast_clicks_in_the_menu_of_filters_while_runs_end_are_neither_lost_nor_undone(
    odd_shop: PeersShop, visit: Callable[..., Visitor]
) -> None:
    visitor = visit(odd_shop)
    page, chance = visitor.page, random.Random(11)
    visitor.open("products")
    odd_shop.call_back(120)
    visitor.expect_rows("products_table", 25)
    menu, withdrawn = visitor.button("products_filters"), visitor.part("products_withdrawn")
    low = visitor.part("products_price_low").locator("input")
    chip = visitor.button("drop_filter_products_0")
    following = visitor.part("products_page").get_by_test_id("stPaginationNext")
    with runs_that_end_every_second(odd_shop, 120):
        for _turn in range(TURNS):
            menu.click()
            expect(low).to_be_visible()
            for option in ("Include", "Only", "Include"):
                withdrawn.get_by_text(option, exact=True).click()
                page.wait_for_timeout(chance.randrange(30, 350))
            low.fill("0.01")
            low.press("Enter")
            page.wait_for_timeout(chance.randrange(30, 350))
            menu.click()
            page.wait_for_timeout(chance.randrange(30, 350))
            following.click()
            for said in ("price=0.01-", "withdrawn=show", "page=2"):
                expect(page).to_have_url(re.compile(rf"[?&]{said}(&|$)"))
            expect(page.get_by_text(re.compile(r"^26–50 of \d+$"))).to_be_visible()
            chip.click()
            page.wait_for_timeout(chance.randrange(30, 350))
            expect(chip).to_contain_text("Including withdrawn")
            chip.click()
            expect(chip).to_have_count(0)
            expect(page).to_have_url(re.compile(r"/products$"))
    visitor.expect_no_crash()


def test_text_that_is_being_typed_and_the_place_one_types_at_stay_while_runs_end(
    odd_shop: PeersShop, visit: Callable[..., Visitor]
) -> None:
    visitor = visit(odd_shop)
    page = visitor.page
    visitor.open("products")
    odd_shop.call_back(120)
    visitor.expect_rows("products_table", 25)
    box = visitor.part("search_products").locator("input")
    with runs_that_end_every_second(odd_shop, 120):
        box.click()
        for letter in "x1-11 x1":
            page.keyboard.type(letter)
            page.wait_for_timeout(420)
        expect(box).to_have_value("x1-11 x1")
        expect(box).to_be_focused()
        expect(page).to_have_url(re.compile(r"\?q=x1-11[+ %0-9]+x1$"))
        before = visitor.full_runs
        visitor.wait_until_runs(before + 2)
        expect(box).to_have_value("x1-11 x1")
        expect(box).to_be_focused()
    visitor.expect_no_crash()


def test_text_that_is_not_told_yet_stays_in_its_box_when_a_task_is_added_elsewhere(
    new_shop: SandboxShop, visit: Callable[..., Visitor]
) -> None:
    visitor = visit(new_shop)
    visitor.open("scheduler")
    box = visitor.part("tasks_search").locator("input")
    box.click()
    visitor.page.keyboard.type("not yet told")
    at = new_shop.sandbox.scheduler.now() + timedelta(days=300)
    task = {
        "target_url": "ecommerce/add-auto",
        "target_app": "e-commerce",
        "time": at.strftime("%d/%m/%Y-%H:%M:%S"),
        "recurrence": "none",
        "data": "",
        "source_app": "e-commerce",
        "name": "get_products",
    }
    added = requests.post(
        f"{new_shop.peers_url}/schedule/add", headers={"Host": "scheduler"}, json=task, timeout=5
    )
    assert added.status_code == 200

    expect(visitor.part("next_task").locator("p")).to_contain_text("get_products in ")
    expect(box).to_have_value("not yet told")
    expect(box).to_be_focused()
    visitor.expect_no_crash()


def test_a_menu_that_is_open_holds_the_page_as_it_is_and_what_was_held_comes_afterwards(
    odd_shop: PeersShop, visit: Callable[..., Visitor]
) -> None:
    visitor = visit(odd_shop)
    visitor.open("products")
    odd_shop.call_back(15)
    visitor.expect_rows("products_table", 15)
    menu = visitor.part("products_price_low")
    visitor.button("products_filters").click()
    expect(menu).to_be_visible()
    before = visitor.full_runs
    visitor.page.wait_for_timeout(1_000)

    odd_shop.call_back(16)
    visitor.page.wait_for_timeout(2_000)

    expect(menu).to_be_visible()
    visitor.expect_rows("products_table", 15)
    assert visitor.full_runs <= before + 1
    visitor.page.keyboard.press("Escape")
    visitor.expect_rows("products_table", 16)


def test_a_selected_row_and_the_scroll_stay_where_they_are(
    odd_shop: PeersShop, visit: Callable[..., Visitor]
) -> None:
    visitor = visit(odd_shop, viewport={"width": 1000, "height": 500})
    visitor.open("activity")
    for rows in (15, 16, 17):
        odd_shop.call_back(rows)
    expect(visitor.row("runs_table", 2)).to_contain_text(["succeeded"])
    main = visitor.page.get_by_test_id("stMain")
    visitor.part("run").locator("input").focus()
    visitor.page.keyboard.press("ArrowDown")
    visitor.page.keyboard.press("ArrowDown")
    visitor.page.keyboard.press("Enter")
    expect(visitor.page).to_have_url(re.compile(r"run=2$"))
    visitor.wait_until_drawn()
    expect(visitor.row("deliveries_table", 2)).to_contain_text(["executed"])
    visitor.page.wait_for_timeout(1_000)  # all that the callbacks brought is in place
    main.evaluate("main => main.scrollTo(0, 400)")
    seen: Any = visitor.part("run").bounding_box()

    odd_shop.call_back(18)
    expect(visitor.row("runs_table", 3)).to_contain_text(["succeeded"])

    expect(visitor.part("run").locator("input")).to_have_value("2")
    # Where rows have come above it, the browser scrolls along, so that what is seen stays in place.
    now: Any = visitor.part("run").bounding_box()
    assert main.evaluate("main => main.scrollTop") == 400 or abs(now["y"] - seen["y"]) < 2
    expect(visitor.page).to_have_url(re.compile(r"run=2$"))


def test_a_page_in_the_background_waits_and_catches_up_when_it_is_looked_at(
    odd_shop: PeersShop, visit: Callable[..., Visitor]
) -> None:
    visitor = visit(odd_shop)
    visitor.open("products")
    visitor.page.evaluate(HIDE, True)
    before = visitor.full_runs
    odd_shop.call_back(15)
    visitor.page.wait_for_timeout(2_000)
    assert visitor.full_runs == before

    visitor.page.evaluate(HIDE, False)

    visitor.expect_rows("products_table", 15)


class CutLine:
    """A proxy before ``live`` that cuts it on request, and may block all messages."""

    def __init__(self, page: Page, *, lets_through: bool = True) -> None:
        self.opened = 0
        self.lets_through = lets_through
        self._open: list[WebSocketRoute] = []
        page.route_web_socket(LIVE, self._carry)

    def cut(self) -> None:
        for socket in self._open:
            socket.close(code=1001, reason="idle")
        self._open.clear()

    def _carry(self, browser: WebSocketRoute) -> None:
        self.opened += 1
        if self.lets_through:
            browser.connect_to_server()
            self._open.append(browser)
        else:
            browser.close(code=1011, reason="no way")


def test_a_line_that_is_cut_is_opened_again_and_what_was_missed_appears(
    odd_shop: PeersShop, visit: Callable[..., Visitor]
) -> None:
    visitor = visit(odd_shop)
    line = CutLine(visitor.page)
    visitor.open("products")
    visitor.page.wait_for_timeout(500)
    assert line.opened == 1

    line.lets_through = False
    line.cut()
    odd_shop.call_back(15)
    visitor.page.wait_for_timeout(1_000)
    line.lets_through = True

    visitor.expect_rows("products_table", 15)
    odd_shop.call_back(16)
    visitor.expect_rows("products_table", 16)
    expect(visitor.part("live_channel").locator(".off")).to_be_hidden()


def test_a_page_without_a_live_line_says_so_quietly_and_still_works(
    odd_shop: PeersShop, visit: Callable[..., Visitor]
) -> None:
    visitor = visit(odd_shop)
    line = CutLine(visitor.page, lets_through=False)
    off = visitor.part("live_channel").locator(".off")
    odd_shop.peers.serve_products(wire.products(15))
    visitor.open("products")
    expect(off).to_be_hidden()
    expect(off).to_be_visible()
    expect(off).to_have_text("Live updates are off; trying again.")
    expect(visitor.page.get_by_test_id("stAlert")).to_have_count(0)

    visitor.button("fetch_products").click()

    visitor.expect_rows("products_table", 15)
    expect(visitor.toast("15")).to_be_visible()
    visitor.wait_until_drawn()
    visitor.page.wait_for_timeout(3_000)
    visitor.full_runs, opened = 0, line.opened
    visitor.page.wait_for_timeout(4_000)
    assert visitor.full_runs == 0, "nothing is waited for any more"
    # It backs off: half a second, one, two, four, …
    assert line.opened - opened <= 2
    line.lets_through = True
    expect(off).to_be_hidden()


def test_a_run_under_way_elsewhere_shows_how_it_gets_on(
    odd_shop: PeersShop, visit: Callable[..., Visitor]
) -> None:
    visitor = visit(odd_shop)
    visitor.harmless.append(SERVER_AWAY)
    visitor.open("products")
    visitor.page.wait_for_timeout(500)
    before = visitor.full_runs
    odd_shop.peers.serve_products(products(15))
    odd_shop.peers.gate.clear()
    progress = visitor.part("progress")
    answer: list[int] = []

    def ask() -> None:
        address = odd_shop.server.page("add-auto")
        answer.append(requests.post(address, timeout=30).status_code)

    caller = threading.Thread(target=ask)
    caller.start()
    expect(progress.locator("progress")).to_be_visible()
    expect(progress.locator("p")).to_contain_text("Products: ")
    expect(progress.locator("p")).to_contain_text(re.compile(r"· [3-9] s"))
    assert visitor.full_runs == before, "the bar moves in the browser"
    odd_shop.peers.gate.set()
    caller.join(30)

    assert answer == [200]
    visitor.expect_rows("products_table", 15)
    expect(progress.locator("progress")).to_have_count(0)
