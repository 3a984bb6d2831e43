"""The SQLite file: opening, migrating, transactions, and the writes that must be one of them.

A connection per operation: a cached one dies with its thread, and one thread's
rollback would erase another's write. Every write begins IMMEDIATE, so that it
waits for its turn instead of failing half-way.
"""

from __future__ import annotations

import json
import sqlite3
import time
import zlib
from collections.abc import Iterator, Mapping
from contextlib import closing, contextmanager
from dataclasses import asdict
from pathlib import Path

import sqlite_utils
from sqlite_utils.migrations import Migrations

from ecommerce_core import reconcile, schema
from ecommerce_core.dataset import Body, Dataset, Parsed
from ecommerce_core.dataset_state import (
    DatasetState,
    count_table,
    forget_cleared,
    forget_held,
    held_text,
    hold_answer,
    select_state,
    upsert_state,
)
from ecommerce_core.errors import (
    NothingToUndo,
    RunNotHeld,
    StoreBusy,
    StoreDamaged,
    StoreError,
    StoreForeign,
    StoreFull,
)
from ecommerce_core.journal import (
    Journal,
    NewRun,
    finish_run,
    insert_rejected,
    insert_run,
    select_run,
)
from ecommerce_core.models import Action, Counts, Resolution, Run, RunStatus, Trigger
from ecommerce_core.rows import Rows
from ecommerce_core.transactions import Database, now_utc, to_text

BUSY_TIMEOUT_S = 5.0
# Before it, connections that write and checkpoint at once can corrupt a WAL database.
FIRST_SAFE_WAL = (3, 51, 3)
APPLICATION_ID_BYTES = slice(68, 72)  # of a database's header

_migrations = Migrations("ecommerce")
for _migration in schema.MIGRATIONS:
    _migrations(name=_migration.__name__)(_migration)


class Store(Journal, Rows):
    """The database of one application. Open it with ``Store.open``; it is safe for all threads."""

    def __init__(self, path: Path, *, busy_timeout_s: float = BUSY_TIMEOUT_S) -> None:
        self.path = path
        self._busy_timeout_s = busy_timeout_s

    @classmethod
    def open(cls, path: Path, *, busy_timeout_s: float = BUSY_TIMEOUT_S) -> Store:
        """Open the file, create it and its folder where there is none, check and migrate it.

        Raises StoreDamaged, StoreForeign (the file is left as it is), StoreBusy, StoreFull,
        StoreError.
        """
        store = cls(path, busy_timeout_s=busy_timeout_s)
        with store._explained():
            path.parent.mkdir(parents=True, exist_ok=True)
            if path.exists() and path.stat().st_size:
                store._check()
            store._migrate()
        return store

    @contextmanager
    def reading(self) -> Iterator[Database]:
        """A connection for one read, on one consistent view. Raises StoreError."""
        with self._explained(), closing(self._connect()) as connection:
            connection.execute("BEGIN")
            yield _database(connection)

    @contextmanager
    def writing(self) -> Iterator[Database]:
        """One IMMEDIATE transaction; rolled back where the block raises. Raises StoreError."""
        with self._explained(), closing(self._connect()) as connection:
            # Pages that spill would lock readers out before the commit.
            connection.execute("PRAGMA cache_spill = OFF")
            connection.execute("BEGIN IMMEDIATE")
            try:
                yield _database(connection)
                connection.execute("COMMIT")
            except BaseException:
                if connection.in_transaction:
                    connection.execute("ROLLBACK")
                raise

    def check_writable(self) -> None:
        """Raise StoreError where the database cannot be written to just now."""
        with self._explained(), closing(self._connect()) as connection:
            (mode,) = connection.execute("PRAGMA journal_mode").fetchone()
            connection.execute("BEGIN IMMEDIATE")
            # An UPDATE of no row succeeds on a full disk. This takes a page, which goes into
            # the rollback journal at once, but into a WAL with the commit alone.
            connection.execute("PRAGMA user_version = 0")
            connection.execute("COMMIT" if mode == "wal" else "ROLLBACK")

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
        report: reconcile.Report,
        confirms_run_id: int | None = None,
    ) -> Run:
        """Bring the table in line with an answer, with its changes and its journal, or hold it.

        One transaction. An answer that would withdraw more than half is held with its
        body, unless it is the held answer of ``confirms_run_id``, which an operator confirmed.
        """
        now = now_utc()
        resolution = Resolution.SUPERSEDED if confirms_run_id is None else Resolution.CONFIRMED
        with self.writing() as db:
            difference = reconcile.list_difference(db, dataset, parsed)
            counts = difference.counts(parsed)
            if difference.empties_the_dataset and confirms_run_id is None:
                hold_answer(db, dataset.name, run_id, body)
                insert_rejected(db, run_id, parsed.rejected)
                status, error = RunStatus.HELD, held_text(difference)
            else:
                reconcile.apply_difference(
                    db,
                    dataset,
                    difference,
                    run_id=run_id,
                    now=to_text(now) or "",
                    report=report,
                )
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
            )

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

    def clear(self, dataset: Dataset, *, trigger: Trigger) -> Run:
        """Empty a dataset and keep its rows aside; in the journal, in one transaction."""
        with self.writing() as db:
            run_id = insert_run(
                db, NewRun(dataset.name, Action.CLEAR, trigger), status=RunStatus.RUNNING
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
            return finish_run(db, run_id, status=RunStatus.SUCCEEDED, counts=Counts(withdrawn=rows))

    def undo_clear(self, dataset: Dataset, *, trigger: Trigger) -> Run:
        """Put back what the last clear took. Raises NothingToUndo."""
        with self.writing() as db:
            rows = count_table(db, f"{dataset.table}_cleared")
            if not rows:
                raise NothingToUndo(
                    "nothing to undo: no cleared rows of {dataset} are kept", dataset=dataset.name
                )
            run_id = insert_run(
                db, NewRun(dataset.name, Action.UNDO_CLEAR, trigger), status=RunStatus.RUNNING
            )
            db.execute(f"INSERT INTO {dataset.table} SELECT * FROM {dataset.table}_cleared")
            saved = db.execute(
                "SELECT cleared FROM dataset_state WHERE dataset = ?", [dataset.name]
            ).fetchone()
            if saved is not None and saved[0]:
                upsert_state(db, dataset.name, DatasetState(**json.loads(saved[0])))
            forget_cleared(db, dataset)
            return finish_run(db, run_id, status=RunStatus.SUCCEEDED, counts=Counts(added=rows))

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

    def _connect(self, mode: str = "rw") -> sqlite3.Connection:
        """``mode``: ``rw``, ``ro``, or ``rwc`` where the file may have to be created."""
        # Without a mode, a file that was taken away would come back empty.
        connection = sqlite3.connect(
            f"{self.path.absolute().as_uri()}?mode={mode}",
            uri=True,
            timeout=self._busy_timeout_s,
            isolation_level=None,
            check_same_thread=True,
        )
        connection.execute("PRAGMA foreign_keys = ON")
        return connection

    def _check(self) -> None:
        """Refuse a file that is not ours or not sound, before anything is written to it."""
        self._roll_back_what_a_crash_left()
        with closing(self._connect("ro")) as connection:
            # One view: another process may be creating the database at this moment.
            connection.execute("BEGIN")
            (application_id,) = connection.execute("PRAGMA application_id").fetchone()
            (objects,) = connection.execute("SELECT count(*) FROM sqlite_master").fetchone()
            if objects and application_id != schema.APPLICATION_ID:
                raise self._foreign()
            (verdict,) = connection.execute("PRAGMA quick_check(1)").fetchone()
            if verdict != "ok":
                raise StoreDamaged(
                    "{path} fails SQLite's check ({verdict}); it was left as it is."
                    " Restore a backup, or set ECOMMERCE_DATABASE to another file.",
                    path=self.path,
                    verdict=verdict,
                )
            if objects:
                self._refuse_newer(_database(connection))

    def _roll_back_what_a_crash_left(self) -> None:
        """Let SQLite undo a commit that was cut off: whoever only reads may not, and is refused."""
        with closing(self._connect("ro")) as connection:
            try:
                connection.execute("SELECT 1 FROM sqlite_master").fetchone()
                return
            except sqlite3.OperationalError as error:
                if error.sqlite_errorname != "SQLITE_READONLY_ROLLBACK":
                    raise
        with self.path.open("rb") as file:
            header = file.read(100)
        if header[APPLICATION_ID_BYTES] != schema.APPLICATION_ID.to_bytes(4, "big"):
            raise self._foreign()
        with closing(self._connect("rw")) as connection:
            connection.execute("SELECT 1 FROM sqlite_master").fetchone()

    def _foreign(self) -> StoreForeign:
        return StoreForeign(
            "{path} is a database of another application; it was left as it is."
            " Set ECOMMERCE_DATABASE to another file.",
            path=self.path,
        )

    def _refuse_newer(self, db: sqlite_utils.Database) -> None:
        known = {migration.__name__ for migration in schema.MIGRATIONS}
        newer = [done.name for done in _migrations.applied(db) if done.name not in known]
        if newer:
            raise StoreForeign(
                "{path} was written by a newer version ({newer}); it was left as it is."
                " Update the application, or set ECOMMERCE_DATABASE to another file.",
                path=self.path,
                newer=", ".join(newer),
            )

    def _migrate(self) -> None:
        with closing(self._connect("rwc")) as connection:
            if sqlite3.sqlite_version_info >= FIRST_SAFE_WAL:
                self._switch_to_wal(connection)
            if not _migrations.pending(_database(connection)):
                return
        # A second process may migrate at the same moment: what is pending is asked again inside.
        with self.writing() as db:
            db.execute(f"PRAGMA application_id = {schema.APPLICATION_ID}")
            _migrations.apply(db)  # type: ignore[arg-type]

    def _switch_to_wal(self, connection: sqlite3.Connection) -> None:
        # Where two processes switch at once, SQLite tells one of them "locked" without waiting.
        give_up_at = time.monotonic() + self._busy_timeout_s
        while True:
            try:
                connection.execute("PRAGMA journal_mode = WAL")
                return
            except sqlite3.OperationalError as error:
                busy = error.sqlite_errorname.startswith("SQLITE_BUSY")
                if not busy or time.monotonic() >= give_up_at:
                    raise
            time.sleep(0.01)

    @contextmanager
    def _explained(self) -> Iterator[None]:
        """The one point where SQLite's errors become ours."""
        try:
            yield
        except sqlite3.Error as error:
            raise _explain(error, self.path, self._busy_timeout_s) from error
        except OSError as error:
            raise StoreError(
                "{path} cannot be used: {reason}", path=self.path, reason=error.strerror or error
            ) from error


def _database(connection: sqlite3.Connection) -> sqlite_utils.Database:
    return sqlite_utils.Database(connection, execute_plugins=False, recursive_triggers=False)


def _explain(error: sqlite3.Error, path: Path, busy_timeout_s: float) -> StoreError:
    name = getattr(error, "sqlite_errorname", "") or ""
    if name.startswith(("SQLITE_BUSY", "SQLITE_LOCKED")):
        return StoreBusy(
            "the database is busy: another process has held it for more than {seconds:g} s;"
            " nothing was changed, try again",
            seconds=busy_timeout_s,
        )
    if name.startswith("SQLITE_FULL"):
        return StoreFull("the disk is full: nothing was changed; make room and try again")
    if name.startswith(("SQLITE_NOTADB", "SQLITE_CORRUPT")):
        return StoreDamaged(
            "{path} is no sound SQLite database; it was left as it is."
            " Restore a backup, or set ECOMMERCE_DATABASE to another file.",
            path=path,
        )
    if name.startswith(("SQLITE_READONLY", "SQLITE_CANTOPEN", "SQLITE_IOERR")):
        return StoreError(
            "{path} cannot be read or written to ({reason}); nothing was changed",
            path=path,
            reason=error,
        )
    return StoreError("the database answered: {reason}; nothing was changed", reason=error)
