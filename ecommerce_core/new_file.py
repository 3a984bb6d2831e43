"""A file that appears under its name whole and on the disk, or not at all."""

from __future__ import annotations

import os
import secrets
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

PARTIAL = ".partial-"
# What SQLite may leave beside a database.
BESIDE = ("-journal", "-wal", "-shm")


@contextmanager
def partial_file(target: Path) -> Iterator[Path]:
    """An empty file of ours alone in ``target``'s folder, gone at the end unless it was moved.

    Raises OSError where the folder takes no file.
    """
    path = target.with_name(f".{target.name}{PARTIAL}{secrets.token_hex(4)}")
    # It is to hold customers: nobody else reads it, whatever the umask says.
    os.close(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600))
    try:
        yield path
    finally:
        for suffix in ("", *BESIDE):
            with suppress(OSError):
                path.with_name(path.name + suffix).unlink()


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


def _rename_to_new(path: Path, target: Path) -> None:
    try:
        target.hardlink_to(path)  # unlike a rename, it refuses to replace
    except FileExistsError:
        raise
    except OSError:
        if target.exists():
            raise FileExistsError(str(target)) from None
        path.rename(target)
