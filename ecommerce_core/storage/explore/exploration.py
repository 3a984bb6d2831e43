"""A question that was asked, and how much its answer may be."""

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
    """How much an answer may be: rows, of which those beyond are cut off, and megabytes."""

    rows: int
    file_mb: int


ON_PAGE = Limits(rows=1_000, file_mb=8)
IN_FILE = Limits(rows=1_000_000, file_mb=512)


class Exploration:
    """A question that was asked: it waits, is being answered, or has been. For all threads."""

    def __init__(self, sql: str) -> None:
        self.sql = sql
        self._began_s = time.monotonic()
        self._is_cancelled = threading.Event()
        self._child: Child | None = None
        self.future: Future[Found] = Future()

    @property
    def elapsed_s(self) -> float:
        """Seconds since it was asked."""
        return time.monotonic() - self._began_s

    @property
    def is_cancelled(self) -> bool:
        """Whether whoever asked does not wait any more."""
        return self._is_cancelled.is_set()

    def cancel(self) -> None:
        """End it, soon; for ever. Does nothing to what has been answered."""
        self._is_cancelled.set()
        child = self._child
        if child is not None:
            child.kill()

    def answered_by(self, child: Child) -> None:
        """Note which process is about to answer. Raises ExploreCancelled."""
        self._child = child
        self.check()

    def check(self) -> None:
        """Raise ExploreCancelled if it was cancelled."""
        if self.is_cancelled:
            raise ExploreCancelled("explore_cancelled")

    def wait(self, timeout_s: float | None = None) -> bool:
        """Wait for the answer; whether it is there."""
        with suppress(TimeoutError, CancelledError):
            self.future.exception(timeout_s)
        return self.future.done()

    def result(self) -> Found:
        """The answer, once it is there. Raises ExploreError, StoreError."""
        return self.future.result()
