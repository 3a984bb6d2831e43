"""Attempts on the application by a file, or by another account of the machine."""

from __future__ import annotations

import errno
import os
import signal
import socket
import sqlite3
import stat
import subprocess
import sys
import tempfile
import zlib
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from click.testing import CliRunner

from ecommerce_core.application import Application
from ecommerce_core.cli import cli
from ecommerce_core.cli.doctor import examine
from ecommerce_core.datasets import DATASETS, PRODUCTS
from ecommerce_core.domain import StoreBusy, StoreDamaged, StoreError, Trigger
from ecommerce_core.domain.access import LOCAL_OPERATOR
from ecommerce_core.gateway import Verdict
from ecommerce_core.settings import Settings
from ecommerce_core.storage import (
    BackupSchedule,
    DatabaseLock,
    Store,
    list_backups,
    lock_path,
    restore_backup,
    write_backup,
)
from ecommerce_core.storage.sqlite.checks import value_check
from tests.faults.dump_schema import SCHEMAS
from tests.support.older import INDEXES, WORDS, make_older
from tests.support.peers import Peers, products
from tests.support.waiting import until

ROOT = Path(__file__).resolve().parents[2]
HOUR = timedelta(hours=1)
NOBODY = 65_534
RUN = (
    "INSERT INTO run (dataset, action, trigger, status, started_at)"
    " VALUES ('products', 'sync', 'manual', 'succeeded', '2025-01-01T08:00:00.000Z');"
)


def make_database(path: Path, *, count: int = 40) -> Path:
    """Make a database with a row in every table that a sync, a callback or a clear writes."""
    store = Store.open(path)
    with store.writing() as db:
        db.executemany(
            "INSERT INTO product VALUES (?, 'Frigos', ?, 1, 1, 0, 1, 1, 1, ?, ?, NULL, NULL)",
            [(f"X1-{n}", "é" * 400, *["2025-01-01T08:00:00.000Z"] * 2) for n in range(count)],
        )
        for statement in (
            RUN,
            "INSERT INTO delivery (received_at, dataset, outcome)"
            " VALUES ('2025-01-01T08:00:00.000Z', 'products', 'executed')",
            "INSERT INTO promise (dataset, task_name, source_app, recurrence, simulated_at,"
            " simulated_last_at, count, since_at, noticed_at, speed, outcome)"
            " VALUES ('products', 'get', 'shop', 'hour', '2019-01-07T10:00:00',"
            " '2019-01-07T10:00:00', 1, '2025-01-01T08:00:00.000Z',"
            " '2025-01-01T08:00:00.000Z', 50, 'on_time')",
            "INSERT INTO watch VALUES (1, '{}')",
            "INSERT INTO dataset_state (dataset, cleared) VALUES ('products', '{\"fetched\": 1}')",
            "INSERT INTO change VALUES (1, 'products', 'X1-1', 'price_cents', 1, 2)",
            "INSERT INTO customer VALUES ('7', 'Zoé', 'O', 1, 1, 'A1',"
            " '2025-01-01T08:00:00.000Z', '2025-01-01T08:00:00.000Z', NULL, NULL)",
        ):
            db.execute(statement)
        db.execute("INSERT INTO held VALUES ('products', 1, ?)", [zlib.compress(b"[]")])
    return path


def run_sql(path: Path, script: str) -> None:
    with closing(sqlite3.connect(path)) as connection:
        connection.executescript(script)


def edit_declaration(name: str, old: str, new: str) -> str:
    return (
        "PRAGMA writable_schema = ON;"
        f" UPDATE sqlite_master SET sql = replace(sql, '{old}', '{new}') WHERE name = '{name}';"
    )


def mode_of(path: Path) -> int:
    return stat.S_IMODE(path.stat().st_mode)


def names_beside(database: Path) -> list[str]:
    """List the files in the database's folder, without the empty ones that WAL readers leave."""
    names = (path.name for path in database.parent.iterdir())
    return sorted(name for name in names if not name.endswith(("-wal", "-shm")))


@pytest.fixture
def database(tmp_path: Path) -> Path:
    return make_database(tmp_path / "data" / "ecommerce.db")


@pytest.fixture
def backup(database: Path, tmp_path: Path) -> Path:
    return write_backup(Store(database), tmp_path / "backup.db").path


@contextmanager
def account(uid: int) -> Iterator[None]:
    """Be another account of the machine inside the block."""
    os.seteuid(uid)
    try:
        yield
    finally:
        os.seteuid(0)


as_root = pytest.mark.skipif(os.geteuid() != 0, reason="becoming another account takes root")


# --- the files that are restored or opened


def journal_that_names(victim: Path, database: Path) -> bytes:
    """Return the rollback journal of a write that was cut off, which claims to be ``victim``'s."""
    journal = database.with_name(f"{database.name}-journal")
    with closing(sqlite3.connect(database, isolation_level=None)) as connection:
        connection.execute("PRAGMA journal_mode = DELETE")  # a newer SQLite writes ahead
        connection.execute("PRAGMA cache_size = 1")
        connection.execute("BEGIN IMMEDIATE")
        connection.execute("UPDATE product SET description = hex(randomblob(500))")
        connection.execute("SELECT count(*) FROM product").fetchone()
        left = journal.read_bytes()
        connection.execute("ROLLBACK")
    name = os.fsencode(victim)
    # The format that SQLite uses in a transaction over several files.
    record = (1 << 30).to_bytes(4, "big") + name + len(name).to_bytes(4, "big")
    return left + record + sum(name).to_bytes(4, "big") + bytes.fromhex("d9d505f920a163d7")


def test_a_restore_refuses_a_backup_with_a_journal_beside_it_and_deletes_nothing(
    database: Path, backup: Path, tmp_path: Path
) -> None:
    victim = tmp_path / "diary.txt"
    victim.write_text("Dear diary")
    beside = backup.with_name("backup.db-journal")
    beside.write_bytes(journal_that_names(victim, database))
    before = database.read_bytes()

    with pytest.raises(StoreError, match="backup.db-journal .*Nothing was restored"):
        restore_backup(database, backup)

    assert victim.read_text() == "Dear diary"
    assert database.read_bytes() == before
    assert beside.exists()


@pytest.mark.parametrize("suffix", ["-journal", "-wal", "-shm"])
@pytest.mark.parametrize("through_a_link", [False, True])
def test_a_restore_refuses_whatever_sqlite_would_read_beside_a_backup(
    database: Path, backup: Path, tmp_path: Path, suffix: str, through_a_link: bool
) -> None:
    backup.with_name(backup.name + suffix).touch()
    if through_a_link:
        (tmp_path / "link.db").symlink_to(backup)
        backup = tmp_path / "link.db"

    with pytest.raises(StoreError, match=f"backup.db{suffix} "):
        restore_backup(database, backup)


def test_a_start_follows_no_journal_that_names_another_file(database: Path, tmp_path: Path) -> None:
    victim = tmp_path / "diary.txt"
    victim.write_text("Dear diary")
    journal = database.with_name(f"{database.name}-journal")
    journal.write_bytes(journal_that_names(victim, database))
    before = database.read_bytes()

    with pytest.raises(StoreDamaged):
        Store.open(database)

    assert victim.read_text() == "Dear diary"
    assert database.read_bytes() == before


OTHER_SHAPES = {
    "a trigger": "CREATE TRIGGER t AFTER UPDATE ON run BEGIN DELETE FROM product; END;",
    "a view": "CREATE VIEW best AS SELECT * FROM product;",
    "a view in a table's place": "DROP TABLE watch; CREATE VIEW watch AS SELECT 1 id, '{}' state;",
    "one table more": "CREATE TABLE album (title TEXT);",
    "one table less": "DROP TABLE watch;",
    "one column more": "ALTER TABLE product ADD COLUMN colour TEXT;",
    "one column less": "ALTER TABLE product DROP COLUMN catalogue_id;",
    "a generated column": "ALTER TABLE run ADD COLUMN twice INTEGER AS (fetched * 2);",
    "a column of another name": "ALTER TABLE product RENAME COLUMN family TO kind;",
    "one index more": "CREATE INDEX more ON product (family);",
    "one index less": "DROP INDEX run_dataset;",
    "a partial index": "CREATE UNIQUE INDEX one ON run (dataset) WHERE status = 'running';",
    "an index of an expression": "CREATE INDEX lower_family ON product (lower(family));",
    "an index of ours that is another": "CREATE INDEX product_scan ON product (family);",
    "an index that is not partial any more": "DROP INDEX run_rows;"
    " CREATE INDEX run_rows ON run (dataset, id);",
    "another type": edit_declaration("run", "body_bytes INTEGER", "body_bytes ANY"),
    "a default more": edit_declaration("run", "task_name TEXT", "task_name TEXT DEFAULT 1"),
    "another default": edit_declaration("product", "DEFAULT 1", "DEFAULT 2"),
    "another default in blanks": edit_declaration("run", "DEFAULT ''{}''", "DEFAULT ''{} ''"),
    "a constraint less": edit_declaration("run", "dataset TEXT NOT NULL", "dataset TEXT"),
    "a constraint more": edit_declaration(
        "run", "task_name TEXT", "task_name TEXT CHECK (task_name)"
    ),
    "another check": edit_declaration("watch", "id = 1", "id < 9"),
    "a reference less": edit_declaration("held", " REFERENCES run(id)", ""),
    "a collation": edit_declaration("product", "family TEXT", "family TEXT COLLATE NOCASE"),
    "not strict": edit_declaration("run", ") STRICT", ")"),
    "with a rowid": "DROP TABLE product_cleared; CREATE TABLE product_cleared (code TEXT);",
    "a virtual table": "CREATE VIRTUAL TABLE found USING fts5(text);",
    "a column of the list of migrations": "ALTER TABLE _sqlite_migrations ADD COLUMN x TEXT;",
    "no list of migrations": "DROP TABLE _sqlite_migrations;",
    "a list of migrations with a gap": "DELETE FROM _sqlite_migrations"
    " WHERE name = 'm003_promises';",
}


@pytest.mark.parametrize("script", OTHER_SHAPES.values(), ids=OTHER_SHAPES)
def test_a_database_of_another_shape_is_neither_opened_nor_written_to(
    database: Path, script: str
) -> None:
    run_sql(database, script)
    before = database.read_bytes()

    for use in (Store.open, Store.check):
        with pytest.raises(StoreDamaged, match="it was left as it is") as raised:
            use(database)
        assert str(database) in str(raised.value)

    assert database.read_bytes() == before
    assert names_beside(database) == ["ecommerce.db"]


def test_what_somebody_added_is_told_with_the_sql_that_takes_it_away(database: Path) -> None:
    run_sql(database, 'CREATE INDEX "m""ine" ON product (family); CREATE VIEW v AS SELECT 1 a;')
    with pytest.raises(StoreDamaged) as raised:
        Store.open(database)
    sql = raised.value.details["sql"]
    assert sql == 'DROP INDEX "m""ine"; DROP VIEW "v";'

    run_sql(database, str(sql))

    assert Store.open(database).installation()


@pytest.mark.parametrize(
    "script",
    [
        "CREATE TRIGGER t AFTER UPDATE ON run BEGIN DELETE FROM product; END;",
        "CREATE TABLE album (title TEXT); CREATE INDEX by_title ON album (title);",
        "DROP TABLE watch; CREATE VIEW watch AS SELECT 1 id, '{}' state;",
        "DROP INDEX run_dataset; CREATE INDEX mine ON run (status);",
    ],
)
def test_no_sql_is_told_where_more_than_an_index_or_a_view_was_added(
    database: Path, script: str
) -> None:
    run_sql(database, script)
    with pytest.raises(StoreDamaged) as raised:
        Store.open(database)
    assert "sql" not in raised.value.details


@pytest.mark.parametrize("script", OTHER_SHAPES.values(), ids=OTHER_SHAPES)
def test_a_backup_of_another_shape_is_not_restored(
    database: Path, backup: Path, script: str
) -> None:
    run_sql(backup, script)
    before = database.read_bytes()

    with pytest.raises(StoreDamaged, match="nothing was restored, nothing was changed"):
        restore_backup(database, backup)

    assert database.read_bytes() == before
    assert not list(database.parent.glob("*restore*"))
    assert not list(database.parent.glob(".*partial*"))


def test_a_start_checks_for_a_second_at_most_and_doctor_checks_all(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    large = make_database(tmp_path / "large" / "ecommerce.db", count=120_000)
    assert large.stat().st_size > 80 * 2**20
    with large.open("r+b") as file:
        file.seek(-4_096, os.SEEK_END)  # the end of the largest table, which is read last
        file.write(b"\xff" * 4_096)
    with pytest.raises(StoreDamaged):
        Store.check(large)

    monkeypatch.setattr("ecommerce_core.storage.sqlite.checks.soundness.START_CHECK_S", 0.01)
    assert Store.open(large).path == large


def test_a_database_whose_texts_have_another_order_is_not_opened(
    database: Path, tmp_path: Path
) -> None:
    other = tmp_path / "utf16.db"
    with closing(sqlite3.connect(database)) as connection:
        dump = "\n".join(connection.iterdump())
    run_sql(other, f"PRAGMA encoding = 'UTF-16le'; PRAGMA application_id = 1701015405; {dump}")

    with pytest.raises(StoreDamaged, match="UTF-16le"):
        Store.open(other)


def test_a_database_that_somebody_analyzed_is_used_as_before(database: Path) -> None:
    run_sql(database, "ANALYZE")

    Store.open(database)
    Store.check(database)


def test_a_backup_with_the_indexes_of_an_earlier_version_is_restored(
    database: Path, tmp_path: Path
) -> None:
    older = make_older(tmp_path / "older.db", more=INDEXES + WORDS + "DELETE FROM held;")

    restore_backup(database, older)

    with closing(sqlite3.connect(database)) as connection:
        names = {name for (name,) in connection.execute("SELECT name FROM sqlite_master")}
    assert not {name for name in names if name.startswith(("product_", "customer_by"))} - {
        "product_cleared"
    }
    Store.open(database)
    Store.check(database)


@pytest.mark.parametrize("dump", sorted(SCHEMAS.glob("*.sql")), ids=lambda dump: dump.stem)
def test_a_backup_of_an_earlier_version_is_restored(
    dump: Path, database: Path, tmp_path: Path
) -> None:
    old = tmp_path / "old.db"
    run_sql(old, dump.read_text(encoding="utf-8"))
    if dump.stem >= "m002":
        run_sql(old, "DELETE FROM held;")  # a stand-in, which cannot be unpacked
    if "m004" <= dump.stem < "m006":
        run_sql(
            old,
            "CREATE INDEX product_by_description"
            " ON product (description COLLATE NOCASE, code, withdrawn_at);",
        )

    restore_backup(database, old)

    with closing(sqlite3.connect(database)) as connection:
        assert connection.execute("SELECT count(*) FROM product").fetchone() == (2,)
    Store.check(database)


UNREADABLE = {
    "a status": "UPDATE run SET status = 'done'",
    "an action": "UPDATE run SET action = 'drop'",
    "a trigger": "UPDATE run SET trigger = 'moon'",
    "a resolution": "UPDATE run SET resolution = 'forgiven'",
    "a delivery's outcome": "UPDATE delivery SET outcome = 'lost'",
    "a promise's outcome": "UPDATE promise SET outcome = 'lost'",
    "a start": "UPDATE run SET started_at = 'yesterday'",
    "a moment without a zone": "UPDATE run SET started_at = '2025-01-01T08:00:00'",
    "a month 13": "UPDATE product SET updated_at = '2025-13-01T08:00:00.000Z'",
    "a cleared row's moment": "INSERT INTO product_cleared SELECT * FROM product;"
    " UPDATE product_cleared SET first_seen_at = 'soon'",
    "a withdrawal": "UPDATE product SET withdrawn_at = '' WHERE code = 'X1-7'",
    "a simulated time": "UPDATE delivery SET simulated_at = 'noon'",
    "a promise's simulated time": "UPDATE promise SET simulated_at = '2019-01-07T10:00:00Z'",
    "the stages": "UPDATE run SET stages_s = '{\"storing\": '",
    "the stages' values": 'UPDATE run SET stages_s = \'{"storing": "long"}\'',
    "an error's details": "UPDATE run SET error_code = 'said', error_details = '{\"text\": '",
    "a reason's details": "UPDATE delivery SET reason_details = '[7]'",
    "what is kept of a clear": "UPDATE dataset_state SET cleared = '{'",
    "what else is kept of a clear": "UPDATE dataset_state SET cleared = '{\"colour\": 1}'",
    "the watcher's state": "UPDATE watch SET state = 'asleep'",
    "a body": "UPDATE held SET body = x'00'",
    "half a body": "UPDATE held SET body = substr(body, 1, 6)",
    "bytes for a text": "UPDATE product SET description = CAST(x'c3' AS TEXT) WHERE code = 'X1-9'",
    "a change to bytes": "UPDATE change SET new = x'00'",
    "infinity": "UPDATE customer SET payment = 9e999",
    "a reference to nothing": "PRAGMA foreign_keys = OFF; UPDATE held SET run_id = 99",
    "a migration's moment": "UPDATE _sqlite_migrations SET applied_at = 'once'",
    "a moment before all time": "UPDATE run SET started_at = '0001-01-01T00:00:00+23:59'",
    "a moment of year 1": "UPDATE product SET updated_at = '0001-01-01T00:00:00.000Z'",
    "a moment after all time": "UPDATE product SET updated_at = '9999-12-31T23:59:59.000Z'",
    "a moment of another zone": "UPDATE run SET started_at = '2025-01-01T08:00:00+01:00'",
    "a moment in weeks": "UPDATE run SET finished_at = '2025-W01-1T00:00:00+00:00'",
    "a moment to the hour": "UPDATE product SET updated_at = '20250101T00Z'",
    "a simulated time of year 1": "UPDATE delivery SET simulated_at = '0001-01-01T00:00:00'",
    "a simulated time of year 9999": "UPDATE promise SET simulated_at = '9999-12-31T23:00:00'",
    "a last number of runs": "UPDATE sqlite_sequence SET seq = 9223372036854775807",
    "a number of runs that is none": "UPDATE sqlite_sequence SET seq = 'many'",
    "a last run": "PRAGMA foreign_keys = OFF; DELETE FROM held; DELETE FROM change;"
    " UPDATE run SET id = 9223372036854775807",
}


@pytest.mark.parametrize("script", UNREADABLE.values(), ids=UNREADABLE)
def test_a_value_that_cannot_be_read_back_is_damage(
    database: Path, backup: Path, script: str
) -> None:
    run_sql(backup, f"{script};")
    before = database.read_bytes()

    with pytest.raises(StoreDamaged):
        Store.check(backup)
    with pytest.raises(StoreDamaged, match="nothing was restored, nothing was changed"):
        restore_backup(database, backup)

    assert database.read_bytes() == before


def test_bytes_in_a_column_of_texts_are_damage(database: Path, tmp_path: Path) -> None:
    store = Store.open(make_database(tmp_path / "other" / "ecommerce.db"))
    Store.check(store.path)
    run_sql(store.path, "UPDATE _sqlite_migrations SET applied_at = x'00' WHERE name LIKE 'm001%';")

    with pytest.raises(StoreDamaged, match="_sqlite_migrations.applied_at"):
        restore_backup(database, store.path)


def test_a_held_answer_longer_than_any_that_is_taken_is_damage(
    database: Path, backup: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with closing(sqlite3.connect(backup)) as connection:
        connection.execute("UPDATE held SET body = ?", [zlib.compress(b"[" + b" " * 2**23 + b"]")])
        connection.commit()
    Store.check(backup)
    assert value_check.LARGEST_BODY_BYTES == 4096 * 2**20
    monkeypatch.setattr(value_check, "LARGEST_BODY_BYTES", 2**23)

    with pytest.raises(StoreDamaged, match="nothing was restored"):
        restore_backup(database, backup)


def test_a_body_made_to_fill_the_memory_is_unpacked_bit_by_bit(database: Path) -> None:
    bomb = zlib.compress(bytes(300 * 2**20), level=9)
    with closing(sqlite3.connect(database)) as connection:
        connection.execute("UPDATE held SET body = ?", [bomb])
        connection.commit()
    script = (
        "import resource, sys; from pathlib import Path; from ecommerce_core.storage import Store\n"
        "Store.open(Path(sys.argv[1]))\n"
        "before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss\n"
        "Store.check(Path(sys.argv[1]))\n"
        "print(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before)\n"
    )
    said = subprocess.run(
        [sys.executable, "-c", script, database],
        cwd=ROOT,
        check=True,
        capture_output=True,
        text=True,
        timeout=60,
    ).stdout
    assert int(said) < 100_000  # KiB


# --- who may read and lock


@pytest.mark.parametrize("umask", [0, 0o777], ids=["all", "nothing"])
def test_nobody_else_reads_or_locks_any_file_of_ours_whatever_the_umask(
    tmp_path: Path, peers: Peers, umask: int
) -> None:
    folder, backups = tmp_path / "deep" / "data", tmp_path / "kept" / "backups"
    before = os.umask(umask)
    try:
        settings = Settings(database=folder / "ecommerce.db", backup_dir=backups)
        peers.serve_products(products(200))
        application = Application.open(settings, gateway_url=peers.url)
        application.start()
        try:
            application.request_sync("products", actor=LOCAL_OPERATOR, trigger=Trigger.MANUAL).wait(
                30
            )
            until(lambda: application.backups.state.last_at)
            write_backup(application.store, folder / "by-hand.db")
            with application.store.writing() as db:
                db.execute("UPDATE product SET price_cents = 7")
                [journal] = [*folder.glob("*-journal"), *folder.glob("*-wal")]
                assert mode_of(journal) == 0o600
        finally:
            application.stop()
            application.close()
        locks = [lock_path(settings.database, one) for one in DATASETS]
        restore_backup(settings.database, folder / "by-hand.db", locks=locks)
        application = Application.open(settings, gateway_url=peers.url)
        application.close()
    finally:
        os.umask(before)

    found = {path: mode_of(path) for top in (folder, backups) for path in top.rglob("*")}
    names = {path.name.partition("-2")[0] for path in found}
    assert {
        "ecommerce.db",
        "ecommerce.db.in-use.lock",
        "ecommerce.db.products.lock",
        "ecommerce.db.customers.lock",
        "ecommerce.db.watcher.lock",
        "ecommerce.db.before-restore",
        "ecommerce",
        "by-hand.db",
    } <= names | {path.name.partition("-restore")[0] + "-restore" for path in found}
    files = {path.name: mode for path, mode in found.items() if path.is_file()}
    assert {name: mode for name, mode in files.items() if mode != 0o600} == {}
    snapshots = folder / "ecommerce.db.snapshots"
    assert len(list(snapshots.glob("*.duckdb"))) == 2
    for made in (folder, folder.parent, backups, backups.parent, snapshots):
        assert mode_of(made) == 0o700


def test_what_was_looser_is_put_right_at_the_start_with_one_line(
    database: Path, backup: Path, peers: Peers, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    restore_backup(database, backup)
    settings = Settings(database=database, backup_dir=tmp_path / "backups")
    folders = (database.parent, tmp_path / "backups")
    for is_first in (True, False):
        application = Application.open(settings, gateway_url=peers.url)
        application.start()
        schedule = application.backups
        until(lambda schedule=schedule: schedule.state.last_at)  # type: ignore[misc]
        application.stop()
        application.close()
        if is_first:
            caplog.clear()
            for folder in folders:
                folder.chmod(0o755)
                for path in folder.iterdir():
                    path.chmod(0o644)

    found = {path: mode_of(path) for folder in folders for path in folder.iterdir()}
    assert len(found) >= 6
    assert {path.name: mode for path, mode in found.items() if mode != 0o600} == {}
    assert [mode_of(folder) for folder in folders] == [0o700, 0o700]
    lines = [
        record for record in caplog.records if record.name == "ecommerce_core.storage.private_files"
    ]
    assert len(lines) == 2, "one for each folder"


def test_a_folder_with_other_things_in_it_and_what_is_not_ours_stays_as_it_is(
    database: Path,
) -> None:
    folder = database.parent
    diary, theirs = folder / "diary.txt", folder / "ecommerce.db.html"
    for path in (diary, theirs):
        path.write_text("Dear all")
        path.chmod(0o644)
    database.chmod(0o644)
    folder.chmod(0o755)

    Store.open(database)

    assert mode_of(database) == 0o600
    assert [mode_of(path) for path in (folder, diary, theirs)] == [0o755, 0o644, 0o644]


def test_a_folder_that_everybody_shares_stays_as_it_is(tmp_path: Path) -> None:
    shared = tmp_path / "tmp"
    shared.mkdir()
    shared.chmod(0o1777)

    Store.open(shared / "ecommerce.db")

    assert stat.S_IMODE(shared.stat().st_mode) == 0o1777


@as_root
def test_another_account_neither_reads_nor_locks_nor_stops_the_application(peers: Peers) -> None:
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        folder.chmod(0o755)
        (folder / "other-things").touch()
        settings = Settings(database=folder / "ecommerce.db")
        application = Application.open(settings, gateway_url=peers.url)
        application.start()
        try:
            application.request_sync("products", actor=LOCAL_OPERATOR, trigger=Trigger.MANUAL).wait(
                30
            )
            ours = [path for path in folder.iterdir() if path.name.startswith("ecommerce.db")]
            assert len(ours) >= 4
            for path in ours:
                for flags in (os.O_RDONLY, os.O_RDONLY if path.is_dir() else os.O_RDWR):
                    with account(NOBODY), pytest.raises(PermissionError):
                        os.open(path, flags)
        finally:
            application.stop()
            application.close()


# --- one database, several names


def links_to(database: Path, tmp_path: Path) -> list[Path]:
    """Yield other names of a database by symbolic links: of the file, of its folder, of a link."""
    file, folder, chain = tmp_path / "link.db", tmp_path / "folder", tmp_path / "chain.db"
    file.symlink_to(database)
    folder.symlink_to(database.parent)
    chain.symlink_to("link.db")
    return [file, folder / database.name, chain]


def test_a_database_in_use_is_not_replaced_under_another_name(
    database: Path, backup: Path, peers: Peers, tmp_path: Path
) -> None:
    for used, restored in [(database, link) for link in links_to(database, tmp_path)] + [
        (tmp_path / "link.db", database)
    ]:
        application = Application.open(Settings(database=used), gateway_url=peers.url)
        try:
            with pytest.raises(StoreBusy):
                restore_backup(restored, backup)
        finally:
            application.close()
    names = sorted(path.name for path in database.parent.iterdir())
    assert names == ["ecommerce.db", "ecommerce.db.in-use.lock"]


def test_locks_of_a_dataset_are_one_under_all_names(database: Path, tmp_path: Path) -> None:
    links = links_to(database, tmp_path)
    for dataset in DATASETS.values():
        expected = database.with_name(f"ecommerce.db.{dataset.name}.lock")
        for link in links:
            assert lock_path(link, dataset.name) == expected


def test_a_restore_writes_to_what_a_link_leads_to(
    database: Path, backup: Path, tmp_path: Path
) -> None:
    link, *_ = links_to(database, tmp_path)
    run_sql(database, "DELETE FROM product;")

    restored = restore_backup(link, backup)

    assert link.is_symlink()
    assert restored.database == database
    for name in (link, database):
        with closing(sqlite3.connect(name)) as connection:
            assert connection.execute("SELECT count(*) FROM product").fetchone() == (40,)


def test_a_database_with_a_second_name_by_a_hard_link_is_refused_with_the_reason(
    database: Path, backup: Path, peers: Peers, tmp_path: Path
) -> None:
    second = tmp_path / "second.db"
    second.hardlink_to(database)
    before = database.read_bytes()
    for name in (database, second):
        for use in (
            lambda name=name: Application.open(Settings(database=name), gateway_url=peers.url),
            lambda name=name: restore_backup(name, backup),
            lambda name=name: Store.check(name),
        ):
            with pytest.raises(StoreError, match="has another name, by a hard link"):
                use()
    assert database.read_bytes() == before

    second.unlink()
    restore_backup(database, backup)
    assert database.stat().st_nlink == 1
    Store.open(database)


DIES = """
import os, signal, sys
from pathlib import Path
from ecommerce_core.storage import restore
def die(*_, **__):
    os.kill(os.getpid(), signal.SIGKILL)
setattr(restore, sys.argv[3], die)
restore.restore_backup(Path(sys.argv[1]), Path(sys.argv[2]))
"""


@pytest.mark.parametrize("moment", ["_settle", "_keep_aside", "put_in_place"])
def test_what_a_killed_restore_left_goes_at_the_next_start(
    database: Path, backup: Path, peers: Peers, moment: str
) -> None:
    killed = subprocess.run(
        [sys.executable, "-c", DIES, database, backup, moment], cwd=ROOT, check=False, timeout=60
    )
    assert killed.returncode == -signal.SIGKILL
    assert list(database.parent.glob(".*.partial-*"))
    left = next(database.parent.glob(".*.partial-*"))
    left.with_name(f"{left.name}-journal").write_bytes(b"half")

    Application.open(Settings(database=database), gateway_url=peers.url).close()

    names = sorted(path.name for path in database.parent.iterdir())
    assert names == ["ecommerce.db", "ecommerce.db.in-use.lock"]
    assert database.stat().st_nlink == 1


# --- backups


def special_files(folder: Path) -> Iterator[Path]:
    pipe = folder / "pipe"
    os.mkfifo(pipe)
    yield pipe
    inner = folder / "folder"
    inner.mkdir()
    yield inner
    link = folder / "link"
    link.symlink_to(folder.parent / "diary.txt")
    yield link
    nowhere = folder / "nowhere"
    nowhere.symlink_to(folder / "not-there")
    yield nowhere
    door = socket.socket(socket.AF_UNIX)
    door.bind(str(folder / "door"))
    door.close()
    yield folder / "door"
    if os.geteuid() == 0:
        device = folder / "null"
        os.mknod(device, stat.S_IFCHR | 0o666, os.makedev(1, 3))
        yield device


def test_a_backup_replaces_regular_files_alone(
    database: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    folder, diary = tmp_path / "special", tmp_path / "diary.txt"
    folder.mkdir()
    diary.write_text("Dear diary")
    monkeypatch.setenv("ECOMMERCE_DATABASE", str(database))
    for path in special_files(folder):
        before = path.lstat()
        with pytest.raises(StoreError, match="not a regular file"):
            write_backup(Store(database), path, replace_existing=True)
        assert CliRunner().invoke(cli, ["backup", str(path), "--force"]).exit_code in {1, 2}
        after = path.lstat()
        assert (after.st_ino, after.st_mode) == (before.st_ino, before.st_mode)
    assert diary.read_text() == "Dear diary"

    assert CliRunner().invoke(cli, ["backup", str(diary), "--force"]).exit_code == 0
    Store.check(diary)


def name_at(age: timedelta) -> str:
    return (datetime.now(UTC) - age).strftime("ecommerce-%Y%m%dT%H%M%SZ.db")


def write_nothing(path: Path) -> None:
    path.touch()


def write_text(path: Path) -> None:
    path.write_text("Dear diary, " * 1000)


def write_anothers(path: Path) -> None:
    run_sql(path, "CREATE TABLE album (title TEXT);")


def write_half(path: Path) -> None:
    made = make_database(path.with_name("whole.db"))
    path.write_bytes(made.read_bytes()[: made.stat().st_size // 2])
    made.unlink()


def write_other_installations(path: Path) -> None:
    make_database(path.with_name("other.db")).rename(path)


@pytest.mark.parametrize(
    "write",
    [write_nothing, write_text, write_anothers, write_half, write_other_installations, os.mkfifo],
)
def test_a_file_that_only_has_a_backups_name_counts_as_none_and_stays(
    database: Path, tmp_path: Path, write: Callable[[Path], object]
) -> None:
    folder = tmp_path / "backups"
    folder.mkdir()
    stranger = folder / name_at(HOUR / 2)
    write(stranger)
    older = folder / name_at(3 * HOUR)
    write_backup(Store(database), older)
    schedule = BackupSchedule(Store(database), folder, every=HOUR, keep=1)
    schedule.start()
    try:
        until(lambda: not older.exists())
    finally:
        schedule.stop()

    assert stranger.exists()
    installation = Store(database).installation()
    assert len(list_backups(folder, installation=installation)) == 1
    assert schedule.state.error is None


def test_two_installations_in_one_folder_do_not_silence_each_other(
    database: Path, peers: Peers, tmp_path: Path
) -> None:
    folder = tmp_path / "backups"
    make_database(tmp_path / "other" / "ecommerce.db")
    running = []
    for name in ("data", "other"):
        settings = Settings(database=tmp_path / name / "ecommerce.db", backup_dir=folder)
        running.append(Application.open(settings, gateway_url=peers.url))
        running[-1].start()
    try:
        until(lambda: all(one.backups.state.last_at for one in running))
    finally:
        for one in running:
            one.stop()
            one.close()

    assert len(list_backups(folder)) == 2
    assert [one.backups.state.error for one in running] == [None, None]


BACKS_UP = """
import sys, time
from pathlib import Path
from ecommerce_core.storage.backup import write_backup
from ecommerce_core.storage.store import Store
class Slow(Store):
    def copy_into(self, path, **more):
        super().copy_into(path, **more)
        path.with_name(path.name + "-journal").write_bytes(b"half")
        print("copied", flush=True)
        sys.stdin.readline()
write_backup(Slow(Path(sys.argv[1])), Path(sys.argv[2]))
"""


@contextmanager
def backing_up(database: Path, target: Path) -> Iterator[subprocess.Popen[str]]:
    """Run a process that has copied the database and not yet put the copy in place."""
    process = subprocess.Popen(
        [sys.executable, "-c", BACKS_UP, database, target],
        cwd=ROOT,
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    )
    try:
        assert process.stdout is not None
        assert process.stdout.readline() == "copied\n"
        yield process
    finally:
        process.kill()
        process.communicate(timeout=10)


@pytest.mark.parametrize("place", ["data/by-hand.db", "backups/ecommerce-20250131T040000Z.db"])
def test_what_a_killed_backup_left_goes_at_the_next_start_and_a_living_ones_stays(
    database: Path, peers: Peers, tmp_path: Path, place: str
) -> None:
    folder = (tmp_path / place).parent
    folder.mkdir(exist_ok=True)
    settings = Settings(database=database, backup_dir=tmp_path / "backups")

    def start() -> list[str]:
        application = Application.open(settings, gateway_url=peers.url)
        application.start()
        until(lambda: application.backups.state.last_at)
        application.stop()
        application.close()
        return sorted(path.name for path in folder.glob(".*.partial-*"))

    with backing_up(database, tmp_path / place) as process:
        assert len(start()) == 2
        process.kill()
        process.wait(10)
        assert len(list(folder.glob(".*.partial-*"))) == 2
        assert start() == []

    with backing_up(database, tmp_path / place) as process:
        start()
        process.communicate("\n", timeout=30)
        assert process.returncode == 0
    Store.check(tmp_path / place)


def test_doctor_says_what_others_can_use(database: Path) -> None:
    def verdicts() -> dict[str, Verdict]:
        checks = examine(Settings(database=database), gateway_url="http://127.0.0.1:9")
        return {check.step: check.verdict for check in checks if check.subject == "store"}

    assert verdicts() == {"file": Verdict.OK, "room": Verdict.OK}
    database.chmod(0o640)
    assert verdicts()["private"] is Verdict.WRONG
    assert mode_of(database) == 0o640, "doctor changes nothing"


def test_doctor_reads_all_and_leaves_nothing(database: Path) -> None:
    run_sql(database, "UPDATE run SET status = 'done';")
    before = database.read_bytes()

    checks = examine(Settings(database=database), gateway_url="http://127.0.0.1:9")
    store, *_ = (check for check in checks if check.subject == "store")

    assert store.verdict is Verdict.WRONG
    assert f"{database} holds what cannot be read back (run.status)" in store.detail
    assert database.read_bytes() == before
    assert names_beside(database) == ["ecommerce.db"]


def test_doctor_follows_no_journal_that_names_another_file(database: Path, tmp_path: Path) -> None:
    victim = tmp_path / "diary.txt"
    victim.write_text("Dear diary")
    journal = database.with_name(f"{database.name}-journal")
    journal.write_bytes(journal_that_names(victim, database))
    settings = Settings(database=database, backup_dir=tmp_path)

    assert list(examine(settings, gateway_url="http://127.0.0.1:9"))

    assert victim.exists()
    assert journal.exists()


def test_a_lock_file_that_is_a_link_is_not_followed(database: Path, tmp_path: Path) -> None:
    victim = tmp_path / "diary.txt"
    database.with_name("ecommerce.db.in-use.lock").symlink_to(victim)

    with pytest.raises(StoreError, match=r"ecommerce\.db\.in-use\.lock"):
        DatabaseLock.announce(database)

    assert not victim.exists()


# --- the lock by which a restore detects users of the database


def refuse_modes(monkeypatch: pytest.MonkeyPatch) -> None:
    """Let the system respond like a file system without modes."""

    def refuse(*_: object, **__: object) -> None:
        raise PermissionError(errno.EPERM, "Operation not permitted")

    monkeypatch.setattr(os, "chmod", refuse)
    monkeypatch.setattr(os, "fchmod", refuse)


def test_a_file_system_without_modes_is_used_as_any_other(
    peers: Peers, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    refuse_modes(monkeypatch)
    peers.serve_products(products(30))
    settings = Settings(database=tmp_path / "new" / "shop.db")

    application = Application.open(settings, gateway_url=peers.url)
    try:
        application.start(watch=False)
        run = application.request_sync(
            "products", actor=LOCAL_OPERATOR, trigger=Trigger.MANUAL
        ).wait(30)
        backup = write_backup(application.store, tmp_path / "backup.db")
        assert run.counts.added == 30
        assert application.reader.state(PRODUCTS).shown is not None
        with pytest.raises(StoreBusy):
            restore_backup(settings.database, backup.path)
    finally:
        application.stop()
        application.close()
    restore_backup(settings.database, backup.path)


@as_root
def test_a_lock_that_cannot_be_opened_is_said_and_the_database_not_used(peers: Peers) -> None:
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        make_database(folder / "shop.db")
        lock = folder / "shop.db.in-use.lock"
        lock.touch(mode=0o600)
        for path in (folder, folder / "shop.db"):
            os.chown(path, NOBODY, NOBODY)

        with account(NOBODY), pytest.raises(StoreError, match=r"shop\.db\.in-use\.lock"):
            Application.open(Settings(database=folder / "shop.db"), gateway_url=peers.url)


@as_root
def test_where_no_lock_can_be_made_the_database_is_read_all_the_same() -> None:
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        folder.chmod(0o755)
        make_database(folder / "shop.db")

        with account(NOBODY):
            DatabaseLock.announce(folder / "shop.db").let_go()

        assert not (folder / "shop.db.in-use.lock").exists()


# --- commands that root gives


@as_root
def test_what_root_creates_belongs_to_the_account_of_the_folder(
    peers: Peers, tmp_path: Path
) -> None:
    folder, backups = tmp_path / "service", tmp_path / "backups"
    for made in (folder, backups):
        made.mkdir()
    os.chown(folder, NOBODY, NOBODY)
    peers.serve_products(products(30))
    settings = Settings(database=folder / "sub" / "shop.db")
    application = Application.open(settings, gateway_url=peers.url)
    application.start()
    try:
        application.request_sync("products", actor=LOCAL_OPERATOR, trigger=Trigger.MANUAL).wait(30)
        until((folder / "sub" / "shop.db.watcher.lock").exists)
        backup = write_backup(application.store, backups / "shop.db").path
    finally:
        application.stop()
        application.close()
    locks = [lock_path(settings.database, name) for name in DATASETS]
    restore_backup(settings.database, backup, locks=locks)

    found = list(folder.rglob("*"))
    assert {
        "shop.db",
        "shop.db.in-use.lock",
        "shop.db.products.lock",
        "shop.db.customers.lock",
        "shop.db.snapshots",
    } <= {path.name for path in found}
    assert [path.suffix for path in found].count(".duckdb") == 2
    assert {path.name for path in found if path.stat().st_uid != NOBODY} == set()
    assert backup.stat().st_uid == 0, "whoever asks for a backup by hand has it"


@as_root
def test_root_gives_away_no_file_that_was_there_before(tmp_path: Path) -> None:
    folder = tmp_path / "service"
    folder.mkdir()
    os.chown(folder, NOBODY, NOBODY)
    secret = tmp_path / "secret"
    secret.write_text("of root's")
    lock = folder / "shop.db.in-use.lock"
    lock.hardlink_to(secret)

    DatabaseLock.announce(folder / "shop.db").let_go()

    assert secret.stat().st_uid == 0


@as_root
def test_a_restore_by_root_leaves_the_database_to_its_owner(database: Path, backup: Path) -> None:
    os.chown(database, NOBODY, NOBODY)

    restore_backup(database, backup)

    assert database.stat().st_uid == NOBODY
