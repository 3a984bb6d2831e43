"""Several servers with one database of PostgreSQL."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from ecommerce_core.application import Application
from ecommerce_core.settings import Settings
from tests.support.peers import Peers, products
from tests.support.postgresql import PostgresqlServer

StartServer = Callable[..., Application]


@pytest.fixture
def database(postgresql: PostgresqlServer) -> str:
    """Return the URL of the database of one test."""
    return postgresql.new_database()


@pytest.fixture
def start_server(database: str, peers: Peers, tmp_path: Path) -> Iterator[StartServer]:
    """Start one more server, with a folder of its own; all are ended with the test."""
    running: list[Application] = []
    peers.serve_products(products(30))

    def start(*, watch: bool = True, url: str = database) -> Application:
        settings = Settings(
            database=tmp_path / f"server-{len(running) + 1}" / "shop",
            database_url=url,
            timeout_s=30,
            deadline_s=60,
        )
        application = Application.open(settings, gateway_url=peers.url)
        application.start(watch=watch)
        running.append(application)
        return application

    yield start
    peers.gate.set()
    for application in running:
        application.stop(timeout_s=5)
        application.close()
