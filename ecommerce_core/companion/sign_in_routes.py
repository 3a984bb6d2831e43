"""Complete Streamlit's sign-in: return to the page, report a failure, and secure cookies.

Streamlit answers ``auth/login`` and ``oauth2callback`` itself and always ends at the overview,
silently. Here a cookie keeps the page that requested the sign-in for as long as it takes, and a
failure is passed to that page as ``?sign_in=…``.
"""

from __future__ import annotations

import re
from http.cookies import CookieError, SimpleCookie
from urllib.parse import parse_qsl, quote, unquote, urlencode, urlsplit

from starlette.middleware import Middleware
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from ecommerce_core.companion.http import CALLBACK_PATH, PREFIX, Headers, header

LOGIN = f"{PREFIX}/auth/login"
COOKIE = "ecommerce_return_to"
LASTS_S = 600
# The outcomes: the provider refused, did not answer, or anything else went wrong.
REFUSED, UNREACHABLE, FAILED = "refused", "unreachable", "failed"

_LONGEST = 2000
_PAGE = re.compile(rf"{PREFIX}/[a-z]*(\?[\x21-\x5b\x5d-\x7e]*)?")
_IS_SECURE = re.compile(rb";\s*secure\s*(;|$)", re.IGNORECASE)
_QUOTED = re.compile(rb'"(?:[^"\\]|\\.)*"')
# Streamlit's cookie with a value: a deletion sets it to nothing.
_SIGNED_IN = re.compile(rb'_streamlit_user="?[^";\s]')


def middleware(redirect_uri: str) -> list[Middleware]:
    """Return the middleware around Streamlit for a sign-in that returns to ``redirect_uri``."""
    over_tls = urlsplit(redirect_uri).scheme == "https"
    return [*([Middleware(SecureCookies)] if over_tls else []), Middleware(SignInRoutes)]


class SecureCookies:
    """ASGI middleware that marks every cookie ``Secure``: browsers send it over TLS only.

    Streamlit does not mark its own, even if a proxy terminates TLS.
    """

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Pass the request on, and mark the cookies of the answer."""

        async def send_marked(message: Message) -> None:
            if message["type"] == "http.response.start":
                headers = [_marked(name, value) for name, value in message["headers"]]
                message = {**message, "headers": headers}
            await send(message)

        await self._app(scope, receive, send_marked if scope["type"] == "http" else send)


def _marked(name: bytes, value: bytes) -> tuple[bytes, bytes]:
    # The word within a quoted value is no attribute.
    if name.lower() != b"set-cookie" or _IS_SECURE.search(_QUOTED.sub(b"", value)):
        return name, value
    return name, value + b"; Secure"


class SignInRoutes:
    """ASGI middleware around Streamlit's two sign-in routes; other requests pass unchanged."""

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Let Streamlit answer, and correct the redirect of its answer."""
        is_ours = scope["type"] == "http" and scope["path"] in {LOGIN, CALLBACK_PATH}
        if not is_ours:
            await self._app(scope, receive, send)
            return
        mend = _mended_login if scope["path"] == LOGIN else _mended_callback
        replaced = False

        async def send_mended(message: Message) -> None:
            nonlocal replaced
            if message["type"] == "http.response.start":
                mended = mend(scope, message)
                replaced = mended["status"] != message["status"]
                message = mended
            elif replaced:
                # The body belongs to the answer that was replaced.
                message = {**message, "body": b""}
            await send(message)

        await self._app(scope, receive, send_mended)


def _mended_login(scope: Scope, answer: Message) -> Message:
    headers: Headers = scope["headers"]
    page = _page_of_ours(header(headers, b"referer"), header(headers, b"host"))
    if answer["status"] >= 400:
        return _redirect(answer, _with_outcome(page, UNREACHABLE))
    cookie = f"{COOKIE}={quote(page, safe='')}; Path={PREFIX}; Max-Age={LASTS_S}"
    return _with_headers(answer, (b"set-cookie", f"{cookie}; HttpOnly; SameSite=Lax".encode()))


def _mended_callback(scope: Scope, answer: Message) -> Message:
    asked = dict(parse_qsl(scope["query_string"].decode("latin-1")))
    if not asked.keys() & {"state", "code", "error"}:
        return answer  # back from a sign-out
    page = _kept_page(scope["headers"])
    is_signed_in = any(
        name.lower() == b"set-cookie" and _SIGNED_IN.match(value)
        for name, value in answer["headers"]
    )
    if not is_signed_in:
        refused = asked.get("error") in {"access_denied", "consent_required", "login_required"}
        page = _with_outcome(page, REFUSED if refused else FAILED)
    gone = f"{COOKIE}=; Path={PREFIX}; Max-Age=0; HttpOnly; SameSite=Lax".encode()
    return _with_headers(_redirect(answer, page), (b"set-cookie", gone))


def _redirect(answer: Message, where: str) -> Message:
    kept = [
        (name, value)
        for name, value in answer["headers"]
        if name.lower() not in {b"location", b"content-length", b"content-type"}
    ]
    status = answer["status"] if 300 <= answer["status"] < 400 else 302
    headers = [*kept, (b"location", where.encode()), (b"content-length", b"0")]
    return {**answer, "status": status, "headers": headers}


def _with_headers(answer: Message, *more: tuple[bytes, bytes]) -> Message:
    return {**answer, "headers": [*answer["headers"], *more]}


def _with_outcome(page: str, outcome: str) -> str:
    path, _, query = page.partition("?")
    return f"{path}?{urlencode([*parse_qsl(query), ('sign_in', outcome)])}"


def _checked(page: str) -> str:
    """Return a page's address without ``sign_in``, or the overview's if it is no page of ours."""
    if len(page) > _LONGEST or not _PAGE.fullmatch(page):
        return f"{PREFIX}/"
    path, _, query = page.partition("?")
    pairs = [pair for pair in parse_qsl(query) if pair[0] != "sign_in"]
    return f"{path}?{urlencode(pairs)}" if pairs else path


def _page_of_ours(referer: str | None, host: str | None) -> str:
    try:
        parts = urlsplit(referer or "")
    except ValueError:
        return f"{PREFIX}/"
    if not host or parts.netloc.lower() != host.lower():
        return f"{PREFIX}/"
    return _checked(parts.path + (f"?{parts.query}" if parts.query else ""))


def _kept_page(headers: Headers) -> str:
    try:
        kept = SimpleCookie(header(headers, b"cookie") or "").get(COOKIE)
    except CookieError:
        kept = None
    return _checked(unquote(kept.value)) if kept is not None else f"{PREFIX}/"
