"""Ten simulated days with a scheduler to which others do whatever they like, at random (seeded).

It is restarted, reset, paused, slowed, set back and given odd tasks, and its callbacks get lost;
our tasks are lost, and added again by people or by the server. Whatever happens, every expected
callback is accounted for, and nothing is called missed or lost that is not.
"""

from __future__ import annotations

import random
import time
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any, Protocol

import pytest
import requests

from ecommerce_core.datasets import CUSTOMERS, DATASETS, PRODUCTS
from ecommerce_core.domain import (
    EcommerceError,
    ExpectedOutcome,
    Lateness,
    ListForm,
    Recurrence,
    SchedulerState,
)
from ecommerce_core.domain.access import LOCAL_OPERATOR
from ecommerce_core.gateway import Gateway
from ecommerce_core.sandbox import Sandbox
from ecommerce_core.scheduler import Scheduler, SchedulerControl, SchedulerMonitor
from ecommerce_core.storage import Leader, Store
from tests.support.callback_app import CallbackApp
from tests.support.old_scheduler import OldScheduler

GRACE_S = 0.2
TICK = timedelta(hours=1)
DAYS = timedelta(days=10)
ODD: tuple[dict[str, Any], ...] = (
    {"target_url": "x"},
    {"target_url": "y" * 500, "target_app": "nobody", "name": "n" * 300},
    {"target_url": "x", "name": "<b>&'</b>", "source_app": "caisse", "data": {}},
    {"target_url": "close", "target_app": "caisse", "recurrence": "day", "source_app": "caisse"},
)


class World(Protocol):
    """A scheduler, new or old, and what can be done to it."""

    url: str

    def tick(self) -> None: ...
    def restart(self) -> None: ...
    def reset(self) -> None: ...
    def set_back(self) -> None: ...
    def call(self, app_url: str | None) -> None: ...
    def now(self) -> datetime: ...
    def listed(self) -> int: ...


class NewWorld:
    """The sandbox, which speaks as the newest revisions do."""

    def __init__(self, sandbox: Sandbox) -> None:
        self.sandbox = sandbox
        self.url = sandbox.url

    def tick(self) -> None:
        self.sandbox.scheduler.tick()

    def restart(self) -> None:
        self.sandbox.scheduler.restart()

    def reset(self) -> None:
        self.sandbox.scheduler.reset()

    def set_back(self) -> None:
        self.sandbox.scheduler._now -= timedelta(hours=5)

    def call(self, app_url: str | None) -> None:
        self.sandbox.app_url = app_url

    def now(self) -> datetime:
        return self.sandbox.scheduler.now()

    def listed(self) -> int:
        return sum(task.source_app == "e-commerce" for task in self.sandbox.scheduler.tasks())


class OldWorld:
    """The stand-in of the older revisions."""

    def __init__(self, old: OldScheduler) -> None:
        self.old = old
        self.url = old.url

    def tick(self) -> None:
        self.old.advance()

    def restart(self) -> None:
        self.old.restart()

    def reset(self) -> None:
        self.old.reset()

    def set_back(self) -> None:
        self.old.clock_at -= timedelta(hours=5)

    def call(self, app_url: str | None) -> None:
        self.old.app_url = app_url

    def now(self) -> datetime:
        return self.old.clock_at

    def listed(self) -> int:
        return sum(task.source == "e-commerce" for task in self.old.listed)


@contextmanager
def new_world() -> Iterator[World]:
    speed = TICK.total_seconds()
    with Sandbox(products=1, customers=1, speed=speed, tick_s=None) as sandbox:
        yield NewWorld(sandbox)


@contextmanager
def old_world(form: ListForm) -> Iterator[World]:
    with OldScheduler(form, speed=TICK.total_seconds()) as old:
        yield OldWorld(old)


class TenDays:
    """A server of ours, and chance."""

    def __init__(self, world: World, app: CallbackApp, folder: Path, *, seed: int, keeps: bool):
        self.world, self.app = world, app
        self.chance = random.Random(seed)
        self.store = Store.open(folder / "shop.db")
        self.keeps = keeps
        self.passed = timedelta()
        self.done: Counter[str] = Counter()
        self.begin()
        world.call(app.url)
        app.store, app.scheduler = self.store, self.scheduler

    def begin(self) -> None:
        """Start a server of ours on the database."""
        own = {one.callback_path: one.task_name for one in DATASETS.values()}
        gateway = Gateway(self.world.url, timeout_s=2, deadline_s=3)
        self.scheduler = Scheduler(gateway, app_name="e-commerce", own_tasks=own, settle_s=0)
        self.scheduler_control = SchedulerControl(
            self.scheduler, self.store, app_name="e-commerce", datasets=DATASETS
        )
        grace = timedelta(seconds=GRACE_S)
        self.monitor = SchedulerMonitor(
            self.scheduler,
            self.store,
            app_name="e-commerce",
            datasets=DATASETS,
            source=self.world.url,
            progress=lambda _: None,
            lateness=Lateness(grace, timedelta(minutes=10), grace),
            leader=Leader(self.store),
            keep=self.scheduler_control.keep if self.keeps else None,
        )
        self.app.scheduler = self.scheduler

    def add(self, dataset: Any, after: timedelta, recurrence: Recurrence) -> None:
        at = self.world.now() + after
        self.scheduler_control.add_task(
            dataset, actor=LOCAL_OPERATOR, simulated_at=at, recurrence=recurrence
        )

    def post(self, path: str, **how: Any) -> None:
        headers = {"Host": "scheduler"}
        requests.post(f"{self.world.url}/{path}", headers=headers, timeout=5, **how)

    def disturb(self) -> str:
        """What somebody does now, most often nothing."""
        deeds: dict[str, tuple[float, Callable[[], object]]] = {
            "restart": (0.02, self.world.restart),
            "reset": (0.02, self.world.reset),
            "set back": (0.02, self.world.set_back),
            "odd task": (0.04, self.add_odd),
            "pause": (0.02, lambda: self.post("clock/pause")),
            "resume": (0.1, lambda: self.post("clock/resume")),
            "slower": (0.02, lambda: self.post("clock/speed", params={"new": "900"})),
            "faster": (0.04, lambda: self.post("clock/speed", params={"new": "3600"})),
            "our restart": (0.03, self.restart_ours),
            "our deletion": (0.02, self.delete_ours),
            "our task": (0.05, self.add_ours),
            "back": (0.15, self.add_again),
        }
        dice = self.chance.random()
        for name, (share, deed) in deeds.items():
            if dice < share:
                deed()
                self.done[name] += 1
                return name
            dice -= share
        return ""

    def add_odd(self) -> None:
        at = self.world.now() + timedelta(hours=self.chance.randint(1, 48))
        self.post(
            "schedule/add",
            json={**self.chance.choice(ODD), "time": at.strftime("%d/%m/%Y-%H:%M:%S")},
        )

    def restart_ours(self) -> None:
        self.monitor.stop()
        self.begin()

    def delete_ours(self) -> None:
        with suppress(EcommerceError):
            self.scheduler_control.delete_all("e-commerce", actor=LOCAL_OPERATOR)

    def add_ours(self) -> None:
        if self.world.listed() < 4:
            dataset = self.chance.choice([PRODUCTS, CUSTOMERS])
            recurrence = self.chance.choice([Recurrence.HOUR, Recurrence.DAY, Recurrence.NONE])
            minutes = self.chance.randint(61, 600)
            self.add(dataset, timedelta(minutes=minutes), recurrence)

    def add_again(self) -> None:
        self.scheduler_control.add_again(self.monitor.snapshot().lost_tasks, actor=LOCAL_OPERATOR)

    def run(self) -> None:
        self.add(PRODUCTS, TICK, Recurrence.HOUR)
        self.add(CUSTOMERS, 5 * TICK, Recurrence.DAY)
        assert self.monitor.poll()
        while self.passed < DAYS:
            before = self.world.now()
            self.world.tick()
            self.passed += max(timedelta(), self.world.now() - before) or TICK / 4
            assert self.monitor.poll()
            self.disturb()
            self.poll_and_check()
        for _ in range(3):
            time.sleep(GRACE_S / 2 + 0.05)
            self.poll_and_check()

    def poll_and_check(self) -> None:
        """Nothing is alarming that is not so."""
        for _ in range(2):
            assert self.monitor.poll()
        seen = self.monitor.snapshot()
        assert seen.state is SchedulerState.UP
        assert seen.standing_still_since is None
        wanted = len(self.store.list_wanted_tasks())
        assert wanted - len(seen.lost_tasks) == self.world.listed()
        assert self.counts()[ExpectedOutcome.MISSED] <= len(self.app.dropped)

    def counts(self) -> Counter[ExpectedOutcome]:
        found: Counter[ExpectedOutcome] = Counter()
        for one in self.store.list_expected_callbacks(limit=10_000):
            found[one.outcome] += one.count
        return found


@pytest.mark.parametrize(
    ("form", "seed", "keeps"),
    [
        (ListForm.JSON, 1, False),
        (ListForm.TABLE, 2, False),
        (ListForm.URL_TABLE, 1, True),
        (ListForm.OLDEST_TABLE, 2, True),
    ],
)
def test_ten_days_in_which_others_do_what_they_like_to_the_scheduler(
    form: ListForm, seed: int, keeps: bool, tmp_path: Path
) -> None:
    losses = random.Random(f"{seed} {form}")
    world = new_world() if form is ListForm.JSON else old_world(form)
    with world as scheduler, CallbackApp(drops=lambda _: losses.random() < 0.1) as app:
        app.has_fresh_clock = True
        days = TenDays(scheduler, app, tmp_path, seed=seed, keeps=keeps)
        days.run()
        days.monitor.stop()

        counts = days.counts()
        received = sum(n for outcome, n in counts.items() if outcome.is_received)
        assert counts[ExpectedOutcome.PENDING] == 0
        assert received == len(app.taken) > 50
        # What was lost on its way is missed, or cancelled where the clock was set back before.
        assert counts[ExpectedOutcome.MISSED] + counts[ExpectedOutcome.CANCELLED] >= len(
            app.dropped
        )
        assert counts[ExpectedOutcome.MISSED] <= len(app.dropped) > 3
        assert counts[ExpectedOutcome.LATE] == counts[ExpectedOutcome.SLOW] == 0
        assert {"restart", "reset", "set back", "odd task"} <= days.done.keys()
        for one in days.store.list_deliveries(limit=10_000):
            assert one.simulated_at is not None
        for due in days.store.list_expected_callbacks(limit=10_000):
            delivery = days.store.delivery(due.delivery_id) if due.delivery_id else None
            if delivery is not None and delivery.simulated_at is not None:
                assert delivery.simulated_at >= due.simulated_at
