"""Whether the application can do its work: the answer of ``/ecommerce/healthz``."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from enum import StrEnum

from ecommerce_core.datasets import Dataset
from ecommerce_core.domain import (
    MonitorSnapshot,
    PeerHealth,
    SchedulerState,
    StoreBusy,
    StoreDamaged,
    StoreError,
    StoreFull,
    StoreIncompatible,
)
from ecommerce_core.gateway import Gateway, RegistrationState
from ecommerce_core.scheduler import DeliveryWriter
from ecommerce_core.storage import BackupState, Reader, Store

SCHEDULER = "scheduler"


class StoreState(StrEnum):
    """Whether the store can be read and written to, or why not."""

    WRITABLE = "writable"
    BUSY = "busy"
    FULL = "full"
    DAMAGED = "damaged"
    FOREIGN = "foreign"
    UNUSABLE = "unusable"


class Reason(StrEnum):
    """What keeps the application from serving a callback."""

    STORE_BUSY = "store_busy"
    STORE_FULL = "store_full"
    STORE_DAMAGED = "store_damaged"
    STORE_FOREIGN = "store_foreign"
    STORE_UNUSABLE = "store_unusable"
    LOCK_UNUSABLE = "lock_unusable"
    WORKER_STOPPED = "worker_stopped"
    JOURNAL_STOPPED = "journal_stopped"
    JOURNAL_FAILING = "journal_failing"


_STORE_STATES: tuple[tuple[type[StoreError], StoreState], ...] = (
    (StoreBusy, StoreState.BUSY),
    (StoreFull, StoreState.FULL),
    (StoreDamaged, StoreState.DAMAGED),
    (StoreIncompatible, StoreState.FOREIGN),
)


class PeerErrors:
    """The kind of each peer's last error, as the gateway tells its observers.

    Anybody may read healthz, and an error's own words may quote what the peer sent.
    """

    def __init__(self) -> None:
        self._kinds: dict[str, str] = {}

    def observe(self, peer: str, result: str) -> None:
        """Hear of a request: ``result`` is ``ok`` or the name of an error's class."""
        if result != "ok":
            self._kinds[peer] = result

    def kind(self, peer: str) -> str | None:
        """The name of the last error's class; None before the first."""
        return self._kinds.get(peer)


@dataclass(frozen=True, slots=True)
class Health:
    """``reasons`` says what keeps the application from its work: none, and it is ready.

    Codes and values alone, since anybody may ask.
    """

    reasons: tuple[Reason, ...]
    store: StoreState
    workers: Mapping[str, bool]
    peers: Mapping[str, Mapping[str, object]]
    registration: Mapping[str, object]
    backups: Mapping[str, object]
    snapshots: Mapping[str, Mapping[str, object]]
    scheduler: Mapping[str, object]

    @property
    def is_ready(self) -> bool:
        """True where a callback could be served now."""
        return not self.reasons

    def as_dict(self) -> dict[str, object]:
        """The health as healthz says it."""
        return {
            "status": "ready" if self.is_ready else "not ready",
            "reasons": list(self.reasons),
            "store": self.store,
            "workers": dict(self.workers),
            "peers": {name: dict(peer) for name, peer in self.peers.items()},
            "registration": dict(self.registration),
            "backups": dict(self.backups),
            "snapshots": {name: dict(state) for name, state in self.snapshots.items()},
            "scheduler": dict(self.scheduler),
        }


def check(
    store: Store,
    gateway: Gateway,
    reader: Reader,
    *,
    datasets: Collection[Dataset],
    workers: Mapping[str, bool],
    locks: Mapping[str, bool],
    journal: DeliveryWriter,
    peer_errors: PeerErrors,
    registration: RegistrationState,
    backups: BackupState,
    scheduler: MonitorSnapshot,
) -> Health:
    """Look at everything once.

    ``workers`` says which datasets' threads live, ``locks`` whose lock can be used; ``scheduler``
    is what its monitor read last, which pages and metrics tell as well.

    Tries the store's lock, so it may block for seconds. A peer that is down is
    reported, but does not make the application unready: its pages and the
    other datasets work. So are a registration and a backup that fail, and rows that readers
    do not see yet.
    """
    store_state = _store_state(store)
    reasons = [] if store_state is StoreState.WRITABLE else [Reason(f"store_{store_state}")]
    if not all(locks.values()):
        reasons.append(Reason.LOCK_UNUSABLE)
    if not all(workers.values()):
        reasons.append(Reason.WORKER_STOPPED)
    if not journal.is_alive:
        reasons.append(Reason.JOURNAL_STOPPED)
    elif store_state is StoreState.WRITABLE and journal.keeps_failing():
        reasons.append(Reason.JOURNAL_FAILING)
    now = datetime.now(UTC)
    peers = {
        name: _describe_peer(gateway.health(name), peer_errors.kind(name), now)
        for name in peer_names(datasets)
    }
    if scheduler.state is not SchedulerState.UNKNOWN:
        peers[SCHEDULER]["state"] = scheduler.state.value
    return Health(
        tuple(reasons),
        store_state,
        dict(workers),
        peers,
        registration=describe_registration(registration),
        backups=describe_backups(backups, now),
        snapshots={dataset.name: _describe_snapshot(reader, dataset) for dataset in datasets},
        scheduler=describe_scheduler(scheduler, now),
    )


def _store_state(store: Store) -> StoreState:
    try:
        store.check_writable()
        store.check_sound()
    except StoreError as error:
        kinds = (state for kind, state in _STORE_STATES if isinstance(error, kind))
        return next(kinds, StoreState.UNUSABLE)
    return StoreState.WRITABLE


def _describe_snapshot(reader: Reader, dataset: Dataset) -> dict[str, object]:
    """Whether readers see the rows that are stored, and if not, why."""
    try:
        state = reader.state(dataset)
    except StoreError:
        return {"state": "unknown", "error": None}
    return {"state": state.code.value, "error": state.error_code}


def describe_registration(state: RegistrationState) -> dict[str, object]:
    """Whether the gateway knows where we are, and the kind of the error if it does not."""
    return {"state": state.status.value, "at": _iso(state.at), "error": state.error_kind}


def describe_backups(state: BackupState, now: datetime) -> dict[str, object]:
    """When the last backup was made; that one failed, but no path of it."""
    failing = "failing" if state.error is not None else "ok"
    return {
        "state": failing if state.is_on else "off",
        "last_at": _iso(state.last_at),
        "last_age_s": _age_s(state.last_at, now),
    }


def peer_names(datasets: Iterable[Dataset]) -> list[str]:
    """The peers that the application talks to, each once."""
    return list(dict.fromkeys([*(dataset.peer for dataset in datasets), SCHEDULER]))


def _describe_peer(health: PeerHealth, error_kind: str | None, now: datetime) -> dict[str, object]:
    return {
        "state": _state(health),
        "last_answer_at": _iso(health.last_answer_at),
        "last_answer_age_s": _age_s(health.last_answer_at, now),
        "last_error_age_s": _age_s(health.last_error_at, now),
        "last_error": error_kind,
    }


def describe_scheduler(seen: MonitorSnapshot, now: datetime) -> dict[str, object]:
    """The scheduler as its monitor sees it: list and clock apart, counts and no names."""
    return {
        "clock": seen.clock_state.value,
        "clock_age_s": _age_s(seen.reading.read_at, now),
        "tasks": seen.list_state.value,
        "tasks_age_s": _age_s(seen.listed_at, now),
        "standing_still_since": _iso(seen.standing_still_since),
        "odd_tasks": len(seen.odd_tasks),
        "lost_tasks": len(seen.lost_tasks),
    }


def _state(health: PeerHealth) -> str:
    times: Iterable[datetime | None] = (health.last_answer_at, health.last_error_at)
    latest = max((time for time in times if time is not None), default=None)
    if latest is None:
        return "unknown"
    return "down" if latest == health.last_error_at else "up"


def _iso(time: datetime | None) -> str | None:
    return time.isoformat(timespec="seconds") if time else None


def _age_s(time: datetime | None, now: datetime) -> float | None:
    return round(max((now - time).total_seconds(), 0.0), 1) if time else None
