"""Decides which of several servers with one database acts for all of them."""

from __future__ import annotations

import threading
import time

from ecommerce_core.domain import StoreError
from ecommerce_core.storage.store import Store

LOCK = "watcher"
# After a database that answered nobody, the server that led before it may take the lock first:
# it has told of that, and knows it alone.
YIELDS_S = 10.0


class Leader:
    """The lock of the one server that tracks expected callbacks, keeps alerts and sends messages.

    Several threads of a server lead together: the lock is released once all that took it have
    left. Each of them writes on the session that holds it, if the engine has sessions.
    """

    def __init__(self, store: Store) -> None:
        self._store = store
        self._lock = store.lock(LOCK)
        self._turn = threading.Lock()
        self._parts: set[str] = set()
        self._terms = 0
        self._led_last = False
        self._yields_until_s = 0.0

    @property
    def leads(self) -> bool:
        """Whether this server leads, as far as is known."""
        return self._lock.is_held

    def take(self, part: str) -> int:
        """Lead, or go on leading. Returns 0 if another server leads; else the number of the term.

        A term ends when the lock is lost: another server may have led before the next one. For the
        thread that writes what ``part`` keeps. Raises StoreError if it cannot be told.
        """
        with self._turn:
            if not self._lock.is_held and not self._acquire():
                return 0
            self._lock.join()
            self._parts.add(part)
            return self._terms

    def leave(self, part: str) -> None:
        """Do not lead any more, as far as ``part`` is concerned."""
        with self._turn:
            self._parts.discard(part)
            if not self._parts:
                self._lock.release()

    def _acquire(self) -> bool:
        if time.monotonic() < self._yields_until_s:
            return False
        try:
            self._led_last = self._lock.acquire(timeout_s=0)
        except StoreError:
            if self._store.is_shared and not self._led_last:
                self._yields_until_s = time.monotonic() + YIELDS_S
            raise
        self._terms += self._led_last
        return self._led_last

    def holder(self) -> str | None:
        """Return the id of the server that leads; None if unknown. Raises StoreError."""
        return self._store.holder(LOCK)
