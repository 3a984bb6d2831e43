"""A shop whose rows can be queried in SQL."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

from ecommerce_core.datasets import CUSTOMERS, PRODUCTS
from ecommerce_core.storage.explore import ON_PAGE, Explorer, Found, Limits
from tests.storage.snapshots.shop import Shop
from tests.support.peers import customer, product

FAMILIES = ("TV", "Audio", "Hi-fi, vidéo")


class AskedShop(Shop):
    """30 products in three families at 1 to 30 euros, and two customers, one of them withdrawn."""

    def __init__(self, path: Path, *, timeout_s: float = 20, memory_mb: int = 64) -> None:
        super().__init__(path)
        self.put(products())
        self.put([customer(1, lastName="Élan"), customer(2, account="")], dataset=CUSTOMERS)
        self.explorer = Explorer(
            self.snapshots,
            self.store,
            (PRODUCTS, CUSTOMERS),
            memory_mb=memory_mb,
            timeout_s=timeout_s,
        )

    def ask(self, sql: str, *, limits: Limits = ON_PAGE) -> Found:
        """Return the answer. Raises the errors of the query."""
        return self.explorer.start(sql, limits=limits).result()

    def rows(self, sql: str) -> list[tuple[Any, ...]]:
        """Return the rows of the answer."""
        table = self.ask(sql).table()
        return list(zip(*(column.to_pylist() for column in table.columns), strict=True))

    def close(self) -> None:
        self.explorer.close()
        super().close()


def products(count: int = 30, **changed: Any) -> list[dict[str, Any]]:
    return [
        product(number, price=100 + 100 * number, familleProduit=FAMILIES[number % 3]) | changed
        for number in range(count)
    ]


def opened(path: Path, **limits: Any) -> Iterator[AskedShop]:
    shop = AskedShop(path, **limits)
    yield shop
    shop.close()
