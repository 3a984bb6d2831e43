"""The audit: who changed, exported or used what, beyond the runs that their journal has."""

from __future__ import annotations

import json
from collections.abc import Mapping
from datetime import datetime
from typing import Any

from ecommerce_core.domain import AuditAction, AuditEntry, NewAuditEntry
from ecommerce_core.storage.record.database import Part, to_datetime, to_text


class AuditJournal(Part):
    """Reads and writes of the audit. Everything raises StoreError where the database cannot."""

    def record_audit(self, new: NewAuditEntry) -> None:
        """Write one line."""
        with self.writing() as db:
            db.execute(
                "INSERT INTO audit (at, action, actor, subject, details) VALUES (?, ?, ?, ?, ?)",
                [to_text(new.at), new.action, new.actor, new.subject, json.dumps({**new.details})],
            )

    def list_audit(
        self,
        *,
        limit: int = 100,
        before_id: int | None = None,
        action: AuditAction | None = None,
        actor: str | None = None,
        since: datetime | None = None,
    ) -> list[AuditEntry]:
        """Lines that match, the newest first. ``before_id`` pages on."""
        wanted = {
            "id < ?": before_id,
            "action = ?": action,
            "actor = ?": actor,
            "at >= ?": to_text(since),
        }
        given = {clause: value for clause, value in wanted.items() if value is not None}
        where = " AND ".join(["TRUE", *given])
        with self.reading() as db:
            rows = db.query(
                f"SELECT * FROM audit WHERE {where} ORDER BY id DESC LIMIT ?",
                [*given.values(), limit],
            )
            return [_entry_of_row(row) for row in rows]

    def list_auditors(self) -> list[str]:
        """Everybody who is named in the audit, in order."""
        with self.reading() as db:
            named = "SELECT DISTINCT actor FROM audit WHERE actor IS NOT NULL ORDER BY actor"
            return [actor for (actor,) in db.execute(named).fetchall()]

    def is_audited(self, action: AuditAction, subject: str) -> bool:
        """Whether there is a line of that action and subject."""
        with self.reading() as db:
            found = "SELECT EXISTS (SELECT 1 FROM audit WHERE action = ? AND subject = ?)"
            return bool(db.execute(found, [action, subject]).fetchone()[0])


def _entry_of_row(row: Mapping[str, Any]) -> AuditEntry:
    at = to_datetime(row["at"])
    if at is None:
        raise ValueError("a line of the audit without a time")
    return AuditEntry(
        at,
        AuditAction(row["action"]),
        row["actor"],
        row["subject"],
        json.loads(row["details"]),
        id=row["id"],
    )
