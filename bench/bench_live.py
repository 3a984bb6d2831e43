"""Measure the server's cost of idle pages, and how soon a run appears on them.

    python -m bench.bench_live [--tabs 8] [--idle-s 60] [--runs 20] [--sockets 200]

In Chromium: the server's processor time while ``--tabs`` tabs of each page are open and nothing
happens, beside the same time without any tab, and how many scripts ran; and the time from the
commit of a callback's run to the changed page, at 1,200 rows. Without a browser: ``--sockets``
sockets at ``live`` while a callback arrives every ten seconds.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import tempfile
import time
from pathlib import Path
from statistics import quantiles

import requests
from playwright.sync_api import Page
from websockets.asyncio.client import connect
from websockets.typing import Origin

from bench.bench_page import _cpu_ms
from bench.bodies import write_answer
from bench.peer import serving
from ecommerce_core.storage import Store
from tests.browser.visitor import PAGES, Browser, Visitor, running_chromium
from tests.support.server import Server, running_server

ROWS = 1_200
TARGET_CORE, TARGET_MS = 0.01, 500
# The number of all rows, below the table: it differs after each run.
WATCH = r"""() => {
    window.seen = []
    let last = ""
    const look = () => {
        const text = [...document.querySelectorAll('[data-testid="stCaptionContainer"]')]
            .map(one => one.textContent).find(text => /^\d+–\d+ of /.test(text)) ?? ""
        if (text && text !== last) window.seen.push([text, Date.now()])
        last = text || last
        requestAnimationFrame(look)
    }
    look()
}"""


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--tabs", type=int, default=8)
    parser.add_argument("--idle-s", type=float, default=60)
    parser.add_argument("--runs", type=int, default=20)
    parser.add_argument("--sockets", type=int, default=200)
    options = parser.parse_args()
    with tempfile.TemporaryDirectory(prefix="bench-live-") as name:
        folder = Path(name)
        answer = folder / "answer.json"
        write_answer(answer, ROWS)
        with (
            serving(answer) as gateway,
            running_server(folder, {"ECOMMERCE_GATEWAY_URL": gateway}) as server,
        ):
            _call_back(server)
            with running_chromium() as browser:
                _idle(browser, server, options.tabs, options.idle_s)
                _latency(browser, server, folder, answer, options.runs)
            asyncio.run(_sockets(server, folder, answer, options.sockets, options.runs))


def _call_back(server: Server) -> None:
    assert requests.post(server.page("add-auto"), timeout=60).status_code == 200


def _share(server: Server, seconds: float) -> float:
    """Return the share of a core that the server takes, over ``seconds``."""
    before_ms = _cpu_ms(server.process.pid)
    time.sleep(seconds)
    return (_cpu_ms(server.process.pid) - before_ms) / seconds / 1_000


def _idle(browser: Browser, server: Server, tabs: int, seconds: float) -> None:
    _share(server, 5)
    bare = _share(server, seconds)
    print(f"{'no tab':32}{bare:>8.4f} of a core")
    for name in PAGES:
        visitors = [Visitor(browser, server) for _ in range(tabs)]
        for visitor in visitors:
            visitor.open(name)
        visitors[0].page.wait_for_timeout(5_000)
        for visitor in visitors:
            visitor.full_runs = 0
        before_ms = _cpu_ms(server.process.pid)
        visitors[0].page.wait_for_timeout(seconds * 1_000)
        share = (_cpu_ms(server.process.pid) - before_ms) / seconds / 1_000
        scripts = sum(visitor.full_runs for visitor in visitors)
        label = f"{tabs} idle tabs: {name or 'overview'}"
        figures = f"{share:>8.4f} of a core, {share - bare:.4f} for the tabs"
        print(f"{label:32}{figures} (target {TARGET_CORE}), {scripts} scripts", flush=True)
        for visitor in visitors:
            visitor.leave()


def _latency(browser: Browser, server: Server, folder: Path, answer: Path, runs: int) -> None:
    visitor = Visitor(browser, server)
    visitor.open("products")
    visitor.page.evaluate(WATCH)
    committed_ms = []
    for number in range(runs):
        visitor.page.wait_for_timeout(2_000 + 137 * (number % 7))
        write_answer(answer, ROWS + 1 + number)
        _call_back(server)
        committed_ms.append(_committed_ms(folder))
    visitor.page.wait_for_timeout(3_000)
    seen = _seen(visitor.page)
    late = [at_ms - before_ms for before_ms, (_text, at_ms) in zip(committed_ms, seen, strict=True)]
    visitor.leave()
    _print("from commit to the changed page", late, f"(target {TARGET_MS} at p95)")


def _seen(page: Page) -> list[tuple[str, float]]:
    # The first entry is the text from before any run.
    return [(text, at_ms) for text, at_ms in page.evaluate("window.seen")][1:]


def _committed_ms(folder: Path) -> float:
    run = Store(folder / "ecommerce.db").last_run("products")
    assert run is not None
    assert run.finished_at is not None
    return run.finished_at.timestamp() * 1_000


def _print(what: str, late_ms: list[float], more: str = "") -> None:
    cuts = quantiles(late_ms, n=20, method="inclusive")
    print(f"{what:32}p50 {cuts[9]:.0f} ms, p95 {cuts[18]:.0f} ms {more}", flush=True)


async def _sockets(server: Server, folder: Path, answer: Path, count: int, runs: int) -> None:
    address = f"{server.page('live')}".replace("http", "ws", 1)
    heard: list[list[float]] = [[] for _ in range(count)]

    async def listen(mine: list[float]) -> None:
        async with connect(address, origin=Origin(server.url), proxy=None) as socket:
            last = None
            async for said in socket:
                version = json.loads(said).get("versions", {}).get("products")
                if version is not None and last is not None and version != last:
                    mine.append(time.time() * 1_000)
                last = version or last

    listeners = [asyncio.create_task(listen(mine)) for mine in heard]
    await asyncio.sleep(5)
    before_ms, began_s = _cpu_ms(server.process.pid), time.monotonic()
    committed_ms = []
    for number in range(runs):
        write_answer(answer, ROWS + 100 + number)
        await asyncio.to_thread(_call_back, server)
        committed_ms.append(_committed_ms(folder))
        await asyncio.sleep(10)
    share = (_cpu_ms(server.process.pid) - before_ms) / (time.monotonic() - began_s) / 1_000
    for listener in listeners:
        listener.cancel()
    late = [
        at_ms - before for mine in heard for before, at_ms in zip(committed_ms, mine, strict=True)
    ]
    print(f"{count} sockets, a run every 10 s{'':4}{share:.4f} of a core, runs included")
    _print("from commit to each of them", late)


if __name__ == "__main__":
    main()
