"""Connect settings, store, gateway, scheduler and workers for every entry point."""

from __future__ import annotations

import logging
import secrets
import time
from collections.abc import Callable, Mapping, Sequence
from datetime import UTC, datetime, timedelta
from functools import partial

from ecommerce_core.alerts import (
    AlertWatch,
    DeadMansSwitch,
    FactSource,
    Messenger,
)
from ecommerce_core.datasets import DATASETS, Dataset, migrations_of
from ecommerce_core.domain import (
    Access,
    Actor,
    AuditAction,
    DeliveryUnknown,
    EcommerceError,
    NewDelivery,
    Outcome,
    Permission,
    Progress,
    Role,
    Run,
    RunNotHeld,
    SignedLinks,
    StoreError,
    Trigger,
    estimate,
)
from ecommerce_core.gateway import Gateway, Registration
from ecommerce_core.live import Live, LiveLook, OtherServers
from ecommerce_core.logs import log_run
from ecommerce_core.scheduler import (
    AuditedSchedulerControl,
    CallbackContext,
    DeliveryWriter,
    Scheduler,
    SchedulerControl,
    SchedulerMonitor,
)
from ecommerce_core.settings import Settings
from ecommerce_core.storage import (
    ON_PAGE,
    AuditLog,
    BackupSchedule,
    ChangeReader,
    Exploration,
    Explorer,
    Leader,
    Limits,
    Reader,
    RetentionSchedule,
    SavedViews,
    SignOuts,
    Snapshots,
    Store,
    Version,
    kept_by_server,
    open_store,
)
from ecommerce_core.sync import Job, RunHandle, Sync, Worker

logger = logging.getLogger(__name__)

# How long a clear waits for a sync to end.
CLEAR_PATIENCE_S = 5.0


class Application:
    """Everything the application can do, for pages, companion and command line.

    Methods that change something take the ``actor`` who requests it, and raise NotAllowed if the
    role does not allow it. ``sign_in_providers`` are the sign-in providers; without any, nobody has
    to sign in. ``link_secret`` signs the links on pages if people sign in. ``sandbox_url`` is the
    address of the embedded peers; None with a real gateway. ``run_observers`` are called with every
    run that ended, on the thread that ran it.
    """

    def __init__(
        self,
        settings: Settings,
        *,
        store: Store,
        gateway: Gateway,
        datasets: Mapping[str, Dataset] = DATASETS,
        sandbox_url: str | None = None,
        sign_in_providers: Sequence[str] = (),
        link_secret: str | None = None,
        server_id: str = "",
    ) -> None:
        self.server_id = server_id or secrets.token_hex(4)
        self.settings = settings
        self.store = store
        self.gateway = gateway
        self.datasets = datasets
        self.sandbox_url = sandbox_url
        self.audit_log = AuditLog(store)
        self.views = SavedViews(store, self.audit_log)
        self.scheduler = Scheduler(
            gateway,
            app_name=settings.app_name,
            secrets=settings.callback_secrets,
            own_tasks={one.callback_path: one.task_name for one in self.datasets.values()},
        )
        self.scheduler_control: SchedulerControl = AuditedSchedulerControl(
            self.scheduler,
            store,
            app_name=settings.app_name,
            datasets=self.datasets,
            audit=self.audit_log.record,
        )
        self.sign_outs = SignOuts(store.sign_outs)
        self.access = Access(
            providers=tuple(sign_in_providers),
            operators=frozenset(settings.operators),
            operator_claim=settings.operator_claim,
            agent_role=Role(settings.agent_role),
            lasts_h=settings.sign_in_hours,
            is_ended=self.sign_outs.is_ended,
        )
        self.links = SignedLinks(link_secret)
        self.run_observers: list[Callable[[Run], None]] = []
        self.snapshots = Snapshots(store.path, store, writer_threads=settings.reader_threads)
        self.reader = Reader(
            self.snapshots,
            memory_mb=settings.reader_memory_mb,
            threads=settings.reader_threads,
        )
        self.changes = ChangeReader(store, self.reader)
        self.ping = DeadMansSwitch(settings.ping_url)
        self.run_observers.append(self.ping.ended)
        self.explorer = Explorer(
            self.snapshots,
            store,
            self.datasets.values(),
            memory_mb=settings.explore_memory_mb,
            timeout_s=settings.explore_timeout_s,
            threads=settings.reader_threads,
        )
        sync = Sync(settings, gateway, store)
        self._workers = {
            name: Worker(
                dataset,
                sync,
                store,
                self.snapshots,
                on_begin=self.ping.begun,
                on_run=self._tell,
                on_rows=self._rows_shown,
            )
            for name, dataset in self.datasets.items()
        }
        self.leader = Leader(store)
        self.monitor = SchedulerMonitor(
            self.scheduler,
            store,
            app_name=settings.app_name,
            datasets=self.datasets,
            source=gateway.base_url,
            progress=self.progress,
            lateness=settings.lateness,
            leader=self.leader,
            keep=self.scheduler_control.keep if settings.keep_tasks else None,
        )
        self.registration = Registration(settings)
        if settings.database_url is not None and settings.backup_dir is not None:
            logger.warning("%s", kept_by_server(store.name))
        self.backups = BackupSchedule(
            store,
            None if settings.database_url else settings.backup_dir,
            every=timedelta(hours=settings.backup_every_h),
            keep=settings.backup_keep,
        )
        self.messenger = Messenger.from_settings(settings, store, self.datasets)
        hours = settings.max_age_h
        self.facts = FactSource(
            store,
            self.reader,
            self.monitor,
            lambda: self.backups,
            self.registration,
            self.datasets,
            settings.app_name,
            settings.lateness.grace,
            max_age=None if hours is None else timedelta(hours=hours),
            failing_services=self._failing_services,
        )
        self.alerts = AlertWatch(self.facts, leader=self.leader)
        self.alerts.observers.append(self.messenger.hear)
        self.retention = RetentionSchedule.from_settings(settings, store)
        look = LiveLook(
            store,
            gateway,
            self.monitor,
            self.backups,
            self.registration,
            self.datasets,
            self._told_progress,
            self._shown,
            lambda: tuple(alert.key for alert in self.alerts.newest()),
        )
        self.live = Live(look.look)
        self.monitor.observers.append(self.live.wake)
        self._others = OtherServers(
            store, on_change=self._hear_change, on_sign_out=self._hear_sign_out
        )
        # For deliveries that people repeat; the companion has a writer for those of the scheduler.
        self._deliveries = DeliveryWriter(self.record_deliveries)

    @classmethod
    def open(
        cls,
        settings: Settings,
        *,
        gateway_url: str,
        datasets: Mapping[str, Dataset] = DATASETS,
        is_sandbox: bool = False,
        sign_in_providers: Sequence[str] = (),
        link_secret: str | None = None,
    ) -> Application:
        """Open the store and connect the rest. Raises StoreError."""
        gateway = Gateway(
            gateway_url,
            timeout_s=settings.timeout_s,
            deadline_s=settings.deadline_s,
            max_body_bytes=settings.max_body_mb * 2**20,
        )
        server_id = secrets.token_hex(4)
        store = open_store(
            settings.database,
            url=settings.database_url,
            server_id=server_id,
            more_migrations=migrations_of(datasets),
        )
        try:
            return cls(
                settings,
                store=store,
                gateway=gateway,
                datasets=datasets,
                sandbox_url=gateway_url if is_sandbox else None,
                sign_in_providers=sign_in_providers,
                link_secret=link_secret,
                server_id=server_id,
            )
        except BaseException:
            store.close()
            raise

    def start(self, *, watch: bool = True) -> None:
        """Start the workers; mark runs that a crash left behind as ``interrupted``.

        ``watch``: also poll the scheduler, register with the gateway, keep backups, update open
        pages and check for alerts, as the server does that receives the scheduler's callbacks.
        """
        for worker in self._workers.values():
            worker.start()
        self._deliveries.start()
        self.ping.start()
        if watch:
            self.monitor.start()
            self.registration.start()
            self.backups.start()
            self.live.start()
            self._others.start()
            self.messenger.start()
            self.alerts.start()
            self.retention.start()

    def stop(self, *, timeout_s: float = 8.0) -> None:
        """Let running syncs end within ``timeout_s``, roll back the others, stop the workers."""
        ends_at = time.monotonic() + timeout_s
        self.live.stop()
        self.alerts.stop()
        self.retention.stop()
        self.messenger.stop()
        self.monitor.stop()
        self.registration.stop()
        self.backups.stop()
        for worker in self._workers.values():
            worker.turn_away()
        for worker in self._workers.values():
            worker.stop(timeout_s=max(0.0, ends_at - time.monotonic()))
        self.ping.stop()
        # Last, so that it writes the deliveries of the runs that ended just now.
        self._deliveries.stop()

    def close(self) -> None:
        """Release the database, so that others may replace it. The application is then unusable."""
        self.explorer.close()
        self.reader.close()
        self.store.close()

    def send_test_message(self, *, actor: Actor) -> Mapping[str, bool]:
        """Send a test message through each message service; return which accepted it. Blocks.

        Raises NotAllowed.
        """
        actor.check(Permission.CHANGE)
        self.audit_log.record(AuditAction.TEST_MESSAGE_SENT, by=actor)
        return self.messenger.send_test()

    def record_deliveries(
        self, deliveries: Sequence[NewDelivery], refused_not_kept: Mapping[str, int]
    ) -> None:
        """Write callbacks to the journal, and update the pages. Raises StoreError."""
        self.store.record_deliveries(deliveries, refused_not_kept)
        self.live.wake()

    def workers_alive(self) -> Mapping[str, bool]:
        """Return for each dataset whether its worker accepts requests."""
        return {name: worker.is_alive for name, worker in self._workers.items()}

    def locks_usable(self) -> Mapping[str, bool]:
        """Return for each dataset whether a sync could take its lock, or wait for it."""
        return {name: worker.is_lock_usable for name, worker in self._workers.items()}

    def request_sync(
        self,
        name: str,
        *,
        actor: Actor,
        trigger: Trigger,
        join_running: bool = False,
        simulated_at: datetime | None = None,
        task_name: str | None = None,
    ) -> RunHandle:
        """Request a sync of a dataset; never waits.

        ``join_running`` accepts a sync under way; without it the answer is at least as new as the
        request. The run's actor is the first who requested it. Raises NotAllowed, SyncStopped,
        KeyError.
        """
        actor.check(Permission.FETCH)
        job = Job(
            trigger,
            simulated_at=simulated_at,
            task_name=task_name,
            actor=actor.name or None,
        )
        return self._workers[name].request(job, join_running=join_running)

    def deliver_again(self, delivery_id: int, *, actor: Actor) -> RunHandle:
        """Run again what a callback in the journal requested; never waits for the run.

        The journal gets a delivery of its own, whose reason names the one that it repeats. Raises
        NotAllowed, DeliveryUnknown, SyncStopped, StoreError.
        """
        actor.check(Permission.CHANGE)
        before = self.store.delivery(delivery_id)
        dataset = None if before is None else self.datasets.get(before.dataset)
        if dataset is None:
            raise DeliveryUnknown("delivery_unknown", id=delivery_id)
        # The monitor has just read the clock, so the callback does not wait for the scheduler.
        reading = self.monitor.snapshot().reading
        at = None if reading.error is not None else estimate(reading, datetime.now(UTC))
        delivery = CallbackContext(self._deliveries, dataset, again_of=delivery_id, simulated_at=at)
        try:
            ticket = self.request_sync(
                dataset.name,
                actor=actor,
                trigger=Trigger.CALLBACK,
                simulated_at=at,
                task_name=dataset.task_name,
            )
        except EcommerceError as error:
            delivery.journal(Outcome.FAILED, error=error)
            raise
        delivery.follow(ticket)
        self.audit_log.record(
            AuditAction.CALLBACK_DELIVERED_AGAIN,
            by=actor,
            subject=dataset.name,
            delivery=delivery_id,
        )
        return ticket

    def progress(self, name: str) -> Progress | None:
        """Return the dataset's running sync, of this or another server; None if there is none."""
        return self._workers[name].progress() or self._others.progress(name)

    def clear(self, name: str, *, actor: Actor, trigger: Trigger) -> Run:
        """Empty a dataset; ``undo_clear`` brings it back until the next sync.

        Raises NotAllowed, SyncBusy, StoreError.
        """
        actor.check(Permission.CHANGE)
        return self._change(
            name, partial(self.store.clear, trigger=trigger, actor=actor.name or None)
        )

    def undo_clear(self, name: str, *, actor: Actor, trigger: Trigger) -> Run:
        """Restore the rows that the last clear removed.

        Raises NotAllowed, NothingToUndo, SyncBusy, StoreError.
        """
        actor.check(Permission.CHANGE)
        return self._change(
            name, partial(self.store.undo_clear, trigger=trigger, actor=actor.name or None)
        )

    def undo_apply(self, name: str, *, actor: Actor, trigger: Trigger) -> Run:
        """Restore the rows from before the last held answer was applied.

        Raises NotAllowed, NothingToUndo, SyncBusy, StoreError.
        """
        actor.check(Permission.CHANGE)
        return self._change(
            name, partial(self.store.undo_apply, trigger=trigger, actor=actor.name or None)
        )

    def explore(self, sql: str, *, actor: Actor, limits: Limits = ON_PAGE) -> Exploration:
        """Start answering an SQL query of the public tables; never waits for the answer.

        Raises NotAllowed, ExploreRefused, ExploreBusy.
        """
        actor.check(Permission.EXPLORE)
        return self.explorer.start(sql, limits=limits)

    def undoable_rows(self, name: str) -> int:
        """Return how many rows ``undo_clear`` would restore; 0 if there is nothing to undo."""
        return self.store.undoable_rows(self.datasets[name])

    def applied_run(self, name: str) -> Run | None:
        """Return the run whose held answer ``undo_apply`` would take back, or None."""
        return self.store.applied_run(self.datasets[name])

    def run_began(self, name: str, run_id: int | None) -> datetime | None:
        """Return when a run of a dataset began, or the last that changed its rows if it is None.

        None if there is no such run. Raises StoreError.
        """
        number = self.reader.rows_version(self.datasets[name]).run_id if run_id is None else run_id
        run = self.store.run(number)
        return run.started_at if run is not None and run.dataset == name else None

    def confirm(self, run_id: int, *, actor: Actor, trigger: Trigger) -> RunHandle:
        """Apply the answer that a held run keeps; ``undo_apply`` takes it back until the next sync.

        Raises NotAllowed, RunNotHeld, SyncStopped, StoreError.
        """
        actor.check(Permission.CHANGE)
        run = self._held(run_id)
        job = Job(trigger, confirms_run_id=run_id, actor=actor.name or None)
        return self._workers[run.dataset].request(job)

    def discard(self, run_id: int, *, actor: Actor) -> Run:
        """Discard a held run's answer; the store stays as it is.

        Raises NotAllowed, RunNotHeld, SyncBusy, StoreError.
        """
        actor.check(Permission.CHANGE)
        run = self._held(run_id)
        with self._workers[run.dataset].exclusive(timeout_s=CLEAR_PATIENCE_S):
            discarded = self.store.discard_held(run_id)
        self.audit_log.record(
            AuditAction.ANSWER_DISCARDED, by=actor, subject=run.dataset, run=run_id
        )
        self.live.wake()
        return discarded

    def _change(self, name: str, change: Callable[[Dataset], Run]) -> Run:
        """Change the rows, and return once readers see the change."""
        with self._workers[name].exclusive(timeout_s=CLEAR_PATIENCE_S):
            run = change(self.datasets[name])
            self._workers[name].publish()
        log_run(run)
        self._tell(run)
        return run

    def _held(self, run_id: int) -> Run:
        run = self.store.run(run_id)
        held = None if run is None else self.store.held_run(run.dataset)
        if run is None or held is None or held.id != run_id:
            raise RunNotHeld("run_not_held", run_id=run_id)
        return run

    def leading_server(self) -> str | None:
        """Return the id of the server that leads; None if unknown. Raises StoreError."""
        return self.server_id if self.leader.leads else self.leader.holder()

    def _told_progress(self, name: str) -> Progress | None:
        """Return the same as ``progress``, and send it to the other servers."""
        own = self._workers[name].progress()
        self._others.tell(name, own)
        return own or self._others.progress(name)

    def _hear_change(self) -> None:
        """Handle the message that another server has stored something, or may have."""
        for worker in self._workers.values():
            worker.look()
        self.live.wake()

    def _hear_sign_out(self) -> None:
        """Handle a sign-in that was ended on another server: it is not valid here, either."""
        try:
            self.sign_outs.read_again()
        except StoreError as error:
            logger.warning("sign-outs of other servers are not known: %s", error)
        self.live.announce()

    def _rows_shown(self) -> None:
        self.reader.let_go()
        self.live.wake()

    def _shown(self, name: str) -> tuple[Version | None, str | None]:
        """Return the version that readers see, and why there is no newer one. Raises StoreError."""
        state = self.reader.state(self.datasets[name])
        return state.shown, state.error_code

    def message_observers(self) -> Mapping[str, list[Callable[[bool], None]]]:
        """Who hears of each message, by its service: True if the service took it."""
        services = {one.name: one.observers for one in self.messenger.services}
        return {**services, "ping": self.ping.observers}

    def _failing_services(self) -> Mapping[str, datetime]:
        since = self.ping.failing_since
        ping = {} if since is None else {"ECOMMERCE_PING_URL": since}
        return {**self.messenger.failing(), **ping}

    def _tell(self, run: Run) -> None:
        self.reader.let_go()
        self.live.wake()
        self.alerts.wake()
        for observer in tuple(self.run_observers):
            try:
                observer(run)
            except Exception:
                # The run is committed: a failing observer must not make it look failed to its
                # callers.
                logger.exception("an observer of runs failed")
