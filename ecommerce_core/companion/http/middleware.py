"""Refuse requests to unknown hosts, from other sites, and to paths that are not served.

Streamlit answers any path with its start page, protects no route of ours, and lets pages of any
local port open its WebSocket. A foreign ``Host`` is a sign of DNS rebinding: a page of another site
whose name suddenly points here. A foreign ``Origin`` or ``Sec-Fetch-Site`` means that a page of
another site sends requests to ours.
"""

from __future__ import annotations

import ipaddress
import re
from collections.abc import Callable, Collection, Iterable
from functools import lru_cache

from starlette.types import ASGIApp, Message, Receive, Scope, Send

from ecommerce_core.companion.http.responses import (
    Headers,
    Problem,
    has_body,
    header,
    send_reply,
    wants_json,
)
from ecommerce_core.companion.http.served_paths import PREFIX, ServedPaths, holds_control_characters
from ecommerce_core.companion.http.sign_in import is_local
from ecommerce_core.domain import Fact, make_fact
from ecommerce_core.logs import log_refusal

# A name or IPv4 address, or an IPv6 address in brackets; then a port, if any.
_HOST = re.compile(
    r"(?:\[(?P<v6>[0-9a-fA-F:.]*:[0-9a-fA-F:.]*)\]|(?P<name>[A-Za-z0-9._-]+))(?::(?P<port>[0-9]{1,5}))?"
)
_DEFAULT_PORTS = {"http": 80, "https": 443}
_SIGN_OUT = f"{PREFIX}/auth/logout"
# The blanks around a header's value. Python's own strip() removes more, and then two programs that
# compare the value do not compare the same.
_BLANKS = " \t"
_SHOWN_CHARS = 100
_LONGEST_HOST = 300


def parse_host(text: str) -> tuple[str, int | None] | None:
    """Return name and port of a ``Host``, or None if it is malformed.

    The name is without brackets, trailing dot and capitals; an IPv6 address in its one canonical
    form, an IPv4 address mapped into IPv6 as IPv4.
    """
    # A text longer than any name is not worth caching.
    return _parse(text) if len(text) <= _LONGEST_HOST else _parse.__wrapped__(text)


@lru_cache(maxsize=256)
def _parse(text: str) -> tuple[str, int | None] | None:
    match = _HOST.fullmatch(text)
    if match is None:
        return None
    port = int(match["port"]) if match["port"] else None
    name = _canonical(match["v6"] or match["name"])
    if not name or (port is not None and port > 65_535) or (match["v6"] and not _is_ip(name)):
        return None
    return name, port


def _is_ip(name: str) -> bool:
    try:
        ipaddress.ip_address(name)
    except ValueError:
        return False
    return True


@lru_cache(maxsize=256)
def _canonical(name: str) -> str:
    try:
        address = ipaddress.ip_address(name)
    except ValueError:
        return name.strip("[]").removesuffix(".").lower()
    if isinstance(address, ipaddress.IPv6Address) and address.ipv4_mapped is not None:
        return str(address.ipv4_mapped)
    return str(address)


class HostGuard:
    """ASGI middleware in front of every route, HTTP and WebSockets, Streamlit's included.

    Allowed hosts are ``allowed_hosts`` (names or addresses, without a port) and the very address
    that a connection arrived at: a ``Host`` with that address needed no name, so it is no
    rebinding. Any other host gets 421; a ``Host`` that is missing, doubled or malformed 400. With
    ``only_this_machine`` requests over another address than loopback get 403, however the server
    was started. ``app_name``, which the gateway may write into ``Host``, is allowed on
    ``app_paths`` only.

    Every request that can change something must come from the very origin that it goes to, or from
    no browser (403). A path with a control character gets 400, and one that is not ``served`` 404.
    Refused WebSockets get the same answers before they open.

    ``on_refusal`` is called for each POST refused on one of ``callback_paths``, with the path and
    the reason.
    """

    def __init__(
        self,
        app: ASGIApp,
        *,
        allowed_hosts: Iterable[str],
        served: ServedPaths,
        callback_paths: Collection[str] = (),
        app_name: str = "",
        app_paths: Collection[str] = (),
        only_this_machine: bool = False,
        on_refusal: Callable[[str, Fact], None] | None = None,
    ) -> None:
        self._app = app
        self._allowed = frozenset(_canonical(host) for host in allowed_hosts)
        self._served = served
        self._callback_paths = frozenset(callback_paths)
        self._app_name = _canonical(app_name)
        self._app_paths = frozenset(app_paths)
        self._only_this_machine = only_this_machine
        self._on_refusal = on_refusal

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Pass a request on, or refuse it."""
        if scope["type"] not in {"http", "websocket"}:
            await self._app(scope, receive, send)
            return
        problem = self._judge(scope)
        if problem is None and scope["type"] == "websocket":
            await self._app(_with_the_origins_host(scope), receive, send)
        elif problem is None and self._served.is_file(scope["path"]):
            await self._app(scope, receive, _without_fallback(scope, receive, send))
        elif problem is None:
            await self._app(scope, receive, send)
        else:
            self._tell(scope, problem)
            as_json = wants_json(header(scope["headers"], b"accept"))
            await send_reply(problem.reply(as_json=as_json), scope, receive, send)

    def _tell(self, scope: Scope, problem: Problem) -> None:
        method = scope.get("method", "WEBSOCKET")
        is_callback = method == "POST" and scope["path"] in self._callback_paths
        if is_callback and self._on_refusal is not None:
            self._on_refusal(scope["path"], problem.fact)
        elif problem.status != 404 or not self._served.is_search(scope["path"]):
            log_refusal(problem.status, method=method, reason=problem.fact)

    def _judge(self, scope: Scope) -> Problem | None:
        headers: Headers = scope["headers"]
        hosts = [value.decode("latin-1") for name, value in headers if name == b"host"]
        host = parse_host(hosts[0].strip(_BLANKS)) if len(hosts) == 1 else None
        closes = scope["type"] == "http" and has_body(headers)
        arrived_at = _arrived_at(scope)
        if self._only_this_machine and arrived_at is not None and not is_local(arrived_at):
            return Problem(403, make_fact("other_machine"), closes=closes)
        if host is None:
            shown = ", ".join(show(name) for name in hosts) or "missing"
            return Problem(400, make_fact("host_missing", shown=shown), closes=closes)
        is_known = host[0] in self._allowed or host[0] == arrived_at
        # Anybody may use an application's name, so it must not give access to our pages.
        is_known |= host[0] == self._app_name and scope["path"] in self._app_paths
        if not is_known:
            return Problem(421, make_fact("host_unknown", host=show(hosts[0])), closes=closes)
        if holds_control_characters(scope["path"]):
            return Problem(400, make_fact("control_character"), closes=closes)
        if _can_change_something(scope) and (reason := _cross_site(scope, host)):
            return Problem(403, reason, closes=closes)
        if not self._served.serves(scope["path"], is_socket=scope["type"] == "websocket"):
            return Problem(404, make_fact("not_served"), closes=closes)
        return None


def _can_change_something(scope: Scope) -> bool:
    """Return True for WebSockets, for methods that are not safe, and for the sign-out."""
    if scope["type"] == "websocket":
        return True
    return scope["method"] not in {"GET", "HEAD", "OPTIONS"} or scope["path"] == _SIGN_OUT


def _with_the_origins_host(scope: Scope) -> Scope:
    """Return a WebSocket's scope with ``Host`` and ``Origin`` written in one way.

    They are of one origin by now. Streamlit compares them letter by letter, and if they differ, in
    case or by a default port, it asks a service on the internet for this machine's address while
    nobody else is served.
    """
    origin = header(scope["headers"], b"origin")
    if origin is None:
        return scope
    shown = origin.strip(_BLANKS).encode("latin-1")
    said = {b"origin": shown, b"host": shown.partition(b"://")[2]}
    headers = [(name, said.get(name, value)) for name, value in scope["headers"]]
    return {**scope, "headers": headers}


def _without_fallback(scope: Scope, receive: Receive, send: Send) -> Send:
    """Return a ``send`` that answers 404 in place of Streamlit's start page for a missing file."""
    is_replaced = False

    async def send_files_only(message: Message) -> None:
        nonlocal is_replaced
        if message["type"] == "http.response.start":
            kind = header(message["headers"], b"content-type") or ""
            is_replaced = message["status"] == 200 and kind.startswith("text/html")
            if is_replaced:
                reply = Problem(404, make_fact("not_served")).reply(as_json=False)
                await send_reply(reply, scope, receive, send)
        if not is_replaced:
            await send(message)

    return send_files_only


def _arrived_at(scope: Scope) -> str | None:
    server = scope.get("server")
    return _canonical(server[0]) if server and server[0] else None


def _cross_site(scope: Scope, host: tuple[str, int | None]) -> Fact | None:
    """Return why a request comes from another origin's page, or None if it does not.

    ``Host`` is the browser's own address or what a proxy passes on of it; ``X-Forwarded-Host`` and
    the like may be forged and are not read.
    """
    headers: Headers = scope["headers"]
    site = header(headers, b"sec-fetch-site")
    # Browsers disagree on whether ws: and http: are one site; each sends Origin with WebSockets.
    is_read = site is not None and scope["type"] == "http"
    if is_read and (site or "").strip(_BLANKS).lower() not in {"same-origin", "none"}:
        return make_fact("other_site", header="Sec-Fetch-Site", said=show(site or ""))
    origin = header(headers, b"origin")
    if origin is None:
        return _foreign_sign_out(scope, host) if site is None else None
    if not _is_same_origin(origin.strip(_BLANKS).lower(), host):
        return make_fact("other_site", header="Origin", said=show(origin))
    return None


def _foreign_sign_out(scope: Scope, host: tuple[str, int | None]) -> Fact | None:
    """Return why a sign-out does not come from our pages, or None if it does or is none.

    Over plain HTTP browsers send no Sec-Fetch-Site, but our pages send their Referer.
    """
    if scope["path"] != _SIGN_OUT or scope["type"] != "http":
        return None
    referer = header(scope["headers"], b"referer") or ""
    scheme, _, rest = referer.partition("://")
    if _is_same_origin(f"{scheme}://{rest.partition('/')[0]}".lower(), host):
        return None
    return make_fact("other_site", header="Referer", said=show(referer))


def _is_same_origin(origin: str, host: tuple[str, int | None]) -> bool:
    """Return whether host and port are equal. The scheme differs if a proxy terminates TLS."""
    scheme, _, authority = origin.partition("://")
    parsed = parse_host(authority)
    if scheme not in _DEFAULT_PORTS or parsed is None:
        return False
    origin_port = None if parsed[1] == _DEFAULT_PORTS[scheme] else parsed[1]
    host_port = None if host[1] in _DEFAULT_PORTS.values() else host[1]
    return (parsed[0], origin_port) == (host[0], host_port)


def show(text: str) -> str:
    """Return a caller's text for repeating it: cut, in quotes, control characters escaped."""
    shown = text if len(text) <= _SHOWN_CHARS else text[:_SHOWN_CHARS] + "…"
    return ascii(shown)
