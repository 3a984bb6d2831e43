"""The whole product under faults: the real server, a misbehaving peer, readers on every page."""

from __future__ import annotations

import re
from collections.abc import Iterator
from concurrent.futures import Future
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import requests

from ecommerce_core.datasets import DATASETS
from ecommerce_core.domain import Delivery, Run, RunStatus, escape
from ecommerce_core.storage import Store
from tests.faults.peer import MisbehavingPeer, answer_json
from tests.support.peers import customer, products
from tests.support.server import Server, Session, running_server
from tests.support.waiting import until

MB = 2**20
ROWS = 30
PAGES = ("", "products", "customers", "scheduler", "activity", "explore", "help")
AGENT = ("--server.enableAgentApi=true",)
CLOCK = ["07/01/2019-01:23:20", 50, False]
# Short time-outs, but longer than a good answer ever takes here.
LIMITS = {"ECOMMERCE_TIMEOUT_S": "1", "ECOMMERCE_DEADLINE_S": "2", "ECOMMERCE_MAX_BODY_MB": "16"}


class Product:
    """A server with its peer, its store as another process sees it, and a reader per page."""

    def __init__(self, server: Server, peer: MisbehavingPeer, folder: Path) -> None:
        self.server = server
        self.peer = peer
        self.store = Store(folder / "ecommerce.db")
        self._sessions: dict[str, Session] = {}
        self._price = 0
        self.dripping: Future[tuple[bytes, float]] = Future()

    def post(self, dataset: str = "products", **more: Any) -> requests.Response:
        """Send one callback of the scheduler's."""
        path = DATASETS[dataset].callback_path.removeprefix("ecommerce/")
        return requests.post(self.server.page(path), timeout=60, **more)

    def serve(self) -> None:
        """Let both peers answer well, with values that were never there before."""
        self._price += 1
        rows = products(ROWS, price=self._price)
        self.peer.play(answer_json({"produits": rows}), host="catalogue-produit")
        people = [customer(number, fidelityPoint=self._price) for number in range(ROWS)]
        self.peer.play(answer_json(people), host="crm")

    def assert_takes_the_next_good_answer(self, dataset: str = "products") -> None:
        """Check that a good answer is stored, and that every row has its values."""
        self.serve()
        answer = self.post(dataset)
        assert (answer.status_code, answer.text[:5]) == (200, "Done\n"), answer.text
        assert self.rows(dataset) == {self._price: ROWS}

    def rows(self, dataset: str = "products") -> dict[float, int]:
        """Count the rows by price, or by number of points."""
        what = {"products": "price_cents", "customers": "loyalty_points"}[dataset]
        table = DATASETS[dataset].table
        with self.store.reading() as db:
            return dict(
                db.execute(
                    f"SELECT {what}, count(*) FROM {table} WHERE withdrawn_at IS NULL GROUP BY 1"
                ).fetchall()
            )

    def last_run(self, dataset: str = "products") -> Run:
        run = self.store.last_run(dataset)
        assert run is not None
        return run

    def last_delivery(self, run: Run) -> Delivery:
        """Return the callback that requested a run, once it is in the journal."""
        found: list[Delivery] = []

        def look() -> bool:
            deliveries = self.store.list_deliveries(limit=20)
            found[:] = [each for each in deliveries if each.run_id == run.id]
            return bool(found)

        until(look)
        return found[0]

    def read(self, page: str) -> str:
        """Return the text of a page; fail if it shows an exception."""
        session = self._sessions.get(page)
        if session is None:
            session = self._sessions[page] = Session(self.server, page)
        else:
            session.rerun()
        return said(session)

    def forget_readers(self) -> None:
        """Open each page in a new session the next time."""
        self._sessions.clear()

    def assert_every_page_is_alive(self) -> None:
        for page in PAGES:
            self.read(page)

    def assert_failed(self, answer: requests.Response, reason: str, dataset: str) -> None:
        """Check that a fetch failed for ``reason``, was reported everywhere, and lost no row."""
        peer = DATASETS[dataset].peer
        assert answer.status_code == 502, answer.text
        assert re.fullmatch(f"Bad Gateway: .*(?:{reason}).*\n", answer.text, re.DOTALL), answer.text
        assert peer in answer.text
        run = self.last_run(dataset)
        assert run.status is RunStatus.FAILED
        assert answer.text == f"Bad Gateway: {run.error}\n"
        delivery = self.last_delivery(run)
        assert (delivery.outcome, delivery.reason) == ("failed", run.error)
        text = self.read(dataset)
        assert "The last fetch failed" in text
        assert escape(str(run.error))[1:] in text
        assert {"products": "X1-0", "customers": "Eddison"}[dataset] in text

    def assert_log_is_clean(self) -> None:
        assert "Traceback" not in self.server.log, self.server.log[-4_000:]

    @contextmanager
    def little_memory(self, limit_bytes: int) -> Iterator[None]:
        """Fail if the server's memory grows by more than ``limit_bytes``, even for a moment."""
        proc = Path(f"/proc/{self.server.process.pid}")
        # Resets the peak to the present use.
        (proc / "clear_refs").write_text("5")
        before = _status_bytes(proc, "VmHWM")
        yield
        grown = _status_bytes(proc, "VmHWM") - before
        assert grown < limit_bytes, f"{grown / MB:.0f} MB"


@contextmanager
def running_product(folder: Path, environment: dict[str, str] | None = None) -> Iterator[Product]:
    """Run the product with peers that answer well."""
    with MisbehavingPeer() as peer:
        peer.play(answer_json(CLOCK), host="scheduler", path="/clock/info")
        peer.play(answer_json([]), host="scheduler", path="/schedule/json")
        settings = {"ECOMMERCE_GATEWAY_URL": peer.url, **LIMITS, **(environment or {})}
        with running_server(folder, settings, options=AGENT) as server:
            product = Product(server, peer, folder)
            product.serve()
            yield product


def said(session: Session) -> str:
    """Return every text on the page as last seen; fail if it shows an exception."""
    texts: list[str] = []

    def collect(node: Any) -> None:
        if isinstance(node, str):
            texts.append(node)
        elif isinstance(node, dict):
            assert node.get("type") != "exception", node
            for value in node.values():
                collect(value)
        elif isinstance(node, list):
            for value in node:
                collect(value)

    collect(session.last["tree"])
    text = "\n".join(texts)
    assert "Traceback" not in text
    return text


def _status_bytes(proc: Path, name: str) -> int:
    [line] = [line for line in (proc / "status").read_text().splitlines() if line.startswith(name)]
    return int(line.split()[1]) * 1024
