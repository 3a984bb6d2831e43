"""The scheduler's page for an operator: both clocks, the list, the form, the outcomes."""

from __future__ import annotations

import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

import pytest
import requests

from ecommerce_core.application import Application
from ecommerce_core.domain import AuditAction, ListForm, Recurrence, Trigger
from ecommerce_core.domain.access import LOCAL_OPERATOR
from ecommerce_core.sandbox import Sandbox
from ecommerce_core.settings import Settings
from pages.ui import current_application
from tests.support.callback_app import CallbackApp
from tests.support.old_scheduler import OldScheduler
from tests.support.page_session import Page, ended
from tests.support.peers import WIRE
from tests.support.waiting import until

HOUR, DAY = timedelta(hours=1), timedelta(days=1)
GRACE_S = 0.1
CASES = Path(__file__).parents[1] / "scheduler" / "cases"


@dataclass
class Rig:
    """An application over the sandbox, whose clock ticks and whose monitor polls on request."""

    app: Application
    sandbox: Sandbox
    callbacks: CallbackApp

    @property
    def now(self) -> datetime:
        return self.sandbox.scheduler.now()

    def poll(self) -> None:
        self.app.monitor.poll()

    def tick(self, times: int = 1) -> None:
        for _ in range(times):
            self.sandbox.scheduler.tick()
            self.poll()

    def poll_after_grace(self) -> None:
        self.poll()
        time.sleep(GRACE_S + 0.05)
        self.poll()

    def add(self, name: str, after: timedelta, recurrence: str = "none", **fields: str) -> None:
        """Add a task to the list like any application."""
        url = {"get_products": "ecommerce/add-auto"}.get(name, "ecommerce/auto_load_customers")
        task = {
            "target_url": url,
            "target_app": "e-commerce",
            "time": (self.now + after).strftime("%d/%m/%Y-%H:%M:%S"),
            "recurrence": recurrence,
            "data": "",
            "source_app": "e-commerce",
            "name": name,
            **fields,
        }
        self.post("schedule/add", json=task)
        self.poll()

    def post(self, path: str, **how: Any) -> None:
        headers = {"Host": "scheduler"}
        answer = requests.post(f"{self.sandbox.url}/{path}", headers=headers, timeout=5, **how)
        assert answer.status_code == 200

    def set_speed(self, speed: float) -> None:
        self.sandbox.scheduler.set_speed(speed)
        self.tick()

    def names(self) -> list[str]:
        return [str(task.name) for task in self.sandbox.scheduler.tasks()]

    def open(self, name: str = "scheduler", **more: str) -> Page:
        self.poll()
        return Page.open(self.app, name, **more)

    def again(self, page: Page) -> Page:
        self.poll()
        page.at.run()
        return page.sound()


@contextmanager
def opened(url: str, folder: Path) -> Iterator[Application]:
    settings = Settings(
        database=folder / "shop.db",
        timeout_s=2,
        deadline_s=3,
        callback_grace_s=GRACE_S,
        task_disappearance_s=GRACE_S,
    )
    app = Application.open(settings, gateway_url=url)
    app.start(watch=False)
    current_application.install(app)
    try:
        yield app
    finally:
        current_application.install(None)
        app.stop()


@pytest.fixture(scope="module")
def peers() -> Iterator[tuple[Sandbox, CallbackApp]]:
    with CallbackApp() as callbacks, Sandbox(products=3, customers=3, tick_s=None) as sandbox:
        yield sandbox, callbacks


@pytest.fixture
def rig(peers: tuple[Sandbox, CallbackApp], tmp_path: Path) -> Iterator[Rig]:
    sandbox, callbacks = peers
    sandbox.scheduler.set_speed(50)
    sandbox.scheduler.reset()
    sandbox.scheduler.resume()
    sandbox.scheduler.tick()
    sandbox.app_url = callbacks.url
    with opened(sandbox.url, tmp_path) as app:
        callbacks.store, callbacks.scheduler = app.store, app.scheduler
        yield Rig(app, sandbox, callbacks)


def face(page: Page) -> dict[str, Any]:
    """Return the data of the clock's face."""
    (told,) = page.told("ecommerce_clock")
    return told


def shown_at(page: Page) -> datetime:
    return datetime(1970, 1, 1) + timedelta(milliseconds=face(page)["at_ms"])


def listed(page: Page, column: str = "name") -> list[Any]:
    return list(page.table_named("Scheduled tasks")[column])


def seconds_to(local: str) -> float:
    """Return the seconds until a time on the reader's clock, as a table shows it."""
    at = datetime.strptime(local.replace("\\", ""), "%d %b %Y, %H:%M:%S")
    return (at.replace(tzinfo=ZoneInfo("Europe/Paris")) - datetime.now(UTC)).total_seconds()


def countdown(page: Page) -> str:
    """Return the moving line above the table: the next task of ours."""
    texts = [str(one["text"]) for one in page.told("ecommerce_live_text")]
    return next(text for text in texts if text.startswith("Next:"))


def labels(page: Page) -> dict[str, str]:
    return {button.key: button.label for button in page.at.button if button.key is not None}


def links(page: Page) -> list[str]:
    return [link.proto.label for link in page.at.get("page_link")]


def fill(page: Page, **values: Any) -> Page:
    """Fill in the form: ``at``, ``app``, ``recurrence``."""
    if "at" in values:
        page.at.session_state["task_time"] = values["at"]
    if "app" in values:
        page.at.radio(key="task_app").set_value(values["app"])
    if "recurrence" in values:
        page.at.selectbox(key="task_recurrence").select(values["recurrence"])
    page.at.run()
    return page.sound()


# The clock


def test_a_running_clock_is_shown_with_its_speed_in_words(rig: Rig) -> None:
    page = rig.open()
    assert rig.now <= shown_at(page) <= rig.now + timedelta(seconds=100)
    assert face(page)["standing"] is False
    assert face(page)["step_ms"] == 50_000
    assert "Running" in page.texts()
    assert "50 ×: an hour passes in 72 s" in page.texts()
    assert {"pause_clock", "set_speed"} <= page.buttons()
    assert "resume_clock" not in page.buttons()


def test_pausing_asks_first_waits_for_the_tick_and_says_when_it_is_seen(rig: Rig) -> None:
    rig.add("get_products", HOUR)
    page = rig.open().click("pause_clock")
    assert "Time stops for every application" in page.texts()
    assert "1 task waits for this clock (e\\-commerce)." in page.texts()
    page.click("confirm_pause_clock")
    assert "next tick" in page.texts()
    assert "The clock is paused." not in page.texts()
    rig.tick()
    page = rig.again(page)
    assert "The clock is paused." in page.texts()
    assert face(page)["standing"] is True
    assert shown_at(page) == rig.now
    assert listed(page, "real") == ["clock paused"]
    page.click("resume_clock").click("confirm_resume_clock")
    rig.tick()
    assert "The clock runs again." in rig.again(page).texts()


def test_nothing_is_changed_before_it_is_confirmed(rig: Rig) -> None:
    page = rig.open().click("pause_clock")
    page.click("cancel_pause_clock")
    rig.tick()
    assert rig.sandbox.scheduler.info()[2] is False
    assert "next tick" not in page.texts()


def test_the_speed_is_set_for_everybody(rig: Rig) -> None:
    page = rig.open().click("set_speed")
    assert page.at.text_input(key="clock_speed").value == "50"
    page.at.text_input(key="clock_speed").set_value("120")
    page.click("confirm_set_speed")
    rig.tick()
    page = rig.again(page)
    assert rig.sandbox.scheduler.info()[1] == 120
    assert "The clock’s speed is now 120 ×." in page.texts()
    assert "120 ×: an hour passes in 30 s" in page.texts()


def test_a_speed_that_is_being_chosen_outlives_a_new_drawing_of_the_page(rig: Rig) -> None:
    page = rig.open().click("set_speed")
    page.at.text_input(key="clock_speed").set_value("120").run()
    page.at.run()  # as after the end of a fetch
    assert page.sound().at.text_input(key="clock_speed").value == "120"
    page.click("confirm_set_speed")
    rig.tick()
    assert rig.sandbox.scheduler.info()[1] == 120
    assert "confirm_set_speed" not in rig.again(page).buttons()


def test_a_speed_that_lets_callbacks_pile_up_is_warned_of(rig: Rig) -> None:
    rig.add("get_products", HOUR, "minute")
    rig.set_speed(3600)
    page = rig.open().click("set_speed")
    assert "60 callbacks would arrive one after the other" in page.texts()


def test_a_change_that_fails_says_so(rig: Rig) -> None:
    page = rig.open().click("pause_clock")
    rig.app.gateway.base_url = "http://127.0.0.1:9"
    page.click("confirm_pause_clock")
    assert "The scheduler did not make the change" in page.texts()


def test_a_silent_scheduler_leaves_the_last_reading_its_age_and_the_rest_of_the_page(
    rig: Rig,
) -> None:
    rig.add("get_products", HOUR, "hour")
    page = rig.open()
    url, rig.app.gateway.base_url = rig.app.gateway.base_url, "http://127.0.0.1:9"
    page = rig.again(page)
    assert "The scheduler does not answer" in page.texts()
    assert "The clock below was read" in page.texts()
    assert "The list cannot be read; this is the list of" in page.texts()
    assert face(page)["standing"] is True
    assert shown_at(page) == rig.now
    assert listed(page) == ["get_products"]
    assert {"add_task", "delete_tasks"} <= page.buttons()
    assert "Retrying" in page.click("retry_clock").texts()
    rig.app.gateway.base_url = url
    page = rig.again(page)
    assert "The scheduler does not answer" not in page.texts()
    assert "retry_clock" not in page.buttons()


def test_a_scheduler_that_was_never_there_is_said_where_the_list_would_be(rig: Rig) -> None:
    rig.app.gateway.base_url = "http://127.0.0.1:9"
    page = rig.open()
    assert "Nothing is known of its clock yet" in page.texts()
    # Once, though neither clock nor list can be read.
    assert len(page.at.warning) == 1
    assert not page.at.error
    assert "Unknown while the scheduler does not answer." in page.texts()
    assert not page.told("ecommerce_clock")


# The list


def test_an_empty_list_says_so(rig: Rig) -> None:
    page = rig.open()
    assert "No tasks scheduled." in page.texts()
    assert not [key for key in page.buttons() if key.startswith(("run_task", "delete"))]


def choose(page: Page, *tasks: str) -> Page:
    page.at.multiselect(key="tasks_chosen").set_value(list(tasks)).run()
    return page.sound()


def test_everybodys_tasks_are_listed_together_and_ours_are_marked(rig: Rig) -> None:
    rig.add("close", HOUR, source_app="caisse", target_app="caisse", target_url="close")
    rig.add("get_customers", 3 * HOUR, "week")
    rig.add("get_products", 2 * HOUR, "day")
    page = rig.open()
    assert listed(page) == ["close", "get_products", "get_customers"]
    assert listed(page, "source") == ["caisse", "ours", "ours"]
    assert listed(page, "target")[:2] == ["caisse: close", "e-commerce: ecommerce/add-auto"]
    assert [len(actions) for actions in listed(page, "actions")] == [0, 3, 3]
    page.at.radio(key="tasks_whose").set_value("ours").run()
    assert listed(page.sound()) == ["get_products", "get_customers"]
    page.at.radio(key="tasks_whose").set_value("others").run()
    assert listed(page.sound()) == ["close"]


def test_the_list_is_searched_and_put_in_order(rig: Rig) -> None:
    rig.add("get_products", 2 * HOUR, "week")
    rig.add("get_customers", 3 * HOUR, "hour")
    page = rig.open()
    page.at.selectbox(key="tasks_order").select("recurrence").run()
    assert listed(page.sound()) == ["get_customers", "get_products"]
    page.at.text_input(key="tasks_search").set_value("PRODUCTS week").run()
    assert listed(page.sound()) == ["get_products"]
    page.at.text_input(key="tasks_search").set_value("nothing such").run()
    assert "No task matches." in page.sound().texts()


def test_when_a_task_fires_is_said_in_real_time_at_the_speed_of_today(rig: Rig) -> None:
    rig.add("get_products", HOUR)
    rig.add("get_customers", 2 * DAY)
    page = rig.open()
    assert 66 < seconds_to(listed(page, "real")[0]) < 73
    assert countdown(page) in {f"Next: get_products in 1 min {n} s" for n in range(6, 13)}
    rig.set_speed(1)
    page = rig.again(page)
    assert 47 * 3600 < seconds_to(listed(page, "real")[1]) < 48 * 3600
    assert countdown(page).startswith("Next: get_products in 59 min")


def test_of_two_tasks_of_one_name_the_chosen_one_is_deleted_and_the_other_stays(rig: Rig) -> None:
    rig.add("get_products", HOUR)
    rig.add("get_products", 2 * HOUR, "day")
    rig.add("get_customers", HOUR)
    daily = rig.now + 2 * HOUR
    page = choose(rig.open(), "get_products · once · 7 Jan 2019, 01:00").click("delete_tasks")
    assert "1 task will be deleted." in page.texts()
    assert page.texts().count("- get\\_products · ") == 1
    assert len(rig.names()) == 3
    page.click("confirm_delete_tasks")
    left = {(task.name, task.recurrence, task.time) for task in rig.sandbox.scheduler.tasks()}
    assert left == {
        ("get_products-2", "day", daily),
        ("get_customers", "none", daily - HOUR),
    }
    assert "Deleted: 1." in page.texts()
    assert sorted(listed(page)) == ["get_customers", "get_products-2"]


def test_several_tasks_are_deleted_at_once(rig: Rig) -> None:
    rig.add("get_products", HOUR, "hour")
    rig.add("get_customers", HOUR, "day")
    rig.add("get_customers", HOUR, "week")
    page = choose(rig.open(), "get_products · every hour", "get_customers · every day")
    page.click("delete_tasks").click("confirm_delete_tasks")
    assert [task.recurrence for task in rig.sandbox.scheduler.tasks()] == ["week"]
    assert rig.app.monitor.poll()
    assert rig.app.monitor.snapshot().lost_tasks == ()


def test_a_task_is_edited_and_the_old_one_stays_until_the_new_one_is_there(rig: Rig) -> None:
    rig.add("get_products", HOUR, "hour")
    page = choose(rig.open(), "get_products · every hour").click("edit_task")
    at = rig.now.replace(second=0) + 5 * DAY
    page.at.session_state["edit_task_time"] = at
    page.at.selectbox(key="edit_task_recurrence").select(Recurrence.WEEK)
    page.click("confirm_edit_task")
    (task,) = rig.sandbox.scheduler.tasks()
    assert (task.name, task.time, task.recurrence) == ("get_products-2", at, "week")
    assert "Changed: get\\_products\\-2 runs on" in page.texts()

    # What the scheduler refuses leaves the old one where it is.
    page = choose(rig.again(page), "get_products-2 · every week").click("edit_task")
    page.at.session_state["edit_task_time"] = rig.now - DAY
    page.click("confirm_edit_task")
    assert "The scheduler did not make the change" in page.texts()
    assert rig.names() == ["get_products-2"]


def test_a_question_about_tasks_that_are_gone_is_asked_no_more(rig: Rig) -> None:
    rig.add("get_products", HOUR)
    page = choose(rig.open(), "get_products · once · 7 Jan 2019, 01:00").click("delete_tasks")
    assert "confirm_delete_tasks" in rig.again(page).buttons()
    source = rig.app.settings.app_name
    rig.app.scheduler_control.delete_tasks("get_products", actor=LOCAL_OPERATOR, source=source)
    assert "confirm_delete_tasks" not in rig.again(page).buttons()


def test_all_of_ours_are_deleted_and_nobody_elses(rig: Rig) -> None:
    rig.add("get_products", HOUR)
    rig.add("get_customers", HOUR)
    rig.add("close", HOUR, source_app="caisse")
    page = rig.open().click("delete_all_tasks")
    assert "2 tasks will be deleted." in page.texts()
    page.click("confirm_delete_tasks")
    assert rig.names() == ["close"]


def test_a_task_is_run_now_without_waiting_for_the_clock(rig: Rig) -> None:
    rig.add("get_products", HOUR, "hour")
    page = choose(rig.open(), "get_products · every hour").click("run_tasks")
    until(lambda: ended(rig.app, "products", 0))
    page.at.run()
    assert any("Products fetched: 3 added." in toast for toast in page.sound().toasts)
    run = rig.app.store.last_run("products")
    assert run is not None
    assert run.trigger is Trigger.MANUAL


def test_what_a_run_now_fails_of_is_said_here(rig: Rig) -> None:
    rig.add("get_products", HOUR, "hour")
    page = choose(rig.open(), "get_products · every hour")
    rig.app.gateway.base_url = "http://127.0.0.1:9"
    page.click("run_tasks")
    until(lambda: rig.app.progress("products") is None and bool(rig.app.store.list_runs()))
    page.at.run()
    assert "The last fetch failed: products" in page.sound().texts()


# What others do to it


def test_an_odd_task_of_somebody_else_is_marked_and_disables_nothing(rig: Rig) -> None:
    rig.add("get_products", HOUR, "day")
    rig.post("schedule/add", json={"target_url": "x", "time": "08/01/2030-00:00:00"})
    page = rig.open()
    assert listed(page) == ["get_products", "default"]
    assert [list(pills or ()) for pills in listed(page, "state")] == [[], ["no application"]]
    assert listed(page, "target")[1] == "–: x"
    assert "1 entry of the list is odd" in page.texts()
    assert "Running" in page.texts()
    assert "does not answer" not in page.texts()
    page = fill(page, app="crm", at=rig.now.replace(second=0) + DAY).click("add_task")
    assert "Stored by the scheduler: get\\_customers" in page.texts()
    page = choose(rig.again(page), "get_products · every day")
    page.click("delete_tasks").click("confirm_delete_tasks")
    assert sorted(rig.names()) == ["default", "get_customers"]


def test_tasks_that_the_scheduler_lost_are_said_and_added_again_with_one_button(rig: Rig) -> None:
    rig.tick(20)
    rig.add("get_customers", 3 * HOUR, "day")
    page = fill(rig.open(), at=rig.now.replace(second=0) + DAY, recurrence=Recurrence.HOUR)
    page.click("add_task")
    phase = rig.now.replace(second=0).minute
    rig.poll()
    rig.post("reset")
    rig.poll()
    page = rig.again(page)
    assert "2 tasks were lost" in page.texts()
    assert [list(pills) for pills in listed(page, "state")] == [["lost"], ["lost"]]
    assert page.at.radio(key="tasks_whose").options == ["All (2)", "Ours (2)", "Others (0)"]
    assert any("does not list them any more" in box.value for box in page.at.warning)
    assert not page.at.error
    page.click("add_lost_tasks")
    assert "Added again: 2." in page.texts()
    tasks = {task.name: task for task in rig.sandbox.scheduler.tasks()}
    assert set(tasks) == {"get_products", "get_customers"}
    assert tasks["get_products"].time.minute == phase
    assert all(task.time > rig.now for task in tasks.values())
    page = rig.again(page)
    assert "were lost" not in page.texts()
    events = list(page.table_named("What happened to our tasks")["event"])
    assert sorted(events[:2]) == ["added again", "added again"]
    assert sorted(events[2:4]) == ["lost by the scheduler"] * 2


def test_a_lost_task_can_be_forgotten(rig: Rig) -> None:
    rig.add("get_products", HOUR, "day")
    rig.post("reset")
    rig.poll()
    page = rig.open()
    assert "1 task was lost" in page.texts()
    page.click("forget_lost_tasks")
    assert "was lost" not in rig.again(page).texts()
    assert rig.names() == []


def test_what_ran_before_the_scheduler_was_reset_can_still_be_read(rig: Rig) -> None:
    missed_one(rig)
    rig.sandbox.scheduler.set_speed(50)
    rig.post("reset")
    rig.poll()
    page = rig.open()
    assert "Nothing has been due since the clock was set back on" in page.texts()
    assert list(page.table_named("Expected callbacks, task by task")["expected"]) == [4, 4]
    assert len(page.table_named("Expected callbacks, newest first")) == 8


def test_a_clock_that_stands_still_is_said_with_who_may_hold_it(rig: Rig) -> None:
    rig.add("get_products", HOUR, "day")
    going_on = threading.Event()
    rig.callbacks.before_answer = lambda: going_on.wait(30)
    rig.sandbox.scheduler.set_speed(3600)
    ticking = threading.Thread(target=rig.sandbox.scheduler.tick)
    ticking.start()
    try:
        until(lambda: not rig.sandbox.scheduler.tasks())
        until(lambda: rig.app.monitor.poll() and rig.app.monitor.snapshot().holding)
        page = Page.open(rig.app, "scheduler")
        assert "Standing still" in page.texts()
        assert "The clock has been standing still since" in page.texts()
        assert "Our task **get\\_products**, due on" in page.texts()
        assert face(page)["standing"] is True
    finally:
        going_on.set()
        ticking.join()
        rig.callbacks.before_answer = lambda: None


def test_an_absurd_clock_breaks_nothing(tmp_path: Path) -> None:
    body = (CASES / "absurd-clock-info.json").read_bytes()
    with captured_scheduler(is_older=False, clock=body) as url, opened(url, tmp_path) as app:
        app.monitor.poll()
        page = Page.open(app, "scheduler")
        assert shown_at(page) == datetime(2019, 1, 7, 1)
        assert face(page)["standing"] is True
        assert face(page)["step_ms"] == 0
        assert listed(page) == ["get_products"] * 4


def test_a_speed_is_typed_with_a_comma_or_a_point_in_both_languages(rig: Rig) -> None:
    for locale, text in (("en-GB", "0,5"), ("fr-FR", "0.5"), ("fr-FR", "0,5"), ("en-GB", "0.5")):
        rig.set_speed(50)
        page = rig.open(locale=locale).click("set_speed")
        page.at.text_input(key="clock_speed").set_value(text).run()
        page.click("confirm_set_speed")
        assert rig.sandbox.scheduler.info()[1] == 0.5


def test_a_speed_that_is_none_is_refused_and_changes_nothing(rig: Rig) -> None:
    page = rig.open().click("set_speed")
    page.at.text_input(key="clock_speed").set_value("0").run()
    assert "It takes a number from 0.001 to 1,000,000,000." in page.sound().texts()
    page.click("confirm_set_speed")
    assert rig.sandbox.scheduler.info()[1] == 50


# The form


def preview(page: Page) -> Any:
    (table,) = page.at.table
    return table.value


def test_the_form_begins_at_the_next_sensible_moment(rig: Rig) -> None:
    at = rig.open().at.session_state["task_time"]
    assert HOUR <= at - rig.now <= HOUR + timedelta(minutes=3)
    assert at.second == 0
    rig.set_speed(3600)  # half a minute of real time is 30 hours
    page = rig.open()
    assert page.at.session_state["task_time"] - rig.now >= 30 * HOUR


def test_a_suggestion_that_the_clock_has_overtaken_is_made_anew(rig: Rig) -> None:
    page = rig.open()
    rig.tick(100)
    page = rig.again(page)
    assert page.at.session_state["task_time"] > rig.now
    assert "is not later than the clock" not in page.texts()


def test_the_next_five_times_are_shown_in_both_clocks(rig: Rig) -> None:
    page = fill(rig.open(), at=rig.now.replace(second=0) + DAY, recurrence=Recurrence.HOUR)
    table = preview(page)
    assert len(table) == 5
    simulated, real = table.columns
    assert simulated == "Runs at (simulated)"
    assert real == "In real time (Paris)"
    assert list(table[simulated])[1] == (rig.now + DAY + HOUR).strftime("%-d %b %Y, %H:%M")
    assert 28 * 60 < seconds_to(list(table[real])[0]) < 29 * 60
    assert "First run: in 28 min" in page.texts()
    assert len(preview(fill(page, recurrence=Recurrence.NONE))) == 1
    rig.sandbox.scheduler.pause()
    rig.tick()
    assert list(preview(rig.again(page))[real]) == ["clock paused"]


def test_a_task_behind_the_clock_is_refused_before_and_after_one_tries(rig: Rig) -> None:
    page = fill(rig.open(), at=rig.now - DAY)
    assert "the scheduler would refuse it" in page.texts()
    page.click("add_task")
    assert "is not ahead of the simulated clock" in page.texts()
    assert not rig.names()


def test_a_task_that_may_come_too_late_is_warned_of(rig: Rig) -> None:
    rig.set_speed(3600)
    page = fill(rig.open(), at=rig.now + 4 * HOUR / 4)
    assert "may arrive too late" in page.texts()
    assert "may arrive too late" not in fill(page, at=rig.now + 5 * DAY).texts()


def test_a_task_that_is_there_already_is_warned_of(rig: Rig) -> None:
    at = rig.now.replace(second=0) + DAY
    rig.add("get_products", at - rig.now, "day")
    page = fill(rig.open(), at=at)
    assert "get\\_products is already scheduled at this time" in page.texts()
    page = fill(page, at=at + HOUR, recurrence=Recurrence.DAY)
    assert "get\\_products is already scheduled, every day" in page.texts()
    assert "is already scheduled" not in fill(page, recurrence=Recurrence.WEEK).texts()
    page = fill(page, app="crm", recurrence=Recurrence.DAY)
    assert "is already scheduled" not in page.texts()


def test_a_recurrence_shorter_than_a_fetch_is_warned_of(rig: Rig) -> None:
    rig.app.request_sync("products", actor=LOCAL_OPERATOR, trigger=Trigger.MANUAL).wait(10)
    page = fill(rig.open(), recurrence=Recurrence.MINUTE)
    assert "the last fetch took" not in page.texts()
    rig.set_speed(1_000_000)
    page = rig.again(page)
    assert "Every minute at 1,000,000 × is every" in page.texts()
    assert "the last fetch took" in page.texts()


def test_an_added_task_is_said_as_the_scheduler_stored_it_and_can_be_taken_back(rig: Rig) -> None:
    at = rig.now.replace(second=0) + DAY
    page = fill(rig.open(), app="crm", at=at, recurrence=Recurrence.WEEK).click("add_task")
    (task,) = rig.sandbox.scheduler.tasks()
    assert (task.name, task.time, task.recurrence) == ("get_customers", at, "week")
    assert "Stored by the scheduler: get\\_customers" in page.texts()
    assert "every week" in page.texts()
    assert "is already scheduled" not in page.texts()
    assert listed(page) == ["get_customers"]
    page.click("undo_add_task")
    assert not rig.names()
    assert "Undone: 1 task deleted." in page.texts()
    assert "undo_add_task" not in page.buttons()


def test_taking_back_leaves_others_of_the_same_name(rig: Rig) -> None:
    rig.add("get_products", HOUR, "day")
    page = fill(rig.open(), at=rig.now + DAY).click("add_task")
    page.click("undo_add_task")
    assert [task.recurrence for task in rig.sandbox.scheduler.tasks()] == ["day"]


def test_what_has_fired_cannot_be_taken_back(rig: Rig) -> None:
    page = fill(rig.open(), at=rig.now + HOUR).click("add_task")
    assert "undo_add_task" in page.buttons()
    rig.set_speed(2 * 3600)
    page.at.session_state["_scheduler_changed_at"] = None
    assert "undo_add_task" not in rig.again(page).buttons()


def test_an_added_task_whose_answer_fails_is_told_and_leaves_the_form(rig: Rig) -> None:
    page = rig.open()
    rig.app.gateway.base_url = "http://127.0.0.1:9"
    page.click("add_task")
    assert "The scheduler did not make the change" in page.texts()
    assert "add_task" in page.buttons()


# Did it run?


def test_before_the_first_callback_the_page_says_what_will_be_there(rig: Rig) -> None:
    assert "Nothing has been due yet." in rig.open().texts()


def missed_one(rig: Rig) -> None:
    """Schedule two hourly tasks: three callbacks of each arrive, but not the last of products."""
    rig.set_speed(3600)
    rig.add("get_products", timedelta(minutes=30), "hour")
    rig.add("get_customers", timedelta(minutes=40), "hour")
    rig.tick(3)
    rig.poll_after_grace()
    rig.callbacks.store = None
    rig.sandbox.app_url = None
    rig.tick()
    rig.poll_after_grace()


def test_promised_and_received_are_counted_task_by_task_and_drawn(rig: Rig) -> None:
    missed_one(rig)
    page = rig.open()
    summary = page.table_named("Expected callbacks, task by task")
    assert list(summary["task"]) == ["get_customers", "get_products"]
    assert list(summary["expected"]) == [4, 4]
    assert list(summary["on_time"] + summary["late"]) == [3, 3]
    assert list(summary["missed"]) == [1, 1]
    assert len(page.table_named("Expected callbacks, newest first")) == 8
    (chart,) = page.at.get("vega_lite_chart")
    assert chart.proto.alt.startswith("8 expected: ")
    assert "2 missed" in chart.proto.alt
    page.at.segmented_control(key="expected_window").set_value("hour").run()
    # On a slow machine the last simulated hour has passed by now, and no table is left.
    shown = [one for one in page.sound().at.dataframe if one.proto.alt.endswith("newest first")]
    assert sum(len(one.value) for one in shown) < 8


def test_every_page_warns_while_a_recurring_task_is_missed_and_leads_to_it(rig: Rig) -> None:
    missed_one(rig)
    page = rig.open("overview")
    for name in ("overview", "products", "customers", "activity"):
        page.at.switch_page(f"{name}.py").run()
        assert page.sound().at.title[0].value.lower() == name
        assert "2 recurring tasks were missed" in page.texts()
        assert "**get\\_products**, every hour: was due on" in page.texts()
        assert "See expected callbacks" in links(page)


def test_the_warning_goes_away_by_itself(rig: Rig) -> None:
    page = rig.open()
    assert "missed" not in page.texts()
    missed_one(rig)
    assert "2 recurring tasks were missed" in rig.again(page).texts()
    assert "See expected callbacks" not in links(page)
    rig.callbacks.store = rig.app.store
    rig.sandbox.app_url = rig.callbacks.url
    rig.tick()
    rig.poll_after_grace()
    assert "were missed" not in rig.again(page).texts()


def test_a_task_that_runs_as_promised_raises_no_alarm(rig: Rig) -> None:
    rig.set_speed(3600)
    rig.add("get_products", timedelta(minutes=30), "hour")
    rig.tick(3)
    rig.poll_after_grace()
    page = rig.open()
    assert not page.at.warning
    assert list(page.table_named("Expected callbacks, task by task")["missed"]) == [0]


def test_what_was_missed_can_be_fetched_at_once_or_put_out_of_sight(rig: Rig) -> None:
    missed_one(rig)
    page = rig.open("overview")
    page.click("fetch_missed_customers")
    until(lambda: rig.app.store.last_run("customers") is not None)
    run = rig.app.store.last_run("customers")
    assert run is not None
    assert run.trigger is Trigger.MANUAL

    page.click("missed_seen")
    assert "were missed" not in rig.again(page).texts()
    assert rig.app.monitor.missed_now()
    dismissed = rig.app.store.list_audit(action=AuditAction.ALERT_DISMISSED)
    assert {one.details["code"] for one in dismissed} == {"callbacks_missed"}


# Languages, and the real scheduler's answers


def test_the_page_speaks_french(rig: Rig) -> None:
    missed_one(rig)
    page = rig.open(locale="fr-FR")
    said = labels(page)
    assert said["add_task"] == "Ajouter une tâche"
    assert said["pause_clock"] == "Mettre en pause"
    assert said["run_tasks"] == "Lancer maintenant"
    assert "2 tâches récurrentes ont été manquées" in page.texts()
    assert face(page)["locale"] == "fr-FR"
    assert list(page.table_named("Tâches programmées")["recurrence"]) == ["toutes les heures"] * 2


@contextmanager
def captured_scheduler(*, is_older: bool, clock: bytes | None = None) -> Iterator[str]:
    """Run a gateway before a scheduler that answers what the real one did."""
    bodies = {
        "/clock/info": (WIRE / "scheduler.clock-info.json").read_bytes(),
        "/schedule/json": (WIRE / "scheduler.schedule-json.json").read_bytes(),
        "/schedule/list": (WIRE / "scheduler.schedule-list.html").read_bytes(),
    }
    if clock is not None:
        bodies["/clock/info"] = clock
    if is_older:
        del bodies["/schedule/json"]
        bodies["/clock/info"] = b'["09/01/2019-07:55:50", "50", "False"]'

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            body = bodies.get(self.path)
            self.send_response(200 if body is not None else 404)
            body = body or b"<html>Not Found</html>"
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, format: str, *args: Any) -> None:
            """Do not log."""

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    thread = threading.Thread(target=server.serve_forever, args=(0.01,))
    thread.start()
    try:
        yield f"http://127.0.0.1:{server.server_port}"
    finally:
        server.shutdown()
        server.server_close()
        thread.join(5)


@pytest.mark.parametrize("is_older", [False, True])
def test_both_revisions_of_the_real_scheduler_are_shown(is_older: bool, tmp_path: Path) -> None:
    with captured_scheduler(is_older=is_older) as url, opened(url, tmp_path) as app:
        app.monitor.poll()
        page = Page.open(app, "scheduler")
        assert timedelta() <= shown_at(page) - datetime(2019, 1, 9, 7, 55, 50) < 2 * HOUR
        assert listed(page) == ["get_products"] * 4
        recurrences = ["every minute", "every hour", "every day", "every week"]
        assert listed(page, "recurrence") == recurrences
        assert {"run_tasks", "edit_task", "delete_tasks"} <= page.buttons()
        assert set(listed(page, "target")) == {"e-commerce: ecommerce/add-auto"}


@pytest.mark.parametrize(
    ("form", "said"),
    [
        (ListForm.OLDEST_TABLE, "its list gives only time, URL and recurrence"),
        (ListForm.URL_TABLE, "its list gives URLs without applications"),
    ],
)
def test_an_old_scheduler_is_named_and_what_works_with_it_works(
    form: ListForm, said: str, tmp_path: Path
) -> None:
    with OldScheduler(form, speed=50) as old, opened(old.url, tmp_path) as app:
        app.monitor.poll()
        page = fill(Page.open(app, "scheduler"), at=datetime(2019, 1, 8, 10))
        page.click("add_task")
        assert "Stored by the scheduler: get\\_products" in page.texts()
        assert [task.name for task in old.listed] == ["get_products"]
        app.monitor.poll()
        page.at.run()
        assert said in page.texts()  # of a list of URLs alone, its first entry tells
        assert listed(page, "source") == ["ours"]
        assert ("edit_task" in page.buttons()) is (form is ListForm.URL_TABLE)
        page = choose(page, "get_products · once · 8 Jan 2019, 10:00").click("delete_tasks")
        page.click("confirm_delete_tasks")
        assert old.listed == []
        for _ in range(3):
            app.monitor.poll()
        assert app.monitor.snapshot().lost_tasks == ()
