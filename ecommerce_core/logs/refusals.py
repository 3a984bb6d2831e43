"""Limit the refused callbacks in the journal: strangers send them, and must not fill the disk."""

from __future__ import annotations

import threading
import time
from collections import Counter
from collections.abc import Callable, Mapping

# About as many as a misconfigured scheduler sends in a minute; a flood exceeds it at once.
KEPT_A_MINUTE = 20
_MINUTE_S = 60.0


class RefusalLimit:
    """Admits up to ``per_minute`` refused callbacks of each dataset, and counts the others.

    Each dataset has its own limit, so that a flood at one does not hide the other's refusals.
    Any thread may call it.
    """

    def __init__(
        self, *, per_minute: int = KEPT_A_MINUTE, now_s: Callable[[], float] = time.monotonic
    ) -> None:
        self._per_minute = per_minute
        self._now_s = now_s
        self._lock = threading.Lock()
        self._began_s: dict[str, float] = {}
        self._admitted: Counter[str] = Counter()
        self._not_kept: Counter[str] = Counter()

    def admits(self, dataset: str) -> bool:
        """Return whether one more may be kept; count it if not."""
        now_s = self._now_s()
        with self._lock:
            if now_s - self._began_s.get(dataset, now_s - _MINUTE_S) >= _MINUTE_S:
                self._began_s[dataset] = now_s
                self._admitted[dataset] = 0
            if self._admitted[dataset] < self._per_minute:
                self._admitted[dataset] += 1
                return True
            self._not_kept[dataset] += 1
            return False

    def take_not_kept(self) -> Mapping[str, int]:
        """Return how many were not kept since the last call, by dataset."""
        with self._lock:
            taken, self._not_kept = self._not_kept, Counter()
        return taken

    def give_back(self, not_kept: Mapping[str, int]) -> None:
        """Add back counts that were taken but could not be written."""
        with self._lock:
            self._not_kept.update(not_kept)
