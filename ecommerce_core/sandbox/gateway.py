"""The embedded gateway: the Host header selects the service, the path is the service's own."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import Callable, Mapping
from urllib.parse import urlsplit

import h11
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from ecommerce_core.sandbox.web import json_answer

CONNECT_TIMEOUT_S = 3.0
_READ_BYTES = 64 * 1024
_BAD_ANSWER = "An invalid response was received from the upstream server"
_HOP_BY_HOP = frozenset(
    b"connection keep-alive proxy-authenticate proxy-authorization proxy-connection te trailer "
    b"transfer-encoding upgrade".split()
)
_NOT_FORWARDED = _HOP_BY_HOP | {b"host", b"content-length"}
# The server in front sets its own date.
_NOT_RETURNED = _HOP_BY_HOP | {b"date"}


class Gateway:
    """An ASGI application in front of the peers and, under its own name, the application.

    ``app_url`` returns the application's base URL at each call, or None while it is not running;
    ``registered_url`` returns the URL that is registered for a host, or None.
    """

    def __init__(
        self,
        peers: Mapping[str, ASGIApp],
        *,
        app_name: str,
        app_url: Callable[[], str | None],
        registered_url: Callable[[str], str | None] = lambda host: None,
    ) -> None:
        self._peers = peers
        self._app_name = app_name.lower()
        self._app_url = app_url
        self._registered_url = registered_url

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer one HTTP request; ignore other protocols."""
        if scope["type"] != "http":
            return
        host = _header(scope, b"host").decode("latin-1").partition(":")[0].lower()
        peer = self._peers.get(host)
        if peer is not None:
            await peer(scope, receive, send)
        elif (url := self._registered_url(host)) is not None:
            await self._forward(url, scope, receive, send)
        elif host == self._app_name:
            await self._forward(self._app_url(), scope, receive, send)
        else:
            await _fail(404, "no Route matched with those values", scope, send)

    async def _forward(self, url: str | None, scope: Scope, receive: Receive, send: Send) -> None:
        if url is None:
            await _fail(503, "name resolution failed", scope, send)
            return
        body = bytearray()
        more = True
        while more:
            message = await receive()
            if message["type"] == "http.disconnect":
                return
            body += message.get("body", b"")
            more = message.get("more_body", False)
        # The application may take any time, as long as the client is connected.
        relay = asyncio.create_task(_relay(url, scope, bytes(body), send))
        gone = asyncio.create_task(_disconnected(receive))
        try:
            await asyncio.wait({relay, gone}, return_when=asyncio.FIRST_COMPLETED)
            if relay.done():
                await relay
        finally:
            relay.cancel()
            gone.cancel()
            await asyncio.gather(relay, gone, return_exceptions=True)


def _header(scope: Scope, name: bytes) -> bytes:
    headers: list[tuple[bytes, bytes]] = scope["headers"]
    return next((value for key, value in headers if key == name), b"")


async def _disconnected(receive: Receive) -> None:
    while (await receive())["type"] != "http.disconnect":
        pass


async def _relay(url: str, scope: Scope, body: bytes, send: Send) -> None:
    """Send the request on to the application, and its answer back as it arrives."""
    parts = urlsplit(url)
    started = False

    async def send_on(message: Message) -> None:
        nonlocal started
        started = True
        await send(message)

    try:
        reader, writer = await asyncio.wait_for(
            asyncio.open_connection(parts.hostname, parts.port or 80), CONNECT_TIMEOUT_S
        )
    except TimeoutError:
        await _fail(504, "The upstream server is timing out", scope, send)
        return
    except OSError:
        await _fail(502, _BAD_ANSWER, scope, send)
        return
    try:
        await _exchange(reader, writer, _request(url, scope, body), body, send_on)
    except (OSError, h11.RemoteProtocolError):
        # An answer that was cut off stays cut off: the server closes the connection.
        if not started:
            await _fail(502, _BAD_ANSWER, scope, send)
    finally:
        writer.close()
        with contextlib.suppress(OSError):
            await writer.wait_closed()


async def _fail(status: int, message: str, scope: Scope, send: Send) -> None:
    await json_answer({"message": message}, status=status)(scope, _nothing, send)


async def _nothing() -> Message:
    return {"type": "http.disconnect"}


def _request(url: str, scope: Scope, body: bytes) -> h11.Request:
    """Return the request for the application: Host is its own address, not its name."""
    parts = urlsplit(url)
    target: bytes = parts.path.rstrip("/").encode() + scope["raw_path"]
    if scope["query_string"]:
        target += b"?" + scope["query_string"]
    headers = [(key, value) for key, value in scope["headers"] if key not in _NOT_FORWARDED]
    return h11.Request(
        method=scope["method"],
        target=target,
        headers=[
            (b"Host", parts.netloc.encode()),
            *headers,
            (b"Content-Length", str(len(body)).encode()),
            (b"Connection", b"close"),
        ],
    )


async def _exchange(
    reader: asyncio.StreamReader,
    writer: asyncio.StreamWriter,
    request: h11.Request,
    body: bytes,
    send: Send,
) -> None:
    """Exchange one request and answer over one connection. Raises OSError, RemoteProtocolError."""
    connection = h11.Connection(h11.CLIENT)
    writer.write(connection.send(request) or b"")
    writer.write(connection.send(h11.Data(data=body)) or b"")
    writer.write(connection.send(h11.EndOfMessage()) or b"")
    await writer.drain()
    while True:
        event = connection.next_event()
        if event is h11.NEED_DATA:
            connection.receive_data(await reader.read(_READ_BYTES))
        elif isinstance(event, h11.Response):
            headers = [(key, value) for key, value in event.headers if key not in _NOT_RETURNED]
            await send(
                {"type": "http.response.start", "status": event.status_code, "headers": headers}
            )
        elif isinstance(event, h11.Data):
            await send({"type": "http.response.body", "body": bytes(event.data), "more_body": True})
        elif isinstance(event, h11.EndOfMessage):
            await send({"type": "http.response.body", "body": b"", "more_body": False})
            return
