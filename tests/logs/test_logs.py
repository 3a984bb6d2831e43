"""The log: one line per event, in one format, and never a customer's data or a secret."""

from __future__ import annotations

import json
import logging
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import requests

from ecommerce_core.domain import PeerTimedOut
from ecommerce_core.logs.logs import JsonFormatter, TextFormatter
from ecommerce_core.scheduler.tokens import make_token
from tests.support.peers import Peers, customer, product
from tests.support.server import running_server

SECRET = "the-secret-of-this-test-0123456789"  # noqa: S105
MARKS = ("Vercingetorix", "Zanzibar-Lamp", "BKNMARKED", SECRET)


def record(message: str, *args: object, error: BaseException | None = None) -> logging.LogRecord:
    raised = None
    if error is not None:
        try:
            raise error from KeyError("Vercingetorix")
        except type(error):
            raised = sys.exc_info()
    return logging.LogRecord("ecommerce_core.x", logging.ERROR, "x.py", 1, message, args, raised)


def test_a_json_line_has_time_level_logger_message_and_fields() -> None:
    said = record("%d rows\nof %s", 3, "products")
    said.fields = {"event": "run", "run": 7, "level": "mine is not taken"}

    line = JsonFormatter().format(said)

    assert "\n" not in line
    got = json.loads(line)
    assert got.pop("time").endswith("+00:00")
    assert got == {
        "level": "error",
        "logger": "ecommerce_core.x",
        "message": "3 rows\nof products",
        "event": "run",
        "run": 7,
    }


@pytest.mark.parametrize("formatter", [TextFormatter(), JsonFormatter()])
def test_an_exception_is_told_by_kind_and_place_not_in_its_own_words(
    formatter: logging.Formatter,
) -> None:
    line = formatter.format(record("it broke", error=ValueError("Vercingetorix")))

    assert "ValueError from KeyError" in line
    assert "test_logs.py" in line
    assert "Vercingetorix" not in line


class Running:
    """A server that logs JSON, and its log."""

    def __init__(self, log_of: Any) -> None:
        self._log_of = log_of

    def lines(self) -> list[dict[str, Any]]:
        return [json.loads(line) for line in self._log_of().splitlines()]

    def events(self, name: str) -> list[dict[str, Any]]:
        return [line for line in self.lines() if line.get("event") == name]


@pytest.fixture(scope="module")
def logged(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[Running, str]]:
    """Yield a server that has received good, bad and foreign requests, and its log."""
    folder: Path = tmp_path_factory.mktemp("logs")
    token = make_token(SECRET, app_name="e-commerce", url="ecommerce/add-auto")
    with Peers() as peers:
        peers.serve_products(
            [product("Zanzibar-Lamp"), {"codeProduit": "Zanzibar-Lamp", "prix": {}}]
        )
        peers.serve_customers(
            [customer(1, firstName="Vercingetorix"), customer(2, account="BKNMARKED", payment="x")]
        )
        environment = {
            "ECOMMERCE_GATEWAY_URL": peers.url,
            "ECOMMERCE_CALLBACK_SECRET": SECRET,
            "ECOMMERCE_LOG": "json",
        }
        with running_server(folder, environment) as server:

            def post(path: str, body: str = "", **headers: str) -> None:
                requests.post(server.page(path), data=body, headers=headers, timeout=30)

            customers = make_token(
                SECRET, app_name="e-commerce", url="ecommerce/auto_load_customers"
            )
            post("add-auto", token)
            post("auto_load_customers", customers)
            post("add-auto", f"a wrong token of {SECRET}")
            post("add-auto", token, Host="evil.example")
            requests.get(server.page(), headers={"Host": "evil.example"}, timeout=10)
            peers.bodies["crm"] = b"Vercingetorix BKNMARKED is no JSON"
            post("auto_load_customers", customers)
            peers.bodies.clear()
            post("add-auto", token)
        yield Running(lambda: server.log), token


def test_every_line_on_stderr_is_json(logged: tuple[Running, str]) -> None:
    for line in logged[0].lines():
        assert {"time", "level", "logger", "message"} <= line.keys()


def test_each_run_is_one_line_with_its_counts(logged: tuple[Running, str]) -> None:
    runs = logged[0].events("run")

    assert [(run["run"], run["dataset"], run["status"]) for run in runs] == [
        (1, "products", "partial"),
        (2, "customers", "partial"),
        (3, "customers", "failed"),
        (4, "products", "failed"),
    ]
    assert runs[0]["counts"]["added"] == 1
    assert runs[0]["counts"]["rejected"] == 1
    assert runs[0]["trigger"] == "callback"
    assert runs[0]["seconds"] >= 0
    assert [run["error"] for run in runs[2:]] == ["PeerContractError", "PeerUnreachable"]


def test_each_callback_and_each_refusal_is_one_line(logged: tuple[Running, str]) -> None:
    deliveries = logged[0].events("delivery")

    outcomes = [delivery["outcome"] for delivery in deliveries]
    assert outcomes == ["executed", "executed", "refused", "refused", "failed", "failed"]
    assert "token in the body is not valid" in deliveries[2]["reason"]
    assert "evil.example" in deliveries[3]["reason"]
    [refusal] = logged[0].events("refusal")
    assert (refusal["status"], refusal["method"]) == (421, "GET")


def test_no_line_holds_a_customers_data_or_a_secret(logged: tuple[Running, str]) -> None:
    running, token = logged
    whole = running._log_of()

    assert len(running.lines()) > 10
    for mark in (*MARKS, token):
        assert mark not in whole


def test_in_text_each_of_these_is_a_line_for_people(tmp_path: Path, peers: Peers) -> None:
    peers.serve_products([product("Zanzibar-Lamp")])
    with running_server(tmp_path, {"ECOMMERCE_GATEWAY_URL": peers.url}) as server:
        requests.post(server.page("add-auto"), timeout=30)

    assert "INFO ecommerce_core.runs: products: run 1, sync, succeeded after" in server.log
    assert ": 1 fetched, 1 added" in server.log
    assert "INFO ecommerce_core.deliveries: products: callback executed" in server.log
    assert "Zanzibar-Lamp" not in server.log


def test_an_error_of_ours_is_named_by_its_class() -> None:
    error = PeerTimedOut("{peer} said Vercingetorix", peer="crm")

    assert "PeerTimedOut" in JsonFormatter().format(record("x", error=error))
