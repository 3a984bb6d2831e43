"""Show a shop of several servers on this machine, without containers.

    python -m tests.servers.demonstration [--port 8501] [--speed 50]

It runs a PostgreSQL of its own, two servers and nginx with the site of ``deploy/servers``, and the
sandbox, whose scheduler calls back through nginx. It prints how to kill a server; Enter starts a
killed one again, Ctrl-C ends everything. Debian's ``postgresql`` and ``nginx-light`` are needed.
"""

from __future__ import annotations

import argparse
import sys
import tempfile
import threading
from datetime import timedelta
from pathlib import Path

import pytest

from ecommerce_core.datasets import DATASETS
from ecommerce_core.domain import Recurrence
from ecommerce_core.gateway import Gateway
from ecommerce_core.sandbox import Sandbox
from ecommerce_core.scheduler import Scheduler
from tests.servers.shop import Shop, running_shop
from tests.support.postgresql import running_postgresql
from tests.support.server import is_open

APP_NAME = "e-commerce"


def main() -> int:
    """Run it until Ctrl-C; return 1 if something that it needs is not installed."""
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--port", type=int, default=8501, help="nginx's, which browsers open")
    parser.add_argument("--speed", type=float, default=50, help="simulated seconds in one second")
    asked = parser.parse_args()
    if is_open(asked.port):
        parser.error(f"port {asked.port} is in use: --port takes another one")
    try:
        _run(asked.port, asked.speed)
    except pytest.skip.Exception as missing:
        print(missing, file=sys.stderr)
        return 1
    except KeyboardInterrupt:
        print("everything has ended")
    return 0


def _run(port: int, speed: float) -> None:
    print("starting PostgreSQL, nginx and two servers …", flush=True)
    with (
        tempfile.TemporaryDirectory(prefix="several-servers-") as name,
        running_postgresql() as postgresql,
        Sandbox(speed=speed, app_url=f"http://127.0.0.1:{port}", app_name=APP_NAME) as sandbox,
        running_shop(
            postgresql,
            Path(name),
            port=port,
            environment={"ECOMMERCE_GATEWAY_URL": sandbox.url},
        ) as shop,
    ):
        _schedule(sandbox)
        print(f"open {shop.site.page()}, in two browsers to be on both servers")
        try:
            _run_again_at_enter(shop)
        except KeyboardInterrupt:
            print("\nending everything …", flush=True)
            raise


def _run_again_at_enter(shop: Shop) -> None:
    _tell(shop)
    for _ in sys.stdin:
        for index, server in enumerate(shop.servers):
            if server.process.poll() is not None:
                shop.start(index)
                shop.servers[index].wait_until_ready()
        _tell(shop)
    threading.Event().wait()  # it was started without a terminal


def _schedule(sandbox: Sandbox) -> None:
    """Let both datasets be fetched every simulated hour."""
    scheduler = Scheduler(Gateway(sandbox.url), app_name=APP_NAME)
    at = sandbox.scheduler.now() + timedelta(minutes=10)
    for dataset in DATASETS.values():
        scheduler.add_task(dataset, simulated_at=at, recurrence=Recurrence.HOUR)


def _tell(shop: Shop) -> None:
    for number, server in enumerate(shop.servers, 1):
        print(f"server {number} on port {server.port}: kill -9 {server.process.pid}")
    print("Enter starts a killed server again, Ctrl-C ends everything", flush=True)


if __name__ == "__main__":
    sys.exit(main())
