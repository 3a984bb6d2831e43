"""The description is true: schemathesis calls a live server and compares the answers with it."""

from __future__ import annotations

import json
from collections.abc import Iterator
from concurrent.futures import Future
from dataclasses import replace
from typing import Any

import pytest
import requests
import schemathesis
from hypothesis import HealthCheck, Phase, given, strategies
from hypothesis import settings as configured

from ecommerce_core.application import Application
from ecommerce_core.companion import Companion
from ecommerce_core.companion.openapi import describe
from ecommerce_core.datasets import DATASETS
from ecommerce_core.domain import StoreBusy, Trigger
from ecommerce_core.domain.access import LOCAL_OPERATOR
from ecommerce_core.settings import Settings
from tests.support.companion_server import PRODUCTS_CALLBACK, Served, with_a_page
from tests.support.peers import Peers, products

OPERATIONS = [
    (path, method.upper())
    for path, methods in describe(DATASETS.values(), with_token=False)["paths"].items()
    for method in methods
    # No schema says which texts are SQL: what these answer is tried below.
    if "/explore." not in path
]
JSON = "application/json"


@pytest.fixture(scope="module")
def peers() -> Iterator[Peers]:
    with Peers() as running:
        for dataset in DATASETS.values():
            nothing = [] if dataset.list_name is None else {dataset.list_name: []}
            running.bodies[dataset.peer] = json.dumps(nothing).encode()
        running.serve_products(products(5))
        yield running


@pytest.fixture(scope="module")
def application(tmp_path_factory: pytest.TempPathFactory, peers: Peers) -> Iterator[Application]:
    settings = Settings(database=tmp_path_factory.mktemp("openapi") / "ecommerce.db")
    running = Application.open(settings, gateway_url=peers.url)
    running.start()
    for name in running.datasets:
        running.request_sync(name, actor=LOCAL_OPERATOR, trigger=Trigger.MANUAL).wait(30)
    yield running
    running.stop(timeout_s=5)


@pytest.fixture(scope="module")
def server(application: Application) -> Iterator[Served]:
    companion = Companion(DATASETS.values(), body_timeout_s=1)
    app = with_a_page(companion.routes())
    app.user_middleware.append(companion.guard(application.settings))
    companion.attach(application)
    with Served(app) as running:
        yield running
    companion.close()


@pytest.mark.parametrize(("path", "method"), OPERATIONS)
def test_every_answer_is_one_that_is_described(server: Served, path: str, method: str) -> None:
    schema = schemathesis.openapi.from_url(f"{server.url}/ecommerce/openapi.json")
    accepts = strategies.sampled_from([None, JSON, "text/plain", "*/*", "application/json;q=0"])
    statuses = set()

    @configured(
        max_examples=25,
        deadline=None,
        derandomize=True,
        database=None,
        phases=[Phase.explicit, Phase.generate],
        suppress_health_check=list(HealthCheck),
    )
    @given(case=schema[path][method].as_strategy(), accept=accepts)
    def call(case: Any, accept: str | None) -> None:
        headers = {} if accept is None else {"Accept": accept}
        statuses.add(case.call_and_validate(headers=headers, timeout=10).status_code)

    call()

    assert statuses
    # Any number may be requested, but few are runs.
    missing = {404} if "/changes." in path else set()
    assert statuses <= {200, 202, 304, *missing}


PROVOKED: dict[str, tuple[int, dict[str, Any]]] = {
    "another site": (403, {"headers": {"Sec-Fetch-Site": "cross-site"}}),
    "a foreign host": (421, {"headers": {"Host": "evil.example"}}),
    "no host": (400, {"headers": {"Host": "<>"}}),
    "too long": (413, {"data": b"x" * 70_000}),
    "not to wait": (202, {"headers": {"Prefer": "respond-async"}}),
}


@pytest.mark.parametrize("accept", ["text/plain", JSON])
@pytest.mark.parametrize(("status", "sent"), PROVOKED.values(), ids=PROVOKED)
def test_an_answer_that_is_provoked_is_described(
    server: Served, status: int, sent: dict[str, Any], accept: str
) -> None:
    headers = {**sent.get("headers", {}), "Accept": accept}
    answer = requests.post(
        server.url + PRODUCTS_CALLBACK, timeout=10, **{**sent, "headers": headers}
    )

    assert answer.status_code == status
    validate(answer, PRODUCTS_CALLBACK)


@pytest.mark.parametrize("accept", ["text/plain", JSON])
def test_the_failures_of_a_peer_and_of_ourselves_are_described(
    server: Served,
    application: Application,
    peers: Peers,
    monkeypatch: pytest.MonkeyPatch,
    accept: str,
) -> None:
    def post() -> requests.Response:
        headers = {"Accept": accept}
        answer = requests.post(server.url + PRODUCTS_CALLBACK, headers=headers, timeout=10)
        validate(answer, PRODUCTS_CALLBACK)
        return answer

    monkeypatch.setitem(peers.bodies, "catalogue-produit", b"not JSON")
    assert post().status_code == 502
    monkeypatch.setattr(application, "request_sync", lambda *_, **__: FailedRun(StoreBusy("busy")))
    assert post().status_code == 503
    monkeypatch.setattr(application, "request_sync", lambda *_, **__: FailedRun(KeyError("what")))
    assert post().status_code == 500


class FailedRun:
    """A handle on a run that ends with an error."""

    joined = False

    def __init__(self, error: Exception) -> None:
        self.stored: Future[Any] = Future()
        self.stored.set_exception(error)

    def run_id(self) -> None:
        return None


@pytest.mark.parametrize("dataset", ["products", "customers"])
@pytest.mark.parametrize("name", ["csv", "xlsx", "json", "parquet", "wire.json"])
def test_rows_and_what_is_refused_of_them_are_described(
    server: Served, dataset: str, name: str
) -> None:
    path = f"/ecommerce/{dataset}.{name}"
    for query, status in (("", 200), ("?size=2&sort=-new", 200), ("?famly=TV", 400)):
        for accept in (JSON, "text/plain"):
            answer = requests.get(server.url + path + query, headers={"Accept": accept}, timeout=10)
            assert answer.status_code == status
            validate(answer, path, "GET")


@pytest.mark.parametrize("name", ["csv", "xlsx", "json", "parquet"])
def test_answers_in_sql_and_what_is_refused_of_them_are_described(
    server: Served, name: str
) -> None:
    path = f"/ecommerce/explore.{name}"
    for sql, status in (
        ("SELECT code FROM products", 200),
        ("DROP TABLE products", 400),
        ("SELECT repeat('x', 2000000000) FROM range(10)", 422),
    ):
        for accept in (JSON, "text/plain"):
            headers = {"Accept": accept}
            answer = requests.get(
                server.url + path, params={"sql": sql}, headers=headers, timeout=30
            )
            assert answer.status_code == status
            validate(answer, path, "GET")


@pytest.mark.parametrize("name", ["csv", "xlsx", "json", "parquet"])
def test_changes_between_two_runs_are_described(server: Served, name: str) -> None:
    path = f"/ecommerce/products/changes.{name}"
    for query, status in (("?from=1&to=1", 200), ("?from=1", 400), ("?from=1&to=2", 404)):
        answer = requests.get(server.url + path + query, timeout=10)
        assert answer.status_code == status
        validate(answer, path, "GET")


def test_rows_say_in_the_description_that_they_are_for_who_has_signed_in() -> None:
    def security(*, with_sign_in: bool) -> Any:
        description = describe(DATASETS.values(), with_token=False, with_sign_in=with_sign_in)
        return description["paths"]["/ecommerce/products.csv"]["get"].get("security")

    assert security(with_sign_in=False) is None
    assert security(with_sign_in=True) == [{"token": []}, {"ticket": []}]


def test_the_columns_of_a_dataset_are_described_in_their_kinds() -> None:
    schemas = describe(DATASETS.values(), with_token=False)["components"]["schemas"]
    row = schemas["ProductsRows"]["properties"]["rows"]["items"]["properties"]

    assert row["code"] == {"type": "string"}
    assert row["price_eur"]["type"] == "number"
    assert row["catalogue_id"]["type"] == ["number", "null"]
    assert row["withdrawn_at"] == {"type": ["string", "null"], "format": "date-time"}


def test_health_that_is_bad_is_described(
    server: Served, application: Application, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(application, "workers_alive", lambda: {"products": False})
    answer = requests.get(f"{server.url}/ecommerce/healthz", timeout=10)

    assert answer.status_code == 503
    validate(answer, "/ecommerce/healthz", "GET")


def test_health_of_a_damaged_store_and_a_failing_peer_is_described(
    server: Served, application: Application, peers: Peers
) -> None:
    del peers.bodies["catalogue-produit"]
    assert requests.post(server.url + PRODUCTS_CALLBACK, timeout=10).status_code == 502
    sound = application.store.path.read_bytes()
    application.store.path.write_bytes(b"garbage" * 1_000)
    answer = requests.get(f"{server.url}/ecommerce/healthz", timeout=10)
    application.store.path.write_bytes(sound)

    assert answer.status_code == 503
    assert "store_damaged" in answer.json()["reasons"] == ["store_damaged"]
    assert answer.json()["peers"]["catalogue-produit"]["last_error"] == "PeerUnreachable"
    validate(answer, "/ecommerce/healthz", "GET")


def test_a_held_run_is_described(server: Served, peers: Peers) -> None:
    url = server.url + PRODUCTS_CALLBACK
    for count in (30, 3):
        peers.serve_products(products(count))
        answer = requests.post(url, headers={"Accept": JSON}, timeout=10)

    assert answer.json()["status"] == "held"
    validate(answer, PRODUCTS_CALLBACK)


def test_the_token_is_described_where_one_is_needed_only() -> None:
    def body(*, with_token: bool) -> Any:
        description = describe(DATASETS.values(), with_token=with_token)
        return description["paths"][PRODUCTS_CALLBACK]["post"].get("requestBody")

    assert body(with_token=False) is None
    assert body(with_token=True)["required"] is True


def test_a_third_dataset_is_described_and_served_by_its_name_alone() -> None:
    third = replace(DATASETS["products"], callback_path="ecommerce/third", task_name="get_third")
    datasets = [*DATASETS.values(), third]

    assert "/ecommerce/third" in describe(datasets, with_token=False)["paths"]
    assert "/ecommerce/third" in {route.path for route in Companion(datasets).routes()}


def validate(answer: requests.Response, path: str, method: str = "POST") -> None:
    description = describe(DATASETS.values(), with_token=False)
    schema = schemathesis.openapi.from_dict(description)
    schema[path][method].validate_response(answer)
    described = description["paths"][path][method.lower()]["responses"]
    media_type = answer.headers["Content-Type"].partition(";")[0]
    assert media_type in described[str(answer.status_code)]["content"]
