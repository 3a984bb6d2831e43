"""The open alerts: since when, and which of them have ended."""

from __future__ import annotations

import logging
from collections.abc import Iterable, Mapping
from dataclasses import replace
from datetime import datetime, timedelta

from ecommerce_core.domain import Alert, AlertKey, StoreError
from ecommerce_core.storage import AlertRecord, Store

logger = logging.getLogger(__name__)

# An alert that returns within this time has not ended: a flapping peer is one alert.
CLEAR_AFTER = timedelta(seconds=60)


class AlertLog:
    """The open alerts, in memory and in the journal; for one thread.

    A store that cannot be written to is itself an alert, so the journal is written after the
    memory.
    """

    def __init__(self, store: Store, *, clear_after: timedelta = CLEAR_AFTER) -> None:
        self._store = store
        self._clear_after = clear_after
        self._records: dict[AlertKey, AlertRecord] = {}
        self._unsaved: dict[AlertKey, list[AlertRecord]] = {}
        self._is_loaded = False

    @property
    def records(self) -> Mapping[AlertKey, AlertRecord]:
        """The alerts that have not ended."""
        return self._records

    def since(self, alert: Alert) -> Alert:
        """Return the alert with the time since when it is known to be open."""
        known = self._records.get(alert.key)
        if known is None or known.alert.since_at >= alert.since_at:
            return alert
        return replace(alert, since_at=known.alert.since_at)

    def update(self, found: Iterable[Alert], *, now: datetime, keeps_journal: bool) -> None:
        """Apply the present alerts. ``keeps_journal``: this process writes the journal."""
        if keeps_journal and not self._is_loaded:
            self._load()
        present = {alert.key: alert for alert in found}
        for key, alert in present.items():
            self._see(key, alert)
        for key, record in list(self._records.items()):
            if key not in present:
                self._miss(key, record, now)
        if keeps_journal and self._is_loaded and self._unsaved:
            self._save()
        if not keeps_journal:
            self._unsaved.clear()

    def _see(self, key: AlertKey, alert: Alert) -> None:
        record = self._records.get(key)
        if record is None:
            # An alert with another one as its cause is not opened; but one that was open stays
            # open.
            if alert.inhibited_by is None:
                self._keep(AlertRecord(0, alert))
                logger.warning(
                    "alert %s began", alert.code, extra={"fields": _fields(alert, "alert_began")}
                )
            return
        now_is = replace(alert, since_at=record.alert.since_at, inhibited_by=None)
        if record.gone_at is not None or now_is != record.alert:
            self._keep(replace(record, alert=now_is, gone_at=None))

    def _miss(self, key: AlertKey, record: AlertRecord, now: datetime) -> None:
        if record.gone_at is None:
            record = replace(record, gone_at=now)
            self._keep(record)
        if record.gone_at is not None and now - record.gone_at >= self._clear_after:
            self._keep(replace(record, ended_at=record.gone_at))
            del self._records[key]
            fields = _fields(record.alert, "alert_ended")
            logger.info("alert %s is over", record.alert.code, extra={"fields": fields})

    def _keep(self, record: AlertRecord) -> None:
        key = record.alert.key
        self._records[key] = record
        waiting = self._unsaved.setdefault(key, [])
        # An entry that was begun and not yet stored is replaced by its present state.
        if waiting and waiting[-1].ended_at is None:
            waiting.pop()
        waiting.append(record)

    def forget(self) -> None:
        """Read the journal again before it is next written: another process may have kept it."""
        self._is_loaded = False

    def _load(self) -> None:
        try:
            stored = {one.alert.key: one for one in self._store.open_alerts()}
        except StoreError:
            return
        self._is_loaded = True
        own, self._records = self._records, dict(stored)
        for key, record in own.items():
            if key in stored:
                self._unsaved.pop(key, None)
            elif key in self._unsaved:
                self._records[key] = record
            elif record.gone_at is None:
                # Only this process has found it so far; one that is gone has ended meanwhile.
                self._keep(replace(record, id=0))

    def _save(self) -> None:
        waiting = [record for records in self._unsaved.values() for record in records]
        try:
            stored = self._store.record_alerts(waiting)
        except StoreError as error:
            logger.debug("alerts are not in the journal yet: %s", error)
            return
        self._unsaved.clear()
        for record in stored:
            if record.ended_at is None and record.alert.key in self._records:
                self._records[record.alert.key] = record


def _fields(alert: Alert, event: str) -> dict[str, object]:
    return {"event": event, "code": alert.code, "severity": alert.severity}
