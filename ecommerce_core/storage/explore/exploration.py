"""A query in progress, and the limits of its answer."""

from __future__ import annotations

import threading
import time
from concurrent.futures import CancelledError, Future
from contextlib import suppress
from dataclasses import dataclass

from ecommerce_core.domain import ExploreCancelled
from ecommerce_core.storage.explore.found import Found
from ecommerce_core.storage.explore.process import Child


@dataclass(frozen=True, slots=True)
class Limits:
    """The limits of an answer: rows, beyond which it is cut off, and megabytes."""

    rows: int
    file_mb: int


ON_PAGE = Limits(rows=1_000, file_mb=8)
IN_FILE = Limits(rows=1_000_000, file_mb=512)


class Exploration:
    """A query that waits, is running, or was answered. For all threads."""

    def __init__(self, sql: str) -> None:
        self.sql = sql
        self._began_s = time.monotonic()
        self._is_cancelled = threading.Event()
        self._child: Child | None = None
        self.future: Future[Found] = Future()

    @property
    def elapsed_s(self) -> float:
        """The seconds since the query was submitted."""
        return time.monotonic() - self._began_s

    @property
    def is_cancelled(self) -> bool:
        """True if the caller does not wait any more."""
        return self._is_cancelled.is_set()

    def cancel(self) -> None:
        """Cancel the query soon, and for good. Does nothing if it was answered."""
        self._is_cancelled.set()
        child = self._child
        if child is not None:
            child.kill()

    def answered_by(self, child: Child) -> None:
        """Set the process that is about to answer. Raises ExploreCancelled."""
        self._child = child
        self.check()

    def check(self) -> None:
        """Raise ExploreCancelled if it was cancelled."""
        if self.is_cancelled:
            raise ExploreCancelled("explore_cancelled")

    def wait(self, timeout_s: float | None = None) -> bool:
        """Wait for the answer; return True if it is there."""
        with suppress(TimeoutError, CancelledError):
            self.future.exception(timeout_s)
        return self.future.done()

    def result(self) -> Found:
        """Return the answer, once it is there. Raises ExploreError, StoreError."""
        return self.future.result()
