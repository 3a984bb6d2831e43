"""The facts from which alerts are made: plain values, gathered once for each check."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from enum import StrEnum
from types import MappingProxyType

from ecommerce_core.domain import ExpectedCallback, Fact, Run


class Fault(StrEnum):
    """The cause of a failed request or run."""

    GATEWAY = "gateway"
    PEER = "peer"
    OTHER = "other"


class StoreFault(StrEnum):
    """The fault of the store of record."""

    DAMAGED = "damaged"
    FULL = "full"
    READ_ONLY = "read_only"
    UNUSABLE = "unusable"


@dataclass(frozen=True, slots=True)
class DatasetFacts:
    """The state of one dataset.

    ``last_run`` is the newest run that has ended; ``last_good`` the newest sync after which the
    store held the peer's answer. ``fault`` is the cause if ``last_run`` failed. ``schedule_age`` is
    how long ago the last good one was and ``schedule_period`` how often it should come, both in
    simulated time; None if unknown.
    """

    name: str
    peer: str
    last_run: Run | None = None
    last_good: Run | None = None
    held: Run | None = None
    fault: Fault | None = None
    schedule_age: timedelta | None = None
    schedule_period: timedelta | None = None
    is_snapshot_behind: bool = False
    snapshot_error: str | None = None


@dataclass(frozen=True, slots=True)
class SchedulerFacts:
    """How the scheduler stands. ``fault`` is None while it answers.

    ``part`` is what cannot be read of it, ``clock`` or ``tasks``; None if neither can.

    ``missed`` and ``refused`` are recurring tasks whose newest callback was that; ``late`` those
    of which the last ones all came late or took too long, with how many in a row.
    """

    fault: Fault | None = None
    part: str | None = None
    missed: tuple[ExpectedCallback, ...] = ()
    refused: tuple[ExpectedCallback, ...] = ()
    late: tuple[tuple[ExpectedCallback, int], ...] = ()
    lost_tasks: tuple[tuple[str, str], ...] = ()
    clock_stands_since: datetime | None = None


@dataclass(frozen=True, slots=True)
class Facts:
    """All facts at one moment.

    ``max_age`` is how old a dataset may be (a setting). ``registration_error`` and ``backup_error``
    are None without an error; ``failing_services`` are the names of the message services that
    refuse messages, with since when.
    """

    now: datetime
    datasets: tuple[DatasetFacts, ...] = ()
    scheduler: SchedulerFacts = field(default_factory=SchedulerFacts)
    store_fault: StoreFault | None = None
    max_age: timedelta | None = None
    registration_error: Fact | None = None
    backup_error: Fact | None = None
    backup_due_at: datetime | None = None
    failing_services: Mapping[str, datetime] = field(default_factory=lambda: MappingProxyType({}))
