"""Connections to PostgreSQL: how they are set up, and sessions that hold a lock.

Lock, journal and transaction of a run are on one session: who loses the session loses all three.
A holder that has stopped, or whose machine is gone, loses it: it beats no more, and the server
ends a session that is idle for too long.
"""

from __future__ import annotations

import threading
from contextlib import suppress
from typing import Any

import psycopg
from psycopg.conninfo import conninfo_to_dict

from ecommerce_core.domain import StoreError

APPLICATION = "ecommerce-dashboard"
BEATS_EVERY_S = 3.0
# A dead line is noticed within these, whoever was to speak.
_DEFAULTS: dict[str, Any] = {
    "connect_timeout": 5,
    "keepalives_idle": 5,
    "keepalives_interval": 2,
    "keepalives_count": 4,
    "tcp_user_timeout": 15_000,
    "target_session_attrs": "read-write",
    "client_encoding": "utf8",
}
# What the URL sets in its own ``options`` comes after these, and holds.
_OPTIONS = "-c idle_in_transaction_session_timeout=20s -c lock_timeout=5s"
_OPTIONS_OF_A_HOLDER = "-c idle_session_timeout=15s"


def connection_settings(url: str, *, server_id: str, holds_lock: bool = False) -> dict[str, Any]:
    """What psycopg connects with: the URL's own settings go before ours. Raises psycopg.Error."""
    given = conninfo_to_dict(url)
    of_holder = _OPTIONS_OF_A_HOLDER if holds_lock else ""
    options = [_OPTIONS, of_holder, str(given.pop("options", ""))]
    return {
        **_DEFAULTS,
        "application_name": f"{APPLICATION} {server_id}",
        **given,
        "options": " ".join(one for one in options if one),
    }


def connect(url: str, *, server_id: str, holds_lock: bool = False) -> psycopg.Connection[Any]:
    """A connection of its own, without a transaction. Raises psycopg.Error."""
    settings = connection_settings(url, server_id=server_id, holds_lock=holds_lock)
    return psycopg.connect(autocommit=True, **settings)


class Session:
    """A connection that holds a lock. Whoever speaks on it has its turn."""

    def __init__(self, connection: psycopg.Connection[Any]) -> None:
        self.connection = connection
        self.turn = threading.RLock()
        self.is_over = False

    @property
    def is_lost(self) -> bool:
        """Whether the server has ended it, as far as is known."""
        return self.connection.closed

    def beat(self) -> None:
        """Say a word, so that the server knows its holder to be alive; not amid a transaction."""
        if not self.turn.acquire(blocking=False):
            return
        try:
            with suppress(psycopg.Error):
                self.connection.execute("SELECT 1")
        finally:
            self.turn.release()

    def check(self) -> None:
        """Raise StoreError if it is lost: somebody else may hold the lock by now."""
        if self.is_lost:
            raise StoreError("session_lost")

    def end(self) -> None:
        """Let go of the lock, and of the connection."""
        self.is_over = True
        with self.turn, suppress(psycopg.Error):
            self.connection.execute("SELECT pg_advisory_unlock_all()")
        self.connection.close()


class Heartbeat:
    """Lets the sessions that hold locks beat, from one thread."""

    def __init__(self) -> None:
        self._sessions: set[Session] = set()
        self._lock = threading.Lock()
        self._stopping = threading.Event()
        self._thread: threading.Thread | None = None

    def add(self, session: Session) -> None:
        """Let it beat from now on."""
        with self._lock:
            self._sessions.add(session)
            if self._thread is None:
                self._thread = threading.Thread(target=self._run, name="heartbeat", daemon=True)
                self._thread.start()

    def remove(self, session: Session) -> None:
        """Let it beat no more."""
        with self._lock:
            self._sessions.discard(session)

    def stop(self) -> None:
        """End the thread."""
        self._stopping.set()
        if self._thread is not None:
            self._thread.join(2.0)

    def _run(self) -> None:
        while not self._stopping.wait(BEATS_EVERY_S):
            with self._lock:
                sessions = list(self._sessions)
            for session in sessions:
                session.beat()
