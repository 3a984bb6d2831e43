"""The address that says what a reader looks at: ``?q=tv&family=TV&price=10-50&sort=-price``.

Pure: an address is a mapping of names to values. What it says wrongly is left
out and named, so that a page can tell its reader.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import replace
from typing import Any

from ecommerce_core.address.view import (
    KINDS,
    PAGE_SIZES,
    SHORT,
    TABS,
    TEXT_CHARS,
    Shape,
    View,
    is_since,
)
from ecommerce_core.query import Withdrawn

_RANGE = re.compile(r"(-?\d{1,12}(?:\.\d{1,2})?)?-(-?\d{1,12}(?:\.\d{1,2})?)?")


def format_address(view: View, shape: Shape) -> dict[str, str | list[str]]:
    """The address of a view: what differs from the page as it opens."""
    said: dict[str, str | list[str] | None] = {
        "view": view.tab if view.tab != TABS[0] else None,
        "as": view.layout if view.layout not in {"", shape.layouts[0]} else None,
        "q": view.search or None,
        shape.choice or "": list(view.chosen) or None,
        shape.range_name: _format_range(view),
        "withdrawn": view.withdrawn.value if view.withdrawn is not Withdrawn.HIDE else None,
        "new": view.new or None,
        "changed": view.changed or None,
        shape.presence or "": None if view.present is None else ("no", "yes")[view.present],
        "sort": _format_sort(view, shape),
        "page": str(view.page) if view.page > 1 else None,
        "size": str(view.size) if view.size != PAGE_SIZES[0] else None,
        "from": str(view.from_run) if view.from_run is not None else None,
        "to": str(view.to_run) if view.to_run is not None else None,
        "kind": view.kind,
        "row": view.row,
    }
    return {name: value for name, value in said.items() if name and value}


def _format_sort(view: View, shape: Shape) -> str | None:
    column = view.sort or shape.sorts[0]
    if column == shape.sorts[0] and not view.descending:
        return None
    return ("-" if view.descending else "") + SHORT.get(column, column)


def _format_range(view: View) -> str | None:
    if view.low is None and view.high is None:
        return None
    return f"{_digits(view.low)}-{_digits(view.high)}"


def _digits(number: float | None) -> str:
    return "" if number is None else f"{number:.2f}".rstrip("0").rstrip(".")


def parse_address(said: Mapping[str, list[str]], shape: Shape) -> tuple[View, list[str]]:
    """The view that an address asks for, and what of it was left out, as ``name=value``."""
    view, ignored = View(), list[str]()
    for name, values in said.items():
        if name and name == shape.choice:
            fields: dict[str, Any] | None = {"chosen": tuple(v for v in values if v)[:100]}
        else:
            fields = _fields(name, values[-1] if values else "", shape)
        if fields is None:
            ignored += [f"{name}={value}"[:80] for value in values]
        else:
            view = replace(view, **fields)
    return view, ignored


def _fields(name: str, value: str, shape: Shape) -> dict[str, Any] | None:
    """What one name of an address sets; None where it makes no sense."""
    numbers = {"page": "page", "from": "from_run", "to": "to_run"}
    found = _RANGE.fullmatch(value) if name == shape.range_name else None
    columns = {SHORT.get(column, column): column for column in shape.sorts}
    options: dict[str, tuple[str, Mapping[str, Any]]] = {
        "view": ("tab", dict(zip(TABS, TABS, strict=True))),
        "as": ("layout", {layout: layout for layout in shape.layouts}),
        "withdrawn": ("withdrawn", {option.value: option for option in Withdrawn}),
        "size": ("size", {str(size): size for size in PAGE_SIZES}),
        "kind": ("kind", dict(zip(KINDS, KINDS, strict=True))),
        shape.presence or "": ("present", {"yes": True, "no": False}),
    }
    if name in options and name:
        field, known = options[name]
        return {field: known[value]} if value in known else None
    if name == "sort" and value.removeprefix("-") in columns:
        return {"sort": columns[value.removeprefix("-")], "descending": value.startswith("-")}
    if found and (found[1] or found[2]):
        low, high = (float(n) if n else None for n in found.groups())
        return {"low": low, "high": high}
    if name in numbers and value.isascii() and value.isdigit() and 1 <= int(value[:12]) < 10**9:
        return {numbers[name]: int(value[:12])}
    if name in {"new", "changed"} and is_since(value):
        return {name: value}
    if name in {"q", "row"} and 0 < len(value) <= TEXT_CHARS:
        return {"search" if name == "q" else "row": value}
    return None
