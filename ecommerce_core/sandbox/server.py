"""The sandbox as one thing to start and stop."""

from __future__ import annotations

import socket
import threading
import time
from datetime import datetime
from urllib.parse import urlsplit

import uvicorn

from ecommerce_core.sandbox.callback import Caller
from ecommerce_core.sandbox.catalogue import Catalogue, Shop
from ecommerce_core.sandbox.crm import Crm, Customers
from ecommerce_core.sandbox.data import ORIGIN
from ecommerce_core.sandbox.gateway import Gateway
from ecommerce_core.sandbox.scheduler import Scheduler
from ecommerce_core.sandbox.scheduler_web import scheduler_app

_START_TIMEOUT_S = 10.0
_STOP_TIMEOUT_S = 2.0


class Sandbox:
    """The embedded peers behind one gateway on one port, with data made from ``seed``.

    ``speed`` is in simulated seconds per tick, a tick ``tick_s`` real seconds;
    with ``tick_s`` None the clock moves only when ``scheduler.tick()`` is
    called. ``app_url``, the base URL where callbacks to the Host ``app_name``
    go, may be set at any time. Port 0 takes a free one. Raises ValueError for
    sizes below 0, a speed that is not above 0, an application URL that is
    none.
    """

    def __init__(
        self,
        *,
        products: int = 1200,
        customers: int = 400,
        seed: int = 1,
        speed: float = 50,
        app_url: str | None = None,
        app_name: str = "e-commerce",
        host: str = "127.0.0.1",
        port: int = 0,
        start_at: datetime = ORIGIN,
        tick_s: float | None = 1.0,
    ) -> None:
        if products < 0 or customers < 0:
            raise ValueError(f"{products} products, {customers} customers: not below 0")
        if not 0 < speed < float("inf"):
            raise ValueError(f"speed {speed}: a number above 0")
        self._app_url: str | None = None
        self.app_url = app_url
        self._address = (host, port)
        self._url: str | None = None
        self.scheduler = Scheduler(speed=speed, start_at=start_at, tick_s=tick_s)
        now = self.scheduler.now
        self._gateway = Gateway(
            {
                "catalogue-produit": Catalogue(Shop(size=products, seed=seed), now=now).app,
                "crm": Crm(Customers(size=customers, seed=seed), now=now).app,
                "scheduler": scheduler_app(self.scheduler),
            },
            app_name=app_name,
            app_url=lambda: self.app_url,
        )
        self._server: uvicorn.Server | None = None
        self._thread: threading.Thread | None = None

    @property
    def url(self) -> str:
        """The gateway's base URL. Raises RuntimeError while the sandbox does not run."""
        if self._url is None:
            raise RuntimeError("The sandbox is not started")
        return self._url

    @property
    def app_url(self) -> str | None:
        """The application's base URL; None while it is not there (callbacks get 503)."""
        return self._app_url

    @app_url.setter
    def app_url(self, url: str | None) -> None:
        if url is not None:
            parts = urlsplit(url)
            # Reading the port checks it: it raises ValueError beyond 65535.
            if parts.scheme != "http" or not parts.hostname or parts.port == 0:
                raise ValueError(f"app_url {url!r}: an address such as http://127.0.0.1:8501")
        self._app_url = url

    def start(self) -> str:
        """Listen, start the clock, and return the gateway's base URL once it answers.

        Raises OSError where the address cannot be had; RuntimeError where it
        runs already or the server does not come up.
        """
        if self._server is not None:
            raise RuntimeError("The sandbox is started already")
        host, port = self._address
        family = socket.AF_INET6 if ":" in host else socket.AF_INET
        listener = socket.create_server((host, port), family=family, backlog=512)
        port = listener.getsockname()[1]
        self._server = uvicorn.Server(
            uvicorn.Config(
                self._gateway,
                loop="asyncio",
                http="h11",
                ws="none",
                lifespan="off",
                log_config=None,
                log_level="warning",
                access_log=False,
                server_header=False,
                timeout_keep_alive=75,
                timeout_graceful_shutdown=1,
            )
        )
        # Outside the main thread uvicorn leaves the process's signals alone.
        self._thread = threading.Thread(
            target=self._server.run, args=([listener],), name="sandbox-gateway", daemon=True
        )
        self._thread.start()
        deadline = time.monotonic() + _START_TIMEOUT_S
        while not self._server.started:
            if not self._thread.is_alive() or time.monotonic() > deadline:
                self.stop()
                listener.close()
                raise RuntimeError("The sandbox's server did not come up")
            time.sleep(0.005)
        self._url = f"http://{f'[{host}]' if ':' in host else host}:{port}"
        self.scheduler.start(Caller(host, port))
        return self._url

    def stop(self) -> None:
        """End the clock and the server, whatever is under way; stopping twice is no error."""
        self.scheduler.stop()
        if self._server is not None and self._thread is not None:
            self._server.should_exit = True
            self._thread.join(_STOP_TIMEOUT_S)
        self._server = None
        self._thread = None
        self._url = None

    def __enter__(self) -> Sandbox:
        self.start()
        return self

    def __exit__(self, *_exception: object) -> None:
        self.stop()
