"""Measure a page while a large sync runs, against the same page idle.

    python -m bench.bench_page_latency [--rows 1000000] [--pages products ""]

The real server, a peer in a process of its own, and a reader that opens the page again and again
through Streamlit's agent API, with a short pause between. Idle is measured just before each sync,
on the very rows that the page shows while it runs.
"""

from __future__ import annotations

import argparse
import sys
import tempfile
import time
from pathlib import Path
from statistics import quantiles

import requests

from bench.bodies import write_answer
from bench.peer import serving
from ecommerce_core.storage import Store
from tests.support.server import Server, Session, running_server

WANTED = 3.0
PAUSE_S = 0.05
IDLE_SAMPLES = 60
SYNCS = (("first", 0), ("1 % changed", 100), ("half changed", 2))


def main() -> int:
    """Measure and print; return the number of targets missed."""
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--rows", type=int, default=1_000_000)
    parser.add_argument("--pages", nargs="+", default=["products", ""])
    asked = parser.parse_args()
    missed = 0
    for page in asked.pages:
        print(f"\n{page or 'overview'}, {asked.rows:,} products: ms for the whole page")
        print(f"{'':16}{'samples':>9}{'p50':>9}{'p95':>9}{'longest':>9}{'p95 ratio':>11}")
        missed += _measure(page, asked.rows)
    return missed


def _measure(page: str, rows: int) -> int:
    missed = 0
    with tempfile.TemporaryDirectory(prefix="bench-page-") as name:
        folder = Path(name)
        answer = folder / "answer.json"
        with serving(answer) as gateway_url:
            environment = {"ECOMMERCE_GATEWAY_URL": gateway_url, "ECOMMERCE_MAX_BODY_MB": "1024"}
            options = ("--server.enableAgentApi=true",)
            with running_server(folder, environment, options=options) as server:
                session = Session(server, page)
                for what, changed_every in SYNCS:
                    write_answer(answer, rows, changed_every=changed_every)
                    idle = _print_row("idle", [_sample(session) for _ in range(IDLE_SAMPLES)])
                    began = time.perf_counter()
                    busy = _print_row(what, _while_syncing(server, session, folder), idle)
                    missed += busy > WANTED * idle
                    print(f"{'':16}the sync took {time.perf_counter() - began:.1f} s")
    return missed


def _sample(session: Session) -> float:
    time.sleep(PAUSE_S)
    began = time.perf_counter()
    session.rerun()
    return (time.perf_counter() - began) * 1e3


def _while_syncing(server: Server, session: Session, folder: Path) -> list[float]:
    """Return the samples that began while the sync ran."""
    store = Store(folder / "ecommerce.db")
    headers = {"Prefer": "respond-async", "Accept": "application/json"}
    accepted = requests.post(server.page("add-auto"), headers=headers, timeout=60)
    run_id = accepted.json()["run_id"]
    samples = []
    while True:
        samples.append(_sample(session))
        run = store.run(run_id)
        assert run is not None
        if run.finished_at is not None:
            assert run.status.is_good, run
            return samples


def _print_row(name: str, samples: list[float], idle: float | None = None) -> float:
    """Print one line; return its 95th percentile."""
    cuts = quantiles(samples, n=20, method="inclusive")
    ratio = "" if idle is None else f"{cuts[18] / idle:>10.2f}×"
    bad = idle is not None and cuts[18] > WANTED * idle
    print(
        f"{name:16}{len(samples):>9}{cuts[9]:>9.0f}{cuts[18]:>9.0f}{max(samples):>9.0f}{ratio}"
        f"{f'  MISSED: wanted ≤ {WANTED:g}×' if bad else ''}",
        flush=True,
    )
    return cuts[18]


if __name__ == "__main__":
    sys.exit(main())
