"""Measure the products page at 1,000, 100,000 and 1,000,000 products, beside alternatives.

    python -m bench.bench_page [--rows 1000 100000 1000000] [--times 20]

Through the real server and its own protocol, one query at a time, each a new one (a cached one
would flatter): a first visit, a search, a filter, a sort, the first and the last page. Beside it,
on the same file: ``st.dataframe`` of everything, which one would write first, and Datasette's table
page with the same search, sort and facet, if it is installed. Memory: how much 20 open sessions add
to the server, each after a visit, a search and a page.
"""

from __future__ import annotations

import argparse
import importlib.util
import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from statistics import quantiles
from urllib.parse import urlencode

import requests

from bench.bodies import FAMILIES, write_answer
from bench.peer import serving
from bench.visitors import Visit, Visitor
from ecommerce_core.application import Application
from ecommerce_core.domain import RunStatus, Trigger
from ecommerce_core.domain.access import LOCAL_OPERATOR
from ecommerce_core.settings import Settings
from tests.support.server import free_port, running_server

SESSIONS = 20
TARGET_MS, TARGET_RATIO, TARGET_SESSION_MB = 120, 5, 5
NAIVE = """
import sqlite3
import pandas as pd
import streamlit as st

search = st.query_params.get("q", "")
products = pd.read_sql("SELECT * FROM product", sqlite3.connect({path!r}))
st.dataframe(products[products["description"].str.contains(search, regex=False)])
"""


@dataclass(frozen=True)
class Figures:
    """Figures of one query: median and 95th percentile in ms, the server's processor, kilobytes."""

    p50_ms: float
    p95_ms: float
    cpu_ms: float
    kb: float

    @classmethod
    def of(cls, pid: int, ask: Callable[[int], Visit], times: int) -> Figures:
        """Ask ``times`` times. The processor time does not depend on other load."""
        before_ms = _cpu_ms(pid)
        visits = [ask(number) for number in range(times)]
        cpu_ms = (_cpu_ms(pid) - before_ms) / times
        cuts = quantiles([visit.took_ms for visit in visits], n=20, method="inclusive")
        kb = sum(visit.received_bytes for visit in visits) / times / 1e3
        return cls(cuts[9], cuts[18], cpu_ms, kb)

    def __str__(self) -> str:
        return f"{self.p50_ms:>9.0f}{self.p95_ms:>9.0f}{self.cpu_ms:>9.0f}{self.kb:>9.0f}"


def _cpu_ms(pid: int) -> float:
    fields = Path(f"/proc/{pid}/stat").read_text("utf-8").rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK") * 1e3


def questions(rows: int, times: int) -> dict[str, list[dict[str, str]]]:
    """Return the queries by name: ``times`` different addresses each."""
    last = -(-rows // 25)
    sorts = ("price", "family", "description", "code", "new", "changed", "minimum", "number")
    return {
        "search, some rows": [{"q": f"P{n % 9}-{n + 11}"} for n in range(times)],
        "search, many rows": [{"q": f"{FAMILIES[n % 6]} frontal"} for n in range(times)],
        "filter": [
            {"family": FAMILIES[n % 6], "price": f"{10 + n}-{600 + n}"} for n in range(times)
        ],
        "sort": [
            {"sort": ("-" if n >= len(sorts) else "") + sorts[n % len(sorts)], "page": f"{n + 2}"}
            for n in range(times)
        ],
        "first page": [{"sort": "price", "size": "25", "price": f"0.0{n}-"} for n in range(times)],
        "last page": [{"sort": "price", "page": f"{max(1, last - n)}"} for n in range(times)],
        "asked before": [{"q": "P3", "sort": "-price"} for _ in range(times)],
    }


def fill(folder: Path, rows: int) -> None:
    """Make a database of ``rows`` products, and one change of every hundredth."""
    answer = folder / "answer.json"
    with serving(answer) as url:
        settings = Settings(database=folder / "ecommerce.db", max_body_mb=1024)
        application = Application.open(settings, gateway_url=url)
        application.start()
        for every in (0, 100):
            write_answer(answer, rows, changed_every=every)
            run = application.request_sync(
                "products", actor=LOCAL_OPERATOR, trigger=Trigger.CLI
            ).wait()
            assert run.status is RunStatus.SUCCEEDED, run.error
        application.stop(timeout_s=120)


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--rows", type=int, nargs="+", default=[1_000, 100_000, 1_000_000])
    parser.add_argument("--times", type=int, default=20)
    parser.add_argument("--naive-up-to", type=int, default=100_000, metavar="ROWS")
    options = parser.parse_args()
    for rows in options.rows:
        with tempfile.TemporaryDirectory(prefix="bench-page-") as name:
            folder = Path(name)
            subprocess.run(
                [sys.executable, "-c", FILL, str(folder), str(rows)], check=True, timeout=900
            )
            _report(folder, rows, options.times, with_naive=rows <= options.naive_up_to)


# In a process of its own, whose memory is not counted as the server's.
FILL = (
    "import sys; from pathlib import Path; from bench.bench_page import fill;"
    " fill(Path(sys.argv[1]), int(sys.argv[2]))"
)


def _report(folder: Path, rows: int, times: int, *, with_naive: bool) -> None:
    size_mb = (folder / "ecommerce.db").stat().st_size / 1e6
    print(f"\n{rows:,} products, {size_mb:.0f} MB on disk, {times} times each")
    print(f"{'':34}{'p50 ms':>9}{'p95 ms':>9}{'CPU ms':>9}{'kB':>9}")
    ours = _measure_ours(folder, rows, times)
    theirs = _measure_datasette(folder, rows, times)
    for name, figures in theirs.items():
        ratio = figures.p95_ms / ours[name].p95_ms
        work = figures.cpu_ms / ours[name].cpu_ms
        text = f"{ratio:.1f} × ours at p95, {work:.1f} × our processor time"
        print(f"{'datasette: ' + name:34}{figures}   {text}")
    if with_naive:
        print(f"{'st.dataframe of everything':34}{_measure_naive(folder, times)}")
    worst = max(ours.values(), key=lambda figures: figures.p95_ms)
    print(f"worst p95 {worst.p95_ms:.0f} ms (target {TARGET_MS} at 1,000,000)")


def _measure_ours(folder: Path, rows: int, times: int) -> dict[str, Figures]:
    found: dict[str, Figures] = {}

    def note(name: str, ask: Callable[[int], Visit]) -> None:
        found[name] = Figures.of(server.process.pid, ask, times)
        print(f"{name:34}{found[name]}", flush=True)

    with (
        serving(folder / "answer.json") as gateway,
        running_server(folder, {"ECOMMERCE_GATEWAY_URL": gateway}) as server,
    ):

        def visit(_number: int) -> Visit:
            with Visitor(server.url, page="products") as visitor:
                return visitor.ask()

        visit(0)  # the process imports modules on its first page
        # First of all: later, memory that was freed before would be reused and hide it.
        _print_memory(server.process.pid, server.url)
        note("first visit", visit)
        with Visitor(server.url, page="products") as visitor:
            visitor.ask()
            for name, asked in questions(rows, times).items():
                if name == "asked before":
                    visitor.ask(urlencode(asked[0]))
                note(name, asker(visitor, asked))
    return found


def asker(visitor: Visitor, addresses: list[dict[str, str]]) -> Callable[[int], Visit]:
    """Return a function that asks one of the addresses, by its number."""
    return lambda number: visitor.ask(urlencode(addresses[number]))


def _print_memory(pid: int, origin: str) -> None:
    before = _rss_mb(pid)
    visitors = [Visitor(origin, page="products").__enter__() for _ in range(SESSIONS)]
    for number, visitor in enumerate(visitors):
        for address in ("", urlencode({"q": f"P{number % 9}"}), urlencode({"page": number + 2})):
            visitor.ask(address)
    each = (_rss_mb(pid) - before) / SESSIONS
    for visitor in visitors:
        visitor.__exit__(None, None, None)
    text = f"{each:.1f} MB per open session (target {TARGET_SESSION_MB}), {before:.0f} MB before"
    print(f"memory of the server: {text}")


def _rss_mb(pid: int) -> float:
    status = Path(f"/proc/{pid}/status").read_text("utf-8")
    line = next(line for line in status.splitlines() if line.startswith("VmRSS"))
    return int(line.split()[1]) / 1e3


def _measure_datasette(folder: Path, rows: int, times: int) -> dict[str, Figures]:
    if importlib.util.find_spec("datasette") is None:
        print("datasette is not installed")
        return {}
    facet = {"_facet": "family", "_size": "25"}
    asked: dict[str, Callable[[int], dict[str, str]]] = {
        "first visit": lambda n: facet,
        "search, some rows": lambda n: facet | {"description__contains": f"P{n % 9}-{n + 11}"},
        "search, many rows": lambda n: (
            facet | {"description__contains": f"{FAMILIES[n % 6]} frontal"}
        ),
        "filter": lambda n: (
            facet
            | {"family": FAMILIES[n % 6]}
            | {"price_cents__gte": f"{1_000 + n}", "price_cents__lte": f"{60_000 + n}"}
        ),
        "sort": lambda n: facet | {("_sort_desc" if n % 2 else "_sort"): "price_cents"},
    }
    found = {}
    with _datasette(folder / "ecommerce.db") as (pid, url):
        for name, address in asked.items():

            def ask(number: int, address: Callable[[int], dict[str, str]] = address) -> Visit:
                begun = time.perf_counter()
                answer = requests.get(url, params=address(number), timeout=120)
                took_ms = (time.perf_counter() - begun) * 1_000
                assert answer.status_code == 200, answer.text[:500]
                return Visit(took_ms, len(answer.content), 1)

            found[name] = Figures.of(pid, ask, max(5, times // 2))
    return found


@contextmanager
def _running(command: list[str], url: str) -> Iterator[int]:
    with subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL) as process:
        try:
            for _ in range(600):
                try:
                    requests.get(url, timeout=60)
                    break
                except requests.ConnectionError:
                    time.sleep(0.1)
            yield process.pid
        finally:
            process.terminate()


@contextmanager
def _datasette(database: Path) -> Iterator[tuple[int, str]]:
    port = free_port()
    # Its own limit of a second would lead to an error page if it takes longer.
    limits = ("--setting", "sql_time_limit_ms", "60000", "--setting", "facet_time_limit_ms", "9000")
    command = [sys.executable, "-m", "datasette", "serve", str(database), "-p", str(port), *limits]
    with _running(command, f"http://127.0.0.1:{port}/-/versions.json") as pid:
        yield pid, f"http://127.0.0.1:{port}/{database.stem}/product"


def _measure_naive(folder: Path, times: int) -> Figures:
    script, port = folder / "naive.py", free_port()
    script.write_text(NAIVE.format(path=str(folder / "ecommerce.db")), "utf-8")
    command = [
        *(sys.executable, "-m", "streamlit", "run", str(script)),
        *("--server.port", str(port), "--server.headless", "true", "--server.baseUrlPath", "naive"),
    ]
    origin = f"http://127.0.0.1:{port}"
    with (
        _running(command, f"{origin}/naive/_stcore/health") as pid,
        Visitor(origin, base="naive/") as visitor,
    ):
        visitor.ask()
        ask = lambda number: visitor.ask(urlencode({"q": f"P{number % 9}"}))  # noqa: E731
        return Figures.of(pid, ask, max(5, times // 4))


if __name__ == "__main__":
    main()
