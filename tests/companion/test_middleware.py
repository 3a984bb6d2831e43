"""The guard in front of every route: hosts, and other sites' pages."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator

import pytest
from starlette.responses import PlainTextResponse
from starlette.routing import Route
from starlette.types import Message

from ecommerce_core.companion.http.middleware import HostGuard, parse_host
from ecommerce_core.companion.http.served_paths import ServedPaths
from tests.support.companion_server import (
    PRODUCTS_CALLBACK,
    Answered,
    Served,
    read_all,
    with_a_page,
)

PAGE = "/ecommerce/products"
SERVED = ServedPaths(["/", PRODUCTS_CALLBACK], dataset_pages=["products", "customers"])
ALLOWED = ("localhost", "127.0.0.1", "::1", "e-commerce", "Shop.Example", "0:0:0:0:0:0:0:2")


@pytest.fixture(scope="module")
def told() -> list[tuple[str, str]]:
    return []


@pytest.fixture
def refusals(told: list[tuple[str, str]]) -> list[tuple[str, str]]:
    told.clear()
    return told


@pytest.fixture(scope="module")
def server(told: list[tuple[str, str]]) -> Iterator[Served]:
    async def callback(request: object) -> PlainTextResponse:
        return PlainTextResponse("Done")

    app = HostGuard(
        with_a_page([Route(PRODUCTS_CALLBACK, callback, methods=["POST"])]),
        allowed_hosts=ALLOWED,
        served=SERVED,
        callback_paths=[PRODUCTS_CALLBACK],
        on_refusal=lambda path, reason: told.append((path, str(reason))),
    )
    with Served(app) as running:
        yield running


def ask(
    server: Served, host: str, path: str = PAGE, method: str = "GET", **headers: str
) -> Answered:
    named = {name.replace("_", "-"): value for name, value in headers.items()}
    return server.ask(method, path, headers={"Host": host, **named})


@pytest.mark.parametrize(
    "host",
    [
        "localhost",
        "localhost:8501",
        "LOCALHOST.",
        "127.0.0.1:1",
        "[::1]",
        "[::1]:8501",
        "[0:0:0:0:0:0:0:1]:8501",
        "[::ffff:127.0.0.1]",
        "[::2]",
        "e-commerce",
        "shop.example:443",
    ],
)
def test_a_known_host_is_answered_however_it_is_written(server: Served, host: str) -> None:
    assert ask(server, host).text == "a page"


@pytest.mark.parametrize(
    "host",
    [
        "evil.example",
        "evil.example:8501",
        "localhost.evil.example",
        "evil-localhost",
        "127.0.0.2",
        "2130706433",
        "0.0.0.0",
        "[::3]",
        "localhost..",
    ],
)
def test_a_foreign_host_gets_421_that_names_it_and_the_setting(server: Served, host: str) -> None:
    answer = ask(server, host)

    assert answer.status == 421
    assert f"'{host}'" in answer.text
    assert "ECOMMERCE_ALLOWED_HOSTS" in answer.text
    assert answer.headers["content-type"] == "text/plain; charset=utf-8"
    assert answer.headers["x-content-type-options"] == "nosniff"


@pytest.mark.parametrize(
    "host",
    [
        "",
        "a b",
        "evil@localhost",
        "localhost:port",
        "localhost:99999",
        "[::1",
        "[localhost]",
        "<b>",
    ],
)
def test_a_host_that_is_none_gets_400(server: Served, host: str) -> None:
    assert ask(server, host).status == 400


@pytest.mark.parametrize(
    "head",
    [
        b"GET /ecommerce/products HTTP/1.0\r\n\r\n",
        b"GET /ecommerce/products HTTP/1.0\r\nHost: localhost\r\nHost: evil.example\r\n\r\n",
        b"GET /ecommerce/products HTTP/1.1\r\n\r\n",
    ],
)
def test_no_host_and_two_hosts_get_400(server: Served, head: bytes) -> None:
    with server.connect(head) as connection:
        assert read_all(connection).startswith(b"HTTP/1.1 400 ")


def test_a_host_that_is_shown_is_trimmed_and_escaped() -> None:
    long = "a" * 5_000

    with Served(HostGuard(with_a_page([]), allowed_hosts=["localhost"], served=SERVED)) as server:
        assert len(ask(server, long).body) < 300
        assert "\\xe9" in ask(server, "\xe9.example").text


def test_the_address_that_a_connection_arrived_at_is_always_answered() -> None:
    with Served(
        HostGuard(with_a_page([]), allowed_hosts=["shop.example"], served=SERVED)
    ) as server:
        assert ask(server, f"127.0.0.1:{server.port}").status == 200
        assert ask(server, "localhost").status == 421


@pytest.mark.parametrize(
    ("arrived_at", "status"),
    [("127.0.0.1", 200), ("::1", 200), ("192.0.2.7", 403), ("2001:db8::7", 403)],
)
def test_where_nobody_signs_in_another_machine_is_not_answered_whatever_was_bound(
    arrived_at: str, status: int
) -> None:
    sent: list[Message] = []

    async def ask() -> None:
        async def receive() -> Message:
            return {"type": "http.request", "body": b"", "more_body": False}

        async def send(message: Message) -> None:
            sent.append(message)

        guard = HostGuard(
            PlainTextResponse("a page"),
            allowed_hosts=["localhost"],
            served=SERVED,
            only_this_machine=True,
        )
        scope = {
            "type": "http",
            "method": "GET",
            "path": "/",
            "headers": [(b"host", b"localhost")],
            "server": (arrived_at, 8501),
        }
        await guard(scope, receive, send)

    asyncio.run(ask())

    assert sent[0]["status"] == status


@pytest.mark.parametrize(("host", "status"), [("localhost", 101), ("evil.example", 421)])
def test_a_websocket_of_a_foreign_host_is_refused_before_it_opens(
    server: Served, host: str, status: int
) -> None:
    head = (
        f"GET /ecommerce/_stcore/stream HTTP/1.1\r\nHost: {host}\r\nUpgrade: websocket\r\n"
        "Connection: Upgrade\r\nSec-WebSocket-Version: 13\r\n"
        "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n"
    )
    with server.connect(head.encode()) as connection:
        assert connection.recv(65_536).startswith(f"HTTP/1.1 {status} ".encode())


@pytest.mark.parametrize(
    "headers",
    [
        {},
        {"Origin": "http://localhost:8501"},
        {"Origin": "HTTP://LOCALHOST:8501"},
        {"Sec_Fetch_Site": "same-origin"},
        {"Sec_Fetch_Site": "none"},
    ],
)
def test_a_callback_from_our_own_pages_or_from_no_browser_passes(
    server: Served, headers: dict[str, str], refusals: list[tuple[str, str]]
) -> None:
    answer = ask(server, "localhost:8501", PRODUCTS_CALLBACK, "POST", **headers)

    assert (answer.text, refusals) == ("Done", [])


@pytest.mark.parametrize(
    "headers",
    [
        {"Sec_Fetch_Site": "cross-site"},
        {"Sec_Fetch_Site": "same-site"},
        {"Sec_Fetch_Site": "Cross-Site"},
        {"Sec_Fetch_Site": ""},
        {"Origin": "null"},
        {"Origin": ""},
        {"Origin": "http://evil.example"},
        {"Origin": "http://localhost"},
        {"Origin": "http://localhost:3000"},
        {"Origin": "http://localhost:8501/evil"},
        {"Origin": "http://evil@localhost:8501"},
        {"Origin": "file://localhost:8501"},
        {"Origin": "http://127.0.0.1:8501"},
    ],
)
def test_a_callback_from_another_sites_page_is_refused_and_told_of(
    server: Served, headers: dict[str, str], refusals: list[tuple[str, str]]
) -> None:
    answer = ask(server, "localhost:8501", PRODUCTS_CALLBACK, "POST", **headers)

    assert answer.status == 403
    [(path, reason)] = refusals
    assert path == PRODUCTS_CALLBACK
    assert answer.text == f"Forbidden: {reason}\n"


@pytest.mark.parametrize(
    ("host", "origin", "status"),
    [
        ("shop.example", "https://shop.example", 200),
        ("shop.example:443", "https://shop.example", 200),
        ("shop.example", "https://shop.example:8443", 403),
    ],
)
def test_tls_that_ends_in_front_of_us_makes_no_other_site(
    server: Served, host: str, origin: str, status: int
) -> None:
    assert ask(server, host, PRODUCTS_CALLBACK, "POST", Origin=origin).status == status


def test_the_applications_name_is_a_host_for_callbacks_alone() -> None:
    app = HostGuard(
        with_a_page([]),
        allowed_hosts=["localhost"],
        served=SERVED,
        app_name="E-Commerce",
        app_paths=[PRODUCTS_CALLBACK],
    )
    with Served(app) as server:
        assert ask(server, "e-commerce:8501", PRODUCTS_CALLBACK).status == 200
        assert ask(server, "e-commerce:8501", PAGE).status == 421


@pytest.mark.parametrize(
    ("headers", "status"),
    [
        ({}, 403),
        ({"Referer": "http://localhost/ecommerce/products?q=x"}, 200),
        ({"Referer": "http://evil.example/http://localhost/"}, 403),
        ({"Sec_Fetch_Site": "same-origin"}, 200),
        ({"Sec_Fetch_Site": "none"}, 200),
        ({"Sec_Fetch_Site": "cross-site"}, 403),
        ({"Sec_Fetch_Site": "same-site"}, 403),
        ({"Origin": "http://evil.example"}, 403),
    ],
)
def test_nobody_is_signed_out_by_another_sites_page(headers: dict[str, str], status: int) -> None:
    served = ServedPaths([], with_sign_in=True)
    with Served(HostGuard(with_a_page([]), allowed_hosts=["localhost"], served=served)) as server:
        assert ask(server, "localhost", "/ecommerce/auth/logout", **headers).status == status
        assert ask(server, "localhost", "/ecommerce/oauth2callback", **headers).status == 200


def test_pages_are_shown_to_who_comes_from_another_site_by_a_link(server: Served) -> None:
    assert ask(server, "localhost", PAGE, "GET", Sec_Fetch_Site="cross-site").status == 200


def test_only_refused_callbacks_are_told_of(
    server: Served, refusals: list[tuple[str, str]]
) -> None:
    ask(server, "evil.example", PAGE)
    ask(server, "evil.example", PRODUCTS_CALLBACK, "GET")
    assert refusals == []
    ask(server, "evil.example", PRODUCTS_CALLBACK, "POST", Accept="application/json")
    assert len(refusals) == 1


@pytest.mark.parametrize(
    ("text", "host"),
    [
        ("Shop.Example.:80", ("shop.example", 80)),
        ("[0::1]", ("::1", None)),
        ("[::FFFF:10.0.0.1]:5", ("10.0.0.1", 5)),
        ("1.2.3.4:0", ("1.2.3.4", 0)),
        ("", None),
        (".", None),
        ("::1", None),
        ("a:b:c", None),
        ("[a.b]", None),
        ("[1.2.3.4]", None),
        ("a\n", None),
        ("１.2.3.4", None),
    ],
)
def test_a_host_is_read_one_way_however_it_is_written(
    text: str, host: tuple[str, int | None] | None
) -> None:
    assert parse_host(text) == host


@pytest.mark.parametrize(
    ("path", "is_logged"),
    [
        (f"{PAGE}/_stcore/health", False),
        (f"{PAGE}/_stcore/host-config", False),
        (f"{PAGE}/_stcore/upload_file", True),
        ("/ecommerce/elsewhere/_stcore/health", True),
    ],
)
def test_a_visit_that_looks_for_its_server_is_no_refusal_for_the_log(
    server: Served, caplog: pytest.LogCaptureFixture, path: str, is_logged: bool
) -> None:
    assert ask(server, "localhost", path).status == 404

    said = [record for record in caplog.records if record.name.endswith(".refusals")]
    assert bool(said) is is_logged
