"""The store of record: open, check and migrate its file."""

from __future__ import annotations

import sqlite3
from collections.abc import Callable, Iterator, Sequence
from contextlib import closing, contextmanager
from pathlib import Path

from ecommerce_core.domain import (
    StoreBusy,
    StoreDamaged,
    StoreError,
    StoreIncompatible,
)
from ecommerce_core.storage.atomic_file import partial_file
from ecommerce_core.storage.backup_files import select_installation
from ecommerce_core.storage.private_files import make_folder, make_private, real_path
from ecommerce_core.storage.rows import Rows
from ecommerce_core.storage.sqlite import (
    BUSY_TIMEOUT_S,
    Database,
    SqliteFile,
    check_shape,
    is_pending,
    migrate,
    open_database,
    schema,
)
from ecommerce_core.storage.sqlite.checks import (
    DamageWatch,
    find_unreadable,
)
from ecommerce_core.storage.sqlite.journals import (
    AlertJournal,
    AuditJournal,
    DeliveryJournal,
    ExpectedCallbackJournal,
    Journal,
    Recent,
    Retention,
    SignOutJournal,
    WantedTaskJournal,
)


class Store(
    Rows,
    Journal,
    DeliveryJournal,
    Recent,
    ExpectedCallbackJournal,
    WantedTaskJournal,
    SignOutJournal,
    AlertJournal,
    AuditJournal,
    Retention,
):
    """The database of one application. Open it with ``Store.open``; it is safe for all threads."""

    def __init__(
        self,
        path: Path,
        *,
        busy_timeout_s: float = BUSY_TIMEOUT_S,
        more_migrations: Sequence[schema.Migration] = (),
    ) -> None:
        # Links lead to one file, which has one set of locks.
        self.path = real_path(path)
        self.more_migrations = more_migrations
        self._damage_watch = DamageWatch(self.path)
        self._file = SqliteFile(
            self.path, application_id=schema.APPLICATION_ID, busy_timeout_s=busy_timeout_s
        )

    @classmethod
    def open(
        cls,
        path: Path,
        *,
        busy_timeout_s: float = BUSY_TIMEOUT_S,
        create: bool = True,
        more_migrations: Sequence[schema.Migration] = (),
    ) -> Store:
        """Open the file, create it and its folder if there is none, check and migrate it.

        Only this account can use the file from then on (see ``private_files``). ``more_migrations``
        are those of the datasets. Without ``create``, raises StoreIncompatible if there is nothing
        to open. Raises StoreDamaged, StoreIncompatible (the file is left as it is), StoreBusy,
        StoreFull, StoreError.
        """
        store = cls(path, busy_timeout_s=busy_timeout_s, more_migrations=more_migrations)
        with store._file.explained():
            make_folder(store.path.parent)
            with store._file.checked(store._check_shape, whole=False) as connection:
                if connection is None and not create:
                    raise store._empty()
            make_private(store.path.parent, database=store.path.name)
            store._migrate()
        return store

    @classmethod
    def check(cls, path: Path, *, more_migrations: Sequence[schema.Migration] = ()) -> None:
        """Read all of a file. Its values are not checked if it is not migrated yet.

        Raises StoreDamaged or StoreIncompatible unless it is a sound one of ours, and
        StoreIncompatible if it was written by a newer version or is empty.
        """
        store = cls(path, more_migrations=more_migrations)
        with (
            store._file.explained(),
            store._file.checked(store._check_shape, whole=True) as connection,
        ):
            if connection is None:
                raise store._empty()
            if is_pending(connection, more_migrations):
                return
            unreadable = find_unreadable(connection)
            if unreadable is not None:
                raise StoreDamaged("store_unreadable_values", path=store.path, verdict=unreadable)

    @classmethod
    def check_in_use(cls, path: Path, *, more_migrations: Sequence[schema.Migration] = ()) -> None:
        """Check like ``check`` a database in use, without making its writers wait for long.

        A copy beside it is read, and then deleted. Raises StoreFull, too.
        """
        store = cls(path, more_migrations=more_migrations)
        with store._file.explained():
            with store._file.checked(store._check_shape, whole=False) as connection:
                if connection is None:
                    raise store._empty()
            with partial_file(store.path) as copy:
                store._file.copy_pages_into(copy)
                try:
                    cls.check(copy, more_migrations=more_migrations)
                except StoreError as error:
                    details = {**error.details, "path": store.path}
                    raise type(error)(error.code, **details) from error

    @contextmanager
    def reading(self) -> Iterator[Database]:
        """Yield a connection for one read, on one consistent view. Raises StoreError."""
        with self._learning(), self._file.reading() as connection:
            yield open_database(connection)

    @contextmanager
    def writing(self) -> Iterator[Database]:
        """Yield one IMMEDIATE transaction; roll back if the block raises. Raises StoreError."""
        with self._learning(), self._file.writing() as connection:
            yield open_database(connection)

    def check_writable(self) -> None:
        """Raise StoreError if the database cannot be written to at present."""
        self._file.check_writable()

    def check_sound(self) -> None:
        """Raise StoreError if the database cannot be read or is known to be damaged.

        Cheap unless damage was found since the last good check: then all of it is checked.
        """
        try:
            with self._file.reading() as connection:
                self._damage_watch.check(connection)
        except StoreBusy:
            return  # a commit of ours holds it, which says nothing about damage

    @contextmanager
    def _learning(self) -> Iterator[None]:
        try:
            yield
        except StoreDamaged:
            self._damage_watch.doubt()
            raise

    def copy_into(self, path: Path, *, gives_up: Callable[[], bool] = lambda: False) -> None:
        """Write a compact, consistent copy into ``path``, an empty file. Raises StoreError."""
        with self._learning():
            self._file.copy_into(path, gives_up=gives_up)

    def installation(self) -> str | None:
        """Return the identity of this database and its backups among other installations."""
        with self.reading() as db:
            return select_installation(db.conn)

    def _empty(self) -> StoreIncompatible:
        return StoreIncompatible("store_without_data", path=self.path)

    def _check_shape(self, connection: sqlite3.Connection) -> None:
        check_shape(connection, path=self.path, more=self.more_migrations)

    def _migrate(self) -> None:
        self._file.create()
        with closing(self._file.connect()) as connection:
            self._file.choose_journal(connection)
            if not is_pending(connection, self.more_migrations):
                return
        # A second process may migrate at the same moment, so ``migrate`` looks again for pending
        # ones.
        with self._file.writing(spills=True) as connection:
            migrate(connection, self.more_migrations)
