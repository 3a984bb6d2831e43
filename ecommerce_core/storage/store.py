"""The store of record: its parts, over the engine that a path or a URL names."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from contextlib import AbstractContextManager
from pathlib import Path

from ecommerce_core.storage.database_lock import DatabaseLock
from ecommerce_core.storage.record import (
    AlertJournal,
    AuditJournal,
    Database,
    DeliveryJournal,
    Engine,
    ExpectedCallbackJournal,
    Reading,
    Recent,
    Retention,
    Rows,
    RunJournal,
    SavedViewJournal,
    SignOutJournal,
    Transactions,
    WantedTaskJournal,
)
from ecommerce_core.storage.sqlite import BUSY_TIMEOUT_S, Migration, SqliteEngine


class Store(Transactions):
    """The database of one application. It is safe for all threads.

    It is made of parts, each over some of the tables; their methods are listed here for all
    callers.
    """

    def __init__(  # noqa: PLR0915 - one line for each thing that it does
        self,
        database: Path | Engine,
        *,
        busy_timeout_s: float = BUSY_TIMEOUT_S,
        presence: DatabaseLock | None = None,
        more_migrations: Sequence[Migration] = (),
    ) -> None:
        if isinstance(database, Path):
            database = SqliteEngine(database, busy_timeout_s=busy_timeout_s, more=more_migrations)
        self.engine = engine = database
        self._presence = presence
        self.more_migrations = engine.more_migrations
        self.path = engine.path
        self.name = engine.name
        self.is_shared = engine.is_shared
        self.lock = engine.lock
        self.holder = engine.holder
        self.notify = engine.notify
        self.listen = engine.listen
        self.check_writable = engine.check_writable
        self.check_sound = engine.check_sound
        self.installation = engine.installation

        rows = Rows(self)
        self.dataset_state = rows.dataset_state
        self.apply = rows.apply
        self.list_fingerprints = rows.list_fingerprints
        self.finish_unchanged = rows.finish_unchanged
        self.clear = rows.clear
        self.undo_clear = rows.undo_clear
        self.undo_apply = rows.undo_apply
        self.applied_run = rows.applied_run
        self.totals = rows.totals
        self.undoable_rows = rows.undoable_rows
        self.held_body = rows.held_body
        self.discard_held = rows.discard_held

        runs = RunJournal(self)
        self.begin_run = runs.begin_run
        self.fail_run = runs.fail_run
        self.interrupt_stale_runs = runs.interrupt_stale_runs
        self.run = runs.run
        self.list_runs = runs.list_runs
        self.last_run = runs.last_run
        self.last_good_run = runs.last_good_run
        self.run_of_rows = runs.run_of_rows
        self.applying_run = runs.applying_run
        self.finished_sync_after = runs.finished_sync_after
        self.newest_run_id = runs.newest_run_id
        self.held_run = runs.held_run
        self.list_rejected = runs.list_rejected
        self.list_changes = runs.list_changes

        recent = Recent(self)
        self.good_runs_since = recent.good_runs_since
        self.run_counts_since = recent.run_counts_since
        self.delivery_counts_since = recent.delivery_counts_since
        self.list_history = recent.list_history
        self.size_over_time = recent.size_over_time

        deliveries = DeliveryJournal(self)
        self.record_deliveries = deliveries.record_deliveries
        self.refused_not_kept = deliveries.refused_not_kept
        self.delivery = deliveries.delivery
        self.list_deliveries = deliveries.list_deliveries
        self.list_deliveries_after = deliveries.list_deliveries_after
        self.newest_delivery_id = deliveries.newest_delivery_id

        expected = ExpectedCallbackJournal(self)
        self.record_expected_callbacks = expected.record_expected_callbacks
        self.monitor_state = expected.monitor_state
        self.open_expected_callbacks = expected.open_expected_callbacks
        self.list_expected_callbacks = expected.list_expected_callbacks
        self.expected_summary = expected.expected_summary
        self.expected_mark = expected.expected_mark

        tasks = WantedTaskJournal(self)
        self.list_wanted_tasks = tasks.list_wanted_tasks
        self.change_wanted_tasks = tasks.change_wanted_tasks
        self.list_task_records = tasks.list_task_records

        alerts = AlertJournal(self)
        self.open_alerts = alerts.open_alerts
        self.list_alerts = alerts.list_alerts
        self.record_alerts = alerts.record_alerts
        self.list_told = alerts.list_told
        self.record_told = alerts.record_told

        audit = AuditJournal(self)
        self.record_audit = audit.record_audit
        self.list_audit = audit.list_audit
        self.list_auditors = audit.list_auditors
        self.is_audited = audit.is_audited

        retention = Retention(self)
        self.remove_step = retention.remove_step
        self.removed_up_to = retention.removed_up_to

        views = SavedViewJournal(self)
        self.list_views = views.list_views
        self.find_view = views.find_view
        self.insert_view = views.insert_view
        self.rename_view = views.rename_view
        self.delete_view = views.delete_view

        self.sign_outs = SignOutJournal(self)

    def reading(self) -> AbstractContextManager[Database]:
        """Open a consistent view for one read. Raises StoreError."""
        return self.engine.reading()

    def writing(
        self, *, is_stored: Callable[[Database], bool] | None = None
    ) -> AbstractContextManager[Database]:
        """Open a transaction; it is rolled back if the block raises. Raises StoreError."""
        return self.engine.writing(is_stored=is_stored)

    def reading_long(self) -> AbstractContextManager[Reading]:
        """Allow many reads; see ``Transactions``. Raises StoreError."""
        return self.engine.reading_long()

    @classmethod
    def open(
        cls,
        path: Path,
        *,
        busy_timeout_s: float = BUSY_TIMEOUT_S,
        create: bool = True,
        presence: DatabaseLock | None = None,
        more_migrations: Sequence[Migration] = (),
    ) -> Store:
        """Open a SQLite file, create it and its folder if there is none, check and migrate it.

        Only this account can use the file from then on (see ``private_files``). ``more_migrations``
        are those of the datasets. Without ``create``, raises StoreIncompatible if there is nothing
        to open. Raises StoreDamaged, StoreIncompatible (the file is left as it is), StoreBusy,
        StoreFull, StoreError.
        """
        engine = SqliteEngine(path, busy_timeout_s=busy_timeout_s, more=more_migrations)
        engine.open(create=create)
        return cls(engine, presence=presence)

    @classmethod
    def check(cls, path: Path, *, more_migrations: Sequence[Migration] = ()) -> None:
        """Read all of a SQLite file. Its values are not checked if it is not migrated yet.

        Raises StoreDamaged or StoreIncompatible unless it is a sound one of ours, and
        StoreIncompatible if it was written by a newer version or is empty.
        """
        SqliteEngine(path, more=more_migrations).check_file()

    @classmethod
    def check_in_use(cls, path: Path, *, more_migrations: Sequence[Migration] = ()) -> None:
        """Check like ``check`` a database in use, without making its writers wait for long.

        A copy beside it is read, and then deleted. Raises StoreFull, too.
        """
        SqliteEngine(path, more=more_migrations).check_file_in_use()

    def copy_into(self, path: Path, *, gives_up: Callable[[], bool] = lambda: False) -> None:
        """Write a compact, consistent copy into ``path``, an empty file. Raises StoreError."""
        self.engine.copy_into(path, gives_up=gives_up)

    def close(self) -> None:
        """Close the database, which may be replaced from now on: nothing uses it any more."""
        self.engine.close()
        if self._presence is not None:
            self._presence.let_go()
