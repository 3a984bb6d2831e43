"""Pages are told where their server is; nothing else is touched."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import HTMLResponse, PlainTextResponse, Response, StreamingResponse
from starlette.routing import Route

from ecommerce_core.server_address import ServerAddress
from tests.companion_server import Answered, Served

BROWSER = "text/html,application/xhtml+xml,*/*;q=0.8"
PAGE = "<html>\n<head><title>Page</title></head><body>é</body></html>"


async def page(request: Request) -> Response:
    if "if-none-match" in request.headers:
        return Response(status_code=304)
    return HTMLResponse(PAGE, headers={"etag": '"of the file"', "cache-control": "no-cache"})


async def page_in_pieces(request: Request) -> Response:
    return StreamingResponse(
        (PAGE[at : at + 10] for at in range(0, len(PAGE), 10)), 200, {}, "text/html"
    )


async def missing(request: Request) -> Response:
    return HTMLResponse(PAGE, 404)


async def text(request: Request) -> Response:
    return PlainTextResponse(PAGE, headers={"etag": '"text"'})


@pytest.fixture(scope="module")
def server() -> Iterator[Served]:
    routes = [Route(f"/{each.__name__}", each) for each in (page, page_in_pieces, missing, text)]
    with Served(ServerAddress(Starlette(routes=routes))) as running:
        yield running


def ask(server: Served, path: str, **headers: str) -> Answered:
    named = {name.replace("_", "-"): value for name, value in headers.items()}
    return server.ask("GET", path, headers={"Accept": BROWSER, **named})


@pytest.mark.parametrize("path", ["/page", "/page_in_pieces"])
def test_a_page_is_told_first_thing_where_its_server_is(server: Served, path: str) -> None:
    answer = ask(server, path)

    head, told, rest = answer.text.partition("</script>")
    assert answer.status == 200
    assert head.startswith("<html>\n<head>\n    <script>")
    assert "BACKEND_BASE_URL" in head
    assert told + rest == "</script><title>Page</title></head><body>é</body></html>"


def test_a_page_that_a_browser_has_is_sent_anew_since_it_may_lack_the_address(
    server: Served,
) -> None:
    answer = ask(server, "/page", If_None_Match='"of the file"', Accept_Encoding="gzip")

    assert answer.status == 200
    assert "BACKEND_BASE_URL" in answer.text
    assert "etag" not in answer.headers
    assert answer.headers["cache-control"] == "no-cache"


@pytest.mark.parametrize(("path", "status"), [("/missing", 404), ("/text", 200)])
def test_what_is_no_page_goes_through_as_it_is(server: Served, path: str, status: int) -> None:
    answer = ask(server, path)

    assert (answer.status, answer.text) == (status, PAGE)
    assert answer.headers.get("etag") == ('"text"' if path == "/text" else None)


def test_who_asks_for_no_page_gets_what_it_asked_for(server: Served) -> None:
    answer = server.ask("GET", "/page", headers={"Accept": "*/*", "If-None-Match": '"x"'})

    assert answer.status == 304
