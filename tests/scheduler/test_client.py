"""The scheduler's client: on a fake that records calls, then over real HTTP."""

from __future__ import annotations

import json
import threading
import time
from collections.abc import Callable, Iterator, Mapping
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from html import escape
from typing import TypeVar, cast

import pytest

from ecommerce_core.datasets import CUSTOMERS, PRODUCTS, Dataset
from ecommerce_core.domain import (
    Clock,
    ClockReading,
    Fact,
    PeerContractError,
    PeerDisconnected,
    PeerError,
    PeerFailed,
    PeerRefused,
    PeerTimedOut,
    PeerUnreachable,
    Recurrence,
    Task,
    TaskError,
)
from ecommerce_core.gateway import Answer, Gateway
from ecommerce_core.sandbox import Sandbox
from ecommerce_core.scheduler import Scheduler, verify_token
from ecommerce_core.scheduler.client import estimate, occurrences, period, real_delay

NOW = datetime(2019, 1, 7, 1, 23, 20)
SOON = NOW + timedelta(hours=1)
PERIODS = {"minute": 1, "hour": 60, "day": 1440, "week": 10080}

T = TypeVar("T")
# A POST: its path, its JSON body and its parameters.
Sent = tuple[str, dict[str, str] | None, Mapping[str, str] | None]


def refused(status: int) -> PeerRefused:
    return PeerRefused("peer_refused", peer="scheduler", status=status)


def silent() -> PeerTimedOut:
    return PeerTimedOut("peer_silent", peer="scheduler", seconds=30)


def answered(body: bytes) -> Answer:
    return Answer(
        peer="scheduler",
        status=200,
        body=body,
        not_modified=False,
        etag=None,
        last_modified=None,
        content_type="",
    )


class FakeGateway(Gateway):
    """A scheduler behind a gateway, in memory: records calls, and fails on request.

    ``fail`` maps a path to the exception raised instead of an answer; ``after`` the same, once the
    request has had its effect. ``then`` runs after each POST.
    """

    def __init__(self, *, has_json: bool = True) -> None:
        super().__init__("http://127.0.0.1:9")
        self.now, self.speed, self.paused = NOW, 50, False
        # A row is an entry as on the wire, without the flag at its end.
        self.rows: list[list[str]] = []
        self.has_json = has_json
        self.known = set(PERIODS) | {"none"}
        self.fail: dict[str, Exception] = {}
        self.after: dict[str, Exception] = {}
        self.bodies: dict[str, bytes] = {}
        self.calls: list[str] = []
        self.sent: list[Sent] = []
        self.limits: list[tuple[float | None, float | None, int | None]] = []
        self.then: Callable[[], None] = lambda: None

    def fetch(
        self,
        peer: str,
        path: str,
        *,
        timeout_s: float | None = None,
        deadline_s: float | None = None,
        max_body_bytes: int | None = None,
        **unused: object,
    ) -> Answer:
        assert peer == "scheduler"
        assert not unused
        self.calls.append(path)
        self.limits.append((timeout_s, deadline_s, max_body_bytes))
        return self.answer(path)

    def answer(self, path: str) -> Answer:
        """Return the answer to a GET of ``path``."""
        if path in self.fail:
            raise self.fail[path]
        if path in self.bodies:
            return answered(self.bodies[path])
        if path == "clock/info":
            return self._json([self.now.strftime("%d/%m/%Y-%H:%M:%S"), self.speed, self.paused])
        if path == "schedule/json":
            if not self.has_json:
                raise refused(404)
            return self._json([[*row, False] for row in sorted(self.rows, key=self._time)])
        assert path == "schedule/list"
        return answered(self._page().encode())

    def send(
        self,
        peer: str,
        path: str,
        *,
        json: object | None = None,
        form: Mapping[str, str] | None = None,
        params: Mapping[str, str] | None = None,
    ) -> Answer:
        assert peer == "scheduler"
        assert form is None
        assert json is None or isinstance(json, dict)
        self.calls.append(path)
        self.sent.append((path, json, params))
        if path in self.fail:
            raise self.fail[path]
        if path == "schedule/add":
            assert json is not None
            self._add(json)
        elif path == "schedule/delete":
            assert params is not None
            self.rows = [r for r in self.rows if (r[5], r[6]) != (params["name"], params["source"])]
        elif path == "app/delete":
            assert params is not None
            self.rows = [row for row in self.rows if row[6] != params["source"]]
        self.then()
        if path in self.after:
            raise self.after[path]
        return self._json("OK")

    def _add(self, body: dict[str, str]) -> None:
        at = datetime.strptime(body["time"], "%d/%m/%Y-%H:%M:%S")
        if at < self.now:
            raise refused(422)
        recurrence = body["recurrence"] if body["recurrence"] in self.known else "none"
        self.add_row(at, recurrence, data=body["data"], name=body["name"], url=body["target_url"])

    def add_row(
        self,
        at: datetime,
        recurrence: str,
        *,
        data: str = "",
        name: str = "get_products",
        url: str = "ecommerce/add-auto",
        source: str = "e-commerce",
    ) -> None:
        time_text = at.strftime("%d/%m/%Y-%H:%M:%S")
        self.rows.append([time_text, url, "e-commerce", recurrence, data, name, source])

    def advance_to(self, now: datetime) -> None:
        """Move the clock and fire the due tasks, like the scheduler's loop."""
        self.now = now
        for row in list(self.rows):
            while row in self.rows and self._time(row) <= now:
                minutes = PERIODS.get(row[3])
                if minutes is None:
                    self.rows.remove(row)
                else:
                    later = self._time(row) + timedelta(minutes=minutes)
                    row[0] = later.strftime("%d/%m/%Y-%H:%M:%S")

    def posts(self, path: str = "schedule/add") -> list[Sent]:
        return [sent for sent in self.sent if sent[0] == path]

    @staticmethod
    def _time(row: list[str]) -> datetime:
        return datetime.strptime(row[0], "%d/%m/%Y-%H:%M:%S")

    @staticmethod
    def _json(value: object) -> Answer:
        return answered(json.dumps(value).encode())

    def _page(self) -> str:
        cells = [
            (row[5], row[6], row[2] + row[1], str(self._time(row)), row[3]) for row in self.rows
        ]
        rows = "".join(
            "<tr>" + "".join(f"<td>{escape(cell)}</td>" for cell in row) + "</tr>" for row in cells
        )
        return f'<table id="schedule_table">{rows}</table>'


@pytest.fixture(params=["json", "html"])
def gateway(request: pytest.FixtureRequest) -> FakeGateway:
    return FakeGateway(has_json=request.param == "json")


@pytest.fixture
def scheduler(gateway: FakeGateway) -> Scheduler:
    return Scheduler(gateway, app_name="e-commerce", settle_s=0.01)


def add(
    scheduler: Scheduler,
    *,
    at: datetime = SOON,
    recurrence: Recurrence = Recurrence.HOUR,
    dataset: Dataset = PRODUCTS,
) -> Task:
    return scheduler.add_task(dataset, simulated_at=at, recurrence=recurrence)


def clock_of(reading: ClockReading) -> Clock:
    assert reading.clock is not None
    return reading.clock


def error_of(reading: ClockReading) -> Fact:
    assert reading.error is not None
    return reading.error


def read_at_of(reading: ClockReading) -> datetime:
    assert reading.read_at is not None
    return reading.read_at


# The clock


def test_a_page_waits_for_the_clock_two_seconds_at_most() -> None:
    gateway = FakeGateway()
    reading = Scheduler(gateway, app_name="e-commerce").reading()
    assert reading.clock == Clock(NOW, 50.0, paused=False)
    assert reading.error is None
    assert abs(datetime.now(UTC) - read_at_of(reading)) < timedelta(seconds=5)
    ((timeout_s, deadline_s, max_body_bytes),) = gateway.limits
    assert timeout_s is not None
    assert timeout_s <= 2
    assert deadline_s is not None
    assert deadline_s <= 3
    assert max_body_bytes is not None
    assert max_body_bytes <= 2**20


def test_within_a_second_all_readings_share_one_request() -> None:
    gateway = FakeGateway()
    scheduler = Scheduler(gateway, app_name="e-commerce")
    readings = [scheduler.reading() for _ in range(50)]
    assert gateway.calls == ["clock/info"]
    assert len(set(readings)) == 1


def test_after_a_second_the_clock_is_asked_again() -> None:
    gateway = FakeGateway()
    scheduler = Scheduler(gateway, app_name="e-commerce")
    scheduler.reading()
    gateway.now = SOON
    time.sleep(1.05)
    assert clock_of(scheduler.reading()).simulated_at == SOON
    assert gateway.calls == ["clock/info"] * 2


class SlowGateway(FakeGateway):
    """Answers when allowed, and counts how many requests it holds at once."""

    def __init__(self) -> None:
        super().__init__()
        self.answers = threading.Event()
        self.asked = threading.Event()

    def answer(self, path: str) -> Answer:
        self.asked.set()
        assert self.answers.wait(5)
        return super().answer(path)


def in_threads(count: int, call: Callable[[], T]) -> tuple[list[threading.Thread], list[T]]:
    """Start ``count`` threads and return them with a list, which receives their results."""
    results: list[T] = []
    threads = [threading.Thread(target=lambda: results.append(call())) for _ in range(count)]
    for thread in threads:
        thread.start()
    return threads, results


def test_threads_that_ask_at_once_wait_for_one_request_and_share_it() -> None:
    gateway = SlowGateway()
    scheduler = Scheduler(gateway, app_name="e-commerce")
    threads, results = in_threads(20, scheduler.reading)
    assert gateway.asked.wait(5)
    time.sleep(0.05)
    assert results == []
    gateway.answers.set()
    for thread in threads:
        thread.join(5)
    assert len(results) == 20
    assert {result.clock for result in results} == {Clock(NOW, 50.0, paused=False)}
    assert gateway.calls == ["clock/info"]


def test_while_one_thread_asks_the_others_get_the_last_known_at_once() -> None:
    gateway = SlowGateway()
    scheduler = Scheduler(gateway, app_name="e-commerce")
    gateway.answers.set()
    first = scheduler.reading()
    gateway.answers.clear()
    gateway.asked.clear()
    time.sleep(1.05)
    threads, results = in_threads(1, scheduler.reading)
    assert gateway.asked.wait(5)
    began = time.monotonic()
    assert scheduler.reading() == first
    assert time.monotonic() - began < 2
    gateway.answers.set()
    threads[0].join(5)
    assert read_at_of(results[0]) > read_at_of(first)
    assert gateway.calls == ["clock/info"] * 2


def test_an_error_keeps_the_last_good_clock_and_says_what_went_wrong() -> None:
    gateway = FakeGateway()
    scheduler = Scheduler(gateway, app_name="e-commerce")
    good = scheduler.reading()
    gateway.fail["clock/info"] = silent()
    bad = scheduler.fetch_reading()
    assert bad == ClockReading(good.clock, good.read_at, silent().fact)
    del gateway.fail["clock/info"]
    assert scheduler.fetch_reading().error is None


def test_an_error_too_is_asked_for_once_a_second() -> None:
    gateway = FakeGateway()
    gateway.bodies["clock/info"] = b"<html>down</html>"
    scheduler = Scheduler(gateway, app_name="e-commerce")
    readings = {scheduler.reading() for _ in range(20)}
    assert gateway.calls == ["clock/info"]
    assert [reading.clock for reading in readings] == [None]
    assert error_of(readings.pop()).code == "clock_not_json"


def test_a_failure_that_is_no_peers_does_not_lock_the_clock() -> None:
    gateway = FakeGateway()
    gateway.fail["clock/info"] = ZeroDivisionError("a bug")
    scheduler = Scheduler(gateway, app_name="e-commerce")
    with pytest.raises(ZeroDivisionError):
        scheduler.reading()
    del gateway.fail["clock/info"]
    assert scheduler.fetch_reading().clock is not None


def test_a_change_of_the_clock_makes_the_next_reading_ask_again() -> None:
    gateway = FakeGateway()
    scheduler = Scheduler(gateway, app_name="e-commerce")
    scheduler.reading()
    changes: tuple[Callable[[], None], ...] = (
        scheduler.pause,
        scheduler.resume,
        lambda: scheduler.set_speed(2),
    )
    for change in changes:
        change()
        count = gateway.calls.count("clock/info")
        scheduler.reading()
        assert gateway.calls.count("clock/info") == count + 1


def test_the_clock_is_paused_resumed_and_set_to_a_speed() -> None:
    gateway = FakeGateway()
    scheduler = Scheduler(gateway, app_name="e-commerce")
    scheduler.pause()
    scheduler.resume()
    for speed in (50, 0.5, 1_000_000.0):
        scheduler.set_speed(speed)
    assert gateway.sent == [
        ("clock/pause", None, None),
        ("clock/resume", None, None),
        ("clock/speed", None, {"new": "50"}),
        ("clock/speed", None, {"new": "0.5"}),
        ("clock/speed", None, {"new": "1000000"}),
    ]


@pytest.mark.parametrize("speed", [0, -1, float("nan"), float("inf"), 10**400, True])
def test_a_speed_that_no_clock_can_run_at_is_not_sent(speed: float) -> None:
    gateway = FakeGateway()
    with pytest.raises(TaskError, match="above 0"):
        Scheduler(gateway, app_name="e-commerce").set_speed(speed)
    assert gateway.calls == []


# The two clocks


def reading_at(read_at: datetime, *, speed: float = 50.0, paused: bool = False) -> ClockReading:
    return ClockReading(Clock(NOW, speed, paused=paused), read_at, None)


def test_the_estimate_moves_by_whole_ticks_and_never_ahead_of_the_clock() -> None:
    read_at = datetime(2024, 1, 1, tzinfo=UTC)
    reading = reading_at(read_at)
    for elapsed_s, moved_s in ((0, 0), (0.99, 0), (1, 50), (1.9, 50), (3.2, 150), (-5, 0)):
        at = estimate(reading, read_at + timedelta(seconds=elapsed_s))
        assert at is not None
        assert at - NOW == timedelta(seconds=moved_s), elapsed_s


def test_the_estimate_stands_still_where_the_clock_does_or_nobody_knows() -> None:
    read_at = datetime(2024, 1, 1, tzinfo=UTC)
    later = read_at + timedelta(seconds=10)
    assert estimate(reading_at(read_at, paused=True), later) == NOW
    assert estimate(reading_at(read_at, speed=0.0), later) == NOW
    assert estimate(replace(reading_at(read_at), error=Fact("peer_down")), later) == NOW
    assert estimate(ClockReading(None, None, Fact("peer_down")), later) is None


def test_the_estimate_at_half_speed_and_at_an_absurd_one() -> None:
    read_at = datetime(2024, 1, 1, tzinfo=UTC)
    later = read_at + timedelta(seconds=3)
    assert estimate(reading_at(read_at, speed=0.5), later) == NOW + timedelta(seconds=1.5)
    assert estimate(reading_at(read_at, speed=1e300), later) == NOW


def test_occurrences_begin_with_the_time_itself() -> None:
    assert occurrences(NOW, Recurrence.HOUR, count=3) == [
        NOW,
        NOW + timedelta(hours=1),
        NOW + timedelta(hours=2),
    ]
    assert len(occurrences(NOW, Recurrence.WEEK)) == 5
    assert occurrences(NOW, Recurrence.NONE) == [NOW]
    assert occurrences(NOW, "month") == [NOW]
    assert occurrences(NOW, Recurrence.HOUR, count=0) == []
    assert len(occurrences(datetime(9999, 12, 31, 22, 30), Recurrence.HOUR)) == 2


def test_a_period_is_known_for_what_the_scheduler_knows() -> None:
    assert [period(recurrence) for recurrence in Recurrence] == [
        None,
        timedelta(minutes=1),
        timedelta(hours=1),
        timedelta(days=1),
        timedelta(weeks=1),
    ]
    assert period("month") is None


def test_the_real_delay_follows_the_speed_and_is_never_negative() -> None:
    clock = Clock(NOW, 50.0, paused=False)
    assert real_delay(clock, SOON) == timedelta(seconds=72)
    assert real_delay(replace(clock, speed=0.5), SOON) == timedelta(hours=2)
    assert real_delay(clock, NOW - timedelta(days=1)) == timedelta()
    assert real_delay(replace(clock, paused=True), SOON) is None
    assert real_delay(replace(clock, speed=0.0), SOON) is None
    assert real_delay(replace(clock, speed=1e-300), SOON) == timedelta.max


# The list


def test_the_list_comes_from_the_json_where_there_is_one() -> None:
    gateway = FakeGateway()
    gateway.add_row(SOON, "hour", data="x")
    (task,) = Scheduler(gateway, app_name="e-commerce").fetch_tasks()
    assert (task.target_url, task.data) == ("ecommerce/add-auto", "x")
    assert gateway.calls == ["schedule/json"]


def test_the_list_comes_from_the_page_where_the_scheduler_has_no_json() -> None:
    gateway = FakeGateway(has_json=False)
    gateway.add_row(SOON, "hour", source="crm")
    scheduler = Scheduler(gateway, app_name="e-commerce")
    (task,) = scheduler.fetch_tasks()
    assert (task.source_app, task.target_app, task.data) == ("crm", "e-commerce", None)
    scheduler.fetch_tasks()
    assert gateway.calls == ["schedule/json", "schedule/list", "schedule/list"]


def test_a_page_instead_of_json_is_as_good_as_none() -> None:
    gateway = FakeGateway()
    gateway.add_row(SOON, "hour")
    gateway.bodies["schedule/json"] = b"<html>no such page</html>"
    assert len(Scheduler(gateway, app_name="e-commerce").fetch_tasks()) == 1
    assert gateway.calls == ["schedule/json", "schedule/list"]


def test_json_is_tried_again_once_the_page_fails() -> None:
    gateway = FakeGateway(has_json=False)
    scheduler = Scheduler(gateway, app_name="e-commerce")
    scheduler.fetch_tasks()
    gateway.has_json = True
    gateway.fail["schedule/list"] = refused(404)
    with pytest.raises(PeerRefused):
        scheduler.fetch_tasks()
    assert scheduler.fetch_tasks() == []


def test_a_scheduler_that_answers_html_to_everything_is_a_contract_error() -> None:
    gateway = FakeGateway()
    for path in ("clock/info", "schedule/json", "schedule/list"):
        gateway.bodies[path] = b"<html>Welcome</html>"
    scheduler = Scheduler(gateway, app_name="e-commerce")
    with pytest.raises(PeerContractError, match="no table of tasks"):
        scheduler.fetch_tasks()
    with pytest.raises(PeerContractError, match="no table of tasks"):
        add(scheduler)
    assert gateway.sent == []


@pytest.mark.parametrize("error", [refused(403), silent()])
def test_another_error_of_the_json_is_not_hidden_by_the_page(error: PeerError) -> None:
    gateway = FakeGateway()
    gateway.fail["schedule/json"] = error
    with pytest.raises(type(error)):
        Scheduler(gateway, app_name="e-commerce").fetch_tasks()
    assert gateway.calls == ["schedule/json"]


def test_an_odd_row_in_the_json_hides_no_other_and_asks_for_no_page() -> None:
    gateway = FakeGateway()
    gateway.bodies["schedule/json"] = b"[[1]]"
    (task,) = Scheduler(gateway, app_name="e-commerce").fetch_tasks()
    assert task.oddities
    assert gateway.calls == ["schedule/json"]


# Adding a task


def test_a_task_is_sent_once_in_the_words_of_the_scheduler(
    gateway: FakeGateway, scheduler: Scheduler
) -> None:
    task = add(scheduler, dataset=CUSTOMERS)
    assert gateway.posts() == [
        (
            "schedule/add",
            {
                "target_url": "ecommerce/auto_load_customers",
                "target_app": "e-commerce",
                "time": "07/01/2019-02:23:20",
                "recurrence": "hour",
                "data": "",
                "source_app": "e-commerce",
                "name": "get_customers",
            },
            None,
        )
    ]
    assert (task.name, task.next_fire_time, task.recurrence) == ("get_customers", SOON, "hour")
    assert [task] == scheduler.fetch_tasks()


def test_with_secrets_a_task_carries_a_token_made_with_the_first(gateway: FakeGateway) -> None:
    add(Scheduler(gateway, app_name="e-commerce", secrets=("new", "old")))
    ((_path, body, _params),) = gateway.posts()
    assert body is not None
    target = {"app_name": "e-commerce", "url": "ecommerce/add-auto"}
    assert verify_token(("new",), body["data"], **target)
    assert not verify_token(("old",), body["data"], **target)


@pytest.mark.parametrize("late_by", [timedelta(), timedelta(seconds=1), timedelta(days=400)])
def test_a_time_that_is_not_ahead_of_the_clock_is_not_sent(
    gateway: FakeGateway, scheduler: Scheduler, late_by: timedelta
) -> None:
    with pytest.raises(TaskError) as caught:
        add(scheduler, at=NOW - late_by)
    assert str(NOW) in str(caught.value)
    assert str(NOW - late_by) in str(caught.value)
    assert gateway.sent == []


@pytest.mark.parametrize("recurrence", ["month", "", "HOUR"])
def test_a_recurrence_that_the_scheduler_does_not_know_is_not_sent(
    gateway: FakeGateway, scheduler: Scheduler, recurrence: str
) -> None:
    with pytest.raises(TaskError, match="does not know"):
        add(scheduler, recurrence=cast(Recurrence, recurrence))
    assert gateway.calls == []


def test_a_time_with_a_zone_is_not_sent(gateway: FakeGateway, scheduler: Scheduler) -> None:
    with pytest.raises(TaskError, match="time zone"):
        add(scheduler, at=SOON.replace(tzinfo=UTC))
    assert gateway.calls == []


def test_nothing_is_sent_where_the_list_before_cannot_be_read(
    gateway: FakeGateway, scheduler: Scheduler
) -> None:
    gateway.fail["schedule/json"] = silent()
    gateway.has_json = True
    with pytest.raises(PeerTimedOut):
        add(scheduler)
    assert gateway.sent == []


def test_a_refusal_says_what_the_scheduler_said(gateway: FakeGateway, scheduler: Scheduler) -> None:
    gateway.fail["schedule/add"] = PeerRefused(
        "peer_refused_with_reason", peer="scheduler", status=422, reason="too early"
    )
    with pytest.raises(TaskError, match="too early") as caught:
        add(scheduler)
    assert isinstance(caught.value.__cause__, PeerRefused)
    assert len(gateway.posts()) == 1


def test_another_refusal_is_the_peers_error(gateway: FakeGateway, scheduler: Scheduler) -> None:
    gateway.fail["schedule/add"] = refused(403)
    with pytest.raises(PeerRefused):
        add(scheduler)
    assert len(gateway.posts()) == 1


LOST: list[PeerError] = [
    silent(),
    PeerDisconnected("no_answer", peer="scheduler"),
    PeerUnreachable("peer_down", peer="scheduler", status=502),
    PeerFailed("peer_failed_with_reason", peer="scheduler", status=500, reason="?"),
]
KINDS = [type(error).__name__ for error in LOST]


@pytest.mark.parametrize("lost", LOST, ids=KINDS)
@pytest.mark.parametrize("already_there", [0, 1, 2])
def test_a_lost_answer_to_a_stored_task_is_no_error_and_no_second_task(
    gateway: FakeGateway, scheduler: Scheduler, lost: PeerError, already_there: int
) -> None:
    for _ in range(already_there):
        gateway.add_row(SOON, "hour")
    gateway.after["schedule/add"] = lost
    task = add(scheduler)
    assert (task.next_fire_time, task.recurrence) == (SOON, "hour")
    assert len(gateway.rows) == already_there + 1
    assert len(gateway.posts()) == 1


@pytest.mark.parametrize("lost", LOST, ids=KINDS)
@pytest.mark.parametrize("already_there", [0, 1])
def test_a_task_that_got_lost_is_an_error_that_says_so(
    gateway: FakeGateway, scheduler: Scheduler, lost: PeerError, already_there: int
) -> None:
    for _ in range(already_there):
        gateway.add_row(SOON, "hour")
    gateway.fail["schedule/add"] = lost
    with pytest.raises(type(lost), match="it was not added") as caught:
        add(scheduler)
    assert str(lost) in str(caught.value)
    assert caught.value.__cause__ is lost
    assert len(gateway.posts()) == 1


def test_a_task_that_moves_on_meanwhile_is_not_taken_for_the_lost_one(
    gateway: FakeGateway, scheduler: Scheduler, monkeypatch: pytest.MonkeyPatch
) -> None:
    gateway.add_row(NOW + timedelta(minutes=1), "hour")
    gateway.add_row(NOW - timedelta(minutes=59), "hour")
    gateway.fail["schedule/add"] = silent()
    original = gateway.send

    def advance_and_send(peer: str, path: str, *, json: object) -> Answer:
        gateway.advance_to(NOW + timedelta(minutes=2))
        return original(peer, path, json=json)

    monkeypatch.setattr(gateway, "send", advance_and_send)
    with pytest.raises(PeerTimedOut, match="not added"):
        add(scheduler, at=NOW + timedelta(minutes=61))


def test_an_answer_lost_before_the_task_is_stored_gets_a_second_look(gateway: FakeGateway) -> None:
    scheduler = Scheduler(gateway, app_name="e-commerce", settle_s=0.3)
    gateway.fail["schedule/add"] = silent()
    timer = threading.Timer(0.1, lambda: gateway.add_row(SOON, "hour"))
    timer.start()
    assert add(scheduler).next_fire_time == SOON
    timer.join()


def test_where_the_list_cannot_be_read_either_nobody_knows(
    gateway: FakeGateway, scheduler: Scheduler
) -> None:
    gateway.after["schedule/add"] = silent()
    down = PeerUnreachable("peer_down", peer="scheduler", status=503)
    gateway.then = lambda: gateway.fail.update({"schedule/json": down, "schedule/list": down})
    with pytest.raises(PeerTimedOut, match="not known whether it was added") as caught:
        add(scheduler)
    assert caught.value.code == "task_unconfirmed_not_read"
    assert caught.value.details["list_reason"] == down.fact
    assert len(gateway.posts()) == 1


def test_an_accepted_task_whose_list_cannot_be_read_is_said_to_be_accepted(
    gateway: FakeGateway, scheduler: Scheduler
) -> None:
    down = PeerUnreachable("peer_down", peer="scheduler", status=503)
    gateway.then = lambda: gateway.fail.update({"schedule/json": down, "schedule/list": down})
    with pytest.raises(PeerUnreachable, match="accepted the task"):
        add(scheduler)


def test_a_recurrence_that_was_silently_dropped_is_found_out(
    gateway: FakeGateway, scheduler: Scheduler
) -> None:
    gateway.known.discard("hour")
    with pytest.raises(TaskError, match="recurrence none .*not hour .*stays in the list"):
        add(scheduler)
    assert [row[3] for row in gateway.rows] == ["none"]


def test_a_dropped_recurrence_is_found_out_beside_a_task_that_is_as_asked(
    gateway: FakeGateway, scheduler: Scheduler
) -> None:
    gateway.add_row(SOON, "hour")
    gateway.add_row(SOON, "none")
    gateway.known.discard("hour")
    with pytest.raises(TaskError, match="recurrence none"):
        add(scheduler)


def test_a_task_that_has_run_already_is_returned_as_it_was_sent(
    gateway: FakeGateway, scheduler: Scheduler
) -> None:
    gateway.then = lambda: gateway.advance_to(SOON)
    task = add(scheduler, recurrence=Recurrence.NONE)
    assert gateway.rows == []
    assert (task.next_fire_time, task.recurrence, task.data) == (SOON, "none", "")


def test_a_recurring_task_may_have_moved_on_by_whole_periods(
    gateway: FakeGateway, scheduler: Scheduler
) -> None:
    gateway.add_row(SOON, "hour", source="crm")
    gateway.then = lambda: gateway.advance_to(SOON + timedelta(hours=2))
    task = add(scheduler)
    assert task.next_fire_time == SOON + timedelta(hours=3)
    assert task.source_app == "e-commerce"


def test_a_lost_task_whose_time_has_passed_is_not_said_to_be_missing(
    gateway: FakeGateway, scheduler: Scheduler
) -> None:
    gateway.after["schedule/add"] = silent()
    gateway.then = lambda: gateway.advance_to(SOON)
    with pytest.raises(PeerTimedOut, match="not known whether it was added and has run"):
        add(scheduler, recurrence=Recurrence.NONE)


def test_an_accepted_task_that_is_nowhere_is_an_error(
    gateway: FakeGateway, scheduler: Scheduler
) -> None:
    gateway.then = gateway.rows.clear
    for recurrence in (Recurrence.NONE, Recurrence.DAY):
        with pytest.raises(TaskError, match="does not list it"):
            add(scheduler, recurrence=recurrence)


def test_the_task_that_another_adds_at_once_is_left_alone(
    gateway: FakeGateway, scheduler: Scheduler
) -> None:
    gateway.then = lambda: gateway.add_row(SOON, "day", source="crm")
    assert add(scheduler).recurrence == "hour"


# Deleting tasks


def test_deleting_a_name_says_how_many_entries_went(
    gateway: FakeGateway, scheduler: Scheduler
) -> None:
    for at in (SOON, SOON + timedelta(hours=1)):
        gateway.add_row(at, "hour")
    gateway.add_row(SOON, "hour", name="get_customers")
    gateway.add_row(SOON, "hour", source="crm")
    assert scheduler.delete_tasks("get_products", source="e-commerce") == 2
    assert scheduler.delete_tasks("get_products", source="e-commerce") == 0
    assert scheduler.delete_all("e-commerce") == 1
    assert [row[6] for row in gateway.rows] == ["crm"]
    assert [sent[2] for sent in gateway.sent] == [
        {"name": "get_products", "source": "e-commerce"},
        {"name": "get_products", "source": "e-commerce"},
        {"source": "e-commerce"},
    ]


def test_nothing_is_deleted_where_the_list_cannot_be_read() -> None:
    gateway = FakeGateway()
    gateway.fail["schedule/json"] = silent()
    with pytest.raises(PeerError):
        Scheduler(gateway, app_name="e-commerce").delete_all("e-commerce")
    assert gateway.sent == []


# Over real HTTP


@pytest.fixture
def sandbox() -> Iterator[Sandbox]:
    with Sandbox(products=1, customers=1, tick_s=None) as sandbox:
        yield sandbox


def test_the_whole_life_of_a_task_over_http(sandbox: Sandbox) -> None:
    scheduler = Scheduler(Gateway(sandbox.url), app_name="e-commerce", secrets=("s3cret",))
    clock = scheduler.fetch_clock()
    assert scheduler.reading().clock == clock
    at = clock.simulated_at + timedelta(hours=1)
    task = add(scheduler, at=at)
    assert task in scheduler.fetch_tasks()
    assert (task.target_app, task.target_url) == ("e-commerce", "ecommerce/add-auto")
    assert task.data is not None
    assert verify_token(("s3cret",), task.data, app_name="e-commerce", url="ecommerce/add-auto")
    assert add(scheduler, at=at) == task
    assert scheduler.delete_tasks(task.name, source="e-commerce") == 2
    assert task not in scheduler.fetch_tasks()


def test_the_clock_is_steered_over_http(sandbox: Sandbox) -> None:
    scheduler = Scheduler(Gateway(sandbox.url), app_name="e-commerce")
    before = scheduler.fetch_clock()
    scheduler.set_speed(0.5)
    sandbox.scheduler.tick()
    assert clock_of(scheduler.fetch_reading()).speed == 0.5
    assert scheduler.fetch_clock().simulated_at >= before.simulated_at
    scheduler.pause()
    sandbox.scheduler.tick()
    assert scheduler.fetch_clock().paused
    scheduler.resume()
    sandbox.scheduler.tick()
    assert not scheduler.fetch_clock().paused


def test_a_clock_that_overtakes_a_task_on_its_way_is_a_refusal_in_words(
    sandbox: Sandbox, monkeypatch: pytest.MonkeyPatch
) -> None:
    scheduler = Scheduler(Gateway(sandbox.url), app_name="e-commerce")
    late = scheduler.fetch_clock().simulated_at - timedelta(minutes=1)
    monkeypatch.setattr(scheduler, "_check_ahead", lambda at, wanted: None)
    with pytest.raises(TaskError, match="refused .*422"):
        add(scheduler, at=late)
    assert scheduler.delete_all("e-commerce") == 0


def test_a_scheduler_that_is_gone_is_a_reading_with_an_error() -> None:
    sandbox = Sandbox(products=1, customers=1, tick_s=None)
    url = sandbox.start()
    scheduler = Scheduler(Gateway(url), app_name="e-commerce")
    clock = scheduler.reading().clock
    sandbox.stop()
    reading = scheduler.fetch_reading()
    assert reading.clock == clock
    assert error_of(reading).details["peer"] == "scheduler"
    with pytest.raises(PeerUnreachable):
        scheduler.fetch_tasks()


# One list for all callers that show it


def test_within_two_seconds_all_who_show_the_list_share_one_request(
    gateway: FakeGateway, scheduler: Scheduler
) -> None:
    gateway.add_row(SOON, "hour")
    for _ in range(5):
        assert [task.name for task in scheduler.shared_tasks()] == ["get_products"]

    assert gateway.calls.count("schedule/json") == 1


def test_a_silent_scheduler_holds_up_one_of_those_who_show_the_list() -> None:
    gateway = FakeGateway()
    gateway.fail["schedule/json"] = silent()
    scheduler = Scheduler(gateway, app_name="e-commerce")
    for _ in range(5):
        with pytest.raises(PeerTimedOut):
            scheduler.shared_tasks()

    assert gateway.calls == ["schedule/json"]
    assert gateway.limits[0][:2] == (2, 3)


def test_a_change_of_the_list_is_seen_by_who_shows_it_next(
    gateway: FakeGateway, scheduler: Scheduler
) -> None:
    assert scheduler.shared_tasks() == []
    add(scheduler)
    assert len(scheduler.shared_tasks()) == 1
    scheduler.delete_all("e-commerce")
    assert scheduler.shared_tasks() == []


def test_an_answer_from_before_a_change_is_not_kept(monkeypatch: pytest.MonkeyPatch) -> None:
    gateway = FakeGateway()
    scheduler = Scheduler(gateway, app_name="e-commerce", settle_s=0.01)
    asked, go_on = threading.Event(), threading.Event()
    original = gateway.answer
    seen: list[list[Task]] = []

    def slow(path: str) -> Answer:
        answer = original(path)
        if threading.current_thread() is reader:
            asked.set()
            assert go_on.wait(5)
        return answer

    monkeypatch.setattr(gateway, "answer", slow)
    reader = threading.Thread(target=lambda: seen.append(scheduler.shared_tasks()))
    reader.start()
    assert asked.wait(5)
    add(scheduler)
    go_on.set()
    reader.join(5)

    assert seen == [[]]
    assert len(scheduler.shared_tasks()) == 1


def test_who_asks_for_the_list_meanwhile_gets_what_is_known_at_once(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    gateway = FakeGateway()
    scheduler = Scheduler(gateway, app_name="e-commerce")
    assert scheduler.shared_tasks() == []
    later = time.monotonic() + 10
    monkeypatch.setattr(time, "monotonic", lambda: later)
    asked, go_on = threading.Event(), threading.Event()
    original = gateway.answer

    def slow(path: str) -> Answer:
        asked.set()
        assert go_on.wait(5)
        return original(path)

    monkeypatch.setattr(gateway, "answer", slow)
    reader = threading.Thread(target=scheduler.shared_tasks)
    reader.start()
    assert asked.wait(5)
    assert scheduler.shared_tasks() == []
    assert reader.is_alive()
    go_on.set()
    reader.join(5)
