"""The store of record in a SQLite file, which is opened, checked and migrated here."""

from __future__ import annotations

import os
import sqlite3
from collections.abc import Callable, Iterator, Sequence
from contextlib import closing, contextmanager
from pathlib import Path

from filelock import FileLock, Timeout

from ecommerce_core.domain import StoreBusy, StoreDamaged, StoreError, StoreIncompatible
from ecommerce_core.storage.atomic_file import partial_file
from ecommerce_core.storage.private_files import (
    FILE_MODE,
    create_empty,
    make_folder,
    make_private,
    real_path,
)
from ecommerce_core.storage.record import Database, Engine, Lock, Reading
from ecommerce_core.storage.sqlite import schema
from ecommerce_core.storage.sqlite.checks import DamageWatch, find_unreadable
from ecommerce_core.storage.sqlite.database import SqliteDatabase
from ecommerce_core.storage.sqlite.file import BUSY_TIMEOUT_S, SqliteFile
from ecommerce_core.storage.sqlite.migrations import (
    check_shape,
    is_pending,
    migrate,
    select_installation,
)

LOCK_POLL_S = 0.05


class SqliteEngine(Engine):
    """A database file; it is safe for all threads."""

    def __init__(
        self,
        path: Path,
        *,
        busy_timeout_s: float = BUSY_TIMEOUT_S,
        more: Sequence[schema.Migration] = (),
    ) -> None:
        self.more_migrations = more
        # Links lead to one file, which has one set of locks.
        self.path = real_path(path)
        self._damage_watch = DamageWatch(self.path)
        self._file = SqliteFile(
            self.path, application_id=schema.APPLICATION_ID, busy_timeout_s=busy_timeout_s
        )

    @property
    def name(self) -> str:
        """The file's path."""
        return str(self.path)

    def open(self, *, create: bool) -> None:
        """Create the file and its folder if they do not exist, check and migrate it.

        Only this account can use the file from then on (see ``private_files``). Raises
        StoreDamaged, StoreIncompatible (the file is left as it is; without ``create``, also if
        there is no file), StoreBusy, StoreFull, StoreError.
        """
        with self._file.explained():
            make_folder(self.path.parent)
            with self._file.checked(self._check_shape, whole=False) as connection:
                if connection is None and not create:
                    raise self._empty()
            make_private(self.path.parent, database=self.path.name)
            self._migrate()

    def check_file(self) -> None:
        """Read all of the file. The values of one that is not migrated yet are not read.

        Raises StoreDamaged or StoreIncompatible unless it is a sound one of ours, and
        StoreIncompatible if it was written by a newer version or holds nothing at all.
        """
        with (
            self._file.explained(),
            self._file.checked(self._check_shape, whole=True) as connection,
        ):
            if connection is None:
                raise self._empty()
            if is_pending(connection, self.more_migrations):
                return
            unreadable = find_unreadable(connection)
            if unreadable is not None:
                raise StoreDamaged("store_unreadable_values", path=self.path, verdict=unreadable)

    def check_file_in_use(self) -> None:
        """Do the same as ``check_file`` for a database in use; no writer waits for long.

        A copy beside it is read, and then removed. Raises StoreFull, too.
        """
        with self._file.explained():
            with self._file.checked(self._check_shape, whole=False) as connection:
                if connection is None:
                    raise self._empty()
            with partial_file(self.path) as copy:
                self._file.copy_pages_into(copy)
                try:
                    SqliteEngine(copy, more=self.more_migrations).check_file()
                except StoreError as error:
                    details = {**error.details, "path": self.path}
                    raise type(error)(error.code, **details) from error

    @contextmanager
    def reading(self) -> Iterator[SqliteDatabase]:
        """A connection for one read, on one consistent view. Raises StoreError."""
        with self._learning(), self._file.reading() as connection:
            yield SqliteDatabase(connection)

    @contextmanager
    def writing(
        self, *, is_stored: Callable[[Database], bool] | None = None
    ) -> Iterator[SqliteDatabase]:
        """Open an IMMEDIATE transaction; it is rolled back if the block raises. Raises StoreError.

        ``is_stored`` is never called: no answer to a commit is lost here.
        """
        with self._learning(), self._file.writing() as connection:
            yield SqliteDatabase(connection)

    @contextmanager
    def reading_long(self) -> Iterator[Reading]:
        """Allow many short reads: a long one would keep writers from committing."""
        yield self.reading

    def lock(self, name: str) -> Lock:
        """Return the lock of that name: of a file beside the database."""
        return FileLockBeside(lock_path(self.path, name))

    def notify(self, message: str) -> None:
        """Do nothing: other processes poll the file."""

    def listen(self, hear: Callable[[str | None], None]) -> None:
        """Do nothing: other processes send no messages; the file is polled."""

    def check_writable(self) -> None:
        """Raise StoreError where the database cannot be written to just now."""
        self._file.check_writable()

    def check_sound(self) -> None:
        """Raise StoreError if the database cannot be read or is known to be damaged.

        Cheap unless damage was found since the last good check: then all of it is checked.
        """
        try:
            with self._file.reading() as connection:
                self._damage_watch.check(connection)
        except StoreBusy:
            return  # a commit of ours holds it, which says nothing about damage

    def copy_into(self, path: Path, *, gives_up: Callable[[], bool] = lambda: False) -> None:
        """Write a compact, consistent copy into ``path``, an empty file. Raises StoreError."""
        with self._learning():
            self._file.copy_into(path, gives_up=gives_up)

    def close(self) -> None:
        """Do nothing: no connection stays open between two operations."""

    def installation(self) -> str | None:
        """Return the identity of this database and its backups among other installations."""
        with self.reading() as db:
            return select_installation(db.conn)

    @contextmanager
    def _learning(self) -> Iterator[None]:
        try:
            yield
        except StoreDamaged:
            self._damage_watch.doubt()
            raise

    def _empty(self) -> StoreIncompatible:
        return StoreIncompatible("store_without_data", path=self.path)

    def _check_shape(self, connection: sqlite3.Connection) -> None:
        check_shape(connection, path=self.path, more=self.more_migrations)

    def _migrate(self) -> None:
        self._file.create()
        with closing(self._file.connect()) as connection:
            self._file.choose_journal(connection)
            if not is_pending(connection, self.more_migrations):
                return
        # A second process may migrate at the same moment, so ``migrate`` looks again for pending
        # ones.
        with self._file.writing(spills=True) as connection:
            migrate(connection, self.more_migrations)


class FileLockBeside(Lock):
    """The lock of a file beside the database, for any thread that holds it."""

    def __init__(self, path: Path) -> None:
        self._path = path
        # A new lock for each use, since two threads of one process must exclude each other, too.
        self._lock = FileLock(path, mode=FILE_MODE, poll_interval=LOCK_POLL_S, thread_local=False)

    def acquire(self, *, timeout_s: float) -> bool:
        """Return True once it is held, False if others hold it all along. Raises StoreError."""
        try:
            create_empty(self._path)
            self._lock.acquire(timeout=timeout_s)
        except Timeout:
            return False
        except OSError as error:
            raise StoreError(
                "file_unusable", path=self._path, reason=error.strerror or error
            ) from error
        return True

    def join(self) -> None:
        """Every thread writes on a connection of its own."""

    def release(self) -> None:
        """Release it."""
        self._lock.release()

    @property
    def is_held(self) -> bool:
        """Return True if it is held here."""
        return self._lock.is_locked

    @property
    def is_usable(self) -> bool:
        """Return True if the lock's file can be opened or created; it is opened anew each time."""
        try:
            os.close(os.open(self._path, os.O_RDWR | os.O_NONBLOCK))
        except FileNotFoundError:
            return True  # the store's own check has shown that files can be created in the folder
        except OSError:
            return False
        return True


def lock_path(database: Path, name: str) -> Path:
    """Return the file of a lock, beside the real file of the database."""
    real = real_path(database)
    return real.with_name(f"{real.name}.{name}.lock")
