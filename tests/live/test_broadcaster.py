"""Updates of open pages: versions, the clock, and the progress of runs."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from ecommerce_core.application import Application
from ecommerce_core.domain import (
    Clock,
    ClockReading,
    Fact,
    NewDelivery,
    Outcome,
    Progress,
    Stage,
    StoreBusy,
    Trigger,
)
from ecommerce_core.domain.access import LOCAL_OPERATOR
from ecommerce_core.live import Live
from ecommerce_core.live.broadcaster import Seen
from tests.support.peers import Peers, products
from tests.support.waiting import until

UNKNOWN = ClockReading(None, None, None)
AT = datetime(2019, 1, 7, 10, 0, 0)
READ_AT = datetime(2026, 1, 1, tzinfo=UTC)
SPEED = 50


class Sight:
    """The state to be seen, and a ``Live`` that reads it on request."""

    def __init__(self) -> None:
        self.seen = Seen({"products": 1, "begun": ()}, UNKNOWN, ())
        self.heard: list[bool] = []
        self.live = Live(lambda: self.seen)
        self.live.observers.append(self.heard.append)
        self.live.look()
        self.heard.clear()

    def show(self, **topics: object) -> None:
        self.seen = replace(self.seen, topics={**self.seen.topics, **topics})
        self.live.look()

    def read(self, after_s: float, ahead: float, *, is_still: bool = False, **clock: Any) -> None:
        """Make a reading ``after_s`` seconds after the first, ahead by ``ahead`` ticks."""
        now = Clock(AT + timedelta(seconds=SPEED * ahead), SPEED, False)
        reading = ClockReading(replace(now, **clock), READ_AT + timedelta(seconds=after_s), None)
        self.seen = replace(self.seen, clock=reading, is_still=is_still)
        self.live.look()

    @property
    def version(self) -> int:
        return self.live.state().versions["products"]


def test_a_version_rises_when_its_topic_changes_and_at_no_other_time() -> None:
    sight = Sight()
    before = sight.version
    sight.live.look()
    assert (sight.version, sight.heard) == (before, [])

    sight.show(products=2)

    assert (sight.version, sight.heard) == (before + 1, [True])
    sight.show(products=1)
    assert sight.version == before + 2


def test_that_a_run_began_may_wait_and_that_one_ended_may_not() -> None:
    sight = Sight()
    sight.show(begun=(7,))
    sight.show(begun=(), products=7)

    assert sight.heard == [False, True]


def test_another_process_has_another_epoch() -> None:
    assert Sight().live.state().epoch != Sight().live.state().epoch


def test_a_clock_that_moves_as_expected_is_told_once() -> None:
    sight = Sight()
    sight.read(0, 0)
    told = sight.live.state().clock
    sight.heard.clear()
    for seconds in range(1, 20):
        sight.read(seconds + 0.01, seconds)
    sight.read(20.01, 21)  # read right after a tick

    assert sight.live.state().clock == told
    assert sight.heard == []


@pytest.mark.parametrize(
    ("ahead", "clock"),
    [
        (8, {}),  # it stood still for a while: a page would show a time that it has not reached
        (12, {}),
        (10, {"paused": True}),
        (10, {"speed": 60.0}),
    ],
)
def test_a_clock_that_does_not_move_as_expected_is_told_anew(
    ahead: float, clock: dict[str, Any]
) -> None:
    sight = Sight()
    sight.read(0, 0)
    told = sight.live.state().clock
    sight.heard.clear()
    sight.read(10.01, ahead, **clock)

    assert sight.live.state().clock != told
    assert sight.heard == [False]


def test_a_clock_that_stands_still_is_told_once() -> None:
    sight = Sight()
    sight.read(0, 0)
    for seconds in range(3, 6):
        sight.read(seconds, 0, is_still=True)
    clock = sight.live.state().clock
    assert clock is not None
    assert (clock.is_moving, clock.is_paused, clock.is_still) == (False, False, True)
    assert clock.simulated_ms == 1_546_855_200_000
    sight.heard.clear()
    for seconds in range(6, 12):
        sight.read(seconds, 0, is_still=True)
    assert sight.heard == []

    sight.read(13, 1)
    clock = sight.live.state().clock
    assert clock is not None
    assert (clock.is_moving, clock.is_still) == (True, False)


def test_an_absurd_speed_is_told_as_a_number_that_a_browser_can_count_with() -> None:
    sight = Sight()
    sight.read(0, 0, speed=1e308)
    clock = sight.live.state().clock

    assert clock is not None
    assert (clock.speed, clock.is_moving, clock.is_still) == (1e9, False, False)


def test_a_slow_clock_shows_the_same_for_a_while_and_is_not_told_again() -> None:
    sight = Sight()
    sight.read(0, 0, speed=0.001)
    sight.heard.clear()
    for seconds in range(1, 30):
        sight.read(seconds, 0, speed=0.001)
    clock = sight.live.state().clock

    assert clock is not None
    assert clock.is_moving
    assert sight.heard == []


def test_a_clock_that_cannot_be_read_stands_still() -> None:
    sight = Sight()
    sight.read(0, 0)
    sight.seen = replace(sight.seen, clock=replace(sight.seen.clock, error=Fact("peer_down")))
    sight.live.look()
    clock = sight.live.state().clock

    assert clock is not None
    assert clock.is_moving is False
    assert clock.simulated_ms == 1_546_855_200_000


def test_the_progress_of_a_run_is_told_with_when_it_was_asked_for() -> None:
    sight = Sight()
    progress = Progress("products", Trigger.MANUAL, Stage.DOWNLOADING, 7, 500, 2_000, 3, 60.0)
    sight.seen = replace(sight.seen, progress=(progress,))
    sight.live.look()
    [told] = sight.live.state().progress

    asked_ms = datetime.now(UTC).timestamp() * 1e3 - 60_000
    assert told["since_ms"] == pytest.approx(asked_ms, abs=5_000)
    assert {name: told[name] for name in ("stage", "bytes_done", "bytes_total", "records")} == {
        "stage": "downloading",
        "bytes_done": 500,
        "bytes_total": 2_000,
        "records": 3,
    }
    assert sight.heard == [False]


def test_a_store_that_cannot_be_read_keeps_the_state_and_is_logged_once(
    caplog: pytest.LogCaptureFixture,
) -> None:
    sight, is_busy = Sight(), True

    def look() -> Seen:
        if is_busy:
            raise StoreBusy("busy")
        return sight.seen

    live = Live(look)
    live.look()
    live.look()
    assert live.state().versions == {}
    assert len(caplog.records) == 1

    is_busy = False
    live.look()
    assert live.state().versions["products"] == 1


def test_what_is_drawn_after_a_change_is_as_new_as_the_change() -> None:
    sight = Sight()
    before = sight.version
    sight.seen = replace(sight.seen, topics={**sight.seen.topics, "products": 2})
    assert sight.live.fresh_state().versions["products"] == before
    sight.live.wake()

    assert sight.live.fresh_state().versions["products"] == before + 1


def test_a_run_a_clear_and_a_callback_are_told_at_once(
    application: Application, peers: Peers
) -> None:
    peers.serve_products(products(15))
    live = application.live
    application.live.look()

    def rises(topic: str, before: int) -> None:
        until(lambda: live.state().versions[topic] > before)

    version = live.state().versions["products"]
    application.live.start()
    application.request_sync("products", actor=LOCAL_OPERATOR, trigger=Trigger.MANUAL).wait(10)
    rises("products", version)
    version = live.state().versions["products"]
    application.clear("products", actor=LOCAL_OPERATOR, trigger=Trigger.MANUAL)
    rises("products", version)
    version = live.state().versions["deliveries"]
    one = NewDelivery(datetime.now(UTC), "products", Outcome.REFUSED, None, None, None, None, 0.1)
    application.record_deliveries([one], {})
    rises("deliveries", version)
    assert live.state().versions["customers"] == 1
