"""A fake engine: a database in memory, and locks of one process. What a test keeps, it forgets."""

from __future__ import annotations

import sqlite3
import threading
from collections import defaultdict
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

from ecommerce_core.domain import StoreError
from ecommerce_core.storage.record import Database, Engine, Lock, Reading
from ecommerce_core.storage.sqlite.database import SqliteDatabase
from ecommerce_core.storage.sqlite.migrations import migrate


class FakeEngine(Engine):
    """One connection, which threads take in turn."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self._turn = threading.RLock()
        self._locks: dict[str, threading.Lock] = defaultdict(threading.Lock)
        self._connection = sqlite3.connect(
            ":memory:", isolation_level=None, check_same_thread=False
        )
        migrate(self._connection)

    @property
    def name(self) -> str:
        return ":memory:"

    @contextmanager
    def reading(self) -> Iterator[SqliteDatabase]:
        with self._turn, self._explained():
            yield SqliteDatabase(self._connection)

    @contextmanager
    def writing(
        self, *, is_stored: Callable[[Database], bool] | None = None
    ) -> Iterator[SqliteDatabase]:
        with self._turn, self._explained():
            self._connection.execute("BEGIN")
            try:
                yield SqliteDatabase(self._connection)
            except BaseException:
                self._connection.execute("ROLLBACK")
                raise
            self._connection.execute("COMMIT")

    @contextmanager
    def reading_long(self) -> Iterator[Reading]:
        yield self.reading

    def lock(self, name: str) -> Lock:
        return _FakeLock(self._locks[name])

    def notify(self, message: str) -> None:
        """Nobody listens."""

    def listen(self, hear: Callable[[str | None], None]) -> None:
        """Nobody tells anything."""

    def check_writable(self) -> None:
        """It always is."""

    def check_sound(self) -> None:
        """It always is."""

    def copy_into(self, path: Path, *, gives_up: Callable[[], bool] = lambda: False) -> None:
        with self._turn:
            self._connection.execute("VACUUM INTO ?", [str(path)])

    def installation(self) -> None:
        """It keeps no backups."""

    def close(self) -> None:
        """Others may have it open, too."""

    @contextmanager
    def _explained(self) -> Iterator[None]:
        try:
            yield
        except sqlite3.Error as error:
            raise StoreError("store_failed", reason=error) from error


class _FakeLock(Lock):
    def __init__(self, lock: threading.Lock) -> None:
        self._lock = lock
        self._is_held = False

    def acquire(self, *, timeout_s: float) -> bool:
        self._is_held = self._lock.acquire(timeout=timeout_s)
        return self._is_held

    def join(self) -> None:
        """Every thread writes in turn."""

    def release(self) -> None:
        if self._is_held:
            self._is_held = False
            self._lock.release()

    @property
    def is_held(self) -> bool:
        return self._is_held

    @property
    def is_usable(self) -> bool:
        return True
