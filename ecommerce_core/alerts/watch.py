"""The thread that checks for alerts, keeps since when, and has messages sent.

Pages, health and metrics read the list from it, which is made anew each time.
"""

from __future__ import annotations

import logging
import threading
import time
from collections.abc import Callable, Mapping
from datetime import timedelta

from ecommerce_core.alerts.gather import FactSource, store_fault_of
from ecommerce_core.alerts.log import CLEAR_AFTER, AlertLog
from ecommerce_core.alerts.rules import find_alerts
from ecommerce_core.domain import Alert, AlertKey, StoreError
from ecommerce_core.storage import AlertRecord, Leader

logger = logging.getLogger(__name__)

LOOK_EVERY_S = 5.0
# Trying the store takes its lock, for which a writer may have to wait.
PROBE_EVERY_S = 30.0
# It is unknown for a moment after a start whether the scheduler answers.
PATIENCE_S = 10.0

# Called with the open alerts; with None if another server is the one that tells of them.
Observer = Callable[[Mapping[AlertKey, AlertRecord] | None], None]
_PART = "alerts"


class AlertWatch:
    """Checks every few seconds, and at once after ``wake``.

    Of several processes with one database the ``leader`` keeps the journal and tells
    ``observers``; all of them check. Observers are called on the thread that checks and must not
    block.
    """

    def __init__(
        self,
        source: FactSource,
        *,
        leader: Leader,
        every_s: float = LOOK_EVERY_S,
        probe_every_s: float = PROBE_EVERY_S,
        clear_after: timedelta = CLEAR_AFTER,
    ) -> None:
        self._source = source
        self._log = AlertLog(source.store, clear_after=clear_after)
        self._every_s = every_s
        self._probe_every_s = probe_every_s
        self._probed_s: float | None = None
        self._leader = leader
        # As it was when it could be told: a database that does not answer is itself an alert.
        self._leads = True
        self._term = 0
        self._turn = threading.Lock()
        self._newest: tuple[Alert, ...] = ()
        self._wake = threading.Event()
        self._stopping = threading.Event()
        self._thread: threading.Thread | None = None
        self._is_failing = False
        self.observers: list[Observer] = []

    def start(self) -> None:
        """Start the thread."""
        self._thread = threading.Thread(target=self._run, name="alerts", daemon=True)
        self._thread.start()

    def stop(self, *, timeout_s: float = 2.0) -> None:
        """End the thread; open alerts stay open in the journal."""
        self._stopping.set()
        self._wake.set()
        if self._thread is not None:
            self._thread.join(timeout_s)
        self._leader.leave(_PART)

    def wake(self) -> None:
        """Check again as soon as possible. Never waits."""
        self._wake.set()

    def current(self) -> tuple[Alert, ...]:
        """Return all present alerts, the worst first, with those that another one explains."""
        return tuple(self._log.since(alert) for alert in find_alerts(self._source.gather()))

    def newest(self) -> tuple[Alert, ...]:
        """Return the alerts of the last check; never waits."""
        return self._newest

    def look(self) -> None:
        """Look once, now. Never raises: what goes wrong is logged once."""
        with self._turn:
            try:
                self._look()
            except Exception:
                if not self._is_failing:
                    self._is_failing = True
                    logger.exception("alerts are not looked for")
                return
            self._is_failing = False

    def _run(self) -> None:
        ends_s = time.monotonic() + PATIENCE_S
        while not self._source.has_looked and time.monotonic() < ends_s:
            if self._stopping.wait(0.1):
                return
        while not self._stopping.is_set():
            self.look()
            self._wake.wait(self._every_s)
            self._wake.clear()

    def _look(self) -> None:
        self._probe()
        facts = self._source.gather()
        found = find_alerts(facts)
        self._take_lead()
        self._log.update(found, now=facts.now, keeps_journal=self._leads)
        self._newest = tuple(self._log.since(alert) for alert in found)
        for observer in tuple(self.observers):
            observer(dict(self._log.records) if self._leads else None)

    def _probe(self) -> None:
        now_s = time.monotonic()
        is_recent = self._probed_s is not None and now_s - self._probed_s < self._probe_every_s
        # With a fault it is tried each time, so that the alert ends soon after it.
        if is_recent and self._source.store_fault is None:
            return
        self._probed_s = now_s
        try:
            self._source.store.check_writable()
            self._source.store.check_sound()
        except StoreError as error:
            fault = store_fault_of(error)
            if fault is not None:
                self._source.store_fault = fault
            return
        self._source.store_fault = None

    def _take_lead(self) -> None:
        """See whether this server is the one that keeps the journal and sends messages."""
        try:
            term = self._leader.take(_PART)
        except StoreError as error:
            logger.debug("it cannot be told which server leads: %s", error)
            return
        self._leads = bool(term)
        if term != self._term:
            # Another server may have kept the journal, and told of alerts, until now.
            self._term = term
            self._log.forget()
            for observer in tuple(self.observers):
                observer(None)
