"""The columns of a dataset's snapshot, derived from its declaration and its row's type.

Rows are stored in the order of their keys, ``X1-2`` before ``X1-10``. Beside a row's own columns
there are, for every text, ``NAME_folded``, which is searched and sorted, and for every other code
``NAME_order``, in which numbers are sorted as numbers.
"""

from __future__ import annotations

from dataclasses import dataclass, fields
from datetime import datetime
from enum import StrEnum
from functools import lru_cache
from types import UnionType
from typing import Any, get_args, get_type_hints

from ecommerce_core.datasets import Dataset
from ecommerce_core.datasets import Kind as ColumnKind


class Kind(StrEnum):
    """The kind of a column."""

    TEXT = "text"
    CODE = "code"
    INTEGER = "integer"
    NUMBER = "number"
    MOMENT = "moment"


_KINDS: dict[Any, Kind] = {
    str: Kind.TEXT,
    int: Kind.INTEGER,
    float: Kind.NUMBER,
    datetime: Kind.MOMENT,
}


@dataclass(frozen=True, slots=True)
class Field:
    """A column of a row. ``order`` is the column that it is sorted by."""

    name: str
    kind: Kind
    is_searched: bool = False
    is_key: bool = False

    @property
    def is_text(self) -> bool:
        """True if it is a text of any kind."""
        return self.kind in {Kind.TEXT, Kind.CODE}

    @property
    def folded(self) -> str:
        """The column with the folded text."""
        return f"{self.name}_folded"

    @property
    def order(self) -> str:
        """The column that rows are sorted by."""
        if self.is_key:
            return "rowid"
        if self.kind is Kind.CODE:
            return f"{self.name}_order"
        return self.folded if self.is_text else self.name


@dataclass(frozen=True, slots=True)
class Shape:
    """The columns of a dataset's rows, in the order of their type's fields."""

    table: str
    fields: tuple[Field, ...]
    key: Field
    searched: tuple[Field, ...]

    def find(self, name: str | None) -> Field | None:
        """Return the column of that name, or None."""
        return next((field for field in self.fields if field.name == name), None)

    def field(self, name: str) -> Field:
        """Return the column of that name. Raises KeyError."""
        found = self.find(name)
        if found is None:
            raise KeyError(name)
        return found


@lru_cache
def shape_of(dataset: Dataset) -> Shape:
    """Return the shape of a dataset's rows."""
    hints = get_type_hints(dataset.row_type)
    columns = {column.name: column for column in dataset.row_columns}
    found = []
    for one in fields(dataset.row_type):
        column = columns.get(one.name)
        kind = _kind_of(hints[one.name])
        if column is not None and column.kind is ColumnKind.ID:
            kind = Kind.CODE
        found.append(
            Field(
                one.name,
                kind,
                is_searched=column is not None and column.searched,
                is_key=one.name == dataset.key,
            )
        )
    return Shape(
        dataset.table,
        tuple(found),
        key=next(field for field in found if field.is_key),
        searched=tuple(field for field in found if field.is_searched),
    )


def _kind_of(hint: Any) -> Kind:
    """Return the kind of a field, whether it may be None or not."""
    options = get_args(hint) if isinstance(hint, UnionType) else (hint,)
    return next(_KINDS[option] for option in options if option in _KINDS)
