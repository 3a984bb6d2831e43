"""Fixtures that many tests share: peers, settings, an application with its workers."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path

import hypothesis
import pytest

from ecommerce_core.application import Application
from ecommerce_core.settings import Settings
from ecommerce_core.storage import Store, open_store
from tests.support.fake_engine import FakeEngine
from tests.support.peers import Peers
from tests.support.postgresql import PostgresqlServer, running_postgresql

# The duration of an example says more about the machine than about the code. More of them by hand:
# ``--hypothesis-profile=default``.
hypothesis.settings.register_profile("any machine", deadline=None, max_examples=40)
hypothesis.settings.load_profile("any machine")


@pytest.fixture
def peers() -> Iterator[Peers]:
    with Peers() as running:
        yield running


@pytest.fixture(scope="session")
def postgresql() -> Iterator[PostgresqlServer]:
    """Run a PostgreSQL for all tests of a process; each test takes a database of its own."""
    with running_postgresql() as server:
        yield server


@pytest.fixture
def settings(tmp_path: Path) -> Settings:
    return Settings(database=tmp_path / "data" / "ecommerce.db", timeout_s=5, deadline_s=20)


@pytest.fixture
def store(settings: Settings) -> Store:
    return Store.open(settings.database)


@pytest.fixture(params=["sqlite", "postgresql"])
def any_settings(request: pytest.FixtureRequest, settings: Settings) -> Settings:
    """Return settings of each engine, with an empty database."""
    return settings_of(request.param, request, settings)


def settings_of(engine: str, request: pytest.FixtureRequest, settings: Settings) -> Settings:
    """Return settings of an engine, with an empty database."""
    if engine == "sqlite":
        return settings
    server: PostgresqlServer = request.getfixturevalue("postgresql")
    return replace(settings, database_url=server.new_database())


@pytest.fixture(params=["fake", "sqlite", "postgresql"])
def open_again(request: pytest.FixtureRequest, settings: Settings) -> Iterator[Callable[[], Store]]:
    """Open one and the same database of each engine, any number of times."""
    opened: list[Store] = []
    if request.param == "fake":
        fake = FakeEngine(settings.database)
    else:
        named = settings_of(request.param, request, settings)

    def open_one() -> Store:
        if request.param == "fake":
            opened.append(Store(fake))
        else:
            url, server_id = named.database_url, f"server-{len(opened) + 1}"
            opened.append(open_store(named.database, url=url, server_id=server_id))
        return opened[-1]

    yield open_one
    for one in opened:
        one.close()


@pytest.fixture
def any_store(open_again: Callable[[], Store]) -> Store:
    """Return an empty store of each engine."""
    return open_again()


@pytest.fixture
def application(settings: Settings, peers: Peers) -> Iterator[Application]:
    running = Application.open(settings, gateway_url=peers.url)
    running.start(watch=False)
    yield running
    running.stop(timeout_s=5)
    running.close()
