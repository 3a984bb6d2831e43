"""A lock of all servers, on a session of its own, on which its holder's thread writes."""

from __future__ import annotations

from typing import Protocol

import psycopg
from psycopg import errors

from ecommerce_core.storage.postgresql.dialect import explain
from ecommerce_core.storage.postgresql.sessions import Session
from ecommerce_core.storage.record import Lock

# "ecom": the first part of our advisory locks' numbers.
LOCKS = 0x65636F6D


class LockingEngine(Protocol):
    """What a lock needs of its engine."""

    def begin_session(self) -> Session:
        """A session that can hold a lock. Raises psycopg.Error, StoreIncompatible."""
        ...

    def bind(self, session: Session | None) -> None:
        """Let this thread write on a session from now on, or on any connection."""
        ...

    def forget(self, session: Session) -> None:
        """Let a session go that is over."""
        ...

    def lock_number(self, name: str) -> int:
        """The number of a lock."""
        ...


class SessionLock(Lock):
    """An advisory lock, on a session of its own, on which its holder's thread writes."""

    def __init__(self, engine: LockingEngine, name: str) -> None:
        self._engine = engine
        self._name = name
        self._session: Session | None = None

    def acquire(self, *, timeout_s: float) -> bool:
        """Return True once it is held, False if others hold it all along. Raises StoreError."""
        self.release()
        try:
            session = self._engine.begin_session()
        except psycopg.Error as error:
            raise explain(error) from error
        try:
            is_held = self._take(session, timeout_s)
        except BaseException as error:
            session.end()
            if isinstance(error, psycopg.Error):
                raise explain(error) from error
            raise
        if not is_held:
            session.end()
            return False
        self._session = session
        self._engine.bind(session)
        return True

    def join(self) -> None:
        """Let this thread write on the lock's session, too."""
        if self._session is not None:
            self._engine.bind(self._session)

    def release(self) -> None:
        """Let go of it."""
        session, self._session = self._session, None
        if session is not None:
            self._engine.forget(session)
            session.end()

    @property
    def is_held(self) -> bool:
        """Whether it is held here, as far as is known."""
        return self._session is not None and not self._session.is_lost

    @property
    def is_usable(self) -> bool:
        """Return True: every server that can read can wait for it."""
        return True

    def _take(self, session: Session, timeout_s: float) -> bool:
        numbers = [LOCKS, self._engine.lock_number(self._name)]
        connection = session.connection
        if timeout_s <= 0:
            row = connection.execute("SELECT pg_try_advisory_lock(%s, %s)", numbers).fetchone()
            return bool(row and row[0])
        connection.execute(f"SET lock_timeout = {max(1, round(timeout_s * 1_000))}")
        try:
            connection.execute("SELECT pg_advisory_lock(%s, %s)", numbers)
        except errors.LockNotAvailable:
            return False
        connection.execute("RESET lock_timeout")
        return True
