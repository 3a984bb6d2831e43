"""Two real servers, the PostgreSQL that they share, and nginx before them: deploy/servers."""

from __future__ import annotations

import re
import signal
from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path

import pytest
import requests
import yaml

from ecommerce_core.datasets import CUSTOMERS
from ecommerce_core.domain import Outcome, Recurrence
from ecommerce_core.gateway import Gateway
from ecommerce_core.sandbox import Sandbox
from ecommerce_core.scheduler import Scheduler
from ecommerce_core.settings import PROJECT_ROOT
from tests.servers.shop import AFFINITY, SITE, Shop, running_shop
from tests.support.postgresql import PostgresqlServer
from tests.support.server import Server, free_port
from tests.support.waiting import until

COMPOSE = PROJECT_ROOT / "deploy" / "servers" / "compose.yaml"


@pytest.fixture
def sandbox() -> Iterator[Sandbox]:
    with Sandbox(products=40, customers=5) as running:
        yield running


@pytest.fixture
def shop(postgresql: PostgresqlServer, sandbox: Sandbox, tmp_path: Path) -> Iterator[Shop]:
    port, environment = free_port(), {"ECOMMERCE_GATEWAY_URL": sandbox.url}
    sandbox.app_url = f"http://127.0.0.1:{port}"
    with running_shop(postgresql, tmp_path, port=port, environment=environment) as running:
        yield running


def test_two_servers_stand_behind_one_address_and_one_may_be_killed(
    shop: Shop, sandbox: Sandbox
) -> None:
    ids = {
        requests.get(server.page("healthz"), timeout=20).json()["server"]["id"]: server
        for server in shop.servers
    }
    leaders = {
        requests.get(server.page("healthz"), timeout=20).json()["server"]["leader"]
        for server in shop.servers
    }
    assert len(ids) == 2
    assert len(leaders) == 1
    assert leaders < ids.keys()

    # A browser keeps to one of them; programs come to both.
    page = requests.get(shop.site.page(), timeout=20)
    cookie = page.cookies[AFFINITY]
    assert {shop.ask_who(cookie) for _ in range(8)} < ids.keys()
    assert {shop.ask_who() for _ in range(40)} == ids.keys()

    # The scheduler calls back through the one address.
    gateway = Gateway(sandbox.url, timeout_s=5, deadline_s=10)
    at = sandbox.scheduler.now() + timedelta(minutes=1)
    Scheduler(gateway, app_name="e-commerce").add_task(
        CUSTOMERS, simulated_at=at, recurrence=Recurrence.NONE
    )
    until(lambda: shop.store.list_deliveries(outcome=Outcome.EXECUTED), timeout_s=20)
    assert shop.store.totals(CUSTOMERS).current == 5

    # So does anybody else, and both servers show what came of it.
    answer = requests.post(shop.site.page("add-auto"), timeout=60)
    assert answer.status_code == 200
    assert answer.text.startswith("Done")
    assert shop.store.last_run("products") is not None
    until(lambda: [_rows(server) for server in shop.servers] == [40, 40], timeout_s=10)

    # One is killed: who was on it is led to the other, which leads from then on.
    killed = ids[shop.ask_who(cookie)]
    (left,) = ids.keys() - {shop.ask_who(cookie)}
    killed.process.send_signal(signal.SIGKILL)
    killed.process.wait()
    assert shop.ask_who(cookie) == left
    assert requests.post(shop.site.page("add-auto"), timeout=60).status_code == 200
    until(lambda: _leader(ids[left]) == left, timeout_s=30)


def _rows(server: Server) -> int:
    answer = requests.get(server.page("products.csv"), timeout=20)
    return len(answer.text.splitlines()) - 1 if answer.status_code == 200 else -1


def _leader(server: Server) -> str | None:
    leader: str | None = requests.get(server.page("healthz"), timeout=20).json()["server"]["leader"]
    return leader


def test_the_compose_file_gives_both_servers_the_same_and_each_its_own_folder() -> None:
    services = yaml.safe_load(COMPOSE.read_text("utf-8"))["services"]
    one, other = services["server-1"], services["server-2"]

    assert set(services) == {"database", "server-1", "server-2", "nginx"}
    assert one["environment"] == other["environment"]
    assert one["environment"]["ECOMMERCE_DATABASE"].startswith("postgresql://")
    assert one["volumes"][0] != other["volumes"][0]
    assert services["nginx"]["ports"] == ["127.0.0.1:8501:8501"]
    upstream = set(re.findall(r"server (server-\d):8501", SITE.read_text("utf-8")))
    assert upstream == {"server-1", "server-2"}
