"""Replace the database by a backup, atomically, and keep the old one aside."""

from __future__ import annotations

import logging
import os
import shutil
import sqlite3
from collections.abc import Iterable, Iterator, Sequence
from contextlib import ExitStack, closing, contextmanager, suppress
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

from filelock import FileLock, Timeout

from ecommerce_core.domain import StoreBusy, StoreDamaged, StoreError, StoreIncompatible
from ecommerce_core.storage.atomic_file import (
    BESIDE,
    keep_as,
    partial_file,
    put_in_place,
    sweep_partials,
)
from ecommerce_core.storage.backup_files import installation_of
from ecommerce_core.storage.database_lock import DatabaseLock, in_use
from ecommerce_core.storage.private_files import (
    FILE_MODE,
    check_one_name,
    create_empty,
    hand_over,
    kept_name,
    list_kept_names,
    make_folder,
    real_path,
)
from ecommerce_core.storage.sqlite import APPLICATION_ID_BYTES, schema, set_installation
from ecommerce_core.storage.sqlite.checks import refuse_planted_journal
from ecommerce_core.storage.store import Store

logger = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class Restored:
    """A finished restore. ``kept`` is the path of the old database, or None if there was none."""

    database: Path
    kept: Path | None


def restore_backup(
    database: Path,
    source: Path,
    *,
    locks: Iterable[Path] = (),
    more_migrations: Sequence[schema.Migration] = (),
) -> Restored:
    """Replace ``database`` by a copy of ``source``, once that has passed its check.

    A link that leads to the database stays: its target is replaced. ``locks`` are the files that
    syncs lock, ``more_migrations`` those of the datasets. A process that opens the database finds
    the old one or the new one, complete. Raises StoreBusy while it is in use, StoreDamaged and
    StoreIncompatible for an unusable source, StoreError; then nothing has changed.
    """
    database = real_path(database)
    clear_leftovers(database)
    try:
        with _alone(database, locks):
            _check_source(database, source)
            if database.exists():
                check_one_name(database)
            with partial_file(database) as copy:
                _take_in(
                    source,
                    copy,
                    installation=installation_of(database),
                    more_migrations=more_migrations,
                )
                hand_over(copy, like=database if database.exists() else database.parent)
                _settle(database)
                kept = _keep_aside(database)
                try:
                    put_in_place(copy, database, replace=True)
                except OSError:
                    _put_back(kept, database)
                    raise
    except (OSError, sqlite3.Error) as error:
        raise StoreError(
            "restore_failed", path=source, reason=getattr(error, "strerror", None) or error
        ) from error
    return Restored(database, kept)


def clear_leftovers(database: Path) -> None:
    """Remove files that killed backups and restores left beside ``database``, and log them.

    Only what no living process may still use: partial files that nobody writes to, and the second
    name that a restore gave to the database before replacing it.
    """
    database = real_path(database)
    gone = sweep_partials(database.parent)
    # Skip it while another process holds the database: a running restore removes the name itself.
    with suppress(OSError, StoreBusy):
        alone = DatabaseLock.alone(database, timeout_s=0)
        try:
            for kept in list_kept_names(database) if database.exists() else []:
                kept.unlink()
                gone.append(kept.name)
        finally:
            alone.let_go()
    if gone:
        logger.warning("removed what a killed backup or restore left: %s", ", ".join(gone))


@contextmanager
def _alone(database: Path, locks: Iterable[Path]) -> Iterator[None]:
    make_folder(database.parent)
    with ExitStack() as held:
        presence = DatabaseLock.alone(database)
        held.callback(presence.let_go)
        for path in locks:
            create_empty(path)
            try:
                held.enter_context(FileLock(path, timeout=0.5, mode=FILE_MODE))
            except Timeout as error:
                raise in_use(database) from error
        yield


def _check_source(database: Path, source: Path) -> None:
    if not source.is_file():
        raise StoreError("restore_of_no_file", path=source)
    if database.exists() and source.samefile(database):
        raise StoreError("restore_of_itself", path=source)
    for one in dict.fromkeys((source, real_path(source))):
        for suffix in BESIDE:
            beside = one.with_name(one.name + suffix)
            if os.path.lexists(beside):
                raise StoreError("restore_with_journal", path=beside)


def _take_in(
    source: Path,
    copy: Path,
    *,
    installation: str | None,
    more_migrations: Sequence[schema.Migration],
) -> None:
    """Copy, check and migrate to this version's schema: the source itself is only read."""
    shutil.copyfile(source, copy)
    try:
        Store.open(copy, create=False, more_migrations=more_migrations)
        Store.check(copy, more_migrations=more_migrations)
        with closing(sqlite3.connect(copy, isolation_level=None)) as connection:
            # Only a single file, with nothing beside it, can be put in place atomically.
            connection.execute("PRAGMA journal_mode = DELETE")
            if installation is not None:
                # Whichever installation made the backup, the database now belongs to this one.
                set_installation(connection, installation)
    except StoreDamaged as error:
        raise StoreDamaged(
            "restore_not_sound",
            path=source,
            verdict=error.details.get("verdict", "SQLite cannot read it"),
        ) from error
    except StoreIncompatible as error:
        raise StoreIncompatible("restore_of_another", path=source) from error


def _settle(database: Path) -> None:
    """Let SQLite complete what a crash left half-done beside the old database, if it is ours."""
    if not database.exists():
        return
    with database.open("rb") as file:
        header = file.read(100)
    if header[APPLICATION_ID_BYTES] != schema.APPLICATION_ID.to_bytes(4, "big"):
        return
    try:
        refuse_planted_journal(database)
    except StoreDamaged:
        return  # it is kept aside with its journal, which is ignored there
    # A damaged one is kept as it is: the damage may be why it is replaced.
    with (
        suppress(sqlite3.DatabaseError),
        closing(sqlite3.connect(database, timeout=1, isolation_level=None)) as connection,
    ):
        try:
            connection.execute("PRAGMA wal_checkpoint(TRUNCATE)").fetchall()
            connection.execute("BEGIN EXCLUSIVE")
            connection.execute("ROLLBACK")
        except sqlite3.OperationalError as error:
            if error.sqlite_errorname.startswith(("SQLITE_BUSY", "SQLITE_LOCKED")):
                raise in_use(database) from error
            raise


def _keep_aside(database: Path) -> Path | None:
    """Rename the old database with the files beside it, so that it can still be opened."""
    kept = kept_name(database, datetime.now(UTC).strftime("%Y%m%dT%H%M%S.%fZ"))
    had_one = database.exists()
    if had_one:
        keep_as(database, kept)
    # Even without a database: a journal would be rolled back into the new file of that name.
    for suffix in BESIDE:
        beside = database.with_name(database.name + suffix)
        if os.path.lexists(beside):
            beside.rename(kept.with_name(kept.name + suffix))
    return kept if had_one else None


def _put_back(kept: Path | None, database: Path) -> None:
    if kept is None:
        return
    if database.exists():
        kept.unlink()
    else:
        kept.rename(database)
    for suffix in BESIDE:
        beside = kept.with_name(kept.name + suffix)
        if beside.exists():
            beside.rename(database.with_name(database.name + suffix))
