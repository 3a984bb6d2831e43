"""Snapshots: a columnar file per version of a dataset, beside the database, one of them current.

The holder of a dataset's lock publishes: the file is written under a temporary name and renamed,
which announces it to every process; then the older files and those of killed processes are deleted.
All of them are disposable and can be written again at any time.
"""

from __future__ import annotations

import errno
import os
import re
import secrets
from collections.abc import Callable, Collection, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path
from shutil import rmtree

import duckdb
from filelock import FileLock

from ecommerce_core.datasets import Dataset
from ecommerce_core.domain import StoreError, StoreFull
from ecommerce_core.storage.atomic_file import sync_folder
from ecommerce_core.storage.private_files import (
    FILE_MODE,
    hand_over,
    make_folder,
    snapshots_folder,
)
from ecommerce_core.storage.record import Reading, Transactions
from ecommerce_core.storage.snapshots.database import remove_stale_spill
from ecommerce_core.storage.snapshots.snapshot_file import write_file
from ecommerce_core.storage.snapshots.version import Version, is_of_history, newest_version

SUFFIX = ".duckdb"
TEMPORARY = ".part"
_NAME = re.compile(r"[^.]+\.\d{1,18}-\w*\.[0-9a-f]{8}\.duckdb", re.ASCII)
WRITER_MEMORY_MB = 256


class SnapshotCode(StrEnum):
    """The state of a dataset's snapshot. ``preparing``: none can be read."""

    CURRENT = "current"
    BEHIND = "behind"
    PREPARING = "preparing"


@dataclass(frozen=True, slots=True)
class SnapshotState:
    """The version that readers see, and the one that the store of record holds.

    ``shown`` is None if readers have none. ``error_code`` says why the last attempt of this process
    to publish failed, ``disk_full`` or ``not_written``, or is None if it did not.
    """

    code: SnapshotCode
    shown: Version | None
    stored: Version
    error_code: str | None

    @property
    def is_behind(self) -> bool:
        """True if readers see older rows than the stored ones."""
        return self.code is SnapshotCode.BEHIND


class Snapshots:
    """The snapshots of one database. ``record`` is the store of record."""

    def __init__(
        self,
        database: Path,
        record: Transactions,
        *,
        writer_memory_mb: int = WRITER_MEMORY_MB,
        writer_threads: int = 2,
    ) -> None:
        self.folder = snapshots_folder(database)
        self._record = record
        self._memory_mb = writer_memory_mb
        self._threads = writer_threads
        self._error_codes: dict[str, str] = {}
        # The files that are of the database's history, by dataset, as it said last.
        self._ours: dict[str, frozenset[Path]] = {}

    def publish(self, dataset: Dataset, *, gives_up: Callable[[], bool] = lambda: False) -> Version:
        """Let readers see the rows as they are. For the holder of the dataset's lock alone,
        unless the database is shared.

        If a file of this version exists, nothing is written. ``gives_up`` is called often; if it
        returns True, SyncStopped is raised. Raises StoreError, StoreFull: readers keep the version
        that they have.
        """
        try:
            make_folder(self.folder)
            with self._alone(dataset), self._record.reading_long() as reading:
                with reading() as db:
                    version = newest_version(db, dataset)
                found = self._files(dataset, version)
                if not found:
                    found = [self._write(reading, dataset, version, gives_up)]
                self._remove_all_but(dataset, found[0])
                self._ours[dataset.name] = frozenset(found[:1])
        except (duckdb.Error, OSError) as error:
            is_full = is_disk_full(error)
            self._error_codes[dataset.name] = "disk_full" if is_full else "not_written"
            raise _failed(is_full, error) from error
        self._error_codes.pop(dataset.name, None)
        return version

    def find(self, dataset: Dataset) -> tuple[Version, Path] | None:
        """Return the newest version that can be read, and its file, or None if there is none.

        A file of another history than the database's, which a restored backup may have left, does
        not count. While the database is away, those count of which it has said that they are of
        its history. Raises StoreError.
        """
        while True:
            files = self.list_files(dataset)
            try:
                with self._record.reading() as db:
                    ours = {path for path in files if is_of_history(db, dataset, version_of(path))}
            except StoreError:
                if known := self._ours.get(dataset.name, frozenset()) & files:
                    return newest_of(known)
                raise
            self._ours[dataset.name] = frozenset(ours)
            # A new file may have replaced the old one while the folder was read, with neither being
            # seen.
            if ours or files == self.list_files(dataset):
                return newest_of(ours)

    def is_current(self, dataset: Dataset) -> bool:
        """Return whether there is a file of the version that the store of record holds."""
        with self._record.reading() as db:
            return bool(self._files(dataset, newest_version(db, dataset)))

    def list_files(self, dataset: Dataset) -> frozenset[Path]:
        """List the dataset's files, of any version. Any change of the rows changes this set."""
        files = self._list(f"{dataset.name}.", SUFFIX)
        return frozenset(path for path in files if _NAME.fullmatch(path.name))

    def discard(self, path: Path) -> None:
        """Delete a file that cannot be read: the next publication writes it again."""
        _remove(path)

    def is_empty(self, dataset: Dataset) -> bool:
        """Return whether the dataset has never had a row: then no snapshot is needed."""
        with self._record.reading() as db:
            if newest_version(db, dataset).run_id:
                return False
            rows = db.execute(f"SELECT EXISTS (SELECT 1 FROM {dataset.table})")
            return not rows.fetchone()[0]

    def state(self, dataset: Dataset) -> SnapshotState:
        """Return the state of the dataset's snapshot. Raises StoreError."""
        found = self.find(dataset)
        with self._record.reading() as db:
            stored = newest_version(db, dataset)
        shown = found[0] if found else None
        if shown is None and self.is_empty(dataset):
            shown = stored
        if shown == stored:
            code = SnapshotCode.CURRENT
        else:
            code = SnapshotCode.PREPARING if shown is None else SnapshotCode.BEHIND
        return SnapshotState(code, shown, stored, self._error_codes.get(dataset.name))

    def _files(self, dataset: Dataset, version: Version) -> list[Path]:
        return self._list(f"{dataset.name}.{version}.", SUFFIX)

    def _list(self, start: str, end: str = "") -> list[Path]:
        try:
            names = sorted(os.listdir(self.folder))
        except (FileNotFoundError, NotADirectoryError):
            return []
        except OSError as error:
            raise StoreError(
                "file_unusable", path=self.folder, reason=error.strerror or error
            ) from error
        return [
            self.folder / name for name in names if name.startswith(start) and name.endswith(end)
        ]

    @contextmanager
    def _alone(self, dataset: Dataset) -> Iterator[None]:
        """Keep other threads and processes from this folder without locking out other servers."""
        if not self._record.is_shared:
            yield
            return
        with FileLock(self.folder / f"{dataset.name}.publish.lock", mode=FILE_MODE):
            yield

    def _write(
        self, reading: Reading, dataset: Dataset, version: Version, gives_up: Callable[[], bool]
    ) -> Path:
        # A name is never used twice, so an open file is never confused with a newer one.
        path = self.folder / f"{dataset.name}.{version}.{secrets.token_hex(4)}{SUFFIX}"
        temporary = path.with_suffix(TEMPORARY)
        try:
            write_file(
                temporary,
                reading,
                dataset,
                memory_mb=self._memory_mb,
                threads=self._threads,
                gives_up=gives_up,
            )
            with reading() as db:
                if newest_version(db, dataset) != version:
                    raise StoreError("snapshot_outdated", dataset=dataset.name)
            hand_over(temporary, like=self.folder)
            os.rename(temporary, path)
        finally:
            for left in self._list(temporary.name):
                _remove(left)
        sync_folder(self.folder)
        return path

    def _remove_all_but(self, dataset: Dataset, kept: Path) -> None:
        """Delete old files and those of killed processes: nobody else publishes at the same time.

        Readers of an old version can finish; its disk space is free once they have.
        """
        for path in self._list(f"{dataset.name}."):
            if path != kept and path.suffix != ".lock":
                _remove(path)
        remove_stale_spill(self.folder)


def version_of(path: Path) -> Version:
    """Return the version of a file, from its name."""
    return Version.parse(path.name.split(".")[1])


def newest_of(files: Collection[Path]) -> tuple[Version, Path] | None:
    """Return the newest version among these files, and its file, or None."""
    return max(((version_of(path), path) for path in files), default=None)


def _remove(path: Path) -> None:
    """Delete a file, or a folder that a sort spilled into, if the system permits it."""
    if path.is_dir():
        rmtree(path, ignore_errors=True)
    else:
        with suppress(OSError):
            path.unlink()


def is_disk_full(error: Exception) -> bool:
    """Return whether an error means that there is no room for a file."""
    # DuckDB only passes on the system's message, not its number.
    texts = (os.strerror(number) for number in (errno.ENOSPC, errno.EDQUOT, errno.EFBIG))
    return any(text in str(error) for text in texts)


def _failed(is_full: bool, error: Exception) -> StoreError:
    if is_full:
        return StoreFull("snapshot_without_room")
    return StoreError("snapshot_failed", reason=error)
