"""A column of a dataset, declared once: pages, addresses, files and data routes follow from it."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum

from ecommerce_core.domain import N_


class Kind(StrEnum):
    """The kind of a column's values. Money is stored in cents, a moment in UTC.

    An id is a text whose numbers are sorted as numbers.
    """

    TEXT = "text"
    NUMBER = "number"
    MONEY = "money"
    MOMENT = "moment"
    ID = "id"


class Filter(StrEnum):
    """The way in which readers filter by a column: values, a range, whether it is empty, or age."""

    CHOICE = "choice"
    RANGE = "range"
    PRESENCE = "presence"
    SINCE = "since"


@dataclass(frozen=True, slots=True)
class Column:
    """One column of a dataset's rows.

    ``label`` and ``help`` are source texts, marked for translation; ``filter_label`` is the label
    of its filter, if it differs. ``address`` is its name in an address, ``name`` if it is empty;
    ``field`` its name in files and answers, if their unit is not the store's.

    ``searched``: a reader's search covers it. ``shown``: a table has it by default; a text is at
    most ``width`` pixels wide there, other values at least. ``on_overview``: the overview draws its
    chart. ``grouped``: its digits are shown in groups of three, unlike those of a number that only
    identifies something.
    """

    name: str
    kind: Kind = Kind.TEXT
    label: str = ""
    help: str = ""
    filter_label: str = ""
    address: str = ""
    field: str = ""
    nullable: bool = False
    searched: bool = False
    sortable: bool = True
    grouped: bool = True
    filter: Filter | None = None
    shown: bool = True
    width: int | None = None
    on_overview: bool = False

    def __post_init__(self) -> None:
        """Set the names and labels that were left empty to the default ones."""
        object.__setattr__(self, "address", self.address or self.name)
        object.__setattr__(self, "field", self.field or self.name)
        object.__setattr__(self, "label", self.label or self.name)
        object.__setattr__(self, "filter_label", self.filter_label or self.label)

    @property
    def scale(self) -> int:
        """The stored value of one shown unit: a hundred cents are a euro."""
        return 100 if self.kind is Kind.MONEY else 1


# The columns that the store itself fills for the rows of every dataset.
TIME_COLUMNS = (
    Column(
        "first_seen_at",
        Kind.MOMENT,
        N_("First seen"),
        N_("When a fetch first brought this row."),
        filter_label=N_("New since"),
        address="new",
        filter=Filter.SINCE,
        shown=False,
    ),
    Column(
        "updated_at",
        Kind.MOMENT,
        N_("Last changed"),
        N_("When a fetch last changed one of its values."),
        filter_label=N_("Changed since"),
        address="changed",
        filter=Filter.SINCE,
        width=165,
    ),
    Column(
        "withdrawn_at",
        Kind.MOMENT,
        N_("Withdrawn"),
        N_("Since when the source no longer lists this row."),
        address="gone",
        nullable=True,
        width=165,
    ),
)


def value_in_files(value: str | float | None, column: Column | None) -> str | None:
    """Return a stored value as files write it: euros to the cent; None if there is none."""
    if value is None or isinstance(value, str):
        return value
    if column is not None and column.kind is Kind.MONEY:
        cents = int(value)
        return f"{'-' if cents < 0 else ''}{abs(cents) // 100}.{abs(cents) % 100:02}"
    return repr(value)
