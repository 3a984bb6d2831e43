"""What the companion's routes answer with: plain text, JSON for who asks, RFC 9457 for problems."""

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
# ASGI's extension that lets a server answer a WebSocket's opening with more than 403.
_DENIAL = "websocket.http.response"
# How long a caller that is still sending gets to take an answer in; see send_reply.
_LINGER_S = 1.0


@dataclass(frozen=True, slots=True)
class Reply:
    """An answer, ready to send. ``closes`` ends the connection: its request was not read whole."""

    status: int
    body: bytes
    content_type: str = TEXT
    headers: tuple[tuple[str, str], ...] = ()
    closes: bool = False

    async def send(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Send it, without its body to a HEAD."""
        # The body of anything else was not read, and may never end.
        is_unread = scope["method"] != "POST" and has_body(scope["headers"])
        reply = replace(self, closes=True) if is_unread else self
        await send_reply(reply, scope, receive, send)


class ClientDisconnected(Exception):  # noqa: N818
    """The caller hung up before it was answered: nobody is left to answer."""


@dataclass(eq=False)
class Problem(Exception):  # noqa: N818  (the noun of RFC 9457)
    """A request that cannot be served, and why, as the caller is told."""

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
        """The problem in the caller's form."""
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
    """``value`` as JSON in ASCII, so that no lone surrogate can break the answer.

    Facts, and whatever else is a dataclass, are objects.
    """
    return json.dumps(value, default=asdict).encode() + b"\n"


def header(headers: Headers, name: bytes) -> str | None:
    """All values of a header as one, joined with commas; None where it is not there."""
    values = [value.decode("latin-1") for key, value in headers if key == name]
    return ", ".join(values) if values else None


def has_body(headers: Headers) -> bool:
    """True where a request announces a body."""
    return any(
        key == b"transfer-encoding" or (key == b"content-length" and value != b"0")
        for key, value in headers
    )


def wants_json(accept: str | None) -> bool:
    """True where ``Accept`` names JSON, and likes it no less than plain text.

    A caller that takes anything gets text: it is what the scheduler has always been
    told. One that takes neither gets text too, which RFC 9110 allows (12.5.1).
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
    """True where ``Prefer`` holds ``respond-async`` (RFC 7240)."""
    if prefer is None:
        return False
    return any(
        preference.partition(";")[0].strip().lower() == "respond-async"
        for preference in prefer.split(",")
    )


async def send_reply(reply: Reply, scope: Scope, receive: Receive, send: Send) -> None:
    """Send ``reply``, without its body to a HEAD.

    A caller that is still sending when its connection is closed would lose the
    answer to a reset, so it gets a moment in which what it sends is thrown away. A WebSocket
    gets the reply in place of its opening, if the server can do so, else a bare 403.
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
