"""The connections of one server, which its threads share, and how long they wait for one."""

from __future__ import annotations

import logging
import time
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import psycopg
from psycopg_pool import ConnectionPool, PoolClosed, PoolTimeout

from ecommerce_core.domain import StoreBusy, StoreError
from ecommerce_core.storage.postgresql.dialect import explain
from ecommerce_core.storage.postgresql.sessions import connect, connection_settings

MOST_CONNECTIONS = 16
PATIENCE_S = 5.0
# How long a caller waits if the one before it has just waited in vain: a page reads many times.
IMPATIENCE_S = 0.3


class Pool:
    """Up to ``MOST_CONNECTIONS`` connections; whoever gets none is told why."""

    def __init__(self, url: str, *, server_id: str) -> None:
        self._url = url
        self._server_id = server_id
        self._pool: ConnectionPool[psycopg.Connection[Any]] | None = None
        # When a caller waited in vain, and why.
        self._failure: tuple[float, StoreError] | None = None

    def open(self) -> None:
        """Keep connections from now on."""
        # Whoever finds no connection says so, and is told the reason.
        logging.getLogger("psycopg.pool").setLevel(logging.CRITICAL)
        self._pool = ConnectionPool(
            kwargs={
                **connection_settings(self._url, server_id=self._server_id),
                "autocommit": True,
            },
            min_size=1,
            max_size=MOST_CONNECTIONS,
            timeout=PATIENCE_S,
            # The next caller tries again: nobody waits for a doubled pause.
            reconnect_timeout=2.0,
            check=ConnectionPool.check_connection,
            open=True,
        )

    def close(self) -> None:
        """Close every connection."""
        if self._pool is not None:
            self._pool.close(timeout=2.0)

    @contextmanager
    def connection(self) -> Iterator[psycopg.Connection[Any]]:
        """Lend a connection. Raises StoreBusy, StoreError if there is none in time."""
        if self._pool is None:
            raise StoreError("server_silent", reason="it is not open")
        patience_s = PATIENCE_S if self._last_failure() is None else IMPATIENCE_S
        try:
            connection = self._pool.getconn(timeout=patience_s)
        except (PoolTimeout, PoolClosed) as error:
            raise self._unreachable() from error
        self._failure = None
        try:
            yield connection
        finally:
            self._pool.putconn(connection)

    def _last_failure(self) -> StoreError | None:
        """Return why a caller has just waited in vain, or None if none has."""
        if self._failure is None or time.monotonic() - self._failure[0] >= PATIENCE_S:
            return None
        return self._failure[1]

    def _unreachable(self) -> StoreError:
        """Return why there was no connection: the pool does not say, but another try does."""
        known = self._last_failure()
        if known is not None:
            return known
        found: StoreError = StoreBusy("connections_in_use", count=MOST_CONNECTIONS)
        try:
            connect(self._url, server_id=self._server_id).close()
        except psycopg.Error as error:
            found = explain(error)
        self._failure = time.monotonic(), found
        return found
