"""The whole sandbox, to start and stop."""

from __future__ import annotations

from datetime import datetime
from urllib.parse import urlsplit

from ecommerce_core.sandbox.admin import Registry, admin_app
from ecommerce_core.sandbox.callback import Caller
from ecommerce_core.sandbox.catalogue import Catalogue, Shop
from ecommerce_core.sandbox.crm import Crm, Customers
from ecommerce_core.sandbox.data import ORIGIN
from ecommerce_core.sandbox.gateway import Gateway
from ecommerce_core.sandbox.listener import Listener
from ecommerce_core.sandbox.scheduler import Scheduler
from ecommerce_core.sandbox.scheduler_web import scheduler_app


class Sandbox:
    """The embedded peers behind one gateway on one port, with data made from ``seed``.

    ``speed`` is in simulated seconds per tick, a tick ``tick_s`` real seconds; if ``tick_s`` is
    None the clock moves only when ``scheduler.tick()`` is called. ``app_url``, the base URL for
    callbacks to the Host ``app_name``, may be set at any time; a service registered under that name
    with the gateway's administration, on ``admin_port`` if that is not None, takes precedence. Port
    0 takes a free one. Raises ValueError for sizes below 0, a speed that is not above 0, an invalid
    application URL.
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
        admin_port: int | None = None,
    ) -> None:
        if products < 0 or customers < 0:
            raise ValueError(f"{products} products, {customers} customers: not below 0")
        if not 0 < speed < float("inf"):
            raise ValueError(f"speed {speed}: a number above 0")
        self._app_url: str | None = None
        self.app_url = app_url
        self._address = (host, port)
        self._admin_port = admin_port
        self._registry = Registry()
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
            registered_url=self._registry.url_of,
        )
        self._listener: Listener | None = None
        self._admin: Listener | None = None

    @property
    def url(self) -> str:
        """The gateway's base URL. Raises RuntimeError while the sandbox is not running."""
        if self._listener is None:
            raise RuntimeError("The sandbox is not started")
        return self._listener.url

    @property
    def admin_url(self) -> str | None:
        """The base URL of the gateway's administration, or None if there is none."""
        return None if self._admin is None else self._admin.url

    @property
    def app_url(self) -> str | None:
        """The application's base URL, or None while it is not running (callbacks get 503)."""
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

        Raises OSError if the address is not available, RuntimeError if the sandbox runs already or
        its server does not start.
        """
        if self._listener is not None:
            raise RuntimeError("The sandbox is started already")
        host, port = self._address
        self._listener = Listener(self._gateway, name="sandbox-gateway", host=host, port=port)
        if self._admin_port is not None:
            app = admin_app(self._registry)
            try:
                self._admin = Listener(app, name="sandbox-admin", host=host, port=self._admin_port)
            except BaseException:
                self.stop()
                raise
        self.scheduler.start(Caller(host, self._listener.port))
        return self._listener.url

    def stop(self) -> None:
        """End the clock and the server, whatever they are doing; stopping twice is no error."""
        self.scheduler.stop()
        for listener in (self._listener, self._admin):
            if listener is not None:
                listener.stop()
        self._listener = self._admin = None

    def __enter__(self) -> Sandbox:
        self.start()
        return self

    def __exit__(self, *_exception: object) -> None:
        self.stop()
