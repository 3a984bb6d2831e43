"""The columns of an export: their types, headings, and how money and times are told."""

from __future__ import annotations

import types
import typing
from dataclasses import fields
from datetime import UTC, datetime

from ecommerce_core.dataset import Dataset


def types_of(dataset: Dataset) -> dict[str, type]:
    """The columns of a row and their types, None aside."""
    hints = typing.get_type_hints(dataset.row_type)
    found = {}
    for field in fields(dataset.row_type):
        hint = hints[field.name]
        options = typing.get_args(hint) if isinstance(hint, types.UnionType) else (hint,)
        found[field.name] = next(one for one in options if one is not type(None))
    return found


def headings_of(dataset: Dataset) -> list[str]:
    """The names of the columns, with what their numbers and times are counted in."""
    return [
        f"{name.removesuffix('_cents')}_eur" if name.endswith("_cents")
        # A spreadsheet has no time zones.
        else f"{name}_utc" if kind is datetime
        else name
        for name, kind in types_of(dataset).items()
    ]  # fmt: skip


def in_euros(cents: int | None, point: str = ".") -> str | None:
    """An amount in euros, exact, with two decimals."""
    if cents is None:
        return None
    sign = "-" if cents < 0 else ""
    return f"{sign}{abs(cents) // 100}{point}{abs(cents) % 100:02}"


def without_zone(moment: datetime) -> datetime:
    """The same in UTC without saying so, since a spreadsheet has no time zones."""
    return moment.astimezone(UTC).replace(tzinfo=None)
