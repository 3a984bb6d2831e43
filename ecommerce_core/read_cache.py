"""Answers that hold until the next run changes a dataset's rows: counts, facets, pages of rows."""

from __future__ import annotations

import threading
from collections import OrderedDict
from collections.abc import Callable, Hashable
from typing import Any, TypeVar

T = TypeVar("T")

ENTRIES_KEPT = 256


class ReadCache:
    """The last ``entries`` answers, by what was asked of which version. Safe for all threads."""

    def __init__(self, entries: int = ENTRIES_KEPT) -> None:
        self._entries = entries
        self._kept: OrderedDict[Hashable, Any] = OrderedDict()
        self._lock = threading.Lock()

    def get(self, key: Hashable, read: Callable[[], T]) -> T:
        """The answer under ``key``; ``read`` finds it where it is not kept, and may raise."""
        with self._lock:
            if key in self._kept:
                self._kept.move_to_end(key)
                found: T = self._kept[key]
                return found
        # Outside the lock: two who ask at once read twice, and nobody waits for the other.
        value = read()
        with self._lock:
            self._kept[key] = value
            while len(self._kept) > self._entries:
                self._kept.popitem(last=False)
        return value
