"""The explore page in a browser: a query by the keyboard, a running one cancelled, a file."""

from __future__ import annotations

import re
from collections.abc import Callable
from pathlib import Path

import pytest
import requests

from tests.browser.conftest import SandboxShop
from tests.browser.visitor import Visitor, expect

pytestmark = pytest.mark.browser

ENDLESS = "SELECT count(*) FROM range(1000000000000)"


def test_a_query_is_written_run_cancelled_shared_and_taken_away(
    shop: SandboxShop, visit: Callable[..., Visitor]
) -> None:
    requests.post(shop.server.page("add-auto"), timeout=30)
    visitor = visit(shop)
    page = visitor.page

    # Without SQL first: a group is drawn, and says how it would be asked in SQL.
    visitor.open("explore")
    expect(page.get_by_test_id("stVegaLiteChart")).to_be_visible()
    page.get_by_text("The same in SQL").click()
    expect(page.get_by_test_id("stCode")).to_contain_text("GROUP BY ALL")

    # A query that is written, and run by the keyboard.
    visitor.part("explore_mode").get_by_text("SQL").click()
    box = page.get_by_label("A SELECT statement")
    box.fill("SELECT family, count(*) AS n FROM products GROUP BY ALL ORDER BY family")
    box.press("Control+Enter")
    expect(visitor.cell("explore_answer", "Audio")).to_have_count(1)
    # Before it, the address is the group's own SQL, which begins with the same words.
    expect(page).to_have_url(re.compile(r"/ecommerce/explore\?sql=SELECT\+family.*\+AS\+n\+FROM"))
    address = page.url

    # One that runs without end is cancelled by a click.
    box.fill(ENDLESS)
    visitor.button("run_sql").click()
    expect(visitor.button("cancel_question")).to_be_visible()
    visitor.button("cancel_question").click()
    expect(visitor.alert("The query was cancelled")).to_be_visible()

    # The address is the question, for somebody else too; and the whole answer is a file.
    page.goto(address)
    expect(visitor.cell("explore_answer", "Audio")).to_have_count(1)
    visitor.wait_until_drawn()
    visitor.button("export_explore").click()
    taken = visitor.take("export_explore_csv")
    lines = Path(taken.path()).read_text("utf-8-sig").splitlines()
    assert lines[0] == "family,n"
    assert len(lines) == 11
    visitor.expect_no_crash()
