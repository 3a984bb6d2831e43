"""The one DuckDB of a process: in memory, with the snapshots that are being read attached."""

from __future__ import annotations

import tempfile
import threading
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from shutil import rmtree

import duckdb
from filelock import FileLock, Timeout

from ecommerce_core.storage.private_files import FILE_MODE, make_folder

# Nothing is fetched from anywhere, and no name in a question stands for a variable of Python.
CONFIG: Mapping[str, str | int | bool] = {
    "autoinstall_known_extensions": False,
    "autoload_known_extensions": False,
    "allow_community_extensions": False,
    "python_enable_replacements": False,
    "temp_directory": "",
}
SPILL = "spill-"
# Who has made a folder has locked it by then.
YOUNG_S = 60.0


@dataclass(slots=True)
class _Attached:
    """A file that is attached under a name, and how many read it."""

    name: str
    readers: int = 0


class SnapshotDatabase:
    """Opens snapshots. Memory and threads bound all questions of the process together.

    What does not fit into memory goes into a private folder beside the snapshots.
    """

    def __init__(self, folder: Path, *, memory_mb: int, threads: int) -> None:
        self._folder = folder
        self._config = {**CONFIG, "memory_limit": f"{memory_mb}MB", "threads": threads}
        self._lock = threading.Lock()
        self._database: duckdb.DuckDBPyConnection | None = None
        self._spill: tuple[Path, FileLock] | None = None
        self._attached: dict[Path, _Attached] = {}
        self._count = 0

    @contextmanager
    def reading(self, path: Path | None) -> Iterator[duckdb.DuckDBPyConnection]:
        """A cursor for one thread, on the tables of one file, or of none. Raises duckdb.Error.

        The file may be deleted meanwhile: whoever reads it goes on.
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

    @property
    def folder(self) -> Path | None:
        """A private folder for what is written meanwhile; None where there is no room for one.

        It is gone with this process, however that ends, or with the next one's first snapshot.
        """
        return None if self._spill is None else self._spill[0]

    def let_go(self) -> None:
        """Let go of the files that are no more and that nobody reads: their room is free then."""
        with self._lock:
            self._let_go()

    def close(self) -> None:
        """End it. Who reads just now gets an error."""
        with self._lock:
            if self._database is not None:
                self._database.close()
            self._database, self._attached = None, {}
            if self._spill is not None:
                folder, lock = self._spill
                lock.release()
                rmtree(folder, ignore_errors=True)
                self._spill = None

    def _open(self) -> duckdb.DuckDBPyConnection:
        if self._database is None:
            # On a full disk there is nowhere to spill to, and most questions need not.
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

    def _give_up(self, database: duckdb.DuckDBPyConnection) -> None:
        """Leave an instance that DuckDB does not trust any more; the next reader opens one."""
        with self._lock:
            if self._database is database:
                self._database, self._attached = None, {}


def new_spill_folder(folder: Path) -> tuple[Path, FileLock]:
    """A private folder of this process, known to be in use by the lock in it."""
    make_folder(folder)
    made = Path(tempfile.mkdtemp(prefix=SPILL, dir=folder))
    lock = FileLock(made / "lock", mode=FILE_MODE, thread_local=False)
    lock.acquire()
    return made, lock


def remove_stale_spill(folder: Path) -> None:
    """Remove what processes that were killed have left."""
    for made in folder.glob(f"{SPILL}*"):
        with suppress(OSError, Timeout):
            if time.time() - made.stat().st_mtime > YOUNG_S:
                with FileLock(made / "lock", timeout=0):
                    rmtree(made, ignore_errors=True)
