"""Chromium, shops to visit, and visitors. Without Chromium the tests are skipped with a reason."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
import requests

from ecommerce_core.domain import Run
from ecommerce_core.sandbox import Sandbox
from ecommerce_core.storage import Store
from tests.support.peers import Peers, products
from tests.support.server import Server, Site, running_server

if TYPE_CHECKING:
    # Without Playwright this file must still load, so that the tests can say why they skip.
    from tests.browser.visitor import Browser, Visitor

pytest.register_assert_rewrite("tests.browser.visitor")

PRODUCTS, CUSTOMERS = 120, 40


@dataclass(frozen=True)
class Shop:
    """A running server with a database of its own. ``peers_url`` is its gateway."""

    server: Server
    folder: Path
    peers_url: str

    @property
    def store(self) -> Store:
        return Store(self.folder / "ecommerce.db")

    def runs(self, name: str | None = None) -> list[Run]:
        """Return the journal, newest first."""
        return self.store.list_runs(dataset=name)


@dataclass(frozen=True)
class SandboxShop(Shop):
    sandbox: Sandbox


@dataclass(frozen=True)
class PeersShop(Shop):
    peers: Peers

    def call_back(self, rows: int) -> None:
        """Send a callback that brings ``rows`` products, without any page."""
        self.peers.serve_products(products(rows))
        assert requests.post(self.server.page("add-auto"), timeout=30).status_code == 200


# No longer than the browser tests: Playwright keeps an event loop running in this thread, and tests
# elsewhere run their own.
@pytest.fixture(scope="package")
def browser() -> Iterator[Browser]:
    from tests.browser.visitor import find_chromium, running_chromium

    if find_chromium() is None:
        # In CI it is installed, so a skipped test would be a fault.
        give_up = pytest.fail if os.environ.get("CI") == "true" else pytest.skip
        give_up("Chromium is not installed; BROWSER_PATH may name another one")
    with running_chromium() as running:
        yield running


@pytest.fixture
def visit(browser: Browser) -> Iterator[Callable[..., Visitor]]:
    """Make visitors of a shop; errors of their pages fail the test at its end."""
    from tests.browser.visitor import Visitor

    visitors: list[Visitor] = []

    def come(shop: Shop | Site, **settings: Any) -> Visitor:
        site = shop if isinstance(shop, Site) else shop.server
        visitors.append(Visitor(browser, site, **settings))
        return visitors[-1]

    yield come
    for visitor in visitors:
        visitor.leave()


@contextmanager
def sandbox_shop(folder: Path, **more: str) -> Iterator[SandboxShop]:
    """Run a shop over the embedded peers, with a clock as fast as in the README: 50 seconds in one.

    ``more`` goes into the server's environment.
    """
    with Sandbox(products=PRODUCTS, customers=CUSTOMERS, speed=5, tick_s=0.1) as sandbox:
        environment = {"ECOMMERCE_GATEWAY_URL": sandbox.url, **more}
        with running_server(folder, environment) as server:
            sandbox.app_url = server.url
            yield SandboxShop(server, folder, sandbox.url, sandbox)


@pytest.fixture
def new_shop(tmp_path: Path, browser: Browser) -> Iterator[SandboxShop]:
    """Yield a shop that nobody has used yet."""
    with sandbox_shop(tmp_path) as shop:
        yield shop


@pytest.fixture(scope="module")
def shop(tmp_path_factory: pytest.TempPathFactory, browser: Browser) -> Iterator[SandboxShop]:
    """Yield a shop that the tests of a module share."""
    with sandbox_shop(tmp_path_factory.mktemp("shop")) as shared:
        yield shared


@pytest.fixture
def odd_shop(tmp_path: Path, peers: Peers, browser: Browser) -> Iterator[PeersShop]:
    """Yield a shop whose peers' answers the test sets."""
    with running_server(tmp_path, {"ECOMMERCE_GATEWAY_URL": peers.url}) as server:
        yield PeersShop(server, tmp_path, peers.url, peers)
