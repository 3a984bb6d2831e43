"""Many threads and processes at once on one database.

Five seconds in a normal run; by hand: ``HAMMER_SECONDS=60 python -m pytest -s
tests/faults/test_concurrency.py``.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
import threading
from collections import Counter
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from itertools import pairwise
from pathlib import Path

from ecommerce_core.application import Application
from ecommerce_core.domain import Action, Run, RunStatus
from ecommerce_core.storage import Store
from tests.faults.hammer import Findings, hammer
from tests.support.peers import Peers, customer, product

ROOT = Path(__file__).resolve().parents[2]
SECONDS = float(os.environ.get("HAMMER_SECONDS", "5"))
THREADS, PROCESSES = 8, 4
ROWS = 300


@contextmanager
def changing(peers: Peers) -> Iterator[None]:
    """Change the peers' answers several times a second; some records are rejected."""
    ending = threading.Event()

    def serve(generation: int) -> None:
        listed = range(generation % 7, ROWS)
        bad = [product(f"bad-{number}", price=-1) for number in range(generation % 3)]
        peers.serve_products([product(number, price=generation) for number in listed] + bad)
        peers.serve_customers([customer(number, fidelityPoint=generation) for number in listed])

    def keep_changing() -> None:
        generation = 1
        while not ending.wait(0.15):
            generation += 1
            serve(generation)

    serve(1)
    thread = threading.Thread(target=keep_changing)
    thread.start()
    try:
        yield
    finally:
        ending.set()
        thread.join()


def hammer_processes(database: Path, url: str) -> list[subprocess.Popen[str]]:
    """Start processes that wait for a line before they begin."""
    return [
        subprocess.Popen(
            [sys.executable, "-m", "tests.faults.hammer", database, url, str(SECONDS), str(seed)],
            cwd=ROOT,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
        )
        for seed in range(100, 100 + PROCESSES)
    ]


def findings_of(process: subprocess.Popen[str]) -> Findings:
    output, _ = process.communicate(timeout=SECONDS + 60)
    found = json.loads(output)
    return Findings(Counter(found["done"]), found["run_ids"], found["errors"])


def hammer_from_everywhere(application: Application, url: str) -> list[Findings]:
    processes = hammer_processes(application.store.path, url)
    try:
        for process in processes:
            assert process.stdout is not None
            assert process.stdout.readline() == "ready\n"
        for process in processes:
            assert process.stdin is not None
            process.stdin.write("go\n")
            process.stdin.flush()
        with ThreadPoolExecutor(THREADS) as pool:
            jobs = [
                pool.submit(hammer, application, seconds=SECONDS, seed=n) for n in range(THREADS)
            ]
            return [job.result() for job in jobs] + [findings_of(p) for p in processes]
    finally:
        for process in processes:
            process.kill()
            process.communicate()


def all_runs(store: Store) -> list[Run]:
    """Return every run, oldest first."""
    return store.list_runs(limit=1_000_000)[::-1]


def check_counts(store: Store, runs: list[Run]) -> None:
    """Check that each run's counts add up, and agree with its changes in the journal."""
    with store.reading() as db:
        changed = dict(
            db.execute("SELECT run_id, count(DISTINCT key) FROM change GROUP BY 1").fetchall()
        )
        rejected = dict(db.execute("SELECT run_id, count(*) FROM rejected GROUP BY 1").fetchall())
    for run in runs:
        counts = run.counts
        if run.action is Action.SYNC:
            assert counts.fetched == (
                counts.added + counts.returned + counts.updated + counts.unchanged + counts.rejected
            ), run
            assert changed.get(run.id, 0) == counts.returned + counts.updated + counts.withdrawn
            if run.status is not RunStatus.UNCHANGED:
                assert rejected.get(run.id, 0) == counts.rejected, run


def check_rows(application: Application, runs: list[Run]) -> None:
    """Check that the tables contain what the journal says was added and removed."""
    for name, dataset in application.datasets.items():
        rows = 0
        for run in runs:
            if run.dataset == name:
                taken = run.counts.withdrawn if run.action is Action.CLEAR else 0
                # A fetch brings back rows that are still in the table, withdrawn.
                back = run.counts.returned if run.action is Action.UNDO_CLEAR else 0
                rows += run.counts.added + back - taken
                assert rows >= 0, run
        totals = application.store.totals(dataset)
        assert totals.current + totals.withdrawn == rows


def check_one_at_a_time(runs: list[Run]) -> None:
    for name in {run.dataset for run in runs}:
        own = [run for run in runs if run.dataset == name]
        for before, after in pairwise(own):
            assert before.finished_at is not None
            assert before.finished_at <= after.started_at, (before, after)


def test_threads_and_processes_at_once_lose_nothing_and_never_find_the_database_locked(
    application: Application, peers: Peers
) -> None:
    with changing(peers):
        findings = hammer_from_everywhere(application, peers.url)
    done: Counter[str] = sum((one.done for one in findings), Counter())
    runs = all_runs(application.store)
    print(f"\n{SECONDS:g} s: {dict(done)}; {len(runs)} runs,", end=" ")
    print(Counter(f"{run.action} {run.status}" for run in runs))

    assert [error for one in findings for error in one.errors] == []
    answered = {run_id for one in findings for run_id in one.run_ids}
    assert answered == {run.id for run in runs}
    assert [run.id for run in runs] == list(range(1, len(runs) + 1))
    assert {run.status for run in runs} <= {
        RunStatus.SUCCEEDED,
        RunStatus.PARTIAL,
        RunStatus.UNCHANGED,
    }
    clears = sum(run.action is Action.CLEAR for run in runs)
    undone = sum(run.action is Action.UNDO_CLEAR for run in runs)
    assert (clears, undone) == (done["clear"], done["undo"])
    assert min(done[what] for what in ("sync", "read", "clear", "undo", "deliver")) > 0
    assert len(application.store.list_deliveries(limit=1_000_000)) == done["deliver"]
    check_one_at_a_time(runs)
    check_counts(application.store, runs)
    check_rows(application, runs)
