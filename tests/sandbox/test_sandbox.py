"""The embedded peers over real HTTP, compared with captures of the real ones."""

from __future__ import annotations

import json
import socket
import threading
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager, suppress
from datetime import datetime, timedelta
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import pytest
import requests

from ecommerce_core.sandbox import Sandbox
from ecommerce_core.sandbox.catalogue import BaseRecord, Shop
from tests.support.waiting import until

WIRE = Path(__file__).parents[1] / "wire"
TASK = {
    "target_url": "ecommerce/add-auto",
    "target_app": "e-commerce",
    "time": "07/01/2019-00:01:00",
    "recurrence": "none",
    "data": "",
    "source_app": "e-commerce",
    "name": "get_products",
}


class RecordingApp:
    """Takes the application's place: records the requests that it gets, answers when allowed."""

    def __init__(self) -> None:
        self.received: list[tuple[str, str, str]] = []
        self.seen = threading.Semaphore(0)
        self.may_answer = threading.Event()
        self.may_answer.set()
        self.answer = b"Done"
        app = self

        class Handler(BaseHTTPRequestHandler):
            def do_POST(self) -> None:
                body = self.rfile.read(int(self.headers["Content-Length"] or 0)).decode()
                app.received.append((self.path, self.headers["Host"], body))
                app.seen.release()
                app.may_answer.wait(10)
                self.send_response(200)
                self.send_header("Content-Length", str(len(app.answer)))
                with suppress(ConnectionError):
                    self.end_headers()
                    self.wfile.write(app.answer)

            def log_message(self, *_arguments: object) -> None:
                pass

        self._server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self._server.daemon_threads = True
        self.address = f"127.0.0.1:{self._server.server_port}"
        self.url = f"http://{self.address}"
        self._thread = threading.Thread(target=self._server.serve_forever, args=(0.02,))
        self._thread.start()

    def close(self) -> None:
        self.may_answer.set()
        self._server.shutdown()
        self._server.server_close()
        self._thread.join()


@pytest.fixture
def app() -> Iterator[RecordingApp]:
    recording = RecordingApp()
    yield recording
    recording.close()


@pytest.fixture(scope="module")
def shared_sandbox() -> Iterator[Sandbox]:
    with Sandbox(products=300, customers=60, speed=60, tick_s=None) as peers:
        yield peers


@pytest.fixture
def sandbox(shared_sandbox: Sandbox, app: RecordingApp) -> Iterator[Sandbox]:
    """Yield peers whose clock moves only on a tick, by a minute, and is at its start."""
    shared_sandbox.app_url = app.url
    yield shared_sandbox
    shared_sandbox.scheduler.pause()
    shared_sandbox.scheduler.set_speed(60)
    shared_sandbox.scheduler.reset()
    shared_sandbox.scheduler.tick()
    shared_sandbox.scheduler.resume()


def get(sandbox: Sandbox, peer: str, path: str) -> requests.Response:
    return requests.get(
        f"{sandbox.url}/{path}", headers={"Host": peer}, allow_redirects=False, timeout=10
    )


def post(sandbox: Sandbox, path: str, **content: Any) -> requests.Response:
    return requests.post(
        f"{sandbox.url}/{path}", headers={"Host": "scheduler"}, timeout=10, **content
    )


def capture(name: str) -> Any:
    return json.loads((WIRE / name).read_text(encoding="utf-8"))


def add(sandbox: Sandbox, **fields: object) -> None:
    answer = post(sandbox, "schedule/add", json={**TASK, **fields})
    assert (answer.status_code, answer.json()) == (200, "Task has been scheduled")


def times(sandbox: Sandbox) -> list[str]:
    return [task[0] for task in get(sandbox, "scheduler", "schedule/json").json()]


def catalogue(sandbox: Sandbox) -> dict[str, dict[str, Any]]:
    records = get(sandbox, "catalogue-produit", "api/data").json()["produits"]
    return {record["codeProduit"]: record for record in records}


@contextmanager
def ticking(sandbox: Sandbox) -> Iterator[threading.Thread]:
    """Tick in another thread, like the sandbox's own loop."""
    thread = threading.Thread(target=sandbox.scheduler.tick)
    thread.start()
    try:
        yield thread
    finally:
        thread.join(5)
        assert not thread.is_alive()


# The gateway


def test_an_unknown_host_gets_the_gateways_404(sandbox: Sandbox) -> None:
    answer = get(sandbox, "nobody", "api/data")
    assert answer.status_code == 404
    assert answer.json() == {"message": "no Route matched with those values"}


def test_the_gateways_own_address_is_no_service(sandbox: Sandbox) -> None:
    assert requests.get(f"{sandbox.url}/api/data", timeout=10).status_code == 404


def test_the_applications_host_is_rewritten_to_its_address(
    sandbox: Sandbox, app: RecordingApp
) -> None:
    answer = requests.post(
        f"{sandbox.url}/ecommerce/add-auto?a=1%2F2",
        data="é".encode(),
        headers={"Host": "e-commerce"},
        timeout=10,
    )
    assert (answer.status_code, answer.text) == (200, "Done")
    assert app.received == [("/ecommerce/add-auto?a=1%2F2", app.address, "é")]


def test_a_large_answer_of_the_application_comes_through_whole(
    sandbox: Sandbox, app: RecordingApp
) -> None:
    app.answer = bytes(range(256)) * 8000
    answer = requests.post(f"{sandbox.url}/x", data=b"", headers={"Host": "e-commerce"}, timeout=10)
    assert answer.content == app.answer


def test_an_application_that_is_down_gets_502_and_one_that_is_unknown_503(
    sandbox: Sandbox,
) -> None:
    with socket.create_server(("127.0.0.1", 0)) as closed_soon:
        port = closed_soon.getsockname()[1]
    sandbox.app_url = f"http://127.0.0.1:{port}"
    down = get(sandbox, "e-commerce", "ecommerce/")
    assert down.status_code == 502
    assert down.json() == {"message": "An invalid response was received from the upstream server"}
    sandbox.app_url = None
    assert get(sandbox, "e-commerce", "ecommerce/").status_code == 503


def test_another_application_name_can_be_served(app: RecordingApp) -> None:
    with Sandbox(tick_s=None, app_url=app.url, app_name="Shop-2") as peers:
        assert get(peers, "e-commerce", "").status_code == 404
        answer = requests.post(peers.url, headers={"Host": "shop-2"}, timeout=10)
        assert answer.status_code == 200


@pytest.mark.parametrize("url", ["127.0.0.1:8501", "ftp://a", "http://", "http://a:99999"])
def test_an_application_url_that_is_none_is_refused(url: str) -> None:
    with pytest.raises(ValueError, match=r"app_url|[Pp]ort"):
        Sandbox(app_url=url)


# catalogue-produit


def test_the_catalogue_has_the_shape_of_the_capture(sandbox: Sandbox) -> None:
    answer = get(sandbox, "catalogue-produit", "api/data")
    assert answer.headers["Content-Type"] == "application/json"
    assert int(answer.headers["Content-Length"]) == len(answer.content)
    assert "ETag" not in answer.headers
    captured = capture("catalogue-produit.api-data.json")
    body = answer.json()
    assert body.keys() == captured.keys()
    assert len(body["produits"]) == 300
    for record in body["produits"]:
        assert {name: type(value) for name, value in record.items()} == {
            name: type(value) for name, value in captured["produits"][0].items()
        }
        assert record["prix"] > 0
        assert record["quantiteMin"] >= 1
        assert record["packaging"] >= 1
    assert len({record["codeProduit"] for record in body["produits"]}) == 300
    families = {record["familleProduit"] for record in body["produits"]}
    assert {"Frigos", "Console", "TV", "Téléphonie", "Petit électroménager"} <= families


def test_one_product_is_found_by_its_id(sandbox: Sandbox) -> None:
    records = get(sandbox, "catalogue-produit", "api/data").json()["produits"]
    for record in (records[0], records[-1]):
        answer = get(sandbox, "catalogue-produit", f"api/data?id={record['id']}")
        assert answer.json() == {"produit": record}


@pytest.mark.parametrize("wanted", ["0", "301", "-1", "abc", "", "9" * 5000, "%C2%B2"])
def test_a_product_that_is_not_there_gets_404_and_an_error(sandbox: Sandbox, wanted: str) -> None:
    answer = get(sandbox, "catalogue-produit", f"api/data?id={wanted}")
    assert answer.status_code == 404
    assert list(answer.json()) == ["error"]


def test_the_later_revisions_carry_more_fields_and_no_id(sandbox: Sandbox) -> None:
    plain = catalogue(sandbox)
    listed = get(sandbox, "catalogue-produit", "api/get-all").json()["produits"]
    online = get(sandbox, "catalogue-produit", "api/get-ecommerce").json()["produits"]
    assert [record["codeProduit"] for record in listed] == list(plain)
    more = {"exclusivite", "codeProduitFournisseur", "prixFournisseur", "dateCreation"}
    for record in listed:
        same = plain[record["codeProduit"]]
        assert record.keys() == (same.keys() - {"id"}) | more
        assert all(record[name] == same[name] for name in same.keys() - {"id"})
    assert online == [record for record in listed if record["exclusivite"] != "magasin"]
    assert 0 < len(online) < len(listed)


def test_the_catalogue_stands_still_until_the_clock_has_moved_some_hours(
    sandbox: Sandbox,
) -> None:
    before = get(sandbox, "catalogue-produit", "api/data").content
    sandbox.scheduler.tick()
    assert get(sandbox, "catalogue-produit", "api/data").content == before
    sandbox.scheduler.set_speed(timedelta(hours=6).total_seconds())
    sandbox.scheduler.tick()
    after = catalogue(sandbox)
    changed = [
        code
        for code, record in after.items()
        if record["prix"] != json_records(before).get(code, record)["prix"]
    ]
    assert 0 < len(changed) < 60


def json_records(body: bytes) -> dict[str, dict[str, Any]]:
    return {record["codeProduit"]: record for record in json.loads(body)["produits"]}


def test_in_a_day_a_few_products_go_and_in_a_month_new_ones_have_come() -> None:
    with Sandbox(products=5000, speed=86400, tick_s=None) as peers:
        first = catalogue(peers)
        peers.scheduler.tick()
        next_day = catalogue(peers)
        gone = first.keys() - next_day.keys()
        assert 0 < len(gone) < 250
        for _ in range(30):
            peers.scheduler.tick()
        next_month = catalogue(peers)
    assert len(next_month.keys() - first.keys()) > 1000
    assert any(code in next_month for code in gone), "some come back"
    assert 4750 < len(next_month) <= 5000
    kept = first.keys() & next_month.keys()
    assert all(
        first[code]["descriptionProduit"] == next_month[code]["descriptionProduit"] for code in kept
    )


def test_the_data_is_a_function_of_the_seed_and_the_simulated_time() -> None:
    at = datetime(2019, 3, 1, 12)
    bodies = []
    for seed in (7, 7, 8):
        with Sandbox(products=200, customers=50, seed=seed, start_at=at, tick_s=None) as peers:
            bodies.append(
                (
                    get(peers, "catalogue-produit", "api/data").content,
                    get(peers, "crm", "api/data/").content,
                )
            )
    assert bodies[0] == bodies[1]
    assert bodies[0][0] != bodies[2][0]
    assert bodies[0][1] != bodies[2][1]
    with Sandbox(products=200, customers=50, seed=7, speed=86400, tick_s=None) as peers:
        while peers.scheduler.now() < datetime(2019, 3, 1):
            peers.scheduler.tick()
        peers.scheduler.set_speed(43200)
        peers.scheduler.tick()
        assert get(peers, "catalogue-produit", "api/data").content == bodies[0][0]


def test_an_empty_shop_answers_empty_lists() -> None:
    with Sandbox(products=0, customers=0, tick_s=None) as peers:
        assert get(peers, "catalogue-produit", "api/data").json() == {"produits": []}
        assert get(peers, "catalogue-produit", "api/get-all").json() == {"produits": []}
        assert get(peers, "catalogue-produit", "api/data?id=1").status_code == 404
        assert get(peers, "crm", "api/data/").json() == []


def test_a_body_is_encoded_once_while_nothing_moved_however_many_ask_at_once(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    encoded: list[int] = []
    records = Shop.records

    def counted(self: Shop, epoch: int) -> Iterator[BaseRecord]:
        encoded.append(epoch)
        return records(self, epoch)

    monkeypatch.setattr(Shop, "records", counted)
    with Sandbox(products=30_000, tick_s=None) as peers, ThreadPoolExecutor(4) as askers:
        answers = askers.map(
            lambda _: get(peers, "catalogue-produit", "api/data").content, range(8)
        )
        assert len(set(answers)) == 1
    assert encoded == [0]


# crm


def test_the_crm_redirects_with_301_to_the_path_with_a_slash(sandbox: Sandbox) -> None:
    answer = get(sandbox, "crm", "api/data")
    assert (answer.status_code, answer.headers["Location"]) == (301, "/api/data/")


def test_the_customers_have_the_shape_of_the_capture(sandbox: Sandbox) -> None:
    records = get(sandbox, "crm", "api/data/").json()
    captured = capture("crm.api-data.json")
    assert len(records) == 60
    assert {tuple(record) for record in records} == {tuple(captured[0])}
    for record in records:
        assert [len(part) for part in record["idClient"].split("-")] == [8, 4, 4, 4, 12]
        assert isinstance(record["fidelityPoint"], (int, float))
        assert isinstance(record["payment"], int)
    assert len({record["idClient"] for record in records}) == 60
    assert any(record["account"] == "" for record in records)
    assert any(isinstance(record["fidelityPoint"], float) for record in records)


def test_points_grow_and_customers_stay_who_they_are() -> None:
    with Sandbox(customers=300, speed=86400, tick_s=None) as peers:
        before = get(peers, "crm", "api/data/").json()
        peers.scheduler.tick()
        after = get(peers, "crm", "api/data/").json()
    assert [record["idClient"] for record in before] == [record["idClient"] for record in after]
    grown = [
        new["fidelityPoint"] - old["fidelityPoint"] for old, new in zip(before, after, strict=True)
    ]
    assert min(grown) == 0
    assert 0 < sum(growth > 0 for growth in grown) < 150


# The scheduler's answers


def test_the_list_is_the_captured_page_byte_for_byte() -> None:
    with Sandbox(start_at=datetime(2019, 1, 9, 7, 55, 50), tick_s=None) as peers:
        assert get(peers, "scheduler", "clock/info").json() == capture("scheduler.clock-info.json")
        tasks = capture("scheduler.schedule-json.json")
        for due, url, app_name, recurrence, data, name, source, _bypass in reversed(tasks):
            add(
                peers,
                time=due,
                target_url=url,
                target_app=app_name,
                recurrence=recurrence,
                data=data,
                name=name,
                source_app=source,
            )
        assert get(peers, "scheduler", "schedule/json").json() == tasks
        page = get(peers, "scheduler", "schedule/list")
        assert page.content == (WIRE / "scheduler.schedule-list.html").read_bytes()
        assert page.headers["Content-Type"].startswith("text/html")
        assert get(peers, "scheduler", "schedule/size").json() == "4"


def test_markup_in_a_task_is_escaped_in_the_list(sandbox: Sandbox) -> None:
    add(sandbox, name="<b>'x'</b>\ud800")
    page = get(sandbox, "scheduler", "schedule/list").text
    assert "&lt;b&gt;" in page
    assert "<b>" not in page


def test_the_clock_tells_its_time_alone_as_a_json_string(sandbox: Sandbox) -> None:
    assert get(sandbox, "scheduler", "clock/time").json() == "07/01/2019-00:00:00"


@pytest.mark.parametrize(
    "body",
    [
        b"",
        b"target_url=x&time=y",
        b"\xff",
        b"[" * 100_000,
        b"[]",
        json.dumps({k: v for k, v in TASK.items() if k != "target_url"}).encode(),
        json.dumps({k: v for k, v in TASK.items() if k != "time"}).encode(),
        json.dumps({**TASK, "time": "2019-01-08 10:00:00"}).encode(),
        json.dumps({**TASK, "time": "31/02/2019-10:00:00"}).encode(),
        json.dumps({**TASK, "time": 5}).encode(),
        json.dumps({**TASK, "time": "06/01/2019-23:59:59"}).encode(),
    ],
)
def test_a_task_that_cannot_be_taken_gets_422_as_html(sandbox: Sandbox, body: bytes) -> None:
    answer = post(sandbox, "schedule/add", data=body)
    assert answer.status_code == 422
    assert answer.headers["Content-Type"].startswith("text/html")
    assert get(sandbox, "scheduler", "schedule/size").json() == "0"


def test_the_present_moment_is_not_before_the_clock(sandbox: Sandbox) -> None:
    add(sandbox, time="07/01/2019-00:00:00")
    assert times(sandbox) == ["07/01/2019-00:00:00"]


@pytest.mark.parametrize("recurrence", ["month", "year", "", "Day", None, 3])
def test_an_unknown_recurrence_is_silently_stored_as_none(
    sandbox: Sandbox, recurrence: object
) -> None:
    add(sandbox, recurrence=recurrence)
    assert get(sandbox, "scheduler", "schedule/json").json()[0][3] == "none"


def test_the_same_task_added_twice_is_there_twice(sandbox: Sandbox) -> None:
    add(sandbox)
    add(sandbox)
    assert get(sandbox, "scheduler", "schedule/size").json() == "2"


def test_deleting_takes_every_task_of_that_name_and_source(sandbox: Sandbox) -> None:
    for name, source in [("a", "x"), ("a", "x"), ("a", "y"), ("b", "x"), ("c", "y")]:
        add(sandbox, name=name, source_app=source)
    assert post(sandbox, "schedule/delete?name=a&source=x").status_code == 200
    left = [task[5:7] for task in get(sandbox, "scheduler", "schedule/json").json()]
    assert left == [["a", "y"], ["b", "x"], ["c", "y"]]
    assert post(sandbox, "app/delete?source=y").status_code == 200
    assert post(sandbox, "app/delete?source=nobody").status_code == 200
    left = [task[5:7] for task in get(sandbox, "scheduler", "schedule/json").json()]
    assert left == [["b", "x"]]


@pytest.mark.parametrize(
    "path",
    [
        "schedule/delete?name=get_products",
        "schedule/delete?source=e-commerce",
        "app/delete",
        "clock/speed",
    ],
)
def test_a_missing_argument_gets_422(sandbox: Sandbox, path: str) -> None:
    add(sandbox)
    answer = post(sandbox, path)
    assert answer.status_code == 422
    assert answer.headers["Content-Type"].startswith("text/html")
    assert get(sandbox, "scheduler", "schedule/size").json() == "1"


@pytest.mark.parametrize(
    ("speed", "status"),
    [("0", 200), ("-1", 200), ("nan", 200), ("inf", 200), ("fast", 500)],
)
def test_a_senseless_speed_leaves_the_clock_as_it_is(
    sandbox: Sandbox, speed: str, status: int
) -> None:
    before = get(sandbox, "scheduler", "clock/speed").json()
    assert post(sandbox, f"clock/speed?new={speed}").status_code == status
    assert get(sandbox, "scheduler", "clock/speed").json() == before


def test_a_task_needs_nothing_but_url_and_time(sandbox: Sandbox) -> None:
    body = {"target_url": "x", "time": "08/01/2030-00:00:00"}
    assert post(sandbox, "schedule/add", json=body).json() == "Task has been scheduled"
    assert get(sandbox, "scheduler", "schedule/json").json() == [
        ["08/01/2030-00:00:00", "x", None, "none", None, "default", "Unknown", False]
    ]
    assert "<td>Nonex</td>" in get(sandbox, "scheduler", "schedule/list").text


def test_two_tasks_that_do_not_compare_are_an_error_of_the_server(sandbox: Sandbox) -> None:
    add(sandbox, data={})
    answer = post(sandbox, "schedule/add", json={**TASK, "data": {"a": 1}})
    assert answer.status_code == 500
    assert get(sandbox, "scheduler", "schedule/size").json() == "1"


def test_a_recurring_task_without_application_ends_the_loop_for_good(
    fresh_sandbox: Sandbox,
) -> None:
    sandbox = fresh_sandbox
    body = {"target_url": "x", "time": "07/01/2019-00:01:00", "recurrence": "minute"}
    post(sandbox, "schedule/add", json=body)
    add(sandbox, time="07/01/2019-00:02:00")
    for _ in range(3):
        sandbox.scheduler.tick()
    assert get(sandbox, "scheduler", "clock/info").json() == ["07/01/2019-00:01:00", 60, False]
    assert times(sandbox) == ["07/01/2019-00:02:00"]


def test_an_unknown_path_is_an_html_404_and_a_wrong_method_405(sandbox: Sandbox) -> None:
    unknown = get(sandbox, "scheduler", "schedule/nothing")
    assert unknown.status_code == 404
    assert unknown.headers["Content-Type"].startswith("text/html")
    assert get(sandbox, "scheduler", "schedule/add").status_code == 405
    assert get(sandbox, "scheduler", "clock/info/").status_code == 404


# The scheduler's clock


@pytest.fixture
def fresh_sandbox() -> Iterator[Sandbox]:
    with Sandbox(speed=60, tick_s=None) as peers:
        yield peers


def test_what_is_asked_of_the_clock_takes_effect_at_the_next_tick(fresh_sandbox: Sandbox) -> None:
    sandbox = fresh_sandbox

    def info() -> list[object]:
        answer: list[object] = get(sandbox, "scheduler", "clock/info").json()
        return answer

    assert post(sandbox, "clock/pause").status_code == 200
    assert info() == ["07/01/2019-00:00:00", 60, False]
    sandbox.scheduler.tick()
    assert info() == ["07/01/2019-00:00:00", 60, True]
    post(sandbox, "clock/resume")
    post(sandbox, "clock/speed?new=0.5")
    sandbox.scheduler.tick()
    sandbox.scheduler.tick()
    assert info() == ["07/01/2019-00:00:01", 0.5, False]
    post(sandbox, "clock/switch")
    post(sandbox, "clock/speed?new=1000000")
    assert info() == ["07/01/2019-00:00:01", 1000000, False]
    sandbox.scheduler.tick()
    assert info() == ["07/01/2019-00:00:01", 1000000, True]
    post(sandbox, "clock/switch")
    sandbox.scheduler.tick()
    assert info() == ["18/01/2019-13:46:41", 1000000, False]


def test_a_reset_drops_the_tasks_at_once_and_keeps_what_passed_at_this_speed(
    sandbox: Sandbox,
) -> None:
    sandbox.scheduler.tick()
    sandbox.scheduler.set_speed(1)
    for _ in range(3):
        sandbox.scheduler.tick()
    add(sandbox, time="08/01/2019-00:00:00")
    post(sandbox, "clock/pause")
    sandbox.scheduler.tick()
    assert get(sandbox, "scheduler", "clock/time").json() == "07/01/2019-00:01:03"
    post(sandbox, "reset")
    assert times(sandbox) == []
    assert get(sandbox, "scheduler", "clock/info").json() == ["07/01/2019-00:00:03", 1, True]


def test_the_clock_survives_the_end_of_the_calendar() -> None:
    start = datetime(9999, 12, 31, 23)
    with Sandbox(products=3, start_at=start, speed=1_000_000, tick_s=None) as peers:
        peers.scheduler.tick()
        peers.scheduler.tick()
        assert get(peers, "scheduler", "clock/time").json() == "31/12/9999-23:00:00"
        assert get(peers, "catalogue-produit", "api/data").status_code == 200


def test_the_loop_ticks_by_itself() -> None:
    with Sandbox(speed=50, tick_s=0.02) as peers:
        until(lambda: peers.scheduler.now() >= datetime(2019, 1, 7, 0, 5))
        seconds = (peers.scheduler.now() - datetime(2019, 1, 7)).total_seconds()
        assert seconds % 50 == 0


def test_the_clock_advances_once_a_real_second_by_default() -> None:
    began = time.monotonic()
    with Sandbox(speed=0.5) as peers:
        started = time.monotonic()
        until(lambda: peers.scheduler.now() > datetime(2019, 1, 7, 0, 0, 0))
        ticked = time.monotonic()
        assert ticked - began > 0.9
        assert ticked - started < 1.6
        assert get(peers, "scheduler", "clock/info").json() == ["07/01/2019-00:00:00", 0.5, False]


# Callbacks


def test_a_due_task_calls_the_application_with_its_data_as_the_raw_body(
    sandbox: Sandbox, app: RecordingApp
) -> None:
    add(sandbox, data="jeton=é&1")
    add(sandbox, time="07/01/2019-00:02:00", target_url="ecommerce/auto_load_customers")
    sandbox.scheduler.tick()
    assert app.received == [("/ecommerce/add-auto", app.address, "jeton=é&1")]
    sandbox.scheduler.tick()
    assert app.received[1:] == [("/ecommerce/auto_load_customers", app.address, "")]
    assert times(sandbox) == []


@pytest.mark.parametrize(
    ("recurrence", "again"),
    [
        ("minute", "07/01/2019-00:02:00"),
        ("hour", "07/01/2019-01:01:00"),
        ("day", "08/01/2019-00:01:00"),
        ("week", "14/01/2019-00:01:00"),
    ],
)
def test_a_recurring_task_is_put_back_at_its_own_time_plus_the_recurrence(
    sandbox: Sandbox, app: RecordingApp, recurrence: str, again: str
) -> None:
    add(sandbox, recurrence=recurrence)
    sandbox.scheduler.tick()
    assert len(app.received) == 1
    assert times(sandbox) == [again]


def test_late_occurrences_fire_one_after_the_other_in_order(
    sandbox: Sandbox, app: RecordingApp
) -> None:
    add(sandbox, recurrence="minute", data="each")
    add(sandbox, time="07/01/2019-00:02:30", data="once")
    post(sandbox, "clock/speed?new=300")
    sandbox.scheduler.tick()
    assert [body for _, _, body in app.received] == ["each", "each", "once", "each", "each", "each"]
    assert times(sandbox) == ["07/01/2019-00:06:00"]


def test_a_paused_clock_fires_nothing(sandbox: Sandbox, app: RecordingApp) -> None:
    add(sandbox)
    post(sandbox, "clock/pause")
    sandbox.scheduler.tick()
    assert app.received == []
    post(sandbox, "clock/resume")
    sandbox.scheduler.tick()
    assert len(app.received) == 1


def test_the_clock_stands_still_while_a_callback_runs_and_the_api_answers(
    app: RecordingApp,
) -> None:
    app.may_answer.clear()
    with Sandbox(speed=60, tick_s=0.02, app_url=app.url) as peers:
        add(peers, time="07/01/2019-00:05:00", recurrence="minute")
        assert app.seen.acquire(timeout=5)
        stood_at = get(peers, "scheduler", "clock/info").json()
        time.sleep(0.2)
        assert get(peers, "scheduler", "clock/info").json() == stood_at
        assert stood_at == ["07/01/2019-00:05:00", 60, False]
        assert get(peers, "scheduler", "schedule/size").json() == "0"
        assert get(peers, "catalogue-produit", "api/data").status_code == 200
        add(peers, name="other", time="01/01/2020-00:00:00")
        assert len(app.received) == 1
        app.may_answer.set()
        until(lambda: len(app.received) > 1)
        peers.scheduler.pause()
        until(lambda: peers.scheduler.info()[2])
        assert len(times(peers)) == 2


def test_a_task_deleted_while_its_callback_runs_is_not_put_back(
    sandbox: Sandbox, app: RecordingApp
) -> None:
    app.may_answer.clear()
    add(sandbox, recurrence="minute")
    with ticking(sandbox):
        assert app.seen.acquire(timeout=5)
        post(sandbox, "schedule/delete?name=get_products&source=e-commerce")
        app.may_answer.set()
    assert times(sandbox) == []


def test_a_failed_callback_is_not_tried_again_until_its_next_occurrence(
    sandbox: Sandbox, app: RecordingApp
) -> None:
    sandbox.app_url = None
    add(sandbox, recurrence="minute")
    sandbox.scheduler.tick()
    assert times(sandbox) == ["07/01/2019-00:02:00"]
    sandbox.app_url = app.url
    sandbox.scheduler.tick()
    assert len(app.received) == 1


@pytest.mark.parametrize(
    "odd",
    [
        {"target_app": "two\r\nlines: 1"},
        {"target_app": ""},
        {"target_app": "日本"},
        {"target_app": "nobody"},
        {"target_url": "a b\r\nc"},
        {"target_url": "\ud800"},
        {"data": "\ud800"},
        {"data": {"a": [1]}},
        {"data": None},
        {"time": "31/12/9999-23:59:59", "recurrence": "week"},
    ],
)
def test_an_odd_task_does_not_end_the_loop(
    sandbox: Sandbox, app: RecordingApp, odd: dict[str, object]
) -> None:
    add(sandbox, **{"recurrence": "hour", **odd})
    add(sandbox, data="the next one")
    for path in ("schedule/json", "schedule/list"):
        assert get(sandbox, "scheduler", path).status_code == 200
    sandbox.scheduler.tick()
    assert app.received[-1][2] == "the next one"


# Start and stop


def test_stopping_does_not_wait_for_a_callback_that_blocks(
    app: RecordingApp, caplog: pytest.LogCaptureFixture
) -> None:
    before = set(threading.enumerate())
    app.may_answer.clear()
    peers = Sandbox(speed=60, tick_s=0.02, app_url=app.url)
    url = peers.start()
    add(peers)
    assert app.seen.acquire(timeout=5)
    started = time.monotonic()
    peers.stop()
    assert time.monotonic() - started < 5
    app.may_answer.set()
    until(lambda: not alive_since(before))
    assert caplog.records == [], "an orderly end is nothing to log"
    with pytest.raises(requests.ConnectionError):
        requests.get(url, timeout=1)


def alive_since(before: set[threading.Thread]) -> list[str]:
    return [
        thread.name
        for thread in set(threading.enumerate()) - before
        if thread.name.startswith(("sandbox", "AnyIO"))
    ]


def test_it_answers_as_soon_as_start_returns_and_can_start_again() -> None:
    peers = Sandbox(tick_s=None)
    with pytest.raises(RuntimeError):
        _ = peers.url
    for _ in range(3):
        assert peers.start() == peers.url
        assert get(peers, "scheduler", "clock/info").status_code == 200
        with pytest.raises(RuntimeError):
            peers.start()
        peers.stop()
        peers.stop()


def test_a_port_that_is_taken_is_an_oserror() -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        peers = Sandbox(port=taken.getsockname()[1])
        with pytest.raises(OSError, match="in use"):
            peers.start()
    peers.stop()


def test_a_size_or_speed_that_makes_no_sense_is_refused() -> None:
    for arguments in ({"products": -1}, {"customers": -1}, {"speed": 0}, {"speed": float("nan")}):
        with pytest.raises(ValueError, match=r"below 0|above 0"):
            Sandbox(**arguments)
