"""Stores of every engine."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from ecommerce_core.storage import Store, open_store
from tests.support.postgresql import PostgresqlServer

Open = Callable[[], Store]


@pytest.fixture(params=["sqlite", "postgresql"])
def open_again(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Open]:
    """Open one and the same database, any number of times."""
    url = None
    if request.param == "postgresql":
        server: PostgresqlServer = request.getfixturevalue("postgresql")
        url = server.new_database()
    opened: list[Store] = []

    def open_one() -> Store:
        opened.append(
            open_store(tmp_path / "shop.db", url=url, server_id=f"server-{len(opened) + 1}")
        )
        return opened[-1]

    yield open_one
    for one in opened:
        one.close()


@pytest.fixture
def any_store(open_again: Open) -> Store:
    return open_again()
