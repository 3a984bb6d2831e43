"""One SQLite file: connections, transactions, the check before the first write, its errors.

A connection per operation: a cached one dies with its thread, and one thread's rollback would erase
another's write. Every write begins IMMEDIATE, so that it waits for its turn instead of failing
half-way.
"""

from __future__ import annotations

import sqlite3
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager
from pathlib import Path

from ecommerce_core.domain import (
    StoreBusy,
    StoreDamaged,
    StoreError,
    StoreFull,
    StoreIncompatible,
    StoreReadOnly,
)
from ecommerce_core.storage.private_files import check_one_name, create_empty
from ecommerce_core.storage.sqlite.checks import find_damage, refuse_planted_journal

BUSY_TIMEOUT_S = 5.0
# How long a read waits if the one before it has just waited in vain.
IMPATIENCE_S = 0.2
# A big sync writes for seconds: threads of this process wait longer for it than others do.
WRITER_PATIENCE_S = 60.0
# In older versions, connections that write and checkpoint at once can corrupt a WAL database.
FIRST_SAFE_WAL = (3, 51, 3)
# 64 MB of 4 KiB pages: a fraction of a second.
_PAGES_PER_STEP = 16_384
APPLICATION_ID_BYTES = slice(68, 72)  # within a database's header


class SqliteFile:
    """A database file of one application, identified by its ``application_id``."""

    def __init__(self, path: Path, *, application_id: int, busy_timeout_s: float) -> None:
        self.path = path
        self._application_id = application_id
        self._busy_timeout_s = busy_timeout_s
        self._writer = threading.Lock()
        self._is_written_to = False
        self._read_in_vain_at_s: float | None = None

    def connect(self, mode: str = "rw", *, timeout_s: float | None = None) -> sqlite3.Connection:
        """Open a connection. ``mode``: ``rw`` or ``ro``."""
        # Without a mode, a file that was deleted would be created again, empty.
        connection = sqlite3.connect(
            f"{self.path.absolute().as_uri()}?mode={mode}",
            uri=True,
            timeout=self._busy_timeout_s if timeout_s is None else timeout_s,
            isolation_level=None,
            check_same_thread=True,
        )
        connection.execute("PRAGMA foreign_keys = ON")
        return connection

    @contextmanager
    def reading(self) -> Iterator[sqlite3.Connection]:
        """Yield a connection for one read, on one consistent view. Raises StoreError."""
        timeout_s = self._reader_patience_s()
        with self.explained(), closing(self.connect(timeout_s=timeout_s)) as connection:
            connection.execute("BEGIN")
            try:
                yield connection
            except sqlite3.OperationalError as error:
                if _is_busy(error):
                    self._read_in_vain_at_s = time.monotonic()
                raise
            self._read_in_vain_at_s = None

    @contextmanager
    def writing(self, *, spills: bool = False) -> Iterator[sqlite3.Connection]:
        """Yield one IMMEDIATE transaction; roll back if the block raises. Raises StoreError.

        ``spills``: the changes need not fit into memory, but readers may have to wait.
        """
        with self.explained(), self._turn(), closing(self.connect()) as connection:
            # Pages that spill would lock readers out before the commit.
            connection.execute(f"PRAGMA cache_spill = {'ON' if spills else 'OFF'}")
            connection.execute("BEGIN IMMEDIATE")
            self._is_written_to = True
            try:
                yield connection
                connection.execute("COMMIT")
            except BaseException:
                if connection.in_transaction:
                    connection.execute("ROLLBACK")
                raise
            finally:
                self._is_written_to = False

    def check_writable(self) -> None:
        """Raise StoreError if the database cannot be written to at present."""
        if self._is_written_to:
            return  # only set once BEGIN IMMEDIATE has succeeded
        with self.explained(), closing(self.connect()) as connection:
            (mode,) = connection.execute("PRAGMA journal_mode").fetchone()
            connection.execute("BEGIN IMMEDIATE")
            # An UPDATE of no row succeeds on a full disk. This takes a page, which goes into the
            # rollback journal at once, but into a WAL only with the commit.
            connection.execute("PRAGMA user_version = 0")
            connection.execute("COMMIT" if mode == "wal" else "ROLLBACK")

    def copy_into(self, path: Path, *, gives_up: Callable[[], bool]) -> None:
        """Write a compact, consistent copy into ``path``, an empty file. Raises StoreError.

        ``gives_up`` is called often; if it returns True the copy is cut off.
        """
        # In its turn: otherwise a writer of this process might fail at its commit.
        with self.explained(), self._turn(), closing(self.connect()) as connection:
            connection.set_progress_handler(gives_up, 100_000)
            connection.execute("VACUUM INTO ?", [str(path)])

    def copy_pages_into(self, path: Path) -> None:
        """Write a consistent copy, page by page, into an empty file. Raises StoreError.

        Writers get their turn between any two steps, after which the copy begins again.
        """
        with (
            self.explained(),
            closing(self.connect("ro")) as connection,
            closing(sqlite3.connect(path)) as copy,
        ):
            connection.backup(copy, pages=_PAGES_PER_STEP, sleep=0.01)

    @contextmanager
    def checked(
        self, check_shape: Callable[[sqlite3.Connection], None], *, whole: bool
    ) -> Iterator[sqlite3.Connection | None]:
        """Yield a read-only connection to a sound file of ours, or None if there is none yet.

        ``check_shape`` raises if the schema is not as expected. ``whole``: all of the file is read,
        however long that takes. Raises StoreIncompatible, StoreDamaged, StoreError before anything
        is written to the file.
        """
        if not self.path.exists():
            yield None
            return
        if not self.path.is_file():
            raise StoreError("store_not_accessible", path=self.path, reason="no regular file")
        if not self.path.stat().st_size:
            yield None
            return
        check_one_name(self.path)
        refuse_planted_journal(self.path)
        self._roll_back_what_a_crash_left()
        with closing(self.connect("ro")) as connection:
            # One view: another process may be creating the database at this moment.
            connection.execute("BEGIN")
            (application_id,) = connection.execute("PRAGMA application_id").fetchone()
            (objects,) = connection.execute("SELECT count(*) FROM sqlite_master").fetchone()
            if application_id != self._application_id and (objects or application_id):
                raise self._foreign()
            if objects:
                check_shape(connection)
            damage = find_damage(connection, whole=whole)
            if damage is not None:
                raise StoreDamaged("store_fails_check", path=self.path, verdict=damage)
            yield connection if objects else None

    def create(self) -> None:
        """Create the file, for this account only, if there is none. Raises StoreError."""
        with self.explained():
            create_empty(self.path)

    def choose_journal(self, connection: sqlite3.Connection) -> None:
        """Use WAL if this SQLite version writes it safely, else keep the rollback journal."""
        if sqlite3.sqlite_version_info < FIRST_SAFE_WAL:
            return
        # If two processes switch at once, SQLite reports "locked" to one of them without waiting.
        give_up_at = time.monotonic() + self._busy_timeout_s
        while True:
            try:
                connection.execute("PRAGMA journal_mode = WAL")
                return
            except sqlite3.OperationalError as error:
                if not _is_busy(error) or time.monotonic() >= give_up_at:
                    raise
            time.sleep(0.01)

    @contextmanager
    def explained(self) -> Iterator[None]:
        """Turn SQLite's errors into ours."""
        try:
            yield
        except sqlite3.Error as error:
            raise _explain(error, self.path, self._busy_timeout_s) from error
        except OSError as error:
            raise StoreError(
                "file_unusable", path=self.path, reason=error.strerror or error
            ) from error

    def _reader_patience_s(self) -> float:
        # A page reads many times: after one wait in vain it must not wait the full time again.
        in_vain_at_s = self._read_in_vain_at_s
        if in_vain_at_s is None or time.monotonic() - in_vain_at_s > self._busy_timeout_s:
            return self._busy_timeout_s
        return min(self._busy_timeout_s, IMPATIENCE_S)

    @contextmanager
    def _turn(self) -> Iterator[None]:
        if not self._writer.acquire(timeout=WRITER_PATIENCE_S):
            raise StoreBusy("store_writing", seconds=WRITER_PATIENCE_S)
        try:
            yield
        finally:
            self._writer.release()

    def _roll_back_what_a_crash_left(self) -> None:
        """Let SQLite undo a commit that was cut off, which a read-only connection cannot do."""
        with closing(self.connect("ro")) as connection:
            try:
                connection.execute("SELECT 1 FROM sqlite_master").fetchone()
                return
            except sqlite3.OperationalError as error:
                if error.sqlite_errorname != "SQLITE_READONLY_ROLLBACK":
                    raise
        with self.path.open("rb") as file:
            header = file.read(100)
        if header[APPLICATION_ID_BYTES] != self._application_id.to_bytes(4, "big"):
            raise self._foreign()
        with closing(self.connect("rw")) as connection:
            connection.execute("SELECT 1 FROM sqlite_master").fetchone()

    def _foreign(self) -> StoreIncompatible:
        return StoreIncompatible("store_of_another_application", path=self.path)


def _is_busy(error: sqlite3.Error) -> bool:
    name = getattr(error, "sqlite_errorname", "") or ""
    return name.startswith(("SQLITE_BUSY", "SQLITE_LOCKED"))


def _explain(error: sqlite3.Error, path: Path, busy_timeout_s: float) -> StoreError:
    name = getattr(error, "sqlite_errorname", "") or ""
    if _is_busy(error):
        return StoreBusy("store_busy", seconds=busy_timeout_s)
    if name.startswith("SQLITE_FULL"):
        return StoreFull("disk_full")
    # Without a name the error is Python's: a text is not UTF-8.
    is_no_text = not name and isinstance(error, sqlite3.OperationalError)
    if name.startswith(("SQLITE_NOTADB", "SQLITE_CORRUPT")) or is_no_text:
        return StoreDamaged("store_not_sound", path=path)
    if name.startswith(("SQLITE_READONLY", "SQLITE_CANTOPEN", "SQLITE_IOERR")):
        kind = StoreReadOnly if name.startswith("SQLITE_READONLY") else StoreError
        return kind("store_not_accessible", path=path, reason=error)
    return StoreError("store_failed", reason=error)
