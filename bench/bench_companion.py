"""Callbacks per second, beside a trivial route of Starlette's on uvicorn under the same load.

    python -m bench.bench_companion [--connections 200 1000] [--seconds 5] [--rounds 3]

Three processes: the load, the server that is measured, the peer. The companion is the real
application's, behind its guard, on a bare uvicorn like the trivial route, each in a Starlette of
its own: Streamlit would add the same to both. Its callbacks are *joined*, answered when their run
is committed, or *respond-async*, answered with 202. Rounds alternate, and the ratios are medians of
the rounds, so that other load on the machine affects both.
"""

from __future__ import annotations

import argparse
import asyncio
import os
import socket
import subprocess
import sys
import tempfile
import time
from collections import defaultdict
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from statistics import median

import uvicorn
from starlette.applications import Starlette
from starlette.responses import PlainTextResponse
from starlette.routing import Route

from bench.bodies import write_answer
from bench.peer import serving
from ecommerce_core.application import Application
from ecommerce_core.companion import Companion
from ecommerce_core.datasets import DATASETS
from ecommerce_core.settings import Settings

ROWS = 1_200
WANTED = 0.4
WARM_UP_S = 0.5
CASES = {
    "trivial route": ("/trivial", ""),
    "joined": ("/ecommerce/add-auto", ""),
    "respond-async": ("/ecommerce/add-auto", "Prefer: respond-async\r\n"),
}


@dataclass(frozen=True)
class Served:
    """The process that serves the trivial route and, on a port of its own, the companion."""

    trivial_port: int
    companion_port: int
    pid: int


@dataclass(frozen=True)
class Measured:
    """One round of one case: answers per second, and seconds from request to answer.

    ``cpu_s`` is the processor time of the server's process for each answer, its runs included.
    """

    rate: float
    p50_s: float
    p99_s: float
    cpu_s: float


def main() -> int:
    """Measure and print; return the number of targets missed."""
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--connections", type=int, nargs="+", default=[200, 1_000])
    parser.add_argument("--seconds", type=float, default=5)
    parser.add_argument("--rounds", type=int, default=3)
    asked = parser.parse_args()
    missed = 0
    with tempfile.TemporaryDirectory(prefix="bench-companion-") as folder:
        answer = Path(folder) / "answer.json"
        write_answer(answer, ROWS)
        with serving(answer) as gateway_url, _serving_us(folder, gateway_url) as served:
            for connections in asked.connections:
                figures: dict[str, list[Measured]] = defaultdict(list)
                for _ in range(asked.rounds):
                    for name, (path, headers) in CASES.items():
                        is_trivial = path == "/trivial"
                        port = served.trivial_port if is_trivial else served.companion_port
                        measuring = load(
                            port,
                            path,
                            headers,
                            connections=connections,
                            seconds=asked.seconds,
                            pid=served.pid,
                        )
                        figures[name].append(asyncio.run(measuring))
                missed += _print_table(connections, figures)
    return missed


async def load(
    port: int, path: str, headers: str = "", *, connections: int, seconds: float, pid: int
) -> Measured:
    """Keep ``connections`` connections busy, each with one request at a time.

    ``pid`` is the process that serves them.
    """
    request = f"POST {path} HTTP/1.1\r\nHost: 127.0.0.1\r\nContent-Length: 0\r\n{headers}\r\n"
    loop = asyncio.get_running_loop()
    begins = time.monotonic() + WARM_UP_S
    callers = [
        (await loop.create_connection(lambda: _Caller(request.encode(), begins), sock=sock))[1]
        for sock in [_connect(port) for _ in range(connections)]
    ]
    for caller in callers:
        caller.ask()
    await asyncio.sleep(WARM_UP_S)
    worked_s = _worked_s(pid)
    await asyncio.sleep(seconds)
    ended, worked_s = time.monotonic(), _worked_s(pid) - worked_s
    for caller in callers:
        caller.is_over = True
    await asyncio.gather(*(caller.closed for caller in callers))
    taken = sorted(seconds for caller in callers for seconds in caller.taken_s)
    refused = sum(caller.refused for caller in callers)
    assert not refused, f"{refused} callbacks were not answered with 2xx"
    return Measured(
        rate=len(taken) / (ended - begins),
        p50_s=taken[len(taken) // 2],
        p99_s=taken[len(taken) * 99 // 100],
        cpu_s=worked_s / len(taken),
    )


def _worked_s(pid: int) -> float:
    """Return the processor time of a process so far."""
    fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


class _Caller(asyncio.Protocol):
    """One connection. Answers are separated by their Content-Length, and not parsed further."""

    def __init__(self, request: bytes, begins: float) -> None:
        self.taken_s: list[float] = []
        self.refused = 0
        self.is_over = False
        self.closed = asyncio.get_running_loop().create_future()
        self._request = request
        self._begins = begins
        self._received = b""

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        assert isinstance(transport, asyncio.Transport)
        self._transport = transport

    def ask(self) -> None:
        self._asked_at = time.monotonic()
        self._transport.write(self._request)

    def data_received(self, data: bytes) -> None:
        self._received += data
        head, found, body = self._received.partition(b"\r\n\r\n")
        if not found:
            return
        _, _, length = head.lower().partition(b"content-length: ")
        if len(body) < int(length.partition(b"\r\n")[0]):
            return
        now = time.monotonic()
        self._received = b""
        if not self.is_over and now >= self._begins:
            self.taken_s.append(now - self._asked_at)
            self.refused += head[9:10] != b"2"
        if self.is_over:
            self._transport.close()
        else:
            self.ask()

    def connection_lost(self, error: Exception | None) -> None:
        if not self.closed.done():
            self.closed.set_result(None)


def _connect(port: int) -> socket.socket:
    connection = socket.create_connection(("127.0.0.1", port), timeout=30)
    connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
    connection.setblocking(False)
    return connection


@contextmanager
def _serving_us(folder: str, gateway_url: str) -> Iterator[Served]:
    """Run the server in a process of its own."""
    command = [sys.executable, "-m", "bench.bench_companion", "--serve", folder, gateway_url]
    with subprocess.Popen(
        command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    ) as process:
        assert process.stdin is not None
        assert process.stdout is not None
        try:
            trivial_port, companion_port = map(int, process.stdout.readline().split())
            yield Served(trivial_port, companion_port, process.pid)
        finally:
            process.stdin.close()
            process.wait(30)


def _serve(folder: str, gateway_url: str) -> None:
    """Serve the trivial route and the companion until standard input ends."""
    sys.setswitchinterval(0.001)  # as dashboard.py does
    settings = Settings(database=Path(folder) / "shop.db")
    application = Application.open(settings, gateway_url=gateway_url)
    application.start()
    companion = Companion(DATASETS.values())
    companion.attach(application)

    async def trivial(request: object) -> PlainTextResponse:
        return PlainTextResponse("Done\n")

    apps = (
        Starlette(routes=[Route("/trivial", trivial, methods=["POST"])]),
        Starlette(
            routes=list(companion.routes()), middleware=[companion.guard(application.settings)]
        ),
    )
    listeners = [socket.create_server(("127.0.0.1", 0), backlog=2_048) for _ in apps]
    print(*(listener.getsockname()[1] for listener in listeners), flush=True)
    servers = [
        uvicorn.Server(uvicorn.Config(app, log_level="critical", access_log=False)) for app in apps
    ]

    async def run() -> None:
        def end() -> None:
            asyncio.get_running_loop().remove_reader(sys.stdin)
            for server in servers:
                server.should_exit = server.force_exit = True

        asyncio.get_running_loop().add_reader(sys.stdin, end)
        serving_all = (
            server.serve([listener]) for server, listener in zip(servers, listeners, strict=True)
        )
        await asyncio.gather(*serving_all)

    asyncio.run(run())
    application.stop()
    companion.close()


def _print_table(connections: int, figures: dict[str, list[Measured]]) -> int:
    print(f"\n{connections} connections, a dataset of {ROWS:,} rows")
    heads = f"{'p50 ms':>9}{'p99 ms':>9}{'CPU µs':>9}{'ratio':>8}{'wanted':>9}"
    print(f"{'':16}{'answers/s':>11}{heads}")
    missed = 0
    for name, rounds in figures.items():
        beside = zip(rounds, figures["trivial route"], strict=True)
        ratio = median(ours.rate / trivial.rate for ours, trivial in beside)
        bad = ratio < WANTED
        missed += bad
        wanted = "" if name == "trivial route" else f"≥ {WANTED:g}×"
        print(
            f"{name:16}{median(each.rate for each in rounds):>11,.0f}"
            f"{median(each.p50_s for each in rounds) * 1e3:>9.1f}"
            f"{median(each.p99_s for each in rounds) * 1e3:>9.1f}"
            f"{median(each.cpu_s for each in rounds) * 1e6:>9.0f}"
            f"{ratio:>7.2f}×{wanted:>9}{'  MISSED' if bad else ''}"
        )
    return missed


if __name__ == "__main__":
    if sys.argv[1:2] == ["--serve"]:
        _serve(*sys.argv[2:])
    else:
        sys.exit(main())
