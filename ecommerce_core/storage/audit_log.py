"""Writes into the audit who did what, so that no failure of it stops what is done."""

from __future__ import annotations

import logging
from contextlib import suppress
from datetime import UTC, datetime, timedelta

from ecommerce_core.domain import Actor, AlertDetail, AuditAction, NewAuditEntry, StoreError
from ecommerce_core.storage.store import Store

logger = logging.getLogger(__name__)


class AuditLog:
    """Records actions beyond runs. Its methods never raise: what cannot be written is logged."""

    def __init__(self, store: Store) -> None:
        self._store = store
        self._recorded_at: dict[tuple[AuditAction, str], datetime] = {}

    def record(
        self, action: AuditAction, *, by: Actor, subject: str = "", **details: AlertDetail
    ) -> None:
        """Record an action that was taken."""
        entry = NewAuditEntry(datetime.now(UTC), action, by.name or None, subject, details)
        try:
            self._store.record_audit(entry)
        except StoreError as error:
            logger.error("%s by %s is not in the audit: %s", action, by.name or "-", error)

    def record_once(
        self, action: AuditAction, *, by: Actor, subject: str, every: timedelta | None = None
    ) -> None:
        """Record an action unless the audit has it; with ``every``, again after that time."""
        now, key = datetime.now(UTC), (action, subject)
        known = self._recorded_at.get(key)
        if known is not None and (every is None or now - known < every):
            return
        self._recorded_at[key] = now
        with suppress(StoreError):
            if every is None and self._store.is_audited(action, subject):
                return
        self.record(action, by=by, subject=subject)
