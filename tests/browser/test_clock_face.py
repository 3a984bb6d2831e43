"""The simulated clock's face in a browser: it moves between two readings, and never too far."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from datetime import datetime, timedelta
from pathlib import Path

import pytest

from ecommerce_core.sandbox import Sandbox
from tests.browser.conftest import SandboxShop
from tests.browser.visitor import Browser, Visitor, expect
from tests.support.server import running_server

pytestmark = pytest.mark.browser

SPEED = 50
CLOCK = re.compile(r"\d\d:\d\d:\d\d")


@pytest.fixture(scope="module")
def ticking_shop(
    tmp_path_factory: pytest.TempPathFactory, browser: Browser
) -> Iterator[SandboxShop]:
    """Yield a shop over a scheduler that ticks like the real one: once a second."""
    folder: Path = tmp_path_factory.mktemp("shop")
    with Sandbox(products=3, customers=3, speed=SPEED) as sandbox:
        environment = {"ECOMMERCE_GATEWAY_URL": sandbox.url}
        with running_server(folder, environment) as server:
            yield SandboxShop(server, folder, sandbox.url, sandbox)


def read(visitor: Visitor) -> datetime:
    date, time = visitor.part("clock_face").locator("p").all_inner_texts()
    return datetime.strptime(f"{date} {time}", "%A, %d %B %Y %H:%M:%S")


def test_the_face_moves_between_ticks_and_shows_nothing_that_the_clock_has_not_reached(
    ticking_shop: SandboxShop, visit: Callable[..., Visitor]
) -> None:
    visitor = visit(ticking_shop)
    visitor.page.emulate_media(reduced_motion="no-preference")
    visitor.open("scheduler")
    expect(visitor.part("clock_face").locator(".time")).to_have_text(CLOCK)
    clock = ticking_shop.sandbox.scheduler

    shown = []
    for _ in range(40):
        shown.append(read(visitor))
        assert shown[-1] <= clock.now() + timedelta(seconds=SPEED)
        visitor.page.wait_for_timeout(100)

    assert shown == sorted(shown)
    assert len(set(shown)) > 12  # in four seconds the clock itself shows five times
    assert shown[-1] - shown[0] > timedelta(seconds=2 * SPEED)


def test_a_paused_clock_stands_still_at_what_the_scheduler_says(
    ticking_shop: SandboxShop, visit: Callable[..., Visitor]
) -> None:
    visitor = visit(ticking_shop)
    visitor.open("scheduler")
    visitor.button("pause_clock").click()
    visitor.button("confirm_pause_clock").click()
    expect(visitor.button("resume_clock")).to_be_visible()
    clock = ticking_shop.sandbox.scheduler

    assert read(visitor) == clock.now()
    visitor.page.wait_for_timeout(1500)
    assert read(visitor) == clock.now()
    visitor.expect_no_crash()
