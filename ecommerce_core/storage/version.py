"""Which rows a dataset holds: the run that changed them last, and when it ended."""

from __future__ import annotations

from dataclasses import dataclass

from ecommerce_core.dataset import Dataset
from ecommerce_core.transactions import Database

# So many runs back a snapshot may be from that readers still go on with.
HISTORY = 1_000


@dataclass(frozen=True, slots=True, order=True)
class Version:
    """A version of a dataset's rows.

    ``run_id`` is 0 where no run is known to have changed them. ``finished_at`` is as stored:
    a database that was restored may come to the same run with other rows, at another time.
    """

    run_id: int = 0
    finished_at: str = ""

    def __str__(self) -> str:
        """In letters that a file's name and an ``ETag`` may have."""
        stamp = "".join(letter for letter in self.finished_at if letter.isalnum())
        return f"{self.run_id}-{stamp}"


def list_versions(db: Database, dataset: Dataset) -> list[Version]:
    """The versions of a dataset's rows, the newest first, at most HISTORY; never none."""
    rows = db.execute(
        "SELECT id, coalesce(finished_at, '') FROM run"
        " WHERE dataset = ? AND rows_after IS NOT NULL ORDER BY id DESC LIMIT ?",
        [dataset.name, HISTORY],
    ).fetchall()
    return [Version(*row) for row in rows] or [Version()]


def newest_version(db: Database, dataset: Dataset) -> Version:
    """The version that the store of record holds."""
    row = db.execute(
        "SELECT id, coalesce(finished_at, '') FROM run"
        " WHERE dataset = ? AND rows_after IS NOT NULL ORDER BY id DESC LIMIT 1",
        [dataset.name],
    ).fetchone()
    return Version(*row) if row else Version()
