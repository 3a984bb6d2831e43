"""A store of record with its snapshots and a reader, connected as in an application."""

from __future__ import annotations

import unicodedata
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from ecommerce_core.datasets import PRODUCTS, Customer, Product
from ecommerce_core.domain import Query, Run
from ecommerce_core.storage import ChangeReader, Reader, Snapshots, Store
from tests.support.rows import put


class Shop:
    """Puts rows in like a sync, and publishes them."""

    def __init__(self, path: Path, **reader: Any) -> None:
        self.store = Store.open(path)
        self.snapshots = Snapshots(path, self.store)
        self.reader = Reader(self.snapshots, **reader)
        self.changes = ChangeReader(self.store, self.reader)

    def put(self, records: list[dict[str, Any]], *, dataset: Any = PRODUCTS) -> Run:
        """Apply an answer and publish it."""
        run = put(self.store, records, dataset=dataset)
        self.snapshots.publish(dataset)
        return run

    def products(self, **asked: Any) -> list[Product]:
        """Return the products of a page."""
        rows = self.reader.list_rows(PRODUCTS, Query(**{"page_size": 10_000, **asked}))
        return [row for row in rows if isinstance(row, Product)]

    def codes(self, **asked: Any) -> list[str]:
        """Return the codes of a page."""
        return [row.code for row in self.products(**asked)]

    def customers(self, dataset: Any, **asked: Any) -> list[Customer]:
        """Return the customers of a page."""
        rows = self.reader.list_rows(dataset, Query(**{"page_size": 10_000, **asked}))
        return [row for row in rows if isinstance(row, Customer)]

    def close(self) -> None:
        """Close the files."""
        self.reader.close()


def opened(path: Path, **reader: Any) -> Iterator[Shop]:
    """Yield a shop for a fixture."""
    shop = Shop(path, **reader)
    yield shop
    shop.close()


def plainly_folded(text: str) -> str:
    """Return the reference: folded letter by letter, without the code under test."""
    return "".join(map(_plain_letter, text))


def _plain_letter(letter: str) -> str:
    same = {
        "'": "`´‘’‛ʹʻʼʽˈ′‵՚ꞌ",
        '"': "“”„‟",
        "-": "‐‑‒–—―−⁃˗﹘﹣－",
        "oe": "œŒ",
        "ae": "æÆ",
        "o": "øØ",
        "d": "đĐ",
        "l": "łŁ",
        "i": "ıİ",
        "ss": "ßẞ",
    }
    for plain, others in same.items():
        if letter in others:
            return plain
    if letter.isspace():
        return " "
    is_mark = unicodedata.combining(letter) or 0xFE00 <= ord(letter) <= 0xFE0F
    if is_mark or unicodedata.category(letter) in {"Cc", "Cf"}:
        return ""
    apart = unicodedata.normalize("NFKD", letter)
    if apart == letter:
        apart = letter.casefold()
    return letter if apart == letter else plainly_folded(apart)
