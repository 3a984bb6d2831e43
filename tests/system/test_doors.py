"""Other sites' pages and strangers cannot use this dashboard: each attempt, and the right answer.

The server is the one that a user starts; each attempt is sent as real bytes. This file is about
browsers and strangers; files and accounts, peers, and supply and surroundings are in the files
beside it.
"""

from __future__ import annotations

import socket
from collections.abc import Iterator
from pathlib import Path
from urllib.parse import urljoin

import pytest
import requests
from websockets.exceptions import ConnectionClosedError
from websockets.sync.client import connect

from ecommerce_core.storage import Store
from tests.support.companion_server import read_all
from tests.support.connections import connections_of, list_connections_in
from tests.support.server import Server, Session, running_server
from tests.support.waiting import until

AGENT = ("--server.enableAgentApi=true",)
PAGES = ("", "products", "customers", "scheduler", "activity")


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    """Yield a server that admits agents, so that attempts on their routes are tested."""
    with running_server(tmp_path_factory.mktemp("doors"), options=AGENT) as running:
        yield running


def send(server: Server, head: str, **headers: str) -> bytes:
    """Send a request as it is, and return the answer's bytes until the server closes."""
    named = {"Host": f"127.0.0.1:{server.port}", "Connection": "close"}
    named |= {name.replace("_", "-"): value for name, value in headers.items()}
    lines = [head, *(f"{name}: {value}" for name, value in named.items()), "", ""]
    with socket.create_connection(("127.0.0.1", server.port), timeout=30) as connection:
        connection.sendall("\r\n".join(lines).encode("latin-1"))
        return read_all(connection)


def status_of(answer: bytes) -> int:
    return int(answer.split(b" ", 2)[1])


def open_socket(server: Server, **headers: str) -> int:
    """Open Streamlit's WebSocket by hand, and return the status of the answer."""
    named = {"Host": f"127.0.0.1:{server.port}", "Connection": "Upgrade", "Upgrade": "websocket"}
    named |= {
        "Sec-WebSocket-Version": "13",
        "Sec-WebSocket-Key": "dGhlIHNhbXBsZSBub25jZQ==",
        "Sec-WebSocket-Protocol": "streamlit",
    }
    named |= {name.replace("_", "-"): value for name, value in headers.items()}
    lines = ["GET /ecommerce/_stcore/stream HTTP/1.1", *(f"{n}: {v}" for n, v in named.items())]
    with socket.create_connection(("127.0.0.1", server.port), timeout=30) as connection:
        connection.sendall("\r\n".join([*lines, "", ""]).encode("latin-1"))
        return status_of(connection.recv(65_536))


# --- from a browser


@pytest.mark.parametrize(
    "origin",
    [
        "http://localhost:{other}",
        "http://127.0.0.1:{other}",
        "http://localhost:{port}",
        "http://127.0.0.1",
        "https://127.0.0.1",
        "http://0.0.0.0:{port}",
        "http://127.0.0.1:{port}.evil.example",
        "http://127.0.0.1:{port}@evil.example",
        "https://evil.example",
        "null",
        "",
        "http://127.0.0.1:{port}\xa0",
        "\x85http://127.0.0.1:{port}",
    ],
)
def test_a_page_of_another_origin_cannot_open_the_websocket(server: Server, origin: str) -> None:
    foreign = origin.format(port=server.port, other=server.port + 1)

    assert open_socket(server, Origin=foreign) == 403


def test_our_own_pages_and_programs_open_the_websocket(server: Server) -> None:
    assert open_socket(server, Origin=f"http://127.0.0.1:{server.port}") == 101
    assert open_socket(server, Origin=f"HTTPS://127.0.0.1:{server.port}") == 101
    assert open_socket(server) == 101


@pytest.mark.parametrize("method", ["POST", "PUT", "PATCH", "DELETE", "LINK"])
@pytest.mark.parametrize(
    "path",
    [
        "/ecommerce/add-auto",
        "/ecommerce/auto_load_customers",
        "/ecommerce/_stcore/agent/interact",
        "/ecommerce/_stcore/agent/mcp",
        "/ecommerce/_stcore/upload_file/a/b",
        "/ecommerce/products",
        "/ecommerce/healthz",
        "/nowhere",
    ],
)
def test_a_page_of_another_origin_can_send_nothing_but_questions(
    server: Server, path: str, method: str
) -> None:
    for foreign in (
        {"Origin": f"http://127.0.0.1:{server.port + 1}"},
        {"Origin": "null"},
        {"Sec_Fetch_Site": "same-site"},
        {"Sec_Fetch_Site": "cross-site"},
    ):
        assert status_of(send(server, f"{method} {path} HTTP/1.1", **foreign)) == 403


def test_forwarded_headers_do_not_make_another_origin_ours(server: Server) -> None:
    forwarded = {
        "X_Forwarded_Host": "evil.example",
        "Forwarded": "host=evil.example",
        "X_Forwarded_Port": "80",
        "Origin": "http://evil.example",
    }

    assert open_socket(server, **forwarded) == 403
    assert status_of(send(server, "POST /ecommerce/add-auto HTTP/1.1", **forwarded)) == 403


def test_nothing_but_the_gateway_is_contacted(tmp_path: Path) -> None:
    environment = {
        "ECOMMERCE_SERVE_WITHOUT_SIGN_IN": "yes",
        "ECOMMERCE_ALLOWED_HOSTS": "shop.example,127.0.0.1",
        **list_connections_in(tmp_path),
    }
    # On all addresses, since Streamlit looks up the machine's own address then.
    options = ("--server.address=0.0.0.0", *AGENT)
    with running_server(tmp_path, environment, options=options) as server:
        assert requests.post(server.page("add-auto"), timeout=30).status_code == 200
        assert requests.post(server.page("auto_load_customers"), timeout=30).status_code == 200
        for page in PAGES:
            Session(server, page)
        for host, origin in (
            ("shop.example", "https://evil.example"),
            ("shop.example:443", "https://shop.example"),
            ("Shop.Example", "https://shop.example"),
            ("shop.example", "https://10.0.0.7"),
            ("shop.example", "https://shop.example\xa0"),
            ("shop.example", "\x85https://shop.example"),
            ("shop.example", "https://shop.example\t"),
        ):
            open_socket(server, Host=host, Origin=origin)
        until(lambda: len(Store(tmp_path / "ecommerce.db").list_deliveries()) == 2)

    found = connections_of(tmp_path)

    assert "socket.connect" in {event for event, _ in found}, found
    local = ("('127.0.0.1', ", "('localhost', ", "(b'127.0.0.1', ", "(None, ", "('0.0.0.0', ")
    assert [each for each in found if not each[1].startswith(local)] == []


@pytest.mark.parametrize(
    ("head", "headers", "status"),
    [
        *((f"GET /ecommerce/{page} HTTP/1.1", {}, 200) for page in PAGES),
        ("GET /ecommerce/favicon.png HTTP/1.1", {}, 200),
        ("GET /ecommerce/healthz HTTP/1.1", {}, 200),
        ("GET /ecommerce/openapi.json HTTP/1.1", {}, 200),
        ("GET /ecommerce/_stcore/health HTTP/1.1", {}, 200),
        ("GET / HTTP/1.1", {}, 307),
        ("GET /ecommerce/products/ HTTP/1.1", {}, 301),
        ("GET /ecommerce/products%0a HTTP/1.1", {}, 400),
        ("GET /ecommerce/products HTTP/1.1", {"Host": "a b"}, 400),
        ("POST /ecommerce/add-auto HTTP/1.1", {"Origin": "null"}, 403),
        ("GET /ecommerce/getTickets HTTP/1.1", {}, 404),
        ("GET /ecommerce/media/none HTTP/1.1", {}, 404),
        ("GET /ecommerce/static/none.js HTTP/1.1", {}, 404),
        ("DELETE /ecommerce/products HTTP/1.1", {}, 405),
        ("GET /ecommerce/add-auto HTTP/1.1", {}, 405),
        ("GET /ecommerce/ HTTP/1.1", {"Host": "evil.example"}, 421),
        (
            "GET /ecommerce/_stcore/stream HTTP/1.1",
            {
                "Origin": "http://evil.example",
                "Connection": "Upgrade",
                "Upgrade": "websocket",
                "Sec-WebSocket-Version": "13",
                "Sec-WebSocket-Key": "dGhlIHNhbXBsZSBub25jZQ==",
            },
            403,
        ),
    ],
)
def test_every_answer_forbids_framing_and_guessing_and_keeps_the_referrer(
    server: Server, head: str, headers: dict[str, str], status: int
) -> None:
    answer = send(server, head, **headers)
    lines = answer.partition(b"\r\n\r\n")[0].decode("latin-1").lower().split("\r\n")

    assert status_of(answer) == status
    for line in (
        "content-security-policy: frame-ancestors 'self'",
        "x-frame-options: sameorigin",
        "x-content-type-options: nosniff",
        "referrer-policy: same-origin",
    ):
        assert lines.count(line) == 1, lines


@pytest.mark.parametrize("odd", ["%0a", "%0A", "%0d%0a", "%00", "%09", "%1b", "%7f", "%c2%85"])
@pytest.mark.parametrize("path", ["add-auto", "products", "healthz", "_stcore/health", "static/x"])
def test_a_path_with_a_control_character_is_refused(server: Server, path: str, odd: str) -> None:
    for method in ("GET", "POST"):
        assert status_of(send(server, f"{method} /ecommerce/{path}{odd} HTTP/1.1")) == 400
        assert status_of(send(server, f"{method} /ecommerce{odd}/{path} HTTP/1.1")) == 400


def test_a_callback_with_a_newline_behind_its_path_runs_nothing(tmp_path: Path) -> None:
    with running_server(tmp_path) as server:
        for origin in ("http://evil.example", f"http://127.0.0.1:{server.port}"):
            answer = send(server, "POST /ecommerce/add-auto%0a HTTP/1.1", Origin=origin)
            assert status_of(answer) == 400
        assert Store(tmp_path / "ecommerce.db").list_runs() == []


def test_nobody_works_a_page_by_messages_from_around_its_frame(server: Server) -> None:
    told = requests.get(server.page("_stcore/host-config"), timeout=30).json()

    assert told["allowedOrigins"] == []


# --- from a stranger


def test_no_file_can_be_uploaded(server: Server) -> None:
    address = server.page("_stcore/upload_file/session/file")
    for method in ("PUT", "POST", "DELETE", "OPTIONS", "GET"):
        answer = requests.request(method, address, data=b"x" * 1_000, timeout=30)
        assert answer.status_code == 404, method


def test_a_message_of_more_than_a_megabyte_ends_the_session_that_sent_it(server: Server) -> None:
    address = f"ws://127.0.0.1:{server.port}/ecommerce/_stcore/stream"
    with connect(address, subprotocols=["streamlit"], max_size=None) as session:  # type: ignore[list-item]
        session.send(b"\0" * (2**20 + 1))
        with pytest.raises(ConnectionClosedError) as closed:
            for _ in iter(lambda: session.recv(timeout=30), None):
                pass

    assert closed.value.rcvd is not None
    assert closed.value.rcvd.code == 1009


def test_streamlits_own_metrics_are_closed(server: Server) -> None:
    assert requests.get(server.page("_stcore/metrics"), timeout=30).status_code == 404


@pytest.mark.parametrize("path", ["", "/ecommerce"])
def test_the_way_to_the_overview_does_not_lead_out_of_the_gateway(
    server: Server, path: str
) -> None:
    inner = f"{server.url}{path}"
    answer = requests.get(inner, timeout=30, allow_redirects=False)
    location = answer.headers["Location"]

    assert answer.status_code == 307
    assert (
        urljoin(f"http://gateway:8000{path or '/'}", location) == "http://gateway:8000/ecommerce/"
    )


@pytest.mark.parametrize(
    "path",
    [
        "getTickets",
        "create_customer",
        "index.html",
        "product",
        "Products",
        "products/1",
        "products//",
        "products/_stcore/health",
        "products/_stcore/stream",
        "//",
        "/products",
        "..%2f..%2fetc%2fpasswd",
        "%2e%2e/add-auto",
        "static/",
        "static/none.js",
        "component/x/index.html",
        "_stcore/script-health-check",
        "_stcore/stream",
        "_stcore/nothing",
        "_stcore/agent/nothing",
        "auth/login",
        "oauth2callback",
        "healthz/",
        "add-auto/",
    ],
)
def test_what_is_neither_page_nor_route_is_404(server: Server, path: str) -> None:
    assert status_of(send(server, f"GET /ecommerce/{path} HTTP/1.1")) == 404


def test_what_a_page_loads_is_served(server: Server) -> None:
    page = requests.get(server.page("products"), headers={"Accept": "text/html"}, timeout=30)
    loaded = [part.partition('"')[0] for part in page.text.split('"./static/')[1:]]

    assert len(loaded) > 5
    for file in loaded:
        assert requests.get(server.page(f"static/{file}"), timeout=30).status_code == 200
