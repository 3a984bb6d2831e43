"""An alert as a value: its code, its severity, and its subject."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum
from types import MappingProxyType
from typing import NamedTuple

AlertDetail = str | int | float | None


class Severity(StrEnum):
    """The severity of an alert, in Prometheus' words."""

    INFO = "info"
    WARNING = "warning"
    CRITICAL = "critical"

    @property
    def rank(self) -> int:
        """A number that is higher for worse alerts."""
        return list(Severity).index(self)


class AlertCode(StrEnum):
    """The kinds of alerts."""

    STORE_DAMAGED = "store_damaged"
    STORE_FULL = "store_full"
    STORE_READ_ONLY = "store_read_only"
    STORE_UNUSABLE = "store_unusable"
    GATEWAY_DOWN = "gateway_down"
    SCHEDULER_DOWN = "scheduler_down"
    PEER_DOWN = "peer_down"
    FETCH_FAILED = "fetch_failed"
    FETCH_INTERRUPTED = "fetch_interrupted"
    ANSWER_HELD = "answer_held"
    RECORDS_REJECTED = "records_rejected"
    DATA_STALE = "data_stale"
    CALLBACKS_MISSED = "callbacks_missed"
    CALLBACKS_LATE = "callbacks_late"
    CALLBACKS_REFUSED = "callbacks_refused"
    TASKS_LOST = "tasks_lost"
    CLOCK_STANDS_STILL = "clock_stands_still"
    REGISTRATION_FAILING = "registration_failing"
    SNAPSHOT_BEHIND = "snapshot_behind"
    BACKUP_OVERDUE = "backup_overdue"
    MESSAGES_FAILING = "messages_failing"

    @property
    def severity(self) -> Severity:
        """The severity of this kind of alert."""
        if self in _CRITICAL:
            return Severity.CRITICAL
        return Severity.INFO if self is AlertCode.RECORDS_REJECTED else Severity.WARNING


# Nothing new can be stored, or nothing arrives any more.
_CRITICAL = frozenset(
    {
        AlertCode.STORE_DAMAGED,
        AlertCode.STORE_FULL,
        AlertCode.STORE_READ_ONLY,
        AlertCode.STORE_UNUSABLE,
        AlertCode.GATEWAY_DOWN,
        AlertCode.SCHEDULER_DOWN,
        AlertCode.PEER_DOWN,
        AlertCode.FETCH_FAILED,
        AlertCode.REGISTRATION_FAILING,
    }
)


class AlertKey(NamedTuple):
    """The part of an alert that stays the same while it lasts."""

    code: AlertCode
    subject: str


@dataclass(frozen=True, slots=True)
class Alert:
    """Something that is wrong, since ``since_at``.

    ``subject`` distinguishes alerts of one code: a dataset, a peer, a task; empty if there can be
    but one. ``datasets`` are those that it concerns, none for all. ``details`` are codes and
    numbers for its text, never a row's data. ``inhibited_by`` is the alert that causes it: messages
    are sent for that one, and not for this one.
    """

    code: AlertCode
    subject: str
    since_at: datetime
    datasets: tuple[str, ...] = ()
    details: Mapping[str, AlertDetail] = field(default_factory=lambda: MappingProxyType({}))
    inhibited_by: AlertCode | None = None

    @property
    def key(self) -> AlertKey:
        """Its identity."""
        return AlertKey(self.code, self.subject)

    @property
    def severity(self) -> Severity:
        """Its severity."""
        return self.code.severity

    @property
    def page(self) -> str:
        """The page that resolves it: ``activity``, ``scheduler``, or the overview."""
        if self.code in _ON_ACTIVITY:
            return "activity"
        return "scheduler" if self.code in _ON_SCHEDULER else ""

    def concerns(self, dataset: str) -> bool:
        """Return whether it concerns this dataset in particular."""
        return dataset in self.datasets


_ON_ACTIVITY = frozenset(
    {
        AlertCode.PEER_DOWN,
        AlertCode.FETCH_FAILED,
        AlertCode.FETCH_INTERRUPTED,
        AlertCode.ANSWER_HELD,
        AlertCode.RECORDS_REJECTED,
        AlertCode.CALLBACKS_REFUSED,
        AlertCode.DATA_STALE,
    }
)
_ON_SCHEDULER = frozenset(
    {
        AlertCode.SCHEDULER_DOWN,
        AlertCode.CALLBACKS_MISSED,
        AlertCode.CALLBACKS_LATE,
        AlertCode.TASKS_LOST,
        AlertCode.CLOCK_STANDS_STILL,
    }
)
