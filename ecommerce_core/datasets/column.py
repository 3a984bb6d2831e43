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
    """A way in which readers filter by a column.

    Values, a range, a part of a text, whether it is empty, or a time.
    """

    CHOICE = "choice"
    RANGE = "range"
    CONTAINS = "contains"
    PRESENCE = "presence"
    SINCE = "since"


# The way that each kind of column has, whatever is declared.
_WAYS = {
    Kind.TEXT: Filter.CONTAINS,
    Kind.ID: Filter.CONTAINS,
    Kind.NUMBER: Filter.RANGE,
    Kind.MONEY: Filter.RANGE,
    Kind.MOMENT: Filter.SINCE,
}


@dataclass(frozen=True, slots=True)
class Column:
    """One column of a dataset's rows.

    ``label`` and ``help`` are source texts, marked for translation; ``filter`` is the way to filter
    by it that readers need most, and ``filter_label`` its label, if that differs. ``address`` is
    its name in an address, ``name`` if it is empty; ``field`` its name in files and answers, if
    their unit is not the store's.

    ``searched``: a reader's search covers it. ``shown``: a table has it by default; a text is at
    most ``width`` pixels wide there, other values at least. ``on_overview``: the overview draws its
    chart. ``grouped``: its digits are shown in groups of three, unlike those of a number that only
    identifies something. ``has_presence``: readers may ask whether it is empty, if it can be.
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
    has_presence: bool = True

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

    @property
    def filters(self) -> tuple[Filter, ...]:
        """Every way in which readers filter by the column, the declared one first."""
        ways = [_WAYS[self.kind]] if self.filter is None else [self.filter, _WAYS[self.kind]]
        if self.has_presence and (self.nullable or self.kind is Kind.TEXT):
            ways.append(Filter.PRESENCE)
        return tuple(dict.fromkeys(ways))


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
        filter_label=N_("Withdrawn since"),
        address="gone",
        nullable=True,
        width=165,
        has_presence=False,
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
