"""Removes what is older than the settings say, an hour apart and in small steps."""

from __future__ import annotations

import logging
import threading
from collections.abc import Mapping
from datetime import UTC, datetime, timedelta

from ecommerce_core.domain import StoreError
from ecommerce_core.settings import Settings
from ecommerce_core.storage.store import Store

logger = logging.getLogger(__name__)

LOOK_EVERY_S = 3_600.0
# Between two steps, so that whoever writes gets a turn.
PAUSE_S = 0.05


class RetentionSchedule:
    """Removes old entries of journals. ``keep``: how long, by journal; who is not in it keeps all.

    Several processes may do it at once: each step is a transaction of its own.
    """

    def __init__(self, store: Store, keep: Mapping[str, timedelta]) -> None:
        self._store = store
        self._keep = keep
        self._stopping = threading.Event()
        self._thread: threading.Thread | None = None

    @classmethod
    def from_settings(cls, settings: Settings, store: Store) -> RetentionSchedule:
        """Return a schedule that keeps entries as long as the settings say."""
        days = {
            "deliveries": settings.keep_deliveries_days,
            "changes": settings.keep_changes_days,
            "rejected": settings.keep_rejected_days,
            "audit": settings.keep_audit_days,
        }
        return cls(store, {name: timedelta(days=count) for name, count in days.items() if count})

    def start(self) -> None:
        """Start the thread, if there is anything that is not kept for ever."""
        if self._keep and self._thread is None:
            self._thread = threading.Thread(target=self._run, name="retention", daemon=True)
            self._thread.start()

    def stop(self, *, timeout_s: float = 2.0) -> None:
        """End the thread after the step that it is at."""
        self._stopping.set()
        if self._thread is not None:
            self._thread.join(timeout_s)

    def remove_old(self, *, now: datetime) -> dict[str, int]:
        """Remove all that is old by now; how many entries of each journal. Raises StoreError."""
        return {name: self._remove(name, now - age) for name, age in self._keep.items()}

    def _remove(self, journal: str, before: datetime) -> int:
        total = 0
        while not self._stopping.is_set():
            count = self._store.remove_step(journal, before=before)
            if not count:
                break
            total += count
            self._stopping.wait(PAUSE_S)
        if total:
            logger.info(
                "removed %d entries of %s from before %s",
                total,
                journal,
                before.date(),
                extra={"fields": {"event": "retention", "journal": journal, "count": total}},
            )
        return total

    def _run(self) -> None:
        while not self._stopping.is_set():
            try:
                self.remove_old(now=datetime.now(UTC))
            except StoreError as error:
                logger.warning("old entries of the journals were not removed: %s", error)
            self._stopping.wait(LOOK_EVERY_S)
