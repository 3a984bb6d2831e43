"""The store of record in PostgreSQL."""

from __future__ import annotations

import logging
import threading
import time
import zlib
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any, NoReturn

import psycopg

from ecommerce_core.domain import StoreError, StoreReadOnly
from ecommerce_core.storage.postgresql.database import PostgresqlDatabase, notify
from ecommerce_core.storage.postgresql.dialect import explain, kept_by_server
from ecommerce_core.storage.postgresql.listener import Hear, Listener
from ecommerce_core.storage.postgresql.migrations import (
    check_version,
    list_applied,
    list_json_columns,
    migrate,
)
from ecommerce_core.storage.postgresql.pool import Pool
from ecommerce_core.storage.postgresql.session_lock import LOCKS, SessionLock
from ecommerce_core.storage.postgresql.sessions import (
    APPLICATION,
    Heartbeat,
    Session,
    connect,
)
from ecommerce_core.storage.record import Database, Engine, Lock, Reading
from ecommerce_core.storage.sqlite import Migration

logger = logging.getLogger(__name__)

# How long to look up whether a commit whose answer was lost is stored.
LOOK_UP_PATIENCE_S = 30.0
CHANGED = "changed"
_READ = "BEGIN ISOLATION LEVEL REPEATABLE READ"


class PostgresqlEngine(Engine):
    """A database of a server; it is safe for all threads.

    This machine keeps its own files, such as its snapshots, beside ``path``. ``server_id``
    distinguishes this process from others.
    """

    is_shared = True

    def __init__(
        self,
        url: str,
        *,
        path: Path,
        server_id: str,
        name: str,
        more: Sequence[Migration] = (),
    ) -> None:
        self.path = path
        self.more_migrations = more
        self._url = url
        self._name = name
        self._server_id = server_id
        self._schema = ""
        self._json_columns: dict[str, frozenset[str]] = {}
        self._bound = threading.local()
        self._heartbeat = Heartbeat()
        self._listener: Listener | None = None
        self._pool = Pool(url, server_id=server_id)

    @property
    def name(self) -> str:
        """The URL without its password."""
        return self._name

    def open(self, *, create: bool) -> None:
        """Check and migrate the database, and keep connections to it.

        Raises StoreIncompatible (without ``create``, also if it holds nothing of ours),
        StoreDamaged, StoreBusy, StoreError.
        """
        with self._explained(), self.connect() as connection:
            migrate(connection, name=self.name, create=create, more=self.more_migrations)
            self._json_columns = list_json_columns(connection)
            (self._schema,) = connection.execute("SELECT current_schema()").fetchone() or ("",)
        self._pool.open()

    def connect(self, *, holds_lock: bool = False) -> psycopg.Connection[Any]:
        """Return a new connection outside the pool. Raises psycopg.Error."""
        return connect(self._url, server_id=self._server_id, holds_lock=holds_lock)

    @contextmanager
    def reading(self) -> Iterator[PostgresqlDatabase]:
        """A connection for one read, on one consistent view. Raises StoreError."""
        with self._explained(), self._pool.connection() as connection:
            connection.execute(_READ)
            with self._rolled_back(connection):
                yield self._database(connection)

    @contextmanager
    def reading_long(self) -> Iterator[Reading]:
        """Make many reads on one view; no writer waits for them."""
        with self.reading() as db:
            db.execute("SET LOCAL idle_in_transaction_session_timeout = '15min'")

            @contextmanager
            def reading() -> Iterator[Database]:
                yield db

            yield reading

    @contextmanager
    def writing(
        self, *, is_stored: Callable[[Database], bool] | None = None
    ) -> Iterator[PostgresqlDatabase]:
        """Open a transaction, on the session of the lock that this thread holds, if it holds one.

        It is rolled back if the block raises. Raises StoreError.
        """
        session: Session | None = getattr(self._bound, "session", None)
        if session is None or session.is_over:
            with (
                self._explained(),
                self._pool.connection() as connection,
                self._transaction(connection, is_stored) as db,
            ):
                yield db
            return
        with self._explained(), session.turn:
            session.check()
            with self._transaction(session.connection, is_stored) as db:
                yield db

    def lock(self, name: str) -> Lock:
        """Return the lock of that name, which all servers share."""
        return SessionLock(self, name)

    def holder(self, name: str) -> str | None:
        """Return the id of the server that holds a lock, None if none does. Raises StoreError."""
        with self.reading() as db:
            row = db.execute(
                "SELECT a.application_name FROM pg_locks AS l JOIN pg_stat_activity AS a"
                " ON a.pid = l.pid WHERE l.locktype = 'advisory' AND l.granted"
                " AND l.database = (SELECT oid FROM pg_database WHERE datname = current_database())"
                " AND l.classid = ? AND l.objid = ?",
                [LOCKS, self.lock_number(name) % 2**32],
            ).fetchone()
        return None if row is None else str(row[0]).removeprefix(f"{APPLICATION} ")

    def lock_number(self, name: str) -> int:
        """Return the number of a lock; it fits into 32 bits, with its sign."""
        return zlib.crc32(f"{self._schema}.{name}".encode()) - 2**31

    def notify(self, message: str) -> None:
        """Notify the other servers now. Raises StoreError."""
        with self._explained(), self._pool.connection() as connection:
            notify(connection, server_id=self._server_id, message=message)

    def listen(self, hear: Hear) -> None:
        """Call ``hear`` with every message of other servers, until ``close``."""

        def connect_listener() -> psycopg.Connection[Any]:
            return connect(self._url, server_id=f"{self._server_id} listens")

        self._listener = Listener(connect_listener, hear, server_id=self._server_id)
        self._listener.start()

    def check_writable(self) -> None:
        """Raise StoreError where the database cannot be written to just now."""
        with self.reading() as db:
            (is_read_only,) = db.execute(
                "SELECT pg_is_in_recovery() OR CAST("
                "current_setting('default_transaction_read_only') AS BOOLEAN)"
            ).fetchone() or (False,)
        if is_read_only:
            raise StoreReadOnly("server_read_only")

    def check_sound(self) -> None:
        """Raise StoreError if it cannot be read, or if a newer version has migrated it."""
        with self._explained(), self._pool.connection() as connection:
            self.check_version(connection)

    def check_version(self, connection: psycopg.Connection[Any]) -> None:
        """Raise StoreIncompatible if a newer version has migrated the database meanwhile."""
        check_version(list_applied(connection), name=self.name, more=self.more_migrations)

    def copy_into(self, path: Path, *, gives_up: Callable[[], bool] = lambda: False) -> NoReturn:
        """Raise StoreError: the server makes its own backups."""
        raise kept_by_server(self.name)

    def installation(self) -> None:
        """Return None: it keeps no backups of its own."""

    def close(self) -> None:
        """Close every connection."""
        if self._listener is not None:
            self._listener.stop()
        self._heartbeat.stop()
        self._pool.close()

    def begin_session(self) -> Session:
        """Return a session that can hold a lock. Raises psycopg.Error, StoreIncompatible."""
        session = Session(self.connect(holds_lock=True))
        try:
            self.check_version(session.connection)
        except BaseException:
            session.end()
            raise
        return session

    def bind(self, session: Session | None) -> None:
        """Make this thread write on a session from now on, or with None on any connection."""
        if session is not None:
            self._heartbeat.add(session)
        self._bound.session = session

    def forget(self, session: Session) -> None:
        """Drop a session that has ended."""
        self._heartbeat.remove(session)

    @contextmanager
    def _transaction(
        self,
        connection: psycopg.Connection[Any],
        is_stored: Callable[[Database], bool] | None,
    ) -> Iterator[PostgresqlDatabase]:
        connection.execute("BEGIN")
        try:
            db = self._database(connection)
            yield db
            db.notify(CHANGED)
        except BaseException:
            with suppress(psycopg.Error):
                connection.execute("ROLLBACK")
            raise
        try:
            done = connection.execute("COMMIT")
        except psycopg.OperationalError as error:
            if not connection.closed:
                raise
            self._look_up(connection.info.backend_pid, is_stored, error)
        else:
            if done.statusmessage != "COMMIT":
                raise StoreError("server_rolled_back")

    def _look_up(
        self,
        pid: int,
        is_stored: Callable[[Database], bool] | None,
        error: psycopg.OperationalError,
    ) -> None:
        """Return if the transaction is stored, although no answer to the commit arrived.

        The session that wrote it may still be running: its result is only read once it has ended.
        Raises StoreError.
        """
        ends_at_s = time.monotonic() + LOOK_UP_PATIENCE_S
        under_way = "SELECT 1 FROM pg_stat_activity WHERE pid = ? AND pid <> pg_backend_pid()"
        while is_stored is not None and time.monotonic() < ends_at_s:
            found = None
            with suppress(StoreError), self.reading() as db:
                if not db.execute(under_way, [pid]).fetchone():
                    found = is_stored(db)
            if found:
                logger.warning("the answer to a commit was lost: it is stored")
                return
            if found is False:
                raise explain(error) from error
            time.sleep(0.1)
        reason = str(error).strip().split("\n")[0]
        raise StoreError("commit_unknown", reason=reason) from error

    def _database(self, connection: psycopg.Connection[Any]) -> PostgresqlDatabase:
        return PostgresqlDatabase(
            connection, server_id=self._server_id, json_columns=self._json_columns
        )

    @contextmanager
    def _rolled_back(self, connection: psycopg.Connection[Any]) -> Iterator[None]:
        try:
            yield
        finally:
            with suppress(psycopg.Error):
                connection.execute("ROLLBACK")

    @contextmanager
    def _explained(self) -> Iterator[None]:
        try:
            yield
        except psycopg.Error as error:
            raise explain(error) from error
