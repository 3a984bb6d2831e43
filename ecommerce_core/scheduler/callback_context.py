"""One delivery of a callback, from its arrival to its entry in the journal.

The scheduler's own is created by the companion; one that a person repeats is created by the
application, and names the one that it repeats.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Callable
from concurrent.futures import CancelledError, Future
from datetime import UTC, datetime
from typing import Protocol

from ecommerce_core.datasets import Dataset
from ecommerce_core.domain import (
    ClockReading,
    Fact,
    NewDelivery,
    Outcome,
    Run,
    RunStatus,
    fact_of,
    make_fact,
)
from ecommerce_core.logs import log_delivery
from ecommerce_core.scheduler.delivery_writer import DeliveryWriter
from ecommerce_core.sync import RunHandle


class DeliveryMetrics(Protocol):
    """The counters of callbacks, as in the companion's metrics."""

    def observe_delivery(self, dataset: str, outcome: Outcome) -> None:
        """Count a callback that arrived."""
        ...

    def observe_refusal_not_kept(self, dataset: str) -> None:
        """Count a refused callback that the journal does not keep."""
        ...


class CallbackContext:
    """One callback under way, until it is journalled.

    ``again_of`` is the delivery that a person repeats, ``simulated_at`` the clock's time if it is
    known at once; else ``clock`` may be set to a reading that is under way. ``metrics`` counts the
    callers' callbacks, and is None for a repeated one.
    """

    def __init__(
        self,
        log: DeliveryWriter,
        dataset: Dataset,
        *,
        metrics: DeliveryMetrics | None = None,
        again_of: int | None = None,
        simulated_at: datetime | None = None,
    ) -> None:
        self._log = log
        self._dataset = dataset
        self._metrics = metrics
        self._again_of = again_of
        self._simulated_at = simulated_at
        self._received_at = datetime.now(UTC)
        self._began_s = time.monotonic()
        self._once = threading.Lock()
        self.clock: Future[ClockReading] | None = None

    def journal(
        self,
        outcome: Outcome,
        *,
        run_id: int | None = None,
        reason: Fact | None = None,
        error: BaseException | None = None,
    ) -> None:
        """Record the outcome, only the first time. Never blocks; any thread may call it.

        ``reason`` is why; by default the fact of ``error``.
        """
        if not self._once.acquire(blocking=False):
            return
        delivery = NewDelivery(
            received_at=self._received_at,
            dataset=self._dataset.name,
            outcome=outcome,
            run_id=run_id,
            reason=reason if error is None else reason or fact_of(error),
            simulated_at=self._simulated_at,
            # A refused caller has not proved to be the task.
            task_name=None if outcome is Outcome.REFUSED else self._dataset.task_name,
            duration_s=time.monotonic() - self._began_s,
            again_of=self._again_of,
        )
        if self._metrics is not None:
            self._metrics.observe_delivery(delivery.dataset, outcome)
        if self._log.record(delivery, clock=self.clock):
            log_delivery(delivery, error=error)
        elif self._metrics is not None:
            # Not logged either: a flood would fill the log instead.
            self._metrics.observe_refusal_not_kept(delivery.dataset)

    def follow(
        self,
        run_handle: RunHandle,
        *,
        on_end: Callable[[CallbackContext], None] = lambda delivery: None,
    ) -> None:
        """Journal the callback when its run ends, whether or not the caller still waits by then."""

        def ended(future: Future[Run]) -> None:
            on_end(self)
            try:
                run = future.result()
            except (Exception, CancelledError) as error:
                is_cut = isinstance(error, CancelledError)
                reason = make_fact("shutting_down") if is_cut else None
                self.journal(Outcome.FAILED, run_id=run_handle.run_id(), reason=reason, error=error)
                return
            if run.status in {RunStatus.FAILED, RunStatus.INTERRUPTED}:
                self.journal(Outcome.FAILED, run_id=run.id, reason=run.error)
            else:
                outcome = Outcome.JOINED if run_handle.joined else Outcome.EXECUTED
                self.journal(outcome, run_id=run.id, reason=run.error)

        run_handle.stored.add_done_callback(ended)
