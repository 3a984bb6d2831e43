"""Fixtures that many tests share: peers, settings, an application with its workers."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import hypothesis
import pytest

from ecommerce_core.application import Application
from ecommerce_core.settings import Settings
from ecommerce_core.storage import Store
from tests.support.peers import Peers

# The duration of an example says more about the machine than about the code.
hypothesis.settings.register_profile("any machine", deadline=None)
hypothesis.settings.load_profile("any machine")


@pytest.fixture
def peers() -> Iterator[Peers]:
    with Peers() as running:
        yield running


@pytest.fixture
def settings(tmp_path: Path) -> Settings:
    return Settings(database=tmp_path / "data" / "ecommerce.db", timeout_s=5, deadline_s=20)


@pytest.fixture
def store(settings: Settings) -> Store:
    return Store.open(settings.database)


@pytest.fixture
def application(settings: Settings, peers: Peers) -> Iterator[Application]:
    running = Application.open(settings, gateway_url=peers.url)
    running.start(watch=False)
    yield running
    running.stop(timeout_s=5)
    running.close()
