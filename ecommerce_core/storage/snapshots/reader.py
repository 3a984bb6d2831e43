"""Answers readers' questions about a dataset's rows, out of the newest snapshot there is."""

from __future__ import annotations

from collections.abc import Callable, Hashable, Iterator, Sequence
from contextlib import AbstractContextManager, ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import duckdb
import pyarrow as pa

from ecommerce_core.datasets import Dataset, Row
from ecommerce_core.domain import Query, RowsPreparing, StoreError, StoreFull, Totals
from ecommerce_core.storage.snapshots.database import SnapshotDatabase
from ecommerce_core.storage.snapshots.histogram import Bins
from ecommerce_core.storage.snapshots.snapshot import (
    Snapshots,
    SnapshotState,
    is_disk_full,
    newest_of,
)
from ecommerce_core.storage.snapshots.snapshot_file import create_empty, is_sound
from ecommerce_core.storage.snapshots.version import Version
from ecommerce_core.storage.snapshots.view import ROWS_PER_CHUNK, VALUES_LISTED, Page, View

MEMORY_MB = 512
THREADS = 2
# A version may be replaced by the next one between finding its file and opening it.
ATTEMPTS = 20


@dataclass(frozen=True, slots=True)
class _Found:
    """What was found among these files. ``path`` is None where the dataset is empty."""

    files: frozenset[Path]
    version: Version
    path: Path | None


class Reader:
    """Reads of the datasets' rows, for all threads of a process.

    Every method raises StoreError where the rows cannot be read, and RowsPreparing where their
    first snapshot is not there yet. ``at`` asks several questions of one version.
    """

    def __init__(
        self, snapshots: Snapshots, *, memory_mb: int = MEMORY_MB, threads: int = THREADS
    ) -> None:
        self._snapshots = snapshots
        self._database = SnapshotDatabase(snapshots.folder, memory_mb=memory_mb, threads=threads)
        self._found: dict[str, _Found] = {}

    def close(self) -> None:
        """Let go of all files."""
        self._database.close()

    @property
    def folder(self) -> Path | None:
        """A private folder for what is written while rows are read, None where there is none."""
        return self._database.folder

    def let_go(self) -> None:
        """Let go of the versions that nobody reads any more."""
        self._database.let_go()

    @contextmanager
    def at(self, dataset: Dataset) -> Iterator[View]:
        """The newest version, for as long as the block takes; for one thread."""
        with ExitStack() as stack:
            found, cursor = self._open(stack, dataset)
            try:
                yield View(cursor, dataset, found.version)
            except duckdb.Error as error:
                raise self._explain(error, dataset, found.path) from error

    @contextmanager
    def at_nothing(self) -> Iterator[duckdb.DuckDBPyConnection]:
        """A cursor on no dataset, for rows that were found otherwise; for one thread."""
        try:
            with self._database.reading(None) as cursor:
                yield cursor
        except duckdb.Error as error:
            raise _explained(error) from error

    def rows_version(self, dataset: Dataset) -> Version:
        """The version that readers see. What is remembered of another one does not hold."""
        return self._find(dataset).version

    def state(self, dataset: Dataset) -> SnapshotState:
        """Whether readers see what the store of record holds, and if not, why."""
        return self._snapshots.state(dataset)

    def read_page(self, dataset: Dataset, query: Query) -> Page:
        """A page of the rows that match, and how many match in all."""
        with self.at(dataset) as view:
            return view.read_page(query)

    def list_rows(self, dataset: Dataset, query: Query) -> list[Row]:
        """A page of the rows that match, in the query's order, ties by key."""
        with self.at(dataset) as view:
            return view.list_rows(query)

    def count_rows(self, dataset: Dataset, query: Query) -> int:
        """How many rows match."""
        with self.at(dataset) as view:
            return view.count_rows(query)

    def find_row(self, dataset: Dataset, key: str) -> Row | None:
        """The row of one key, withdrawn or not."""
        with self.at(dataset) as view:
            return view.find_row(key)

    def totals(self, dataset: Dataset) -> Totals:
        """How many rows the dataset holds."""
        with self.at(dataset) as view:
            return view.totals()

    def list_values(
        self, dataset: Dataset, column: str, query: Query, *, limit: int = VALUES_LISTED
    ) -> list[tuple[str, int]]:
        """The values of a column with counts, the most frequent first. Raises KeyError."""
        with self.at(dataset) as view:
            return view.list_values(column, query, limit=limit)

    def bounds(self, dataset: Dataset, column: str) -> tuple[Any, Any]:
        """The least and the greatest value of a column. Raises KeyError."""
        with self.at(dataset) as view:
            return view.bounds(column)

    def histogram(self, dataset: Dataset, column: str, query: Query, *, bins: int = 24) -> Bins:
        """Counts of the rows that match, by a number; see ``View``. Raises KeyError."""
        with self.at(dataset) as view:
            return view.histogram(column, query, bins=bins)

    def iter_rows(
        self, dataset: Dataset, query: Query, *, chunk: int = ROWS_PER_CHUNK
    ) -> Iterator[list[Row]]:
        """All rows that match, ``chunk`` at a time: one version, however slowly they are taken.

        Close or exhaust it.
        """
        with self.at(dataset) as view:
            yield from view.iter_rows(query, chunk=chunk)

    def iter_batches(
        self,
        dataset: Dataset,
        query: Query,
        *,
        columns: Sequence[str] | None = None,
        chunk: int = ROWS_PER_CHUNK,
    ) -> Iterator[pa.RecordBatch]:
        """The same as Arrow's batches; see ``View``. Close or exhaust it. Raises KeyError."""
        with self.at(dataset) as view:
            yield from view.iter_batches(query, columns=columns, chunk=chunk)

    def kept_table(self, key: Hashable, fill: Callable[[str], None]) -> AbstractContextManager[str]:
        """A table in memory under that key; ``fill`` makes it if it is not there."""
        return self._database.kept_table(key, fill)

    def _find(self, dataset: Dataset) -> _Found:
        files = self._snapshots.list_files(dataset)
        before = self._found.get(dataset.name)
        if before is not None and before.files == files:
            return before
        # Nobody replaces the database of a living process: what comes later is of its history.
        found = None if before is None else newest_of(files)
        found = found or self._snapshots.find(dataset)
        if found is None and not self._snapshots.is_empty(dataset):
            raise _preparing()
        version, path = found or (Version(), None)
        self._found[dataset.name] = after = _Found(files, version, path)
        return after

    def _open(self, stack: ExitStack, dataset: Dataset) -> tuple[_Found, duckdb.DuckDBPyConnection]:
        for _ in range(ATTEMPTS):
            found = self._find(dataset)
            try:
                cursor = stack.enter_context(self._database.reading(found.path))
                if found.path is None:
                    create_empty(cursor, dataset)
            except duckdb.Error as error:
                if found.path is not None and not found.path.exists():
                    continue
                raise self._explain(error, dataset, found.path) from error
            return found, cursor
        raise _preparing()

    def _explain(self, error: duckdb.Error, dataset: Dataset, path: Path | None) -> StoreError:
        """The one point where DuckDB's errors become ours. A file that is damaged goes."""
        explained = _explained(error)
        if isinstance(explained, StoreFull) or isinstance(error, duckdb.OutOfMemoryException):
            return explained
        # It has no kind of its own for this: whether it is the file's fault, the file tells.
        if path is not None and not is_sound(path, dataset):
            self._snapshots.discard(path)
            return _preparing()
        return explained


def _explained(error: duckdb.Error) -> StoreError:
    if is_disk_full(error):
        return StoreFull("rows_without_disk")
    if isinstance(error, duckdb.OutOfMemoryException):
        return StoreError("rows_without_memory")
    return StoreError("rows_unreadable", reason=error)


def _preparing() -> RowsPreparing:
    return RowsPreparing("rows_preparing")
