"""Answer readers' queries on a dataset's rows from the newest snapshot."""

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
    """The newest version among these files. ``path`` is None if the dataset is empty."""

    files: frozenset[Path]
    version: Version
    path: Path | None


class Reader:
    """Reads of the datasets' rows, for all threads of a process.

    Every method raises StoreError if the rows cannot be read, and RowsPreparing if they have no
    snapshot yet. ``at`` runs several queries on one version.
    """

    def __init__(
        self, snapshots: Snapshots, *, memory_mb: int = MEMORY_MB, threads: int = THREADS
    ) -> None:
        self._snapshots = snapshots
        self._database = SnapshotDatabase(snapshots.folder, memory_mb=memory_mb, threads=threads)
        self._found: dict[str, _Found] = {}

    def close(self) -> None:
        """Close all files."""
        self._database.close()

    @property
    def folder(self) -> Path | None:
        """A private folder for temporary files, or None if there is none."""
        return self._database.folder

    def let_go(self) -> None:
        """Close the versions that nobody reads any more."""
        self._database.let_go()

    @contextmanager
    def at(self, dataset: Dataset) -> Iterator[View]:
        """Yield the newest version, for the duration of the block; for one thread."""
        with ExitStack() as stack:
            found, cursor = self._open(stack, dataset)
            try:
                yield View(cursor, dataset, found.version)
            except duckdb.Error as error:
                raise self._explain(error, dataset, found.path) from error

    @contextmanager
    def at_nothing(self) -> Iterator[duckdb.DuckDBPyConnection]:
        """Yield a cursor on no dataset, for rows from another source; for one thread."""
        try:
            with self._database.reading(None) as cursor:
                yield cursor
        except duckdb.Error as error:
            raise _explained(error) from error

    def rows_version(self, dataset: Dataset) -> Version:
        """Return the version that readers see. Anything cached for another one is outdated."""
        return self._find(dataset).version

    def state(self, dataset: Dataset) -> SnapshotState:
        """Return whether readers see what the store of record holds, and if not, why."""
        return self._snapshots.state(dataset)

    def read_page(self, dataset: Dataset, query: Query) -> Page:
        """Return a page of the matching rows, and how many match in all."""
        with self.at(dataset) as view:
            return view.read_page(query)

    def list_rows(self, dataset: Dataset, query: Query) -> list[Row]:
        """Return a page of the matching rows, in the query's order, ties by key."""
        with self.at(dataset) as view:
            return view.list_rows(query)

    def count_rows(self, dataset: Dataset, query: Query) -> int:
        """Return how many rows match."""
        with self.at(dataset) as view:
            return view.count_rows(query)

    def find_row(self, dataset: Dataset, key: str) -> Row | None:
        """Return the row with that key, withdrawn or not, or None."""
        with self.at(dataset) as view:
            return view.find_row(key)

    def totals(self, dataset: Dataset) -> Totals:
        """Return how many rows the dataset holds."""
        with self.at(dataset) as view:
            return view.totals()

    def list_values(
        self, dataset: Dataset, column: str, query: Query, *, limit: int = VALUES_LISTED
    ) -> list[tuple[str, int]]:
        """List the values of a column with counts, the most frequent first. Raises KeyError."""
        with self.at(dataset) as view:
            return view.list_values(column, query, limit=limit)

    def bounds(self, dataset: Dataset, column: str) -> tuple[Any, Any]:
        """Return the least and the greatest value of a column. Raises KeyError."""
        with self.at(dataset) as view:
            return view.bounds(column)

    def histogram(self, dataset: Dataset, column: str, query: Query, *, bins: int = 24) -> Bins:
        """Count the matching rows by intervals of a column; see ``View``. Raises KeyError."""
        with self.at(dataset) as view:
            return view.histogram(column, query, bins=bins)

    def iter_rows(
        self, dataset: Dataset, query: Query, *, chunk: int = ROWS_PER_CHUNK
    ) -> Iterator[list[Row]]:
        """Yield all matching rows, ``chunk`` at a time: one version, however slowly they are read.

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
        """Yield them as Arrow batches; see ``View``. Close or exhaust it. Raises KeyError."""
        with self.at(dataset) as view:
            yield from view.iter_batches(query, columns=columns, chunk=chunk)

    def kept_table(self, key: Hashable, fill: Callable[[str], None]) -> AbstractContextManager[str]:
        """Yield the table in memory with that key; ``fill`` makes it if there is none."""
        return self._database.kept_table(key, fill)

    def _find(self, dataset: Dataset) -> _Found:
        files = self._snapshots.list_files(dataset)
        before = self._found.get(dataset.name)
        if before is not None and before.files == files:
            return before
        # Nobody replaces the database of a living process, so new files are of the same history.
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
        """Turn DuckDB's errors into ours. Discards a file that is damaged."""
        explained = _explained(error)
        if isinstance(explained, StoreFull) or isinstance(error, duckdb.OutOfMemoryException):
            return explained
        # DuckDB has no error class for damage, so the file is checked.
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
