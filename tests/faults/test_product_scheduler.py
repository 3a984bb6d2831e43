"""Faults of the scheduler: no page breaks, no callback waits, no task is added twice."""

from __future__ import annotations

import json
import re
import time
from collections.abc import Callable, Iterator
from datetime import datetime
from functools import partial
from html import escape
from typing import Any

import pytest

from ecommerce_core.domain import RunStatus
from tests.faults import peer as faults
from tests.faults.peer import Behaviour, Exchange, MisbehavingPeer
from tests.faults.product import Product, running_product, said
from tests.support.server import Session
from tests.support.waiting import until

WIRE_TIME = "%d/%m/%Y-%H:%M:%S"
OURS = ["07/01/2019-10:00:00", "ecommerce/add-auto", "e-commerce", "day", "", "get_products"]


class PlayedScheduler:
    """A scheduler's whole interface, under the test's control.

    ``add`` is the answer after a task was stored.
    """

    def __init__(self, peer: MisbehavingPeer) -> None:
        self.peer = peer
        self.clock: Any = ["07/01/2019-01:23:20", 50, False]
        self.rows: list[list[Any]] = []
        self.add: Behaviour = faults.answer_json("Task has been scheduled")
        self.stores = True
        self.posts = 0
        self.play()

    def play(self) -> None:
        """Answer well, with the present attributes."""
        answers = {
            "/clock/info": lambda: faults.answer_json(self.clock),
            "/schedule/json": lambda: faults.answer_json(self.rows),
            "/schedule/list": lambda: faults.answer_bytes(self._page(), content_type="text/html"),
        }
        for path, answer in answers.items():
            self.peer.play(as_it_is_then(answer), host="scheduler", path=path)
        self.peer.play(self._add, host="scheduler", path="/schedule/add")

    def break_down(self, behaviour: Behaviour, *paths: str) -> None:
        """Behave like this on these paths, or on all."""
        for path in paths or ("/clock/info", "/schedule/json", "/schedule/list", "/schedule/add"):
            self.peer.play(behaviour, host="scheduler", path=path)

    def _add(self, exchange: Exchange) -> None:
        self.posts += 1
        if self.stores:
            task = json.loads(exchange.request.body)
            names = ("time", "target_url", "target_app", "recurrence", "data", "name", "source_app")
            self.rows.append([*(task[name] for name in names), False])
        self.add(exchange)

    def _page(self) -> bytes:
        rows = [
            (r[5], r[6], r[2] + r[1], str(datetime.strptime(r[0], WIRE_TIME)), r[3])
            for r in self.rows
        ]
        cells = ("".join(f"<td>{escape(text)}</td>" for text in row) for row in rows)
        table = "".join(f"<tr>{row}</tr>" for row in cells)
        return f'<table id="schedule_table">{table}</table>'.encode()


def as_it_is_then(answer: Callable[[], Behaviour]) -> Behaviour:
    """Answer with what ``answer`` returns at the time of each request."""

    def behave(exchange: Exchange) -> None:
        answer()(exchange)

    return behave


@pytest.fixture(scope="module")
def running(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Product]:
    with running_product(tmp_path_factory.mktemp("scheduler")) as product:
        yield product
        product.assert_log_is_clean()


@pytest.fixture
def scheduler(running: Product) -> Iterator[PlayedScheduler]:
    running.serve()
    played = PlayedScheduler(running.peer)
    yield played
    # After any fault: once the scheduler is well, so are the page and the callbacks.
    PlayedScheduler(running.peer)
    page = Session(running.server, "scheduler")
    if page.element("retry_clock"):
        page.click("retry_clock")
    until(lambda: _is_well(read_plainly(running)), timeout_s=40)
    running.assert_log_is_clean()


def read_plainly(product: Product) -> str:
    """Return the text of the scheduler's page, without Markdown's escapes."""
    return product.read("scheduler").replace("\\", "")


def _is_well(text: str) -> bool:
    return "does not answer" not in text and "01:23:20" in text


BROKEN = {
    "HTML to everything": faults.answer_html(),
    "a 404 to everything": faults.answer_html("not found", status=404),
    "down": faults.gateway_error(502, as_html=True),
    "never an answer": faults.never_answer(),
    "a drip": faults.drip_body(interval_s=0.2),
    "a bomb": faults.gzip_bomb(30 * 10**6),
    "null": faults.answer_bytes(b"null"),
    "NaN": faults.answer_bytes(b'["07/01/2019-01:23:20", NaN, false]'),
    "a redirect away": faults.redirect("http://evil.example/"),
}


@pytest.mark.parametrize("fault", BROKEN)
def test_whatever_the_scheduler_does_its_page_says_so_and_all_else_works(
    running: Product, scheduler: PlayedScheduler, fault: str
) -> None:
    scheduler.break_down(BROKEN[fault])
    until(lambda: "The scheduler does not answer" in running.read("scheduler"))
    assert scheduler.posts == 0

    began = time.monotonic()
    answer = running.post()

    assert answer.text.startswith("Done")
    assert time.monotonic() - began < 2, "a callback does not wait for the clock"
    assert running.last_run().status.is_good
    began = time.monotonic()
    for page in ("", "scheduler", "activity"):
        running.read(page)
    assert "X1-0" in running.read("products")
    assert time.monotonic() - began < 12, "nor does a page, for long"


def test_a_list_that_failed_is_shown_again_once_it_can_be_read(
    running: Product, scheduler: PlayedScheduler
) -> None:
    scheduler.break_down(faults.gateway_error(502), "/schedule/json", "/schedule/list")
    until(lambda: "scheduler is down (502)" in read_plainly(running))

    scheduler.rows = [[*OURS, "e-commerce", False]]
    scheduler.play()

    until(lambda: "get_products" in running.read("scheduler"), timeout_s=40)
    assert "is down" not in running.read("scheduler")
    assert listed(running) == [["get_products", "2019-01-07T10:00:00", "every day"]]


def test_a_scheduler_without_json_is_read_from_its_page(
    running: Product, scheduler: PlayedScheduler
) -> None:
    scheduler.rows = [[*OURS, "e-commerce", False]]
    scheduler.break_down(faults.answer_html("not found", status=404), "/schedule/json")

    until(lambda: "get_products" in running.read("scheduler"))
    assert listed(running) == [["get_products", "2019-01-07T10:00:00", "every day"]]


def listed(running: Product) -> list[list[Any]]:
    """Return our tasks as a new reader sees them: name, next time, recurrence."""
    table = Session(running.server, "scheduler").element("tasks_table")
    assert table is not None
    return [[row[0], row[3], row[4]] for row in table["data"]["preview"]["rows"]]


def add_a_task(running: Product) -> str:
    """Request a task and return the text of the page."""
    page = Session(running.server, "scheduler")
    page.click("add_task")
    return said(page).replace("\\", "")


def test_a_422_is_shown_in_words_and_nothing_is_sent_again(
    running: Product, scheduler: PlayedScheduler
) -> None:
    scheduler.stores = False
    scheduler.add = faults.answer_html("<h1>Unprocessable Entity</h1>", status=422)

    text = add_a_task(running)

    assert "The scheduler did not make the change" in text
    assert scheduler.posts == 1
    assert not scheduler.rows


@pytest.mark.parametrize(
    "lost",
    [
        faults.hang_up(),
        faults.reset(),
        faults.never_answer(),
        faults.cut_body(b'"Task has been scheduled"'),
        faults.gateway_error(504),
    ],
    ids=["hangs up", "resets", "never answers", "cut", "504"],
)
def test_a_task_whose_answer_is_lost_is_there_once_and_the_page_says_that_it_is(
    running: Product, scheduler: PlayedScheduler, lost: Behaviour
) -> None:
    scheduler.add = lost

    text = add_a_task(running)

    assert "Stored by the scheduler: get_products" in text
    assert scheduler.posts == 1
    assert [row[5] for row in scheduler.rows] == ["get_products"]


def test_a_task_that_is_lost_with_its_answer_is_said_not_to_be_there(
    running: Product, scheduler: PlayedScheduler
) -> None:
    scheduler.stores = False
    scheduler.add = faults.hang_up()

    text = add_a_task(running)

    assert "Stored by" not in text
    assert "The scheduler did not make the change" in text
    assert scheduler.posts == 1


CLOCKS = {
    "runs at 0.5": (["07/01/2019-01:23:20", 0.5, False], "0.5 ×"),
    "runs at 1,000,000": (["07/01/2019-01:23:20", 1_000_000, False], "1,000,000 ×"),
    "in texts": (["07/01/2019-01:23:20", "50", "False"], "50 ×"),
    "paused": (["07/01/2019-01:23:20", 50, True], "Paused"),
    "at speed 0": (["07/01/2019-01:23:20", 0, False], "0 ×"),
    "at an absurd speed": (["07/01/2019-01:23:20", 1e300, False], "×"),
    "at the end of time": (["31/12/9999-23:59:59", 1_000_000, False], "9999"),
    "at the beginning of time": (["01/01/0001-00:00:00", 50, False], "×"),
}


@pytest.mark.parametrize("clock", CLOCKS)
def test_a_clock_is_shown_at_any_speed_and_any_time(
    running: Product, scheduler: PlayedScheduler, clock: str
) -> None:
    scheduler.clock, shown = CLOCKS[clock]
    scheduler.rows = [[*OURS, "e-commerce", False]]

    until(lambda: shown in running.read("scheduler"))
    # The form of a new reader takes its first time from this clock.
    assert shown in said(Session(running.server, "scheduler"))
    running.read("")
    assert running.post().text.startswith("Done")


def test_a_clock_that_jumps_back_or_stands_still_is_followed(
    running: Product, scheduler: PlayedScheduler
) -> None:
    def is_shown(hour: str) -> bool:
        return hour in read_plainly(running)

    def is_told(at: str) -> bool:
        assert running.post().text.startswith("Done")
        delivery = running.last_delivery(running.last_run())
        return f"{delivery.simulated_at:{WIRE_TIME}}" == at

    for at in ("07/01/2019-01:23:20", "09/01/2019-05:00:00", "08/01/2019-04:00:00"):
        scheduler.clock = [at, 0.001, False]
        until(partial(is_shown, at.partition("-")[2]))
        until(partial(is_told, at))
    for _ in range(3):
        assert "04:00:00" in read_plainly(running)
        assert running.last_run().status in {RunStatus.SUCCEEDED, RunStatus.UNCHANGED}


def test_what_others_call_their_tasks_is_shown_as_text(
    running: Product, scheduler: PlayedScheduler
) -> None:
    evil = "**:red[x]** <b>$y$</b> [l](http://x)\u202e\n"
    scheduler.rows = [
        ["07/01/2019-10:00:00", evil, evil, evil, evil, evil, "e-commerce", False],
        ["31/12/9999-23:59:59", "u", "a", "minute", None, "=1+1", "e-commerce", False],
        *(["07/01/2019-10:00:00", "u", "a", "week", "", f"t{n}", "x", True] for n in range(1_000)),
    ]

    until(lambda: "=1+1" in running.read("scheduler"))
    page = Session(running.server, "scheduler")
    # With what the list had in the tests before, and lost since.
    (ours,) = re.findall(r"Ours \(\d+\)", page.text())[:1]
    page.set(tasks_whose=ours)

    table = page.element("tasks_table")
    assert table is not None
    # What the list had in the tests before may be among them until it counts as lost, and then too.
    rows = [row for row in table["data"]["preview"]["rows"] if row[0] != "get_products"]
    # Read from the scheduler's page, as after earlier tests, a name ends without white space.
    assert [[row[0].rstrip("\n"), row[1]] for row in rows] == [
        [evil.rstrip("\n"), "ours"],
        ["=1+1", "ours"],
    ]
    page.set(tasks_whose="Others (1,000)")
    table = page.element("tasks_table")
    assert table is not None
    assert table["data"]["preview"]["rows"][0][:2] == ["t0", "x"]


def test_a_clock_that_falls_silent_keeps_no_callback_waiting(
    running: Product, scheduler: PlayedScheduler
) -> None:
    scheduler.break_down(faults.never_answer(), "/clock/info")
    time.sleep(1.1)  # a reading of the clock is used for a second
    running.serve()

    assert running.post().text.startswith("Done")

    delivery = running.last_delivery(running.last_run())
    assert delivery.outcome == "executed"
    assert (delivery.duration_s or 0) < 1
