"""Sign-in: valid configurations, the refusal to serve without, and the way back to the page.

The sign-in itself is in tests/browser.
"""

from __future__ import annotations

import os
import subprocess
import sys
import time
from collections.abc import Mapping
from http.client import HTTPConnection
from pathlib import Path
from typing import Any
from urllib.parse import quote

import pytest
import requests
from joserfc import jwt
from joserfc.jwk import OctKey
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import PlainTextResponse, RedirectResponse, Response
from starlette.routing import Route

from ecommerce_core.companion import check_exposure, read_providers
from ecommerce_core.companion.http.sign_in import is_local
from ecommerce_core.companion.sign_in_routes import SignInRoutes, middleware
from ecommerce_core.domain import SettingsError
from ecommerce_core.settings import PROJECT_ROOT
from tests.support.companion_server import Answered, Served
from tests.support.oidc_provider import COOKIE_SECRET
from tests.support.server import free_port, running_server

LOGIN = "/ecommerce/auth/login"
CALLBACK_PATH = "/ecommerce/oauth2callback"
COOKIE = "ecommerce_return_to"


AUTH: dict[str, Any] = {
    "redirect_uri": "http://127.0.0.1:8501/ecommerce/oauth2callback",
    "cookie_secret": "x" * 32,
    "client_id": "dashboard",
    "client_secret": "secret",
    "server_metadata_url": "http://localhost/.well-known/openid-configuration",
}
LOGIN, CALLBACK_PATH = "/ecommerce/auth/login", "/ecommerce/oauth2callback"
COOKIE = "ecommerce_return_to"
PROVIDER = {key: AUTH[key] for key in ("client_id", "client_secret", "server_metadata_url")}
SHARED = {key: AUTH[key] for key in ("redirect_uri", "cookie_secret")}


# --- the configuration


def test_providers_are_the_nameless_one_and_those_with_names() -> None:
    assert read_providers(None) == ()
    assert read_providers(AUTH) == ("default",)
    assert read_providers({**AUTH, "client_kwargs": {"scope": "openid"}}) == ("default",)
    assert read_providers({**SHARED, "work": PROVIDER, "home": PROVIDER}) == ("work", "home")
    assert read_providers({**AUTH, "work": PROVIDER}) == ("default", "work")


@pytest.mark.parametrize(
    ("auth", "named"),
    [
        ({}, "redirect_uri"),
        ({**AUTH, "redirect_uri": "http://127.0.0.1:8501/oauth2callback"}, "/ecommerce/oauth2"),
        ({**AUTH, "cookie_secret": "hunter2"}, "cookie_secret"),
        ({**AUTH, "client_secret": ""}, "client_secret"),
        (SHARED, "client_id"),
        ({**SHARED, "work": {"client_id": "x"}}, r"\[auth.work\].*client_secret"),
    ],
)
def test_a_configuration_that_cannot_sign_in_is_refused(
    auth: Mapping[str, object], named: str
) -> None:
    with pytest.raises(SettingsError, match=named) as caught:
        read_providers(auth)

    assert "hunter2" not in str(caught.value)


@pytest.mark.parametrize(
    "address",
    ["127.0.0.1", "127.0.0.2", "::1", "[::1]", "localhost", "::ffff:127.0.0.1", "unix:/s"],
)
def test_loopback_is_served_without_a_sign_in(address: str) -> None:
    assert is_local(address)
    check_exposure(address, must_sign_in=False, is_allowed=False)


@pytest.mark.parametrize(
    "address", [None, "", "0.0.0.0", "::", "192.168.1.7", "fe80::1", "shop.lan"]
)
def test_any_other_address_wants_a_sign_in_or_to_be_told(address: str | None) -> None:
    with pytest.raises(SettingsError, match=f"server.address is {address or 'unset'}") as caught:
        check_exposure(address, must_sign_in=False, is_allowed=False)

    assert "ECOMMERCE_SERVE_WITHOUT_SIGN_IN=yes" in str(caught.value)
    assert "\n" not in str(caught.value)
    check_exposure(address, must_sign_in=True, is_allowed=False)
    check_exposure(address, must_sign_in=False, is_allowed=True)


# --- the start


def start(folder: Path, *options: str, **environment: str) -> subprocess.CompletedProcess[str]:
    """Run a start that must fail."""
    ours = {name: v for name, v in os.environ.items() if not name.startswith("ECOMMERCE_")}
    ours |= {"ECOMMERCE_DATABASE": str(folder / "shop.db"), **environment}
    command = [sys.executable, "-m", "streamlit", "run", "dashboard.py", *options]
    return subprocess.run(
        [*command, f"--server.port={free_port()}"],
        env=ours,
        cwd=PROJECT_ROOT,
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )


@pytest.mark.parametrize("address", ["0.0.0.0", "::"])
def test_the_server_does_not_start_for_others_without_a_sign_in(
    tmp_path: Path, address: str
) -> None:
    ended = start(tmp_path, f"--server.address={address}")

    assert ended.returncode != 0
    # Streamlit's own lines about addresses come before, unless it has found none to print.
    line = ended.stderr.splitlines()[-1]
    assert ended.stderr.count("dashboard.py") == 1
    assert line.startswith(f"dashboard.py: server.address is {address}, and without sign-in")
    assert not (tmp_path / "shop.db").exists()


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("[auth\n", "cannot be read as TOML"),
        ('[auth]\nclient_id = "x"\n', "redirect_uri in [auth] of secrets.toml is ''"),
        ('auth = "x"\n', "auth in secrets.toml is no section"),
        ('[auth]\nx = "\udcff"\n', "secrets.toml cannot be read: UnicodeDecodeError"),
    ],
)
def test_the_server_does_not_start_with_half_a_sign_in(
    tmp_path: Path, text: str, said: str
) -> None:
    file = tmp_path / "secrets.toml"
    file.write_bytes(text.encode("utf-8", "surrogateescape"))

    ended = start(tmp_path, f"--secrets.files={file}")

    assert ended.returncode != 0
    assert said in ended.stderr
    assert "Traceback" not in ended.stderr
    assert "not foreseen" not in ended.stderr


def test_the_server_does_not_start_where_its_secrets_are_not_mounted_yet(tmp_path: Path) -> None:
    file = tmp_path / "secrets.toml"
    file.symlink_to(tmp_path / "later" / "secrets.toml")

    ended = start(tmp_path, f"--secrets.files={file}")

    assert ended.returncode != 0
    assert f"{file} is there and cannot be read" in ended.stderr


def test_told_so_in_so_many_words_it_serves_everybody(tmp_path: Path) -> None:
    options = ("--server.address=0.0.0.0",)
    with running_server(
        tmp_path, {"ECOMMERCE_SERVE_WITHOUT_SIGN_IN": "yes"}, options=options
    ) as server:
        assert requests.get(server.page("products"), timeout=10).status_code == 200


# --- the way back


def streamlit_like() -> Starlette:
    """Return an application that answers the two routes like Streamlit, as the query says."""

    async def login(request: Request) -> Response:
        if "broken" in request.query_params:
            return PlainTextResponse("Authentication error", status_code=400)
        return RedirectResponse("http://provider.example/authorize", 302)

    async def callback(request: Request) -> Response:
        answer = RedirectResponse("/ecommerce/", 302)
        if "good" in request.query_params:
            answer.set_cookie("_streamlit_user", "signed")
        else:
            answer.delete_cookie("_streamlit_user")
        return answer

    return Starlette(routes=[Route(LOGIN, login), Route(CALLBACK_PATH, callback)])


def ask(path: str, **headers: str) -> Answered:
    with Served(SignInRoutes(streamlit_like())) as server:
        told = {
            name.replace("_", "-"): value.replace("SELF", server.url)
            for name, value in headers.items()
        }
        return server.ask("GET", path, headers=told)


@pytest.mark.parametrize(
    ("referer", "page"),
    [
        ("SELF/ecommerce/products?search=a%20b", "/ecommerce/products?search=a+b"),
        ("SELF/ecommerce/products?sign_in=refused", "/ecommerce/products"),
        ("SELF/ecommerce/", "/ecommerce/"),
        ("SELF/ecommerce/oauth2callback?code=1", "/ecommerce/"),
        ("SELF/elsewhere", "/ecommerce/"),
        ("http://evil.example/ecommerce/products", "/ecommerce/"),
        ("http://[", "/ecommerce/"),
        ("", "/ecommerce/"),
    ],
)
def test_the_page_that_asked_is_kept_while_one_signs_in(referer: str, page: str) -> None:
    answer = ask(LOGIN, Referer=referer)

    assert answer.headers["location"] == "http://provider.example/authorize"
    assert answer.headers["set-cookie"] == (
        f"{COOKIE}={quote(page, safe='')}; Path=/ecommerce; Max-Age=600; HttpOnly; SameSite=Lax"
    )


@pytest.mark.parametrize(
    ("query", "kept", "page"),
    [
        ("state=1&code=1&good", "/ecommerce/products?search=x", "/ecommerce/products?search=x"),
        ("state=1&code=1&good", "//evil.example/", "/ecommerce/"),
        ("state=1&code=1&good", "/ecommerce/../x", "/ecommerce/"),
        ("state=1&code=1&good", "/ecommerce/\r\nX: y", "/ecommerce/"),
        ("state=1&code=1&good", "http://evil.example/ecommerce/", "/ecommerce/"),
        ("state=1&code=1&good", "", "/ecommerce/"),
        ("state=1&code=1", "/ecommerce/products", "/ecommerce/products?sign_in=failed"),
        (
            "state=1&error=access_denied",
            "/ecommerce/products?search=x",
            "/ecommerce/products?search=x&sign_in=refused",
        ),
        ("", "/ecommerce/products", "/ecommerce/"),
    ],
)
def test_the_way_back_leads_to_a_page_of_ours_and_tells_what_went_wrong(
    query: str, kept: str, page: str
) -> None:
    answer = ask(f"{CALLBACK_PATH}?{query}", Cookie=f"{COOKIE}={quote(kept, safe='')}")

    assert answer.status == 302
    assert answer.headers["location"] == page


def test_a_provider_that_does_not_answer_leads_back_with_a_word() -> None:
    answer = ask(f"{LOGIN}?broken", Referer="SELF/ecommerce/products")

    assert (answer.status, answer.body) == (302, b"")
    assert answer.headers["location"] == "/ecommerce/products?sign_in=unreachable"


@pytest.mark.parametrize(
    ("redirect_uri", "more"),
    [
        ("https://shop.example/ecommerce/oauth2callback", "; Secure"),
        ("http://127.0.0.1:8501/ecommerce/oauth2callback", ""),
    ],
)
def test_cookies_are_secure_where_one_comes_back_over_https(redirect_uri: str, more: str) -> None:
    app = streamlit_like()
    app.user_middleware += middleware(redirect_uri)
    with Served(app) as server:
        connection = HTTPConnection("127.0.0.1", server.port, timeout=10)
        connection.request("GET", f"{CALLBACK_PATH}?state=1&code=1&good")
        cookies = connection.getresponse().headers.get_all("Set-Cookie")
        connection.close()

    assert cookies == [
        f"_streamlit_user=signed; Path=/; SameSite=lax{more}",
        f"ecommerce_return_to=; Path=/ecommerce; Max-Age=0; HttpOnly; SameSite=Lax{more}",
    ]


@pytest.mark.parametrize(
    ("cookie", "marked"),
    [
        ('a="b; secure; c"; Path=/', 'a="b; secure; c"; Path=/; Secure'),
        ('a="b\\"; secure; c"', 'a="b\\"; secure; c"; Secure'),
        ("a=secure", "a=secure; Secure"),
        ('a="b"; SECURE ; Path=/', 'a="b"; SECURE ; Path=/'),
    ],
)
def test_a_cookie_whose_value_says_secure_is_not_secure_yet(cookie: str, marked: str) -> None:
    async def answer(_: Request) -> Response:
        return Response(headers={"set-cookie": cookie})

    app = Starlette(routes=[Route("/", answer)])
    app.user_middleware += middleware("https://shop.example/ecommerce/oauth2callback")
    with Served(app) as server:
        assert requests.get(server.url, timeout=10).headers["Set-Cookie"] == marked


def test_the_real_server_leads_back_where_the_provider_is_not_there(tmp_path: Path) -> None:
    port, nobody = free_port(), free_port()
    file = tmp_path / "secrets.toml"
    file.write_text(
        "[auth]\n"
        f'redirect_uri = "http://127.0.0.1:{port}/ecommerce/oauth2callback"\n'
        f'cookie_secret = "{COOKIE_SECRET}"\nclient_id = "x"\nclient_secret = "y"\n'
        f'server_metadata_url = "http://127.0.0.1:{nobody}/.well-known/openid-configuration"\n'
    )
    token = jwt.encode(
        {"alg": "HS256"},
        {"provider": "default", "exp": int(time.time()) + 60},
        OctKey.import_key(COOKIE_SECRET),
    )
    options = (f"--secrets.files={file}",)
    with running_server(tmp_path, options=options, port=port) as server:
        answer = requests.get(
            server.page(f"auth/login?provider={token}"), timeout=30, allow_redirects=False
        )
        log = server.log

    assert answer.headers["Location"] == "/ecommerce/?sign_in=unreachable"
    assert "nobody is an operator" in log
