"""The companion's routes over real HTTP, with the application and peers behind them."""

from __future__ import annotations

import asyncio
import logging
import sqlite3
import threading
import time
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from ecommerce_core.application import Application
from ecommerce_core.companion import Companion
from ecommerce_core.datasets import DATASETS
from ecommerce_core.domain import (
    ClockReading,
    Delivery,
    EcommerceError,
    Fact,
    Outcome,
    RunStatus,
    StoreBusy,
    SyncStopped,
    Trigger,
)
from ecommerce_core.domain.access import LOCAL_OPERATOR
from ecommerce_core.scheduler.tokens import make_token
from ecommerce_core.settings import Settings
from tests.support.companion_server import (
    CUSTOMERS_CALLBACK,
    PRODUCTS_CALLBACK,
    Served,
    read_all,
    with_a_page,
)
from tests.support.peers import Peers, products
from tests.support.waiting import until

JSON = {"Accept": "application/json"}
ASYNC = {"Prefer": "respond-async"}
NEW_SECRET, OLD_SECRET = "a new secret of some length", "an old secret of some length"


@pytest.fixture
def server(application: Application, peers: Peers) -> Iterator[Served]:
    peers.serve_products(products(30))
    peers.serve_customers([])
    peers.bodies["scheduler"] = b'["07/01/2019-01:23:20", 50, false]'
    companion = Companion(DATASETS.values(), body_timeout_s=0.4)
    app = with_a_page(companion.routes())
    app.user_middleware.append(companion.guard(application.settings))
    companion.attach(application)
    with Served(app) as running:
        yield running
    application.stop()
    companion.close()


@pytest.fixture
def deliveries(application: Application) -> Callable[[int], list[Delivery]]:
    def journalled(count: int) -> list[Delivery]:
        until(lambda: len(application.store.list_deliveries()) >= count)
        found = application.store.list_deliveries(limit=2_000)
        assert len(found) == count
        return found

    return journalled


Journalled = Callable[[int], list[Delivery]]


def test_a_callback_answers_done_when_its_sync_is_committed(
    server: Served, application: Application, deliveries: Journalled
) -> None:
    answer = server.ask("POST", PRODUCTS_CALLBACK)

    assert (answer.status, answer.text.splitlines()[0]) == (200, "Done")
    assert application.store.totals(DATASETS["products"]).current == 30
    [delivery] = deliveries(1)
    assert delivery.outcome is Outcome.EXECUTED
    assert (delivery.dataset, delivery.task_name) == ("products", "get_products")
    assert str(delivery.simulated_at) == "2019-01-07 01:23:20"
    run = application.store.run(delivery.run_id or 0)
    assert run is not None
    assert (run.trigger, run.task_name) == (Trigger.CALLBACK, "get_products")


def test_each_dataset_has_a_callback_of_its_own(server: Served, application: Application) -> None:
    assert server.ask("POST", CUSTOMERS_CALLBACK).status == 200

    assert application.store.last_run("customers") is not None
    assert application.store.last_run("products") is None


def test_who_asks_for_json_gets_json(server: Served) -> None:
    answer = server.ask("POST", PRODUCTS_CALLBACK, headers=JSON)

    assert answer.headers["content-type"] == "application/json"
    assert answer.json["counts"]["added"] == 30
    assert {**answer.json, "counts": None} == {
        "status": "succeeded",
        "dataset": "products",
        "run_id": 1,
        "joined": False,
        "counts": None,
        "error": None,
        "code": None,
        "details": {},
    }


@pytest.mark.parametrize(
    ("accept", "content_type"),
    [
        ("*/*", "text/plain; charset=utf-8"),
        ("image/png", "text/plain; charset=utf-8"),
        ("application/json;q=0.1, text/plain", "text/plain; charset=utf-8"),
        ("application/json;q=0", "text/plain; charset=utf-8"),
        ("application/json;q=nonsense", "text/plain; charset=utf-8"),
        ("text/html, application/xhtml+xml, */*;q=0.8", "text/plain; charset=utf-8"),
        ("text/plain;q=0.5, APPLICATION/JSON", "application/json"),
        ("application/json, text/plain, */*", "application/json"),
    ],
)
def test_the_form_of_an_answer_follows_the_weights_in_accept(
    server: Served, accept: str, content_type: str
) -> None:
    answer = server.ask("POST", PRODUCTS_CALLBACK, headers={"Accept": accept})

    assert answer.headers["content-type"] == content_type


@pytest.mark.parametrize("method", ["GET", "HEAD", "PUT", "DELETE", "PATCH", "OPTIONS", "TRACE"])
def test_another_method_than_post_gets_405_and_runs_nothing(
    server: Served, application: Application, method: str
) -> None:
    answer = server.ask(method, PRODUCTS_CALLBACK)

    assert (answer.status, answer.headers["allow"]) == (405, "POST")
    assert application.store.list_runs() == []


@pytest.mark.parametrize("name", ["healthz", "metrics", "openapi.json"])
def test_what_is_to_be_read_takes_get_and_head_only(server: Served, name: str) -> None:
    path = f"/ecommerce/{name}"
    read, headed = server.ask("GET", path), server.ask("HEAD", path)
    posted = server.ask("POST", path, body=b"x" * 100)

    assert (read.status, headed.status) == (200, 200)
    assert (bool(read.body), headed.body) == (True, b"")
    assert int(headed.headers["content-length"]) > 0
    assert (posted.status, posted.headers["allow"]) == (405, "GET, HEAD")
    assert posted.headers["connection"] == "close"


def test_answers_are_neither_stored_nor_sniffed(server: Served) -> None:
    for answer in (server.ask("POST", PRODUCTS_CALLBACK), server.ask("GET", "/ecommerce/healthz")):
        assert answer.headers["cache-control"] == "no-store"
        assert answer.headers["x-content-type-options"] == "nosniff"


def test_the_root_leads_to_the_overview(server: Served) -> None:
    answer = server.ask("GET", "/")

    assert (answer.status, answer.headers["location"]) == (307, "ecommerce/")


def test_a_body_of_64_kib_is_taken(server: Served) -> None:
    assert server.ask("POST", PRODUCTS_CALLBACK, body=b"x" * 65_536).status == 200


def test_a_body_that_announces_too_much_is_refused_before_it_is_sent(
    server: Served, application: Application, deliveries: Journalled
) -> None:
    head = f"POST {PRODUCTS_CALLBACK} HTTP/1.1\r\nHost: localhost\r\nContent-Length: 65537\r\n\r\n"
    with server.connect(head.encode()) as connection:
        answer = connection.recv(65_536)

    assert answer.startswith(b"HTTP/1.1 413 ")
    [delivery] = deliveries(1)
    assert (delivery.outcome, delivery.task_name) == (Outcome.REFUSED, None)
    assert application.store.list_runs() == []


def test_a_body_that_announces_nothing_is_refused_at_the_limit(
    server: Served, deliveries: Journalled
) -> None:
    answer = server.ask("POST", PRODUCTS_CALLBACK, body=(b"x" * 8_192 for _ in range(200)))

    assert answer.status == 413
    assert deliveries(1)[0].reason == Fact("body_too_long", {"count": 65_536})


def test_a_caller_that_sends_50_mb_hears_why_it_is_refused(server: Served) -> None:
    answer = server.ask("POST", PRODUCTS_CALLBACK, body=b"x" * 50_000_000, headers=JSON)

    assert answer.headers["content-type"] == "application/problem+json"
    assert (answer.status, answer.json["status"]) == (413, 413)
    assert answer.json["title"] == "Request Entity Too Large"


def test_a_body_that_drips_is_cut_off(server: Served, deliveries: Journalled) -> None:
    head = f"POST {PRODUCTS_CALLBACK} HTTP/1.1\r\nHost: localhost\r\nContent-Length: 5000\r\n\r\n"
    began = time.monotonic()
    with server.connect(head.encode()) as connection:
        dripping = threading.Event()

        def drip() -> None:
            while not dripping.wait(0.05):
                try:
                    connection.sendall(b"x")
                except OSError:
                    return

        thread = threading.Thread(target=drip)
        thread.start()
        answer = connection.recv(65_536)
        dripping.set()
        thread.join()

    assert answer.startswith(b"HTTP/1.1 408 ")
    assert time.monotonic() - began < 3
    assert deliveries(1)[0].outcome is Outcome.REFUSED


def test_a_caller_that_hangs_up_in_mid_body_is_journalled(
    server: Served, application: Application, deliveries: Journalled
) -> None:
    head = f"POST {PRODUCTS_CALLBACK} HTTP/1.1\r\nHost: localhost\r\nContent-Length: 50\r\n\r\nxx"
    server.connect(head.encode()).close()

    assert deliveries(1)[0].reason == Fact("caller_hung_up")
    assert application.store.list_runs() == []


def test_a_caller_that_hangs_up_while_it_waits_cancels_nothing(
    server: Served, peers: Peers, application: Application, deliveries: Journalled
) -> None:
    peers.gate.clear()
    head = f"POST {PRODUCTS_CALLBACK} HTTP/1.1\r\nHost: localhost\r\nContent-Length: 0\r\n\r\n"
    with server.connect(head.encode()):
        until(lambda: peers.asked["catalogue-produit"])
    peers.gate.set()

    assert deliveries(1)[0].outcome is Outcome.EXECUTED
    assert application.store.totals(DATASETS["products"]).current == 30


def test_a_peer_that_fails_is_502_with_the_reason(
    server: Served, peers: Peers, deliveries: Journalled
) -> None:
    peers.bodies["catalogue-produit"] = b"<html>not json</html>"
    text = server.ask("POST", PRODUCTS_CALLBACK)
    problem = server.ask("POST", PRODUCTS_CALLBACK, headers=JSON)

    assert text.status == problem.status == 502
    assert "catalogue-produit sent something that is not JSON" in text.text
    assert problem.headers["content-type"] == "application/problem+json"
    assert problem.json["run_status"] == "failed"
    assert problem.json["run_id"] == 2
    assert {delivery.outcome for delivery in deliveries(2)} == {Outcome.FAILED}
    reason = deliveries(2)[0].reason
    assert reason is not None
    assert problem.json["detail"] == problem.json["error"] == str(reason)
    assert (problem.json["code"], problem.json["details"]["peer"]) == (
        "answer_not_json",
        "catalogue-produit",
    )
    assert reason.code == "answer_not_json"


def test_a_held_run_is_accepted_but_not_done(
    server: Served, peers: Peers, deliveries: Journalled
) -> None:
    server.ask("POST", PRODUCTS_CALLBACK)
    peers.serve_products(products(3))
    answer = server.ask("POST", PRODUCTS_CALLBACK)
    as_json = server.ask("POST", PRODUCTS_CALLBACK, headers=JSON)

    assert (answer.status, answer.text[:5]) == (202, "Held:")
    assert answer.headers["location"] == "/ecommerce/activity?run=2"
    assert as_json.json["status"] == "held"
    assert deliveries(3)[1].outcome is Outcome.EXECUTED


@pytest.mark.parametrize(
    ("error", "told"),
    [
        (
            StoreBusy("store_in_use", path="/var/secret/ecommerce.db"),
            "another process holds the database",
        ),
        (SyncStopped("stopping"), "the application is shutting down"),
    ],
)
def test_what_we_cannot_do_now_is_503_with_a_time_to_come_back(
    server: Served,
    application: Application,
    deliveries: Journalled,
    error: EcommerceError,
    told: str,
) -> None:
    def refuse(*_: object, **__: object) -> Any:
        raise error

    application.request_sync = refuse  # type: ignore[method-assign]
    answer = server.ask("POST", PRODUCTS_CALLBACK)

    assert (answer.status, answer.headers["retry-after"]) == (503, "5")
    assert told in answer.text
    assert "/var" not in answer.text
    [delivery] = deliveries(1)
    assert (delivery.outcome, delivery.reason) == (Outcome.FAILED, error.fact)


def test_a_database_that_fails_in_mid_run_is_503(server: Served, application: Application) -> None:
    with sqlite3.connect(application.store.path) as direct:
        direct.execute("DROP TABLE product")
    answer = server.ask("POST", PRODUCTS_CALLBACK)

    assert answer.status == 503
    assert str(application.store.path) not in answer.text


def test_an_error_that_nobody_foresaw_is_logged_once_and_told_without_details(
    server: Served,
    application: Application,
    deliveries: Journalled,
    monkeypatch: pytest.MonkeyPatch,
    caplog: pytest.LogCaptureFixture,
) -> None:
    def fail(*_: object, **__: object) -> Any:
        raise ZeroDivisionError("a detail with a secret")

    monkeypatch.setattr(application, "request_sync", fail)
    with caplog.at_level(logging.INFO, logger="ecommerce_core.companion.http.endpoint"):
        answer = server.ask("POST", PRODUCTS_CALLBACK)

    assert answer.status == 500
    assert answer.text == (
        "Internal Server Error: something went wrong on our side; it is in the log\n"
    )
    said = [
        record
        for record in caplog.records
        if record.name == "ecommerce_core.companion.http.endpoint"
    ]
    assert [record.levelname for record in said] == ["ERROR"]
    assert deliveries(1)[0].reason == Fact("unforeseen_error", {"kind": "ZeroDivisionError"})


def test_who_prefers_not_to_wait_gets_the_runs_number_at_once(
    server: Served, peers: Peers, deliveries: Journalled
) -> None:
    peers.gate.clear()
    answer = server.ask("POST", PRODUCTS_CALLBACK, headers={"Prefer": "wait=5, Respond-Async"})

    assert (answer.status, answer.text) == (202, "Accepted\nrun 1\n")
    assert answer.headers["preference-applied"] == "respond-async"
    assert answer.headers["location"] == "/ecommerce/activity?run=1"
    peers.gate.set()
    [delivery] = deliveries(1)
    assert (delivery.outcome, delivery.run_id) == (Outcome.EXECUTED, 1)


def test_a_run_that_has_no_number_yet_is_accepted_without_one(
    server: Served, peers: Peers, deliveries: Journalled
) -> None:
    peers.gate.clear()
    server.ask("POST", PRODUCTS_CALLBACK, headers=ASYNC)
    began = time.monotonic()
    first = server.ask("POST", PRODUCTS_CALLBACK, headers=ASYNC | JSON)
    second = server.ask("POST", PRODUCTS_CALLBACK, headers=ASYNC)
    took_s = time.monotonic() - began
    peers.gate.set()

    assert first.json["run_id"] is None
    assert (first.json["status"], first.json["joined"]) == ("accepted", False)
    assert first.headers["location"] == "/ecommerce/activity"
    assert (second.status, second.text) == (202, "Accepted\nthe run waits for its turn\n")
    assert took_s < 3
    assert [delivery.outcome for delivery in deliveries(3)].count(Outcome.JOINED) == 1


def test_a_run_that_fails_after_202_is_journalled_as_failed(
    server: Served, peers: Peers, deliveries: Journalled
) -> None:
    del peers.bodies["catalogue-produit"]

    assert server.ask("POST", PRODUCTS_CALLBACK, headers=ASYNC).status == 202
    assert deliveries(1)[0].outcome is Outcome.FAILED


def test_a_storm_of_1000_callbacks_costs_two_fetches_and_all_are_answered(
    server: Served, peers: Peers, application: Application, monkeypatch: pytest.MonkeyPatch
) -> None:
    request = (
        f"POST {PRODUCTS_CALLBACK} HTTP/1.1\r\nHost: localhost\r\n"
        "Content-Length: 0\r\nConnection: close\r\n\r\n"
    ).encode()
    asked = []
    request_sync = application.request_sync

    def count(*args: Any, **kwargs: Any) -> Any:
        asked.append(1)
        return request_sync(*args, **kwargs)

    async def call() -> bytes:
        reader, writer = await asyncio.open_connection("127.0.0.1", server.port)
        writer.write(request)
        answer = await reader.read()
        writer.close()
        return answer

    async def storm() -> list[bytes]:
        calls = [asyncio.create_task(call()) for _ in range(1_000)]
        await asyncio.to_thread(until, lambda: len(asked) == 1_000, timeout_s=20)
        peers.gate.set()
        return await asyncio.gather(*calls)

    monkeypatch.setattr(application, "request_sync", count)
    peers.gate.clear()
    answers = asyncio.run(storm())

    assert {answer.split(b"\r\n")[0] for answer in answers} == {b"HTTP/1.1 200 OK"}
    assert all(b"\r\n\r\nDone\n" in answer for answer in answers)
    assert peers.asked["catalogue-produit"] == 2
    until(lambda: len(application.store.list_deliveries(limit=2_000)) == 1_000)
    outcomes = [delivery.outcome for delivery in application.store.list_deliveries(limit=2_000)]
    assert (outcomes.count(Outcome.EXECUTED), outcomes.count(Outcome.JOINED)) == (2, 998)


def test_a_scheduler_that_hangs_delays_neither_the_sync_nor_the_answer(
    server: Served,
    application: Application,
    deliveries: Journalled,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    release = threading.Event()

    def hang() -> ClockReading:
        release.wait(10)
        return ClockReading(clock=None, read_at=None, error=Fact("peer_silent"))

    monkeypatch.setattr(application.scheduler, "fetch_reading", hang)
    began = time.monotonic()
    for _ in range(20):
        assert server.ask("POST", PRODUCTS_CALLBACK).status == 200
    assert time.monotonic() - began < 9  # it hangs for ten
    assert server.ask("GET", "/ecommerce/healthz").status == 200
    release.set()

    assert {delivery.simulated_at for delivery in deliveries(20)} == {None}


def test_a_callback_is_answered_at_the_commit_and_waits_for_no_reader(
    server: Served,
    application: Application,
    deliveries: Callable[[int], list[Delivery]],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    publish, gate = application.snapshots.publish, threading.Event()

    def publish_late(*args: Any, **more: Any) -> None:
        assert gate.wait(20)
        publish(*args, **more)

    monkeypatch.setattr(application.snapshots, "publish", publish_late)
    answer = server.ask("POST", PRODUCTS_CALLBACK)

    assert answer.status == 200
    assert [each.outcome for each in deliveries(1)] == [Outcome.EXECUTED]
    assert application.progress("products") is not None
    gate.set()
    until(lambda: application.reader.totals(DATASETS["products"]).current == 30)
    until(lambda: application.progress("products") is None)


@pytest.fixture
def settings(tmp_path: Path, request: pytest.FixtureRequest) -> Settings:
    settings = Settings(database=tmp_path / "data" / "ecommerce.db", timeout_s=5, deadline_s=20)
    if "token" not in request.node.name:
        return settings
    return replace(settings, callback_secrets=(NEW_SECRET, OLD_SECRET))


def token(secret: str, url: str = PRODUCTS_CALLBACK, app_name: str = "e-commerce") -> bytes:
    return make_token(secret, app_name=app_name, url=url).encode()


@pytest.mark.parametrize("secret", [NEW_SECRET, OLD_SECRET])
def test_a_token_of_either_secret_is_taken_each_time_it_comes(server: Served, secret: str) -> None:
    for _ in range(2):
        assert server.ask("POST", PRODUCTS_CALLBACK, body=token(secret) + b"\n").status == 200


@pytest.mark.parametrize(
    "body",
    [
        b"",
        b"\xff\xfe\x00",
        token("another secret of some length"),
        token(NEW_SECRET)[:-1] + b"!",
        token(NEW_SECRET, CUSTOMERS_CALLBACK),
        token(NEW_SECRET, app_name="shop"),
        b"x" * 65_536,
    ],
)
def test_without_a_valid_token_a_callback_is_refused_and_runs_nothing(
    server: Served, application: Application, deliveries: Journalled, body: bytes
) -> None:
    answer = server.ask("POST", PRODUCTS_CALLBACK, body=body)

    assert answer.status == 403
    assert NEW_SECRET not in answer.text
    assert application.store.list_runs() == []
    [delivery] = deliveries(1)
    assert delivery.outcome is Outcome.REFUSED
    assert delivery.reason == Fact("task_token_wrong" if body else "task_token_missing")


def test_a_post_from_another_sites_page_is_refused_and_journalled(
    server: Served, application: Application, deliveries: Journalled
) -> None:
    answer = server.ask("POST", PRODUCTS_CALLBACK, headers={"Origin": "https://evil.example"})

    assert answer.status == 403
    assert application.store.list_runs() == []
    told = {"header": "Origin", "said": "'https://evil.example'"}
    assert deliveries(1)[0].reason == Fact("other_site", told)


def test_health_is_degraded_and_still_200_while_a_fetch_has_failed(
    server: Served, peers: Peers
) -> None:
    del peers.bodies["crm"]
    server.ask("POST", PRODUCTS_CALLBACK)
    server.ask("POST", CUSTOMERS_CALLBACK)
    answer = server.ask("GET", "/ecommerce/healthz")

    assert answer.status == 200
    assert answer.json["status"] == "degraded"
    [alert] = answer.json["alerts"]
    assert (alert["code"], alert["severity"]) == ("fetch_failed", "critical")
    assert alert["datasets"] == ["customers"]
    assert answer.json["workers"] == {"products": True, "customers": True}
    states = {name: peer["state"] for name, peer in answer.json["peers"].items()}
    assert states["catalogue-produit"] == "up"
    assert states["crm"] == "down"
    assert 0 <= answer.json["peers"]["catalogue-produit"]["last_answer_age_s"] < 10


def test_health_is_ready_while_nothing_wants_a_person(server: Served, peers: Peers) -> None:
    peers.serve_products([])
    server.ask("POST", PRODUCTS_CALLBACK)
    answer = server.ask("GET", "/ecommerce/healthz")

    assert (answer.status, answer.json["status"], answer.json["alerts"]) == (200, "ready", [])


def test_health_says_of_the_scheduler_what_its_monitor_reads(
    server: Served, application: Application, peers: Peers
) -> None:
    assert server.ask("GET", "/ecommerce/healthz").json["scheduler"] == {
        "clock": "unknown",
        "clock_age_s": None,
        "tasks": "unknown",
        "tasks_age_s": None,
        "standing_still_since": None,
        "odd_tasks": 0,
        "lost_tasks": 0,
    }
    application.monitor.poll()  # these peers answer the clock to whatever is asked
    answer = server.ask("GET", "/ecommerce/healthz").json
    assert answer["scheduler"]["clock"] == "up"
    del peers.bodies["scheduler"]
    application.monitor.poll()
    answer = server.ask("GET", "/ecommerce/healthz").json
    assert answer["scheduler"]["clock"] == "down"
    assert answer["scheduler"]["clock_age_s"] >= 0
    assert answer["peers"]["scheduler"]["state"] == "down"


def test_health_says_when_a_worker_has_stopped(server: Served, application: Application) -> None:
    application.stop()
    answer = server.ask("GET", "/ecommerce/healthz")

    assert (answer.status, answer.headers["retry-after"]) == (503, "5")
    assert answer.json["reasons"] == ["worker_stopped"]
    assert answer.json["workers"] == {"products": False, "customers": False}


def test_health_says_what_is_wrong_with_the_store_and_not_where_it_is(
    server: Served, application: Application
) -> None:
    application.store.path.write_bytes(b"garbage" * 1_000)
    answer = server.ask("GET", "/ecommerce/healthz")

    assert answer.status == 503
    assert (answer.json["store"], answer.json["reasons"]) == ("damaged", ["store_damaged"])
    assert str(application.store.path) not in answer.text


def test_many_who_ask_for_health_at_once_share_one_look(
    server: Served, application: Application, monkeypatch: pytest.MonkeyPatch
) -> None:
    looks = []
    release = threading.Event()

    def look() -> None:
        looks.append(1)
        release.wait(10)

    monkeypatch.setattr(application.store, "check_writable", look)
    request = b"GET /ecommerce/healthz HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n"
    connections = [server.connect(request) for _ in range(20)]
    until(lambda: looks)
    # The callbacks do not wait for the health checks.
    assert server.ask("POST", PRODUCTS_CALLBACK).status == 200
    release.set()
    for connection in connections:
        assert read_all(connection).startswith(b"HTTP/1.1 200 ")
        connection.close()

    assert len(looks) == 1


def test_before_there_is_an_application_and_after_it_the_routes_say_so(
    application: Application,
) -> None:
    companion = Companion(DATASETS.values())
    own_observers = list(application.run_observers)
    with Served(with_a_page(companion.routes())) as server:
        before = server.ask("POST", PRODUCTS_CALLBACK)
        companion.attach(application)
        during = server.ask("GET", "/ecommerce/healthz")
        companion.close()
        after = server.ask("GET", "/ecommerce/healthz", headers=JSON)

    assert (before.status, during.status, after.status) == (503, 200, 503)
    assert after.json["detail"] == "the application is starting or stopping"
    assert application.run_observers == own_observers


def test_a_callback_that_the_stop_ends_is_answered_and_journalled(
    application: Application, peers: Peers
) -> None:
    peers.serve_products(products(30))
    companion = Companion(DATASETS.values())
    companion.attach(application)
    request = f"POST {PRODUCTS_CALLBACK} HTTP/1.1\r\nHost: localhost\r\nContent-Length: 0\r\n\r\n"
    with Served(with_a_page(companion.routes())) as server:
        peers.gate.clear()
        with server.connect(request.encode()) as running, server.connect() as waiting:
            until(lambda: peers.asked["catalogue-produit"])
            waiting.sendall(request.encode())
            until(
                lambda: (
                    application.request_sync(
                        "products", actor=LOCAL_OPERATOR, trigger=Trigger.CLI
                    ).joined
                )
            )
            application.stop(timeout_s=0.1)
            told = waiting.recv(65_536)
            peers.gate.set()
            assert running.recv(65_536)
    companion.close()

    assert told.startswith(b"HTTP/1.1 503 ")
    journalled = application.store.list_deliveries()
    assert len(journalled) == 2
    assert Outcome.FAILED in {delivery.outcome for delivery in journalled}
    assert all(run.status is not RunStatus.RUNNING for run in application.store.list_runs())


def test_a_server_that_shuts_down_keeps_nobody_waiting_for_a_silent_peer(
    application: Application, peers: Peers
) -> None:
    companion = Companion(DATASETS.values())
    companion.attach(application)
    request = f"POST {PRODUCTS_CALLBACK} HTTP/1.1\r\nHost: localhost\r\nContent-Length: 0\r\n\r\n"
    with Served(with_a_page(companion.routes())) as server:
        peers.gate.clear()
        with server.connect(request.encode()) as running:
            until(lambda: peers.asked["catalogue-produit"])
            with server.connect(request.encode()) as waiting:
                until(
                    lambda: (
                        application.request_sync(
                            "products", actor=LOCAL_OPERATOR, trigger=Trigger.CLI
                        ).joined
                    )
                )
                companion.release()
                told = [running.recv(65_536), waiting.recv(65_536)]
        late = server.ask("POST", PRODUCTS_CALLBACK)
        companion.close()
        peers.gate.set()

    assert all(answer.startswith(b"HTTP/1.1 503 ") for answer in told)
    assert late.status == 503
    journalled = application.store.list_deliveries()
    assert [delivery.outcome for delivery in journalled] == [Outcome.FAILED] * 2
    assert {delivery.reason for delivery in journalled} == {Fact("server_stopped")}
