"""A shop that can be queried, for every test."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.storage.explore.shop import AskedShop, opened


@pytest.fixture
def shop(tmp_path: Path) -> Iterator[AskedShop]:
    yield from opened(tmp_path / "shop.db")
