"""Sync, clear, undo, deliver and read at random, and record the findings.

In a process of its own: ``python -m tests.faults.hammer DATABASE GATEWAY_URL SECONDS SEED`` waits
for a line on standard input and writes its Findings as JSON.
"""

from __future__ import annotations

import json
import random
import sys
import time
from collections import Counter
from dataclasses import dataclass, field
from pathlib import Path

from ecommerce_core.application import Application
from ecommerce_core.datasets import Dataset
from ecommerce_core.domain import NewDelivery, NothingToUndo, Outcome, Query, SyncBusy, Trigger
from ecommerce_core.domain.access import LOCAL_OPERATOR
from ecommerce_core.settings import Settings
from ecommerce_core.storage.record.database import now_utc

# The column that holds the generation of every current row.
GENERATION = {"products": "price_cents", "customers": "loyalty_points"}


@dataclass
class Findings:
    """The actions and errors of one hammer. ``run_ids``: every run that it got as a result."""

    done: Counter[str] = field(default_factory=Counter)
    run_ids: list[int] = field(default_factory=list)
    errors: list[str] = field(default_factory=list)


def hammer(application: Application, *, seconds: float, seed: int) -> Findings:
    """Do random things for ``seconds``."""
    chance = random.Random(seed)
    findings = Findings()
    until = time.monotonic() + seconds
    while time.monotonic() < until:
        name = chance.choice(sorted(application.datasets))
        action = chance.choices(
            ["sync", "read", "clear", "undo", "deliver"], weights=[8, 8, 2, 2, 2]
        )[0]
        try:
            act(application, name, action, findings, chance)
            findings.done[action] += 1
        except (NothingToUndo, SyncBusy) as error:
            findings.done[type(error).__name__] += 1
        except Exception as error:
            findings.errors.append(f"{action} {name}: {error!r}")
    return findings


def act(
    application: Application, name: str, action: str, findings: Findings, chance: random.Random
) -> None:
    dataset = application.datasets[name]
    if action == "sync":
        ticket = application.request_sync(
            name,
            actor=LOCAL_OPERATOR,
            trigger=Trigger.CALLBACK,
            join_running=chance.random() < 0.3,
        )
        findings.run_ids.append(ticket.wait(60).id)
    elif action == "clear":
        findings.run_ids.append(
            application.clear(name, actor=LOCAL_OPERATOR, trigger=Trigger.MANUAL).id
        )
    elif action == "undo":
        findings.run_ids.append(
            application.undo_clear(name, actor=LOCAL_OPERATOR, trigger=Trigger.MANUAL).id
        )
    elif action == "deliver":
        new = NewDelivery(now_utc(), name, Outcome.EXECUTED, None, None, None, None, None)
        application.store.record_deliveries([new])
    else:
        read(application, dataset)


def read(application: Application, dataset: Dataset) -> None:
    """Read the rows. Raises AssertionError if two generations are mixed."""
    column = GENERATION[dataset.name]
    with application.store.reading() as db:
        low, high, current = db.execute(
            f"SELECT min({column}), max({column}), count(*) FROM {dataset.table}"
            " WHERE withdrawn_at IS NULL"
        ).fetchone()
        (again,) = db.execute(
            f"SELECT count(*) FROM {dataset.table} WHERE withdrawn_at IS NULL"
        ).fetchone()
    assert low == high, f"two generations at once: {low} and {high}"
    assert current == again, "the view changed inside a read"
    rows = application.reader.list_rows(dataset, Query(page_size=50))
    assert len({getattr(row, column) for row in rows}) <= 1, "two generations on a page"
    application.store.list_runs(limit=20)


def main() -> None:
    database, url, seconds, seed = sys.argv[1:]
    print("ready", flush=True)
    sys.stdin.readline()
    application = Application.open(Settings(database=Path(database)), gateway_url=url)
    application.start()
    try:
        findings = hammer(application, seconds=float(seconds), seed=int(seed))
    finally:
        application.stop()
    json.dump(vars(findings), sys.stdout)


if __name__ == "__main__":
    main()
