"""The store: migrations, and the writes that must be one transaction."""

from __future__ import annotations

import json
import sqlite3
import zlib
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import closing, contextmanager
from dataclasses import asdict
from pathlib import Path

import sqlite_utils
from sqlite_utils.migrations import Migrations

from ecommerce_core.datasets import Body, Dataset, Parsed
from ecommerce_core.domain import (
    Action,
    Counts,
    NothingToUndo,
    Resolution,
    Run,
    RunNotHeld,
    RunStatus,
    StoreBusy,
    StoreDamaged,
    StoreError,
    StoreIncompatible,
    Totals,
    Trigger,
)
from ecommerce_core.storage.atomic_file import partial_file
from ecommerce_core.storage.backup_files import select_installation
from ecommerce_core.storage.private_files import make_folder, make_private, real_path
from ecommerce_core.storage.sqlite import (
    BUSY_TIMEOUT_S,
    Database,
    Report,
    SqliteFile,
    apply_difference,
    list_difference,
    list_fingerprints,
    now_utc,
    schema,
    to_text,
)
from ecommerce_core.storage.sqlite.checks import (
    DamageWatch,
    SchemaObject,
    find_additions,
    find_difference,
    find_unreadable,
    list_objects,
    list_reader_objects,
)
from ecommerce_core.storage.sqlite.journals import (
    DatasetState,
    DeliveryJournal,
    ExpectedCallbackJournal,
    Journal,
    NewRun,
    Recent,
    SignOutJournal,
    count_table,
    finish_run,
    forget_cleared,
    forget_held,
    held_text,
    hold_answer,
    insert_rejected,
    insert_run,
    select_run,
    select_state,
    upsert_state,
)

_migrations = Migrations("ecommerce")
for _migration in schema.MIGRATIONS:
    _migrations(name=_migration.__name__)(_migration)


class Store(Journal, DeliveryJournal, Recent, ExpectedCallbackJournal, SignOutJournal):
    """The database of one application. Open it with ``Store.open``; it is safe for all threads."""

    def __init__(self, path: Path, *, busy_timeout_s: float = BUSY_TIMEOUT_S) -> None:
        # Links lead to one file, which has one set of locks.
        self.path = real_path(path)
        self._damage_watch = DamageWatch(self.path)
        self._file = SqliteFile(
            self.path, application_id=schema.APPLICATION_ID, busy_timeout_s=busy_timeout_s
        )

    @classmethod
    def open(
        cls, path: Path, *, busy_timeout_s: float = BUSY_TIMEOUT_S, create: bool = True
    ) -> Store:
        """Open the file, create it and its folder where there is none, check and migrate it.

        Nobody but this account can use the file from then on (see ``private_files``). Without
        ``create``, StoreIncompatible where there is nothing to open. Raises StoreDamaged,
        StoreIncompatible (the file is left as it is), StoreBusy, StoreFull, StoreError.
        """
        store = cls(path, busy_timeout_s=busy_timeout_s)
        with store._file.explained():
            make_folder(store.path.parent)
            with store._file.checked(store._check_shape, whole=False) as connection:
                if connection is None and not create:
                    raise store._empty()
            make_private(store.path.parent, database=store.path.name)
            store._migrate()
        return store

    @classmethod
    def check(cls, path: Path) -> None:
        """Read all of a file. The values of one that is not migrated yet are not read.

        Raises StoreDamaged or StoreIncompatible unless it is a sound one of ours, and
        StoreIncompatible if it was written by a newer version or holds nothing at all.
        """
        store = cls(path)
        with (
            store._file.explained(),
            store._file.checked(store._check_shape, whole=True) as connection,
        ):
            if connection is None:
                raise store._empty()
            if _migrations.pending(_database(connection)):
                return
            unreadable = find_unreadable(connection)
            if unreadable is not None:
                raise StoreDamaged(
                    "{path} holds what cannot be read back ({verdict}); it was left as it is."
                    " Restore a backup, or set ECOMMERCE_DATABASE to another file.",
                    path=store.path,
                    verdict=unreadable,
                )

    @classmethod
    def check_in_use(cls, path: Path) -> None:
        """As ``check``, of a database that others write to: none of them waits for long.

        All is read of a copy beside it, which is gone then. Raises StoreFull, too.
        """
        store = cls(path)
        with store._file.explained():
            with store._file.checked(store._check_shape, whole=False) as connection:
                if connection is None:
                    raise store._empty()
            with partial_file(store.path) as copy:
                store._file.copy_pages_into(copy)
                try:
                    cls.check(copy)
                except StoreError as error:
                    details = {**error.details, "path": store.path}
                    raise type(error)(error.template, **details) from error

    @contextmanager
    def reading(self) -> Iterator[Database]:
        """A connection for one read, on one consistent view. Raises StoreError."""
        with self._learning(), self._file.reading() as connection:
            yield _database(connection)

    @contextmanager
    def writing(self) -> Iterator[Database]:
        """One IMMEDIATE transaction; rolled back where the block raises. Raises StoreError."""
        with self._learning(), self._file.writing() as connection:
            yield _database(connection)

    def check_writable(self) -> None:
        """Raise StoreError where the database cannot be written to just now."""
        self._file.check_writable()

    def check_sound(self) -> None:
        """Raise StoreError if the database cannot be read or is damaged, as far as is known.

        Cheap unless damage was found since the last good check: that is made whole then.
        """
        try:
            with self._file.reading() as connection:
                self._damage_watch.check(connection)
        except StoreBusy:
            return  # a commit of ours holds it: nothing is learned

    @contextmanager
    def _learning(self) -> Iterator[None]:
        try:
            yield
        except StoreDamaged:
            self._damage_watch.doubt()
            raise

    def copy_into(self, path: Path, *, gives_up: Callable[[], bool] = lambda: False) -> None:
        """Write a compact, consistent copy into ``path``, an empty file. Raises StoreError."""
        with self._learning():
            self._file.copy_into(path, gives_up=gives_up)

    def installation(self) -> str | None:
        """What this database and its backups are known by, among those of other installations."""
        with self.reading() as db:
            return select_installation(db.conn)

    def dataset_state(self, dataset: str) -> DatasetState:
        """What is remembered of the last answer that was applied."""
        with self.reading() as db:
            return select_state(db, dataset)

    def apply(
        self,
        run_id: int,
        dataset: Dataset,
        parsed: Parsed,
        *,
        state: DatasetState,
        body: Body,
        stages_s: Mapping[str, float],
        report: Report,
        hold_above_percent: int,
        fingerprints: Mapping[int, str] | None = None,
        confirms_run_id: int | None = None,
    ) -> Run:
        """Bring the table in line with an answer, with its changes and its journal, or hold it.

        One transaction. An answer that would withdraw more than ``hold_above_percent`` of the
        rows is held with its body, unless it is the held answer of ``confirms_run_id``, which an
        operator confirmed.
        ``fingerprints`` are those by which records were known and so not decoded; raises
        WholeAnswerNeeded, and changes nothing, if the others are not enough.
        """
        now = now_utc()
        resolution = Resolution.SUPERSEDED if confirms_run_id is None else Resolution.CONFIRMED
        with self.writing() as db:
            difference = list_difference(db, dataset, parsed, fingerprints or {})
            counts = difference.counts(parsed)
            rows_after = None
            is_held = difference.exceeds_hold_threshold(hold_above_percent)
            if is_held and confirms_run_id is None:
                hold_answer(db, dataset.name, run_id, body)
                insert_rejected(db, run_id, parsed.rejected)
                status, error = RunStatus.HELD, held_text(difference)
            else:
                apply_difference(
                    db,
                    dataset,
                    difference,
                    run_id=run_id,
                    now=to_text(now) or "",
                    report=report,
                )
                rows_after = difference.current_after
                insert_rejected(db, run_id, parsed.rejected)
                forget_held(db, dataset.name, resolution)
                forget_cleared(db, dataset)
                upsert_state(db, dataset.name, state)
                status = RunStatus.PARTIAL if parsed.rejected_count else RunStatus.SUCCEEDED
                error = None
            stages = {**stages_s, "storing": (now_utc() - now).total_seconds()}
            return finish_run(
                db,
                run_id,
                status=status,
                counts=counts,
                error=error,
                body_bytes=len(body),
                stages_s=stages,
                rows_after=rows_after,
            )

    def list_fingerprints(self, dataset: Dataset) -> dict[int, str]:
        """List the keys of the current rows by the fingerprints of their records.

        Empty if a row has none of its own. Only for the holder of the dataset's lock.
        """
        with self.reading() as db:
            return list_fingerprints(db, dataset)

    def finish_unchanged(
        self, run_id: int, dataset: Dataset, *, body_bytes: int, stages_s: Mapping[str, float]
    ) -> Run:
        """Note that the peer answered what was applied last."""
        with self.writing() as db:
            state = select_state(db, dataset.name)
            # The peer came back to what we have: what it said in between is moot.
            forget_held(db, dataset.name, Resolution.SUPERSEDED)
            return finish_run(
                db,
                run_id,
                status=RunStatus.UNCHANGED,
                counts=Counts(
                    fetched=state.fetched,
                    unchanged=state.fetched - state.rejected,
                    rejected=state.rejected,
                ),
                body_bytes=body_bytes,
                stages_s=stages_s,
            )

    def clear(self, dataset: Dataset, *, trigger: Trigger, actor: str | None = None) -> Run:
        """Empty a dataset and keep its rows aside; in the journal, in one transaction."""
        with self.writing() as db:
            run_id = insert_run(
                db,
                NewRun(dataset.name, Action.CLEAR, trigger, actor=actor),
                status=RunStatus.RUNNING,
            )
            rows = count_table(db, dataset.table)
            if rows:  # clearing what is empty must not forget what can be undone
                db.execute(f"DELETE FROM {dataset.table}_cleared")
                db.execute(f"INSERT INTO {dataset.table}_cleared SELECT * FROM {dataset.table}")
                db.execute(f"DELETE FROM {dataset.table}")
                state = select_state(db, dataset.name)
                upsert_state(db, dataset.name, DatasetState())
                db.execute(
                    "UPDATE dataset_state SET cleared = ? WHERE dataset = ?",
                    [json.dumps(asdict(state)), dataset.name],
                )
            return finish_run(
                db,
                run_id,
                status=RunStatus.SUCCEEDED,
                counts=Counts(withdrawn=rows),
                rows_after=0,
            )

    def undo_clear(self, dataset: Dataset, *, trigger: Trigger, actor: str | None = None) -> Run:
        """Put back what the last clear took. Raises NothingToUndo."""
        with self.writing() as db:
            rows = count_table(db, f"{dataset.table}_cleared")
            current = f"SELECT count(*) FROM {dataset.table}_cleared WHERE withdrawn_at IS NULL"
            (rows_after,) = db.execute(current).fetchone()
            if not rows:
                raise NothingToUndo(
                    "nothing to undo: no cleared rows of {dataset} are kept", dataset=dataset.name
                )
            run_id = insert_run(
                db,
                NewRun(dataset.name, Action.UNDO_CLEAR, trigger, actor=actor),
                status=RunStatus.RUNNING,
            )
            db.execute(f"INSERT INTO {dataset.table} SELECT * FROM {dataset.table}_cleared")
            saved = db.execute(
                "SELECT cleared FROM dataset_state WHERE dataset = ?", [dataset.name]
            ).fetchone()
            if saved is not None and saved[0]:
                upsert_state(db, dataset.name, DatasetState(**json.loads(saved[0])))
            forget_cleared(db, dataset)
            return finish_run(
                db,
                run_id,
                status=RunStatus.SUCCEEDED,
                counts=Counts(added=rows),
                rows_after=rows_after,
            )

    def totals(self, dataset: Dataset) -> Totals:
        """How many rows the dataset holds, whatever readers see of them."""
        with self.reading() as db:
            rows = count_table(db, dataset.table)
            (current,) = db.execute(
                f"SELECT count(*) FROM {dataset.table} WHERE withdrawn_at IS NULL"
            ).fetchone()
            return Totals(current=current, withdrawn=rows - current)

    def undoable_rows(self, dataset: Dataset) -> int:
        """How many rows an undo would bring back; 0 where there is nothing to undo."""
        with self.reading() as db:
            return count_table(db, f"{dataset.table}_cleared")

    def held_body(self, run_id: int) -> bytes:
        """The answer that a held run keeps. Raises RunNotHeld."""
        with self.reading() as db:
            row = db.execute("SELECT body FROM held WHERE run_id = ?", [run_id]).fetchone()
        if row is None:
            raise RunNotHeld("run {run_id} does not wait for a decision", run_id=run_id)
        return zlib.decompress(row[0])

    def discard_held(self, run_id: int) -> Run:
        """Let go of a held answer: the store stays as it is. Raises RunNotHeld."""
        with self.writing() as db:
            row = db.execute("SELECT dataset FROM held WHERE run_id = ?", [run_id]).fetchone()
            if row is None:
                raise RunNotHeld("run {run_id} does not wait for a decision", run_id=run_id)
            forget_held(db, row[0], Resolution.DISCARDED)
            run = select_run(db, run_id)
            if run is None:
                raise RunNotHeld("run {run_id} does not wait for a decision", run_id=run_id)
            return run

    def _check_shape(self, connection: sqlite3.Connection) -> None:
        """Raise StoreIncompatible for a newer version's, StoreDamaged for what no version made."""
        try:
            applied = [str(done.name) for done in _migrations.applied(_database(connection))]
        except sqlite3.OperationalError as error:
            if getattr(error, "sqlite_errorname", None) != "SQLITE_ERROR":
                raise
            applied = []  # no list of ours: the difference says so
        known = {migration.__name__ for migration in schema.MIGRATIONS}
        newer = [name for name in applied if name not in known]
        if newer:
            raise StoreIncompatible(
                "{path} was written by a newer version ({newer}); it was left as it is."
                " Update the application, or set ECOMMERCE_DATABASE to another file.",
                path=self.path,
                newer=", ".join(newer),
            )
        expected, optional = _objects_made_by(applied)
        difference = find_difference(connection, expected=expected, optional=optional)
        if difference is not None:
            additions = find_additions(connection, expected=expected, optional=optional)
            if additions is not None:
                raise StoreDamaged(
                    "{path} has more in it than this application makes ({verdict}); it was left"
                    " as it is. Stop the application and run this in SQLite, which changes no"
                    " row: {sql}",
                    path=self.path,
                    verdict=difference,
                    sql=additions,
                )
            raise StoreDamaged(
                "{path} is not as this application makes it ({verdict}); it was left as it is."
                " Restore a backup, or set ECOMMERCE_DATABASE to another file.",
                path=self.path,
                verdict=difference,
            )

    def _empty(self) -> StoreIncompatible:
        return StoreIncompatible("{path} holds no data of this application", path=self.path)

    def _migrate(self) -> None:
        self._file.create()
        with closing(self._file.connect()) as connection:
            self._file.choose_journal(connection)
            if not _migrations.pending(_database(connection)):
                return
        # A second process may migrate at the same moment: what is pending is asked again inside.
        with self._file.writing(spills=True) as connection:
            db = _database(connection)
            db.execute(f"PRAGMA application_id = {schema.APPLICATION_ID}")
            _migrations.apply(db)


def _objects_made_by(
    applied: Sequence[str],
) -> tuple[frozenset[SchemaObject], frozenset[SchemaObject]]:
    """What a database of these migrations declares, and what it may declare beside that."""
    with closing(sqlite3.connect(":memory:", isolation_level=None)) as connection:
        db = _database(connection)
        later = [one.name for one in _migrations.pending(db) if one.name not in applied]
        _migrations.apply(db, stop_before=later)
        # Fewer than ``applied`` where the list of these has a gap.
        made = [one.name for one in _migrations.applied(db)]
        return list_objects(connection), list_reader_objects(connection, made)


def _database(connection: sqlite3.Connection) -> sqlite_utils.Database:
    return sqlite_utils.Database(connection, execute_plugins=False, recursive_triggers=False)
