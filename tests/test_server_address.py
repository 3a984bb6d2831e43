"""Pages are told where their server is; nothing else is touched."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
import streamlit
from starlette.applications import Starlette
from starlette.middleware import Middleware
from starlette.middleware.gzip import GZipMiddleware
from starlette.requests import Request
from starlette.responses import (
    FileResponse,
    HTMLResponse,
    PlainTextResponse,
    Response,
    StreamingResponse,
)
from starlette.routing import Route

from ecommerce_core.server_address import ServerAddress
from tests.companion_server import Answered, Served

BROWSER = "text/html,application/xhtml+xml,*/*;q=0.8"
PREFIX = "/ecommerce"
PAGE = "<html>\n<head><title>Page</title></head><body>é</body></html>"


async def page_in_pieces(request: Request) -> Response:
    pieces = (PAGE[at : at + 10] for at in range(0, len(PAGE), 10))
    return StreamingResponse(pieces, media_type="text/html")


async def missing(request: Request) -> Response:
    return HTMLResponse(PAGE, 404)


async def text(request: Request) -> Response:
    return PlainTextResponse(PAGE, headers={"etag": '"text"'})


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Served]:
    """Pages as Streamlit serves its own: a file, compressed for who takes that."""
    file = tmp_path_factory.mktemp("static") / "index.html"
    file.write_text(PAGE, "utf-8")

    async def page(request: Request) -> Response:
        return FileResponse(file, headers={"cache-control": "no-cache"})

    routes = [
        Route(f"{PREFIX}{path}", answer)
        for path, answer in {
            "/": page,
            "/products": page,
            "/static/js/page": page,
            "/page.html": page,
            "/pieces": page_in_pieces,
            "/missing": missing,
            "/text": text,
        }.items()
    ]
    gzip = Middleware(GZipMiddleware, minimum_size=1)
    with Served(ServerAddress(Starlette(routes=routes, middleware=[gzip]))) as running:
        yield running


def ask(server: Served, path: str, **headers: str) -> Answered:
    named = {name.replace("_", "-"): value for name, value in headers.items()}
    return server.ask("GET", PREFIX + path, headers={"Accept": BROWSER, **named})


@pytest.mark.parametrize("path", ["/", "/products", "/pieces"])
def test_a_page_is_told_first_thing_where_its_server_is(server: Served, path: str) -> None:
    answer = ask(server, path, Accept_Encoding="gzip")

    head, told, rest = answer.text.partition("</script>")
    assert answer.status == 200
    assert head.startswith("<html>\n<head>\n    <script>")
    assert "BACKEND_BASE_URL" in head
    assert told + rest == "</script><title>Page</title></head><body>é</body></html>"


def test_a_page_that_a_browser_has_is_sent_anew_since_it_may_lack_the_address(
    server: Served,
) -> None:
    etag = server.ask("GET", f"{PREFIX}/products").headers["etag"]
    answer = ask(server, "/products", If_None_Match=etag, Range="bytes=0-9")

    assert answer.status == 200
    assert "BACKEND_BASE_URL" in answer.text
    assert "etag" not in answer.headers
    assert answer.headers["cache-control"] == "no-cache"


@pytest.mark.parametrize(("path", "status"), [("/missing", 404), ("/text", 200)])
def test_what_is_no_page_goes_through_as_it_is(server: Served, path: str, status: int) -> None:
    answer = ask(server, path)

    assert (answer.status, answer.text) == (status, PAGE)
    assert answer.headers.get("etag") == ('"text"' if path == "/text" else None)


@pytest.mark.parametrize("path", ["/static/js/page", "/page.html"])
def test_a_file_is_sent_as_it_is_whoever_asks_for_it(server: Served, path: str) -> None:
    answer = ask(server, path, Range="bytes=0-5")

    assert (answer.status, answer.body) == (206, b"<html>")


def test_who_asks_for_no_page_gets_what_it_asked_for(server: Served) -> None:
    answer = server.ask(
        "GET", f"{PREFIX}/products", headers={"Accept": "*/*", "Range": "bytes=0-5"}
    )

    assert (answer.status, answer.body) == (206, b"<html>")


def test_streamlits_own_page_has_the_place_where_it_is_told() -> None:
    index = Path(streamlit.__file__).parent / "static" / "index.html"

    assert index.read_bytes().count(b"<head>") == 1
