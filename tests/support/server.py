"""The real server, started as a user would, on a free port; ended with the test."""

from __future__ import annotations

import os
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import requests

from ecommerce_core.settings import PROJECT_ROOT

START_TIMEOUT_S = 60


class Site:
    """What answers on a port. ``url`` is its origin, ``log`` everything that it printed."""

    def __init__(self, port: int, *log_files: Path) -> None:
        self.port = port
        self.url = f"http://127.0.0.1:{port}"
        self._log_files = log_files

    @property
    def log(self) -> str:
        return "".join(file.read_text("utf-8", "replace") for file in self._log_files)

    def page(self, name: str = "") -> str:
        """Return the address of a page."""
        return f"{self.url}/ecommerce/{name}"


class Server(Site):
    """A running server."""

    def __init__(self, process: subprocess.Popen[bytes], port: int, log_file: Path) -> None:
        super().__init__(port, log_file)
        self.process = process

    def wait_until_ready(self) -> None:
        end = time.monotonic() + START_TIMEOUT_S
        while True:
            try:
                if requests.get(self.page("healthz"), timeout=5).status_code == 200:
                    return
            except requests.RequestException:
                pass
            if self.process.poll() is not None or time.monotonic() > end:
                raise AssertionError(f"the server did not start:\n{self.log}")
            time.sleep(0.05)


class Session:
    """A session of a user without a browser, through Streamlit's agent API."""

    def __init__(self, server: Server, page: str = "") -> None:
        self._address = f"{server.page()}_stcore/agent/interact"
        first: dict[str, Any] = {"page": page} if page else {}
        self.last = self._send(first)

    def click(self, key: str) -> dict[str, Any]:
        return self._send({"trigger": {"key": key}})

    def set(self, **values: Any) -> dict[str, Any]:
        return self._send({"widget_state": values})

    def rerun(self) -> dict[str, Any]:
        return self._send({})

    def element(self, key: str) -> dict[str, Any] | None:
        """Return the element with that key on the page as last seen, or None."""
        return next((e for e in _elements(self.last["tree"]) if e.get("key") == key), None)

    def text(self) -> str:
        """Return everything on the page as last seen, as one text."""
        return str(self.last["tree"])

    def _send(self, request: dict[str, Any]) -> dict[str, Any]:
        if hasattr(self, "last"):
            request["session_id"] = self.last["session_id"]
        response = requests.post(self._address, json=request, timeout=60)
        assert response.status_code == 200, response.text
        self.last = response.json()
        assert self.last["status"] == "ready", self.last
        return self.last


def _elements(node: dict[str, Any]) -> Iterator[dict[str, Any]]:
    yield node
    for child in node.get("children", []):
        yield from _elements(child)


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def is_open(port: int) -> bool:
    """Whether something listens on a port of this machine."""
    with socket.socket() as probe:
        return probe.connect_ex(("127.0.0.1", port)) == 0


@contextmanager
def running_server(
    folder: Path,
    environment: Mapping[str, str] | None = None,
    *,
    options: tuple[str, ...] = (),
    port: int | None = None,
    waits: bool = True,
) -> Iterator[Server]:
    """Run ``streamlit run dashboard.py`` with a database in ``folder``; yield it when ready.

    Without ``waits`` it is yielded at once: the caller waits, for several at the same time.
    """
    port = port or free_port()
    ours = {name: v for name, v in os.environ.items() if not name.startswith("ECOMMERCE_")}
    # Test sessions use the agent API and do what an operator does.
    ours |= {"ECOMMERCE_AGENT_ROLE": "operator"}
    ours |= {"ECOMMERCE_DATABASE": str(folder / "ecommerce.db"), **(environment or {})}
    command = [
        *(sys.executable, "-m", "streamlit", "run", "dashboard.py"),
        f"--server.port={port}",
        *options,
    ]
    log_file = folder / f"server-{port}.log"
    with log_file.open("wb") as log:
        process = subprocess.Popen(
            command, env=ours, cwd=PROJECT_ROOT, stdout=log, stderr=subprocess.STDOUT
        )
        server = Server(process, port, log_file)
        try:
            if waits:
                server.wait_until_ready()
            yield server
        finally:
            process.send_signal(signal.SIGTERM)
            try:
                process.wait(20)
            except subprocess.TimeoutExpired:
                process.kill()
                process.wait()
