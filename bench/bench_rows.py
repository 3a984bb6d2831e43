"""Measure the queries of a dataset's page, with Datasette beside it.

    python -m bench.bench_rows [--rows 1000 100000 1000000] [--repeat 5]
        [--datasette PATH] [--stream]

47 queries of every kind, each as for one visit: a page, how many match, and the families with
counts; nothing is cached between two. French texts, three quarters with accents. Beside it, on the
same rows, Datasette's own table page as JSON (no HTML) with the same search, order and facet; give
the command with ``--datasette`` (it is no dependency of ours: ``pip install datasette`` elsewhere).
Its defaults are only changed to have no time limits, since it would give up otherwise. Before it:
how long a snapshot takes to be written, and its bytes beside the rows' own.
"""

from __future__ import annotations

import argparse
import json
import os
import resource
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
from datetime import UTC, datetime
from functools import partial
from itertools import chain
from pathlib import Path
from random import Random
from statistics import median
from typing import Any
from urllib.parse import urlencode

from ecommerce_core.datasets import PRODUCTS
from ecommerce_core.domain import Query, Withdrawn
from ecommerce_core.storage import Reader, Snapshots, Store

PAGE_SIZE = 50
COLUMNS = (
    *("code", "family", "description", "price_cents", "min_quantity", "packaging"),
    *("catalogue_min_quantity", "catalogue_packaging", "catalogue_id"),
    *("first_seen_at", "updated_at", "withdrawn_at"),
)
FAMILIES = ("TV", "Frigos", "Électroménager", "Téléphonie", "Maison", "Jardin", "Bébé", "Beauté")
TEXT = (
    "élégant téléviseur écran résolution à côté crème brûlée d’été naïve garçon forêt hôtel œuvre"
    " pâte machine café réfrigérateur congélateur lave‑vaisselle économique français noël château"
    " évier préféré où déjà table chaise lampe bois acier argenté doré léger"
)
WORDS = TEXT.split()
LOADED_AT, CHANGED_AT = "2026-01-01T00:00:00.000Z", "2026-01-02T00:00:00.000Z"


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--rows", type=int, nargs="+", default=[1_000, 100_000, 1_000_000])
    parser.add_argument("--repeat", type=int, default=5)
    parser.add_argument("--datasette")
    parser.add_argument("--stream", action="store_true")
    options = parser.parse_args()
    for rows in options.rows:
        with tempfile.TemporaryDirectory(prefix="bench-rows-") as folder:
            store = filled(Path(folder), rows)
            snapshots = Snapshots(store.path, store)
            _publish(store, snapshots)
            reader = Reader(snapshots)
            _measure(reader, store.path, rows, options.repeat, options.datasette)
            reader.close()
            if options.stream:
                for sort in (None, "description"):
                    _stream(snapshots, sort)


def filled(folder: Path, rows: int) -> Store:
    """Return a store with ``rows`` French products, one in a hundred of them withdrawn."""
    store = Store.open(folder / "ecommerce.db")
    random = Random(1)  # noqa: S311 - the same rows each time
    with store.writing() as db:
        db.executemany(
            "INSERT INTO product (code, family, description, price_cents, catalogue_min_quantity,"
            " catalogue_packaging, catalogue_id, first_seen_at, updated_at, withdrawn_at)"
            " VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?)",
            (_product(number, random) for number in range(rows)),
        )
        db.execute(
            "INSERT INTO run (dataset, action, trigger, status, started_at, finished_at,"
            " rows_after) VALUES ('products', 'sync', 'manual', 'succeeded', ?, ?, ?)",
            [LOADED_AT, CHANGED_AT, rows],
        )
    return store


def _product(number: int, random: Random) -> tuple[Any, ...]:
    plain = f"Plain text of product {number % 1_000} model {number}"
    text = f"{' '.join(random.choices(WORDS, k=6))} {number}" if number % 4 else plain
    return (
        f"X1-{number}",
        random.choice(FAMILIES),
        text,
        random.randrange(100, 200_000),
        random.choice((None, 1, 5)),
        random.choice((None, 1, 6)),
        number,
        LOADED_AT,
        LOADED_AT if random.random() < 0.9 else CHANGED_AT,
        None if random.random() < 0.99 else CHANGED_AT,
    )


def _publish(store: Store, snapshots: Snapshots) -> None:
    with store.reading() as db:
        (count,) = db.execute("SELECT count(*) FROM product").fetchone()
    bare = os.path.getsize(store.path)
    start = time.perf_counter()
    snapshots.publish(PRODUCTS)
    seconds = time.perf_counter() - start
    (path,) = snapshots.list_files(PRODUCTS)
    size = os.path.getsize(path)
    print(
        f"\n{count:,} products, {bare / 1e6:.0f} MB: snapshot in {seconds:.2f} s,"
        f" {size / 1e6:.0f} MB, {(bare + size) / bare:.2f}x of the rows alone"
    )


def _questions(rows: int, current: int) -> Iterator[tuple[str, Query, dict[str, str] | None]]:
    """Yield the queries: a name, our form, and Datasette's, or None if it has none."""
    plain = {"_facet": "family", "withdrawn_at__isnull": "1"}

    def search(words: str) -> tuple[Query, dict[str, str]]:
        return Query(search=words), {**plain, "description__contains": words}

    number = str(rows // 2 + 1)
    prices = (("price_cents", 50_000, 90_000),)
    between = {"price_cents__gte": "50000", "price_cents__lte": "90000"}
    last = -(-current // PAGE_SIZE)
    yield "first visit", Query(), plain
    yield ("search, rare", *search(number))
    yield ("search, common", *search("télé"))
    yield ("search, one letter", *search("e"))
    yield ("search, nothing", *search("zzzz"))
    yield "search, apostrophe and hyphen", Query(search="d'ete lave-vaisselle"), None
    yield "search, two words", Query(search="chateau 77"), None
    family = Query(values=(("family", ("TV",)),))
    yield "family", family, {**plain, "family": "TV"}
    yield "two families", Query(values=(("family", ("TV", "Bébé")),)), None
    yield "price range", Query(ranges=prices), {**plain, **between}
    yield (
        "search, family, sorted by price",
        replace(family, search="creme", sort="price_cents"),
        {**plain, "description__contains": "crème", "family": "TV", "_sort": "price_cents"},
    )
    yield (
        "search, price range, changed since",
        Query(
            search="ete", ranges=prices, since=(("updated_at", datetime(2026, 1, 2, tzinfo=UTC)),)
        ),
        None,
    )
    yield "no family of two", Query(excluded=(("family", ("TV", "Bébé")),)), None
    yield "outside of a price range", Query(outside=prices), None
    yield "description contains", Query(contains=(("description", "crème"),)), None
    yield "description does not contain", Query(lacks=(("description", "crème"),)), None
    yield "minimum quantity empty", Query(present=(("catalogue_min_quantity", False),)), None
    yield "until a day", Query(until=(("updated_at", datetime(2026, 1, 2, tzinfo=UTC)),)), None
    yield "withdrawn", Query(withdrawn=Withdrawn.ONLY), None
    yield "by family, then price", Query(sort="family", then_by=(("price_cents", True),)), None
    for column in ("code", "description", "price_cents"):
        yield f"by {column}, middle page", Query(sort=column, page=last // 2), None
    for column in COLUMNS:
        yield f"by {column}", Query(sort=column), {**plain, "_sort": column}
        yield (
            f"by {column}, last page",
            Query(sort=column, page=last),
            {**plain, "_sort_desc": column},
        )


def _measure(reader: Reader, database: Path, rows: int, repeat: int, datasette: str | None) -> None:
    asked = list(_questions(rows, reader.totals(PRODUCTS).current))
    ours, theirs = [], []
    with _datasette(datasette, database) as base_url:
        print(f"{'ms':38}{'median':>8}{'most':>8}" + (f"{'Datasette':>11}" if base_url else ""))
        for name, query, parameters in asked:
            times = [_ms(partial(_visit, reader, query)) for _ in range(repeat)]
            ours.append(median(times))
            line = f"{name:38}{median(times):>8.1f}{max(times):>8.1f}"
            if base_url and parameters is not None:
                theirs.append((median(times), _ms(partial(_get, base_url, parameters))))
                line += f"{theirs[-1][1]:>11.1f}"
            print(line, flush=True)
    slowest = max(zip(ours, asked, strict=True), key=lambda one: one[0])
    print(f"{len(asked)} questions: {sum(ours):.0f} ms, none above {slowest[0]:.0f} ms")
    print(f"the slowest: {slowest[1][0]}")
    if theirs:
        mine, others = (sum(times) for times in zip(*theirs, strict=True))
        print(f"of those that Datasette answers: {mine:.0f} ms, Datasette {others:.0f} ms")
    for name, ask in (
        ("histogram", lambda: reader.histogram(PRODUCTS, "price_cents", Query())),
        ("one row", lambda: reader.find_row(PRODUCTS, "X1-7")),
    ):
        print(f"{name:38}{median(_ms(ask) for _ in range(repeat)):>8.1f}")


def _visit(reader: Reader, query: Query) -> None:
    asked = replace(query, page_size=PAGE_SIZE)
    with reader.at(PRODUCTS) as view:
        view.read_page(asked)
        view.list_values("family", asked)


def _ms(ask: Callable[[], object]) -> float:
    start = time.perf_counter()
    ask()
    return (time.perf_counter() - start) * 1e3


def _get(base_url: str, parameters: dict[str, str]) -> None:
    query = urlencode({**parameters, "_size": PAGE_SIZE, "_extra": "count,facet_results"})
    with urllib.request.urlopen(f"{base_url}/product.json?{query}", timeout=120) as answer:
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
            yield f"http://127.0.0.1:{port}/{database.stem}"
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


def _stream(snapshots: Snapshots, sort: str | None) -> None:
    """Read all rows in a child process, so that the peak of its memory is the reading's."""
    pid = os.fork()
    if pid:
        os.waitpid(pid, 0)
        return
    reader = Reader(snapshots)
    reader.totals(PRODUCTS)
    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    start = time.perf_counter()
    rows = sum(map(len, reader.iter_batches(PRODUCTS, Query(sort=sort))))
    seconds = time.perf_counter() - start
    grown = (resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before) / 1024
    print(f"{rows:,} rows by {sort or 'key'}: {seconds:.1f} s, peak +{grown:.0f} MB")
    sys.stdout.flush()
    os._exit(0)


if __name__ == "__main__":
    main()
