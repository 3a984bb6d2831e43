"""The one DuckDB instance of a process: in memory, with the snapshots in use attached."""

from __future__ import annotations

import fcntl
import os
import tempfile
import threading
from collections import OrderedDict
from collections.abc import Callable, Hashable, Iterator, Mapping
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from shutil import rmtree

import duckdb
from filelock import FileLock, Timeout

from ecommerce_core.storage.private_files import FILE_MODE, FOLDER_MODE, make_folder

# Nothing is downloaded, and no name in a query refers to a Python variable.
CONFIG: Mapping[str, str | int | bool] = {
    "autoinstall_known_extensions": False,
    "autoload_known_extensions": False,
    "allow_community_extensions": False,
    "python_enable_replacements": False,
    "temp_directory": "",
}
SPILL = "spill-"


# Tables in memory that are kept for the next query.
KEPT_TABLES = 2


@dataclass(slots=True)
class _Attached:
    """A file that is attached, or a table that is kept, under a name, and its number of readers."""

    name: str
    readers: int = 0


class SnapshotDatabase:
    """Opens snapshots. Memory and threads limit all queries of the process together.

    Data that does not fit into memory goes into a private folder beside the snapshots.
    """

    def __init__(self, folder: Path, *, memory_mb: int, threads: int) -> None:
        self._folder = folder
        self._config = {**CONFIG, "memory_limit": f"{memory_mb}MB", "threads": threads}
        self._lock = threading.Lock()
        self._database: duckdb.DuckDBPyConnection | None = None
        self._spill: tuple[Path, FileLock] | None = None
        self._attached: dict[Path, _Attached] = {}
        self._kept: OrderedDict[Hashable, _Attached] = OrderedDict()
        self._filling = threading.Lock()
        self._count = 0

    @contextmanager
    def reading(self, path: Path | None) -> Iterator[duckdb.DuckDBPyConnection]:
        """Yield a cursor for one thread, on the tables of one file or none. Raises duckdb.Error.

        If the file is deleted meanwhile, its readers can still finish.
        """
        with self._lock:
            database = self._open()
            attached = None if path is None else self._attach(database, path)
            cursor = database.cursor()
        try:
            if attached is not None:
                cursor.execute(f"USE {attached.name}")
            yield cursor
        except duckdb.FatalException:
            self._give_up(database)
            raise
        finally:
            cursor.close()
            with self._lock:
                if attached is not None:
                    attached.readers -= 1
                self._let_go()

    @contextmanager
    def kept_table(self, key: Hashable, fill: Callable[[str], None]) -> Iterator[str]:
        """Yield the name of a table in memory, which ``fill`` makes unless it is still kept.

        For use within ``reading``. Raises what ``fill`` raises.
        """
        with self._filling:
            kept = self._kept.get(key)
            if kept is None:
                self._count += 1
                kept = _Attached(f"memory.main.kept_{self._count}")
                fill(kept.name)
                self._kept[key] = kept
            with self._lock:
                self._kept.move_to_end(key)
                kept.readers += 1
        try:
            yield kept.name
        finally:
            with self._lock:
                kept.readers -= 1
                self._drop_oldest()

    @property
    def folder(self) -> Path | None:
        """A private folder for temporary files, or None if it could not be created.

        It is deleted when this process ends, or, if killed, with the next process's first snapshot.
        """
        with self._lock:
            self._keep_spill()
            return None if self._spill is None else self._spill[0]

    def let_go(self) -> None:
        """Detach deleted files that nobody reads, which frees their disk space."""
        with self._lock:
            self._let_go()

    def close(self) -> None:
        """Close it. Present readers get an error."""
        with self._lock:
            if self._database is not None:
                self._database.close()
            self._forget()
            if self._spill is not None:
                folder, lock = self._spill
                lock.release()
                rmtree(folder, ignore_errors=True)
                self._spill = None

    def _keep_spill(self) -> None:
        """Make the private folder again if somebody has removed it."""
        if self._spill is None or self._spill[0].exists():
            return
        path, lock = self._spill
        lock.release()
        with suppress(OSError):
            make_folder(self._folder)
            with _one_at_a_time(self._folder):
                path.mkdir(mode=FOLDER_MODE)
                self._spill = path, _locked(path)

    def _open(self) -> duckdb.DuckDBPyConnection:
        self._keep_spill()
        if self._database is None:
            # On a full disk there is no folder to spill to, and most queries do not need one.
            with suppress(OSError):
                self._spill = self._spill or new_spill_folder(self._folder)
            spill = "" if self._spill is None else str(self._spill[0])
            self._database = duckdb.connect(config={**self._config, "temp_directory": spill})
        return self._database

    def _attach(self, database: duckdb.DuckDBPyConnection, path: Path) -> _Attached:
        attached = self._attached.get(path)
        if attached is None:
            self._count += 1
            attached = _Attached(f"snapshot_{self._count}")
            quoted = str(path).replace("'", "''")
            database.execute(f"ATTACH '{quoted}' AS {attached.name} (READ_ONLY)")
            self._attached[path] = attached
        attached.readers += 1
        return attached

    def _let_go(self) -> None:
        for path, attached in list(self._attached.items()):
            if not attached.readers and not path.exists() and self._database is not None:
                del self._attached[path]
                self._database.execute(f"DETACH {attached.name}")

    def _drop_oldest(self) -> None:
        idle = [key for key, kept in self._kept.items() if not kept.readers]
        for key in idle[: max(0, len(self._kept) - KEPT_TABLES)]:
            name = self._kept.pop(key).name
            if self._database is not None:
                self._database.execute(f"DROP TABLE IF EXISTS {name}")

    def _forget(self) -> None:
        self._database, self._attached, self._kept = None, {}, OrderedDict()

    def _give_up(self, database: duckdb.DuckDBPyConnection) -> None:
        """Abandon an instance that DuckDB has invalidated; the next reader opens another."""
        with self._lock:
            if self._database is database:
                self._forget()


def new_spill_folder(folder: Path) -> tuple[Path, FileLock]:
    """A private folder of this process, known to be in use by the lock in it.

    Folders that killed processes left are removed.
    """
    make_folder(folder)
    remove_stale_spill(folder)
    with _one_at_a_time(folder):
        made = Path(tempfile.mkdtemp(prefix=SPILL, dir=folder))
        return made, _locked(made)


def remove_stale_spill(folder: Path) -> None:
    """Remove the folders of killed processes."""
    with suppress(OSError), _one_at_a_time(folder):
        for made in folder.glob(f"{SPILL}*"):
            with suppress(OSError, Timeout), FileLock(made / "lock", timeout=0):
                rmtree(made, ignore_errors=True)


def _locked(made: Path) -> FileLock:
    lock = FileLock(made / "lock", mode=FILE_MODE, thread_local=False)
    lock.acquire()
    return lock


@contextmanager
def _one_at_a_time(folder: Path) -> Iterator[None]:
    """Let nobody else make or remove private folders: one without its lock is left over."""
    opened = os.open(folder, os.O_RDONLY)
    try:
        fcntl.flock(opened, fcntl.LOCK_EX)
        yield
    finally:
        os.close(opened)
