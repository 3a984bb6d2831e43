"""How long the questions of a dataset's page take in SQL, with Datasette beside it.

    python -m tests.bench.bench_rows [--rows 1000 100000 1000000] [--repeat 15]
        [--datasette PATH] [--export csv json parquet xlsx]

"cold": nothing is remembered, as right after a sync; "page" is what one visit asks: rows, count
and facets. p50 and p95 over the repetitions. Beside it, on the same file, a copy, Datasette's own
table page as JSON (no HTML), cold by nature, with the same search, order and facet; give the
command with ``--datasette`` (it is no dependency of ours: ``pip install datasette`` elsewhere).
What it is told to do beyond its defaults: no time limits, or it would give up.

What the indexes cost is printed, too: seconds, bytes, and the sync of 1 % changed products with
the indexes in place and without. A first sync meets none: they are built after its commit, by
the worker. The search column is in every sync: of 100,000 new products, processor time measured
in turns with the code before it, storing took 0.164 s instead of 0.132 s where all texts are
ASCII (SQLite joins them itself) and 0.228 s where none is (folded in Python, 1 µs each).
"""

from __future__ import annotations

import argparse
import json
import os
import resource
import shutil
import socket
import subprocess
import sys
import tempfile
import time
import urllib.error
import urllib.request
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import replace
from functools import partial
from itertools import chain
from pathlib import Path
from statistics import median, quantiles
from urllib.parse import urlencode

from ecommerce_core.catalogue import PRODUCTS
from ecommerce_core.dataset_state import DatasetState
from ecommerce_core.export import write_export
from ecommerce_core.indexes import sortable_columns
from ecommerce_core.journal import NewRun
from ecommerce_core.models import Action, Trigger
from ecommerce_core.query import Query
from ecommerce_core.read_cache import ReadCache
from ecommerce_core.store import Store
from tests.bench.bodies import write_answer

PAGE_SIZE = 50
FAMILY = (("family", ("TV",)),)
PRICES = (("price_cents", 50_000, 90_000),)
Question = tuple[str, Callable[[], object], dict[str, str] | None]


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--rows", type=int, nargs="+", default=[1_000, 100_000, 1_000_000])
    parser.add_argument("--repeat", type=int, default=15)
    parser.add_argument("--datasette")
    parser.add_argument("--export", nargs="*", default=[])
    options = parser.parse_args()
    for rows in options.rows:
        with tempfile.TemporaryDirectory(prefix="bench-rows-") as folder:
            store = _filled(Path(folder), rows)
            _measure(store, rows, options.repeat, options.datasette)
            for file_format in options.export:
                _export(store, file_format, folder)


def _filled(folder: Path, rows: int) -> Store:
    store = Store.open(folder / "shop.db")
    print(f"\n{rows:,} products")
    first_s = _sync(store, folder, rows, 0)
    bare = os.path.getsize(store.path)
    start = time.perf_counter()
    store.prepare_reading(PRODUCTS)
    built_s = time.perf_counter() - start
    print(
        f"stored in {first_s:.2f} s, {bare / 1e6:.0f} MB; indexes after it in {built_s:.2f} s,"
        f" {os.path.getsize(store.path) / 1e6:.0f} MB in all"
    )
    without = store.path.with_name("without.db")
    shutil.copy(store.path, without)
    other = Store.open(without)
    with other.writing() as db:
        for (name,) in db.execute(
            "SELECT name FROM sqlite_master WHERE type = 'index' AND name LIKE 'product\\_%'"
            " ESCAPE '\\'"
        ).fetchall():
            db.execute(f"DROP INDEX {name}")
    changed = [_sync(one, folder, rows, 100) for one in (store, other)]
    print(f"1 % changed: {changed[0]:.2f} s with the indexes, {changed[1]:.2f} s without")
    without.unlink()
    return store


def _sync(store: Store, folder: Path, rows: int, changed_every: int) -> float:
    answer = folder / "answer.json"
    write_answer(answer, rows, changed_every=changed_every)
    body = answer.read_bytes()
    parsed = PRODUCTS.parse(body)
    run_id = store.begin_run(NewRun("products", Action.SYNC, Trigger.MANUAL))
    start = time.perf_counter()
    store.apply(
        run_id,
        PRODUCTS,
        parsed,
        state=DatasetState(),
        body=body,
        stages_s={},
        report=lambda rows: None,
    )
    return time.perf_counter() - start


def _questions(store: Store, rows: int) -> Iterator[Question]:
    """What is asked: a name, our way, and Datasette's, None where it has none."""

    def page(query: Query) -> Callable[[], object]:
        asked = replace(query, page_size=PAGE_SIZE)
        return lambda: (
            store.list_rows(PRODUCTS, asked),
            store.count_rows(PRODUCTS, asked),
            store.list_values(PRODUCTS, "family", asked),
        )

    plain = {"_facet": "family", "withdrawn_at__isnull": "1"}
    number = str(rows // 2)
    yield "first visit", page(Query()), plain
    yield (
        "search, rare",
        page(Query(search=f"x1-{number}")),
        {**plain, "search__contains": f"x1-{number}"},
    )
    yield "search, common", page(Query(search="frigos")), {**plain, "search__contains": "frigos"}
    yield "search, nothing", page(Query(search="zzzz")), {**plain, "search__contains": "zzzz"}
    yield "family", page(Query(values=FAMILY)), {**plain, "family": "TV"}
    yield (
        "price range",
        page(Query(ranges=PRICES)),
        {**plain, "price_cents__gte": "50000", "price_cents__lte": "90000"},
    )
    yield (
        "search, family, sorted by price",
        page(Query(search="p3", values=FAMILY, sort="price_cents")),
        {**plain, "search__contains": "p3", "family": "TV", "_sort": "price_cents"},
    )
    last = -(-rows // PAGE_SIZE)
    for column in sortable_columns(PRODUCTS):
        yield f"by {column}", page(Query(sort=column)), {**plain, "_sort": column}
        yield (
            f"by {column}, last page",
            page(Query(sort=column, page=last)),
            {**plain, "_sort_desc": column},
        )
    yield "by price_cents, middle page", page(Query(sort="price_cents", page=last // 2)), None
    yield "histogram", lambda: store.histogram(PRODUCTS, "price_cents", Query()), None
    yield (
        "histogram of a family",
        lambda: store.histogram(PRODUCTS, "price_cents", Query(values=FAMILY)),
        None,
    )
    yield "one row", lambda: store.find_row(PRODUCTS, "X1-7"), None


def _measure(store: Store, rows: int, repeat: int, datasette: str | None) -> None:
    heading = f"{'ms':36}{'cold p50':>10}{'cold p95':>10}{'again p50':>11}{'again p95':>11}"
    with _datasette(datasette, store.path) as base_url:
        print(heading + (f"{'Datasette':>11}{'to p95':>8}" if base_url else ""))
        for name, ask, parameters in _questions(store, rows):
            cold, again = [], []
            for _ in range(repeat):
                store.read_cache = ReadCache()
                cold.append(_ms(ask))
                again.append(_ms(ask))
            line = f"{name:36}" + "".join(
                f"{number:>{width}.1f}"
                for number, width in (
                    (median(cold), 10),
                    (_p95(cold), 10),
                    (median(again), 11),
                    (_p95(again), 11),
                )
            )
            if base_url and parameters is not None:
                theirs = median(_ms(partial(_get, base_url, parameters)) for _ in range(3))
                line += f"{theirs:>11.1f}{theirs / _p95(cold):>7.1f}×"
            print(line, flush=True)


def _ms(ask: Callable[[], object]) -> float:
    start = time.perf_counter()
    ask()
    return (time.perf_counter() - start) * 1e3


def _p95(measured: list[float]) -> float:
    return quantiles(measured, n=20, method="inclusive")[-1]


def _get(base_url: str, parameters: dict[str, str]) -> None:
    query = urlencode({**parameters, "_size": PAGE_SIZE, "_extra": "count,facet_results"})
    with urllib.request.urlopen(f"{base_url}/shop/product.json?{query}", timeout=120) as answer:
        found = json.load(answer)
    assert "rows" in found, found
    assert "facet_results" in found, found


@contextmanager
def _datasette(command: str | None, database: Path) -> Iterator[str | None]:
    if command is None:
        yield None
        return
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    limits = ("sql_time_limit_ms", "facet_time_limit_ms", "facet_suggest_time_limit_ms")
    settings = chain.from_iterable(("--setting", name, "60000") for name in limits)
    with subprocess.Popen(
        [
            *(command, "serve", str(database), "--host", "127.0.0.1", "--port", str(port)),
            *("--setting", "suggest_facets", "off", *settings),
        ],
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    ) as server:
        try:
            _wait_for(f"http://127.0.0.1:{port}/-/versions.json")
            yield f"http://127.0.0.1:{port}"
        finally:
            server.terminate()
            server.wait(10)


def _wait_for(url: str) -> None:
    give_up_at = time.monotonic() + 30
    while True:
        try:
            with urllib.request.urlopen(url, timeout=5):
                return
        except (urllib.error.URLError, OSError):
            if time.monotonic() > give_up_at:
                raise
            time.sleep(0.1)


def _export(store: Store, file_format: str, folder: str) -> None:
    """In a child of its own, so that the peak of its memory is the export's."""
    pid = os.fork()
    if pid:
        os.waitpid(pid, 0)
        return
    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    start = time.perf_counter()
    with tempfile.TemporaryFile(dir=folder) as out:
        write_export(file_format, PRODUCTS, store.iter_rows(PRODUCTS, Query()), out)
        size = out.tell()
    seconds = time.perf_counter() - start
    grown = (resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before) / 1024
    print(f"export {file_format}: {seconds:.1f} s, peak +{grown:.0f} MB, {size / 1e6:.0f} MB")
    sys.stdout.flush()
    os._exit(0)


if __name__ == "__main__":
    main()
