"""A question on a dataset's page that somebody keeps under a name."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from ecommerce_core.domain.errors import ViewError

NAME_CHARS = 60
QUERY_CHARS = 4_000
# For one person, or for all, in one dataset.
MOST_VIEWS = 50
# The owner of a view that is for all.
FOR_ALL = ""


@dataclass(frozen=True, slots=True)
class SavedView:
    """``query`` is the query string of the page's address; ``owner`` is empty if it is for all."""

    id: int
    dataset: str
    owner: str
    name: str
    query: str
    saved_at: datetime

    @property
    def is_for_all(self) -> bool:
        """True if everybody sees it."""
        return self.owner == FOR_ALL


def clean_name(text: str) -> str:
    """Return the name of a view, without white space around it or twice. Raises ViewError."""
    name = " ".join(text.split())
    if not name or len(name) > NAME_CHARS or not name.isprintable():
        raise ViewError("view_name_wrong", count=NAME_CHARS)
    return name
