"""Faults of a caller: storms, slow bodies, idle connections, false tokens, false hosts."""

from __future__ import annotations

import asyncio
import base64
import os
import socket
import time
from collections import Counter
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack, suppress

import pytest
import requests

from ecommerce_core.domain import Delivery
from ecommerce_core.scheduler.tokens import make_token
from tests.faults import peer as faults
from tests.faults.product import Product, running_product
from tests.support.peers import products
from tests.support.waiting import until

SECRET = "a secret of some length"
URL = "ecommerce/add-auto"
TOKEN = make_token(SECRET, app_name="e-commerce", url=URL)


@pytest.fixture(scope="module")
def product(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Product]:
    # A storm on busy cores delays a good answer for longer than the second of the others.
    settings = {
        "ECOMMERCE_CALLBACK_SECRET": SECRET,
        "ECOMMERCE_TIMEOUT_S": "20",
        "ECOMMERCE_DEADLINE_S": "40",
    }
    with (
        running_product(tmp_path_factory.mktemp("callers"), settings) as running,
        ThreadPoolExecutor(1) as pool,
    ):
        assert running.post(data=TOKEN).text.startswith("Done")
        # It takes its ten seconds while the other tests run, which it must not disturb.
        running.dripping = pool.submit(drip, running)
        yield running
        assert running.post(data=TOKEN).text.startswith("Done")
        running.assert_every_page_is_alive()
        running.assert_log_is_clean()


def drip(product: Product) -> tuple[bytes, float]:
    """Send a body a byte at a time; return the answer, and the seconds until it came."""
    with socket.create_connection(("127.0.0.1", product.server.port), timeout=20) as caller:
        head = f"POST /{URL} HTTP/1.1\r\nHost: localhost\r\nContent-Length: 60000\r\n\r\n"
        caller.sendall(head.encode())
        began = time.monotonic()
        caller.settimeout(0.25)
        while time.monotonic() - began < 30:
            caller.sendall(b"x")
            with suppress(TimeoutError):
                answer, after_s = caller.recv(1_000), time.monotonic() - began
                # It may come in pieces, and ends when the server disconnects.
                caller.settimeout(20)
                while more := caller.recv(1_000):
                    answer += more
                return answer, after_s
    raise AssertionError("the caller was never answered")


def refusals(product: Product) -> list[Delivery]:
    return [d for d in product.store.list_deliveries(limit=5_000) if d.outcome == "refused"]


def test_a_storm_of_1000_callbacks_costs_two_fetches_and_all_are_answered(
    product: Product,
) -> None:
    def fetches() -> int:
        return len(product.peer.received(host="catalogue-produit"))

    def outcomes() -> Counter[str]:
        deliveries = product.store.list_deliveries(limit=5_000)
        return Counter(d.outcome for d in deliveries if (d.run_id or 0) > last_run_id)

    before, last_run_id = fetches(), product.last_run().id
    # The first fetch lasts until all have called: callers in the meantime share the next.
    good = faults.answer_json({"produits": products(30, price=77)})
    product.peer.play(faults.answer_after(2, good), host="catalogue-produit")
    request = (
        f"POST /{URL} HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n"
        f"Content-Length: {len(TOKEN)}\r\n\r\n{TOKEN}"
    ).encode()

    async def connect() -> tuple[asyncio.StreamReader, asyncio.StreamWriter]:
        return await asyncio.open_connection("127.0.0.1", product.server.port)

    async def storm() -> list[bytes]:
        callers = [await connect() for _ in range(1_000)]
        for _, writer in callers:
            writer.write(request)
        answers = await asyncio.gather(*(reader.read() for reader, _ in callers))
        for _, writer in callers:
            writer.close()
        return list(answers)

    answers = asyncio.run(storm())

    assert {answer.split(b"\r\n")[0] for answer in answers} == {b"HTTP/1.1 200 OK"}
    assert all(b"\r\n\r\nDone\n" in answer for answer in answers)
    assert fetches() - before <= 2
    assert product.rows() == {77: 30}
    until(lambda: outcomes().total() == 1_000)
    assert outcomes()["executed"] <= 2
    assert outcomes()["joined"] >= 998
    product.assert_every_page_is_alive()


def test_500_idle_connections_and_500_that_began_keep_no_page_waiting(product: Product) -> None:
    with ExitStack() as stack:
        for number in range(1_000):
            idle = socket.create_connection(("127.0.0.1", product.server.port), timeout=10)
            stack.enter_context(idle)
            if number % 2:
                idle.sendall(b"POST /ecommerce/add-auto HTTP/1.1\r\nHost: loc")

        began = time.monotonic()
        product.assert_every_page_is_alive()
        assert requests.get(product.server.page("healthz"), timeout=10).status_code == 200
        assert product.post(data=TOKEN).text.startswith("Done")
        assert time.monotonic() - began < 10


def tampered() -> str:
    kind, _, rest = TOKEN.partition(TOKEN[-1])
    return kind + ("0" if TOKEN[-1] != "0" else "1") + rest


FALSE_TOKENS: dict[str, Callable[[], str]] = {
    "none": lambda: "",
    "forged": lambda: make_token("another secret of length", app_name="e-commerce", url=URL),
    "tampered": tampered,
    "of the other task": lambda: make_token(
        SECRET, app_name="e-commerce", url="ecommerce/auto_load_customers"
    ),
    "of another application": lambda: make_token(SECRET, app_name="evil", url=URL),
    "garbage": lambda: "\0\ufffd" * 100,
}


@pytest.mark.parametrize("kind", FALSE_TOKENS)
def test_a_false_token_is_refused_journalled_and_runs_nothing(product: Product, kind: str) -> None:
    known, run = len(refusals(product)), product.last_run().id
    fetches = len(product.peer.received(host="catalogue-produit"))

    answer = product.post(data=FALSE_TOKENS[kind]().encode())

    assert answer.status_code == 403
    assert SECRET not in answer.text
    until(lambda: len(refusals(product)) > known)
    assert any("token" in str(refusal.reason) for refusal in refusals(product)[:2])
    assert product.last_run().id == run
    assert len(product.peer.received(host="catalogue-produit")) == fetches
    assert "refused" in product.read("activity")


def test_a_replayed_token_asks_for_what_the_store_is_meant_to_hold(product: Product) -> None:
    """A recurring task sends the same token each time: twice has the same effect as once."""
    product.serve()
    for expected in ("succeeded", "unchanged", "unchanged"):
        assert product.post(data=TOKEN).text.startswith("Done")
        assert product.last_run().status == expected
    assert product.post("customers", data=TOKEN).status_code == 403


def test_neither_secret_nor_token_is_in_the_log_or_on_a_page(product: Product) -> None:
    for text in (product.server.log, product.read("activity"), product.read("scheduler")):
        assert SECRET not in text
        assert TOKEN not in text


@pytest.mark.parametrize("path", ["", "products", "healthz", "metrics", "_stcore/health"])
def test_a_foreign_host_gets_nothing_from_any_route(product: Product, path: str) -> None:
    answer = requests.get(product.server.page(path), headers={"Host": "evil.example"}, timeout=10)

    assert answer.status_code == 421
    assert "X1-0" not in answer.text


def test_a_callback_under_a_foreign_host_is_refused_and_journalled(product: Product) -> None:
    known = len(refusals(product))

    answer = product.post(data=TOKEN, headers={"Host": "evil.example"})

    assert answer.status_code == 421
    until(lambda: len(refusals(product)) > known)


@pytest.mark.parametrize(
    ("headers", "status"),
    [
        ({}, b"101"),
        ({"Host": "evil.example"}, b"421"),
        ({"Host": "evil.example", "Origin": "http://evil.example"}, b"421"),
        ({"Origin": "http://evil.example"}, b"403"),
    ],
    ids=["ours", "foreign host", "rebound", "foreign origin"],
)
def test_a_websocket_opens_for_our_own_pages_alone(
    product: Product, headers: dict[str, str], status: bytes
) -> None:
    port = product.server.port
    lines = {
        "Host": f"127.0.0.1:{port}",
        "Origin": f"http://127.0.0.1:{port}",
        "Connection": "Upgrade",
        "Upgrade": "websocket",
        "Sec-WebSocket-Version": "13",
        "Sec-WebSocket-Key": base64.b64encode(os.urandom(16)).decode(),
        **headers,
    }
    text = "".join(f"{name}: {value}\r\n" for name, value in lines.items())
    with socket.create_connection(("127.0.0.1", port), timeout=10) as client:
        client.sendall(f"GET /ecommerce/_stcore/stream HTTP/1.1\r\n{text}\r\n".encode())
        answer = client.recv(1_000)

    assert answer.split()[1] == status, answer


@pytest.mark.parametrize(
    "headers",
    [
        {"Origin": "http://evil.example"},
        {"Origin": "null"},
        {"Sec-Fetch-Site": "cross-site"},
        {"Sec-Fetch-Site": "same-site"},
    ],
    ids=lambda headers: ": ".join(*headers.items()),
)
def test_a_form_of_another_site_is_refused_even_with_a_token(
    product: Product, headers: dict[str, str]
) -> None:
    known, run = len(refusals(product)), product.last_run().id
    form = {"Content-Type": "application/x-www-form-urlencoded"}

    answer = product.post(data=TOKEN, headers={**form, **headers})

    assert answer.status_code == 403
    assert "another site" in answer.text
    until(lambda: len(refusals(product)) > known)
    assert product.last_run().id == run


@pytest.mark.parametrize(
    ("method", "path", "status"),
    [
        ("GET", "add-auto", 405),
        ("PUT", "add-auto", 405),
        ("DELETE", "auto_load_customers", 405),
        ("POST", "healthz", 405),
    ],
)
def test_another_method_is_an_answer_of_ours_and_no_page(
    product: Product, method: str, path: str, status: int
) -> None:
    answer = requests.request(method, product.server.page(path), timeout=10)

    assert answer.status_code == status
    assert "<html" not in answer.text.lower()


def test_a_body_that_is_too_long_is_refused_however_it_is_sent(product: Product) -> None:
    assert product.post(data=b"x" * 65_537).status_code == 413
    pieces = iter([b"x" * 40_000] * 2)
    assert product.post(data=pieces).status_code == 413


def test_a_caller_that_drips_its_body_is_cut_off_after_ten_seconds(product: Product) -> None:
    answer, after_s = product.dripping.result(40)

    assert answer.startswith(b"HTTP/1.1 408")
    assert b"longer than 10 s" in answer
    assert 9 < after_s < 20
    until(lambda: any("longer than 10 s" in str(d.reason) for d in refusals(product)))
    assert "longer than 10 s" in product.read("activity")
