"""Kill one of two servers behind nginx again and again: what is lost, torn or done twice?

    python -m bench.bench_kills [--kills 100] [--seed 7] [--rows 2000]

The servers are the real ones, with the PostgreSQL and the nginx of ``tests.servers.shop``. Four
callers post callbacks all the time: two through nginx, one to each server itself. The peer
raises the price of all products several times a second, so that each answer has a price of its own.
At random moments one of the servers is killed with -9, and started again.

- *lost*: a callback was answered with 200, and the rows are fewer or older than what the peer told
  when it was sent; or there are fewer rows at any moment
- *torn*: rows of two answers, at any moment; somebody looks all the time
- *twice*: one answer stored by two runs, two runs at the same time, or more callbacks in the
  journal than were sent

Ends with 1 if one of these is not 0.
"""

from __future__ import annotations

import argparse
import random
import sys
import tempfile
import threading
import time
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import datetime
from itertools import pairwise
from pathlib import Path

import requests

from ecommerce_core.domain import EcommerceError
from ecommerce_core.storage import Store
from tests.servers.shop import SERVERS, Shop, running_shop
from tests.support.peers import Peers, products
from tests.support.postgresql import running_postgresql
from tests.support.server import free_port

PRICE_EVERY_S = 0.2
LOOK_EVERY_S = 0.02
CALL_EVERY_S = 0.05
CALLERS_OF_NGINX = 2
KILLED_WITHIN_S = 1.5


@dataclass
class Found:
    """What callers and the one who looks found. ``answers`` are counted by status or error."""

    answers: Counter[str] = field(default_factory=Counter)
    lost: int = 0
    torn: int = 0
    looks: int = 0


def main() -> int:
    """Kill, count and print; return 1 if anything was lost, torn or done twice."""
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--kills", type=int, default=100)
    parser.add_argument("--seed", type=int, default=7)
    parser.add_argument("--rows", type=int, default=2_000)
    asked = parser.parse_args()
    with (
        tempfile.TemporaryDirectory(prefix="bench-kills-") as name,
        running_postgresql() as postgresql,
        Peers() as peers,
    ):
        peers.serve_products(products(asked.rows, price=1))
        environment = {"ECOMMERCE_GATEWAY_URL": peers.url, "ECOMMERCE_LOG": "json"}
        port = free_port()
        with running_shop(postgresql, Path(name), port=port, environment=environment) as shop:
            return _measure(shop, peers, asked.kills, asked.seed, asked.rows)


def _measure(shop: Shop, peers: Peers, kills: int, seed: int, rows: int) -> int:
    page = shop.site.page("add-auto")
    assert requests.post(page, timeout=60).status_code == 200
    found, price = Found(), [1]

    def raise_price() -> None:
        peers.serve_products(products(rows, price=price[0] + 1))
        price[0] += 1

    def call(address: str) -> None:
        told = price[0]
        try:
            status = requests.post(address, timeout=60).status_code
        except requests.RequestException as error:
            # Nobody is there just now, or the server was killed amid the callback.
            found.answers["refused" if "refused" in str(error) else "cut off"] += 1
            return
        found.answers[str(status)] += 1
        if status == 200:
            count, low, _ = _prices(shop.store)
            found.lost += count != rows or low < told

    def look() -> None:
        count, low, high = _prices(shop.store)
        found.looks += 1
        found.lost += count != rows
        found.torn += low != high

    def call_nginx() -> None:
        call(page)

    def call_server(index: int) -> Callable[[], None]:
        return lambda: call(shop.servers[index].page("add-auto"))

    began_s = time.monotonic()
    callers = [call_nginx] * CALLERS_OF_NGINX + [call_server(index) for index in range(SERVERS)]
    with (
        _repeating(raise_price, every_s=PRICE_EVERY_S),
        _repeating(look, every_s=LOOK_EVERY_S),
        _repeating(*callers, every_s=CALL_EVERY_S),
    ):
        _kill(shop, kills, random.Random(seed))  # noqa: S311
    return _report(shop.store, found, kills, time.monotonic() - began_s)


def _kill(shop: Shop, kills: int, dice: random.Random) -> None:
    for number in range(kills):
        time.sleep(dice.uniform(0.0, KILLED_WITHIN_S))
        index = dice.randrange(SERVERS)
        shop.servers[index].process.kill()
        shop.servers[index].process.wait()
        shop.start(index)
        shop.servers[index].wait_until_ready()
        if sys.stderr.isatty():
            print(f"\r{number + 1} kills", end="", file=sys.stderr, flush=True)


@contextmanager
def _repeating(*acts: Callable[[], None], every_s: float) -> Iterator[None]:
    """Do each of these over and over beside the block; an error in one fails the block."""
    is_over = threading.Event()
    failures: list[BaseException] = []

    def repeat(act: Callable[[], None]) -> None:
        try:
            while not is_over.wait(every_s):
                act()
        except (AssertionError, EcommerceError, OSError) as error:
            failures.append(error)

    threads = [threading.Thread(target=repeat, args=(act,)) for act in acts]
    for thread in threads:
        thread.start()
    try:
        yield
    finally:
        is_over.set()
        for thread in threads:
            thread.join()
    if failures:
        raise failures[0]


def _prices(store: Store) -> tuple[int, int, int]:
    """How many rows there are, and the least and the greatest price."""
    with store.reading() as db:
        prices: tuple[int, int, int] = db.execute(
            "SELECT count(*), coalesce(min(price_cents), 0), coalesce(max(price_cents), 0)"
            " FROM product"
        ).fetchone()
    return prices


def _report(store: Store, found: Found, kills: int, seconds: float) -> int:
    with store.reading() as db:
        statuses = dict(db.execute("SELECT status, count(*) FROM run GROUP BY status").fetchall())
        ended = [
            datetime.fromisoformat(at)
            for (at,) in db.execute(
                "SELECT finished_at FROM run WHERE status IN ('succeeded', 'unchanged')"
                " ORDER BY finished_at"
            ).fetchall()
        ]
        stored_twice = db.execute(
            "SELECT count(*) FROM (SELECT 1 FROM change WHERE field = 'price_cents'"
            " GROUP BY CAST(new AS TEXT) HAVING count(DISTINCT run_id) > 1) AS twice"
        ).fetchone()[0]
        at_once = db.execute(
            "SELECT count(*) FROM run AS one JOIN run AS other ON other.id > one.id"
            " AND other.started_at < one.finished_at"
        ).fetchone()[0]
        journalled = db.execute("SELECT count(*) FROM delivery").fetchone()[0]
    sent = found.answers.total() - found.answers["refused"] + 1
    twice = stored_twice + at_once + max(0, journalled - sent)
    longest_s = max((after - before).total_seconds() for before, after in pairwise(ended))
    print(
        f"\n{kills} kills in {seconds:.0f} s; {len(ended)} syncs ended well,"
        f" {statuses.get('interrupted', 0)} were interrupted"
        f"\ncallbacks: {sent} sent, {journalled} in the journal, answers {dict(found.answers)}"
        f"\nrows lost: {found.lost}, torn: {found.torn} (in {found.looks} looks), twice: {twice}"
        f"\nlongest time without a sync that ended well: {longest_s:.1f} s",
        flush=True,
    )
    return int(bool(found.lost or found.torn or twice))


if __name__ == "__main__":
    sys.exit(main())
