"""A person at a browser: the actions of tests and screenshots on a page, by its elements' keys."""

from __future__ import annotations

import os
import re
import shutil
import time
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import pytest
from streamlit.proto.ForwardMsg_pb2 import ForwardMsg

from tests.support.server import Site

try:
    from playwright.sync_api import (
        Browser,
        BrowserContext,
        ConsoleMessage,
        Download,
        Locator,
        Page,
        Route,
        WebSocket,
        WebSocketRoute,
        expect,
        sync_playwright,
    )
except ImportError:
    if os.environ.get("CI") == "true":
        raise
    pytest.skip("playwright is not installed", allow_module_level=True)

__all__ = [
    "Browser",
    "Locator",
    "Page",
    "Route",
    "Visitor",
    "WebSocket",
    "WebSocketRoute",
    "expect",
    "find_chromium",
    "running_chromium",
]

PAGES = ("", "products", "customers", "scheduler", "activity", "explore", "help")
# Generous: a machine with two cores that also builds something else is slow, not broken.
PATIENCE_MS = 30_000
ARGUMENTS = (
    "--no-sandbox",
    "--disable-gpu",
    "--disable-background-networking",
    "--disable-quic",
    "--no-first-run",
    "--disable-component-update",
    "--disable-sync",
)
# The shell is the same engine without a window: a visit takes it two thirds of the time.
NAMES = (
    *("chromium-headless-shell", "chromium", "chromium-browser"),
    *("google-chrome", "google-chrome-stable", "chrome"),
)
# The errors of a page while its server is away.
SERVER_AWAY = re.compile(
    r"ERR_CONNECTION_REFUSED|WebSocket connection to|WebSocket onerror"
    r"|reaching server endpoint|server is not responding"
    r"|Cannot send rerun backMessage when disconnected"
)
# Streamlit's browser side looks for its server below the page's address first, then above.
SEARCHES_SERVER = re.compile(r"status of 404 .*/ecommerce/\w+/_stcore/(health|host-config)$")


def find_chromium() -> str | None:
    """Return the browser's path: ``BROWSER_PATH`` if set, else the first that is installed."""
    named = os.environ.get("BROWSER_PATH")
    return named or next((path for name in NAMES if (path := shutil.which(name))), None)


@contextmanager
def running_chromium() -> Iterator[Browser]:
    """Run Chromium without a window. Raises LookupError if it is not installed."""
    path = find_chromium()
    if path is None:
        raise LookupError("Chromium is not installed; BROWSER_PATH may name another one")
    expect.set_options(timeout=PATIENCE_MS)
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=path, args=list(ARGUMENTS))
        yield browser
        browser.close()


class Visitor:
    """One person with a browser of their own: nothing is shared with another visitor.

    ``errors`` are the pages' console errors and uncaught exceptions, except known harmless ones.
    ``full_runs`` counts how often the whole page was drawn. ``settings`` are Playwright's for a
    context: ``color_scheme``, ``viewport``, …
    """

    def __init__(
        self, browser: Browser, server: Site, *, locale: str = "en-GB", **settings: Any
    ) -> None:
        self.server = server
        self.harmless: list[re.Pattern[str]] = [SEARCHES_SERVER]
        self.errors: list[str] = []
        self.full_runs = 0
        settings = {
            "viewport": {"width": 1440, "height": 900},
            "timezone_id": "Europe/Paris",
            **settings,
        }
        self.context: BrowserContext = browser.new_context(
            locale=locale, reduced_motion="reduce", **settings
        )
        self.context.set_default_timeout(PATIENCE_MS)
        self.page = self.new_tab()

    def new_tab(self) -> Page:
        """Open another tab of the same browser; it is not the visitor's ``page``."""
        page = self.context.new_page()
        page.on("console", self._hear)
        page.on("pageerror", lambda error: self.errors.append(f"not caught: {error}"))
        page.on("websocket", self._listen)
        return page

    def _listen(self, socket: WebSocket) -> None:
        def count(frame: str | bytes) -> None:
            if isinstance(frame, bytes):
                message = ForwardMsg.FromString(frame)
                ended = message.WhichOneof("type") == "script_finished"
                self.full_runs += (
                    ended and message.script_finished == ForwardMsg.FINISHED_SUCCESSFULLY
                )

        socket.on("framereceived", count)

    def _hear(self, message: ConsoleMessage) -> None:
        said = f"{message.text} {message.location.get('url', '')}"
        if message.type == "error" and not any(known.search(said) for known in self.harmless):
            self.errors.append(said)

    def open(self, name: str = "", **query: str) -> None:
        """Go to a page by its address and wait until it is drawn."""
        asked = "&".join(f"{key}={value}" for key, value in query.items())
        self.page.goto(self.server.page(name) + (f"?{asked}" if asked else ""))
        self.wait_until_drawn()

    def go(self, name: str) -> None:
        """Go to a page by the navigation."""
        navigation = self.page.get_by_test_id("stSidebarNav")
        navigation.locator(f'a[href$="/ecommerce/{name}"]').click()
        expect(self.page).to_have_url(re.compile(rf"/ecommerce/{name}(\?|$)"))
        self.wait_until_drawn()

    def wait_until_drawn(self) -> None:
        """Wait for the title, and for the end of the script's run."""
        expect(self.page.get_by_role("heading", level=1)).to_be_visible()
        expect(self.page.get_by_test_id("stApp")).to_have_attribute(
            "data-test-script-state", "notRunning"
        )

    def click_through(self, key: str) -> None:
        """Click a button and wait until the server has run the script for it, start to end."""
        self.wait_until_drawn()  # so that it does not wait for an earlier click
        before = self.full_runs
        self.button(key).click()
        self.wait_until_runs(before + 1)

    def wait_until_runs(self, count: int) -> None:
        """Wait until the whole page has been drawn ``count`` times."""
        ends_at = time.monotonic() + PATIENCE_MS / 1_000
        while self.full_runs < count:
            assert time.monotonic() < ends_at, f"the page was drawn {self.full_runs} times"
            self.page.wait_for_timeout(20)
        self.wait_until_drawn()

    def part(self, key: str) -> Locator:
        """Return the element with that key."""
        return self.page.locator(f".st-key-{key}")

    def button(self, key: str) -> Locator:
        # A button with a tooltip is there twice: for a mouse, and for a finger.
        return self.part(key).locator("button:visible")

    def take(self, key: str) -> Download:
        """Return the file that a link leads to."""
        link = self.part(key).get_by_role("link")
        # It opens in a new tab, so the page stays as it is.
        with self.context.expect_event("download") as download:
            link.click()
        taken: Download = download.value
        return taken

    def cell(self, key: str, text: str) -> Locator:
        """Return a table's cells with exactly ``text``, in the canvas's form for screen readers."""
        return self.part(key).locator("td").filter(has_text=re.compile(f"^{re.escape(text)}$"))

    def row(self, key: str, position: int) -> Locator:
        """Return the cells of a table's row, for screen readers; 0 is the first below the head."""
        return self.part(key).locator("tbody tr").nth(position).locator("td")

    def click_heading(self, key: str, *, x: int) -> None:
        """Click the heading that a table paints ``x`` pixels from its left edge.

        A scroller lies over the canvas.
        """
        canvas = self.part(key).get_by_test_id("data-grid-canvas")
        canvas.click(position={"x": x, "y": 16}, force=True)

    def click_cell(self, key: str, row: int) -> None:
        """Click the first cell of a row; 0 is the first below the head."""
        canvas = self.part(key).get_by_test_id("data-grid-canvas")
        canvas.click(position={"x": 90, "y": 34 + 33 * row + 16}, force=True)

    def tick(self, key: str, row: int) -> None:
        """Click the box before a row."""
        canvas = self.part(key).get_by_test_id("data-grid-canvas")
        canvas.click(position={"x": 16, "y": 34 + 33 * row + 16}, force=True)

    def expect_rows(self, key: str, count: int) -> None:
        """Wait until the present page of the table has ``count`` rows."""
        grid = self.part(key).locator("table[role=grid]")
        expect(grid).to_have_attribute("aria-rowcount", str(count + 1))

    def toast(self, text: str | re.Pattern[str]) -> Locator:
        return self.page.get_by_test_id("stToast").filter(has_text=text)

    def alert(self, text: str | re.Pattern[str]) -> Locator:
        """Return errors, warnings and the like on the page with ``text``."""
        return self.page.get_by_test_id("stAlert").filter(has_text=text)

    def expect_no_crash(self) -> None:
        """Check that no script of ours ended in a traceback."""
        expect(self.page.get_by_test_id("stException")).to_have_count(0)
        assert "Traceback" not in self.server.log

    def leave(self) -> None:
        """Close every tab; errors of the pages fail the test here."""
        self.context.close()
        assert self.errors == []
