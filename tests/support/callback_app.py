"""A small companion: receives callbacks over HTTP, journals them, and loses some on request."""

from __future__ import annotations

import time
from collections.abc import Callable
from datetime import UTC, datetime
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from threading import Thread
from typing import Any

from ecommerce_core.datasets import DATASETS
from ecommerce_core.domain import NewDelivery, Outcome
from ecommerce_core.scheduler import Scheduler
from ecommerce_core.storage import Store
from tests.support.running import Running

DATASET_OF = {f"/{dataset.callback_path}": dataset for dataset in DATASETS.values()}


class CallbackApp(Running):
    """Answers the scheduler. Use it as a context manager.

    ``drops`` returns whether the n-th callback (from 1) is lost on its way, ``outcome`` its
    outcome; it takes ``takes_s``. Its clock is the cached one unless ``has_fresh_clock``.
    ``dropped`` and ``taken`` are the paths.
    """

    def __init__(
        self,
        *,
        drops: Callable[[int], bool] = lambda _: False,
        outcome: Callable[[int], Outcome] = lambda _: Outcome.EXECUTED,
    ) -> None:
        self.store: Store | None = None
        self.scheduler: Scheduler | None = None
        self.takes_s = 0.0
        self.has_fresh_clock = False
        self.before_answer: Callable[[], object] = lambda: None
        self.dropped: list[str] = []
        self.taken: list[str] = []
        self._count = 0
        app = self

        class Handler(BaseHTTPRequestHandler):
            def do_POST(self) -> None:
                self.rfile.read(int(self.headers.get("Content-Length", 0)))
                app._count += 1
                if drops(app._count):
                    app.dropped.append(self.path)
                else:
                    app._take(self.path, outcome(app._count))
                self.send_response(200)
                self.send_header("Content-Length", "0")
                self.end_headers()

            def log_message(self, format: str, *args: Any) -> None:
                """Do not log."""

        self._server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self._server.daemon_threads = True
        self._thread = Thread(target=self._server.serve_forever, args=(0.01,))

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self._server.server_port}"

    def _take(self, path: str, outcome: Outcome) -> None:
        received_at = datetime.now(UTC)
        began_s = time.monotonic()
        if self.takes_s:
            time.sleep(self.takes_s)
        self.before_answer()
        dataset = DATASET_OF[path]
        clock = None
        if self.scheduler is not None:
            ask = self.scheduler.fetch_reading if self.has_fresh_clock else self.scheduler.reading
            clock = ask().clock
        delivery = NewDelivery(
            received_at=received_at,
            dataset=dataset.name,
            outcome=outcome,
            run_id=None,
            reason=None,
            simulated_at=clock.simulated_at if clock else None,
            task_name=dataset.task_name,
            duration_s=time.monotonic() - began_s,
        )
        self.taken.append(path)
        if self.store is not None:
            self.store.record_deliveries([delivery])

    def start(self) -> None:
        self._thread.start()

    def close(self) -> None:
        self._server.shutdown()
        self._server.server_close()
        self._thread.join(5)
