"""Moves a whole store into an empty one, of whatever engine, and makes sure that it has arrived."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from typing import Any

import msgspec

from ecommerce_core.domain import StoreDamaged, StoreError
from ecommerce_core.storage.record import Database, Values
from ecommerce_core.storage.sqlite import Table, list_made_tables
from ecommerce_core.storage.store import Store


@dataclass(frozen=True, slots=True)
class CopiedTable:
    """A table that has arrived: how many rows, and a digest of them in the order of their keys."""

    name: str
    rows: int
    digest: str


def copy_store(
    source: Store,
    target: Store,
    *,
    on_rows: Callable[[str, int], None] = lambda _table, _rows: None,
) -> list[CopiedTable]:
    """Copy every table as of one moment, in one transaction; read it back before it is committed.

    ``on_rows`` gets how many rows of a table were written so far. Raises StoreError, and leaves
    the target as it was, if that is not empty or if what arrived is not what was sent.
    """
    if source.name == target.name:
        raise StoreError("copy_into_itself", path=source.name)
    tables = list_made_tables(more=source.more_migrations)
    with source.reading() as old, target.writing() as new:
        for table in tables:
            if new.execute(f"SELECT 1 FROM {table.name} LIMIT 1").fetchone():
                raise StoreError("copy_onto_rows", path=target.name, table=table.name)
        copied = [_copy(old, new, table, on_rows) for table in tables]
        for sent in copied:
            table = next(one for one in tables if one.name == sent.name)
            arrived = _Digest()
            for _ in arrived.of(new.stream(_select(table))):
                pass
            if (arrived.rows, arrived.text) != (sent.rows, sent.digest):
                raise StoreDamaged("copy_differs", table=table.name, path=target.name)
    return copied


def _copy(
    old: Database, new: Database, table: Table, on_rows: Callable[[str, int], None]
) -> CopiedTable:
    digest, written = _Digest(), 0

    def count(rows: int) -> None:
        nonlocal written
        written += rows
        on_rows(table.name, written)

    rows = digest.of(old.stream(_select(table)))
    new.insert(table.name, list(table.columns), rows, constants={}, on_rows=count)
    if table.is_numbered:
        new.continue_numbers(table.name)
    return CopiedTable(table.name, digest.rows, digest.text)


def _select(table: Table) -> str:
    return f"SELECT {', '.join(table.columns)} FROM {table.name} ORDER BY {', '.join(table.key)}"


class _Digest:
    """Counts rows and digests them, as they pass."""

    def __init__(self) -> None:
        self.rows = 0
        self._hash = hashlib.sha256()

    @property
    def text(self) -> str:
        """The digest of the rows so far."""
        return self._hash.hexdigest()

    def of(self, rows: Iterable[Values]) -> Iterator[Values]:
        """The same rows."""
        encode: Callable[[Any], bytes] = msgspec.msgpack.encode
        for row in rows:
            self._hash.update(encode(row))
            self.rows += 1
            yield row
