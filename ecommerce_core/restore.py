"""Putting a backup in the place of the database, all at once, the old one kept aside."""

from __future__ import annotations

import shutil
import sqlite3
from collections.abc import Iterable, Iterator
from contextlib import ExitStack, closing, contextmanager, suppress
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

from filelock import FileLock, Timeout

from ecommerce_core import schema
from ecommerce_core.errors import StoreDamaged, StoreError, StoreForeign
from ecommerce_core.new_file import BESIDE, keep_as, partial_file, put_in_place
from ecommerce_core.presence import Presence, in_use
from ecommerce_core.sqlite_file import APPLICATION_ID_BYTES
from ecommerce_core.store import Store


@dataclass(frozen=True, slots=True)
class Restored:
    """What was done. ``kept`` is where the old database lies now, None where there was none."""

    database: Path
    kept: Path | None


def restore_backup(database: Path, source: Path, *, locks: Iterable[Path] = ()) -> Restored:
    """Replace ``database`` by a copy of ``source``, once that has passed its check.

    ``locks`` are the files that syncs lock. Whoever opens the database finds the old one or
    the new one, whole. Raises StoreBusy while something uses it, StoreDamaged and
    StoreForeign for a source that will not do, StoreError; nothing has changed then.
    """
    try:
        with _alone(database, locks):
            if not source.is_file():
                raise StoreError("{path} is no file that could be restored", path=source)
            if database.exists() and source.samefile(database):
                raise StoreError("{path} is the database itself", path=source)
            with partial_file(database) as copy:
                _take_in(source, copy)
                _settle(database)
                kept = _keep_aside(database)
                try:
                    put_in_place(copy, database, replace=True)
                except OSError:
                    _put_back(kept, database)
                    raise
    except (OSError, sqlite3.Error) as error:
        raise StoreError(
            "{path} cannot be restored: {reason}; nothing was changed",
            path=source,
            reason=getattr(error, "strerror", None) or error,
        ) from error
    return Restored(database, kept)


@contextmanager
def _alone(database: Path, locks: Iterable[Path]) -> Iterator[None]:
    database.parent.mkdir(parents=True, exist_ok=True)
    with ExitStack() as held:
        presence = Presence.alone(database)
        held.callback(presence.let_go)
        for path in locks:
            try:
                held.enter_context(FileLock(path, timeout=0.5))
            except Timeout as error:
                raise in_use(database) from error
        yield


def _take_in(source: Path, copy: Path) -> None:
    """Copy, check and bring up to this version's schema: the source itself is only read."""
    shutil.copyfile(source, copy)
    for suffix in BESIDE[:2]:  # a file that was copied from under a server has more beside it
        beside = source.with_name(source.name + suffix)
        if beside.is_file():
            shutil.copyfile(beside, copy.with_name(copy.name + suffix))
    try:
        Store.check(copy)
        Store.open(copy)
        with closing(sqlite3.connect(copy, isolation_level=None)) as connection:
            # One file, with nothing beside it, is what can be put in place at once.
            connection.execute("PRAGMA journal_mode = DELETE")
    except StoreDamaged as error:
        raise StoreDamaged(
            "{path} is no sound SQLite database: nothing was restored, nothing was changed",
            path=source,
        ) from error
    except StoreForeign as error:
        raise StoreForeign(
            "{path} is not of this application, or of a newer version of it:"
            " nothing was restored, nothing was changed",
            path=source,
        ) from error


def _settle(database: Path) -> None:
    """Let SQLite end what a crash left half-done beside the old database, if it is one of ours."""
    if not database.exists():
        return
    with database.open("rb") as file:
        header = file.read(100)
    if header[APPLICATION_ID_BYTES] != schema.APPLICATION_ID.to_bytes(4, "big"):
        return
    # Where it is damaged it is kept as it lies: that may be why it is replaced.
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
    """Give the old database, and what lies beside it, another name, under which it opens."""
    if not database.exists():
        return None
    stamp = datetime.now(UTC).strftime("%Y%m%dT%H%M%S.%fZ")
    kept = database.with_name(f"{database.name}.before-restore-{stamp}")
    keep_as(database, kept)
    for suffix in BESIDE:
        beside = database.with_name(database.name + suffix)
        if beside.exists():
            beside.rename(kept.with_name(kept.name + suffix))
    return kept


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
