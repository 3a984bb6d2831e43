"""nginx with the site of ``deploy/``, before an application that echoes the request."""

from __future__ import annotations

import http.client
import re
import shutil
import socket
import ssl
import subprocess
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import pytest
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import JSONResponse
from starlette.routing import Route, WebSocketRoute
from starlette.websockets import WebSocket

from ecommerce_core.settings import PROJECT_ROOT
from tests.support.companion_server import Served
from tests.support.nginx import running_nginx
from tests.support.server import free_port

SITE = PROJECT_ROOT / "deploy" / "nginx.conf"


@dataclass(frozen=True)
class Proxy:
    """A running nginx: its ports with and without TLS, and a context for its certificate."""

    port: int
    plain_port: int
    tls: ssl.SSLContext

    def connect(self, *, plain: bool = False) -> socket.socket:
        """Open a connection, with TLS unless ``plain``."""
        port = self.plain_port if plain else self.port
        raw = socket.create_connection(("127.0.0.1", port), timeout=20)
        return raw if plain else self.tls.wrap_socket(raw, server_hostname="shop.example")

    def ask(
        self,
        path: str,
        *,
        method: str = "GET",
        plain: bool = False,
        headers: Mapping[str, str] | None = None,
    ) -> tuple[http.client.HTTPResponse, bytes]:
        """Send one request on a connection of its own."""
        connection = http.client.HTTPConnection("shop.example")
        connection.sock = self.connect(plain=plain)
        try:
            connection.request(method, path, headers={"Host": "shop.example", **(headers or {})})
            response = connection.getresponse()
            return response, b"" if response.status == 101 else response.read()
        finally:
            connection.close()


@contextmanager
def running_proxy(folder: Path, *, header_timeout: str | None = None) -> Iterator[Proxy]:
    """Run nginx with the site; skip the test if it is not installed.

    ``header_timeout`` replaces the site's own, for which a test would have to wait.
    """
    if shutil.which("openssl") is None:
        pytest.skip("no openssl here")

    async def echo(request: Request) -> JSONResponse:
        return JSONResponse({"path": request.url.path, **request.headers})

    async def stream(websocket: WebSocket) -> None:
        await websocket.accept()
        await websocket.send_json(dict(websocket.headers))
        await websocket.close()

    app = Starlette(
        routes=[
            WebSocketRoute("/ecommerce/_stcore/stream", stream),
            Route("/{_:path}", echo, methods=["GET", "POST", "PUT"]),
        ]
    )
    certificate = [
        *("openssl", "req", "-x509", "-newkey", "rsa:2048", "-nodes", "-days", "1"),
        *("-subj", "/CN=shop.example", "-addext", "subjectAltName=DNS:shop.example"),
        *("-keyout", str(folder / "privkey.pem"), "-out", str(folder / "fullchain.pem")),
    ]
    subprocess.run(certificate, check=True, capture_output=True)
    with Served(app) as upstream:
        port, plain_port = free_port(), free_port()
        site = _site(folder, upstream.port, port, plain_port)
        if header_timeout is not None:
            site, changed = re.subn(
                r"client_header_timeout \w+;", f"client_header_timeout {header_timeout};", site
            )
            assert changed == 2
        tls = ssl.create_default_context(cafile=str(folder / "fullchain.pem"))
        with running_nginx(folder, site, port=port):
            yield Proxy(port, plain_port, tls)


def _site(folder: Path, upstream_port: int, port: int, plain_port: int) -> str:
    """Return the site with other ports and certificate paths, and without IPv6."""
    site = SITE.read_text("utf-8").replace("/etc/ssl/shop.example", str(folder))
    site = site.replace("127.0.0.1:8501", f"127.0.0.1:{upstream_port}")
    site = re.sub(r"listen \[::\].*;", "", site)
    site = site.replace("listen 80;", f"listen 127.0.0.1:{plain_port};")
    return site.replace("listen 443 ssl", f"listen 127.0.0.1:{port} ssl")
