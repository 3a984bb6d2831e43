"""The version of a dataset's rows: the run that changed them last, and when it ended."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime

from ecommerce_core.datasets import Dataset
from ecommerce_core.storage.record import Database

# A run that changed no row makes no version.
_CHANGED = "dataset = ? AND rows_after IS NOT NULL AND added + returned + updated + withdrawn > 0"
_RUN = f"SELECT id, coalesce(finished_at, '') FROM run WHERE {_CHANGED}"


@dataclass(frozen=True, slots=True, order=True)
class Version:
    """A version of a dataset's rows.

    ``run_id`` is 0 if no run is known to have changed them. ``stamp`` is when the run ended: a
    restored database may reach the same run number with other rows, at another time.
    """

    run_id: int = 0
    stamp: str = ""

    def __str__(self) -> str:
        """Return it in characters that a file's name and an ``ETag`` may contain."""
        return f"{self.run_id}-{self.stamp}"

    @property
    def ended_at(self) -> datetime | None:
        """When the run ended, in UTC, or None if no run is known."""
        if not self.stamp:
            return None
        return datetime.strptime(self.stamp, "%Y%m%dT%H%M%S%fZ").replace(tzinfo=UTC)

    @classmethod
    def parse(cls, text: str) -> Version:
        """Parse the result of ``str``. Raises ValueError."""
        run_id, _, stamp = text.partition("-")
        return cls(int(run_id), stamp)


def newest_version(db: Database, dataset: Dataset) -> Version:
    """Return the version that the store of record holds."""
    return _version_of(db.execute(f"{_RUN} ORDER BY id DESC LIMIT 1", [dataset.name]).fetchone())


def is_of_history(db: Database, dataset: Dataset, version: Version) -> bool:
    """Return whether the store of record holds this version, or has held it."""
    if not version.run_id:
        # Before the first run; after two of them it probably comes from another database.
        runs = f"SELECT count(*) FROM ({_RUN} LIMIT 2) AS found"
        return bool(db.execute(runs, [dataset.name]).fetchone()[0] < 2)
    found = db.execute(f"{_RUN} AND id = ?", [dataset.name, version.run_id]).fetchone()
    return _version_of(found) == version


def _version_of(row: tuple[int, str] | None) -> Version:
    if row is None:
        return Version()
    run_id, finished_at = row
    return Version(run_id, "".join(letter for letter in finished_at if letter.isalnum()))
