"""The expected callbacks in the journal, and the state from which the monitor continues."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import fields, replace
from datetime import datetime
from typing import Any

import msgspec

from ecommerce_core.domain import ExpectedCallback, ExpectedOutcome, ExpectedSummary, MonitorState
from ecommerce_core.storage.record.database import (
    Database,
    Part,
    to_columns,
    to_datetime,
    to_fact,
    to_text,
)

# A late delivery matches one of these; reading all that are kept every second is too slow.
MARKED_CALLBACKS = 200
KEPT_CALLBACKS = 10_000

# Every field has a column of its name, except the reason, which has two.
_FIELDS = [field.name for field in fields(ExpectedCallback) if field.name != "reason"]
_COLUMNS = [*_FIELDS, "reason_code", "reason_details"]
_MARKS = ", ".join("?" for _ in _COLUMNS[1:])


class ExpectedCallbackJournal(Part):
    """Reads and writes of expected callbacks. Everything raises StoreError."""

    def record_expected_callbacks(
        self, callbacks: Sequence[ExpectedCallback], state: MonitorState
    ) -> list[ExpectedCallback]:
        """Write expected callbacks (new ones have the id 0) and the state, in one transaction.

        Returns them with their ids. The oldest of more than KEPT_CALLBACKS are removed.
        """
        kept = msgspec.json.encode(state).decode()

        def is_stored(db: Database) -> bool:
            return bool(db.execute("SELECT 1 FROM watch WHERE state = ?", [kept]).fetchone())

        with self.writing(is_stored=is_stored) as db:
            stored = [self._write(db, callback) for callback in callbacks]
            _date_deliveries(db, callbacks)
            db.execute(
                "INSERT INTO watch (id, state) VALUES (1, ?)"
                " ON CONFLICT (id) DO UPDATE SET state = excluded.state",
                [kept],
            )
            if any(callback.id == 0 for callback in callbacks):
                db.execute(
                    "DELETE FROM promise WHERE outcome <> 'pending'"
                    " AND id <= (SELECT max(id) FROM promise) - ?",
                    [KEPT_CALLBACKS],
                )
        return stored

    def monitor_state(self) -> MonitorState | None:
        """Return the state that was stored last, or None if there is none that can be read."""
        with self.reading() as db:
            row = db.execute("SELECT state FROM watch").fetchone()
        try:
            return None if row is None else msgspec.json.decode(row[0], type=MonitorState)
        except msgspec.MsgspecError:
            return None

    def open_expected_callbacks(self, *, noticed_since: datetime) -> list[ExpectedCallback]:
        """Return those still pending, and those missed or cancelled since then, oldest first."""
        with self.reading() as db:
            rows = db.query(
                "SELECT * FROM promise WHERE outcome = 'pending'"
                " OR (outcome IN ('missed', 'cancelled') AND noticed_at >= ?) ORDER BY id",
                [to_text(noticed_since)],
            )
            return [_callback_of_row(row) for row in rows]

    def list_expected_callbacks(
        self,
        *,
        limit: int = 100,
        since: datetime | None = None,
        until: datetime | None = None,
        dataset: str | None = None,
        noticed_since: datetime | None = None,
    ) -> list[ExpectedCallback]:
        """Return expected callbacks, newest first, due between simulated ``since`` and ``until``.

        ``noticed_since`` (UTC) leaves out those from before the clock was set back.
        """
        with self.reading() as db:
            rows = db.query(
                "SELECT * FROM promise WHERE simulated_last_at >= coalesce(:since, '')"
                " AND simulated_at <= coalesce(:until, '~') AND noticed_at >= coalesce(:era, '')"
                " AND dataset = coalesce(:dataset, dataset)"
                " ORDER BY noticed_at DESC, simulated_at DESC, id DESC LIMIT :limit",
                {
                    "since": to_text(since),
                    "until": to_text(until),
                    "era": to_text(noticed_since),
                    "dataset": dataset,
                    "limit": limit,
                },
            )
            return [_callback_of_row(row) for row in rows]

    def expected_summary(self, *, noticed_since: datetime | None = None) -> list[ExpectedSummary]:
        """Return the number of kept callbacks of each outcome, task by task."""
        with self.reading() as db:
            rows = db.execute(
                "SELECT dataset, task_name, recurrence, outcome, CAST(sum(count) AS BIGINT)"
                " FROM promise WHERE noticed_at >= coalesce(?, '')"
                " GROUP BY 1, 2, 3, 4 ORDER BY 1, 2, 3",
                [to_text(noticed_since)],
            ).fetchall()
        counts: dict[tuple[str, str, str], dict[str, Any]] = {}
        for dataset, task_name, recurrence, outcome, count in rows:
            counts.setdefault((dataset, task_name, recurrence), {})[outcome] = count
        return [ExpectedSummary(*task, **of_task) for task, of_task in counts.items()]

    def expected_mark(self) -> tuple[tuple[int, str, int], ...]:
        """Return a value that changes once a recent callback was made or got another outcome."""
        with self.reading() as db:
            newest = "SELECT id, outcome, count FROM promise ORDER BY id DESC LIMIT ?"
            return tuple(db.execute(newest, [MARKED_CALLBACKS]).fetchall())

    def _write(self, db: Database, callback: ExpectedCallback) -> ExpectedCallback:
        own = [getattr(callback, name) for name in _FIELDS]
        values = [
            *(to_text(value) if isinstance(value, datetime) else value for value in own),
            *to_columns(callback.reason),
        ]
        if callback.id == 0:
            columns = ", ".join(_COLUMNS[1:])
            cursor = db.execute(
                f"INSERT INTO promise ({columns}) VALUES ({_MARKS}) RETURNING id", values[1:]
            )
            return replace(callback, id=int(cursor.fetchone()[0]))
        changes = ", ".join(f"{column} = ?" for column in _COLUMNS[1:])
        db.execute(f"UPDATE promise SET {changes} WHERE id = ?", [*values[1:], callback.id])
        return callback


def _date_deliveries(db: Database, callbacks: Sequence[ExpectedCallback]) -> None:
    """Give deliveries the time at which they were due, if the clock was not read, or set back."""
    due = [
        {"at": to_text(one.simulated_at), "delivery": one.delivery_id}
        for one in callbacks
        if one.delivery_id is not None and one.count == 1
    ]
    db.executemany(
        "UPDATE delivery SET simulated_at = :at"
        " WHERE id = :delivery AND coalesce(simulated_at, '') < :at",
        due,
    )
    db.executemany(
        "UPDATE run SET simulated_at = :at WHERE trigger = 'callback'"
        " AND coalesce(simulated_at, '') < :at AND id ="
        " (SELECT run_id FROM delivery WHERE id = :delivery AND outcome <> 'joined')",
        due,
    )


def _callback_of_row(row: Mapping[str, Any]) -> ExpectedCallback:
    moments = {
        column: to_datetime(row[column])
        for column in ("simulated_at", "simulated_last_at", "since_at", "noticed_at", "received_at")
    }
    own = {name: row[name] for name in _FIELDS}
    return ExpectedCallback(
        **{**own, **moments, "outcome": ExpectedOutcome(row["outcome"])},
        reason=to_fact(row["reason_code"], row["reason_details"]),
    )
