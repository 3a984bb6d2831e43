"""The state per dataset beside its rows: the last answer, the held one, the cleared rows.

Functions over an open transaction, for the store's own use.
"""

from __future__ import annotations

import zlib
from dataclasses import asdict, dataclass
from typing import Any

from ecommerce_core.datasets import Body, Dataset
from ecommerce_core.domain import Fact, Resolution, make_fact
from ecommerce_core.storage.record.database import Database
from ecommerce_core.storage.record.difference import Difference


@dataclass(frozen=True, slots=True)
class DatasetState:
    """The details of the last answer that was applied; empty after a clear."""

    source: str | None = None
    digest: str | None = None
    etag: str | None = None
    last_modified: str | None = None
    fetched: int = 0
    rejected: int = 0


def count_table(db: Database, table: str) -> int:
    """Return how many rows a table holds, whatever their state."""
    return int(db.execute(f"SELECT count(*) FROM {table}").fetchone()[0])


def select_state(db: Database, dataset: str) -> DatasetState:
    """Return the state of a dataset; empty if there is none."""
    row = db.execute(
        "SELECT source, digest, etag, last_modified, fetched, rejected"
        " FROM dataset_state WHERE dataset = ?",
        [dataset],
    ).fetchone()
    return DatasetState() if row is None else DatasetState(*row)


def upsert_state(db: Database, dataset: str, state: DatasetState) -> None:
    """Store the state of an answer that was applied."""
    values: dict[str, Any] = asdict(state)
    names = ", ".join(values)
    marks = ", ".join("?" for _ in values)
    sets = ", ".join(f"{name} = excluded.{name}" for name in values)
    db.execute(
        f"INSERT INTO dataset_state (dataset, {names}) VALUES (?, {marks})"
        f" ON CONFLICT (dataset) DO UPDATE SET {sets}",
        [dataset, *values.values()],
    )


def hold_answer(db: Database, dataset: str, run_id: int, body: Body) -> None:
    """Keep an answer until an operator decides; an earlier held one is superseded."""
    forget_held(db, dataset, Resolution.SUPERSEDED)
    db.execute(
        "INSERT INTO held (dataset, run_id, body) VALUES (?, ?, ?)",
        [dataset, run_id, zlib.compress(body, level=1)],
    )


def forget_held(db: Database, dataset: str, resolution: Resolution) -> None:
    """Discard the held answer, if any, and record the resolution of its run."""
    db.execute(
        "UPDATE run SET resolution = ? WHERE id = (SELECT run_id FROM held WHERE dataset = ?)",
        [resolution, dataset],
    )
    db.execute("DELETE FROM held WHERE dataset = ?", [dataset])


def forget_cleared(db: Database, dataset: Dataset) -> None:
    """Discard the rows that the last clear kept."""
    db.execute(f"DELETE FROM {dataset.table}_cleared")
    db.execute("UPDATE dataset_state SET cleared = NULL WHERE dataset = ?", [dataset.name])


def reason_to_hold(difference: Difference) -> Fact:
    """Return why an answer is held."""
    if not difference.current_before:
        return make_fact(
            "held_after_clear", records=len(difference.added), cleared=difference.cleared_before
        )
    same = difference.renumbered()
    if same * 10 >= len(difference.withdrawn) * 9:
        return make_fact(
            "held_renumbered",
            withdrawn=len(difference.withdrawn),
            current=difference.current_before,
            same=same,
        )
    return make_fact(
        "held_would_withdraw",
        withdrawn=len(difference.withdrawn),
        current=difference.current_before,
    )
