"""Responses of the companion's routes: plain text, JSON on request, RFC 9457 for problems."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Iterable, Mapping
from dataclasses import asdict, dataclass, field, replace
from http import HTTPStatus

from starlette.types import Receive, Scope, Send

from ecommerce_core.domain import Fact

RETRY_LATER = (("Retry-After", "5"),)

TEXT = "text/plain; charset=utf-8"
JSON = "application/json"
PROBLEM = "application/problem+json"

Headers = Iterable[tuple[bytes, bytes]]

_BASE_HEADERS = [(b"cache-control", b"no-store"), (b"x-content-type-options", b"nosniff")]
# ASGI's extension that lets a server refuse a WebSocket with more than 403.
_DENIAL = "websocket.http.response"
# How long a client that is still sending may take to read an answer; see send_reply.
_LINGER_S = 1.0


@dataclass(frozen=True, slots=True)
class Reply:
    """An answer. ``closes`` ends the connection, if the request was not read completely."""

    status: int
    body: bytes
    content_type: str = TEXT
    headers: tuple[tuple[str, str], ...] = ()
    closes: bool = False

    async def send(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Send the answer, without its body to a HEAD."""
        # The body of any other method was not read, and may never end.
        is_unread = scope["method"] != "POST" and has_body(scope["headers"])
        reply = replace(self, closes=True) if is_unread else self
        await send_reply(reply, scope, receive, send)


class ClientDisconnected(Exception):  # noqa: N818
    """The client disconnected before it was answered."""


@dataclass(eq=False)
class Problem(Exception):  # noqa: N818  (the noun of RFC 9457)
    """A request that cannot be served, with the reason that the client sees."""

    status: int
    fact: Fact
    headers: tuple[tuple[str, str], ...] = ()
    closes: bool = False
    members: Mapping[str, object] = field(default_factory=dict)

    @property
    def detail(self) -> str:
        """The reason as a sentence."""
        return str(self.fact)

    def reply(self, *, as_json: bool) -> Reply:
        """Return the problem as JSON or text."""
        title = HTTPStatus(self.status).phrase
        if not as_json:
            body = f"{title}: {self.detail}\n".encode("utf-8", "replace")
            return Reply(self.status, body, TEXT, self.headers, self.closes)
        members = {
            "type": "about:blank",
            "title": title,
            "status": self.status,
            "detail": self.detail,
            **self.members,
            "code": self.fact.code,
            "details": self.fact.details,
        }
        return Reply(self.status, encode_json(members), PROBLEM, self.headers, self.closes)


def encode_json(value: object) -> bytes:
    """Return ``value`` as JSON in ASCII, so that no lone surrogate can break the answer.

    Facts and other dataclasses become objects.
    """
    return json.dumps(value, default=asdict).encode() + b"\n"


def header(headers: Headers, name: bytes) -> str | None:
    """Return all values of a header, joined with commas, or None if it is missing."""
    values = [value.decode("latin-1") for key, value in headers if key == name]
    return ", ".join(values) if values else None


def has_body(headers: Headers) -> bool:
    """Return True if a request announces a body."""
    return any(
        key == b"transfer-encoding" or (key == b"content-length" and value != b"0")
        for key, value in headers
    )


def wants_json(accept: str | None) -> bool:
    """Return True if ``Accept`` names JSON, and prefers it no less than plain text.

    A client that accepts anything gets text, which the scheduler has always received. One that
    accepts neither gets text too, which RFC 9110 allows (12.5.1).
    """
    if accept is None or accept == "*/*":
        return False
    quality: dict[str, float] = {}
    for part in accept.lower().split(","):
        name, *parameters = (piece.strip() for piece in part.split(";"))
        quality[name] = _quality(parameters)
    as_json = max(quality.get(JSON, 0.0), quality.get(PROBLEM, 0.0))
    as_text = quality.get("text/plain", quality.get("text/*", quality.get("*/*", 0.0)))
    return as_json > 0 and as_json >= as_text


def _quality(parameters: Iterable[str]) -> float:
    for parameter in parameters:
        name, _, value = parameter.partition("=")
        if name.strip() == "q":
            try:
                return min(max(float(value), 0.0), 1.0)
            except ValueError:
                return 0.0
    return 1.0


def prefers_async(prefer: str | None) -> bool:
    """Return True if ``Prefer`` holds ``respond-async`` (RFC 7240)."""
    if prefer is None:
        return False
    return any(
        preference.partition(";")[0].strip().lower() == "respond-async"
        for preference in prefer.split(",")
    )


async def send_reply(reply: Reply, scope: Scope, receive: Receive, send: Send) -> None:
    """Send ``reply``, without its body to a HEAD.

    A client that is still sending when its connection is closed would lose the answer to a reset,
    so what it sends is discarded for a moment. A WebSocket is refused with the reply if the server
    can do so, else with a bare 403.
    """
    if scope["type"] == "websocket" and _DENIAL not in scope.get("extensions", {}):
        await send({"type": "websocket.close", "code": 1008, "reason": ""})
        return
    kind = "websocket.http" if scope["type"] == "websocket" else "http"
    headers = [
        (b"content-type", reply.content_type.encode()),
        (b"content-length", str(len(reply.body)).encode()),
        *_BASE_HEADERS,
        *((name.encode(), value.encode("latin-1", "replace")) for name, value in reply.headers),
    ]
    if reply.closes:
        headers.append((b"connection", b"close"))
    await send({"type": f"{kind}.response.start", "status": reply.status, "headers": headers})
    body = b"" if scope.get("method") == "HEAD" else reply.body
    lingers = reply.closes and kind == "http" and has_body(scope["headers"])
    await send({"type": f"{kind}.response.body", "body": body, "more_body": lingers})
    if lingers:
        await _discard(receive)
        await send({"type": f"{kind}.response.body", "body": b""})


async def _discard(receive: Receive) -> None:
    try:
        async with asyncio.timeout(_LINGER_S):
            while True:
                message = await receive()
                if message["type"] == "http.disconnect" or not message.get("more_body"):
                    return
    except TimeoutError:
        return
