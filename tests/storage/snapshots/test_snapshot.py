"""Publishing: the version that readers see, the files on the disk, and failures."""

from __future__ import annotations

import os
import signal
import stat
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from pathlib import Path
from shutil import rmtree
from typing import Any

import pytest

from ecommerce_core.datasets import CUSTOMERS, PRODUCTS
from ecommerce_core.domain import Query, RowsPreparing, StoreBusy, StoreError, StoreFull, Trigger
from ecommerce_core.storage import Reader, SnapshotCode, Snapshots, Store, Version
from ecommerce_core.storage.snapshots.snapshot_file import write_file
from tests.storage.snapshots.shop import Shop, opened
from tests.support.peers import customer, products
from tests.support.rows import put

ROOT = Path(__file__).parents[3]


@pytest.fixture
def other(shop: Shop) -> Iterator[Shop]:
    """Yield another process's view of the same database."""
    yield from opened(shop.store.path)


def files(shop: Shop) -> list[str]:
    """List the files in the folder, except those that open readers spill into."""
    names = sorted(path.name for path in shop.snapshots.folder.iterdir())
    return [name for name in names if not name.startswith("spill-")]


def codes_of(shop: Shop) -> tuple[SnapshotCode, str | None]:
    state = shop.reader.state(PRODUCTS)
    return state.code, state.error_code


def test_a_version_is_one_private_file_in_a_private_folder(shop: Shop) -> None:
    run = shop.put(products(3))
    shop.put([customer(1)], dataset=CUSTOMERS)

    assert len(files(shop)) == 2
    for path in shop.snapshots.folder.iterdir():
        assert stat.S_IMODE(path.stat().st_mode) == 0o600
    assert stat.S_IMODE(shop.snapshots.folder.stat().st_mode) == 0o700
    assert shop.snapshots.folder.parent == shop.store.path.parent
    assert run.finished_at is not None
    stamp = run.finished_at.strftime("%Y%m%dT%H%M%S")
    (name,) = [name for name in files(shop) if name.startswith("products.")]
    assert name.startswith(f"products.{run.id}-{stamp}")


def test_publishing_again_writes_nothing(shop: Shop) -> None:
    shop.put(products(3))
    before = files(shop)

    assert shop.snapshots.publish(PRODUCTS).run_id == 1
    assert files(shop) == before


def test_the_version_before_is_deleted_and_its_readers_go_on(shop: Shop) -> None:
    shop.put(products(3_000, price=1))
    with shop.reader.at(PRODUCTS) as view:
        before = files(shop)
        shop.put(products(3_000, price=2))
        shop.put(products(3_000, price=3))
        assert len(files(shop)) == 1
        assert files(shop) != before
        assert view.bounds("price_cents") == (1, 1)
        assert view.count_rows(Query(search="x1-2999")) == 1
        held = open_files(shop)
        assert len([name for name in held if "(deleted)" in name]) == 1
    assert shop.reader.bounds(PRODUCTS, "price_cents") == (3, 3)
    assert [name for name in open_files(shop) if "(deleted)" in name] == []


def open_files(shop: Shop) -> list[str]:
    """List the snapshots that this process has open, according to Linux."""
    if not Path("/proc/self/fd").exists():
        pytest.skip("only Linux tells which files a process has open")
    names = []
    for link in Path("/proc/self/fd").iterdir():
        try:
            names.append(os.readlink(link))
        except OSError:
            continue
    return [name for name in names if name.startswith(f"{shop.snapshots.folder}/products.")]


def test_another_process_sees_a_version_as_soon_as_it_is_published(shop: Shop, other: Shop) -> None:
    assert other.reader.count_rows(PRODUCTS, Query()) == 0
    for count in range(3, 13):
        shop.put(products(count))
        assert other.reader.count_rows(PRODUCTS, Query()) == count
        assert shop.reader.count_rows(PRODUCTS, Query()) == count
    assert len(files(other)) == 1


def test_rows_that_are_not_published_are_not_seen_and_the_state_says_so(shop: Shop) -> None:
    assert codes_of(shop) == (SnapshotCode.CURRENT, None)
    shop.put(products(3))
    assert codes_of(shop) == (SnapshotCode.CURRENT, None)

    run = put(shop.store, products(5))

    assert shop.reader.count_rows(PRODUCTS, Query()) == 3
    assert codes_of(shop) == (SnapshotCode.BEHIND, None)
    state = shop.reader.state(PRODUCTS)
    assert state.shown is not None
    assert (state.shown.run_id, state.stored.run_id) == (run.id - 1, run.id)
    assert shop.snapshots.publish(PRODUCTS) == state.stored
    assert codes_of(shop) == (SnapshotCode.CURRENT, None)


def test_without_any_snapshot_readers_are_told_that_one_is_being_prepared(shop: Shop) -> None:
    put(shop.store, products(3))

    for read in (
        lambda: shop.reader.list_rows(PRODUCTS, Query()),
        lambda: shop.reader.totals(PRODUCTS),
        lambda: shop.reader.rows_version(PRODUCTS),
        lambda: next(shop.reader.iter_rows(PRODUCTS, Query())),
    ):
        with pytest.raises(RowsPreparing) as raised:
            read()
        assert raised.value.code == "rows_preparing"
    assert codes_of(shop) == (SnapshotCode.PREPARING, None)
    assert shop.reader.count_rows(CUSTOMERS, Query()) == 0
    shop.snapshots.publish(PRODUCTS)
    assert shop.reader.count_rows(PRODUCTS, Query()) == 3


def test_until_the_first_run_is_published_readers_see_that_there_was_nothing(shop: Shop) -> None:
    shop.snapshots.publish(PRODUCTS)
    put(shop.store, products(3))

    assert reopened(shop).totals(PRODUCTS).current == 0
    assert codes_of(shop) == (SnapshotCode.BEHIND, None)
    put(shop.store, products(4))
    with pytest.raises(RowsPreparing):
        reopened(shop).totals(PRODUCTS)


def test_rows_of_before_sizes_were_journalled_are_published_too(shop: Shop) -> None:
    put(shop.store, products(3))
    with shop.store.writing() as db:
        db.execute("UPDATE run SET rows_after = NULL")

    with pytest.raises(RowsPreparing):
        shop.reader.totals(PRODUCTS)
    assert shop.snapshots.publish(PRODUCTS) == Version()
    assert shop.reader.totals(PRODUCTS).current == 3


def test_a_database_that_was_restored_shows_its_own_rows(shop: Shop, tmp_path: Path) -> None:
    shop.put(products(3, price=1))
    backup = shop.store.path.read_bytes()
    shop.put(products(3, price=2))
    shop.close()
    shop.store.path.write_bytes(backup)

    with pytest.raises(RowsPreparing):
        reopened(shop).totals(PRODUCTS)
    time.sleep(0.002)
    # The same run number again, with other rows.
    put(shop.store, products(3, price=3))
    with pytest.raises(RowsPreparing):
        reopened(shop).totals(PRODUCTS)
    shop.snapshots.publish(PRODUCTS)
    assert reopened(shop).bounds(PRODUCTS, "price_cents") == (3, 3)
    assert len(files(shop)) == 1


def reopened(shop: Shop) -> Reader:
    return Reader(Snapshots(shop.store.path, shop.store))


@pytest.mark.parametrize("damage", ["cut", "empty", "header", "block", "text"])
def test_a_file_that_is_damaged_is_deleted_and_written_again(shop: Shop, damage: str) -> None:
    shop.put(products(5_000))
    (path,) = shop.snapshots.list_files(PRODUCTS)
    content = bytearray(path.read_bytes())
    if damage == "cut":
        content = content[: len(content) // 2]
    elif damage == "empty":
        content = bytearray()
    elif damage == "header":
        content[4096:4196] = b"\xff" * 100
    elif damage == "block":
        middle = len(content) // 2
        content[middle : middle + 100_000] = b"\xff" * 100_000
    else:
        content = bytearray(b"no database at all" * 1_000)
    path.write_bytes(content)
    reader = reopened(shop)

    with pytest.raises(RowsPreparing):
        list(reader.iter_rows(PRODUCTS, Query(search="x1")))
    assert not path.exists()
    shop.snapshots.publish(PRODUCTS)
    assert reader.count_rows(PRODUCTS, Query(search="x1")) == 5_000
    assert sum(map(len, reader.iter_rows(PRODUCTS, Query()))) == 5_000
    reader.close()


def test_a_version_that_disappears_before_it_is_opened_gives_way_to_the_next(
    shop: Shop, monkeypatch: pytest.MonkeyPatch
) -> None:
    shop.put(products(3))
    find, late = shop.snapshots.find, [True]

    def find_too_early(dataset: object) -> object:
        found = find(PRODUCTS)
        if late.pop() if late else False:
            shop.put(products(4))
        return found

    monkeypatch.setattr(shop.snapshots, "find", find_too_early)
    assert shop.reader.count_rows(PRODUCTS, Query()) == 4


def test_readers_go_on_while_the_store_of_record_is_locked(shop: Shop) -> None:
    shop.put(products(3))
    impatient = Shop(shop.store.path)
    impatient.store = Store(shop.store.path, busy_timeout_s=0.1)
    impatient.snapshots = Snapshots(shop.store.path, impatient.store)
    impatient.reader = Reader(impatient.snapshots)
    assert impatient.reader.count_rows(PRODUCTS, Query()) == 3
    with shop.store.writing() as db:
        db.execute("PRAGMA locking_mode = EXCLUSIVE")
        db.execute("UPDATE run SET error_code = 'x'")
        db.execute("COMMIT")
        db.execute("BEGIN EXCLUSIVE")
        assert impatient.reader.count_rows(PRODUCTS, Query()) == 3
        with pytest.raises(StoreBusy):
            impatient.snapshots.publish(PRODUCTS)
    assert impatient.reader.count_rows(PRODUCTS, Query()) == 3
    impatient.close()


def test_publishing_holds_no_writer_up(shop: Shop, monkeypatch: pytest.MonkeyPatch) -> None:
    put(shop.store, products(20_000))
    impatient = Store(shop.store.path, busy_timeout_s=0.2)
    publisher = threading.Thread(target=shop.snapshots.publish, args=(PRODUCTS,))

    publisher.start()
    written = 0
    while publisher.is_alive() or not written:
        put(impatient, [customer(1, payment=written)], dataset=CUSTOMERS)
        written += 1
        publisher.join(0.02)
    publisher.join(30)

    assert shop.reader.count_rows(PRODUCTS, Query()) == 20_000


def test_what_is_published_while_the_rows_change_is_refused(
    shop: Shop, monkeypatch: pytest.MonkeyPatch
) -> None:
    shop.put(products(3))
    put(shop.store, products(4))

    def write_and_change(*args: Any, **options: Any) -> None:
        write_file(*args, **options)
        put(shop.store, products(5))

    with monkeypatch.context() as patched:
        patched.setattr("ecommerce_core.storage.snapshots.snapshot.write_file", write_and_change)
        with pytest.raises(StoreError):
            shop.snapshots.publish(PRODUCTS)
    assert shop.reader.count_rows(PRODUCTS, Query()) == 3
    assert len(files(shop)) == 1


def test_what_a_killed_process_left_is_removed_by_the_next_to_publish(shop: Shop) -> None:
    shop.put(products(3))
    folder = shop.snapshots.folder
    for name in (
        "products.1-x.abc.part",
        "products.1-x.abc.part.wal",
        "products.0-.00000000.duckdb",
        "products.mine.duckdb",
    ):
        (folder / name).write_bytes(b"left")
    (folder / "customers.1-x.abc.part").write_bytes(b"another's")
    (folder / "spill-dead").mkdir()
    (folder / "spill-dead" / "lock").touch()
    (folder / "spill-dead" / "duckdb_temp_storage-0.tmp").write_bytes(b"left")
    assert shop.reader.count_rows(PRODUCTS, Query()) == 3
    (mine,) = folder.glob("spill-*")
    assert mine.name != "spill-dead"

    shop.put(products(4))

    assert shop.reader.count_rows(PRODUCTS, Query()) == 4
    left = {path.name for path in folder.iterdir() if path.suffix != ".duckdb"}
    assert left == {"customers.1-x.abc.part", mine.name}
    shop.snapshots.publish(CUSTOMERS)
    shop.close()
    assert {path.name for path in folder.iterdir() if path.suffix != ".duckdb"} == set()


def test_a_folder_that_somebody_removed_is_made_again(shop: Shop) -> None:
    shop.put(products(3))
    assert shop.reader.count_rows(PRODUCTS, Query()) == 3
    rmtree(shop.snapshots.folder)
    assert shop.reader.folder is not None
    assert shop.reader.folder.is_dir()
    shop.snapshots.publish(PRODUCTS)
    assert shop.reader.count_rows(PRODUCTS, Query()) == 3
    (shop.reader.folder / "written").touch()


PUBLISH = """
import resource, sys
from pathlib import Path
from ecommerce_core.datasets.products import PRODUCTS
from ecommerce_core.domain.errors import EcommerceError
from ecommerce_core.storage.snapshots import Snapshots
from ecommerce_core.storage.store import Store

path, limit = Path(sys.argv[1]), int(sys.argv[2])
if limit:
    resource.setrlimit(resource.RLIMIT_FSIZE, (limit, limit))
store = Store(path)
snapshots = Snapshots(path, store)
print("ready", flush=True)
try:
    print(snapshots.publish(PRODUCTS).run_id)
except EcommerceError as error:
    print(type(error).__name__, snapshots.state(PRODUCTS).error_code)
"""


def publisher(shop: Shop, *, limit: int = 0) -> subprocess.Popen[str]:
    return subprocess.Popen(
        [sys.executable, "-c", PUBLISH, str(shop.store.path), str(limit)],
        stdout=subprocess.PIPE,
        text=True,
        cwd=ROOT,
    )


@pytest.mark.parametrize("limit", [1_000, 20_000, 400_000])
def test_on_a_full_disk_readers_go_on_with_what_they_have(shop: Shop, limit: int) -> None:
    shop.put(products(3))
    put(shop.store, products(5_000))

    with publisher(shop, limit=limit) as process:
        told = process.communicate(timeout=60)[0].split("\n")

    assert told[1] == f"{StoreFull.__name__} disk_full"
    assert shop.reader.count_rows(PRODUCTS, Query()) == 3
    assert codes_of(shop)[0] is SnapshotCode.BEHIND
    assert files(shop) == [path.name for path in shop.snapshots.list_files(PRODUCTS)]
    shop.snapshots.publish(PRODUCTS)
    assert shop.reader.count_rows(PRODUCTS, Query()) == 5_000


def test_a_folder_that_cannot_be_written_leaves_readers_with_what_they_have(shop: Shop) -> None:
    if os.geteuid() == 0:
        pytest.skip("root may write everywhere")
    shop.put(products(3))
    put(shop.store, products(4))
    shop.store.path.parent.chmod(0o500)
    shop.snapshots.folder.chmod(0o500)
    try:
        with pytest.raises(StoreError):
            shop.snapshots.publish(PRODUCTS)
        assert shop.reader.count_rows(PRODUCTS, Query()) == 3
        assert codes_of(shop) == (SnapshotCode.BEHIND, "not_written")
    finally:
        shop.store.path.parent.chmod(0o700)


@pytest.mark.parametrize("after_s", [0, 0.01, 0.03, 0.06, 0.1, 0.2])
def test_a_publisher_that_is_killed_leaves_a_version_that_can_be_read(
    shop: Shop, after_s: float
) -> None:
    shop.put(products(3))
    put(shop.store, products(20_000))
    with publisher(shop) as process:
        assert process.stdout is not None
        assert process.stdout.readline() == "ready\n"
        time.sleep(after_s)
        process.send_signal(signal.SIGKILL)

    assert shop.reader.count_rows(PRODUCTS, Query()) in {3, 20_000}
    shop.snapshots.publish(PRODUCTS)
    assert shop.reader.count_rows(PRODUCTS, Query(search="x1-")) == 20_000
    assert files(shop) == [path.name for path in shop.snapshots.list_files(PRODUCTS)]
    assert len(shop.snapshots.list_files(PRODUCTS)) == 1


def test_a_clear_is_a_version_without_rows(shop: Shop) -> None:
    shop.put(products(3))
    shop.store.clear(PRODUCTS, trigger=Trigger.MANUAL)

    shop.snapshots.publish(PRODUCTS)

    assert shop.reader.totals(PRODUCTS).current == 0
    assert shop.reader.read_page(PRODUCTS, Query()).rows == []
    assert codes_of(shop) == (SnapshotCode.CURRENT, None)


def test_a_question_that_needs_too_much_memory_is_refused_and_the_next_one_answered(
    tmp_path: Path,
) -> None:
    for shop in opened(tmp_path / "shop.db", memory_mb=4):
        shop.put(products(20_000))
        with pytest.raises(StoreError):
            list(shop.reader.iter_rows(PRODUCTS, Query(sort="description")))
        assert shop.reader.totals(PRODUCTS).current == 20_000


def test_nothing_is_fetched_from_the_network_by_a_question(shop: Shop) -> None:
    shop.put(products(1))

    with shop.reader.at(PRODUCTS) as view:
        said = view._cursor.execute(
            "SELECT name, value FROM duckdb_settings() WHERE name IN"
            " ('autoinstall_known_extensions', 'autoload_known_extensions')"
        ).fetchall()
    assert dict(said) == {
        "autoinstall_known_extensions": "false",
        "autoload_known_extensions": "false",
    }
