"""Detect that the scheduler's clock stands still, and which callbacks may hold it."""

from __future__ import annotations

import logging
from collections.abc import Sequence
from datetime import datetime

from ecommerce_core.domain import ClockReading, Task, held_by, stands_still

logger = logging.getLogger(__name__)


class StillClock:
    """Follows the clock from poll to poll. Not to be used by two threads at once.

    The real scheduler waits for each callback without a time-out, and its clock waits with it. A
    recurring task without application ends its loop for good. Its state remains "running".
    """

    def __init__(self) -> None:
        self._since: ClockReading | None = None
        self._before: tuple[Task, ...] = ()
        self._tasks: tuple[Task, ...] = ()
        self._is_still = False
        self._was_still = False

    def update(
        self, tasks: Sequence[Task], reading: ClockReading
    ) -> tuple[datetime | None, tuple[Task, ...]]:
        """Return since when the clock stands still, and the tasks that may hold it.

        The moment is None if the clock moves, is paused, or cannot be read.
        """
        since, clock = self._since, reading.clock
        if reading.error is not None:
            self._is_still = False
            return None, ()
        if since is None or since.clock is None or since.clock != clock:
            self._since, self._before = reading, self._tasks or tuple(tasks)
        self._tasks = tuple(tasks)
        since = self._since
        self._is_still = since is not None and stands_still(since, reading)
        if since is None or clock is None or not self._is_still:
            return None, ()
        return since.read_at, held_by(self._before, tasks, clock.simulated_at)

    def log(self) -> None:
        """Log once that the clock stands still, or that it moves again."""
        if self._is_still and not self._was_still:
            logger.warning("the scheduler's clock stands still, though it is not paused")
        elif self._was_still and not self._is_still:
            logger.info("the scheduler's clock does not stand still any more")
        self._was_still = self._is_still
