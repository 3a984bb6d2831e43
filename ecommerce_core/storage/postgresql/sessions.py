"""Connections to PostgreSQL: how they are set up, and sessions that hold a lock.

Lock, journal and transaction of a run are on one session: losing the session loses all three. A
holder that has stopped, or whose machine is gone, loses it: its heartbeat stops, and the server
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
# A dead connection is noticed within these times, on either side.
_DEFAULTS: dict[str, Any] = {
    "connect_timeout": 5,
    "keepalives_idle": 5,
    "keepalives_interval": 2,
    "keepalives_count": 4,
    "tcp_user_timeout": 15_000,
    "target_session_attrs": "read-write",
    "client_encoding": "utf8",
}
# The URL's own ``options`` come after these, and override them.
_OPTIONS = "-c idle_in_transaction_session_timeout=20s -c lock_timeout=5s"
_OPTIONS_OF_A_HOLDER = "-c idle_session_timeout=15s"


def connection_settings(url: str, *, server_id: str, holds_lock: bool = False) -> dict[str, Any]:
    """Return psycopg's settings; those of the URL override ours. Raises psycopg.Error."""
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
    """Return a new connection, without a transaction. Raises psycopg.Error."""
    settings = connection_settings(url, server_id=server_id, holds_lock=holds_lock)
    return psycopg.connect(autocommit=True, **settings)


class Session:
    """A connection that holds a lock. A thread that uses it holds ``turn``."""

    def __init__(self, connection: psycopg.Connection[Any]) -> None:
        self.connection = connection
        self.turn = threading.RLock()
        self.is_over = False

    @property
    def is_lost(self) -> bool:
        """Return True if the server has ended it, as far as is known."""
        return self.connection.closed

    def beat(self) -> None:
        """Run a query, which shows that the holder is alive; not during a transaction."""
        if not self.turn.acquire(blocking=False):
            return
        try:
            with suppress(psycopg.Error):
                self.connection.execute("SELECT 1")
        finally:
            self.turn.release()

    def check(self) -> None:
        """Raise StoreError if it is lost: another server may hold the lock by now."""
        if self.is_lost:
            raise StoreError("session_lost")

    def end(self) -> None:
        """Release the lock, and close the connection."""
        self.is_over = True
        with self.turn, suppress(psycopg.Error):
            self.connection.execute("SELECT pg_advisory_unlock_all()")
        self.connection.close()


class Heartbeat:
    """Calls ``beat`` of the sessions that hold locks, from one thread."""

    def __init__(self) -> None:
        self._sessions: set[Session] = set()
        self._lock = threading.Lock()
        self._stopping = threading.Event()
        self._thread: threading.Thread | None = None

    def add(self, session: Session) -> None:
        """Call its ``beat`` from now on."""
        with self._lock:
            self._sessions.add(session)
            if self._thread is None:
                self._thread = threading.Thread(target=self._run, name="heartbeat", daemon=True)
                self._thread.start()

    def remove(self, session: Session) -> None:
        """Stop calling its ``beat``."""
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
