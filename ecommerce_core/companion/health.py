"""The health of the application: the answer of ``/ecommerce/healthz``."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from enum import StrEnum

from ecommerce_core.application import Application
from ecommerce_core.datasets import Dataset
from ecommerce_core.domain import (
    Alert,
    MonitorSnapshot,
    PeerHealth,
    SchedulerState,
    Severity,
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
    """A reason why the application cannot serve a callback."""

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
    """The kind of each peer's last error, from the gateway's observers.

    Anybody may read healthz, and an error's text may quote the peer.
    """

    def __init__(self) -> None:
        self._kinds: dict[str, str] = {}

    def observe(self, peer: str, result: str) -> None:
        """Record a request's ``result``: ``ok`` or the name of an error's class."""
        if result != "ok":
            self._kinds[peer] = result

    def kind(self, peer: str) -> str | None:
        """Return the name of the last error's class, or None before the first."""
        return self._kinds.get(peer)


@dataclass(frozen=True, slots=True)
class Health:
    """The health of the application. It is ready if there are no ``reasons``.

    It holds codes and values only, since anybody may read it.
    """

    reasons: tuple[Reason, ...]
    store: StoreState
    workers: Mapping[str, bool]
    peers: Mapping[str, Mapping[str, object]]
    registration: Mapping[str, object]
    backups: Mapping[str, object]
    snapshots: Mapping[str, Mapping[str, object]]
    server: Mapping[str, object]
    scheduler: Mapping[str, object]
    alerts: Sequence[Mapping[str, object]] = ()

    @property
    def status(self) -> str:
        """The state in a word; ``degraded``: callbacks are served, but somebody is needed."""
        if not self.is_ready:
            return "not ready"
        is_degraded = any(alert["severity"] != Severity.INFO for alert in self.alerts)
        return "degraded" if is_degraded else "ready"

    @property
    def is_ready(self) -> bool:
        """True if a callback could be served now."""
        return not self.reasons

    def as_dict(self) -> dict[str, object]:
        """Return the health as healthz answers it."""
        return {
            "status": self.status,
            "reasons": list(self.reasons),
            "store": self.store,
            "workers": dict(self.workers),
            "peers": {name: dict(peer) for name, peer in self.peers.items()},
            "registration": dict(self.registration),
            "backups": dict(self.backups),
            "snapshots": {name: dict(state) for name, state in self.snapshots.items()},
            "server": dict(self.server),
            "alerts": [dict(alert) for alert in self.alerts],
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
    server: Mapping[str, object],
    alerts: Iterable[Alert],
    scheduler: MonitorSnapshot,
) -> Health:
    """Check everything once.

    ``workers`` says which datasets' threads live, ``locks`` whose lock can be used; ``scheduler``
    is what its monitor read last, as on pages and in metrics.

    Tries the store's lock, so it may block for seconds. A peer that is down is reported, but does
    not make the application unready: its pages and the other datasets work. The same holds for a
    registration or a backup that fails, and for rows that readers do not see yet.
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
        server=server,
        alerts=[_describe_alert(alert) for alert in alerts if alert.inhibited_by is None],
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


def describe_server(app: Application) -> dict[str, object]:
    """Return the ids of this server and of the one that monitors the scheduler; no names."""
    try:
        leader = app.leading_server()
    except StoreError:
        leader = None
    return {"id": app.server_id, "leads": app.leader.leads, "leader": leader}


def _describe_snapshot(reader: Reader, dataset: Dataset) -> dict[str, object]:
    """Return whether readers see the stored rows, and if not, why."""
    try:
        state = reader.state(dataset)
    except StoreError:
        return {"state": "unknown", "error": None}
    return {"state": state.code.value, "error": state.error_code}


def describe_registration(state: RegistrationState) -> dict[str, object]:
    """Return whether we are registered with the gateway, and the kind of the last error."""
    return {"state": state.status.value, "at": _iso(state.at), "error": state.error_kind}


def describe_backups(state: BackupState, now: datetime) -> dict[str, object]:
    """Return when the last backup was made and whether the last one failed, without its path."""
    failing = "failing" if state.error is not None else "ok"
    return {
        "state": failing if state.is_on else "off",
        "last_at": _iso(state.last_at),
        "last_age_s": _age_s(state.last_at, now),
    }


def _describe_alert(alert: Alert) -> dict[str, object]:
    """Return an alert without its subject, which may contain a task's name by anybody."""
    return {
        "code": alert.code,
        "severity": alert.severity,
        "datasets": list(alert.datasets),
        "since": _iso(alert.since_at),
    }


def peer_names(datasets: Iterable[Dataset]) -> list[str]:
    """Return the peers that the application calls, each once."""
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
    """Describe the scheduler as its monitor read it: list and clock apart, counts and no names."""
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
