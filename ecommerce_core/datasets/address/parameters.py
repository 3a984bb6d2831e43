"""The parameters of an address with their allowed values, derived from a dataset's columns."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, replace
from decimal import Decimal
from functools import lru_cache
from typing import Any, TypeVar

from ecommerce_core.datasets.address.view import (
    CHANGE_SORTS,
    KINDS,
    PAGE_SIZES,
    TABS,
    TEXT_CHARS,
    Range,
    View,
    is_since,
    with_filter,
)
from ecommerce_core.datasets.column import Column, Filter, Kind
from ecommerce_core.datasets.dataset import Dataset
from ecommerce_core.domain import Withdrawn

Schema = dict[str, Any]
AnyView = TypeVar("AnyView", bound=View)

# More digits than any number that is stored.
NUMBER = r"-?[0-9]{1,20}(?:\.[0-9]{1,40})?"
_RANGE = re.compile(rf"({NUMBER})?-({NUMBER})?")
_AGE, _MINUTE = "[1-9][0-9]{0,3}[hd]", "([01][0-9]|2[0-3]):[0-5][0-9]"
# Without the last days of a month, since a pattern cannot know which months have them.
_DAY = "[12][0-9]{3}-(0[1-9]|1[0-2])-(0[1-9]|1[0-9]|2[0-8])"
_LARGEST_NUMBER = 10**9 - 1
# As many as there are rows on the largest page.
_MOST_CHOICES = PAGE_SIZES[-1]
_MOST_SORTS = 3


@dataclass(frozen=True, slots=True)
class Parameter:
    """One parameter of an address.

    ``read`` returns the view with the value applied, or None if the value is invalid. ``takes``
    describes the valid values in words, ``schema`` for programs. One that ``repeats`` may occur
    several times.
    """

    name: str
    takes: str
    schema: Schema
    read: Callable[[Any, str], Any]
    repeats: bool = False


def read_parameters(
    said: Mapping[str, list[str]], known: Mapping[str, Parameter], view: AnyView
) -> tuple[AnyView, list[tuple[str, str]]]:
    """Return ``view`` with an address applied, and each name and value that is invalid.

    If a name that may not repeat occurs several times, the last value counts.
    """
    refused: list[tuple[str, str]] = []
    for name, values in said.items():
        parameter = known.get(name)
        if parameter is None:
            refused += [(name, value) for value in values]
            continue
        if not parameter.repeats:
            refused += [(name, value) for value in values[:-1]]
        for value in values if parameter.repeats else values[-1:]:
            asked: AnyView | None = parameter.read(view, value)
            if asked is None:
                refused.append((name, value))
            else:
                view = asked
    return view, refused


@lru_cache(maxsize=16)
def row_parameters(dataset: Dataset) -> Mapping[str, Parameter]:
    """Return the parameters that select and sort rows: the same on a page and on a data route."""
    return _by_name(
        [
            text_parameter("q", "search"),
            *choice_parameters(dataset),
            *_keys(dataset),
            *(_range(column) for column in dataset.filtered_by(Filter.RANGE)),
            *(_presence(column) for column in dataset.filtered_by(Filter.PRESENCE)),
            *(since_parameter(column) for column in dataset.filtered_by(Filter.SINCE)),
            option("withdrawn", "withdrawn", {one.value: one for one in Withdrawn}),
            _sort(dataset),
            whole_number("page", "page"),
        ]
    )


@lru_cache(maxsize=16)
def page_parameters(dataset: Dataset) -> Mapping[str, Parameter]:
    """Return every parameter of the address of a dataset's page."""
    return _by_name(
        [
            *row_parameters(dataset).values(),
            option("view", "tab", {tab: tab for tab in TABS}),
            option("as", "layout", {layout: layout for layout in dataset.layouts}),
            option("size", "size", {str(size): size for size in PAGE_SIZES}),
            columns_parameter(column.field for column in dataset.row_columns),
            *change_parameters(dataset).values(),
            text_parameter("row", "row"),
        ]
    )


@lru_cache(maxsize=16)
def change_parameters(dataset: Dataset) -> Mapping[str, Parameter]:
    """Return the parameters that select and sort differences, except search and choices."""
    fields = {column.address: column.name for column in dataset.row_columns}
    return _by_name(
        [
            whole_number("from", "from_run"),
            whole_number("to", "to_run"),
            option("kind", "kind", {kind: kind for kind in KINDS}),
            option("field", "changed_field", fields),
            _change_order(dataset),
        ]
    )


def choice_parameters(dataset: Dataset) -> list[Parameter]:
    """Return the parameters of the columns that have a choice of values."""
    return [_choice(column) for column in dataset.filtered_by(Filter.CHOICE)]


def change_sorts(dataset: Dataset) -> dict[str, str]:
    """Return the names by which differences are sorted: in an address, and in a query."""
    choices = {column.address: column.name for column in dataset.filtered_by(Filter.CHOICE)}
    return {**{name: name for name in CHANGE_SORTS}, **choices}


def _change_order(dataset: Dataset) -> Parameter:
    sorts = change_sorts(dataset)

    def read(view: View, value: str) -> View | None:
        name = sorts.get(value.removeprefix("-"))
        if name is None:
            return None
        return replace(view, change_sort=name, change_descending=value.startswith("-"))

    takes = f"one of {', '.join(sorts)}; a minus before it turns its order"
    return Parameter(
        "order", takes, {"type": "string", "pattern": f"^-?({'|'.join(sorts)})$"}, read
    )


def _set(view: AnyView, field: str, value: Any) -> AnyView:
    changed: dict[str, Any] = {field: value}
    return replace(view, **changed)


def _by_name(parameters: Iterable[Parameter]) -> dict[str, Parameter]:
    found: dict[str, Parameter] = {}
    for parameter in parameters:
        if parameter.name in found:
            raise ValueError(f"{parameter.name} means two things in an address")
        found[parameter.name] = parameter
    return found


def option(name: str, field: str, options: Mapping[str, Any]) -> Parameter:
    """Return a parameter that takes one of a few words."""

    def read(view: View, value: str) -> View | None:
        return _set(view, field, options[value]) if value in options else None

    return Parameter(name, f"one of {', '.join(options)}", {"enum": list(options)}, read)


def whole_number(name: str, field: str, *, largest: int = _LARGEST_NUMBER) -> Parameter:
    """Return a parameter that takes a number from 1 on."""
    schema: Schema = {"type": "integer", "minimum": 1, "maximum": largest}

    def read(view: View, value: str) -> View | None:
        is_number = value.isascii() and value.isdigit() and 1 <= int(value[:12]) <= largest
        return _set(view, field, int(value[:12])) if is_number else None

    return Parameter(name, f"a whole number from 1 to {largest}", schema, read)


def text_parameter(name: str, field: str) -> Parameter:
    """Return a parameter that takes any text that is not too long."""
    schema: Schema = {"type": "string", "minLength": 1, "maxLength": TEXT_CHARS}

    def read(view: View, value: str) -> View | None:
        return _set(view, field, value) if 0 < len(value) <= TEXT_CHARS else None

    return Parameter(name, f"a text of at most {TEXT_CHARS} characters", schema, read)


def _keys(dataset: Dataset) -> list[Parameter]:
    """Return the parameter that names single rows, unless their key is a choice anyway."""
    key = dataset.column(dataset.key)
    return [] if key.filter is not None else [_choice(key)]


def columns_parameter(known: Iterable[str]) -> Parameter:
    """Return the parameter that chooses and orders columns by their fields."""
    fields = tuple(known)
    schema: Schema = {
        "type": "array",
        "items": {"enum": list(fields)},
        "minItems": 1,
        "uniqueItems": True,
    }

    def read(view: View, value: str) -> View | None:
        wanted = tuple(value.split(","))
        is_sound = set(wanted) <= set(fields) and len(set(wanted)) == len(wanted)
        return _set(view, "columns", wanted) if is_sound else None

    takes = f"names out of {','.join(fields)}, each once, with commas between"
    return Parameter("columns", takes, schema, read)


def _choice(column: Column) -> Parameter:
    values: Schema = {"type": "string", "minLength": 1}
    schema: Schema = {"type": "array", "items": values, "maxItems": _MOST_CHOICES}

    def read(view: View, value: str) -> View | None:
        chosen = view.choices.get(column.name, ())
        if not value or len(chosen) >= _MOST_CHOICES:
            return None
        kept = chosen if value in chosen else (*chosen, value)
        return replace(view, choices=with_filter(view.choices, column.name, kept))

    takes = f"a value of the column, up to {_MOST_CHOICES} times"
    return Parameter(column.address, takes, schema, read, repeats=True)


def _range(column: Column) -> Parameter:
    unit = "euros, from and to" if column.kind is Kind.MONEY else "from and to"
    schema: Schema = {"type": "string", "pattern": rf"^({NUMBER}-({NUMBER})?|-{NUMBER})$"}

    def read(view: View, value: str) -> View | None:
        ends = parse_range(value)
        if ends is None:
            return None
        return replace(view, ranges=with_filter(view.ranges, column.name, ends))

    return Parameter(column.address, f"{unit}, such as 10-50.25, 10- or -50.25", schema, read)


def parse_range(text: str) -> Range | None:
    """Return both ends of ``10-50.25``, ``10-`` or ``-50.25``, or None if it is none of these."""
    found = _RANGE.fullmatch(text)
    if found is None or not (found[1] or found[2]):
        return None
    return Decimal(found[1]) if found[1] else None, Decimal(found[2]) if found[2] else None


def _presence(column: Column) -> Parameter:
    options = {"yes": True, "no": False}

    def read(view: View, value: str) -> View | None:
        if value not in options:
            return None
        presence = with_filter(view.presence, column.name, options[value])
        return replace(view, presence=presence)

    return Parameter(column.address, "yes or no", {"enum": list(options)}, read)


def since_parameter(column: Column, *, moments: bool = False) -> Parameter:
    """Return the parameter of an earliest time.

    ``moments``: it may also be a minute, which is the same in every time zone.
    """

    def read(view: View, value: str) -> View | None:
        if not is_since(value) or (value.endswith("Z") and not moments):
            return None
        return replace(view, since=with_filter(view.since, column.name, value))

    pattern = f"^({_AGE}|{_DAY}{f'(T{_MINUTE}Z)?' if moments else ''})$"
    schema: Schema = {"type": "string", "pattern": pattern, "examples": ["24h", "7d", "2026-11-24"]}
    takes = "an age such as 24h or 7d, or a day such as 2026-11-24"
    takes += " or a minute such as 2026-11-23T23:00Z" if moments else ""
    return Parameter(column.address, takes, schema, read)


def _sort(dataset: Dataset) -> Parameter:
    columns = {column.address: column.name for column in dataset.sortable}
    term = f"-?({'|'.join(columns)})"
    more = f"(,{term}){{0,{_MOST_SORTS - 1}}}"

    def read(view: View, value: str) -> View | None:
        terms = value.split(",")
        names = [columns.get(term.removeprefix("-")) for term in terms]
        if None in names or len(terms) > _MOST_SORTS:
            return None
        found: dict[str, bool] = {}
        for name, term in zip(names, terms, strict=True):
            found.setdefault(name or "", term.startswith("-"))
        (first, descending), *rest = found.items()
        return replace(view, sort=first, descending=descending, then_by=tuple(rest))

    takes = (
        f"up to {_MOST_SORTS} of {', '.join(columns)}, with commas between;"
        " a minus before one turns its order"
    )
    return Parameter("sort", takes, {"type": "string", "pattern": f"^{term}{more}$"}, read)
