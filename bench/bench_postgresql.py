"""PostgreSQL beside SQLite, and several servers with one database.

    python -m bench.bench_postgresql [--rows 100000 1000000] [--repeat 3]

- a first sync, an unchanged one, 1 % changed and all changed, on either engine, to the commit,
  beside a bare COPY of the same rows into the same table: no decoding, no journal
- from a commit on one server until a reader of another sees its rows
- callbacks a second of one server and of two, with as many connections in all

Each figure is the median of the repetitions, which take turns. It starts a PostgreSQL of its own.
What becomes of servers that are killed is printed by ``bench.bench_kills``.
"""

from __future__ import annotations

import argparse
import asyncio
import tempfile
import time
from collections import defaultdict
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from statistics import median, quantiles

from bench.bench_companion import load
from bench.bodies import write_answer
from bench.peer import serving
from ecommerce_core.application import Application
from ecommerce_core.datasets import PRODUCTS
from ecommerce_core.domain import Query, Run, Trigger
from ecommerce_core.domain.access import LOCAL_OPERATOR
from ecommerce_core.settings import Settings
from ecommerce_core.storage import open_store
from tests.support.peers import Peers, products
from tests.support.postgresql import PostgresqlServer, running_postgresql
from tests.support.server import Server, running_server

GENERATIONS = (("first", 0), ("unchanged", 0), ("1 % changed", 100), ("all changed", 1))
CHANGES = 30
CALLERS = 64
CALLING_S = 5.0


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--rows", type=int, nargs="+", default=[100_000, 1_000_000])
    parser.add_argument("--repeat", type=int, default=3)
    options = parser.parse_args()
    with running_postgresql() as server, tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        for rows in options.rows:
            _compare_engines(server, folder / str(rows), rows, options.repeat)
        _measure_spread(server, folder / "spread")
        _measure_callbacks(server, folder / "callbacks", options.repeat)


@contextmanager
def _running(folder: Path, url: str | None, gateway: str) -> Iterator[Application]:
    settings = Settings(
        database=folder / "shop", database_url=url, max_body_mb=2048, deadline_s=600, timeout_s=60
    )
    application = Application.open(settings, gateway_url=gateway)
    application.start()
    try:
        yield application
    finally:
        application.stop()
        application.close()


def _sync(application: Application) -> tuple[Run, float]:
    began_s = time.perf_counter()
    handle = application.request_sync("products", actor=LOCAL_OPERATOR, trigger=Trigger.MANUAL)
    handle.stored.result(600)
    stored_s = time.perf_counter() - began_s
    return handle.wait(600), stored_s


def _compare_engines(server: PostgresqlServer, folder: Path, rows: int, repeat: int) -> None:
    folder.mkdir(parents=True)
    files = {every: folder / f"{every}.json" for every in (0, 100, 1)}
    for every, file in files.items():
        write_answer(file, rows, changed_every=every)
    answer = folder / "answer.json"
    figures: dict[tuple[str, str], list[float]] = defaultdict(list)
    with serving(answer) as gateway:
        for number in range(repeat):
            for engine in ("sqlite", "postgresql"):
                url = server.new_database() if engine == "postgresql" else None
                with _running(folder / f"{engine}-{number}", url, gateway) as application:
                    for name, every in GENERATIONS:
                        answer.unlink(missing_ok=True)
                        answer.hardlink_to(files[every])
                        figures[engine, name].append(_sync(application)[1])
                    if url is not None:
                        figures["COPY", "first"].append(_bare_copy(server, url, rows))
    print(f"\n{rows:,} products        seconds to the commit")
    print(f"{'':14}{'SQLite':>10}{'PostgreSQL':>12}{'ratio':>8}{'to COPY':>9}")
    copy_s = median(figures["COPY", "first"])
    for name, _ in GENERATIONS:
        lite, post = (median(figures[engine, name]) for engine in ("sqlite", "postgresql"))
        print(f"{name:14}{lite:>10.3f}{post:>12.3f}{post / lite:>7.2f}×{post / copy_s:>8.2f}×")
    print(f"{'bare COPY':14}{'':>10}{copy_s:>12.3f}", flush=True)


def _bare_copy(server: PostgresqlServer, url: str, rows: int) -> float:
    """COPY the rows as they are now into a table like theirs, out of memory."""
    store = open_store(Path(tempfile.gettempdir()) / "bench-copy", url=url, server_id="copy")
    names = [*PRODUCTS.column_names, "fingerprint", "first_seen_at", "updated_at"]
    with store.writing() as db:
        kept = db.execute(f"SELECT {', '.join(names)} FROM product").fetchall()
        db.execute("CREATE TEMP TABLE bare (LIKE product INCLUDING ALL) ON COMMIT DROP")
        began_s = time.perf_counter()
        db.insert("bare", names, iter(kept), constants={}, on_rows=lambda _: None)
        seconds = time.perf_counter() - began_s
    store.close()
    assert len(kept) == rows
    return seconds


def _measure_spread(server: PostgresqlServer, folder: Path) -> None:
    url = server.new_database()
    seconds = []
    with Peers() as peers, ExitStack() as stack:
        peers.serve_products(products(1_200))
        one, other = (stack.enter_context(_running(folder / name, url, peers.url)) for name in "ab")
        _sync(one)
        for price in range(1, CHANGES + 1):
            peers.serve_products(products(1_200, price=price))
            run, _ = _sync(one)
            committed_s = time.perf_counter()
            while other.reader.rows_version(PRODUCTS).run_id < run.id:
                time.sleep(0.002)
            other.reader.read_page(PRODUCTS, Query())
            seconds.append(time.perf_counter() - committed_s)
    print(
        f"\nshown on one server to shown on the other, 1,200 rows: median {median(seconds):.3f} s,"
        f" p95 {quantiles(seconds, n=20)[-1]:.3f} s",
        flush=True,
    )


def _measure_callbacks(server: PostgresqlServer, folder: Path, repeat: int) -> None:
    """Ask one server, and two, with as many connections in all."""
    url = server.new_database()
    rates: dict[int, list[float]] = defaultdict(list)
    with Peers() as peers, ExitStack() as stack:
        peers.serve_products(products(1_200))
        running = []
        for name in "ab":
            (folder / name).mkdir(parents=True)
            environment = {
                "ECOMMERCE_DATABASE": url,
                "ECOMMERCE_SNAPSHOT_DIR": str(folder / name),
                "ECOMMERCE_GATEWAY_URL": peers.url,
            }
            running.append(stack.enter_context(running_server(folder / name, environment)))
        for _ in range(repeat):
            for count in (1, 2):
                rates[count].append(asyncio.run(_call(running[:count])))
    one, two = median(rates[1]), median(rates[2])
    print(
        f"\ncallbacks a second, {CALLERS} connections in all: {one:.0f} of one server,"
        f" {two:.0f} of two, {two / one:.2f}×",
        flush=True,
    )


async def _call(servers: list[Server]) -> float:
    """Return how many callbacks a second these servers answer together."""
    each = CALLERS // len(servers)
    measured = await asyncio.gather(
        *(
            load(
                one.port,
                "/ecommerce/add-auto",
                connections=each,
                seconds=CALLING_S,
                pid=one.process.pid,
            )
            for one in servers
        )
    )
    return sum(one.rate for one in measured)


if __name__ == "__main__":
    main()
