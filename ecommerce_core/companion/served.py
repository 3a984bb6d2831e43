"""What the companion needs of the application, which stands above it and is not imported here."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Protocol

from ecommerce_core.companion.health import PeerErrors
from ecommerce_core.companion.metrics import Metrics
from ecommerce_core.domain import Access, Actor, NewDelivery, Run, SignedLinks, Trigger
from ecommerce_core.gateway import Gateway, Registration
from ecommerce_core.live import Live
from ecommerce_core.scheduler import DeliveryWriter, PendingRun, Scheduler
from ecommerce_core.settings import Settings
from ecommerce_core.storage import BackupSchedule, Comparison, Reader, SignOuts, Snapshots, Store


class ServedApplication(Protocol):
    """The application as the companion sees it."""

    @property
    def settings(self) -> Settings:
        """What an operator set."""
        ...

    @property
    def store(self) -> Store:
        """The rows and the journal."""
        ...

    @property
    def reader(self) -> Reader:
        """What readers see of the rows."""
        ...

    @property
    def gateway(self) -> Gateway:
        """The way to the peers."""
        ...

    @property
    def scheduler(self) -> Scheduler:
        """Whose clock is simulated."""
        ...

    @property
    def registration(self) -> Registration:
        """Whether the gateway knows where we are."""
        ...

    @property
    def backups(self) -> BackupSchedule:
        """When the store was backed up last."""
        ...

    @property
    def access(self) -> Access:
        """Whether visitors sign in."""
        ...

    @property
    def live(self) -> Live:
        """What pages are told of."""
        ...

    @property
    def sign_outs(self) -> SignOuts:
        """The sign-ins that were ended before their time."""
        ...

    @property
    def links(self) -> SignedLinks:
        """Signs and checks what pages give their visitors' browsers."""
        ...

    @property
    def snapshots(self) -> Snapshots:
        """The files that readers read."""
        ...

    @property
    def comparison(self) -> Comparison:
        """What differs between two runs."""
        ...

    @property
    def run_observers(self) -> list[Callable[[Run], None]]:
        """Who hears of each run that ended."""
        ...

    def record_deliveries(
        self, deliveries: Sequence[NewDelivery], refused_not_kept: Mapping[str, int]
    ) -> None:
        """Write callbacks to the journal, and tell the pages. Raises StoreError."""
        ...

    def workers_alive(self) -> Mapping[str, bool]:
        """Whether the thread that syncs it lives, by dataset."""
        ...

    def locks_usable(self) -> Mapping[str, bool]:
        """Whether a sync of it could take its lock, or wait for it, by dataset."""
        ...

    def request_sync(
        self,
        name: str,
        *,
        actor: Actor,
        trigger: Trigger,
        simulated_at: datetime | None = None,
        task_name: str | None = None,
    ) -> PendingRun:
        """A place in a run that begins after this call; never waits.

        Raises NotAllowed, SyncError.
        """
        ...


@dataclass(frozen=True, slots=True)
class Service:
    """An application that is being served, with what the companion keeps of it."""

    app: ServedApplication
    metrics: Metrics
    deliveries: DeliveryWriter
    peer_errors: PeerErrors
