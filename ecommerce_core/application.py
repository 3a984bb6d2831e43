"""Wires settings, store, gateway, scheduler and workers into what every entry point uses."""

from __future__ import annotations

import logging
import time
from collections.abc import Callable, Mapping
from datetime import datetime, timedelta
from types import MappingProxyType

from ecommerce_core.backup import BackupSchedule
from ecommerce_core.catalogue import PRODUCTS
from ecommerce_core.crm import CUSTOMERS
from ecommerce_core.dataset import Dataset
from ecommerce_core.errors import RunNotHeld
from ecommerce_core.gateway import Gateway
from ecommerce_core.logs import log_run
from ecommerce_core.models import Progress, Run, Trigger
from ecommerce_core.presence import Presence
from ecommerce_core.registration import Registration
from ecommerce_core.scheduler import Scheduler
from ecommerce_core.settings import Settings
from ecommerce_core.store import Store
from ecommerce_core.sync import Job, Sync
from ecommerce_core.watcher import Watcher
from ecommerce_core.worker import Ticket, Worker

logger = logging.getLogger(__name__)

DATASETS: Mapping[str, Dataset] = MappingProxyType(
    {dataset.name: dataset for dataset in (PRODUCTS, CUSTOMERS)}
)
# How long a clear waits for a sync that is about to end.
CLEAR_PATIENCE_S = 5.0


class Application:
    """Everything the application can do. Pages, companion and command line get it from here.

    ``sandbox_url`` is where the embedded peers are; None with a real gateway.
    ``run_observers`` are called with every run that ended, on the thread that ran it.
    """

    datasets: Mapping[str, Dataset] = DATASETS

    def __init__(
        self,
        settings: Settings,
        *,
        store: Store,
        gateway: Gateway,
        sandbox_url: str | None = None,
        presence: Presence | None = None,
    ) -> None:
        self.settings = settings
        self.store = store
        self.gateway = gateway
        self.sandbox_url = sandbox_url
        self.scheduler = Scheduler(
            gateway, app_name=settings.app_name, secrets=settings.callback_secrets
        )
        self.run_observers: list[Callable[[Run], None]] = []
        sync = Sync(settings, gateway, store)
        self._workers = {
            name: Worker(dataset, sync, store, on_run=self._tell)
            for name, dataset in self.datasets.items()
        }
        self.watcher = Watcher(
            self.scheduler,
            store,
            app_name=settings.app_name,
            datasets=self.datasets,
            source=gateway.base_url,
            progress=self.progress,
            grace_s=settings.callback_grace_s,
        )
        self.registration = Registration(settings)
        self.backups = BackupSchedule(
            store,
            settings.backup_dir,
            every=timedelta(hours=settings.backup_every_h),
            keep=settings.backup_keep,
        )
        self._presence = presence

    @classmethod
    def open(cls, settings: Settings, *, gateway_url: str, is_sandbox: bool = False) -> Application:
        """Open the store and wire the rest. Raises StoreError."""
        gateway = Gateway(
            gateway_url,
            timeout_s=settings.timeout_s,
            deadline_s=settings.deadline_s,
            max_body_bytes=settings.max_body_mb * 2**20,
        )
        presence = Presence.announce(settings.database)
        try:
            store = Store.open(settings.database)
        except BaseException:
            presence.let_go()
            raise
        return cls(
            settings,
            store=store,
            gateway=gateway,
            sandbox_url=gateway_url if is_sandbox else None,
            presence=presence,
        )

    def start(self, *, watch: bool = True) -> None:
        """Start the workers; runs that a crash left behind become ``interrupted``.

        ``watch``: also watch the scheduler, register with the gateway and keep backups,
        which is for who takes the scheduler's callbacks.
        """
        for worker in self._workers.values():
            worker.start()
        if watch:
            self.watcher.start()
            self.registration.start()
            self.backups.start()

    def stop(self, *, timeout_s: float = 8.0) -> None:
        """Let running syncs end within ``timeout_s``, roll back what does not, stop the workers."""
        ends_at = time.monotonic() + timeout_s
        self.watcher.stop()
        self.registration.stop()
        self.backups.stop()
        for worker in self._workers.values():
            worker.turn_away()
        for worker in self._workers.values():
            worker.stop(timeout_s=max(0.0, ends_at - time.monotonic()))

    def close(self) -> None:
        """Let go of the database, which others may replace now: nothing here uses it any more."""
        if self._presence is not None:
            self._presence.let_go()

    def workers_alive(self) -> Mapping[str, bool]:
        """Dataset by dataset, whether its worker takes work."""
        return {name: worker.is_alive for name, worker in self._workers.items()}

    def request_sync(
        self,
        name: str,
        *,
        trigger: Trigger,
        join_running: bool = False,
        simulated_at: datetime | None = None,
        task_name: str | None = None,
    ) -> Ticket:
        """Ask for a sync of a dataset; never waits.

        ``join_running`` takes a sync under way as good enough; without it the
        answer is at least as new as this question. Raises SyncStopped, KeyError.
        """
        job = Job(trigger, simulated_at=simulated_at, task_name=task_name)
        return self._workers[name].request(job, join_running=join_running)

    def progress(self, name: str) -> Progress | None:
        """The dataset's sync under way in this process; None where there is none."""
        return self._workers[name].progress()

    def clear(self, name: str, *, trigger: Trigger) -> Run:
        """Empty a dataset; ``undo_clear`` brings it back until the next sync.

        Raises SyncBusy, StoreError.
        """
        with self._workers[name].exclusive(timeout_s=CLEAR_PATIENCE_S):
            run = self.store.clear(self.datasets[name], trigger=trigger)
        log_run(run)
        self._tell(run)
        return run

    def undo_clear(self, name: str, *, trigger: Trigger) -> Run:
        """Bring back what the last clear took. Raises NothingToUndo, SyncBusy, StoreError."""
        with self._workers[name].exclusive(timeout_s=CLEAR_PATIENCE_S):
            run = self.store.undo_clear(self.datasets[name], trigger=trigger)
        log_run(run)
        self._tell(run)
        return run

    def undoable_rows(self, name: str) -> int:
        """How many rows an undo would bring back; 0 where there is nothing to undo."""
        return self.store.undoable_rows(self.datasets[name])

    def confirm(self, run_id: int, *, trigger: Trigger) -> Ticket:
        """Apply the answer that a held run keeps. Raises RunNotHeld, SyncStopped, StoreError."""
        run = self._held(run_id)
        return self._workers[run.dataset].request(Job(trigger, confirms_run_id=run_id))

    def discard(self, run_id: int) -> Run:
        """Let go of a held run's answer; the store stays as it is.

        Raises RunNotHeld, SyncBusy, StoreError.
        """
        run = self._held(run_id)
        with self._workers[run.dataset].exclusive(timeout_s=CLEAR_PATIENCE_S):
            return self.store.discard_held(run_id)

    def _held(self, run_id: int) -> Run:
        run = self.store.run(run_id)
        held = None if run is None else self.store.held_run(run.dataset)
        if run is None or held is None or held.id != run_id:
            raise RunNotHeld("run {run_id} does not wait for a decision", run_id=run_id)
        return run

    def _tell(self, run: Run) -> None:
        for observer in tuple(self.run_observers):
            try:
                observer(run)
            except Exception:
                # The run is committed: whoever waits for it must not hear that it failed.
                logger.exception("an observer of runs failed")


_installed: list[Application] = []


def install(application: Application | None) -> None:
    """Make ``application`` the one that this process's pages use; None takes it away."""
    _installed[:] = [] if application is None else [application]


def current() -> Application:
    """The application of this process. Raises RuntimeError where the server installed none."""
    if not _installed:
        raise RuntimeError("no application is installed: start with `streamlit run dashboard.py`")
    return _installed[0]
