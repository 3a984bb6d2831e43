"""The strip of the last runs, clicked in a browser."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from tests.browser.conftest import SandboxShop
from tests.browser.visitor import Visitor, expect

pytestmark = pytest.mark.browser


def test_a_click_on_a_bar_opens_its_run(
    new_shop: SandboxShop, visit: Callable[..., Visitor]
) -> None:
    visitor = visit(new_shop)
    visitor.open("products")
    visitor.button("fetch_products").click()
    visitor.expect_rows("products_table", 25)
    visitor.open("activity")
    strip = visitor.part("run_strip_products")
    drawn = strip.locator("canvas, svg.marks").first
    expect(drawn).to_be_visible()
    visitor.wait_until_drawn()
    box = drawn.bounding_box()
    assert box is not None
    # The only run is the first of forty bars, and as high as the strip is.
    drawn.click(position={"x": box["width"] * 0.5 / 40, "y": box["height"] * 0.7})
    expect(visitor.page.get_by_text("Run 1: fetch · products")).to_be_visible()
