"""Changes over time: recently, of one row, and of the number of rows."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from ecommerce_core.datasets import Dataset
from ecommerce_core.domain import HistoryEntry, Outcome, Run, RunStatus
from ecommerce_core.storage.record.database import Part, to_datetime, to_text
from ecommerce_core.storage.record.runs import run_of_row

_GOOD = ", ".join(f"'{status}'" for status in RunStatus if status.is_good)


@dataclass(frozen=True, slots=True)
class Since:
    """The good runs between which a dataset's rows may have changed; ``first`` is the older.

    ``first`` ended before the time in question, or is the oldest run. Both are the same if there
    was no later one.
    """

    first: Run
    last: Run


class Recent(Part):
    """Reads of recent changes. All methods raise StoreError if the database fails."""

    def good_runs_since(self, dataset: str, since: datetime) -> Since | None:
        """Return the runs to compare for the changes since then, or None before the first run."""
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
        """Count the runs that began since then by status."""
        counts = self._counts("run", "status", "started_at", since)
        return {RunStatus(status): count for status, count in counts.items()}

    def delivery_counts_since(self, since: datetime) -> dict[Outcome, int]:
        """Count the callbacks that arrived since then by outcome."""
        counts = self._counts("delivery", "outcome", "received_at", since)
        return {Outcome(outcome): count for outcome, count in counts.items()}

    def list_history(self, dataset: str, key: str, *, limit: int = 1_000) -> list[HistoryEntry]:
        """List the changes of one row, newest first, with the time of each run."""
        sound = key.encode("utf-8", "replace").decode()
        with self.reading() as db:
            rows = db.execute(
                "SELECT c.run_id, coalesce(r.finished_at, r.started_at), c.field, c.old, c.new"
                " FROM change AS c JOIN run AS r ON r.id = c.run_id"
                " WHERE c.dataset = ? AND c.key = ? ORDER BY c.run_id DESC, c.field LIMIT ?",
                [dataset, sound, limit],
            ).fetchall()
        times = ((run_id, to_datetime(at), *rest) for run_id, at, *rest in rows)
        return [HistoryEntry(run_id, at, *rest) for run_id, at, *rest in times if at is not None]

    def size_over_time(self, dataset: Dataset, *, limit: int = 200) -> list[tuple[datetime, int]]:
        """List when a run changed the number of rows, and the number it left; oldest first."""
        with self.reading() as db:
            rows = db.execute(
                "SELECT finished_at, rows_after FROM run"
                " WHERE dataset = ? AND rows_after IS NOT NULL ORDER BY id DESC LIMIT ?",
                [dataset.name, limit],
            ).fetchall()
        times = ((to_datetime(at), size) for at, size in reversed(rows))
        return [(at, size) for at, size in times if at is not None]

    def _counts(self, table: str, column: str, moment: str, since: datetime) -> dict[str, int]:
        # Numbers increase with time, so only recent entries are read, from the newest back.
        with self.reading() as db:
            rows = db.execute(
                f"SELECT {column}, count(*) FROM {table} WHERE id > coalesce("
                f"(SELECT id FROM {table} WHERE {moment} < :since ORDER BY id DESC LIMIT 1), 0)"
                f" GROUP BY {column}",
                {"since": to_text(since)},
            ).fetchall()
        return dict(rows)
