"""The journal of alerts, and of the messages that each service has been sent about them."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any

from ecommerce_core.domain import Alert, AlertCode
from ecommerce_core.storage.record.database import Database, Part, to_datetime, to_text

# Ended alerts beyond this number are deleted, the oldest first.
KEPT_ALERTS = 1_000


@dataclass(frozen=True, slots=True)
class AlertRecord:
    """An alert in the journal. ``id`` is 0 until it is stored.

    ``gone_at`` is since when it is not found any more; ``ended_at`` when it was taken as ended.
    """

    id: int
    alert: Alert
    gone_at: datetime | None = None
    ended_at: datetime | None = None


@dataclass(frozen=True, slots=True)
class Told:
    """A message that a service has been sent: its alert, and when it was sent last."""

    alert: Alert
    told_at: datetime


class AlertJournal(Part):
    """Reads and writes of alerts. All methods raise StoreError if the database fails."""

    def open_alerts(self) -> list[AlertRecord]:
        """List the alerts that have not ended, the oldest first."""
        with self.reading() as db:
            rows = db.query("SELECT * FROM alert WHERE ended_at IS NULL ORDER BY id")
            return [_record_of_row(row) for row in rows]

    def list_alerts(self, *, limit: int = 100) -> list[AlertRecord]:
        """List all alerts that are kept, the newest first."""
        with self.reading() as db:
            rows = db.query("SELECT * FROM alert ORDER BY id DESC LIMIT ?", [limit])
            return [_record_of_row(row) for row in rows]

    def record_alerts(self, records: Sequence[AlertRecord]) -> list[AlertRecord]:
        """Write the present state of alerts, new ones with the id 0, in one transaction.

        Returns them with their ids. The oldest of more than KEPT_ALERTS are deleted.
        """
        with self.writing() as db:
            stored = [_write(db, record) for record in records]
            db.execute(
                "DELETE FROM alert WHERE ended_at IS NOT NULL"
                " AND id <= (SELECT max(id) FROM alert) - ?",
                [KEPT_ALERTS],
            )
        return stored

    def list_told(self, service: str) -> list[Told]:
        """List the alerts that a service has been sent, without a message that they ended."""
        with self.reading() as db:
            rows = db.query("SELECT * FROM alert_told WHERE service = ?", [service])
            return [Told(_alert_of_row(row), _moment(row["told_at"])) for row in rows]

    def record_told(self, service: str, told: Iterable[Told]) -> None:
        """Replace the list of alerts that a message service has been sent."""
        with self.writing() as db:
            db.execute("DELETE FROM alert_told WHERE service = ?", [service])
            db.executemany(
                "INSERT INTO alert_told"
                " (service, code, subject, since_at, datasets, details, told_at)"
                " VALUES (?, ?, ?, ?, ?, ?, ?)",
                [(service, *_values(one.alert), to_text(one.told_at)) for one in told],
            )


def _write(db: Database, record: AlertRecord) -> AlertRecord:
    ends = [to_text(record.gone_at), to_text(record.ended_at)]
    if record.id:
        db.execute(
            "UPDATE alert SET gone_at = ?, ended_at = ?, details = ? WHERE id = ?",
            [*ends, _values(record.alert)[-1], record.id],
        )
        return record
    cursor = db.execute(
        "INSERT INTO alert (code, subject, since_at, datasets, details, gone_at, ended_at)"
        " VALUES (?, ?, ?, ?, ?, ?, ?) RETURNING id",
        [*_values(record.alert), *ends],
    )
    return replace(record, id=int(cursor.fetchone()[0]))


def _values(alert: Alert) -> list[str | None]:
    return [
        alert.code,
        alert.subject,
        to_text(alert.since_at),
        json.dumps(alert.datasets),
        json.dumps(dict(alert.details)),
    ]


def _alert_of_row(row: Mapping[str, Any]) -> Alert:
    return Alert(
        AlertCode(row["code"]),
        row["subject"],
        _moment(row["since_at"]),
        tuple(json.loads(row["datasets"])),
        json.loads(row["details"]),
    )


def _record_of_row(row: Mapping[str, Any]) -> AlertRecord:
    gone_at, ended_at = to_datetime(row["gone_at"]), to_datetime(row["ended_at"])
    return AlertRecord(row["id"], _alert_of_row(row), gone_at, ended_at)


def _moment(text: str) -> datetime:
    moment = to_datetime(text)
    if moment is None:
        raise ValueError("an alert without a time")
    return moment
