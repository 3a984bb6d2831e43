"""A callback that is due according to the scheduler's list, as the journal remembers it."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum

from ecommerce_core.domain.messages import Fact


class ExpectedOutcome(StrEnum):
    """The outcome of a callback that was due."""

    PENDING = "pending"
    ON_TIME = "on_time"
    LATE = "late"
    SLOW = "slow"
    REFUSED = "refused"
    FAILED = "failed"
    MISSED = "missed"
    CANCELLED = "cancelled"

    @property
    def is_received(self) -> bool:
        """True if the callback reached this server, whatever its result."""
        return self not in {
            ExpectedOutcome.PENDING,
            ExpectedOutcome.MISSED,
            ExpectedOutcome.CANCELLED,
        }


@dataclass(frozen=True, slots=True)
class Lateness:
    """The bounds of lateness, in real time: ``Settings.lateness``, which has the defaults.

    ``grace`` (``callback_grace_s``): how long a callback may take to arrive once it was seen to be
    due, before it is *missed*. ``late_window`` (``callback_late_window_s``): how long after that it
    may still arrive and count as *late*. ``disappearance_timeout`` (``task_disappearance_s``): how
    long a recurring task may be missing from the scheduler's list while the clock moves on, before
    it counts as deleted.
    """

    grace: timedelta
    late_window: timedelta
    disappearance_timeout: timedelta


@dataclass(frozen=True, slots=True)
class ExpectedCallback:
    """One callback that was due, or ``count`` of them, from ``simulated_at`` to the last.

    ``since_at`` is when the entry was last seen in the list, ``noticed_at`` when it was first seen
    missing; ``speed`` is the clock's then. ``id`` is 0 until it is stored. The last three describe
    the callback that matched: ``lateness_s`` in simulated seconds, never below 0.
    """

    id: int
    dataset: str
    task_name: str
    source_app: str
    recurrence: str
    simulated_at: datetime
    simulated_last_at: datetime
    count: int
    since_at: datetime
    noticed_at: datetime
    speed: float
    outcome: ExpectedOutcome = ExpectedOutcome.PENDING
    reason: Fact | None = None
    delivery_id: int | None = None
    received_at: datetime | None = None
    lateness_s: float | None = None
    duration_s: float | None = None


@dataclass(frozen=True, slots=True)
class ExpectedSummary:
    """Counts of one task: ``expected == received + missed + pending``; ``cancelled`` apart."""

    dataset: str
    task_name: str
    recurrence: str
    on_time: int = 0
    late: int = 0
    slow: int = 0
    refused: int = 0
    failed: int = 0
    missed: int = 0
    pending: int = 0
    cancelled: int = 0

    @property
    def received(self) -> int:
        """The number that reached this server."""
        return self.on_time + self.late + self.slow + self.refused + self.failed

    @property
    def expected(self) -> int:
        """The number of callbacks that were due."""
        return self.received + self.missed + self.pending
