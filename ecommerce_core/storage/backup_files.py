"""The schedule's backups as files in a folder: list them, and identify their installation.

A database is identified by the time of its first migration, to the microsecond, which every backup
of it contains, too. So several installations can share a folder, and a file that only has a
backup's name is not taken for one.
"""

from __future__ import annotations

import hashlib
import sqlite3
import stat
from contextlib import closing, suppress
from datetime import UTC, datetime
from pathlib import Path

from ecommerce_core.storage.private_files import BACKUP_NAME
from ecommerce_core.storage.sqlite import schema, select_installation

_STAMP = "%Y%m%dT%H%M%SZ"
_OURS = schema.APPLICATION_ID


def list_backups(folder: Path, *, installation: str | None = None) -> list[tuple[datetime, Path]]:
    """List the schedule's backups in ``folder``, oldest first, by the time in their names.

    Only those of ``installation``, or those of every installation if it is None.
    """
    found = []
    with suppress(OSError):
        for path in folder.iterdir():
            match = BACKUP_NAME.fullmatch(path.name)
            if match is None:
                continue
            with suppress(ValueError):
                at = datetime.strptime(match[1], _STAMP).replace(tzinfo=UTC)
                of = installation_of(path)
                if of is not None and installation in {None, of}:
                    found.append((at, path))
    return sorted(found)


def backup_path(folder: Path, at: datetime, *, installation: str) -> Path:
    """Return the path for a backup of this moment: no two installations use the same name."""
    return folder / f"ecommerce-{at.strftime(_STAMP)}-{_tag(installation)}.db"


def lock_path(folder: Path, *, installation: str) -> Path:
    """Return the lock file of the process that backs ``installation`` up."""
    return folder / f".backups-{_tag(installation)}.lock"


def installation_of(path: Path) -> str | None:
    """Return the identity of a database's installation, or None if ``path`` is none of ours."""
    try:
        if not stat.S_ISREG(path.lstat().st_mode):
            return None  # opening a pipe would wait for ever
        # Files beside it are ignored, and nothing is written.
        uri = f"{path.absolute().as_uri()}?mode=ro&immutable=1"
        with closing(sqlite3.connect(uri, uri=True)) as connection:
            (application_id,) = connection.execute("PRAGMA application_id").fetchone()
            return select_installation(connection) if application_id == _OURS else None
    except (OSError, sqlite3.Error):
        return None


def _tag(installation: str) -> str:
    return hashlib.sha256(installation.encode("utf-8", "replace")).hexdigest()[:8]
