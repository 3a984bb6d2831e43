"""Old entries of the journals, removed in small steps."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime

from ecommerce_core.storage.record.database import Part, to_text

# A step is one short transaction: no writer waits for long.
STEP = 1_000


@dataclass(frozen=True, slots=True)
class _Journal:
    """``last``: the newest number (of an entry, or of its run) that is old; ``key``, of one row."""

    table: str
    number: str
    key: str
    last: str


_BY_RUN = "SELECT coalesce(max(id), 0) FROM run WHERE finished_at < ?"
# Numbers rise with time. The newest entry stays, whatever its age: others count on from it.
JOURNALS: Mapping[str, _Journal] = {
    "deliveries": _Journal(
        "delivery",
        "id",
        "id",
        "SELECT coalesce(max(id), 0) FROM delivery WHERE received_at < ?"
        " AND id < (SELECT max(id) FROM delivery)",
    ),
    "changes": _Journal("change", "run_id", "run_id, key, field", _BY_RUN),
    "rejected": _Journal("rejected", "run_id", "run_id, position", _BY_RUN),
    "audit": _Journal("audit", "id", "id", "SELECT coalesce(max(id), 0) FROM audit WHERE at < ?"),
}


class Retention(Part):
    """Removes what is old. Everything raises StoreError where the database cannot."""

    def remove_step(self, journal: str, *, before: datetime) -> int:
        """Remove up to STEP entries of a journal that are older; how many they were."""
        of = JOURNALS[journal]
        with self.reading() as db:
            (last,) = db.execute(of.last, [to_text(before)]).fetchone()
            (oldest,) = db.execute(f"SELECT min({of.number}) FROM {of.table}").fetchone()
        if oldest is None or oldest > last:
            return 0
        with self.writing() as db:
            cursor = db.execute(
                f"DELETE FROM {of.table} WHERE ({of.key}) IN (SELECT {of.key} FROM {of.table}"
                f" WHERE {of.number} <= ? ORDER BY {of.key} LIMIT {STEP})",
                [last],
            )
            db.execute(
                "INSERT INTO removed (journal, up_to) VALUES (?, ?) ON CONFLICT (journal)"
                " DO UPDATE SET up_to = excluded.up_to WHERE removed.up_to < excluded.up_to",
                [journal, last],
            )
            return int(cursor.rowcount)

    def removed_up_to(self, journal: str) -> int:
        """Up to which number entries of a journal may have been removed; 0 if none were."""
        with self.reading() as db:
            row = db.execute("SELECT up_to FROM removed WHERE journal = ?", [journal]).fetchone()
            return 0 if row is None else int(row[0])
