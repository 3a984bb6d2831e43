"""The filters of an address by one column, derived from its declaration.

``family=TV`` and ``price=10-50`` are the ways that readers need most; the others have a name of
their own: ``family.not=TV``, ``price.outside=10-50``, ``description.contains=oled``,
``description.lacks=oled``, ``minimum.empty=yes``, ``new.until=2026-11-24``.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from dataclasses import replace
from decimal import Decimal
from typing import Any

from ecommerce_core.datasets.address.parameter import Parameter, Schema
from ecommerce_core.datasets.address.view import (
    LAST_RUN,
    PAGE_SIZES,
    TEXT_CHARS,
    Range,
    View,
    is_since,
    with_filter,
)
from ecommerce_core.datasets.column import Column, Filter, Kind

# More digits than any number that is stored.
NUMBER = r"-?[0-9]{1,20}(?:\.[0-9]{1,40})?"
_RANGE = re.compile(rf"({NUMBER})?-({NUMBER})?")
_AGE, _MINUTE = "[1-9][0-9]{0,3}[hd]", "([01][0-9]|2[0-3]):[0-5][0-9]"
# Without the last days of a month, since a pattern cannot know which months have them.
_DAY = "[12][0-9]{3}-(0[1-9]|1[0-2])-(0[1-9]|1[0-9]|2[0-8])"
_RUN = f"(run[1-9][0-9]{{0,8}}|{LAST_RUN})"
# As many as there are rows on the largest page.
_MOST_CHOICES = PAGE_SIZES[-1]
# The field of a view for each way to filter, and for its opposite with its name in an address.
_FIELDS: Mapping[Filter, tuple[str, tuple[str, str] | None]] = {
    Filter.CHOICE: ("choices", ("excluded", "not")),
    Filter.RANGE: ("ranges", ("outside", "outside")),
    Filter.CONTAINS: ("contains", ("lacks", "lacks")),
    Filter.PRESENCE: ("presence", None),
    Filter.SINCE: ("since", ("until", "until")),
}
_NAMES = {
    Filter.CHOICE: "is",
    Filter.RANGE: "range",
    Filter.CONTAINS: "contains",
    Filter.PRESENCE: "empty",
    Filter.SINCE: "since",
}


def filter_names(column: Column) -> dict[str, str]:
    """Return the name in an address of each field of a view that filters by a column."""
    found = {}
    for way in column.filters:
        field, opposite = _FIELDS[way]
        found[field] = (
            column.address if _is_bare(column, way) else f"{column.address}.{_NAMES[way]}"
        )
        if opposite is not None:
            found[opposite[0]] = f"{column.address}.{opposite[1]}"
    return found


def _is_bare(column: Column, way: Filter) -> bool:
    """Return whether the column's own name stands for this way: no part of a text is one."""
    return way is column.filters[0] and way is not Filter.CONTAINS


def filter_parameters(column: Column, *, moments: bool = False) -> list[Parameter]:
    """Return the parameters that filter by a column. ``moments``: see ``since_parameter``."""
    names = filter_names(column)
    make: Mapping[str, Callable[[str, str], Parameter]] = {
        "choices": lambda name, field: _choice(column, name, field),
        "ranges": lambda name, field: _range(column, name, field),
        "contains": lambda name, field: _text(column, name, field),
        "since": lambda name, field: _moment(column, name, field, moments=moments),
        "presence": lambda name, _field: _presence(column, name),
    }
    same = {"excluded": "choices", "outside": "ranges", "lacks": "contains", "until": "since"}
    return [make[same.get(field, field)](name, field) for field, name in names.items()]


def choice_parameter(column: Column) -> Parameter:
    """Return the parameter of a column's values, also if its own filter is another one."""
    return _choice(column, _choice_name(column), "choices")


def _choice_name(column: Column) -> str:
    is_free = column.filters[0] in {Filter.CHOICE, Filter.CONTAINS}
    return column.address if is_free else f"{column.address}.{_NAMES[Filter.CHOICE]}"


def format_filters(view: View, columns: Mapping[str, Column]) -> dict[str, str | list[str]]:
    """Return the filters of a view as they stand in an address."""
    write: Mapping[str, Callable[[Column, Any], str | list[str]]] = {
        "choices": lambda _column, chosen: list(chosen),
        "excluded": lambda _column, chosen: list(chosen),
        "ranges": lambda _column, ends: format_range(ends),
        "outside": lambda _column, ends: format_range(ends),
        "presence": lambda column, there: _YES_NO[there is _is_bare(column, Filter.PRESENCE)],
    }
    found: dict[str, str | list[str]] = {}
    for field in _ORDER:
        for name, value in getattr(view, field).items():
            column = columns[name]
            written = write[field](column, value) if field in write else value
            found[filter_names(column).get(field) or _choice_name(column)] = written
    return found


_YES_NO = ("no", "yes")
_ORDER = (
    *("choices", "excluded", "ranges", "outside", "contains", "lacks", "since", "until"),
    "presence",
)


def _choice(column: Column, name: str, field: str) -> Parameter:
    values: Schema = {"type": "string", "minLength": 1}
    schema: Schema = {"type": "array", "items": values, "maxItems": _MOST_CHOICES}

    def read(view: View, value: str) -> View | None:
        chosen = getattr(view, field).get(column.name, ())
        if not value or len(chosen) >= _MOST_CHOICES:
            return None
        kept = chosen if value in chosen else (*chosen, value)
        return _with(view, field, column, kept)

    is_not = "that the column does not have" if field == "excluded" else "of the column"
    takes = f"a value {is_not}, up to {_MOST_CHOICES} times"
    return Parameter(name, takes, schema, read, repeats=True)


def _range(column: Column, name: str, field: str) -> Parameter:
    unit = "euros, from and to" if column.kind is Kind.MONEY else "from and to"
    schema: Schema = {"type": "string", "pattern": rf"^({NUMBER}-({NUMBER})?|-{NUMBER})$"}

    def read(view: View, value: str) -> View | None:
        ends = parse_range(value)
        return None if ends is None else _with(view, field, column, ends)

    which = ": not within" if field == "outside" else ""
    return Parameter(name, f"{unit}, such as 10-50.25, 10- or -50.25{which}", schema, read)


def parse_range(text: str) -> Range | None:
    """Return both ends of ``10-50.25``, ``10-`` or ``-50.25``, or None if it is none of these."""
    found = _RANGE.fullmatch(text)
    if found is None or not (found[1] or found[2]):
        return None
    return Decimal(found[1]) if found[1] else None, Decimal(found[2]) if found[2] else None


def format_range(ends: Range) -> str:
    """Write ``10-50.25``: exact, and without an exponent."""
    return "-".join("" if end is None else _digits(end) for end in ends)


def _digits(number: Decimal) -> str:
    text = f"{number:f}"
    return text.rstrip("0").rstrip(".") if "." in text else text


def _text(column: Column, name: str, field: str) -> Parameter:
    schema: Schema = {"type": "string", "minLength": 1, "maxLength": TEXT_CHARS}

    def read(view: View, value: str) -> View | None:
        return _with(view, field, column, value) if 0 < len(value) <= TEXT_CHARS else None

    which = "does not have in it" if field == "lacks" else "has in it"
    takes = f"a text of at most {TEXT_CHARS} characters that the column {which}"
    return Parameter(name, takes, schema, read)


def _presence(column: Column, name: str) -> Parameter:
    options = {"yes": True, "no": False}
    is_bare = name == column.address

    def read(view: View, value: str) -> View | None:
        if value not in options:
            return None
        return _with(view, "presence", column, options[value] is is_bare)

    what = "whether there is a value" if is_bare else "whether it is empty"
    return Parameter(name, f"yes or no: {what}", {"enum": list(options)}, read)


def _moment(column: Column, name: str, field: str, *, moments: bool) -> Parameter:
    def read(view: View, value: str) -> View | None:
        if not is_since(value) or (value.endswith("Z") and not moments):
            return None
        return _with(view, field, column, value)

    pattern = f"^({_AGE}|{_RUN}|{_DAY}{f'(T{_MINUTE}Z)?' if moments else ''})$"
    examples = ["24h", "7d", "2026-11-24", "run12", LAST_RUN]
    schema: Schema = {"type": "string", "pattern": pattern, "examples": examples}
    takes = "an age such as 24h or 7d, a day such as 2026-11-24, a run such as run12, or last"
    takes += ", or a minute such as 2026-11-23T23:00Z" if moments else ""
    return Parameter(name, takes, schema, read)


def _with(view: View, field: str, column: Column, value: Any) -> View:
    filters: dict[str, Any] = {field: with_filter(getattr(view, field), column.name, value)}
    return replace(view, **filters)
