"""The files of a database: their real paths, and their protection from other accounts.

Files are 0600: the database, what SQLite leaves beside it, locks, backups, partial files. A folder
is 0700 if it is ours: one that we create, the default ``data/``, or one of this account that
contains only these files. Any other folder (``/tmp``, a home, one with other things in it) is used
as it is. Looser modes are corrected when the database is opened, unless the file belongs to another
account.
"""

from __future__ import annotations

import logging
import os
import re
import stat
import sys
import threading
from contextlib import suppress
from pathlib import Path

from ecommerce_core.domain import StoreError
from ecommerce_core.settings import PROJECT_ROOT
from ecommerce_core.storage.atomic_file import is_partial

logger = logging.getLogger(__name__)

FILE_MODE, FOLDER_MODE = 0o600, 0o700
# The installation follows the time, except in older names.
BACKUP_NAME = re.compile(r"ecommerce-(\d{8}T\d{6}Z)(?:-[0-9a-f]{8})?\.db")
SNAPSHOTS = ".snapshots"
_OTHERS = 0o077
_creating = threading.Lock()


def real_path(database: Path) -> Path:
    """Return the database's real path, without links: locks are named after it."""
    return Path(os.path.realpath(database))


def kept_name(database: Path, stamp: str) -> Path:
    """Return the path where a restore at ``stamp`` keeps the database that it replaces."""
    return database.with_name(f"{database.name}.before-restore-{stamp}")


def snapshots_folder(database: Path) -> Path:
    """Return the folder of the snapshots of ``database``, beside its real file."""
    real = real_path(database)
    return real.with_name(f"{real.name}{SNAPSHOTS}")


def is_ours(name: str, *, database: str) -> bool:
    """Return True if a file of this name belongs to the database ``database`` or is a backup."""
    if name.startswith(database):
        rest = name[len(database) :]
        return rest in {"", "-journal", "-wal", "-shm", SNAPSHOTS} or (
            rest.startswith(".") and (rest.endswith(".lock") or ".before-restore-" in rest)
        )
    is_lock = name.startswith(".backups") and name.endswith(".lock")
    return is_lock or is_partial(name) or BACKUP_NAME.fullmatch(name) is not None


def make_folder(folder: Path) -> None:
    """Create a folder with its missing parents, for this account only. Raises OSError."""
    missing = [one for one in (folder, *folder.parents) if not os.path.lexists(one)]
    for one in reversed(missing):
        with suppress(FileExistsError):
            one.mkdir(mode=FOLDER_MODE)
            with suppress(OSError):  # not every file system has modes
                one.chmod(FOLDER_MODE)  # a umask may have removed too many bits
            hand_over(one, like=one.parent)
    folder.mkdir(exist_ok=True)  # raises if something else is there


def create_empty(path: Path) -> None:
    """Create an empty private file if there is none. Raises OSError."""
    # Closing a file releases all locks that the process has on it, so it must be closed before
    # another thread opens the database.
    with _creating, suppress(FileExistsError):
        descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, FILE_MODE)
        try:
            with suppress(OSError):  # not every file system has modes
                os.chmod(path, FILE_MODE)  # a umask may have removed too many bits
        finally:
            os.close(descriptor)
        hand_over(path, like=path.parent)


def hand_over(path: Path, *, like: Path) -> None:
    """Give a file that root has created to the owner of ``like``, as SQLite does with journals.

    The service runs as that account, and could not use it otherwise. Does nothing unless the
    account is root.
    """
    if sys.platform == "win32" or os.geteuid() != 0:
        return
    with suppress(OSError):
        owner = like.stat()
        descriptor = os.open(path, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK)
        try:
            found = os.fstat(descriptor)
            # The folder's owner may have replaced it by a hard link to another file of root's.
            is_new = stat.S_ISDIR(found.st_mode) or found.st_nlink == 1
            if found.st_uid == 0 and is_new:
                os.fchown(descriptor, owner.st_uid, owner.st_gid)
        finally:
            os.close(descriptor)


def list_loose(folder: Path, *, database: str) -> list[Path]:
    """List files of ours in ``folder``, and the folder if it is ours, that others may use."""
    found: list[Path] = []
    with suppress(OSError):
        names = sorted(os.listdir(folder))
        for path in (folder / name for name in names if is_ours(name, database=database)):
            with suppress(OSError):
                mode = path.lstat().st_mode
                is_plain = stat.S_ISREG(mode) or (path.suffix == SNAPSHOTS and stat.S_ISDIR(mode))
                if is_plain and mode & _OTHERS:
                    found.append(path)
        if folder.stat().st_mode & _OTHERS and _is_folder_ours(folder, names, database):
            found.append(folder)
    return found


def make_private(folder: Path, *, database: str) -> None:
    """Correct the modes of files that others may use, and log them in one line."""
    changed = []
    for path in list_loose(folder, database=database):
        with suppress(OSError):
            mode = path.stat().st_mode
            # Not through an open file: closing it would release SQLite's locks.
            os.chmod(path, stat.S_IMODE(mode) & ~_OTHERS)
            changed.append(path.name)
    if changed:
        logger.warning(
            "other accounts could use these, and cannot any more: %s", ", ".join(changed)
        )


def check_one_name(database: Path) -> None:
    """Raise StoreError if the file has a second name by a hard link, which has other locks.

    Raises OSError if it cannot be examined.
    """
    links = database.stat().st_nlink
    # While a restore replaces it, the file that it keeps aside is the same one.
    if links > 1 and links - len(list_kept_names(database)) > 1:
        raise StoreError("store_has_another_name", path=database)


def list_kept_names(database: Path) -> list[Path]:
    """List the names that a restore, under way or killed, has given to the database's own file."""
    prefix = f"{database.name}.before-restore-"
    return [
        path
        for path in database.parent.iterdir()
        if path.name.startswith(prefix) and not path.is_symlink() and path.samefile(database)
    ]


def _is_folder_ours(folder: Path, names: list[str], database: str) -> bool:
    if folder == PROJECT_ROOT / "data":
        return True
    found = folder.stat()
    if found.st_uid != os.geteuid() or found.st_mode & (stat.S_ISVTX | stat.S_ISGID):
        return False
    if folder == real_path(Path(os.path.expanduser("~"))):
        return False
    return all(is_ours(name, database=database) for name in names)
