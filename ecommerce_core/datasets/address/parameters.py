"""The parameters of an address with their allowed values, derived from a dataset's columns."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import replace
from functools import lru_cache
from typing import Any, TypeVar

from ecommerce_core.datasets.address.filters import choice_parameter, filter_parameters
from ecommerce_core.datasets.address.parameter import Parameter, Schema
from ecommerce_core.datasets.address.view import (
    CHANGE_SORTS,
    KINDS,
    PAGE_SIZES,
    TABS,
    TEXT_CHARS,
    View,
)
from ecommerce_core.datasets.column import Filter
from ecommerce_core.datasets.dataset import Dataset
from ecommerce_core.domain import Withdrawn

AnyView = TypeVar("AnyView", bound=View)

_LARGEST_NUMBER = 10**9 - 1
_MOST_SORTS = 3


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
            *(each for column in dataset.row_columns for each in filter_parameters(column)),
            *_keys(dataset),
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
    return [choice_parameter(column) for column in dataset.filtered_by(Filter.CHOICE)]


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
    return [] if Filter.CHOICE in key.filters else [choice_parameter(key)]


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
