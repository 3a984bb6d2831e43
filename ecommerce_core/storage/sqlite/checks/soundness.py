"""Check a SQLite file before it is used: SQLite's own check, and the journal beside it."""

from __future__ import annotations

import os
import sqlite3
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from ecommerce_core.domain import StoreDamaged

# The longest time for the check at a start; a whole check reads all of the file.
START_CHECK_S = 0.8
# The end of a rollback journal that names the journal of a transaction over several files.
_JOURNAL_MAGIC = b"\xd9\xd5\x05\xf9\x20\xa1\x63\xd7"


def find_damage(connection: sqlite3.Connection, *, whole: bool) -> str | None:
    """Return the damage that SQLite finds, or None.

    ``whole``: read everything, indexes and references too. Otherwise check for less than a second,
    which covers all of the file only if that is enough.
    """
    if whole:
        (verdict,) = connection.execute("PRAGMA integrity_check(1)").fetchone()
        if verdict == "ok":
            broken = connection.execute("PRAGMA foreign_key_check").fetchone()
            verdict = "ok" if broken is None else f"{broken[0]} refers to a row that is not there"
        return None if verdict == "ok" else str(verdict)
    try:
        with _interrupted_after(connection, START_CHECK_S):
            (verdict,) = connection.execute("PRAGMA quick_check(1)").fetchone()
    except sqlite3.OperationalError as error:
        if error.sqlite_errorname != "SQLITE_INTERRUPT":
            raise
        return None
    return None if verdict == "ok" else str(verdict)


def refuse_planted_journal(database: Path) -> None:
    """Raise StoreDamaged if the journal beside the file names another file.

    SQLite deletes that file when it has rolled the journal back. Our transactions are over one
    file, and their journals name none. Raises OSError.
    """
    journal = database.with_name(f"{database.name}-journal")
    try:
        with journal.open("rb") as file:
            file.seek(max(0, os.fstat(file.fileno()).st_size - len(_JOURNAL_MAGIC)))
            ends_as_ours = file.read() != _JOURNAL_MAGIC
    except FileNotFoundError:
        return
    if not ends_as_ours:
        raise StoreDamaged("store_names_another_file", path=journal)


@contextmanager
def _interrupted_after(connection: sqlite3.Connection, seconds: float) -> Iterator[None]:
    timer = threading.Timer(seconds, connection.interrupt)
    timer.start()
    try:
        yield
    finally:
        timer.cancel()
        timer.join()  # the connection must stay open until then
