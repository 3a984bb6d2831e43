"""The dead man's switch: another machine gets a signal of each fetch, and delays none."""

from __future__ import annotations

import time
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest

from ecommerce_core.application import Application
from ecommerce_core.domain import Trigger
from ecommerce_core.domain.access import LOCAL_OPERATOR
from ecommerce_core.settings import Settings
from tests.support.peers import Peers, products
from tests.support.receivers import Webhook
from tests.support.server import free_port
from tests.support.waiting import until


@pytest.fixture
def check() -> Iterator[Webhook]:
    with Webhook() as running:
        yield running


def opened(folder: Path, peers: Peers, ping_url: str) -> Application:
    settings = Settings(database=folder / "shop.db", timeout_s=5, ping_url=ping_url)
    app = Application.open(settings, gateway_url=peers.url)
    app.start(watch=False)
    return app


def fetch(app: Application, name: str = "products") -> None:
    app.request_sync(name, actor=LOCAL_OPERATOR, trigger=Trigger.MANUAL).wait(10)


def signals(check: Webhook) -> list[str]:
    """Return the signals without the id that matches a start with its end."""
    return [path.partition("?")[0] for path in check.paths]


def test_a_good_fetch_is_a_start_and_a_success_of_one_number(
    tmp_path: Path, peers: Peers, check: Webhook
) -> None:
    peers.serve_products(products(30))
    app = opened(tmp_path, peers, f"http://127.0.0.1:{check.port}/ping/key")
    fetch(app)
    until(lambda: len(check.paths) == 2)
    app.stop()

    assert signals(check) == ["/ping/key/start", "/ping/key"]
    numbers = {path.partition("?rid=")[2] for path in check.paths}
    assert len(numbers) == 1
    assert len(numbers.pop()) == 36


def test_a_fetch_that_fails_or_is_held_is_a_failure_and_an_unchanged_one_a_success(
    tmp_path: Path, peers: Peers, check: Webhook
) -> None:
    app = opened(tmp_path, peers, f"http://127.0.0.1:{check.port}/key")
    fetch(app)
    peers.serve_products(products(30))
    fetch(app)
    fetch(app)
    peers.serve_products(products(3))
    fetch(app)
    until(lambda: len(check.paths) == 8)
    app.stop()

    assert signals(check)[1::2] == ["/key/fail", "/key", "/key", "/key/fail"]


def test_each_dataset_has_a_check_of_its_own_if_the_url_says_where(
    tmp_path: Path, peers: Peers, check: Webhook
) -> None:
    peers.serve_customers([])
    app = opened(tmp_path, peers, f"http://127.0.0.1:{check.port}/key/{{dataset}}")
    fetch(app, "products")
    fetch(app, "customers")
    until(lambda: len(check.paths) == 4)
    app.stop()

    assert signals(check) == [
        "/key/products/start",
        "/key/products/fail",
        "/key/customers/start",
        "/key/customers",
    ]


def test_a_clear_is_no_fetch(tmp_path: Path, peers: Peers, check: Webhook) -> None:
    peers.serve_products(products(30))
    app = opened(tmp_path, peers, f"http://127.0.0.1:{check.port}/key")
    fetch(app)
    app.clear("products", actor=LOCAL_OPERATOR, trigger=Trigger.MANUAL)
    app.undo_clear("products", actor=LOCAL_OPERATOR, trigger=Trigger.MANUAL)
    fetch(app)
    until(lambda: len(check.paths) == 4)
    app.stop()
    assert signals(check) == ["/key/start", "/key"] * 2


def test_a_switch_that_hangs_holds_no_fetch_and_no_end_up(
    tmp_path: Path, peers: Peers, check: Webhook
) -> None:
    peers.serve_products(products(30))
    check.gate.clear()
    app = opened(tmp_path, peers, f"http://127.0.0.1:{check.port}/key")
    began_s = time.monotonic()
    for _ in range(30):
        fetch(app)
    fetched_s = time.monotonic() - began_s
    app.stop()
    stopped_s = time.monotonic() - began_s - fetched_s

    assert len(app.store.list_runs()) == 30
    # Waiting for each would take minutes.
    assert fetched_s < 60
    assert stopped_s < 15
    assert check.paths == []


def test_a_switch_that_does_not_answer_is_an_alert_until_it_does(
    tmp_path: Path, peers: Peers, settings: Settings
) -> None:
    peers.serve_products(products(30))
    port = free_port()
    app = opened(tmp_path, peers, f"http://127.0.0.1:{port}/key")
    fetch(app)
    until(lambda: app.ping.failing_since is not None)
    [alert] = app.alerts.current()
    app.stop()

    assert (alert.code, alert.subject) == ("messages_failing", "ECOMMERCE_PING_URL")


def test_the_address_is_a_secret(settings: Settings) -> None:
    told = replace(settings, ping_url="https://hc-ping.com/my-key")
    assert "my-key" not in repr(told)
