"""Backups and restores: consistent, checked, on time, and never half there."""

from __future__ import annotations

import logging
import os
import shutil
import sqlite3
import subprocess
import threading
from collections.abc import Callable, Iterator
from contextlib import closing
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from ecommerce_core.application import Application
from ecommerce_core.datasets import PRODUCTS
from ecommerce_core.domain import (
    Run,
    StoreBusy,
    StoreDamaged,
    StoreError,
    StoreFull,
    StoreIncompatible,
    Trigger,
)
from ecommerce_core.domain.access import LOCAL_OPERATOR
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
from tests.support.peers import Peers, products
from tests.support.waiting import until

HOUR = timedelta(hours=1)


def fetch(application: Application, peers: Peers, count: int, *, price: int = 100) -> Run:
    peers.serve_products(products(count, price=price))
    return application.request_sync("products", actor=LOCAL_OPERATOR, trigger=Trigger.MANUAL).wait(
        30
    )


def rows_of(path: Path) -> int:
    return Store(path).totals(PRODUCTS).current


def names_in(folder: Path) -> list[str]:
    aside = {".lock", ".snapshots"}
    return sorted(path.name for path in folder.iterdir() if path.suffix not in aside)


@pytest.fixture
def full(application: Application, peers: Peers) -> Application:
    fetch(application, peers, 50)
    return application


@pytest.fixture
def stopped(full: Application, tmp_path: Path) -> Application:
    """Return an application that has stopped, with a backup of its 50 products in ``backup.db``."""
    write_backup(full.store, tmp_path / "backup.db")
    full.stop()
    full.close()
    return full


def test_a_backup_holds_what_the_store_held(full: Application, tmp_path: Path) -> None:
    target = tmp_path / "backup.db"

    backup = write_backup(full.store, target)

    assert backup.bytes == target.stat().st_size
    Store.check(target)
    assert rows_of(target) == 50
    assert [run.id for run in Store(target).list_runs()] == [1]
    assert target.stat().st_mode & 0o777 == 0o600, "it holds customers"
    assert names_in(tmp_path) == ["backup.db", "data"]


def test_backups_beside_a_stream_of_syncs_are_each_of_one_moment(
    application: Application, peers: Peers, tmp_path: Path
) -> None:
    ended = threading.Event()

    def keep_syncing() -> None:
        price = 1
        while not ended.is_set():
            fetch(application, peers, 300, price=price)
            price += 1

    fetch(application, peers, 300)
    writer = threading.Thread(target=keep_syncing)
    writer.start()
    try:
        for number in range(8):
            target = tmp_path / f"{number}.db"
            write_backup(application.store, target)
            with closing(sqlite3.connect(target)) as connection:
                prices = connection.execute("SELECT DISTINCT price_cents FROM product").fetchall()
            assert len(prices) == 1, "every sync changes all prices: two are two moments"
    finally:
        ended.set()
        writer.join()


def test_an_existing_file_is_replaced_only_when_told(full: Application, tmp_path: Path) -> None:
    target = tmp_path / "notes.txt"
    target.write_text("Dear diary")

    with pytest.raises(StoreError, match="already exists: nothing was written"):
        write_backup(full.store, target)
    assert target.read_text() == "Dear diary"

    write_backup(full.store, target, replace_existing=True)
    assert rows_of(target) == 50


@pytest.mark.parametrize("link", [None, Path.symlink_to, Path.hardlink_to])
def test_the_database_itself_is_no_target_under_any_name(
    full: Application, tmp_path: Path, link: Callable[[Path, Path], None] | None
) -> None:
    target = full.store.path
    if link is not None:
        target = tmp_path / "other-name.db"
        link(target, full.store.path)

    with pytest.raises(StoreError, match="is the database itself"):
        write_backup(full.store, target, replace_existing=True)
    assert rows_of(full.store.path) == 50


def test_a_folder_that_is_not_there_is_named(full: Application, tmp_path: Path) -> None:
    with pytest.raises(StoreError, match="cannot be written to .*nowhere.*No such file"):
        write_backup(full.store, tmp_path / "nowhere" / "backup.db")


@pytest.mark.skipif(os.geteuid() != 0, reason="mounting a small disk takes root")
def test_a_full_disk_says_so_and_keeps_nothing_of_it(
    application: Application, peers: Peers, tmp_path: Path
) -> None:
    fetch(application, peers, 5_000)
    disk = tmp_path / "disk"
    disk.mkdir()
    size = "size=128k"
    mounted = subprocess.run(
        ["mount", "-t", "tmpfs", "-o", size, "tmpfs", str(disk)], capture_output=True, check=False
    )
    if mounted.returncode:
        pytest.skip("no small disk can be mounted here")
    try:
        old = disk / "old.db"
        old.write_text("an older backup")
        for target in (disk / "new.db", old):
            with pytest.raises(StoreFull, match="has no room for the backup: nothing was left"):
                write_backup(application.store, target, replace_existing=True)
        assert names_in(disk) == ["old.db"]
        assert old.read_text() == "an older backup"
    finally:
        subprocess.run(["umount", str(disk)], check=True)


def test_a_copy_that_fails_its_check_never_gets_its_name(
    full: Application, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    copy = Store.copy_into

    def damaged(store: Store, path: Path, **rest: Callable[[], bool]) -> None:
        copy(store, path, **rest)
        with path.open("r+b") as file:
            file.seek(4096)
            file.write(b"\xff" * 4096)

    monkeypatch.setattr(Store, "copy_into", damaged)
    with pytest.raises(StoreDamaged):
        write_backup(full.store, tmp_path / "backup.db")
    assert names_in(tmp_path) == ["data"]


# --- the schedule


@pytest.fixture
def schedules(full: Application, tmp_path: Path) -> Iterator[Callable[..., BackupSchedule]]:
    made: list[BackupSchedule] = []

    def make(*, every: timedelta = HOUR, keep: int = 3, **more: float) -> BackupSchedule:
        folder = tmp_path / "backups"
        made.append(BackupSchedule(full.store, folder, every=every, keep=keep, **more))
        made[-1].start()
        return made[-1]

    yield make
    for schedule in made:
        schedule.stop()


def name_at(age: timedelta) -> str:
    """Return the name of a backup of that age from an older version, without the installation."""
    return (datetime.now(UTC) - age).strftime("ecommerce-%Y%m%dT%H%M%SZ.db")


def old_backup(store: Store, folder: Path, age: timedelta) -> Path:
    folder.mkdir(exist_ok=True)
    return write_backup(store, folder / name_at(age)).path


def test_the_first_backup_is_made_at_once(
    schedules: Callable[..., BackupSchedule], tmp_path: Path
) -> None:
    schedule = schedules()

    until(lambda: schedule.state.last_at)
    [(_, path)] = list_backups(tmp_path / "backups")
    assert rows_of(path) == 50
    assert schedule.state.error is None


@pytest.mark.parametrize(("age", "made"), [(timedelta(minutes=50), 0), (timedelta(minutes=70), 1)])
def test_a_restart_neither_skips_nor_doubles_a_backup(
    schedules: Callable[..., BackupSchedule],
    full: Application,
    tmp_path: Path,
    age: timedelta,
    made: int,
) -> None:
    old_backup(full.store, tmp_path / "backups", age)

    schedule = schedules()
    until(lambda: schedule.state.next_at)
    until(lambda: len(list_backups(tmp_path / "backups")) == 1 + made)
    schedule.stop()

    assert len(list_backups(tmp_path / "backups")) == 1 + made
    assert schedule.state.last_at is not None
    due = schedule.state.last_at + HOUR
    assert schedule.state.next_at == due


def test_the_newest_are_kept_and_nothing_that_is_not_ours_is_touched(
    schedules: Callable[..., BackupSchedule], full: Application, tmp_path: Path
) -> None:
    folder = tmp_path / "backups"
    old = [old_backup(full.store, folder, hours * HOUR) for hours in (2, 3, 4, 5)]
    left_over = folder / f".{old[0].name}.partial-00ff00ff"
    left_over.write_bytes(b"half")
    (folder / "ecommerce-notes.db").write_text("mine")

    schedules(keep=3)

    until(lambda: not old[2].exists() and not old[3].exists())
    assert [path.exists() for path in old] == [True, True, False, False]
    assert not left_over.exists()
    assert (folder / "ecommerce-notes.db").read_text() == "mine"
    assert len(list_backups(folder)) == 3


def test_a_file_from_the_future_neither_takes_a_place_nor_costs_a_backup(
    schedules: Callable[..., BackupSchedule], full: Application, tmp_path: Path
) -> None:
    folder = tmp_path / "backups"
    future = [old_backup(full.store, folder, -days * 24 * HOUR) for days in (1, 2)]
    old = old_backup(full.store, folder, 2 * HOUR)

    schedule = schedules(keep=2)

    until(lambda: schedule.state.last_at and schedule.state.next_at)
    until(lambda: len(list_backups(folder)) == 4)
    schedule.stop()
    assert old.exists()
    assert all(path.exists() for path in future)
    assert len(list_backups(folder)) == 4


def test_a_backup_that_fails_is_one_line_in_the_log_and_tried_again(
    schedules: Callable[..., BackupSchedule], tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    (tmp_path / "backups").write_text("a file where the folder should be")
    with caplog.at_level(logging.INFO, logger="ecommerce_core.storage.backup"):
        schedule = schedules(retry_s=0.02)
        until(lambda: schedule.state.error)
        threading.Event().wait(0.2)  # ten more tries
        (tmp_path / "backups").unlink()
        until(lambda: schedule.state.last_at)
        until(lambda: len(caplog.records) == 2)

    assert [record.levelname for record in caplog.records] == ["ERROR", "INFO"]
    assert schedule.state.error is None


def test_a_server_backs_up_where_it_is_told_to(peers: Peers, tmp_path: Path) -> None:
    settings = Settings(database=tmp_path / "shop.db", backup_dir=tmp_path / "kept")
    application = Application.open(settings, gateway_url=peers.url)
    application.start()
    try:
        until(lambda: application.backups.state.last_at)
    finally:
        application.stop()
    assert len(list_backups(tmp_path / "kept")) == 1


def test_two_installations_share_a_folder_and_each_prunes_its_own(
    full: Application, tmp_path: Path
) -> None:
    folder = tmp_path / "backups"
    other = Store.open(tmp_path / "other" / "ecommerce.db")
    schedules = [BackupSchedule(one, folder, every=HOUR, keep=2) for one in (full.store, other)]
    theirs = [old_backup(other, folder, hours * HOUR) for hours in (2, 3, 4)]
    ours = [old_backup(full.store, folder, hours * HOUR) for hours in (5, 6, 7)]
    for number, schedule in enumerate(schedules, start=1):
        schedule.start()
        until(lambda made=number: len(list(folder.glob("*-????????.db"))) == made)  # type: ignore[misc]
        schedule.stop()

    assert [path.exists() for path in (*theirs, *ours)] == [True, False, False] * 2
    for store in (full.store, other):
        assert len(list_backups(folder, installation=store.installation())) == 2
    assert len(list_backups(folder)) == 4


def test_a_restored_backup_of_another_installation_becomes_this_ones(
    stopped: Application, tmp_path: Path
) -> None:
    database = tmp_path / "other" / "ecommerce.db"
    own = Store.open(database).installation()

    restore_backup(database, tmp_path / "backup.db")

    assert rows_of(database) == 50
    assert Store(database).installation() == own
    assert own != stopped.store.installation()


# --- restore


def test_a_restored_backup_takes_the_place_of_the_database_and_keeps_it_aside(
    stopped: Application, peers: Peers, tmp_path: Path
) -> None:
    database = stopped.settings.database
    again = Application.open(stopped.settings, gateway_url=peers.url)
    again.start(watch=False)
    fetch(again, peers, 80)
    again.stop()
    again.close()

    restored = restore_backup(database, tmp_path / "backup.db")

    assert rows_of(database) == 50
    assert restored.kept is not None
    assert rows_of(restored.kept) == 80
    assert names_in(database.parent) == [database.name, restored.kept.name]
    assert rows_of(tmp_path / "backup.db") == 50


def test_a_backup_is_restored_where_there_was_no_database(
    stopped: Application, tmp_path: Path
) -> None:
    database = tmp_path / "fresh" / "shop.db"

    assert restore_backup(database, tmp_path / "backup.db").kept is None
    assert rows_of(database) == 50


def damaged(path: Path) -> None:
    with path.open("r+b") as file:
        file.seek(4096)
        file.write(b"\xff" * 8192)


def foreign(path: Path) -> None:
    path.unlink()
    with closing(sqlite3.connect(path)) as connection:
        connection.execute("CREATE TABLE album (title TEXT)")


def newer(path: Path) -> None:
    with closing(sqlite3.connect(path)) as connection:
        connection.execute(
            "INSERT INTO _sqlite_migrations (migration_set, name, applied_at)"
            " SELECT migration_set, 'm999_of_tomorrow', applied_at FROM _sqlite_migrations LIMIT 1"
        )
        connection.commit()


def text(path: Path) -> None:
    path.write_text("Dear diary, " * 1000)


def empty(path: Path) -> None:
    path.write_bytes(b"")


@pytest.mark.parametrize(
    ("spoil", "error"),
    [
        (damaged, StoreDamaged),
        (text, StoreDamaged),
        (foreign, StoreIncompatible),
        (newer, StoreIncompatible),
        (empty, StoreIncompatible),
    ],
)
def test_a_file_that_will_not_do_is_refused_and_nothing_changes(
    stopped: Application,
    tmp_path: Path,
    spoil: Callable[[Path], None],
    error: type[StoreError],
) -> None:
    database, file = stopped.settings.database, tmp_path / "backup.db"
    spoil(file)
    before, spoiled = database.read_bytes(), file.read_bytes()

    with pytest.raises(error, match="backup.db .*nothing was restored, nothing was changed"):
        restore_backup(database, file)

    assert database.read_bytes() == before
    assert file.read_bytes() == spoiled
    assert names_in(database.parent) == [database.name]


def test_a_database_in_use_is_not_replaced(full: Application, tmp_path: Path) -> None:
    write_backup(full.store, tmp_path / "backup.db")

    with pytest.raises(StoreBusy, match="in use by a server or a command: stop it first"):
        restore_backup(full.settings.database, tmp_path / "backup.db")
    assert rows_of(full.settings.database) == 50
    left = names_in(full.settings.database.parent)
    assert not [name for name in left if "restore" in name or "partial" in name]


def test_a_dataset_that_is_being_synced_keeps_the_database_in_its_place(
    stopped: Application, tmp_path: Path
) -> None:
    from filelock import FileLock

    lock = lock_path(stopped.settings.database, "products")
    with FileLock(lock), pytest.raises(StoreBusy, match="in use"):
        restore_backup(stopped.settings.database, tmp_path / "backup.db", locks=[lock])


def test_a_stranger_with_an_open_transaction_keeps_the_database_in_its_place(
    stopped: Application, tmp_path: Path
) -> None:
    with closing(sqlite3.connect(stopped.settings.database, isolation_level=None)) as stranger:
        stranger.execute("BEGIN IMMEDIATE")
        with pytest.raises(StoreBusy, match="in use"):
            restore_backup(stopped.settings.database, tmp_path / "backup.db")


def test_no_application_opens_the_database_while_it_is_being_replaced(
    stopped: Application, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("ecommerce_core.storage.database_lock.PATIENCE_S", 0.1)
    alone = DatabaseLock.alone(stopped.settings.database)
    try:
        with pytest.raises(StoreBusy, match="is being restored at this moment"):
            DatabaseLock.announce(stopped.settings.database, timeout_s=0.1)
    finally:
        alone.let_go()
    DatabaseLock.announce(stopped.settings.database, timeout_s=0.1).let_go()


def test_a_damaged_database_is_replaced_and_kept_with_what_lay_beside_it(
    stopped: Application, tmp_path: Path
) -> None:
    database = stopped.settings.database
    broken = b"what a disk makes of a file " * 1000
    database.write_bytes(broken)
    journal = database.with_name(f"{database.name}-journal")
    journal.write_bytes(b"what may help to mend it")

    restored = restore_backup(database, tmp_path / "backup.db")

    assert rows_of(database) == 50
    assert restored.kept is not None
    assert restored.kept.read_bytes() == broken
    kept_journal = restored.kept.with_name(f"{restored.kept.name}-journal")
    assert kept_journal.read_bytes() == b"what may help to mend it"
    assert not journal.exists()


def test_what_a_crash_left_half_done_is_ended_before_the_database_is_kept_aside(
    stopped: Application, tmp_path: Path
) -> None:
    """Otherwise the journal would be rolled back into the next file with that name."""
    database = stopped.settings.database
    crashed = tmp_path / "crashed.db"
    with closing(sqlite3.connect(database, isolation_level=None)) as connection:
        connection.execute("PRAGMA journal_mode = DELETE")  # a newer SQLite writes ahead
        connection.execute("PRAGMA cache_size = 2")
        connection.execute("BEGIN IMMEDIATE")
        connection.execute("UPDATE product SET description = hex(randomblob(500))")
        journal = database.with_name(f"{database.name}-journal")
        assert journal.stat().st_size > 0
        shutil.copyfile(database, crashed)
        shutil.copyfile(journal, crashed.with_name(f"{crashed.name}-journal"))
        connection.execute("ROLLBACK")
    shutil.copyfile(crashed, database)
    shutil.move(f"{crashed}-journal", journal)

    restored = restore_backup(database, tmp_path / "backup.db")

    assert restored.kept is not None
    for path in (database, restored.kept):
        Store.check(path)
        assert rows_of(path) == 50
    assert not journal.exists()


def test_a_journal_without_its_database_is_not_rolled_back_into_what_is_restored(
    stopped: Application, tmp_path: Path
) -> None:
    database = stopped.settings.database
    journal = database.with_name(f"{database.name}-journal")
    with closing(sqlite3.connect(database, isolation_level=None)) as connection:
        connection.execute("PRAGMA journal_mode = DELETE")  # a newer SQLite writes ahead
        connection.execute("PRAGMA cache_size = 2")
        connection.execute("BEGIN IMMEDIATE")
        connection.execute("UPDATE product SET description = hex(randomblob(500))")
        left = journal.read_bytes()
        connection.execute("ROLLBACK")
    database.unlink()
    journal.write_bytes(left)

    assert restore_backup(database, tmp_path / "backup.db").kept is None

    Store.check(database)
    assert rows_of(database) == 50
    assert not journal.exists()
    [kept] = database.parent.glob("*.before-restore-*-journal")
    assert kept.read_bytes() == left
