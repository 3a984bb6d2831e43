"""Shared/exclusive lock file: many processes may open the database, one may replace it.

The file is beside the real database, whatever link the database was named by.

A database must not be replaced while a process has it open: a writer's journal would be taken for
the new file's own, and rolled back into it.
"""

from __future__ import annotations

import errno
import os
import sys
import time
import weakref
from contextlib import suppress
from pathlib import Path

from ecommerce_core.domain import StoreBusy, StoreError
from ecommerce_core.storage.private_files import (
    FILE_MODE,
    create_empty,
    make_folder,
    real_path,
)

if sys.platform != "win32":
    import fcntl

PATIENCE_S = 5.0
_POLL_S = 0.05
_TAKES_NO_FILE = {errno.EROFS, errno.EACCES, errno.EPERM}


class DatabaseLock:
    """A lock on a database, until it is released or the process ends, however it ends."""

    def __init__(self, descriptor: int | None) -> None:
        self._close = weakref.finalize(self, _close, descriptor)

    @classmethod
    def announce(cls, database: Path, *, timeout_s: float = PATIENCE_S) -> DatabaseLock:
        """Share ``database`` with other processes.

        Raises StoreBusy while another process replaces it, StoreError if the lock cannot be used.
        """
        path = _lock_path(database)
        try:
            make_folder(path.parent)
            descriptor = _lock(database, shared=True, timeout_s=timeout_s)
        except OSError as error:
            is_there = os.path.lexists(path)
            if error.errno in _TAKES_NO_FILE and not is_there:
                # If no lock file can be created, no process can replace the database either.
                return cls(None)
            raise StoreError(
                "file_unusable", path=path if is_there else database, reason=error.strerror or error
            ) from error
        if descriptor is None:
            raise StoreBusy("store_being_restored", path=database)
        return cls(descriptor)

    @classmethod
    def alone(cls, database: Path, *, timeout_s: float = 0.5) -> DatabaseLock:
        """Hold ``database`` exclusively. Raises StoreBusy, OSError."""
        descriptor = _lock(database, shared=False, timeout_s=timeout_s)
        if descriptor is None:
            raise in_use(database)
        return cls(descriptor)

    def let_go(self) -> None:
        """Release the lock; further calls do nothing."""
        self._close()


def in_use(database: Path) -> StoreBusy:
    """Return the error for replacing ``database`` while others use it."""
    return StoreBusy("store_in_use", path=database)


def _lock_path(database: Path) -> Path:
    # All processes must use the same lock, whatever link leads to the file.
    real = real_path(database)
    return real.with_name(f"{real.name}.in-use.lock")


def _lock(database: Path, *, shared: bool, timeout_s: float) -> int | None:
    """Return an open, locked file, or None if others held it all along. Raises OSError."""
    path = _lock_path(database)
    create_empty(path)
    if sys.platform == "win32":
        return os.open(path, os.O_RDONLY)
    descriptor = os.open(path, os.O_RDONLY | os.O_NOFOLLOW)
    with suppress(OSError):  # not our file, or a file system without modes
        os.fchmod(descriptor, FILE_MODE)  # others could block us with a looser mode
    ends_at = time.monotonic() + timeout_s
    while True:
        try:
            fcntl.flock(descriptor, (fcntl.LOCK_SH if shared else fcntl.LOCK_EX) | fcntl.LOCK_NB)
        except BlockingIOError:
            if time.monotonic() >= ends_at:
                os.close(descriptor)
                return None
            time.sleep(_POLL_S)
        except OSError:
            os.close(descriptor)
            raise
        else:
            return descriptor


def _close(descriptor: int | None) -> None:
    if descriptor is not None:
        os.close(descriptor)
