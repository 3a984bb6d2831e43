"""Receive the messages of other servers: a thread with its own connection, which it reopens."""

from __future__ import annotations

import logging
import threading
from collections.abc import Callable
from typing import Any

import msgspec
import psycopg

from ecommerce_core.storage.postgresql.database import CHANNEL

logger = logging.getLogger(__name__)

# Between two tries to connect.
PAUSE_S = 0.5
# How long it listens before it checks whether it is to end.
LISTENS_S = 0.25
# After this many rounds the connection is tested.
TRIES_EVERY = 40
STOPS_WITHIN_S = 2.0

Hear = Callable[[str | None], None]


class Listener:
    """Calls ``hear`` with each message, and with None if some may have been missed."""

    def __init__(
        self, connect: Callable[[], psycopg.Connection[Any]], hear: Hear, *, server_id: str
    ) -> None:
        self._connect = connect
        self._hear = hear
        self._server_id = server_id
        self._stopping = threading.Event()
        self._is_failing = False
        self._thread = threading.Thread(target=self._run, name="listener", daemon=True)

    def start(self) -> None:
        """Start the thread."""
        self._thread.start()

    def stop(self) -> None:
        """End the thread."""
        self._stopping.set()
        self._thread.join(STOPS_WITHIN_S)

    def _run(self) -> None:
        while not self._stopping.is_set():
            try:
                with self._connect() as connection:
                    self._listen(connection)
            except psycopg.Error as error:
                if not self._is_failing and not self._stopping.is_set():
                    logger.warning("other servers are not heard: %s", error)
                self._is_failing = True
            except Exception:
                if not self._is_failing:
                    logger.exception("what another server told could not be taken in")
                self._is_failing = True
            self._stopping.wait(PAUSE_S)

    def _listen(self, connection: psycopg.Connection[Any]) -> None:
        connection.execute(f"LISTEN {CHANNEL}")
        # Messages may have been missed while nobody listened.
        self._hear(None)
        if self._is_failing:
            logger.info("other servers are heard again")
        self._is_failing = False
        rounds = 0
        while not self._stopping.is_set():
            for told in connection.notifies(timeout=LISTENS_S, stop_after=1):
                self._take_in(told.payload)
            rounds += 1
            if rounds % TRIES_EVERY == 0:
                connection.execute("SELECT 1")

    def _take_in(self, payload: str) -> None:
        try:
            server_id, message = msgspec.json.decode(payload, type=tuple[str, str])
            if server_id != self._server_id:
                self._hear(message)
        except msgspec.MsgspecError:
            # Of another version, or not of ours: it may say that something was stored.
            self._hear(None)
