"""A sandbox, the application that it calls, and a scheduler monitor between them."""

from __future__ import annotations

import time
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import timedelta
from pathlib import Path
from typing import Any

import requests

from ecommerce_core.datasets import DATASETS
from ecommerce_core.domain import ExpectedOutcome, Lateness, Progress, Recurrence, Stage, Trigger
from ecommerce_core.gateway import Gateway
from ecommerce_core.sandbox import Sandbox
from ecommerce_core.scheduler import Scheduler, SchedulerControl, SchedulerMonitor
from ecommerce_core.storage import Leader, Store
from tests.support.callback_app import CallbackApp

HOUR, DAY = timedelta(hours=1), timedelta(days=1)
GRACE_S = 0.15
# As the settings have it by default.
LATENESS = Lateness(timedelta(seconds=10), timedelta(minutes=10), timedelta(seconds=10))


@dataclass
class Rig:
    """A sandbox, the application that it calls, and a scheduler monitor between them."""

    sandbox: Sandbox
    app: CallbackApp
    store: Store
    grace_s: float = GRACE_S
    busy_since_s: dict[str, float] = field(default_factory=dict)

    def __post_init__(self) -> None:
        self.restart()

    def restart(self, *, keeps: bool = False) -> None:
        """Start a new server on the same database, which ``keeps`` our tasks by itself."""
        gateway = Gateway(self.sandbox.url, timeout_s=2, deadline_s=3)
        self.scheduler = Scheduler(gateway, app_name="e-commerce", settle_s=0)
        control = SchedulerControl(
            self.scheduler, self.store, app_name="e-commerce", datasets=DATASETS
        )
        self.app.store, self.app.scheduler = self.store, self.scheduler
        grace = timedelta(seconds=self.grace_s)
        self.leader = Leader(self.store)
        self.monitor = SchedulerMonitor(
            self.scheduler,
            self.store,
            app_name="e-commerce",
            datasets=DATASETS,
            source=self.sandbox.url,
            progress=self.progress,
            lateness=Lateness(grace, timedelta(minutes=10), grace),
            leader=self.leader,
            keep=control.keep if keeps else None,
            interval_s=0.02,
        )

    def progress(self, dataset: str) -> Progress | None:
        if (since_s := self.busy_since_s.get(dataset)) is None:
            return None
        elapsed_s = time.monotonic() - since_s
        return Progress(dataset, Trigger.CALLBACK, Stage.STORING, 1, 0, None, 0, elapsed_s)

    def add(self, dataset: Any, after: timedelta, recurrence: Recurrence = Recurrence.NONE) -> None:
        at = self.sandbox.scheduler.now() + after
        self.scheduler.add_task(dataset, simulated_at=at, recurrence=recurrence)

    def tick(self, times: int = 1) -> None:
        """Tick, and poll after each tick."""
        for _ in range(times):
            self.sandbox.scheduler.tick()
            assert self.monitor.poll()

    def poll_after_grace(self) -> None:
        assert self.monitor.poll()
        time.sleep(self.grace_s + 0.05)
        assert self.monitor.poll()

    def counts(self, **of: Any) -> Counter[ExpectedOutcome]:
        found: Counter[ExpectedOutcome] = Counter()
        for callback in self.store.list_expected_callbacks(limit=10_000, **of):
            found[callback.outcome] += callback.count
        return found

    def post(self, path: str, *, json: Any = None, **params: Any) -> None:
        """Send a request to the scheduler as another application does."""
        url, headers = f"{self.sandbox.url}/{path}", {"Host": "scheduler"}
        answer = requests.post(url, params=params, json=json, headers=headers, timeout=5)
        assert answer.status_code == 200


@contextmanager
def rigged(app: CallbackApp, folder: Path, *, speed: float = 3600) -> Iterator[Rig]:
    sandbox = Sandbox(products=1, customers=1, speed=speed, app_url=app.url, tick_s=None)
    with sandbox:
        rig = Rig(sandbox, app, Store.open(folder / "ecommerce.db"))
        yield rig
        rig.monitor.stop()
