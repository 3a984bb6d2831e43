"""A server with the companion's routes over an application with peers of the tests."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from ecommerce_core.application import Application
from ecommerce_core.settings import Settings
from tests.companion.data_routes.shop import DataServer, serving
from tests.support.peers import Peers, customer, product


@contextmanager
def filled(folder: Path, peers: Peers) -> Iterator[DataServer]:
    """Yield a server with 30 products in three families and two customers.

    X1-0 costs 1 euro, X1-1 2 euros, and so on.
    """
    families = ("TV", "Audio", "Hi-fi, vidéo")
    peers.serve_products(
        [
            product(number, price=100 + 100 * number, familleProduit=families[number % 3])
            for number in range(30)
        ]
    )
    peers.serve_customers([customer(1, lastName="Élan"), customer(2, lastName="=Zed", account="")])
    settings = Settings(database=folder / "ecommerce.db", timeout_s=5, deadline_s=20)
    with serving(Application.open(settings, gateway_url=peers.url)) as running:
        running.fetch("products")
        running.fetch("customers")
        yield running


@pytest.fixture(scope="module")
def served(tmp_path_factory: pytest.TempPathFactory) -> Iterator[DataServer]:
    """Yield one server for all tests that only read."""
    with Peers() as peers, filled(tmp_path_factory.mktemp("served"), peers) as running:
        yield running


@pytest.fixture
def fresh(tmp_path: Path, peers: Peers) -> Iterator[DataServer]:
    """Yield a server for a test that changes rows."""
    with filled(tmp_path, peers) as running:
        yield running
