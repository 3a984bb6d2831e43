"""The journal of callbacks that were delivered, or refused."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

import msgspec

from ecommerce_core.models import Delivery, NewDelivery, Outcome
from ecommerce_core.transactions import Transactions, to_datetime, to_text


class DeliveryJournal(Transactions):
    """Reads and writes of deliveries. Everything raises StoreError where the database cannot."""

    def record_deliveries(self, deliveries: Sequence[NewDelivery]) -> None:
        """Write callbacks into the journal, all in one transaction."""
        rows = [
            (
                to_text(new.received_at),
                new.dataset,
                new.outcome,
                new.run_id,
                new.reason,
                to_text(new.simulated_at),
                new.task_name,
                new.duration_s,
            )
            for new in deliveries
        ]
        with self.writing() as db:
            db.conn.executemany(
                "INSERT INTO delivery (received_at, dataset, outcome, run_id, reason,"
                " simulated_at, task_name, duration_s) VALUES (?, ?, ?, ?, ?, ?, ?, ?)",
                rows,
            )

    def delivery(self, delivery_id: int) -> Delivery | None:
        """One callback, None where there is none of that number."""
        with self.reading() as db:
            found = db.query("SELECT * FROM delivery WHERE id = ?", [delivery_id])
            return next((delivery_of_row(row) for row in found), None)

    def list_deliveries(
        self,
        *,
        limit: int = 100,
        before_id: int | None = None,
        dataset: str | None = None,
        outcome: Outcome | None = None,
    ) -> list[Delivery]:
        """Callbacks that match, newest first. ``before_id`` pages on."""
        with self.reading() as db:
            rows = db.query(
                "SELECT * FROM delivery WHERE id < coalesce(:before, id + 1)"
                " AND dataset = coalesce(:dataset, dataset)"
                " AND outcome = coalesce(:outcome, outcome) ORDER BY id DESC LIMIT :limit",
                {"before": before_id, "dataset": dataset, "outcome": outcome, "limit": limit},
            )
            return [delivery_of_row(row) for row in rows]

    def list_deliveries_after(
        self, delivery_id: int, *, ids: Iterable[int] = (), limit: int = 5_000
    ) -> list[Delivery]:
        """Callbacks with a higher number than ``delivery_id``, and those of ``ids``, in order."""
        with self.reading() as db:
            rows = db.query(
                "SELECT * FROM delivery WHERE id > :after"
                " OR id IN (SELECT value FROM json_each(:ids)) ORDER BY id LIMIT :limit",
                {
                    "after": delivery_id,
                    "ids": msgspec.json.encode(list(ids)).decode(),
                    "limit": limit,
                },
            )
            return [delivery_of_row(row) for row in rows]

    def newest_delivery_id(self) -> int:
        """The number of the newest callback; 0 before the first."""
        with self.reading() as db:
            return int(db.execute("SELECT coalesce(max(id), 0) FROM delivery").fetchone()[0])


def delivery_of_row(row: Mapping[str, Any]) -> Delivery:
    """A Delivery out of its stored row."""
    received_at = to_datetime(row["received_at"])
    if received_at is None:
        raise ValueError("a delivery without a time")
    return Delivery(
        id=row["id"],
        received_at=received_at,
        dataset=row["dataset"],
        outcome=Outcome(row["outcome"]),
        run_id=row["run_id"],
        reason=row["reason"],
        simulated_at=to_datetime(row["simulated_at"]),
        task_name=row["task_name"],
        duration_s=row["duration_s"],
    )
