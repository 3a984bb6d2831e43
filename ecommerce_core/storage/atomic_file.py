"""Write a file that appears under its name complete and on the disk, or not at all."""

from __future__ import annotations

import os
import re
import secrets
import stat
import sys
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

if sys.platform != "win32":
    import fcntl

# Suffixes of the files that SQLite may leave beside a database.
BESIDE = ("-journal", "-wal", "-shm")
_PARTIAL = re.compile(r"(\..+\.partial-[0-9a-f]{8})(?:-journal|-wal|-shm)?")


@contextmanager
def partial_file(target: Path) -> Iterator[Path]:
    """Yield an empty private file in ``target``'s folder; delete it at the end unless it was moved.

    It is locked meanwhile, so that ``sweep_partials`` knows that it is in use. Raises OSError if no
    file can be created in the folder.
    """
    path, descriptor = _create(target)
    try:
        yield path
    finally:
        for suffix in ("", *BESIDE):
            with suppress(OSError):
                path.with_name(path.name + suffix).unlink()
        os.close(descriptor)


def is_partial(name: str) -> bool:
    """Return True for the name of a partial file, or of a file that SQLite left beside one."""
    return _PARTIAL.fullmatch(name) is not None


def sweep_partials(folder: Path) -> list[str]:
    """Delete the partial files of killed processes, and return the names of the deleted files.

    Only this account's, and none that a living process still writes to.
    """
    gone: list[str] = []
    with suppress(OSError):
        found = {match[1] for path in folder.iterdir() if (match := _PARTIAL.fullmatch(path.name))}
        for name in sorted(found):
            gone += _sweep(folder / name)
    return gone


def put_in_place(path: Path, target: Path, *, replace: bool) -> None:
    """Rename a written file to ``target`` in the same folder, and flush it to the disk.

    Raises FileExistsError if ``target`` exists and must not be replaced, OSError.
    """
    with path.open("rb") as file:
        os.fsync(file.fileno())
    if replace:
        path.replace(target)
    else:
        _rename_to_new(path, target)
    sync_folder(target.parent)


def keep_as(path: Path, kept: Path) -> None:
    """Give a file a second name, or rename it if the file system has no hard links."""
    try:
        kept.hardlink_to(path)
    except FileExistsError:
        raise
    except OSError:
        path.rename(kept)


def sync_folder(folder: Path) -> None:
    """Flush the names in ``folder`` to the disk, if the system supports it."""
    with suppress(OSError):
        descriptor = os.open(folder, os.O_RDONLY)
        try:
            os.fsync(descriptor)
        finally:
            os.close(descriptor)


def _create(target: Path) -> tuple[Path, int]:
    while True:
        path = target.with_name(f".{target.name}.partial-{secrets.token_hex(4)}")
        # It will hold customers: nobody else may read it, whatever the umask.
        descriptor = os.open(path, os.O_RDWR | os.O_CREAT | os.O_EXCL, 0o600)
        if sys.platform == "win32":
            return path, descriptor
        with suppress(OSError):  # not every file system has modes
            os.fchmod(descriptor, 0o600)
        # A sweep may have deleted it as abandoned before it was locked.
        if _is_locked_now(descriptor) and os.fstat(descriptor).st_nlink:
            return path, descriptor
        os.close(descriptor)


def _sweep(path: Path) -> list[str]:
    if sys.platform == "win32":
        return []
    descriptor: int | None = None
    try:
        descriptor = os.open(path, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK)
    except FileNotFoundError:
        pass  # only the files beside it are left
    except OSError:
        return []
    try:
        if descriptor is not None and not _is_locked_now(descriptor, or_unknown=False):
            return []
        gone = []
        for suffix in ("", *BESIDE):
            one = path.with_name(path.name + suffix)
            with suppress(OSError):
                found = one.lstat()
                if stat.S_ISREG(found.st_mode) and found.st_uid == os.geteuid():
                    one.unlink()
                    gone.append(one.name)
        return gone
    finally:
        if descriptor is not None:
            os.close(descriptor)


def _is_locked_now(descriptor: int, *, or_unknown: bool = True) -> bool:
    """Lock an open file; return False if another holds it, ``or_unknown`` if not lockable."""
    if sys.platform == "win32":
        return or_unknown
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    except OSError:
        return or_unknown
    return True


def _rename_to_new(path: Path, target: Path) -> None:
    try:
        target.hardlink_to(path)  # unlike a rename, it refuses to replace
    except FileExistsError:
        raise
    except OSError:
        if os.path.lexists(target):
            raise FileExistsError(str(target)) from None
        path.rename(target)
