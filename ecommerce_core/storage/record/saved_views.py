"""The views that people keep."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from datetime import datetime
from typing import Any

from ecommerce_core.domain import MOST_VIEWS, SavedView, ViewError
from ecommerce_core.storage.record.database import Database, Part, now_utc, to_text


class SavedViewJournal(Part):
    """Reads and writes of saved views. Everything raises StoreError."""

    def list_views(self, dataset: str, owners: Collection[str]) -> list[SavedView]:
        """Return the views of a dataset that these owners have, by name."""
        marks = ", ".join("?" for _ in owners)
        with self.reading() as db:
            rows = db.query(
                f"SELECT * FROM saved_view WHERE dataset = ? AND owner IN ({marks})"
                " ORDER BY name, owner",
                [dataset, *owners],
            )
            return [_view_of_row(row) for row in rows]

    def find_view(self, view_id: int) -> SavedView | None:
        """Return the view with that number, or None."""
        with self.reading() as db:
            return _select(db, view_id)

    def insert_view(self, *, dataset: str, owner: str, name: str, query: str) -> SavedView:
        """Keep a view. Raises ViewError if the owner has one of that name, or too many."""
        with self.writing() as db:
            (count,) = db.execute(
                "SELECT count(*) FROM saved_view WHERE dataset = ? AND owner = ?", [dataset, owner]
            ).fetchone()
            if count >= MOST_VIEWS:
                raise ViewError("views_too_many", limit=MOST_VIEWS)
            row = db.execute(
                "INSERT INTO saved_view (dataset, owner, name, query, saved_at)"
                " VALUES (?, ?, ?, ?, ?) ON CONFLICT (dataset, owner, name) DO NOTHING"
                " RETURNING id",
                [dataset, owner, name, query, to_text(now_utc())],
            ).fetchone()
            view = None if row is None else _select(db, int(row[0]))
            if view is None:
                raise ViewError("view_name_taken", name=name)
            return view

    def rename_view(self, view_id: int, name: str) -> SavedView:
        """Give a view another name. Raises ViewError if it is gone, or the name is taken."""
        with self.writing() as db:
            view = _select(db, view_id)
            if view is None:
                raise ViewError("view_unknown")
            twin = db.execute(
                "SELECT 1 FROM saved_view WHERE dataset = ? AND owner = ? AND name = ? AND id <> ?",
                [view.dataset, view.owner, name, view_id],
            ).fetchone()
            if twin is not None:
                raise ViewError("view_name_taken", name=name)
            db.execute("UPDATE saved_view SET name = ? WHERE id = ?", [name, view_id])
            return view

    def delete_view(self, view_id: int) -> None:
        """Delete a view. One that is gone already is deleted."""
        with self.writing() as db:
            db.execute("DELETE FROM saved_view WHERE id = ?", [view_id])


def _select(db: Database, view_id: int) -> SavedView | None:
    found = list(db.query("SELECT * FROM saved_view WHERE id = ?", [view_id]))
    return _view_of_row(found[0]) if found else None


def _view_of_row(row: Mapping[str, Any]) -> SavedView:
    return SavedView(**{**row, "saved_at": datetime.fromisoformat(row["saved_at"])})
