"""The data routes of the server as a user starts it, and the README's examples of them."""

from __future__ import annotations

import re
import signal
import socket
import sqlite3
from collections.abc import Iterator
from decimal import Decimal
from functools import partial
from pathlib import Path
from typing import Any

import pandas as pd
import pytest
import requests

from bench.bench_rows import filled
from ecommerce_core.settings import PROJECT_ROOT
from tests.support.server import Server, running_server
from tests.support.waiting import until

SHOP = "http://127.0.0.1:8501/ecommerce"


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    with running_server(tmp_path_factory.mktemp("rows")) as running:
        for callback in ("add-auto", "auto_load_customers"):
            assert requests.post(running.page(callback), timeout=30).status_code == 200
        for name in ("products", "customers"):  # readers see them shortly after the answer
            until(partial(_has_rows, running, name))
        yield running


def _has_rows(server: Server, name: str) -> bool:
    answer = requests.get(server.page(f"{name}.json?size=1"), timeout=10)
    return answer.ok and answer.json()["total"] > 0


def test_what_the_readme_says_of_pandas_is_true(server: Server) -> None:
    readme = (PROJECT_ROOT / "README.md").read_text("utf-8")
    found = re.search(r"<!-- read the rows -->\n```python\n(.+?)```", readme, re.DOTALL)
    assert found is not None
    assert SHOP in found[1]
    names: dict[str, Any] = {}
    exec(found[1].replace(SHOP, f"{server.url}/ecommerce"), names)

    dear, products = names["dear"], names["products"]
    assert len(products) == 1_200
    assert set(dear["family"]) == {"TV"}
    assert dear["price_eur"].min() >= 100
    assert list(dear["price_eur"]) == sorted(dear["price_eur"], reverse=True)
    assert isinstance(products["price_eur"].iloc[0], Decimal)
    assert isinstance(products["updated_at"].dtype, pd.DatetimeTZDtype)
    assert names["page"]["total"] >= len(names["customers"]) == 100
    assert {"customer_id", "loyalty_points", "updated_at"} <= set(names["customers"].columns)


def test_what_the_readme_says_of_sql_is_true(server: Server) -> None:
    readme = (PROJECT_ROOT / "README.md").read_text("utf-8")
    found = re.search(r"<!-- ask in SQL -->\n```python\n(.+?)```", readme, re.DOTALL)
    assert found is not None
    names: dict[str, Any] = {"pd": pd, "shop": f"{server.url}/ecommerce"}
    exec(found[1], names)

    means = names["means"]
    assert list(means.columns) == ["family", "mean"]
    assert len(means) == 10
    assert list(means["mean"]) == sorted(means["mean"], reverse=True)


@pytest.mark.parametrize("accepted", ["gzip, deflate, br", "identity"])
@pytest.mark.parametrize("name", ["csv", "xlsx", "json", "parquet", "wire.json"])
def test_nothing_between_us_and_a_caller_changes_a_file(
    server: Server, name: str, accepted: str
) -> None:
    url = server.page(f"products.{name}")
    answer = requests.get(url, headers={"Accept-Encoding": accepted}, timeout=30)

    assert answer.status_code == 200
    assert int(answer.headers["Content-Length"]) == len(answer.content) > 500
    assert requests.head(url, timeout=10).headers["ETag"] == answer.headers["ETag"]
    assert answer.headers["X-Frame-Options"] == "SAMEORIGIN"


def test_an_address_beside_these_is_no_page(server: Server) -> None:
    for name in (
        "products.exe",
        "products.csv.gz",
        "products/changes",
        "orders.csv",
        "products.CSV",
    ):
        assert requests.get(server.page(name), timeout=10).status_code == 404


def waiting_bytes(port: int) -> int:
    """Return how many bytes a server's connections hold that nobody has read."""
    queues = [0]
    for line in Path("/proc/net/tcp").read_text("ascii").splitlines()[1:]:
        _, local, _, _, waiting, *_ = line.split()
        if int(local.partition(":")[2], 16) == port:
            queues.append(int(waiting.partition(":")[0], 16))
    return max(queues)


def test_a_server_that_is_told_to_end_waits_for_nobody_who_takes_nothing(tmp_path: Path) -> None:
    filled(tmp_path, 100_000)
    with running_server(tmp_path) as server, socket.socket() as connection:
        until(lambda: requests.get(server.page("products.csv?size=1"), timeout=10).ok)
        connection.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4_096)
        connection.connect(("127.0.0.1", server.port))
        connection.sendall(b"GET /ecommerce/products.csv HTTP/1.1\r\nHost: 127.0.0.1\r\n\r\n")
        until(lambda: waiting_bytes(server.port) > 500_000)
        server.process.send_signal(signal.SIGTERM)
        assert server.process.wait(20) in {0, -signal.SIGTERM}
    with sqlite3.connect(tmp_path / "ecommerce.db") as database:
        assert database.execute("PRAGMA integrity_check").fetchone() == ("ok",)
