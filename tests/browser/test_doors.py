"""Pages of another origin, in a real browser: they cannot open, frame or control ours."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from urllib.parse import urlsplit

import pytest
import requests
from starlette.applications import Starlette
from starlette.responses import HTMLResponse
from starlette.routing import Route

from tests.browser.conftest import SandboxShop
from tests.browser.visitor import PAGES, Browser, Page, Visitor
from tests.support.companion_server import Served

pytestmark = pytest.mark.browser

OPEN_SOCKET = """
    url => new Promise(resolve => {
        const socket = new WebSocket(url, ["streamlit"]);
        socket.onopen = () => resolve("open");
        socket.onerror = () => resolve("refused");
    })
"""
POST = """
    url => fetch(url, {method: "POST", mode: "no-cors"}).then(answer => answer.type)
"""
FRAME = """
    url => new Promise(resolve => {
        const frame = document.createElement("iframe");
        frame.onload = () => resolve();
        frame.src = url;
        document.body.append(frame);
    })
"""


@pytest.fixture
def foreign_page(browser: Browser) -> Iterator[Page]:
    """Yield a page on another port of this machine."""

    async def page(request: object) -> HTMLResponse:
        return HTMLResponse("<!doctype html><title>another application</title><body>")

    context = browser.new_context()
    with Served(Starlette(routes=[Route("/", page)])) as server:
        opened = context.new_page()
        opened.goto(f"http://127.0.0.1:{server.port}/")
        yield opened
        context.close()


def test_a_page_on_another_port_neither_opens_nor_frames_nor_works_the_dashboard(
    new_shop: SandboxShop, foreign_page: Page
) -> None:
    for host in ("127.0.0.1", "localhost"):
        base = f"{host}:{new_shop.server.port}/ecommerce"
        for path in ("_stcore/stream", "live"):
            assert foreign_page.evaluate(OPEN_SOCKET, f"ws://{base}/{path}") == "refused"
        # A browser sends such a request and hides its answer: what matters is that nothing ran.
        foreign_page.evaluate(POST, f"http://{base}/add-auto")
        foreign_page.evaluate(FRAME, f"http://{base}/products")

    assert new_shop.runs() == []
    frames = foreign_page.frames[1:]
    assert len(frames) == 2
    for frame in frames:
        # Chromium shows its own page in place of one that must not be framed.
        frame.wait_for_url("chrome-error://**")


def test_every_page_loads_from_its_own_server_alone_and_no_table_of_emoji(
    new_shop: SandboxShop, visit: Callable[..., Visitor]
) -> None:
    for path in ("add-auto", "auto_load_customers"):
        assert requests.post(new_shop.server.page(path), timeout=30).ok
    visitor = visit(new_shop)
    asked: list[str] = []
    visitor.page.on("request", lambda request: asked.append(request.url))
    visitor.page.on("websocket", lambda socket: asked.append(socket.url))

    visitor.open()
    for page in PAGES[1:]:
        visitor.go(page)
    visitor.open("activity", run="1")
    visitor.page.wait_for_timeout(1_500)  # until the clock has ticked, too
    visitor.open("products")
    visitor.click_through("fetch_products")

    hosts = {urlsplit(url).netloc for url in asked if not url.startswith(("data:", "blob:"))}
    assert hosts == {f"127.0.0.1:{new_shop.server.port}"}
    assert [url for url in asked if "/static/js/" in url], "fetches are seen"
    assert [url for url in asked if "emoji" in url] == []
