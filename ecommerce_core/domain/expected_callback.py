"""A callback that the scheduler promised, as the journal remembers it."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum

from ecommerce_core.domain.messages import Fact


class ExpectedOutcome(StrEnum):
    """What became of a callback that the scheduler promised."""

    OWED = "owed"
    ON_TIME = "on_time"
    LATE = "late"
    OVERRAN = "overran"
    REFUSED = "refused"
    FAILED = "failed"
    MISSED = "missed"
    VOID = "void"

    @property
    def is_received(self) -> bool:
        """True where the callback reached us, whatever became of it then."""
        return self not in {ExpectedOutcome.OWED, ExpectedOutcome.MISSED, ExpectedOutcome.VOID}


@dataclass(frozen=True, slots=True)
class ExpectedCallback:
    """One callback that was due, or ``count`` of them, from ``simulated_at`` to the last.

    ``since_at`` is when the entry was last seen waiting, ``noticed_at`` when it was first
    seen gone; ``speed`` is the clock's then. ``id`` is 0 until it is stored. The three
    last say what the callback did: ``lateness_s`` in simulated seconds, never below 0.
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
    outcome: ExpectedOutcome = ExpectedOutcome.OWED
    reason: Fact | None = None
    delivery_id: int | None = None
    received_at: datetime | None = None
    lateness_s: float | None = None
    duration_s: float | None = None


@dataclass(frozen=True, slots=True)
class ExpectedSummary:
    """Counts of one task's promises: ``promised == received + missed + owed``; ``void`` apart."""

    dataset: str
    task_name: str
    recurrence: str
    on_time: int = 0
    late: int = 0
    overran: int = 0
    refused: int = 0
    failed: int = 0
    missed: int = 0
    owed: int = 0
    void: int = 0

    @property
    def received(self) -> int:
        """How many reached us."""
        return self.on_time + self.late + self.overran + self.refused + self.failed

    @property
    def promised(self) -> int:
        """How many the scheduler was to send."""
        return self.received + self.missed + self.owed
