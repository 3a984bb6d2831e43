"""Labels of datasets and columns, and the format of their values."""

from __future__ import annotations

from datetime import datetime

from ecommerce_core.datasets import Column, Dataset, Kind
from pages.ui.session import application, language
from pages.ui.session import text as _


def dataset_label(name: str) -> str:
    """Return the label of a dataset within a sentence; an unknown name of the journal as it is."""
    dataset = application().datasets.get(name)
    return name if dataset is None else _(dataset.label)


def dataset_title(name: str) -> str:
    """Return the label of a dataset as a heading."""
    return dataset_label(name).capitalize()


def column_label(column: Column) -> str:
    """Return the label of a column."""
    return _(column.label)


def title_label(dataset: Dataset) -> str:
    """Return the label of the rows' titles: of the one column they are made of, or else *Name*."""
    if len(dataset.title) == 1:
        return column_label(dataset.column(dataset.title[0]))
    return _("Name")


def label_with_unit(column: Column) -> str:
    """Return the label of a column for an axis or an input, with the unit of its numbers."""
    return f"{column_label(column)} (€)" if column.kind is Kind.MONEY else column_label(column)


def label_with_zone(column: Column) -> str:
    """Return the label of a column for the heading of a table, with the zone of its times."""
    if column.kind is not Kind.MOMENT:
        return column_label(column)
    zone = _("{column} ({zone})")
    return zone.format(column=column_label(column), zone=language().place)


def field_label(dataset: Dataset | None, field: str) -> str:
    """Return the label of a field of the journal, which may be one of an older version."""
    column = None if dataset is None else dataset.find_column(field)
    return field if column is None else column_label(column)


def amount(column: Column, value: float) -> str:
    """Return a number in the store's unit, formatted for its column."""
    words = language()
    return words.money(value) if column.kind is Kind.MONEY else words.points(value)


def shown(column: Column | None, value: object) -> str:
    """Return a stored value as plain text: money as money, times in the reader's zone."""
    if value is None or value == "":
        return "–"
    if column is not None and column.kind is Kind.MOMENT:
        at = value if isinstance(value, datetime) else datetime.fromisoformat(str(value))
        return language().moment(at)
    if isinstance(value, int | float) and column is not None and column.grouped:
        return amount(column, value)
    return str(value)


def shown_field(dataset: Dataset | None, field: str, value: object) -> str:
    """Return the value of a field of the journal, formatted for its column."""
    return shown(None if dataset is None else dataset.find_column(field), value)


def shown_change(dataset: Dataset, field: str | None, value: str | None) -> str:
    """Return a value of a field from before or after a change, whose numbers are texts, too."""
    column = dataset.find_column(field)
    if field is None or value is None or column is None:
        return "" if field is None else shown_field(dataset, field, value)
    if column.kind in {Kind.NUMBER, Kind.MONEY}:
        try:
            return shown(column, float(value) if "." in value else int(value))
        except ValueError:  # it was a text in an older version
            return value
    return shown(column, value)
