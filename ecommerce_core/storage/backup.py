"""Backups: written while the application works, checked, and on a schedule."""

from __future__ import annotations

import logging
import os
import stat
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from pathlib import Path

from filelock import FileLock, Timeout

from ecommerce_core.domain import Fact, StoreError, StoreFull, StoreIncompatible, said
from ecommerce_core.storage.atomic_file import partial_file, put_in_place, sweep_partials
from ecommerce_core.storage.backup_files import backup_path, list_backups, lock_path
from ecommerce_core.storage.private_files import FILE_MODE, make_folder, make_private
from ecommerce_core.storage.store import Store

logger = logging.getLogger(__name__)

# After a failure: by then there may be space again.
RETRY_S = 300.0


@dataclass(frozen=True, slots=True)
class Backup:
    """A backup on the disk."""

    path: Path
    bytes: int
    seconds: float


@dataclass(frozen=True, slots=True)
class BackupState:
    """The state of the schedule. ``error`` is why the last try failed, or None if it did not."""

    is_on: bool
    last_at: datetime | None = None
    next_at: datetime | None = None
    error: Fact | None = None


def write_backup(
    store: Store,
    target: Path,
    *,
    replace_existing: bool = False,
    gives_up: Callable[[], bool] = lambda: False,
) -> Backup:
    """Copy the store into ``target``, consistent as of one moment, checked, flushed to the disk.

    Writers wait for the copy, readers do not. A failure leaves nothing behind, and an existing file
    unchanged; only a regular file is ever replaced. Files that killed backups left in that folder
    are deleted. Raises StoreFull, StoreError.
    """
    began_s = time.monotonic()
    own = store.path.name
    if target.parent.resolve() == store.path.parent.resolve() and (
        target.name.startswith(f"{own}-") or target.suffix == ".lock"
    ):
        raise StoreError("backup_beside_database", path=target)
    if os.path.lexists(target):
        if target.exists() and target.samefile(store.path):
            raise StoreError("backup_is_database", path=target)
        if not replace_existing:
            raise StoreError("backup_there_already", path=target)
        if not stat.S_ISREG(target.lstat().st_mode):
            raise StoreError("backup_no_regular_file", path=target)
    sweep_partials(target.parent)
    try:
        with partial_file(target) as path:
            store.copy_into(path, gives_up=gives_up)
            Store.check(path, more_migrations=store.more_migrations)
            size = path.stat().st_size
            put_in_place(path, target, replace=replace_existing)
    except StoreFull as error:
        raise StoreFull("backup_without_room", folder=target.parent) from error
    except FileExistsError as error:
        raise StoreError("backup_there_already", path=target) from error
    except OSError as error:
        raise StoreError(
            "backup_not_written", path=target, reason=error.strerror or error
        ) from error
    return Backup(target, size, time.monotonic() - began_s)


class BackupSchedule:
    """Backs the store up into a folder at an interval, and keeps the newest few.

    The time of the newest file determines when the next backup is due, so a restart neither skips
    nor doubles one. Only backups of this very installation count, and only they are ever deleted.
    Without a ``folder`` it does nothing.
    """

    def __init__(
        self,
        store: Store,
        folder: Path | None,
        *,
        every: timedelta,
        keep: int,
        retry_s: float = RETRY_S,
    ) -> None:
        self._store = store
        self._folder = folder
        self._every = every
        self._keep = keep
        self._retry_s = min(retry_s, every.total_seconds())
        self._stopping = threading.Event()
        self._thread: threading.Thread | None = None
        self._state = BackupState(is_on=folder is not None)

    @property
    def state(self) -> BackupState:
        """The present state of the schedule."""
        return self._state

    def start(self) -> None:
        """Start the thread, if there is a folder."""
        if self._folder is None or self._thread is not None:
            return
        self._stopping.clear()
        self._thread = threading.Thread(
            target=self._loop, args=(self._folder,), name="backups", daemon=True
        )
        self._thread.start()

    def stop(self, *, timeout_s: float = 5.0) -> None:
        """End the thread; cancel a backup under way, which leaves nothing behind."""
        self._stopping.set()
        if self._thread is not None:
            self._thread.join(timeout_s)
            self._thread = None

    def _loop(self, folder: Path) -> None:
        while not self._stopping.is_set():
            pause_s = self._look(folder)
            self._stopping.wait(pause_s)

    def _look(self, folder: Path) -> float:
        """Back up if it is due, and return the seconds until the next check."""
        installation = None
        try:
            make_folder(folder)
            sweep_partials(folder)
            make_private(folder, database=self._store.path.name)
            installation = self._store.installation()
            if installation is None:
                raise StoreIncompatible("store_without_data", path=self._store.path)
            lock = lock_path(folder, installation=installation)
            with FileLock(lock, timeout=0, mode=FILE_MODE):
                if self._note(folder, installation) <= 0:
                    self._back_up(folder, installation)
            waits_s = self._note(folder, installation)
            self._state = replace(self._state, error=None)
        except Timeout:
            return self._retry_s  # another process makes one
        except (OSError, StoreError) as error:
            if self._stopping.is_set():
                return 0.0
            reason = said(error.strerror or error) if isinstance(error, OSError) else error.fact
            if self._state.error is None:
                logger.error("no backup could be made: %s", reason)
            if installation is not None:
                self._note(folder, installation)
            self._state = replace(self._state, error=reason)
            return self._retry_s
        # The wall clock may be set meanwhile.
        return min(max(waits_s, 0.1), 3600.0)

    def _note(self, folder: Path, installation: str) -> float:
        """Update the state, and return the seconds until the next backup is due."""
        now = datetime.now(UTC)
        # A file from the future was written while the clock was wrong.
        backups = list_backups(folder, installation=installation)
        times = [at for at, _ in backups if at <= now]
        last_at = times[-1] if times else None
        next_at = now if last_at is None else last_at + self._every
        self._state = replace(self._state, last_at=last_at, next_at=next_at)
        return (next_at - now).total_seconds()

    def _back_up(self, folder: Path, installation: str) -> None:
        target = backup_path(folder, datetime.now(UTC), installation=installation)
        backup = write_backup(self._store, target, gives_up=self._stopping.is_set)
        now = datetime.now(UTC)
        # A file from the future was written while the clock was wrong: it does not count.
        backups = list_backups(folder, installation=installation)
        past = [path for at, path in backups if at <= now and path != target]
        for path in past[: max(0, len(past) + 1 - self._keep)]:
            path.unlink(missing_ok=True)
        logger.info(
            "backed up into %s in %.2f s",
            backup.path.name,
            backup.seconds,
            extra={"fields": {"event": "backup", "bytes": backup.bytes, "seconds": backup.seconds}},
        )
