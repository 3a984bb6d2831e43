"""A dead man's switch: another machine gets a signal of each fetch, and notices if they stop.

It uses the protocol of healthchecks.io: the URL itself for success, ``/start`` and ``/fail`` below
it, and ``rid`` to match a start with its end.
"""

from __future__ import annotations

import logging
import queue
import threading
import uuid
from collections.abc import Callable
from datetime import UTC, datetime
from urllib.parse import quote, urlsplit

from ecommerce_core.domain import Action, PeerError, Run
from ecommerce_core.gateway import Gateway

logger = logging.getLogger(__name__)

PEER = "ping"
TIMEOUT_S, DEADLINE_S = 5.0, 15.0
# The signals that wait for a service that does not answer; older ones are useless.
MOST_WAITING = 20
MAX_ANSWER_BYTES = 65_536
DATASET = "{dataset}"


class DeadMansSwitch:
    """Signals the beginning and the end of fetches to one URL, from a thread of its own.

    ``{dataset}`` in the URL becomes the dataset's name: a check for each. A fetch that ends without
    a run in the journal (a full disk) has a start and no end there, so that the service reports it.
    """

    def __init__(self, url: str | None) -> None:
        self._url = url
        self._gateway: Gateway | None = None
        self._path = ""
        if url is not None:
            parts = urlsplit(url)
            self._path = parts.path
            self._gateway = Gateway(
                f"{parts.scheme}://{parts.netloc}",
                host=parts.netloc,
                timeout_s=TIMEOUT_S,
                deadline_s=DEADLINE_S,
                max_body_bytes=MAX_ANSWER_BYTES,
            )
        self._started: dict[str, str] = {}
        self._waiting: queue.Queue[str | None] = queue.Queue(MOST_WAITING)
        self._thread: threading.Thread | None = None
        self.failing_since: datetime | None = None
        self.observers: list[Callable[[bool], None]] = []

    def start(self) -> None:
        """Start the thread, if there is a URL."""
        gateway = self._gateway
        if gateway is None or self._thread is not None:
            return
        self._thread = threading.Thread(target=self._run, args=(gateway,), name=PEER, daemon=True)
        self._thread.start()

    def stop(self, *, timeout_s: float = 3.0) -> None:
        """Send the waiting signals within ``timeout_s``, and end the thread."""
        thread, self._thread = self._thread, None
        if thread is None or self._gateway is None:
            return
        self._put(None)
        thread.join(timeout_s)
        self._gateway.cut_calls(PEER)

    def begun(self, dataset: str) -> None:
        """Signal that a fetch begins. Never waits."""
        if self._thread is not None:
            self._started[dataset] = str(uuid.uuid4())
            self._put(self._address(dataset, "/start"))

    def ended(self, run: Run) -> None:
        """Signal that a run has ended, well or not, unless it fetched nothing. Never waits."""
        if self._thread is not None and run.action is Action.SYNC:
            self._put(self._address(run.dataset, "" if run.status.is_good else "/fail"))
            self._started.pop(run.dataset, None)

    def _address(self, dataset: str, signal: str) -> str:
        path = self._path.replace(DATASET, quote(dataset, safe="")) + signal
        rid = self._started.get(dataset)
        return path if rid is None else f"{path}?rid={rid}"

    def _put(self, path: str | None) -> None:
        while True:
            try:
                self._waiting.put_nowait(path)
            except queue.Full:
                try:
                    self._waiting.get_nowait()
                except queue.Empty:
                    continue
            else:
                return

    def _run(self, gateway: Gateway) -> None:
        while (path := self._waiting.get()) is not None:
            self._send(gateway, path)

    def _send(self, gateway: Gateway, path: str) -> None:
        try:
            gateway.fetch(PEER, path, max_body_bytes=MAX_ANSWER_BYTES)
        except PeerError as error:
            if self.failing_since is None:
                self.failing_since = datetime.now(UTC)
                # The address is a secret: anybody who knows it can send signals.
                logger.warning("ECOMMERCE_PING_URL is not told: %s", type(error).__name__)
            is_told = False
        else:
            if self.failing_since is not None:
                logger.info("ECOMMERCE_PING_URL is told again")
            self.failing_since, is_told = None, True
        for observer in tuple(self.observers):
            observer(is_told)
