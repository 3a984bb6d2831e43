"""A sync that is killed at a random instant leaves the old generation or the new one.

Three kills in a normal run; by hand: ``KILLS=200 python -m pytest -s tests/faults/test_kill.py``.
"""

from __future__ import annotations

import os
import random
import shutil
import sqlite3
import statistics
import subprocess
import sys
import threading
import time
from collections import Counter
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path
from typing import NamedTuple

import pytest

from ecommerce_core.application import Application
from ecommerce_core.datasets import PRODUCTS
from ecommerce_core.domain import Query, Run, RunStatus, Trigger
from ecommerce_core.domain.access import LOCAL_OPERATOR
from ecommerce_core.settings import Settings
from ecommerce_core.storage import Store, snapshots
from tests.faults.victim import Victim
from tests.support.peers import Peers, product, products

KILLS = int(os.environ.get("KILLS", "3"))
SEED = int(os.environ.get("KILL_SEED", "1"))

# 49,500 change their price, 500 are withdrawn, 500 are new: 50,000 changes in the journal.
ROWS = 50_000
SHIFT = 500


class Generation(NamedTuple):
    """All that a sync writes, read in one transaction."""

    lowest_price: int
    highest_price: int
    current: int
    withdrawn: int
    changes: int
    digest: str


class Reader:
    """Reads the rows all the time, and keeps what it saw and every error."""

    def __init__(self, database: Path) -> None:
        self.seen: Counter[Generation] = Counter()
        self.errors: list[Exception] = []
        self._store = Store(database)
        self._rows = snapshots.Reader(snapshots.Snapshots(database, self._store))
        self._ending = threading.Event()
        self._thread = threading.Thread(target=self._read)
        self._thread.start()

    def _read(self) -> None:
        while not self._ending.is_set():
            try:
                self.seen[look(self._store)] += 1
                assert self._store.totals(PRODUCTS).current == ROWS
                # Of one generation, even while a snapshot is being written, or never completed.
                with self._rows.at(PRODUCTS) as view:
                    page = view.read_page(Query(page_size=20, page=1_000))
                    prices = view.bounds("price_cents")
                assert (page.total, len(page.rows)) == (ROWS, 20)
                assert prices in {(1, 1), (1, 2)}
            except Exception as error:
                self.errors.append(error)
            self._ending.wait(0.005)

    def end(self) -> None:
        self._ending.set()
        self._thread.join(30)
        self._rows.close()


class Scene(NamedTuple):
    """The common data of all rounds: a database of the first generation, and the next one."""

    base: Path
    url: str
    old: Generation
    new: Generation
    duration_s: float
    commit_s: float


def look(store: Store) -> Generation:
    with store.reading() as db:
        low, high, rows, current = db.execute(
            "SELECT min(price_cents) FILTER (WHERE withdrawn_at IS NULL),"
            " max(price_cents) FILTER (WHERE withdrawn_at IS NULL), count(*),"
            " count(*) - count(withdrawn_at) FROM product"
        ).fetchone()
        (changes,) = db.execute("SELECT count(*) FROM change").fetchone()
        (digest,) = db.execute("SELECT digest FROM dataset_state").fetchone()
    return Generation(low, high, current, rows - current, changes, digest)


def newest_sync(store: Store) -> Run:
    run = store.last_run("products")
    assert run is not None
    return run


def application(database: Path, url: str) -> Application:
    """Start the application again. The caller has to stop it."""
    running = Application.open(Settings(database=database), gateway_url=url)
    running.start()
    return running


def sync(database: Path, url: str) -> Run:
    running = application(database, url)
    try:
        return running.request_sync("products", actor=LOCAL_OPERATOR, trigger=Trigger.CLI).wait(60)
    finally:
        running.stop()


@pytest.fixture(scope="module")
def scene(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Scene]:
    base = tmp_path_factory.mktemp("base") / "ecommerce.db"
    with Peers() as peers:
        peers.serve_products(products(ROWS, price=1))
        assert sync(base, peers.url).counts.added == ROWS
        old = look(Store(base))
        peers.serve_products([product(n, price=2) for n in range(SHIFT, ROWS + SHIFT)])
        durations, commits = [], []
        for number in range(2):
            database = copy_of(base, base.parent / f"dry-{number}")
            victim = Victim()
            try:
                victim.start(database, peers.url)
                victim.wait_for("done")
            finally:
                victim.close()
            durations.append(victim.marks["done"] - victim.started_at)
            commits.append(victim.marks["committed"] - victim.marks["committing"])
        new = look(Store(database))
        assert old[:5] == (1, 1, ROWS, 0, 0)
        assert new[:5] == (2, 2, ROWS, SHIFT, ROWS)
        assert new.digest != old.digest
        yield Scene(base, peers.url, old, new, statistics.mean(durations), statistics.mean(commits))


def copy_of(base: Path, folder: Path) -> Path:
    shutil.copytree(base.parent / f"{base.name}.snapshots", folder / f"{base.name}.snapshots")
    return Path(shutil.copy(base, folder))


def kill_once(scene: Scene, victim: Victim, database: Path, chance: random.Random) -> None:
    """Kill a sync at a random instant of its whole duration, every fourth in the COMMIT."""
    in_commit = chance.random() < 0.25
    delay_s = chance.uniform(0, scene.commit_s if in_commit else scene.duration_s * 1.05)
    victim.start(database, scene.url)
    if in_commit:
        victim.wait_for("committing")
        time.sleep(delay_s)
    else:
        time.sleep(max(0.0, victim.started_at + delay_s - time.monotonic()))
    victim.kill()


def check_integrity(database: Path) -> None:
    with closing(sqlite3.connect(database)) as connection:
        assert connection.execute("PRAGMA integrity_check").fetchall() == [("ok",)]
        assert connection.execute("PRAGMA foreign_key_check").fetchall() == []


def check_next_start(scene: Scene, database: Path, *, began: bool) -> Generation:
    """Check the next start and the next sync after a kill; return the generation that it left."""
    running = application(database, scene.url)
    try:
        left = look(running.store)
        assert left in {scene.old, scene.new}
        check_integrity(database)
        run = newest_sync(running.store)
        if left == scene.new:
            assert (run.status, run.error) == (RunStatus.SUCCEEDED, None)
            assert (run.counts.updated, run.counts.added) == (ROWS - SHIFT, SHIFT)
        elif run.id > 1:
            assert run.status is RunStatus.INTERRUPTED
            assert run.finished_at is not None
        assert run.id == 2 or not began, "a run that began is gone from the journal"
        again = running.request_sync("products", actor=LOCAL_OPERATOR, trigger=Trigger.CLI).wait(60)
        expected = RunStatus.UNCHANGED if left == scene.new else RunStatus.SUCCEEDED
        assert again.status is expected
        assert again.counts.fetched == ROWS
        assert look(running.store) == scene.new
        assert running.reader.totals(PRODUCTS).current == ROWS
        assert running.reader.bounds(PRODUCTS, "price_cents") == (1, 2)
        assert running.reader.state(PRODUCTS).code is snapshots.SnapshotCode.CURRENT
        left_over = [path.name for path in running.snapshots.folder.iterdir() if path.is_file()]
        assert [name.split(".")[0] for name in sorted(left_over)] == ["customers", "products"]
        assert not running.store.list_runs(status=RunStatus.RUNNING)
    finally:
        running.stop()
    check_integrity(database)
    return left


def test_a_sync_that_is_killed_leaves_the_old_generation_or_the_new_one(
    scene: Scene, tmp_path: Path
) -> None:
    chance = random.Random(SEED)
    phases: Counter[str] = Counter()
    hot_journals = looks = 0
    victim = Victim()
    try:
        for number in range(KILLS):
            database = copy_of(scene.base, tmp_path / str(number))
            reader = Reader(database)
            try:
                killed = victim
                kill_once(scene, killed, database, chance)
                if number % 2:  # without a reader, the next start finds what the kill left
                    reader.end()
                hot_journals += Path(f"{database}-journal").exists()
                victim = Victim()
                left = check_next_start(scene, database, began="began" in killed.marks)
            finally:
                reader.end()
            assert reader.errors == []
            assert reader.seen.keys() <= {scene.old, scene.new}
            name = "new" if left == scene.new else "old"
            phases[f"{killed.phase()}: {name}"] += 1
            looks += reader.seen.total()
            assert (left == scene.new) >= ("committed" in killed.marks)
            assert (left == scene.old) >= ("committing" not in killed.marks)
            shutil.rmtree(database.parent)
    finally:
        victim.close()
    print(
        f"\n{KILLS} kills in a sync of {scene.duration_s:.2f} s (COMMIT {scene.commit_s:.3f} s),"
        f" {hot_journals} left a journal to roll back, {looks} looks of the reader"
    )
    for phase, count in sorted(phases.items()):
        print(f"  {count:4} {phase}")
    assert phases.total() == KILLS


SPILLS_AND_DIES = """
import os, signal, sqlite3, sys
connection = sqlite3.connect(sys.argv[1], isolation_level=None)
connection.execute("PRAGMA cache_size = 1")
connection.execute("BEGIN IMMEDIATE")
connection.execute("UPDATE product SET price_cents = 3")
os.kill(os.getpid(), signal.SIGKILL)
"""


def test_the_next_start_rolls_back_a_write_that_was_cut_off_half_way(
    scene: Scene, tmp_path: Path
) -> None:
    database = copy_of(scene.base, tmp_path / "half")
    subprocess.run([sys.executable, "-c", SPILLS_AND_DIES, database], check=False)
    if not Path(f"{database}-journal").exists():
        pytest.skip("this SQLite writes ahead: nothing is left to roll back")
    assert look(Store.open(database)) == scene.old
    check_integrity(database)
    assert not Path(f"{database}-journal").exists()
