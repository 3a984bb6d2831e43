"""A page on a bad day: two visitors, double clicks, reloads, bad peers, restarts."""

from __future__ import annotations

import os
import re
import subprocess
from collections.abc import Callable, Iterator
from contextlib import contextmanager

import pytest
import requests

from ecommerce_core.domain import RunStatus
from ecommerce_core.settings import PROJECT_ROOT
from tests.browser.conftest import PRODUCTS, PeersShop, SandboxShop, Shop
from tests.browser.visitor import SERVER_AWAY, Visitor, expect
from tests.support import peers as wire
from tests.support.waiting import until

pytestmark = pytest.mark.browser

MARKUP = (
    "<img src=x onerror=window.hacked=1>",
    "**bold** _thin_ `code`",
    ":material/home: :red[red] :smile:",
    "$x^2$ -> <script>window.hacked=1</script>",
    "[link](javascript:window.hacked=1) https://evil.example",
)
WORD_JOINER = "\u2060"


@contextmanager
def restarted(shop: Shop) -> Iterator[None]:
    """Start the same server again, on the same port and database, after it has ended."""
    ours = {name: v for name, v in os.environ.items() if not name.startswith("ECOMMERCE_")}
    ours["ECOMMERCE_DATABASE"] = str(shop.folder / "ecommerce.db")
    ours["ECOMMERCE_GATEWAY_URL"] = shop.peers_url
    first = shop.server.process
    with (shop.folder / "restarted.log").open("wb") as log:
        second = subprocess.Popen(
            first.args, env=ours, cwd=PROJECT_ROOT, stdout=log, stderr=subprocess.STDOUT
        )
        shop.server.process = second
        try:
            shop.server.wait_until_ready()
            yield
        finally:
            second.terminate()
            second.wait(20)


def test_two_visitors_who_fetch_and_clear_at_once_see_the_same_in_the_end(
    new_shop: SandboxShop, visit: Callable[..., Visitor]
) -> None:
    visitors = [visit(new_shop), visit(new_shop)]
    for visitor in visitors:
        visitor.open("products")
    for visitor in visitors:
        visitor.button("fetch_products").click()
    for visitor in visitors:
        visitor.expect_rows("products_table", 25)
    until(lambda: not any(run.status is RunStatus.RUNNING for run in new_shop.runs()))

    for visitor in visitors:
        visitor.button("clear_products").click()
        expect(visitor.button("confirm_clear_products")).to_be_visible()
    for visitor in visitors:
        visitor.button("confirm_clear_products").click()

    for visitor in visitors:
        expect(visitor.part("products_table")).to_have_count(0)
        expect(visitor.button("undo_clear_products")).to_be_visible()
        expect(visitor.page.get_by_role("dialog")).to_have_count(0)
    visitors[1].button("undo_clear_products").click()
    for visitor in visitors:
        visitor.expect_rows("products_table", 25)
        visitor.expect_no_crash()
    assert new_shop.runs()[0].counts.returned == PRODUCTS


def test_a_double_click_and_one_more_fetch_once_with_progress_then_rows_and_a_toast(
    odd_shop: PeersShop, visit: Callable[..., Visitor]
) -> None:
    odd_shop.peers.serve_products(wire.products(15))
    odd_shop.peers.gate.clear()
    visitor = visit(odd_shop)
    visitor.open("products")

    visitor.button("fetch_products").dblclick()

    expect(visitor.part("progress").locator("progress")).to_be_visible()
    visitor.click_through("fetch_products")
    expect(visitor.part("products_table")).to_have_count(0)
    odd_shop.peers.gate.set()
    expect(visitor.toast("15").first).to_be_visible()
    visitor.expect_rows("products_table", 15)
    expect(visitor.part("progress").locator("progress")).to_have_count(0)
    assert odd_shop.peers.asked["catalogue-produit"] == 1
    assert [run.status for run in odd_shop.runs()] == [RunStatus.SUCCEEDED]
    expect(visitor.alert("")).to_have_count(0)
    visitor.expect_no_crash()


def test_neither_a_reload_nor_a_closed_tab_cuts_a_fetch_off(
    odd_shop: PeersShop, visit: Callable[..., Visitor]
) -> None:
    odd_shop.peers.serve_products(wire.products(15))
    odd_shop.peers.gate.clear()
    visitor = visit(odd_shop)
    progress = visitor.part("progress").locator("progress")
    visitor.open("products")
    visitor.button("fetch_products").click()
    expect(progress).to_be_visible()

    visitor.page.reload()

    expect(progress).to_be_visible()
    odd_shop.peers.gate.set()
    visitor.expect_rows("products_table", 15)

    odd_shop.peers.serve_products(wire.products(16))
    odd_shop.peers.gate.clear()
    visitor.button("fetch_products").click()
    expect(progress).to_be_visible()
    visitor.page.close()
    odd_shop.peers.gate.set()

    until(lambda: not any(run.status is RunStatus.RUNNING for run in odd_shop.runs()))
    visitor.page = visitor.new_tab()
    visitor.open("products")
    visitor.expect_rows("products_table", 16)
    assert [run.counts.added for run in odd_shop.runs()] == [1, 15]
    visitor.expect_no_crash()


def test_a_peer_that_is_down_is_named_and_the_table_stays(
    odd_shop: PeersShop, visit: Callable[..., Visitor]
) -> None:
    odd_shop.peers.serve_products(wire.products(15))
    odd_shop.peers.serve_customers([wire.customer(1)])
    visitor = visit(odd_shop)
    visitor.open("products")
    visitor.button("fetch_products").click()
    visitor.expect_rows("products_table", 15)
    del odd_shop.peers.bodies["catalogue-produit"]

    visitor.button("fetch_products").click()

    expect(visitor.alert("catalogue-produit")).to_be_visible()
    visitor.expect_rows("products_table", 15)
    visitor.go("customers")
    visitor.button("fetch_customers").click()
    visitor.expect_rows("customers_table", 1)
    expect(visitor.alert("")).to_have_count(0)
    odd_shop.peers.serve_products(wire.products(16))
    visitor.go("products")
    visitor.button("fetch_products").click()
    visitor.expect_rows("products_table", 16)
    expect(visitor.alert("catalogue-produit")).to_have_count(0)
    visitor.expect_no_crash()


def test_what_a_peer_wrote_is_shown_as_text(
    odd_shop: PeersShop, visit: Callable[..., Visitor]
) -> None:
    written = [wire.product(n, descriptionProduit=text) for n, text in enumerate(MARKUP)]
    odd_shop.peers.serve_products(written)
    odd_shop.peers.serve_customers(
        [wire.customer(n, firstName=text, lastName=f"No {n}") for n, text in enumerate(MARKUP)]
    )
    visitor = visit(odd_shop)
    visitor.open("customers", **{"as": "cards"})
    visitor.button("fetch_customers").click()
    expect(visitor.page.get_by_text("No 4")).to_be_visible()
    shown = visitor.page.get_by_test_id("stMain").inner_text().replace(WORD_JOINER, "")
    for number, text in enumerate(MARKUP):
        assert f"{text} No {number}" in shown
    nothing_was_rendered(visitor)

    visitor.go("products")
    visitor.button("fetch_products").click()
    for text in MARKUP:
        expect(visitor.cell("products_table", text)).to_have_count(1)
    for row in range(len(MARKUP)):
        visitor.click_cell("products_table", row)
        details = visitor.page.get_by_test_id("stTable")
        expect(details).to_contain_text(f"X1-{row}")
        assert MARKUP[row] in details.inner_text().replace(WORD_JOINER, "")
        nothing_was_rendered(visitor)


def nothing_was_rendered(visitor: Visitor) -> None:
    """Check that MARKUP had no effect: no image, script, link, formula, icon, colour or code."""
    main = visitor.page.get_by_test_id("stMain")
    for rendered in ("img[src=x]", "a[href^=javascript]", "a[href*=evil]", "code", ".katex"):
        expect(main.locator(rendered)).to_have_count(0)
    assert visitor.page.evaluate("window.hacked") is None


def test_a_page_outlives_a_restart_of_its_server(
    odd_shop: PeersShop, visit: Callable[..., Visitor]
) -> None:
    odd_shop.peers.serve_products(wire.products(15))
    visitor = visit(odd_shop)
    visitor.harmless.append(SERVER_AWAY)
    visitor.open("products")
    visitor.button("fetch_products").click()
    visitor.expect_rows("products_table", 15)
    odd_shop.server.process.terminate()
    odd_shop.server.process.wait(20)
    off = visitor.part("live_channel").locator(".off")
    expect(visitor.page.get_by_test_id("stApp")).to_have_attribute(
        "data-test-connection-state", re.compile("^(?!CONNECTED)")
    )
    expect(off).to_be_visible()
    before = visitor.full_runs

    with restarted(odd_shop):
        expect(off).to_be_hidden()
        visitor.wait_until_runs(before + 1)
        odd_shop.peers.serve_products(wire.products(16))
        visitor.button("fetch_products").click()
        visitor.expect_rows("products_table", 16)
        visitor.expect_no_crash()


def test_a_held_fetch_is_confirmed_where_the_journal_is(
    odd_shop: PeersShop, visit: Callable[..., Visitor]
) -> None:
    odd_shop.peers.serve_products(wire.products(24))
    visitor = visit(odd_shop)
    visitor.open("products")
    visitor.button("fetch_products").click()
    visitor.expect_rows("products_table", 24)
    odd_shop.peers.serve_products(wire.products(3))
    visitor.button("fetch_products").click()
    expect(visitor.button("apply_products")).to_be_visible()
    visitor.expect_rows("products_table", 24)

    visitor.go("activity")
    expect(visitor.row("runs_table", 0).get_by_text(re.compile("held"))).to_be_attached()
    visitor.button("apply_products").click()
    visitor.button("confirm_apply_products").click()

    expect(visitor.part("apply_products")).to_have_count(0)
    expect(visitor.row("runs_table", 0).get_by_text(re.compile("succeeded"))).to_be_attached()
    visitor.go("products")
    visitor.expect_rows("products_table", 3)
    visitor.expect_no_crash()


def test_a_dialog_outlives_the_end_of_a_fetch_and_goes_with_escape(
    odd_shop: PeersShop, visit: Callable[..., Visitor]
) -> None:
    visitor = visit(odd_shop)
    confirm = visitor.button("confirm_clear_products")

    def call_back(rows: int) -> None:
        """Fetch without the page."""
        odd_shop.peers.serve_products(wire.products(rows))
        assert requests.post(odd_shop.server.page("add-auto"), timeout=30).status_code == 200

    visitor.open("products")
    call_back(15)
    visitor.expect_rows("products_table", 15)
    visitor.button("clear_products").click()
    expect(confirm).to_be_visible()
    call_back(16)
    visitor.page.wait_for_timeout(2_000)  # by now the page knows of it, and holds the redraw back
    expect(confirm).to_be_visible()
    visitor.expect_rows("products_table", 15)
    visitor.page.keyboard.press("Escape")
    expect(confirm).to_have_count(0)
    visitor.expect_rows("products_table", 16)
    call_back(17)
    visitor.expect_rows("products_table", 17)
    expect(confirm).to_have_count(0)
    visitor.expect_no_crash()
