"""What has happened lately: how runs and callbacks ended, and from which run on to compare."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from ecommerce_core.journal import run_of_row
from ecommerce_core.models import Outcome, Run, RunStatus
from ecommerce_core.transactions import Transactions, to_text

_GOOD = ", ".join(f"'{status}'" for status in RunStatus if status.is_good)


@dataclass(frozen=True, slots=True)
class Since:
    """The good runs between which a dataset's rows may have changed; ``first`` is the older.

    ``first`` ended before the time in question, or is the oldest there is. Equal where
    nothing has come since.
    """

    first: Run
    last: Run


class Recent(Transactions):
    """Reads of what is new. Everything raises StoreError where the database cannot."""

    def good_runs_since(self, dataset: str, since: datetime) -> Since | None:
        """Between which runs to compare, to see what has changed since; None before the first."""
        good = f"SELECT * FROM run WHERE dataset = ? AND status IN ({_GOOD})"
        at = to_text(since)
        with self.reading() as db:
            found = [
                next(iter(db.query(f"{good} {which} LIMIT 1", [dataset, *values])), None)
                for which, values in (
                    ("AND finished_at < ? ORDER BY id DESC", [at]),
                    ("ORDER BY id", []),
                    ("ORDER BY id DESC", []),
                )
            ]
        before, oldest, last = found
        if oldest is None or last is None:
            return None
        return Since(run_of_row(before or oldest), run_of_row(last))

    def run_counts_since(self, since: datetime) -> dict[RunStatus, int]:
        """How the runs that began since then ended, or stand."""
        counts = self._counts("run", "status", "started_at", since)
        return {RunStatus(status): count for status, count in counts.items()}

    def delivery_counts_since(self, since: datetime) -> dict[Outcome, int]:
        """What became of the callbacks that came since then."""
        counts = self._counts("delivery", "outcome", "received_at", since)
        return {Outcome(outcome): count for outcome, count in counts.items()}

    def _counts(self, table: str, column: str, moment: str, since: datetime) -> dict[str, int]:
        # Numbers rise with time: from the newest back, only what is recent is read.
        with self.reading() as db:
            rows = db.execute(
                f"SELECT {column}, count(*) FROM {table} WHERE id > coalesce("
                f"(SELECT id FROM {table} WHERE {moment} < :since ORDER BY id DESC LIMIT 1), 0)"
                f" GROUP BY {column}",
                {"since": to_text(since)},
            ).fetchall()
        return dict(rows)
