"""Run everything for half an hour: does the server stay as it is?

    python -m bench.soak [--minutes 30] [--products 1200] [--customers 400] [--json FILE]

The server runs with peers whose clock runs at 3,600: an hourly task calls back every second. Four
sessions without a browser click meanwhile, each with a page of its own. Memory, open files and
threads of the server are read from /proc every second. In the last third of the time the median of
the memory must be within 5 % of the first third's, and so must be the idle level of files and
threads, once the server has run warm for a fifth of the time. The allocator is set as in
``deploy/``.

Besides, nothing may be logged as an error, and every callback that the scheduler sent must be in
the journal as served. Ends with 1 if one of these does not hold.
"""

from __future__ import annotations

import argparse
import json
import random
import sys
import tempfile
import threading
import time
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from pathlib import Path
from statistics import quantiles

import requests

from ecommerce_core.datasets import DATASETS
from ecommerce_core.domain import Recurrence
from ecommerce_core.gateway import Gateway
from ecommerce_core.sandbox import Sandbox
from ecommerce_core.scheduler import Scheduler
from ecommerce_core.scheduler.client import period
from ecommerce_core.storage import Store
from tests.support.server import Server, Session, running_server

SPEED = 3600
MAY_GROW = 0.05
SESSIONS = 4
# An abandoned session is kept for this long, as a browser's is until its tab closes.
OPTIONS = ("--server.enableAgentApi=true", "--server.agentSessionTTL=20")
# A session's clicks on its page, over and over; missing buttons are skipped.
CLICKS = {
    "products": ("fetch_products", "clear_products", "confirm_clear_products", "fetch_products"),
    "customers": ("fetch_customers", "undo_clear_customers", "fetch_customers"),
    "scheduler": (),
    "activity": ("older_runs",),
}
SEARCHES = ("", "frigo", "a b", "zzz", "é")


@dataclass
class Sample:
    """One sample of the server's process."""

    memory_mb: float
    files: int
    threads: int


@dataclass
class Figures:
    """The counts of the clicking sessions."""

    clicks: Counter[str] = field(default_factory=Counter)
    failures: list[str] = field(default_factory=list)
    slowest_s: float = 0.0


def look(pid: int) -> Sample:
    """Return memory, open files and threads of a process, from /proc."""
    status = Path(f"/proc/{pid}/status").read_text()
    values = dict(line.split(":", 1) for line in status.splitlines() if ":" in line)
    return Sample(
        memory_mb=int(values["VmRSS"].split()[0]) / 1024,
        files=sum(1 for _ in Path(f"/proc/{pid}/fd").iterdir()),
        threads=int(values["Threads"]),
    )


def click(server: Server, page: str, figures: Figures, ended: threading.Event) -> None:
    """Use one page until ``ended``, a new session every hundred actions."""
    chance = random.Random(page)  # noqa: S311
    while not ended.is_set():
        session = Session(server, page)
        for _ in range(100):
            if ended.wait(chance.uniform(0.2, 0.8)):
                return
            began_s = time.monotonic()
            try:
                figures.clicks[act(session, page, chance)] += 1
            except (AssertionError, requests.RequestException) as error:
                figures.failures.append(f"{page}: {type(error).__name__} {str(error)[:200]}")
                break
            figures.slowest_s = max(figures.slowest_s, time.monotonic() - began_s)


def act(session: Session, page: str, chance: random.Random) -> str:
    """Do one thing that a person does on a page, and return its name."""
    search = f"search_{page}"
    if session.element(search) is not None and chance.random() < 0.3:
        session.set(**{search: chance.choice(SEARCHES)})
        return "search"
    there = [key for key in CLICKS[page] if session.element(key) is not None]
    if there and chance.random() < 0.5:
        key = chance.choice(there)
        try:
            session.click(key)
        except AssertionError as error:
            if "disabled_widget" not in str(error):  # it may be disabled while a fetch is under way
                raise
        return key
    session.rerun()
    return "look"


@contextmanager
def running(folder: Path, *, products: int, customers: int) -> Iterator[tuple[Server, Sandbox]]:
    """Run the server and its peers."""
    with Sandbox(products=products, customers=customers, speed=SPEED) as sandbox:
        environment = {
            "ECOMMERCE_GATEWAY_URL": sandbox.url,
            "ECOMMERCE_LOG": "json",
            "MALLOC_ARENA_MAX": "2",
        }
        with running_server(folder, environment, options=OPTIONS) as server:
            sandbox.app_url = server.url
            yield server, sandbox


def schedule(sandbox: Sandbox) -> dict[str, datetime]:
    """Schedule each dataset's recurring fetch; return when each is first due, by task."""
    scheduler = Scheduler(Gateway(sandbox.url), app_name="e-commerce")
    first = {}
    for name, recurrence in (("products", Recurrence.HOUR), ("customers", Recurrence.DAY)):
        at = scheduler.fetch_clock().simulated_at + timedelta(hours=3)
        task = scheduler.add_task(DATASETS[name], simulated_at=at, recurrence=recurrence)
        first[task.name] = task.next_fire_time or at
    return first


def count_sent(sandbox: Sandbox, first: dict[str, datetime]) -> dict[str, int]:
    """Return how often each task was sent: as often as it was put back."""
    sent = {}
    for task in sandbox.scheduler.tasks():
        step = period(task.recurrence)
        if task.name in first and step is not None:
            sent[task.name] = (task.time - first[task.name]) // step
    return sent


def count_served(database: Path) -> dict[str, Counter[str]]:
    """Return the outcomes of the callbacks, by task, from the journal."""
    served: dict[str, Counter[str]] = {
        dataset.task_name: Counter() for dataset in DATASETS.values()
    }
    with Store(database).reading() as db:
        for task, outcome, count in db.execute(
            "SELECT task_name, outcome, count(*) FROM delivery GROUP BY task_name, outcome"
        ):
            served[task][outcome] = count
    return served


def thirds(values: list[float], *, percent: int) -> tuple[float, float]:
    """Return that percentile of the first third and of the last."""
    third = max(2, len(values) // 3)
    first, last = quantiles(values[:third], n=100), quantiles(values[-third:], n=100)
    return first[percent - 1], last[percent - 1]


def main() -> None:
    """Soak and print."""
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--minutes", type=float, default=30)
    parser.add_argument("--products", type=int, default=1200)
    parser.add_argument("--customers", type=int, default=400)
    parser.add_argument("--json", type=Path, help="where every sample goes")
    options = parser.parse_args()
    figures, ended = Figures(), threading.Event()
    samples: list[Sample] = []
    with tempfile.TemporaryDirectory(prefix="soak-") as name:
        folder = Path(name)
        peers = running(folder, products=options.products, customers=options.customers)
        with peers as (server, sandbox):
            first = schedule(sandbox)
            clickers = [
                threading.Thread(target=click, args=(server, page, figures, ended))
                for page in list(CLICKS)[:SESSIONS]
            ]
            for clicker in clickers:
                clicker.start()
            ends_at = time.monotonic() + options.minutes * 60
            while time.monotonic() < ends_at and server.process.poll() is None:
                samples.append(look(server.process.pid))
                time.sleep(1)
            ended.set()
            for clicker in clickers:
                clicker.join()
            sandbox.scheduler.pause()
            time.sleep(3)  # the tick that pauses, and the callback before it
            sent = count_sent(sandbox, first)
        served = count_served(folder / "ecommerce.db")
        missed = {
            task.task_name: task.missed
            for task in Store(folder / "ecommerce.db").expected_summary()
        }
        log = server.log
    if options.json:
        options.json.write_text(json.dumps([vars(sample) for sample in samples]))
    is_good = report_samples(samples[len(samples) // 5 :])
    is_good &= report_callbacks(sent, served, missed)
    is_good &= report_log(log)
    is_good &= report_clicks(figures)
    sys.exit(not is_good)


def report_samples(samples: list[Sample]) -> bool:
    """Print the process's figures; return True if they are flat."""
    print(f"{'':12}{'first third':>14}{'last third':>14}{'change':>10}")
    is_flat = True
    for name, percent in (("memory_mb", 50), ("files", 10), ("threads", 10)):
        values = [float(getattr(sample, name)) for sample in samples]
        before, after = thirds(values, percent=percent)
        change = after / before - 1
        is_flat &= change <= MAY_GROW
        print(f"{name:12}{before:>14.1f}{after:>14.1f}{change:>+10.1%}")
    return is_flat


def report_callbacks(
    sent: dict[str, int], served: dict[str, Counter[str]], missed: dict[str, int]
) -> bool:
    """Print the outcomes of the callbacks; return True if all were served."""
    is_good = True
    for task, count in sent.items():
        done = served[task]["executed"] + served[task]["joined"]
        is_good &= done == count
        print(
            f"{task}: {count} sent, {done} served, {missed.get(task, 0)} told as missed;"
            f" {dict(served[task])}"
        )
    return is_good and not any(missed.values())


def report_log(log: str) -> bool:
    """Print the log above information; return True if it has no error."""
    lines = [json.loads(line) for line in log.splitlines() if line.startswith("{")]
    levels = Counter(line["level"] for line in lines)
    print(f"logged: {dict(levels)}")
    for line in [line for line in lines if line["level"] not in {"info", "debug"}][:10]:
        print(f"  {line['level']} {line['logger']}: {line['message'][:160]}")
    return not levels["error"] and not levels["critical"] and "Traceback" not in log


def report_clicks(figures: Figures) -> bool:
    """Print the clicks; return True if every click was answered."""
    print(f"clicked: {dict(figures.clicks)}; the slowest took {figures.slowest_s:.1f} s")
    for failure in figures.failures[:10]:
        print(f"  {failure}")
    return not figures.failures


if __name__ == "__main__":
    main()
