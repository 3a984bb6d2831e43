"""A file that appears under its name whole and on the disk, or not at all."""

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

# What SQLite may leave beside a database.
BESIDE = ("-journal", "-wal", "-shm")
_PARTIAL = re.compile(r"(\..+\.partial-[0-9a-f]{8})(?:-journal|-wal|-shm)?")


@contextmanager
def partial_file(target: Path) -> Iterator[Path]:
    """An empty file of ours alone in ``target``'s folder, gone at the end unless it was moved.

    It is locked meanwhile, so that ``sweep_partials`` knows that somebody writes to it.
    Raises OSError if the folder takes no file.
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
    """True if ``name`` is that of a partial file, or of what SQLite left beside one."""
    return _PARTIAL.fullmatch(name) is not None


def sweep_partials(folder: Path) -> list[str]:
    """Delete the partial files of processes that were killed; the names of what is gone.

    Only this account's, and none that a living process still writes to.
    """
    gone: list[str] = []
    with suppress(OSError):
        found = {match[1] for path in folder.iterdir() if (match := _PARTIAL.fullmatch(path.name))}
        for name in sorted(found):
            gone += _sweep(folder / name)
    return gone


def put_in_place(path: Path, target: Path, *, replace: bool) -> None:
    """Rename a written file to ``target`` in the same folder, and have the disk know it.

    Raises FileExistsError where ``target`` is there and must not be replaced, OSError.
    """
    with path.open("rb") as file:
        os.fsync(file.fileno())
    if replace:
        path.replace(target)
    else:
        _rename_to_new(path, target)
    sync_folder(target.parent)


def keep_as(path: Path, kept: Path) -> None:
    """Give a file a second name; where the disk has no such thing, another name instead."""
    try:
        kept.hardlink_to(path)
    except FileExistsError:
        raise
    except OSError:
        path.rename(kept)


def sync_folder(folder: Path) -> None:
    """Have the disk know the names in ``folder``, where the system can say so."""
    with suppress(OSError):
        descriptor = os.open(folder, os.O_RDONLY)
        try:
            os.fsync(descriptor)
        finally:
            os.close(descriptor)


def _create(target: Path) -> tuple[Path, int]:
    while True:
        path = target.with_name(f".{target.name}.partial-{secrets.token_hex(4)}")
        # It is to hold customers: nobody else reads it, whatever the umask says.
        descriptor = os.open(path, os.O_RDWR | os.O_CREAT | os.O_EXCL, 0o600)
        if sys.platform == "win32":
            return path, descriptor
        with suppress(OSError):  # not every file system has modes
            os.fchmod(descriptor, 0o600)
        # A sweep may have taken it for abandoned before it was locked.
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
        pass  # what lies beside it is left
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
    """Lock an open file; False if another holds it, ``or_unknown`` where nothing can be locked."""
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
