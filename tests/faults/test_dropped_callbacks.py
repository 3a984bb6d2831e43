"""A scheduler that loses one callback in ten: each lost one is reported, and none of the others."""

from __future__ import annotations

import random
import time
from datetime import datetime, timedelta
from pathlib import Path

import pytest

from ecommerce_core.datasets import CUSTOMERS, PRODUCTS
from ecommerce_core.domain import ExpectedOutcome, Recurrence
from ecommerce_core.sandbox.data import ORIGIN
from tests.support.callback_app import CallbackApp
from tests.support.rig import HOUR, Rig, rigged
from tests.support.waiting import until

PATHS = {f"/{dataset.callback_path}": dataset.name for dataset in (PRODUCTS, CUSTOMERS)}


def every_tenth(number: int) -> bool:
    return number % 10 == 7


def missed(rig: Rig) -> set[tuple[str, datetime]]:
    return {
        (callback.dataset, callback.simulated_at)
        for callback in rig.store.list_expected_callbacks(limit=10_000)
        if callback.outcome is ExpectedOutcome.MISSED
    }


@pytest.mark.parametrize("seed", range(2))
def test_every_dropped_callback_is_reported_missed_and_no_other(tmp_path: Path, seed: int) -> None:
    dice = random.Random(seed)
    with (
        CallbackApp(drops=lambda number: dice.random() < 0.1) as app,
        rigged(app, tmp_path) as rig,
    ):
        rig.add(PRODUCTS, HOUR, Recurrence.HOUR)
        rig.add(CUSTOMERS, HOUR, Recurrence.HOUR)
        rig.monitor.poll()
        lost: set[tuple[str, datetime]] = set()
        for hour in range(1, 41):
            before = len(app.dropped)
            rig.tick()
            lost |= {(PATHS[path], ORIGIN + hour * HOUR) for path in app.dropped[before:]}
        rig.poll_after_grace()

        assert lost
        assert missed(rig) == lost
        assert rig.counts() == {
            ExpectedOutcome.MISSED: len(lost),
            ExpectedOutcome.ON_TIME: 80 - len(lost),
        }


def test_one_of_two_tasks_of_a_dataset_at_one_time_is_missed(tmp_path: Path) -> None:
    with CallbackApp(drops=lambda number: number == 2) as app, rigged(app, tmp_path) as rig:
        rig.add(PRODUCTS, HOUR, Recurrence.DAY)
        rig.add(PRODUCTS, HOUR, Recurrence.HOUR)
        rig.monitor.poll()
        rig.tick()
        rig.poll_after_grace()

        assert rig.counts() == {ExpectedOutcome.ON_TIME: 1, ExpectedOutcome.MISSED: 1}


def test_the_clock_that_runs_by_itself_counts_every_dropped_callback(tmp_path: Path) -> None:
    with CallbackApp(drops=every_tenth) as app, rigged(app, tmp_path) as rig:
        rig.grace_s = 2.0  # so that a slow machine has reported the received ones by then
        app.has_fresh_clock = True
        rig.restart()
        rig.add(PRODUCTS, HOUR, Recurrence.HOUR)
        rig.monitor.start()
        until(lambda: rig.monitor.snapshot().tasks)
        ends = time.monotonic() + 30
        while len(app.taken) + len(app.dropped) < 25:
            assert time.monotonic() < ends, "the callbacks did not come in time"
            rig.sandbox.scheduler.tick()
            time.sleep(0.03)
        rig.monitor.stop()
        rig.poll_after_grace()

        [summary] = rig.store.expected_summary()
        assert summary.expected == len(app.taken) + len(app.dropped) >= 25
        assert (summary.received, summary.missed) == (len(app.taken), len(app.dropped))


def test_a_monitor_that_could_not_look_for_a_while_still_finds_what_was_dropped(
    tmp_path: Path,
) -> None:
    with CallbackApp(drops=lambda number: number == 3) as app, rigged(app, tmp_path) as rig:
        app.has_fresh_clock = True
        rig.add(PRODUCTS, HOUR, Recurrence.HOUR)
        rig.monitor.poll()
        for _ in range(6):
            rig.sandbox.scheduler.tick()
        rig.poll_after_grace()

        assert missed(rig) == {("products", ORIGIN + 3 * HOUR)}
        assert rig.counts() == {ExpectedOutcome.ON_TIME: 5, ExpectedOutcome.MISSED: 1}


def test_lateness_is_never_negative(tmp_path: Path) -> None:
    with CallbackApp(drops=every_tenth) as app, rigged(app, tmp_path) as rig:
        rig.add(PRODUCTS, HOUR / 2, Recurrence.HOUR)
        rig.monitor.poll()
        rig.tick(20)
        rig.sandbox.scheduler.set_speed(timedelta(days=3).total_seconds())
        rig.tick(2)
        rig.poll_after_grace()

        lateness = [one.lateness_s for one in rig.store.list_expected_callbacks(limit=1_000)]
        known = [one for one in lateness if one is not None]
        assert len(known) > 20
        assert min(known) >= 0
