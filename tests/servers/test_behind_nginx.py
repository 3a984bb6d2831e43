"""Two real servers, the PostgreSQL that they share, and nginx before them: deploy/servers."""

from __future__ import annotations

import re
import shutil
import signal
import socket
import subprocess
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
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
from ecommerce_core.storage import Store, open_store
from tests.support.postgresql import PostgresqlServer
from tests.support.server import Server, free_port, running_server
from tests.support.waiting import until

SITE = PROJECT_ROOT / "deploy" / "servers" / "nginx.conf"
COMPOSE = PROJECT_ROOT / "deploy" / "servers" / "compose.yaml"
AFFINITY = "ecommerce_server"


@dataclass
class Shop:
    """What stands behind one address."""

    url: str
    servers: list[Server]
    sandbox: Sandbox
    store: Store
    ids: list[str] = field(default_factory=list)

    def ask_who(self, cookie: str | None = None) -> str:
        """Which server answers at the one address, and what cookie it is that led there."""
        headers = {} if cookie is None else {"Cookie": f"{AFFINITY}={cookie}"}
        answer = requests.get(f"{self.url}/ecommerce/healthz", headers=headers, timeout=20)
        return str(answer.json()["server"]["id"])


@contextmanager
def running_nginx(folder: Path, port: int, servers: list[int]) -> Iterator[None]:
    """The site as it is, but for its ports."""
    if shutil.which("nginx") is None:
        pytest.skip("no nginx here")
    site = SITE.read_text("utf-8").replace("listen 8501;", f"listen 127.0.0.1:{port};")
    for number, server in enumerate(servers, 1):
        site = site.replace(f"server server-{number}:8501", f"server 127.0.0.1:{server}")
    places = "".join(
        f"{name}_temp_path {folder / name};"
        for name in ("client_body", "proxy", "fastcgi", "uwsgi", "scgi")
    )
    file = folder / "nginx.conf"
    file.write_text(
        f"daemon off; pid {folder / 'pid'}; error_log stderr;\n"
        f"events {{ }}\nhttp {{ access_log off; {places}\n{site}\n}}"
    )
    command = ["nginx", "-p", str(folder), "-c", str(file)]
    subprocess.run([*command, "-t"], check=True, capture_output=True)
    nginx = subprocess.Popen(command, stderr=subprocess.DEVNULL)
    try:
        until(lambda: _is_open(port))
        yield
    finally:
        nginx.terminate()
        nginx.wait(10)


def _is_open(port: int) -> bool:
    with socket.socket() as probe:
        return probe.connect_ex(("127.0.0.1", port)) == 0


@pytest.fixture
def shop(postgresql: PostgresqlServer, tmp_path: Path) -> Iterator[Shop]:
    url = postgresql.new_database()
    port, ports = free_port(), [free_port(), free_port()]
    with ExitStack() as stack:
        stack.enter_context(running_nginx(tmp_path, port, ports))
        sandbox = stack.enter_context(
            Sandbox(
                products=40, customers=5, app_url=f"http://127.0.0.1:{port}", app_name="e-commerce"
            )
        )
        servers = []
        for number, own in enumerate(ports, 1):
            folder = tmp_path / f"server-{number}"
            folder.mkdir()
            environment = {
                "ECOMMERCE_DATABASE": url,
                "ECOMMERCE_SNAPSHOT_DIR": str(folder),
                "ECOMMERCE_GATEWAY_URL": sandbox.url,
            }
            servers.append(stack.enter_context(running_server(folder, environment, port=own)))
        store = open_store(tmp_path / "test", url=url, server_id="test")
        stack.callback(store.close)
        yield Shop(f"http://127.0.0.1:{port}", servers, sandbox, store)


def test_two_servers_stand_behind_one_address_and_one_may_be_killed(shop: Shop) -> None:
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
    page = requests.get(f"{shop.url}/ecommerce/", timeout=20)
    cookie = page.cookies[AFFINITY]
    assert {shop.ask_who(cookie) for _ in range(8)} < ids.keys()
    assert {shop.ask_who() for _ in range(40)} == ids.keys()

    # The scheduler calls back through the one address.
    gateway = Gateway(shop.sandbox.url, timeout_s=5, deadline_s=10)
    at = shop.sandbox.scheduler.now() + timedelta(minutes=1)
    Scheduler(gateway, app_name="e-commerce").add_task(
        CUSTOMERS, simulated_at=at, recurrence=Recurrence.NONE
    )
    until(lambda: shop.store.list_deliveries(outcome=Outcome.EXECUTED), timeout_s=20)
    assert shop.store.totals(CUSTOMERS).current == 5

    # So does anybody else, and both servers show what came of it.
    answer = requests.post(f"{shop.url}/ecommerce/add-auto", timeout=60)
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
    assert requests.post(f"{shop.url}/ecommerce/add-auto", timeout=60).status_code == 200
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
