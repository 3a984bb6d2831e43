"""The journal of callbacks that were delivered or refused."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from types import MappingProxyType
from typing import Any

from ecommerce_core.domain import Delivery, NewDelivery, Outcome
from ecommerce_core.storage.record.database import (
    Database,
    Part,
    to_columns,
    to_datetime,
    to_fact,
    to_text,
)

# Refused callbacks beyond this are removed, the oldest first; all others are kept.
KEPT_REFUSALS = 10_000
# Limits the transaction that shortens a journal from before there was a limit.
_REMOVED_AT_ONCE = 1_000
_NONE: Mapping[str, int] = MappingProxyType({})


class DeliveryJournal(Part):
    """Reads and writes of deliveries. All methods raise StoreError if the database fails."""

    def record_deliveries(
        self, deliveries: Sequence[NewDelivery], refused_not_kept: Mapping[str, int] = _NONE
    ) -> None:
        """Write callbacks into the journal, all in one transaction.

        ``refused_not_kept`` is the number of further refused ones, by dataset, which are only
        counted. The oldest refused ones beyond KEPT_REFUSALS are removed and counted as well.
        """
        rows = [
            (
                to_text(new.received_at),
                new.dataset,
                new.outcome,
                new.run_id,
                *to_columns(new.reason),
                to_text(new.simulated_at),
                new.task_name,
                new.duration_s,
                new.again_of,
            )
            for new in deliveries
        ]
        with self.writing(is_stored=lambda db: _has_last(db, rows)) as db:
            db.executemany(
                "INSERT INTO delivery (received_at, dataset, outcome, run_id, reason_code,"
                " reason_details, simulated_at, task_name, duration_s, again_of)"
                " VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?)",
                rows,
            )
            # A run does not wait for the clock. One that others joined keeps its own time.
            db.executemany(
                "UPDATE run SET simulated_at = ?"
                " WHERE id = ? AND trigger = 'callback' AND simulated_at IS NULL",
                [
                    (to_text(new.simulated_at), new.run_id)
                    for new in deliveries
                    if new.simulated_at is not None and new.outcome is not Outcome.JOINED
                ],
            )
            not_kept = Counter(refused_not_kept)
            if any(new.outcome is Outcome.REFUSED for new in deliveries):
                not_kept.update(_remove_oldest_refusals(db))
            db.executemany(
                "INSERT INTO refused_not_kept (dataset, count) VALUES (?, ?) ON CONFLICT (dataset)"
                " DO UPDATE SET count = refused_not_kept.count + excluded.count",
                not_kept.items(),
            )

    def refused_not_kept(self) -> dict[str, int]:
        """Return how many refused callbacks are not in the journal, for datasets that have any."""
        with self.reading() as db:
            return dict(db.execute("SELECT dataset, count FROM refused_not_kept").fetchall())

    def delivery(self, delivery_id: int) -> Delivery | None:
        """Return the callback with that number, or None."""
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
        """List matching callbacks, newest first. Continue with ``before_id``."""
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
        """List callbacks numbered above ``delivery_id``, and those of ``ids``, in order."""
        wanted = list(ids)
        marks = ", ".join("?" for _ in wanted) or "NULL"
        with self.reading() as db:
            rows = db.query(
                f"SELECT * FROM delivery WHERE id > ? OR id IN ({marks}) ORDER BY id LIMIT ?",
                [delivery_id, *wanted, limit],
            )
            return [delivery_of_row(row) for row in rows]

    def newest_delivery_id(self) -> int:
        """Return the number of the newest callback; 0 before the first."""
        with self.reading() as db:
            return int(db.execute("SELECT coalesce(max(id), 0) FROM delivery").fetchone()[0])


def _has_last(db: Database, rows: Sequence[tuple[Any, ...]]) -> bool:
    """Return True if the last of these rows is in the journal."""
    if not rows:
        return False
    received_at, dataset, outcome, *_, duration_s, _again_of = rows[-1]
    found = db.execute(
        "SELECT 1 FROM delivery WHERE received_at = ? AND dataset = ? AND outcome = ?"
        " AND coalesce(duration_s, 0) = ?",
        [received_at, dataset, outcome, duration_s or 0],
    )
    return found.fetchone() is not None


def _remove_oldest_refusals(db: Database) -> Counter[str]:
    refused = "FROM delivery WHERE outcome = 'refused'"
    (count,) = db.execute(f"SELECT count(*) {refused}").fetchone()
    excess = min(count - KEPT_REFUSALS, _REMOVED_AT_ONCE)
    if excess <= 0:
        return Counter()
    # Rows that another server has removed meanwhile are counted there.
    removed = db.execute(
        f"DELETE FROM delivery WHERE id IN (SELECT id {refused} ORDER BY id LIMIT ?)"
        " RETURNING dataset",
        [excess],
    ).fetchall()
    return Counter(dataset for (dataset,) in removed)


def delivery_of_row(row: Mapping[str, Any]) -> Delivery:
    """Return the Delivery of a stored row."""
    received_at = to_datetime(row["received_at"])
    if received_at is None:
        raise ValueError("a delivery without a time")
    return Delivery(
        id=row["id"],
        received_at=received_at,
        dataset=row["dataset"],
        outcome=Outcome(row["outcome"]),
        run_id=row["run_id"],
        reason=to_fact(row["reason_code"], row["reason_details"]),
        simulated_at=to_datetime(row["simulated_at"]),
        task_name=row["task_name"],
        duration_s=row["duration_s"],
        again_of=row["again_of"],
    )
