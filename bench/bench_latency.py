"""Measure the effect of a large sync on the other threads of the process, stage by stage.

    python -m bench.bench_latency [--rows 1000000]

A probe reads a few rows and works a little in Python every 10 ms, like a page, while a sync of
``--rows`` products runs in the application's worker. Printed: how long after its due time the probe
was done, idle and during each stage; the longest single stall is the cost of one call that does not
release the interpreter lock. The last table is the reverse: how much longer the sync takes while a
thread is busy all the time.
"""

from __future__ import annotations

import argparse
import tempfile
import threading
import time
from collections import defaultdict
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from statistics import quantiles

from bench.bodies import write_answer
from bench.peer import serving
from ecommerce_core.application import Application
from ecommerce_core.datasets import PRODUCTS
from ecommerce_core.domain import Query, Stage, Trigger
from ecommerce_core.domain.access import LOCAL_OPERATOR
from ecommerce_core.settings import Settings

EVERY_S = 0.01
IDLE_S = 2.0


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--rows", type=int, default=1_000_000)
    rows = parser.parse_args().rows
    with tempfile.TemporaryDirectory(prefix="bench-latency-") as folder:
        answer = Path(folder) / "answer.json"
        with serving(answer) as gateway_url:
            settings = Settings(database=Path(folder) / "shop.db", max_body_mb=1024)
            application = Application.open(settings, gateway_url=gateway_url)
            application.start()
            try:
                for name, every in (("first", 0), ("1 % changed", 100)):
                    write_answer(answer, rows, changed_every=every)
                    _print_latencies(name, rows, _probe(application))
                write_answer(answer, rows, changed_every=2)
                alone_s = _time_sync(application)
                write_answer(answer, rows, changed_every=3)
                with _busy_thread():
                    beside_s = _time_sync(application)
            finally:
                application.stop()
    print(f"\nhalf changed: {alone_s:.1f} s alone; a third, beside a busy thread: {beside_s:.1f} s")


def _probe(application: Application) -> dict[str, list[float]]:
    """Return the milliseconds from the probe's due time until it was done, by the sync's stage."""
    late_ms: dict[str, list[float]] = defaultdict(list)
    idle_until = time.monotonic() + IDLE_S
    ticket = None
    due = time.monotonic()
    while ticket is None or not ticket.future.done():
        if ticket is None and due >= idle_until:
            ticket = application.request_sync(
                "products", actor=LOCAL_OPERATOR, trigger=Trigger.MANUAL
            )
        before = _doing(application)
        time.sleep(max(0.0, due - time.monotonic()))
        application.reader.list_rows(PRODUCTS, Query(page_size=20))
        sum(number * number for number in range(5_000))
        done = time.monotonic()
        after = _doing(application)
        late_ms[before if before == after else f"{before} → {after}"].append((done - due) * 1e3)
        due = max(due + EVERY_S, done)
    ticket.wait()
    return late_ms


def _doing(application: Application) -> str:
    """Return the stage in detail: validating begins with a split, storing with a comparison."""
    progress = application.progress("products")
    if progress is None:
        return "idle"
    begun = progress.records > 0
    return {
        Stage.VALIDATING: "decoding" if begun else "searching and splitting",
        Stage.STORING: "writing" if begun else "comparing",
    }.get(progress.stage, progress.stage.value)


def _print_latencies(name: str, rows: int, late_ms: dict[str, list[float]]) -> None:
    print(f"\n{name}, {rows:,} products: ms from due to done")
    print(f"{'':44}{'probes':>8}{'p50':>9}{'p95':>9}{'longest':>9}")
    for doing, values in late_ms.items():
        cuts = quantiles([*values, values[-1]], n=20, method="inclusive")
        print(f"{doing:44}{len(values):>8}{cuts[9]:>9.1f}{cuts[18]:>9.1f}{max(values):>9.1f}")


def _time_sync(application: Application) -> float:
    start = time.perf_counter()
    application.request_sync("products", actor=LOCAL_OPERATOR, trigger=Trigger.MANUAL).wait()
    return time.perf_counter() - start


@contextmanager
def _busy_thread() -> Iterator[None]:
    ended = threading.Event()

    def work() -> None:
        while not ended.is_set():
            sum(number * number for number in range(5_000))

    thread = threading.Thread(target=work)
    thread.start()
    try:
        yield
    finally:
        ended.set()
        thread.join()


if __name__ == "__main__":
    main()
