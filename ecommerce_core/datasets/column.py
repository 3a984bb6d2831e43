"""A column of a dataset, declared once: pages, addresses and data routes follow from it."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum


class Kind(StrEnum):
    """What the values of a column are. Money is stored in cents, a moment in UTC.

    An id is a text whose numbers are sorted as numbers.
    """

    TEXT = "text"
    NUMBER = "number"
    MONEY = "money"
    MOMENT = "moment"
    ID = "id"


class Filter(StrEnum):
    """How readers filter by a column: by values, by a range, by whether it is empty, by age."""

    CHOICE = "choice"
    RANGE = "range"
    PRESENCE = "presence"
    SINCE = "since"


@dataclass(frozen=True, slots=True)
class Column:
    """One column of a dataset's rows.

    ``label`` and ``help`` are source texts, marked for translation; without a label, its name is
    its word.
    ``address`` is its name in an address, its own if it is empty; ``field`` its name in
    files and answers, if their unit is not the store's. ``searched``: a text that a
    reader's search looks through.
    """

    name: str
    kind: Kind = Kind.TEXT
    label: str = ""
    help: str = ""
    address: str = ""
    field: str = ""
    nullable: bool = False
    searched: bool = False
    filter: Filter | None = None

    def __post_init__(self) -> None:
        """Fill in the names that are the column's own."""
        object.__setattr__(self, "address", self.address or self.name)
        object.__setattr__(self, "field", self.field or self.name)

    @property
    def scale(self) -> int:
        """How much of the stored value is one of the shown: a hundred cents are a euro."""
        return 100 if self.kind is Kind.MONEY else 1

    @property
    def filtered(self) -> bool:
        """Whether readers filter by its range or by whether it is there."""
        return self.filter in {Filter.RANGE, Filter.PRESENCE}

    @property
    def is_code(self) -> bool:
        """Whether its numbers are sorted as numbers, though it is a text."""
        return self.kind is Kind.ID

    @property
    def is_facet(self) -> bool:
        """Whether readers choose among its values."""
        return self.filter is Filter.CHOICE


# What the store itself knows of a row of any dataset.
TIME_COLUMNS = (
    Column("first_seen_at", Kind.MOMENT, address="new", filter=Filter.SINCE),
    Column("updated_at", Kind.MOMENT, address="changed", filter=Filter.SINCE),
    Column("withdrawn_at", Kind.MOMENT, address="gone", nullable=True),
)


def value_in_files(value: str | float | None, column: Column | None) -> str | None:
    """A stored value as files write it: euros to the cent; None if there is none."""
    if value is None or isinstance(value, str):
        return value
    if column is not None and column.kind is Kind.MONEY:
        cents = int(value)
        return f"{'-' if cents < 0 else ''}{abs(cents) // 100}.{abs(cents) % 100:02}"
    return repr(value)
