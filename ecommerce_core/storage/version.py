"""Which rows a dataset holds: the run that changed them last, and when it ended."""

from __future__ import annotations

from dataclasses import dataclass

from ecommerce_core.dataset import Dataset
from ecommerce_core.transactions import Database

# What changed no row has no version of its own.
_CHANGED = "dataset = ? AND rows_after IS NOT NULL AND added + updated + withdrawn > 0"


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


def newest_version(db: Database, dataset: Dataset) -> Version:
    """The version that the store of record holds."""
    row = db.execute(
        f"SELECT id, coalesce(finished_at, '') FROM run WHERE {_CHANGED} ORDER BY id DESC LIMIT 1",
        [dataset.name],
    ).fetchone()
    return Version(*row) if row else Version()


def find_version(db: Database, dataset: Dataset, text: str) -> Version | None:
    """The version of that text, if the store of record holds or has held it."""
    run_id = text.partition("-")[0]
    if run_id == "0":
        version = newest_version(db, dataset)
    else:
        row = db.execute(
            f"SELECT id, coalesce(finished_at, '') FROM run WHERE {_CHANGED} AND id = ?",
            [dataset.name, run_id],
        ).fetchone()
        version = Version(*row) if row else Version()
    return version if str(version) == text else None
