"""The companion behind its guard, served by uvicorn on a free port, for tests over HTTP."""

from __future__ import annotations

import json
import socket
import threading
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from http.client import HTTPConnection
from typing import Any

import uvicorn
from starlette.applications import Starlette
from starlette.responses import PlainTextResponse
from starlette.routing import BaseRoute, Mount, Route, WebSocketRoute
from starlette.types import ASGIApp
from starlette.websockets import WebSocket

from tests.support.running import Running
from tests.support.waiting import until

PRODUCTS_CALLBACK = "/ecommerce/add-auto"
CUSTOMERS_CALLBACK = "/ecommerce/auto_load_customers"


@dataclass(frozen=True)
class Answered:
    """An answer; header names are in lower case."""

    status: int
    headers: Mapping[str, str]
    body: bytes

    @property
    def text(self) -> str:
        return self.body.decode()

    @property
    def json(self) -> Any:
        return json.loads(self.body)


class Served(Running):
    """An ASGI application on 127.0.0.1, on a port of its own. Use it as a context manager."""

    def __init__(self, app: ASGIApp) -> None:
        config = uvicorn.Config(app, log_level="critical", lifespan="off", access_log=False)
        self._server = uvicorn.Server(config)
        self._socket = socket.create_server(("127.0.0.1", 0), backlog=2048)
        self.port: int = self._socket.getsockname()[1]
        self._thread = threading.Thread(target=self._server.run, args=([self._socket],))

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    def start(self) -> None:
        self._thread.start()
        until(lambda: self._server.started)

    def close(self) -> None:
        self._server.should_exit = True
        self._server.force_exit = True
        self._thread.join(10)
        self._socket.close()

    def ask(
        self,
        method: str,
        path: str,
        *,
        body: bytes | Iterable[bytes] | None = None,
        headers: Mapping[str, str] | None = None,
    ) -> Answered:
        """Send one request on a connection of its own."""
        connection = HTTPConnection("127.0.0.1", self.port, timeout=30)
        try:
            connection.request(method, path, body=body, headers=dict(headers or {}))
            response = connection.getresponse()
            answered = {name.lower(): value for name, value in response.getheaders()}
            return Answered(response.status, answered, response.read())
        finally:
            connection.close()

    def connect(self, sent: bytes = b"") -> socket.socket:
        """Open a bare connection, and send these bytes."""
        connection = socket.create_connection(("127.0.0.1", self.port), timeout=10)
        connection.sendall(sent)
        return connection


def with_a_page(routes: Sequence[BaseRoute]) -> Starlette:
    """Return ``routes`` before a page that answers every GET and a WebSocket, as in Streamlit."""

    async def page(request: object) -> PlainTextResponse:
        return PlainTextResponse("a page")

    async def echo(websocket: WebSocket) -> None:
        await websocket.accept()
        await websocket.send_text("hello")
        await websocket.close()

    catch_all = Starlette(routes=[Route("/{path:path}", page)])
    return Starlette(
        routes=[
            *routes,
            WebSocketRoute("/ecommerce/_stcore/stream", echo),
            Mount("/", app=catch_all),
        ]
    )


def read_all(connection: socket.socket) -> bytes:
    """Return all bytes until the other side closes."""
    received = b""
    while chunk := connection.recv(65_536):
        received += chunk
    return received
