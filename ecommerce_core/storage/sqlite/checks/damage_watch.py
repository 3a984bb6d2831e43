"""Watch whether a database file is sound, without reading all of a big one each time.

A whole check of a big file takes seconds, so it is only made if there is a reason: a read or a
write that found damage. Until then a small file is checked whole, and of a big one the beginning of
each table is read.
"""

from __future__ import annotations

import sqlite3
import time
from pathlib import Path

from ecommerce_core.domain import StoreDamaged

# A check of this size takes about 20 ms.
SMALL_BYTES = 16 * 2**20
_ROWS_READ = 50
# A big file that was found damaged is checked whole again after this time.
_PATIENCE_S = 60.0


class DamageWatch:
    """What is known about one file. Any thread may use it."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._is_doubted = False
        self._found_damaged_at_s: float | None = None

    def doubt(self) -> None:
        """Record that a read or a write found damage: the next check reads all of the file."""
        self._is_doubted = True

    def check(self, connection: sqlite3.Connection) -> None:
        """Raise StoreDamaged if the file is damaged, as far as this reads it. May take seconds."""
        is_small = self._path.stat().st_size <= SMALL_BYTES
        if not self._is_doubted and not is_small:
            _read_beginnings(connection)
            return
        found_at_s = self._found_damaged_at_s
        if not is_small and found_at_s is not None and time.monotonic() - found_at_s < _PATIENCE_S:
            raise self._damaged()
        self._is_doubted, self._found_damaged_at_s = True, time.monotonic()
        (verdict,) = connection.execute("PRAGMA quick_check(1)").fetchone()
        if verdict != "ok":
            raise self._damaged()
        self._is_doubted, self._found_damaged_at_s = False, None

    def _damaged(self) -> StoreDamaged:
        return StoreDamaged("store_not_sound", path=self._path)


def _read_beginnings(connection: sqlite3.Connection) -> None:
    tables = connection.execute("SELECT name FROM sqlite_master WHERE type = 'table'").fetchall()
    for (table,) in tables:
        quoted = table.replace('"', '""')
        connection.execute(f'SELECT * FROM "{quoted}" LIMIT {_ROWS_READ}').fetchall()  # noqa: S608
