"""The nouns of the application, frozen and typed. Times are UTC unless named ``simulated_…``."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum

from ecommerce_core.domain.messages import Fact


class Trigger(StrEnum):
    """The origin of a run."""

    MANUAL = "manual"
    CALLBACK = "callback"
    CLI = "cli"


class Action(StrEnum):
    """The effect of a run on the dataset."""

    SYNC = "sync"
    CLEAR = "clear"
    UNDO_CLEAR = "undo_clear"
    UNDO_APPLY = "undo_apply"


class RunStatus(StrEnum):
    """The state of a run."""

    RUNNING = "running"
    SUCCEEDED = "succeeded"
    PARTIAL = "partial"
    UNCHANGED = "unchanged"
    HELD = "held"
    FAILED = "failed"
    INTERRUPTED = "interrupted"

    @property
    def is_good(self) -> bool:
        """True if the store holds the peer's answer."""
        return self in {RunStatus.SUCCEEDED, RunStatus.PARTIAL, RunStatus.UNCHANGED}


class Resolution(StrEnum):
    """The end of a held run."""

    CONFIRMED = "confirmed"
    DISCARDED = "discarded"
    SUPERSEDED = "superseded"


class Outcome(StrEnum):
    """The outcome of a delivered callback."""

    EXECUTED = "executed"
    JOINED = "joined"
    REFUSED = "refused"
    FAILED = "failed"


@dataclass(frozen=True, slots=True)
class Counts:
    """What a run did to rows, each counted once, as the changes between two runs count them.

    A row is added if it was never there, and returned if it was withdrawn or cleared before,
    whatever else of it changed. Of a sync ``fetched == added + returned + updated + unchanged +
    rejected``; withdrawn apart.
    """

    fetched: int = 0
    added: int = 0
    returned: int = 0
    updated: int = 0
    unchanged: int = 0
    withdrawn: int = 0
    rejected: int = 0


@dataclass(frozen=True, slots=True)
class Run:
    """One sync, clear or undo, as the journal records it.

    ``actor`` is the first who requested it, or None if nobody had to sign in.
    """

    id: int
    dataset: str
    action: Action
    trigger: Trigger
    status: RunStatus
    started_at: datetime
    finished_at: datetime | None
    counts: Counts
    body_bytes: int
    stages_s: Mapping[str, float]
    error: Fact | None
    simulated_at: datetime | None
    task_name: str | None
    confirms_run_id: int | None
    resolution: Resolution | None
    actor: str | None = None

    @property
    def shown_status(self) -> RunStatus | Resolution:
        """The status, or what was decided about the held answer of this run."""
        return self.status if self.resolution is None else self.resolution

    @property
    def duration_s(self) -> float | None:
        """Seconds from start to end; None while it runs."""
        if self.finished_at is None:
            return None
        return (self.finished_at - self.started_at).total_seconds()


@dataclass(frozen=True, slots=True)
class Rejected:
    """A record of an answer that was not accepted. ``position`` counts from 0."""

    position: int
    key: str | None
    reason: Fact
    record: str


@dataclass(frozen=True, slots=True)
class Change:
    """One field of one row, before and after a run."""

    run_id: int
    key: str
    field: str
    old: str | int | float | None
    new: str | int | float | None


@dataclass(frozen=True, slots=True)
class Delivery:
    """One callback that arrived, and its outcome.

    ``again_of`` is the delivery that a person repeated with this one, or None.
    """

    id: int
    received_at: datetime
    dataset: str
    outcome: Outcome
    run_id: int | None
    reason: Fact | None
    simulated_at: datetime | None
    task_name: str | None
    duration_s: float | None
    again_of: int | None = None


@dataclass(frozen=True, slots=True)
class NewDelivery:
    """A callback that arrived, before the journal gave it a number."""

    received_at: datetime
    dataset: str
    outcome: Outcome
    run_id: int | None
    reason: Fact | None
    simulated_at: datetime | None
    task_name: str | None
    duration_s: float | None
    again_of: int | None = None


class Stage(StrEnum):
    """The stage that a sync has reached."""

    WAITING = "waiting"
    DOWNLOADING = "downloading"
    VALIDATING = "validating"
    STORING = "storing"


@dataclass(frozen=True, slots=True)
class Progress:
    """A sync under way. ``bytes_total`` is the size that the peer announced, or None."""

    dataset: str
    trigger: Trigger
    stage: Stage
    run_id: int | None
    bytes_done: int
    bytes_total: int | None
    records: int
    elapsed_s: float


@dataclass(frozen=True, slots=True)
class Clock:
    """The scheduler's clock. ``simulated_at`` is naive; ``speed`` in simulated s per s."""

    simulated_at: datetime
    speed: float
    paused: bool


@dataclass(frozen=True, slots=True)
class ClockReading:
    """The last good reading, when it was taken, and the error that followed it, if any."""

    clock: Clock | None
    read_at: datetime | None
    error: Fact | None


class Recurrence(StrEnum):
    """The recurrences that the scheduler knows; it stores any other silently as ``none``."""

    NONE = "none"
    MINUTE = "minute"
    HOUR = "hour"
    DAY = "day"
    WEEK = "week"


class Oddity(StrEnum):
    """The reason why an entry of the scheduler's list is only shown as far as it can be read."""

    INCOMPLETE = "incomplete"
    NO_APPLICATION = "no_application"
    NO_TIME = "no_time"
    WRONG_TYPE = "wrong_type"
    TOO_LONG = "too_long"


class ListForm(StrEnum):
    """The form in which a scheduler lists tasks: the newest in JSON, the oldest times and URLs."""

    JSON = "json"
    TABLE = "table"
    URL_TABLE = "url_table"
    OLDEST_TABLE = "oldest_table"

    @property
    def is_old(self) -> bool:
        """Return True if the list does not say everything about a task."""
        return self in {ListForm.URL_TABLE, ListForm.OLDEST_TABLE}


@dataclass(frozen=True, slots=True)
class Task:
    """An entry of the scheduler's list. ``target`` is application and path as one text.

    ``target_app`` and ``target_url`` are None if the scheduler only has the HTML list, which
    runs them together, or if the task has none. ``next_fire_time`` is None if it cannot be read.
    ``recurrence`` is what the scheduler says, even if we do not know it. ``oddities`` say what
    is wrong with the entry, which anybody may have written.
    """

    name: str
    source_app: str
    target: str
    target_app: str | None
    target_url: str | None
    next_fire_time: datetime | None
    recurrence: str
    data: str | None
    oddities: tuple[Oddity, ...] = ()


@dataclass(frozen=True, slots=True)
class PeerHealth:
    """The last answer and error of one peer, for the health page, which computes the ages."""

    peer: str
    last_answer_at: datetime | None = None
    last_error_at: datetime | None = None
    last_error: Fact | None = None
