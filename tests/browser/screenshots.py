"""Screenshots of every page: ``python -m tests.browser.screenshots [folder]`` (screenshots/).

Brings a server with the embedded peers into an empty, a full and a failing state, and takes each
page in English and French, light and dark, wide and narrow. With ``--readme`` it only takes the
README's picture, docs/overview.png: the sandbox, fetched twice, with one task to come.
"""

from __future__ import annotations

import argparse
import re
import tempfile
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from datetime import timedelta
from io import BytesIO
from itertools import product
from pathlib import Path
from typing import Any

import requests
from PIL import Image

from ecommerce_core.datasets import CUSTOMERS, PRODUCTS, Dataset
from ecommerce_core.domain import Recurrence
from ecommerce_core.gateway import Gateway
from ecommerce_core.scheduler import Scheduler
from ecommerce_core.settings import PROJECT_ROOT
from tests.browser.visitor import PAGES, Browser, Visitor, running_chromium
from tests.support.peers import Peers, customer
from tests.support.server import Server, running_server

WIDTHS = {1440: 900, 390: 844}
README_PICTURE = PROJECT_ROOT / "docs" / "overview.png"
CALLBACKS = ("add-auto", "auto_load_customers")


def gateway_of(server: Server) -> str:
    """Return the address of the embedded peers, which the server prints at its start."""
    found = re.search(r"the sandbox answers at (http://\S+)", server.log)
    assert found is not None, server.log
    return found[1]


def call_back(server: Server) -> None:
    for path in CALLBACKS:
        requests.post(server.page(path), timeout=60)


TASKS = (
    (PRODUCTS, 3, Recurrence.DAY),
    (CUSTOMERS, 5, Recurrence.WEEK),
    (PRODUCTS, 9, Recurrence.NONE),
)


def fill(server: Server, tasks: Sequence[tuple[Dataset, int, Recurrence]] = TASKS) -> None:
    """Fetch both, let some simulated days pass, fetch again, and schedule ``tasks``.

    A task is a dataset, the simulated hours until it is due, and its recurrence.
    """
    scheduler = Scheduler(Gateway(gateway_of(server)), app_name="e-commerce")
    call_back(server)
    scheduler.set_speed(86_400)
    time.sleep(4)
    scheduler.set_speed(50)
    time.sleep(1)
    call_back(server)
    now = scheduler.fetch_clock().simulated_at.replace(second=0, microsecond=0)
    for dataset, hours, recurrence in tasks:
        at = now + timedelta(hours=hours)
        scheduler.add_task(dataset, simulated_at=at, recurrence=recurrence)


def trouble(server: Server) -> None:
    """Have the scheduler lose our tasks, list an odd one, and stand still for good."""

    def post(path: str, **how: Any) -> None:
        url = f"{gateway_of(server)}/{path}"
        requests.post(url, headers={"Host": "scheduler"}, timeout=10, **how)

    post("reset")
    scheduler = Scheduler(Gateway(gateway_of(server)), app_name="e-commerce")
    at = scheduler.fetch_clock().simulated_at + timedelta(minutes=5)
    time_text = at.strftime("%d/%m/%Y-%H:%M:%S")
    for recurrence, when in (("none", "08/01/2030-00:00:00"), ("day", time_text)):
        post("schedule/add", json={"target_url": "x", "time": when, "recurrence": recurrence})
    time.sleep(12)


@contextmanager
def failing_server(folder: Path) -> Iterator[Server]:
    """Run the full shop's database with peers that fail: one held, one refused, no clock."""
    with Peers() as peers:
        peers.serve_customers([customer(number) for number in range(30)])
        environment = {"ECOMMERCE_GATEWAY_URL": peers.url}
        with running_server(folder, environment) as server:
            call_back(server)
            yield server


def settle(visitor: Visitor) -> None:
    """Wait for parts painted shortly after the script has ended: canvases, charts, times."""
    visitor.wait_until_drawn()
    visitor.page.wait_for_timeout(1200)


def take_all(browser: Browser, server: Server, folder: Path, state: str) -> None:
    """Take every page, in ``folder``: ``products-full-fr-dark-390.png``."""
    for (width, height), language in product(WIDTHS.items(), ("en", "fr")):
        locale = {"en": "en-GB", "fr": "fr-FR"}[language]
        size = {"width": width, "height": height}
        visitor = Visitor(browser, server, locale=locale, viewport=size)
        for name in PAGES:
            visitor.open(name)
            settle(visitor)
            for scheme in ("light", "dark"):
                visitor.page.emulate_media(color_scheme=scheme)
                visitor.page.wait_for_timeout(400)
                file = f"{name or 'overview'}-{state}-{language}-{scheme}-{width}.png"
                visitor.page.screenshot(path=folder / file)
            visitor.page.emulate_media(color_scheme="light")
        visitor.context.close()
        print(f"{state}, {language}, {width} px: {'; '.join(visitor.errors) or 'no error'}")


def take_readme_picture(browser: Browser, server: Server) -> None:
    """Take the overview at its size on a laptop, in few colours."""
    visitor = Visitor(browser, server)
    visitor.open()
    settle(visitor)
    picture = Image.open(BytesIO(visitor.page.screenshot()))
    visitor.context.close()
    README_PICTURE.parent.mkdir(exist_ok=True)
    # A palette is enough for a page in few colours, at a third of the size.
    palette = picture.convert("RGB").quantize(128, dither=Image.Dither.NONE)
    palette.save(README_PICTURE, optimize=True)
    print(f"{README_PICTURE}: {README_PICTURE.stat().st_size / 1000:.0f} kB")


def main(folder: Path) -> None:
    folder.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory() as data, running_chromium() as browser:
        with running_server(Path(data)) as server:
            take_all(browser, server, folder, "empty")
            fill(server)
            take_all(browser, server, folder, "full")
            trouble(server)
            take_all(browser, server, folder, "lost")
        with failing_server(Path(data)) as server:
            take_all(browser, server, folder, "failing")


def main_readme() -> None:
    """Only take the README's picture."""
    with (
        tempfile.TemporaryDirectory() as data,
        running_chromium() as browser,
        running_server(Path(data)) as server,
    ):
        fill(server, TASKS[:1])
        take_readme_picture(browser, server)


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("folder", nargs="?", type=Path, default=Path("screenshots"))
    parser.add_argument("--readme", action="store_true", help="README's picture alone")
    asked = parser.parse_args()
    if asked.readme:
        main_readme()
    else:
        main(asked.folder)
