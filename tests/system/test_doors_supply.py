"""Attempts on the installation, on what strangers can learn, and on the server's limits.

Each test makes the attempt with the real bytes or files.
"""

from __future__ import annotations

import base64
import hashlib
import re
import socket
import sqlite3
import subprocess
import sys
import threading
import time
import zipfile
from collections import Counter
from collections.abc import Iterator
from contextlib import ExitStack, closing
from dataclasses import replace
from datetime import UTC, datetime
from http.client import HTTPConnection
from pathlib import Path
from urllib.parse import urlsplit

import pytest
import requests
from joserfc import jwt
from joserfc.jwk import OctKey
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import PlainTextResponse, Response
from starlette.routing import Route

from ecommerce_core.application import Application
from ecommerce_core.companion import Companion
from ecommerce_core.companion.service import Service
from ecommerce_core.datasets import DATASETS
from ecommerce_core.domain import Actor, Fact, Role
from ecommerce_core.scheduler.tokens import make_token
from ecommerce_core.settings import PROJECT_ROOT, Settings
from ecommerce_core.storage import Store, lock_path
from tests.support.companion_server import (
    CUSTOMERS_CALLBACK,
    PRODUCTS_CALLBACK,
    Served,
    with_a_page,
)
from tests.support.oidc_provider import COOKIE_SECRET, Provider
from tests.support.peers import Peers, products
from tests.support.proxy import Proxy, running_proxy
from tests.support.server import Server, free_port, running_server
from tests.support.waiting import until

LOCKS = {
    "requirements.lock": ["requirements.txt"],
    "tests/requirements.lock": ["requirements.txt", "tests/requirements.txt"],
}
HASH = re.compile(r"--hash=sha256:[0-9a-f]{64}")


def text_of(name: str) -> str:
    return (PROJECT_ROOT / name).read_text("utf-8")


def required(name: str) -> list[Requirement]:
    lines = (line.partition("#")[0].strip() for line in text_of(name).splitlines())
    return [Requirement(line) for line in lines if line]


def locked(name: str) -> list[tuple[Requirement, list[str]]]:
    """Return the pins of a lock, each with its hashes."""
    lines = [line for line in text_of(name).splitlines() if not line.lstrip().startswith("#")]
    entries = "\n".join(lines).replace("\\\n", " ").splitlines()
    pins = [entry.split("--hash", 1)[0].strip() for entry in entries]
    return [
        (Requirement(pin), HASH.findall(entry)) for pin, entry in zip(pins, entries, strict=True)
    ]


# --- the packages it is installed from


@pytest.mark.parametrize("lock", LOCKS)
def test_the_lock_has_every_requirement_in_its_range_and_hashes_of_every_package(lock: str) -> None:
    pinned = locked(lock)

    assert len(pinned) > 40
    for pin, hashes in pinned:
        [version] = pin.specifier
        assert version.operator == "=="
        assert pin.url is None
        assert hashes, pin
    for name in LOCKS[lock]:
        for wanted in required(name):
            versions = [
                next(iter(pin.specifier)).version
                for pin, _ in pinned
                if canonicalize_name(pin.name) == canonicalize_name(wanted.name)
            ]
            assert versions, f"{lock} lacks {wanted.name}"
            assert all(wanted.specifier.contains(version) for version in versions), wanted


def test_the_tests_run_on_what_is_installed_without_them() -> None:
    shipped = {str(pin): hashes for pin, hashes in locked("requirements.lock")}
    tested = {str(pin): hashes for pin, hashes in locked("tests/requirements.lock")}

    assert {name: tested.get(name) for name in shipped} == shipped


@pytest.mark.parametrize("lock", LOCKS)
def test_no_lock_names_an_index_or_a_place_to_load_from(lock: str) -> None:
    text = text_of(lock)

    assert "://" not in text
    assert "@" not in text
    assert not re.search(r"^\s*-(?!-hash=sha256:)", text, re.MULTILINE)


@pytest.mark.parametrize("lock", LOCKS)
@pytest.mark.parametrize("version", ["3.11", "3.12", "3.13", "3.14", "3.15"])
@pytest.mark.parametrize("platform", ["linux", "darwin", "win32"])
def test_a_lock_pins_each_package_once_on_every_python_and_platform(
    lock: str, version: str, platform: str
) -> None:
    here = {
        "python_version": version,
        "python_full_version": f"{version}.0",
        "sys_platform": platform,
        "implementation_name": "cpython",
        "platform_python_implementation": "CPython",
    }
    names = [pin.name for pin, _ in locked(lock) if pin.marker is None or pin.marker.evaluate(here)]

    assert len(names) == len(set(names))
    assert {"streamlit", "pandas", "numpy", "pyarrow", "uvicorn", "authlib"} <= set(names)


def test_streamlit_stays_on_the_minor_version_that_the_tests_passed_on() -> None:
    [streamlit] = [one for one in required("requirements.txt") if one.name == "streamlit"]

    assert str(streamlit.specifier) == "~=1.67.0"
    assert not streamlit.specifier.contains("1.68.0")
    assert [str(pin) for pin, _ in locked("requirements.lock") if pin.name == "streamlit"] == [
        "streamlit==1.67.0"
    ]


@pytest.mark.parametrize(
    ("file", "command"),
    [
        (
            "README.md",
            "pip install -q --require-hashes -r requirements.lock && .venv/bin/streamlit",
        ),
        (
            "README.md",
            "pip install -q --require-hashes -r tests/requirements.lock && .venv/bin/pyt",
        ),
        ("deploy/Containerfile", "--require-hashes --requirement requirements.lock\n"),
        ("deploy/Containerfile", "COPY requirements.lock ./\n"),
        ("deploy/ecommerce-dashboard.service", "pip install --require-hashes -r requirements.lock"),
    ],
)
def test_whatever_installs_it_installs_the_lock_and_checks_its_hashes(
    file: str, command: str
) -> None:
    text = text_of(file)

    assert command in text
    installs = re.findall(r"^.*pip install (?!uv\b).*$", text, re.MULTILINE)
    assert installs
    assert all("--require-hashes" in line for line in installs)


def test_ci_runs_the_readmes_command_and_installs_nothing_else_from_an_index() -> None:
    script = text_of(".ci/run")

    assert "/^<!-- test command -->$/" in script
    assert 'bash -euo pipefail -c "$step"' in script
    assert "pip install" not in script


def forge(folder: Path, name: str, version: str) -> Path:
    """Make a wheel of that name and version that its authors did not publish."""
    info = f"{name}-{version}.dist-info"
    files = {
        f"{name}.py": b"print('hello from somebody else')\n",
        f"{info}/METADATA": f"Metadata-Version: 2.1\nName: {name}\nVersion: {version}\n".encode(),
        f"{info}/WHEEL": b"Wheel-Version: 1.0\nRoot-Is-Purelib: true\nTag: py3-none-any\n",
    }
    record = "".join(
        f"{path},sha256={base64.urlsafe_b64encode(hashlib.sha256(data).digest()).decode()},\n"
        for path, data in files.items()
    )
    wheel = folder / f"{name}-{version}-py3-none-any.whl"
    with zipfile.ZipFile(wheel, "w") as archive:
        for path, data in {**files, f"{info}/RECORD": record.encode()}.items():
            archive.writestr(path, data)
    return wheel


@pytest.mark.parametrize("lock", LOCKS)
def test_a_package_that_somebody_else_made_is_not_installed(tmp_path: Path, lock: str) -> None:
    [stanza] = re.findall(r"^tabulate==.*\n(?:    --hash.*\n)+", text_of(lock), re.MULTILINE)
    [version] = re.findall(r"^tabulate==(\S+)", stanza)
    forge(tmp_path, "tabulate", version)
    (tmp_path / "one.lock").write_text(stanza)

    def install(*options: str) -> subprocess.CompletedProcess[str]:
        command = [sys.executable, "-m", "pip", "--isolated", "install", "--no-index", "--no-deps"]
        places = ["--find-links", str(tmp_path), "--target", str(tmp_path / "into")]
        return subprocess.run(
            [*command, *places, *options], capture_output=True, text=True, timeout=120, check=False
        )

    refused = install("--require-hashes", "-r", str(tmp_path / "one.lock"))
    assert refused.returncode != 0
    assert "DO NOT MATCH THE HASHES" in refused.stderr
    assert not (tmp_path / "into" / "tabulate.py").exists()
    # Without a check of hashes, the same wheel is installed.
    assert install(f"tabulate=={version}").returncode == 0
    assert (tmp_path / "into" / "tabulate.py").exists()


# --- the proxy's site


@pytest.fixture
def proxy(tmp_path: Path) -> Iterator[Proxy]:
    with running_proxy(tmp_path) as running:
        yield running


@pytest.mark.parametrize("host", ["shop.example", "evil.example", "evil.example:81"])
def test_the_plain_port_redirects_to_the_sites_own_name_whatever_host_says(
    proxy: Proxy, host: str
) -> None:
    answer, _ = proxy.ask("/ecommerce/products?search=a", plain=True, headers={"Host": host})

    assert answer.status == 301
    assert answer.headers["Location"] == "https://shop.example/ecommerce/products?search=a"


@pytest.mark.parametrize(
    ("asked", "location"),
    [
        ("/", "/ecommerce/"),
        ("/ecommerce", "/ecommerce/"),
        ("/ecommerce?language=fr", "/ecommerce/?language=fr"),
    ],
)
def test_the_proxys_redirects_are_relative(proxy: Proxy, asked: str, location: str) -> None:
    answer, _ = proxy.ask(asked, headers={"Host": "evil.example:81"})

    assert (answer.status, answer.headers["Location"]) == (302, location)


@pytest.mark.parametrize(
    ("method", "path"),
    [
        ("PUT", "_stcore/upload_file/session/file"),
        ("PUT", "%5fstcore/upload_file/session/file"),
        ("PUT", "//_stcore/upload_file/session/file"),
        ("PUT", "x/../_stcore/upload_file/session/file"),
        ("GET", "_stcore/metrics"),
        ("GET", "_stcore/metrics?x"),
        ("GET", "_stcore/%6detrics"),
        ("GET", "metrics"),
        ("GET", "healthz"),
        ("POST", "add-auto"),
        ("POST", "_stcore/agent/interact"),
        ("POST", "_stcore/agent/mcp"),
    ],
)
def test_the_proxy_lets_nobody_upload_or_read_metrics(proxy: Proxy, method: str, path: str) -> None:
    assert proxy.ask(f"/ecommerce/{path}", method=method)[0].status == 403


@pytest.mark.parametrize("path", ["_stcore/health", "_stcore/host-config", "media/x", "products"])
def test_the_proxy_lets_through_what_pages_need(proxy: Proxy, path: str) -> None:
    assert proxy.ask(f"/ecommerce/{path}")[0].status == 200


def test_the_proxy_takes_the_cookies_of_a_sign_in_with_long_claims(proxy: Proxy) -> None:
    cookies = "; ".join(f"_streamlit_user_{number}={'x' * 3_900}" for number in range(3))

    answer, _ = proxy.ask("/ecommerce/products", headers={"Cookie": cookies})
    too_long, _ = proxy.ask("/ecommerce/products", headers={"Cookie": "x" * 20_000})

    assert answer.status == 200
    assert too_long.status == 400


def test_requests_that_never_end_are_cut_by_the_proxy_and_hold_up_nobody(tmp_path: Path) -> None:
    site = text_of("deploy/nginx.conf")
    assert re.findall(r"listen (\d+)|client_(header|body)_timeout (\w+);", site) == [
        *(("80", "", ""), ("", "header", "10s"), ("", "body", "10s")),
        *(("443", "", ""), ("", "header", "10s"), ("", "body", "10s")),
    ]
    with running_proxy(tmp_path, header_timeout="2s") as proxy, ExitStack() as open_ones:
        half = b"GET /ecommerce/products HTTP/1.1\r\nHost: shop.example\r\nX-Slow: "
        slow = [open_ones.enter_context(proxy.connect()) for _ in range(200)]
        # Without TLS they cost the attacker less.
        slow += [open_ones.enter_context(proxy.connect(plain=True)) for _ in range(400)]
        for connection in slow:
            connection.sendall(half)

        assert proxy.ask("/ecommerce/products")[0].status == 200
        for connection in slow:
            assert is_cut(connection)


def is_cut(connection: socket.socket) -> bool:
    """Return whether the other side closes, within the connection's own time-out."""
    try:
        return connection.recv(1_000) == b""
    except ConnectionResetError:
        return True


# --- what strangers can learn


@pytest.fixture
def service(application: Application) -> Iterator[tuple[Served, Service]]:
    companion = Companion(DATASETS.values())
    running = companion.attach(application)
    with Served(with_a_page(companion.routes())) as server:
        yield server, running
    application.stop()
    companion.close()


def test_healthz_tells_strangers_kinds_of_errors_and_none_of_their_words(
    settings: Settings, peers: Peers, tmp_path: Path
) -> None:
    async def fail(request: Request) -> Response:
        page = "<h1>Oops</h1> Traceback: postgres://root:hunter2@10.0.0.7, ada@shop.example"
        return PlainTextResponse(page, 500)

    every_path = Route("/{_:path}", fail, methods=["GET", "POST", "DELETE"])
    (tmp_path / "a secret place").write_text("a file where the folder of the backups should be")
    with Served(Starlette(routes=[every_path])) as broken:
        application = Application.open(
            replace(
                settings,
                backup_dir=tmp_path / "a secret place",
                gateway_admin_url=broken.url,
                public_url="http://shop.example:8501",
            ),
            gateway_url=broken.url,
        )
        companion = Companion(DATASETS.values())
        companion.attach(application)
        application.start()
        with Served(with_a_page(companion.routes())) as server:
            assert server.ask("POST", PRODUCTS_CALLBACK).status == 502
            until(lambda: application.registration.state.error)
            until(lambda: application.backups.state.error)
            until(lambda: application.monitor.snapshot().list_error)
            answer = server.ask("GET", "/ecommerce/healthz")
        application.stop()
        companion.close()

    # The texts are there, for authorised readers.
    assert "hunter2" in str(application.gateway.health("catalogue-produit").last_error)
    assert "hunter2" in str(application.registration.state.error)
    assert application.backups.state.error == Fact("said", {"text": "File exists"})
    for secret in (
        "hunter2",
        "Traceback",
        "ada@",
        "File exists",
        "Oops",
        str(tmp_path),
        "shop.example",
    ):
        assert secret not in answer.text
    health = answer.json
    for peer in health["peers"].values():
        for age in ("last_answer_at", "last_answer_age_s", "last_error_age_s"):
            del peer[age]
    assert health.pop("server").keys() == {"id", "leads", "leader"}
    scheduler = health.pop("scheduler")
    assert (scheduler["clock"], scheduler["tasks"]) == ("down", "down")
    for alert in health["alerts"]:
        del alert["since"]
    health["alerts"].sort(key=lambda alert: str(alert["code"]))
    assert answer.status == 200
    assert health == {
        "status": "degraded",
        "reasons": [],
        "store": "writable",
        "workers": {"products": True, "customers": True},
        "peers": {
            "catalogue-produit": {"state": "down", "last_error": "PeerFailed"},
            "crm": {"state": "unknown", "last_error": None},
            "scheduler": {"state": "down", "last_error": "PeerFailed"},
        },
        "registration": {"state": "failing", "at": None, "error": "PeerFailed"},
        "backups": {"state": "failing", "last_at": None, "last_age_s": None},
        "snapshots": {
            "products": {"state": "current", "error": None},
            "customers": {"state": "current", "error": None},
        },
        "alerts": [
            {"code": "backup_overdue", "severity": "warning", "datasets": []},
            {"code": "peer_down", "severity": "critical", "datasets": ["products"]},
            {"code": "registration_failing", "severity": "critical", "datasets": []},
            {"code": "scheduler_down", "severity": "critical", "datasets": []},
        ],
    }


def damage(path: Path, marker: bytes) -> tuple[int, bytes]:
    """Overwrite the database page that holds ``marker``; return its position and old content."""
    content = path.read_bytes()
    at = content.rindex(marker) // 4_096 * 4_096
    with path.open("r+b") as file:
        file.seek(at)
        file.write(b"\xff" * 4_096)
    return at, content[at : at + 4_096]


def test_healthz_is_not_ready_while_a_page_in_the_middle_of_the_store_is_damaged(
    service: tuple[Served, Service], application: Application, peers: Peers
) -> None:
    server, _ = service
    peers.serve_products(products(900))
    assert server.ask("POST", PRODUCTS_CALLBACK).status == 200
    assert server.ask("GET", "/ecommerce/healthz").status == 200
    at, before = damage(application.store.path, b"X1-450")

    # A write that only touches the first page still succeeds.
    application.store.check_writable()
    answer = server.ask("GET", "/ecommerce/healthz")
    assert (answer.status, answer.json["store"]) == (503, "damaged")
    assert answer.json["reasons"] == ["store_damaged"]
    peers.serve_products(products(900, price=7))
    assert server.ask("POST", PRODUCTS_CALLBACK).status == 503

    with application.store.path.open("r+b") as file:
        file.seek(at)
        file.write(before)
    healed = server.ask("GET", "/ecommerce/healthz")
    assert (healed.status, healed.json["store"]) == (200, "writable")


def test_a_big_store_is_known_to_be_damaged_from_the_first_callback_that_failed(
    service: tuple[Served, Service], application: Application, peers: Peers
) -> None:
    server, _ = service
    peers.serve_products(products(200_000))
    assert server.ask("POST", PRODUCTS_CALLBACK).status == 200
    assert application.store.path.stat().st_size > 20_000_000
    damage(application.store.path, b"X1-75000")
    peers.serve_products(products(150_000, price=7))

    assert server.ask("POST", PRODUCTS_CALLBACK).status == 503
    for _ in range(2):
        answer = server.ask("GET", "/ecommerce/healthz")
        assert (answer.status, answer.json["reasons"]) == (503, ["store_damaged"])


def test_healthz_is_not_ready_while_deliveries_cannot_be_journalled(
    service: tuple[Served, Service], application: Application, peers: Peers
) -> None:
    server, running = service
    peers.serve_products(products(3))
    with closing(sqlite3.connect(application.store.path)) as other:
        other.execute(
            "CREATE TRIGGER no_journal BEFORE INSERT ON delivery"
            " BEGIN SELECT RAISE(ABORT, 'not today'); END"
        )
        other.commit()
        assert server.ask("POST", PRODUCTS_CALLBACK).status == 200
        until(running.deliveries.keeps_failing)
        answer = server.ask("GET", "/ecommerce/healthz")
        other.execute("DROP TRIGGER no_journal")
        other.commit()

    assert (answer.status, answer.json["reasons"]) == (503, ["journal_failing"])
    until(lambda: server.ask("GET", "/ecommerce/healthz").status == 200)
    assert len(application.store.list_deliveries()) == 1


def test_healthz_is_not_ready_while_no_callback_can_take_its_lock(
    service: tuple[Served, Service], application: Application, peers: Peers
) -> None:
    server, _ = service
    peers.serve_products(products(3))
    lock = lock_path(application.store.path, "products")
    lock.unlink()
    lock.mkdir()

    assert server.ask("POST", PRODUCTS_CALLBACK).status == 503
    answer = server.ask("GET", "/ecommerce/healthz")
    assert (answer.status, answer.json["reasons"]) == (503, ["lock_unusable"])
    assert (answer.json["status"], answer.json["store"]) == ("not ready", "writable")

    lock.rmdir()
    assert server.ask("GET", "/ecommerce/healthz").status == 200
    assert server.ask("POST", PRODUCTS_CALLBACK).status == 200
    assert server.ask("GET", "/ecommerce/healthz").status == 200


def test_healthz_is_not_ready_when_the_thread_that_journals_is_gone(
    service: tuple[Served, Service],
) -> None:
    server, running = service
    running.deliveries.stop()
    answer = server.ask("GET", "/ecommerce/healthz")

    assert (answer.status, answer.json["reasons"]) == (503, ["journal_stopped"])


def test_healthz_is_not_ready_when_the_machine_gives_no_thread(
    service: tuple[Served, Service], monkeypatch: pytest.MonkeyPatch
) -> None:
    server, _ = service
    start = threading.Thread.start

    def start_none_of_the_companions(thread: threading.Thread) -> None:
        if thread.name.startswith("companion"):
            raise RuntimeError("can't start new thread")
        start(thread)

    monkeypatch.setattr(threading.Thread, "start", start_none_of_the_companions)
    answer = server.ask("GET", "/ecommerce/healthz", headers={"Accept": "application/json"})
    monkeypatch.undo()

    assert (answer.status, answer.headers["retry-after"]) == (503, "5")
    assert answer.json["reasons"] == ["no_thread"]
    assert server.ask("GET", "/ecommerce/healthz").status == 200


# --- refused callbacks


def test_a_flood_of_refused_callbacks_leaves_a_bounded_journal_and_is_counted(
    settings: Settings, peers: Peers
) -> None:
    secret = "a secret of sixteen characters and more"
    peers.serve_products(products(3))
    application = Application.open(
        replace(settings, callback_secrets=(secret,)), gateway_url=peers.url
    )
    application.start(watch=False)
    companion = Companion(DATASETS.values())
    app = with_a_page(companion.routes())
    app.user_middleware.append(companion.guard(application.settings))
    companion.attach(application)
    store = application.store
    token = make_token(secret, app_name="e-commerce", url="ecommerce/add-auto")
    with Served(app) as server:
        connection = HTTPConnection("127.0.0.1", server.port, timeout=30)
        for number in range(1_500):
            # Alternately a wrong token and another site's page.
            headers = {"Origin": "https://evil.example"} if number % 2 else {}
            connection.request("POST", PRODUCTS_CALLBACK, body=b"a guess", headers=headers)
            response = connection.getresponse()
            response.read()
            assert response.status == 403
            if number == 1_000:
                answer = server.ask("POST", PRODUCTS_CALLBACK, body=token.encode())
                assert answer.status == 200
                refused = server.ask("POST", CUSTOMERS_CALLBACK, body=b"a guess")
                assert refused.status == 403
        connection.close()
        scraped = server.ask("GET", "/ecommerce/metrics").text
    application.stop()
    companion.close()
    journalled = Counter((d.dataset, d.outcome.value) for d in store.list_deliveries(limit=5_000))

    # The flood may have continued into a second minute.
    kept = journalled[("products", "refused")]
    assert kept in {20, 40}
    assert journalled == {
        ("products", "refused"): kept,
        ("products", "executed"): 1,
        ("customers", "refused"): 1,
    }
    assert store.refused_not_kept() == {"products": 1_500 - kept}
    assert 'ecommerce_deliveries_total{dataset="products",outcome="refused"} 1500.0' in scraped
    name = "ecommerce_refused_deliveries_not_kept_total"
    assert f'{name}{{dataset="products"}} {1_500 - kept}.0' in scraped


# --- the sign-in's cookies


def sign_in_over_http(server: Server, provider: Provider) -> list[str]:
    """Go to the provider and back like a browser; return every Set-Cookie on the way.

    The redirect leads to https, as behind a proxy: here the server is called directly.
    """
    token = jwt.encode(
        {"alg": "HS256"},
        {"provider": "default", "exp": int(time.time()) + 60},
        OctKey.import_key(COOKIE_SECRET),
    )
    kept = {"ecommerce_return_to": "", "_streamlit_session": ""}
    set_cookies: list[str] = []

    def ask(url: str, **headers: str) -> requests.Response:
        cookies = "; ".join(f"{name}={value}" for name, value in kept.items() if value)
        answer = requests.get(
            url, headers={**headers, "Cookie": cookies}, timeout=30, allow_redirects=False
        )
        for line in answer.raw.headers.getlist("set-cookie"):
            set_cookies.append(line)
            name, _, value = line.partition(";")[0].partition("=")
            kept[name] = value
        return answer

    ask(server.page("_stcore/health"))
    begun = ask(server.page(f"auth/login?provider={token}"), Referer=server.page("products"))
    asked = urlsplit(begun.headers["Location"]).query
    decided = requests.get(
        f"{provider.url}/decide?{asked}&person=ada", timeout=30, allow_redirects=False
    )
    back = decided.headers["Location"]
    assert back.startswith(f"https://127.0.0.1:{server.port}/ecommerce/oauth2callback?")
    arrived = ask(back.replace("https:", "http:", 1))
    assert arrived.headers["Location"] == "/ecommerce/products"
    assert kept["_streamlit_user"]
    left = ask(server.page("auth/logout"), Referer=server.page("products"))
    assert left.status_code == 302
    return set_cookies


def attributes(cookie: str) -> set[str]:
    return {part.strip().lower() for part in cookie.split(";")[1:]}


def test_every_cookie_is_secure_where_people_come_back_over_https(tmp_path: Path) -> None:
    port = free_port()
    with Provider({"ada": {"email": "ada@shop.example"}}) as provider:
        secrets = provider.write_secrets(tmp_path, server_url=f"https://127.0.0.1:{port}")
        options = (f"--secrets.files={secrets}",)
        with running_server(tmp_path, options=options, port=port) as server:
            cookies = sign_in_over_http(server, provider)

    names = {cookie.partition("=")[0] for cookie in cookies}
    assert {
        "_streamlit_user",
        "_streamlit_user_tokens",
        "_streamlit_session",
        "_streamlit_xsrf",
        "ecommerce_return_to",
    } <= names
    for cookie in cookies:
        assert "secure" in attributes(cookie), cookie
        assert cookie.lower().count("secure") == 1
    for cookie in cookies:
        if cookie.startswith(("_streamlit_user=", "_streamlit_session=", "ecommerce_return_to=")):
            assert "samesite=lax" in attributes(cookie), cookie
    [signed] = [c for c in cookies if re.match(r'_streamlit_user="?[^";]', c)]
    assert {"httponly", "samesite=lax", "secure", "path=/ecommerce"} <= attributes(signed)


def test_a_sign_out_holds_after_a_restart_and_ends_nobody_elses_sign_in(
    settings: Settings, peers: Peers
) -> None:
    def opened() -> Application:
        return Application.open(settings, gateway_url=peers.url, sign_in_providers=["default"])

    now = int(time.time())
    ada = {"is_logged_in": True, "iss": "https://login.example", "sub": "ada", "iat": now}
    first, second = {**ada, "nonce": "a"}, {**ada, "nonce": "b"}
    application = opened()
    assert application.access.actor(first) == Actor("ada", Role.ANALYST)

    application.sign_outs.end(first)
    application.close()
    again = opened()

    for running in (application, again):
        assert running.access.actor(first) is None
        assert running.access.actor({**first, "email": "ada@shop.example"}) is None
        assert running.access.actor(second) == Actor("ada", Role.ANALYST)
        assert running.access.actor({**first, "sub": "anne"}) == Actor("anne", Role.ANALYST)
    again.close()


def test_a_sign_out_holds_though_the_store_cannot_be_written(
    settings: Settings, peers: Peers, caplog: pytest.LogCaptureFixture
) -> None:
    application = Application.open(settings, gateway_url=peers.url, sign_in_providers=["default"])
    claims = {"is_logged_in": True, "sub": "ada", "iat": int(time.time())}
    aside = settings.database.rename(settings.database.with_suffix(".aside"))
    application.sign_outs.end(claims)
    aside.rename(settings.database)
    application.close()

    assert application.access.actor(claims) is None
    assert [r.levelname for r in caplog.records if r.name.endswith("sign_outs")] == ["WARNING"]


def test_sign_outs_are_forgotten_when_no_cookie_can_be_that_old(store: Store) -> None:
    long_ago, now = datetime(2025, 1, 1, tzinfo=UTC), datetime(2025, 3, 1, tzinfo=UTC)
    store.sign_outs.record_sign_out("old", until=datetime(2025, 1, 31, tzinfo=UTC), now=long_ago)
    store.sign_outs.record_sign_out("new", until=datetime(2025, 3, 31, tzinfo=UTC), now=now)

    assert store.sign_outs.list_sign_outs() == ["new"]
