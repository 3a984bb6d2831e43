"""Whether the application can do its work: the answer of ``/ecommerce/healthz``."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime

from ecommerce_core.backup import BackupState
from ecommerce_core.dataset import Dataset
from ecommerce_core.errors import StoreBusy, StoreDamaged, StoreError, StoreForeign, StoreFull
from ecommerce_core.gateway import Gateway
from ecommerce_core.models import PeerHealth
from ecommerce_core.registration import RegistrationState
from ecommerce_core.storage import Reader
from ecommerce_core.store import Store

SCHEDULER = "scheduler"

# Said instead of the error's own words, which may hold the path of the file.
_STORE_PROBLEMS: tuple[tuple[type[StoreError], str], ...] = (
    (StoreBusy, "another process holds the database"),
    (StoreFull, "no room on the disk"),
    (StoreDamaged, "the database file is damaged"),
    (StoreForeign, "the database file belongs to something else"),
)


@dataclass(frozen=True, slots=True)
class Health:
    """``reasons`` says what keeps the application from its work: none, and it is ready."""

    reasons: tuple[str, ...]
    store: str
    workers: Mapping[str, bool]
    peers: Mapping[str, Mapping[str, object]]
    registration: Mapping[str, object]
    backups: Mapping[str, object]
    snapshots: Mapping[str, Mapping[str, object]]

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
        }


def describe_store_error(error: StoreError) -> str:
    """What is wrong with the store, in words that give no path away."""
    for kind, words in _STORE_PROBLEMS:
        if isinstance(error, kind):
            return words
    return "the database cannot be written"


def check(
    store: Store,
    gateway: Gateway,
    reader: Reader,
    *,
    datasets: Collection[Dataset],
    workers: Mapping[str, bool],
    registration: RegistrationState,
    backups: BackupState,
) -> Health:
    """Look at everything once. ``workers`` says which datasets' threads live.

    Tries the store's lock, so it may block for seconds. A peer that is down is
    reported, but does not make the application unready: its pages and the
    other datasets work. So are a registration and a backup that fail, and rows that readers
    do not see yet.
    """
    reasons: list[str] = []
    store_state = "writable"
    try:
        store.check_writable()
    except StoreError as error:
        store_state = describe_store_error(error)
        reasons.append(f"store: {store_state}")
    reasons += [f"worker: {name} has stopped" for name, alive in workers.items() if not alive]
    now = datetime.now(UTC)
    peers = {name: _describe_peer(gateway.health(name), now) for name in peer_names(datasets)}
    return Health(
        tuple(reasons),
        store_state,
        dict(workers),
        peers,
        registration=describe_registration(registration),
        backups=describe_backups(backups, now),
        snapshots={dataset.name: _describe_snapshot(reader, dataset) for dataset in datasets},
    )


def _describe_snapshot(reader: Reader, dataset: Dataset) -> dict[str, object]:
    """Whether readers see the rows that are stored, and if not, why."""
    try:
        state = reader.state(dataset)
    except StoreError:
        return {"state": "unknown", "error": None}
    return {"state": state.code.value, "error": state.error_code}


def describe_registration(state: RegistrationState) -> dict[str, object]:
    """Whether the gateway knows where we are, and why not."""
    return {"state": state.status.value, "at": _iso(state.at), "error": state.error}


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


def _describe_peer(health: PeerHealth, now: datetime) -> dict[str, object]:
    return {
        "state": _state(health),
        "last_answer_at": _iso(health.last_answer_at),
        "last_answer_age_s": _age_s(health.last_answer_at, now),
        "last_error_age_s": _age_s(health.last_error_at, now),
        "last_error": health.last_error[:200] if health.last_error else None,
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
