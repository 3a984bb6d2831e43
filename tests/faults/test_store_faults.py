"""A disk that is full, a database that is locked, damaged, foreign or not writable."""

from __future__ import annotations

import os
import shutil
import sqlite3
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing, contextmanager, suppress
from pathlib import Path

import pytest

from ecommerce_core.application import Application
from ecommerce_core.datasets import PRODUCTS
from ecommerce_core.domain import (
    Fact,
    Run,
    RunStatus,
    StoreBusy,
    StoreDamaged,
    StoreError,
    StoreFull,
    StoreIncompatible,
    Totals,
    Trigger,
)
from ecommerce_core.domain.access import LOCAL_OPERATOR
from ecommerce_core.gateway import Gateway
from ecommerce_core.settings import Settings
from ecommerce_core.storage import SnapshotCode, Store
from ecommerce_core.storage.sqlite import file as sqlite_file
from ecommerce_core.storage.sqlite import schema
from tests.support.peers import Peers, products
from tests.support.waiting import until

ROOT = Path(__file__).resolve().parents[2]
NOBODY = 65_534
GARBAGE = bytes(range(256)) * 64


@contextmanager
def running(database: Path, peers: Peers, *, busy_timeout_s: float = 0.3) -> Iterator[Application]:
    """Run an application with short time-outs."""
    settings = Settings(database=database, timeout_s=5, deadline_s=20)
    patient = Store.open(database, busy_timeout_s=busy_timeout_s)
    application = Application(settings, store=patient, gateway=Gateway(peers.url))
    application.start()
    try:
        yield application
    finally:
        application.stop(timeout_s=5)
        application.close()


def sync(application: Application) -> Run:
    return application.request_sync("products", actor=LOCAL_OPERATOR, trigger=Trigger.MANUAL).wait(
        30
    )


def fed(database: Path, peers: Peers, *, count: int = 100) -> Path:
    """Return a database with ``count`` products of price 1."""
    peers.serve_products(products(count, price=1))
    with running(database, peers) as application:
        assert sync(application).counts.added == count
    return database


def prices(rows: Store) -> set[int]:
    with rows.reading() as db:
        return {price for (price,) in db.execute("SELECT DISTINCT price_cents FROM product")}


def contents(folder: Path) -> dict[str, bytes]:
    """Return every file of a folder except locks and a WAL's index, which hold no data."""
    return {
        path.name: path.read_bytes()
        for path in folder.iterdir()
        if path.is_file() and not path.name.endswith((".lock", "-shm"))
        if path.stat().st_size or not path.name.endswith("-wal")
    }


def writes_ahead(database: Path) -> bool:
    """Return True in WAL mode, in which readers and a writer do not block each other."""
    return database.read_bytes()[18] == 2  # the header's write version


@pytest.fixture
def small_disk(tmp_path: Path) -> Iterator[Path]:
    folder = tmp_path / "disk"
    folder.mkdir()
    mount = shutil.which("mount")
    if mount is None or os.geteuid() != 0:
        pytest.skip("mounting a small disk takes root")
    mounted = subprocess.run(
        [mount, "-t", "tmpfs", "-o", "size=4m", "tmpfs", str(folder)],
        check=False,
        capture_output=True,
        text=True,
    )
    if mounted.returncode:
        pytest.skip(f"no small disk can be mounted: {mounted.stderr.strip()}")
    yield folder
    subprocess.run(["umount", str(folder)], check=True)


def fill_up(filler: Path) -> None:
    """Write until the disk is completely full."""
    with filler.open("wb", buffering=0) as file, suppress(OSError):
        while True:
            file.write(bytes(4_096))


def test_a_full_disk_loses_nothing_and_the_next_sync_with_room_goes_in(
    small_disk: Path, peers: Peers
) -> None:
    database = fed(small_disk / "ecommerce.db", peers)
    with running(database, peers) as application:
        filler = small_disk / "filler"
        filler.write_bytes(bytes(shutil.disk_usage(small_disk).free - 300_000))
        peers.serve_products(products(20_000, price=2))
        with pytest.raises(StoreFull, match="the disk is full: nothing was changed") as raised:
            sync(application)
        assert isinstance(raised.value.__cause__, sqlite3.Error)
        assert application.store.totals(PRODUCTS) == Totals(current=100, withdrawn=0)
        assert application.reader.totals(PRODUCTS) == Totals(current=100, withdrawn=0)
        assert prices(application.store) == {1}
        run = application.store.last_run("products")
        assert run is not None
        assert run.status is RunStatus.FAILED, "the failure itself still fits in the journal"
        assert run.error == raised.value.fact == Fact("disk_full")

        filler.unlink()
        peers.serve_products(products(2_000, price=2))
        assert sync(application).counts.updated == 100
        assert prices(application.store) == {2}


def test_a_disk_with_room_for_the_rows_and_not_for_their_snapshot_shows_those_before(
    small_disk: Path, peers: Peers, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("ecommerce_core.sync.worker.LOOK_EVERY_S", 0.05)
    database = fed(small_disk / "ecommerce.db", peers)
    with running(database, peers) as application:
        filler = small_disk / "filler"
        filler.write_bytes(bytes(shutil.disk_usage(small_disk).free - 200_000))
        peers.serve_products(products(150))

        run = sync(application)

        assert (run.status, run.counts.added) == (RunStatus.SUCCEEDED, 50)
        assert application.reader.totals(PRODUCTS).current == 100
        state = application.reader.state(PRODUCTS)
        assert (state.code, state.error_code) == (SnapshotCode.BEHIND, "disk_full")
        filler.unlink()
        until(lambda: application.reader.totals(PRODUCTS).current == 150)
        assert application.reader.state(PRODUCTS).code is SnapshotCode.CURRENT


def test_a_disk_without_a_byte_left_fails_clearly_and_recovers(
    small_disk: Path, peers: Peers
) -> None:
    database = fed(small_disk / "ecommerce.db", peers)
    before = database.read_bytes()
    with running(database, peers) as application:
        fill_up(small_disk / "filler")
        peers.serve_products(products(200, price=2))
        with pytest.raises(StoreError) as raised:
            sync(application)
        assert "nothing was changed" in str(raised.value)
        with pytest.raises(StoreError):
            application.store.check_writable()
        if not writes_ahead(database):  # a WAL's index takes space, even for a reader
            assert prices(application.store) == {1}
        assert database.read_bytes() == before

        (small_disk / "filler").unlink()
        assert sync(application).status is RunStatus.SUCCEEDED
        assert prices(application.store) == {2}


SYNCS_WITH_A_LIMIT = """
import resource, sys
from pathlib import Path
from ecommerce_core.domain.access import LOCAL_OPERATOR
from ecommerce_core.application import Application
from ecommerce_core.domain.errors import StoreError
from ecommerce_core.settings.settings import Settings
database, url, room = Path(sys.argv[1]), sys.argv[2], int(sys.argv[3])
application = Application.open(Settings(database=database), gateway_url=url)
application.start()
limit = database.stat().st_size + room
resource.setrlimit(resource.RLIMIT_FSIZE, (limit, limit))
try:
    application.request_sync("products", actor=LOCAL_OPERATOR, trigger="cli").wait(30)
except StoreError as error:
    print(type(error).__name__, error, sep="\\t")
application.stop()
"""


def test_a_file_that_may_not_grow_loses_nothing(tmp_path: Path, peers: Peers) -> None:
    database = fed(tmp_path / "ecommerce.db", peers)
    peers.serve_products(products(20_000, price=2))
    said = subprocess.run(
        [sys.executable, "-c", SYNCS_WITH_A_LIMIT, database, peers.url, "50000"],
        cwd=ROOT,
        check=True,
        capture_output=True,
        text=True,
        timeout=60,
    ).stdout
    kind, _, message = said.partition("\t")
    assert kind in {"StoreFull", "StoreError"}
    assert "nothing was changed" in message
    with running(database, peers) as application:
        assert prices(application.store) == {1}
        run = application.store.last_run("products")
        assert run is not None
        assert run.status in {RunStatus.FAILED, RunStatus.INTERRUPTED}
        assert sync(application).counts.fetched == 20_000
        assert prices(application.store) == {2}


HOLDS = """
import sqlite3, sys
connection = sqlite3.connect(sys.argv[1], isolation_level=None)
connection.execute("BEGIN EXCLUSIVE")
print("held", flush=True)
sys.stdin.readline()
connection.execute("COMMIT")
"""


@contextmanager
def held_by_another_process(database: Path) -> Iterator[subprocess.Popen[str]]:
    """Lock the database inside the block, or until the process gets a line."""
    holder = subprocess.Popen(
        [sys.executable, "-c", HOLDS, database],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    )
    try:
        assert holder.stdout is not None
        assert holder.stdout.readline() == "held\n"
        yield holder
    finally:
        holder.communicate("\n" if holder.poll() is None else None, timeout=10)


def test_a_database_held_for_too_long_is_busy_and_then_well_again(
    tmp_path: Path, peers: Peers
) -> None:
    database = fed(tmp_path / "ecommerce.db", peers)
    peers.serve_products(products(100, price=2))
    with running(database, peers) as application:
        with held_by_another_process(database):
            before = database.read_bytes()
            attempts: list[Callable[[], object]] = [
                lambda: sync(application),
                lambda: application.clear("products", actor=LOCAL_OPERATOR, trigger=Trigger.MANUAL),
                application.store.check_writable,
            ]
            if not writes_ahead(database):
                attempts.append(lambda: application.store.totals(PRODUCTS))
                attempts.append(lambda: Store.open(database, busy_timeout_s=0.1))
            for attempt in attempts:
                with pytest.raises(StoreBusy, match="another process has held it for more than"):
                    attempt()
            assert database.read_bytes() == before
        assert prices(application.store) == {1}
        assert sync(application).counts.updated == 100
        assert prices(application.store) == {2}


def test_a_database_locked_in_the_middle_of_a_sync_loses_nothing(
    tmp_path: Path, peers: Peers
) -> None:
    database = fed(tmp_path / "ecommerce.db", peers)
    peers.serve_products(products(100, price=2))
    with running(database, peers) as application:
        peers.gate.clear()
        ticket = application.request_sync("products", actor=LOCAL_OPERATOR, trigger=Trigger.MANUAL)
        until(lambda: ticket.run_id() is not None)
        with held_by_another_process(database):
            peers.gate.set()
            with pytest.raises(StoreBusy):
                ticket.wait(30)
        assert prices(application.store) == {1}
        assert sync(application).counts.updated == 100
        left = application.store.run(ticket.run_id() or 2)
        assert left is not None
        assert left.status is RunStatus.INTERRUPTED


def test_a_database_released_in_time_makes_nobody_fail(tmp_path: Path, peers: Peers) -> None:
    database = fed(tmp_path / "ecommerce.db", peers)
    peers.serve_products(products(100, price=2))
    with (
        running(database, peers, busy_timeout_s=10) as application,
        held_by_another_process(database) as holder,
    ):
        ticket = application.request_sync("products", actor=LOCAL_OPERATOR, trigger=Trigger.MANUAL)
        time.sleep(1)
        assert not ticket.future.done()
        assert holder.stdin is not None
        holder.stdin.write("\n")
        holder.stdin.flush()
        assert ticket.wait(30).counts.updated == 100


def test_a_reader_that_does_not_end_makes_the_commit_busy_and_not_half_done(
    tmp_path: Path, peers: Peers
) -> None:
    database = fed(tmp_path / "ecommerce.db", peers)
    peers.serve_products(products(100, price=2))
    with running(database, peers) as application:
        with closing(sqlite3.connect(database, isolation_level=None)) as slow:
            if writes_ahead(database):
                pytest.skip("with WAL a reader holds nobody up")
            slow.execute("BEGIN")
            slow.execute("SELECT price_cents FROM product").fetchone()
            with pytest.raises(StoreBusy):
                sync(application)
            assert prices(application.store) == {1}
        assert sync(application).counts.updated == 100
        assert prices(application.store) == {2}


def write_garbage(database: Path) -> None:
    database.write_bytes(GARBAGE)


def cut_short(database: Path) -> None:
    database.write_bytes(database.read_bytes()[: 4_096 * 5 + 100])


def damage_the_middle(database: Path) -> None:
    with database.open("r+b") as file:
        file.seek(4_096)
        file.write(GARBAGE)


@pytest.mark.parametrize("damage", [write_garbage, cut_short, damage_the_middle])
def test_a_damaged_database_is_refused_at_the_start_and_left_byte_for_byte(
    damage: Callable[[Path], None], tmp_path: Path, peers: Peers
) -> None:
    database = fed(tmp_path / "ecommerce.db", peers, count=2_000)
    good = database.read_bytes()
    damage(database)
    before = contents(tmp_path)
    for _ in range(2):
        with pytest.raises(StoreDamaged, match="it was left as it is") as raised:
            Store.open(database)
        assert str(database) in str(raised.value)
    assert contents(tmp_path) == before

    database.write_bytes(good)
    with running(database, peers) as application:
        assert application.store.totals(PRODUCTS).current == 2_000
        assert sync(application).status is RunStatus.UNCHANGED


def test_a_database_overwritten_while_it_is_used_is_left_byte_for_byte(
    tmp_path: Path, peers: Peers
) -> None:
    database = fed(tmp_path / "ecommerce.db", peers, count=2_000)
    good = database.read_bytes()
    peers.serve_products(products(2_000, price=2))
    with running(database, peers) as application:
        write_garbage(database)
        before = contents(tmp_path)
        for attempt in (
            lambda: sync(application),
            lambda: application.clear("products", actor=LOCAL_OPERATOR, trigger=Trigger.MANUAL),
            application.store.list_runs,
            application.store.check_writable,
        ):
            with pytest.raises(StoreDamaged, match="it was left as it is"):
                attempt()
        assert contents(tmp_path) == before

        database.write_bytes(good)
        assert sync(application).counts.updated == 2_000
        assert prices(application.store) == {2}


def test_rows_damaged_while_they_are_used_are_not_written_over(
    tmp_path: Path, peers: Peers
) -> None:
    database = fed(tmp_path / "ecommerce.db", peers, count=2_000)
    good = database.read_bytes()
    peers.serve_products(products(2_000, price=2))
    with running(database, peers) as application:
        damage_the_middle(database)
        for _ in range(2):
            with pytest.raises(StoreDamaged):
                sync(application)
            run = application.store.last_run("products")
            assert run is not None
            assert run.status is RunStatus.FAILED, "the journal is whole, and says so"
        with pytest.raises(StoreDamaged):
            application.clear("products", actor=LOCAL_OPERATOR, trigger=Trigger.MANUAL)
        assert database.read_bytes()[4_096 : 4_096 + len(GARBAGE)] == GARBAGE

        database.write_bytes(good)
        assert sync(application).counts.updated == 2_000


def test_a_database_that_is_taken_away_is_not_made_anew(tmp_path: Path, peers: Peers) -> None:
    database = fed(tmp_path / "ecommerce.db", peers)
    with running(database, peers) as application:
        aside = database.rename(tmp_path / "aside.db")
        with pytest.raises(StoreError, match="cannot be read or written to"):
            sync(application)
        with pytest.raises(StoreError, match="cannot be read or written to"):
            application.store.totals(PRODUCTS)
        assert not database.exists()
        aside.rename(database)
        assert sync(application).status is RunStatus.UNCHANGED
        assert application.store.totals(PRODUCTS).current == 100


DIES_IN_A_WRITE = """
import os, signal, sqlite3, sys
connection = sqlite3.connect(sys.argv[1], isolation_level=None)
connection.execute("PRAGMA cache_size = 1")
connection.execute("BEGIN IMMEDIATE")
connection.execute("UPDATE letter SET text = 'y' || text")
os.kill(os.getpid(), signal.SIGKILL)
"""


@pytest.mark.parametrize("hot", [False, True], ids=["at rest", "with a cut write"])
def test_a_database_of_another_application_is_left_byte_for_byte(tmp_path: Path, hot: bool) -> None:
    database = tmp_path / "theirs.db"
    with closing(sqlite3.connect(database)) as theirs:
        theirs.execute("CREATE TABLE letter (text TEXT)")
        theirs.executemany("INSERT INTO letter VALUES (?)", [("x" * 900,)] * 500)
        theirs.commit()
    if hot:
        subprocess.run([sys.executable, "-c", DIES_IN_A_WRITE, database], check=False)
        assert (tmp_path / "theirs.db-journal").exists()
    before = contents(tmp_path)
    with pytest.raises(StoreIncompatible, match="a database of another application") as raised:
        Store.open(database)
    assert str(database) in str(raised.value)
    assert contents(tmp_path) == before


def test_a_database_of_a_newer_version_is_left_byte_for_byte(tmp_path: Path, peers: Peers) -> None:
    database = fed(tmp_path / "ecommerce.db", peers)
    with closing(sqlite3.connect(database)) as newer:
        newer.execute(
            "INSERT INTO _sqlite_migrations (migration_set, name, applied_at)"
            " VALUES ('ecommerce', 'm999_of_tomorrow', 'tomorrow')"
        )
        newer.commit()
    before = contents(tmp_path)
    with pytest.raises(StoreIncompatible, match=r"newer version \(m999_of_tomorrow\)"):
        Store.open(database)
    assert contents(tmp_path) == before


@contextmanager
def unprivileged() -> Iterator[None]:
    """Enforce permissions inside the block, for root too."""
    if os.geteuid() != 0:
        yield
        return
    os.seteuid(NOBODY)
    try:
        yield
    finally:
        os.seteuid(0)


@pytest.fixture
def open_folder() -> Iterator[Path]:
    """Yield a folder that any user can reach: pytest's own is closed to others."""
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        folder.chmod(0o755)
        yield folder
        folder.chmod(0o755)


@pytest.mark.parametrize(("file_mode", "folder_mode"), [(0o444, 0o777), (0o666, 0o555)])
def test_a_read_only_file_or_folder_is_read_and_refuses_writes_clearly(
    open_folder: Path, peers: Peers, file_mode: int, folder_mode: int
) -> None:
    database = fed(open_folder / "ecommerce.db", peers)
    for lock in open_folder.glob("*.lock"):
        lock.chmod(0o666)
    before = database.read_bytes()
    if writes_ahead(database) and folder_mode == 0o555:
        pytest.skip("a WAL database cannot be read where its index cannot be made")
    database.chmod(file_mode)
    open_folder.chmod(folder_mode)
    peers.serve_products(products(100, price=2))
    with unprivileged():
        readable = Store.open(database)
        assert readable.totals(PRODUCTS).current == 100
        with pytest.raises(StoreError, match="cannot be read or written to") as raised:
            readable.check_writable()
        assert str(database) in str(raised.value)
        with running(database, peers) as application, pytest.raises(StoreError):
            sync(application)
    assert database.read_bytes() == before
    database.chmod(0o666)
    open_folder.chmod(0o777)
    with running(database, peers) as application:
        assert sync(application).counts.updated == 100


def test_a_folder_that_cannot_be_made_is_named(open_folder: Path) -> None:
    with unprivileged(), pytest.raises(StoreError, match="Permission denied") as raised:
        Store.open(open_folder / "deep" / "ecommerce.db")
    assert str(open_folder / "deep") in str(raised.value)


def test_a_folder_that_is_a_file_is_named(tmp_path: Path) -> None:
    (tmp_path / "data").write_text("a file")
    with pytest.raises(StoreError, match="cannot be used") as raised:
        Store.open(tmp_path / "data" / "ecommerce.db")
    assert str(tmp_path / "data") in str(raised.value)
    assert (tmp_path / "data").read_text() == "a file"


def test_a_path_that_is_a_folder_is_named_and_left_alone(tmp_path: Path) -> None:
    folder = tmp_path / "ecommerce.db"
    folder.mkdir()
    with pytest.raises(StoreError, match="cannot be read or written to") as raised:
        Store.open(folder)
    assert str(folder) in str(raised.value)
    assert list(folder.iterdir()) == []


def test_a_lock_that_cannot_be_made_is_named_and_the_rows_stay(
    tmp_path: Path, peers: Peers
) -> None:
    database = fed(tmp_path / "ecommerce.db", peers)
    peers.serve_products(products(100, price=2))
    lock = tmp_path / "ecommerce.db.products.lock"
    with running(database, peers) as application:
        lock.unlink()
        lock.mkdir()
        attempts: tuple[Callable[[], object], ...] = (
            lambda: sync(application),
            lambda: application.clear("products", actor=LOCAL_OPERATOR, trigger=Trigger.MANUAL),
        )
        for attempt in attempts:
            with pytest.raises(StoreError, match="cannot be used") as raised:
                attempt()
            assert str(lock) in str(raised.value)
        assert prices(application.store) == {1}
        lock.rmdir()
        assert sync(application).counts.updated == 100


def create(database: Path, start: threading.Barrier) -> None:
    start.wait(10)
    Store.open(database).check_writable()


@pytest.mark.parametrize(
    "wal_from", [sqlite_file.FIRST_SAFE_WAL, (3, 0, 0)], ids=["as it is", "WAL"]
)
def test_eight_that_create_the_database_at_once_all_find_it_whole(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, wal_from: tuple[int, ...]
) -> None:
    monkeypatch.setattr(sqlite_file, "FIRST_SAFE_WAL", wal_from)
    for number in range(5):
        database = tmp_path / str(number) / "ecommerce.db"
        start = threading.Barrier(8)
        with ThreadPoolExecutor(8) as pool:
            for job in [pool.submit(create, database, start) for _ in range(8)]:
                job.result()
        with closing(sqlite3.connect(database)) as connection:
            (applied,) = connection.execute("SELECT count(*) FROM _sqlite_migrations").fetchone()
            assert applied == len(schema.MIGRATIONS)


def test_a_write_that_waits_for_another_process_does_not_pass_for_a_writable_database(
    tmp_path: Path, peers: Peers
) -> None:
    database = fed(tmp_path / "ecommerce.db", peers)
    rows = Store.open(database, busy_timeout_s=2)

    def write() -> None:
        with suppress(StoreBusy), rows.writing():
            pass

    with held_by_another_process(database), ThreadPoolExecutor(1) as pool:
        waiting = pool.submit(write)
        time.sleep(0.2)
        with pytest.raises(StoreBusy):
            rows.check_writable()
        waiting.result(10)
    with rows.writing():
        rows.check_writable()


def test_many_reads_of_a_locked_database_do_not_each_wait_in_full(
    tmp_path: Path, peers: Peers
) -> None:
    database = fed(tmp_path / "ecommerce.db", peers)
    if writes_ahead(database):
        pytest.skip("with WAL a reader waits for nobody")
    rows = Store.open(database, busy_timeout_s=1)
    with held_by_another_process(database):
        began = time.monotonic()
        for _ in range(5):
            with pytest.raises(StoreBusy):
                rows.totals(PRODUCTS)
        assert 1 < time.monotonic() - began < 4.5
    assert rows.totals(PRODUCTS).current == 100
