"""The files that a browser fetches for a page."""

from __future__ import annotations

from collections.abc import Callable

import pytest
import requests

from tests.browser.conftest import SandboxShop
from tests.browser.visitor import PAGES, Visitor

pytestmark = pytest.mark.browser


def test_no_page_fetches_a_table_of_emoji_for_its_times(
    new_shop: SandboxShop, visit: Callable[..., Visitor]
) -> None:
    for path in ("add-auto", "auto_load_customers"):
        assert requests.post(new_shop.server.page(path), timeout=30).ok
    visitor, fetched = visit(new_shop), list[str]()
    visitor.page.on("request", lambda request: fetched.append(request.url))

    with_emoji = []
    for name in (*PAGES, "activity?run=1"):
        fetched.clear()
        visitor.open(name)
        visitor.page.wait_for_timeout(1_500)  # until the clock has ticked, too
        assert [url for url in fetched if "/static/js/" in url], "fetches are seen"
        with_emoji += [name for url in fetched if "emoji" in url]
    assert with_emoji == []
