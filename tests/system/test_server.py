"""The real server on a free port: one port for pages and callbacks, and two sessions at once."""

from __future__ import annotations

import subprocess
import sys
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from pathlib import Path
from urllib.parse import urljoin

import pytest
import requests

from ecommerce_core.datasets import PRODUCTS
from ecommerce_core.domain import Recurrence, Run, RunStatus, Trigger
from ecommerce_core.gateway import Gateway
from ecommerce_core.sandbox import Sandbox
from ecommerce_core.scheduler import Scheduler
from ecommerce_core.settings import PROJECT_ROOT
from ecommerce_core.storage import Store
from tests.support.peers import WIRE, Peers
from tests.support.server import Server, Session, running_server
from tests.support.waiting import until

AGENT = ("--server.enableAgentApi=true",)


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    with running_server(tmp_path_factory.mktemp("server"), options=AGENT) as running:
        yield running


def shows_the_table(session: Session) -> bool:
    session.rerun()
    return session.element("products_table") is not None


def newest_run(folder: Path) -> Run | None:
    return next(iter(Store(folder / "ecommerce.db").list_runs(limit=1)), None)


@pytest.mark.parametrize("page", ["", "products", "customers", "scheduler", "activity"])
def test_every_page_stands_at_its_address(server: Server, page: str) -> None:
    assert requests.get(server.page(page), timeout=10).status_code == 200
    assert "exception" not in Session(server, page).text()


def test_the_root_leads_to_the_overview(server: Server) -> None:
    answer = requests.get(server.url, timeout=10, allow_redirects=False)

    assert urljoin(f"{server.url}/", answer.headers["Location"]) == server.page()


@pytest.mark.parametrize("path", ["add-auto", "auto_load_customers"])
def test_a_callback_is_answered_before_any_browser_came(server: Server, path: str) -> None:
    answer = requests.post(server.page(path), timeout=30)

    assert answer.status_code == 200
    assert answer.text.startswith("Done")


def test_a_get_on_a_callback_does_not_fall_through_to_a_page(server: Server) -> None:
    assert requests.get(server.page("add-auto"), timeout=10).status_code == 405


@pytest.mark.parametrize("path", ["", "products", "_stcore/health", "healthz", "add-auto"])
def test_a_foreign_host_is_refused_on_every_route(server: Server, path: str) -> None:
    answer = requests.get(server.page(path), headers={"Host": "evil.example"}, timeout=10)

    assert answer.status_code == 421


def test_two_sessions_fetch_at_once_and_both_see_the_rows(server: Server) -> None:
    sessions = [Session(server, "products"), Session(server, "products")]

    with ThreadPoolExecutor(2) as pool:
        for _ in range(3):
            list(pool.map(lambda session: session.click("fetch_products"), sessions))

    for session in sessions:
        until(partial(shows_the_table, session))
        assert "X1-0" in str(session.element("products_table"))
    assert "Traceback" not in server.log


def test_a_task_that_is_due_calls_back_and_its_run_is_in_the_journal(tmp_path: Path) -> None:
    with Sandbox(products=50, customers=20, speed=3600, tick_s=0.2) as sandbox:
        environment = {"ECOMMERCE_GATEWAY_URL": sandbox.url}
        with running_server(tmp_path, environment, options=AGENT) as server:
            sandbox.app_url = server.url
            scheduler = Scheduler(Gateway(sandbox.url), app_name="e-commerce")
            due = scheduler.fetch_clock().simulated_at.replace(microsecond=0)
            scheduler.add_task(
                PRODUCTS, simulated_at=due.replace(day=due.day + 1), recurrence=Recurrence.NONE
            )

            until(lambda: newest_run(tmp_path) is not None)
            until(lambda: newest_run(tmp_path).status is not RunStatus.RUNNING)  # type: ignore[union-attr]

            run = newest_run(tmp_path)
            assert run is not None
            assert (run.trigger, run.status) == (Trigger.CALLBACK, RunStatus.SUCCEEDED)
            assert run.task_name == "get_products"
            assert "X1-" in Session(server, "products").text()
            assert "callback" in str(Session(server, "activity").element("runs_table"))


def test_the_captured_answers_of_the_real_peers_fill_both_tables(
    tmp_path: Path, peers: Peers
) -> None:
    peers.bodies["catalogue-produit"] = (WIRE / "catalogue-produit.api-data.json").read_bytes()
    peers.bodies["crm"] = (WIRE / "crm.api-data.json").read_bytes()
    peers.bodies["scheduler"] = (WIRE / "scheduler.clock-info.json").read_bytes()
    with running_server(tmp_path, {"ECOMMERCE_GATEWAY_URL": peers.url}, options=AGENT) as server:
        for path in ("add-auto", "auto_load_customers"):
            assert requests.post(server.page(path), timeout=30).text.startswith("Done")

        assert "X1-0" in str(Session(server, "products").element("products_table"))
        assert "Sarkozy" in Session(server, "customers").text()


def failed_start(environment: dict[str, str]) -> str:
    """Return the output of a server that refuses to start."""
    command = [sys.executable, "-m", "streamlit", "run", "dashboard.py", "--server.port=0"]
    ended = subprocess.run(
        command,
        env=environment,
        cwd=PROJECT_ROOT,
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    assert ended.returncode != 0
    assert "Traceback" not in ended.stderr
    return [line for line in ended.stderr.splitlines() if line.strip()][-1]


def test_a_setting_that_makes_no_sense_stops_the_start_with_one_line() -> None:
    said = failed_start({"ECOMMERCE_TIMEOUT_S": "soon"})

    assert "ECOMMERCE_TIMEOUT_S is 'soon': it takes a number of seconds" in said


def test_a_file_that_is_no_database_stops_the_start_and_is_left_as_it_is(tmp_path: Path) -> None:
    file = tmp_path / "diary.txt"
    file.write_text("Dear diary, " * 1000)

    assert "is no sound SQLite database" in failed_start({"ECOMMERCE_DATABASE": str(file)})
    assert file.read_text() == "Dear diary, " * 1000


def test_a_server_that_is_told_to_end_ends_and_starts_again_on_the_same_data(
    tmp_path: Path,
) -> None:
    with running_server(tmp_path) as first:
        requests.post(first.page("add-auto"), timeout=30)
    assert first.process.returncode in {0, -15}
    assert "Traceback" not in first.log

    with running_server(tmp_path) as second:
        metrics = requests.get(second.page("metrics"), timeout=10).text

    assert 'dataset="products"' in metrics


def test_a_callback_that_waits_for_a_silent_peer_does_not_hold_up_the_end(
    tmp_path: Path, peers: Peers
) -> None:
    peers.serve_products([])
    peers.gate.clear()
    with (
        ThreadPoolExecutor(1) as pool,
        running_server(tmp_path, {"ECOMMERCE_GATEWAY_URL": peers.url}) as server,
    ):
        waiting = pool.submit(requests.post, server.page("add-auto"), timeout=30)
        until(lambda: peers.asked["catalogue-produit"] > 0)
        began_s = time.monotonic()
        server.process.terminate()
        answer = waiting.result(30)
        server.process.wait(30)

    assert answer.status_code == 503
    assert time.monotonic() - began_s < 15
    run = newest_run(tmp_path)
    assert run is not None
    assert run.status is RunStatus.INTERRUPTED
