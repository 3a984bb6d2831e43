"""The rows of a page for a spreadsheet: a button that copies them as text with tabs between."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime

from ecommerce_core.datasets import (
    Column,
    Dataset,
    Kind,
    Row,
    View,
    columns_of,
    guard_formula,
)
from pages.dataset import selection
from pages.ui import Language, copy_button, labels, language
from pages.ui import text as _


def show(dataset: Dataset, view: View, rows: Sequence[Row]) -> None:
    """Show the button: it copies the ticked rows, or all if none is; their text is in the page."""
    words, ticked = language(), set(selection.ticked(dataset.name))
    chosen = [row for row in rows if getattr(row, dataset.key) in ticked]
    rows, label = chosen or rows, _("Copy page")
    if chosen:
        label = words.plural("Copy {count} row", "Copy {count} rows", len(chosen))
    copy_button.show(
        label,
        key=f"copy_{dataset.name}",
        help=_("Copies these rows for a spreadsheet. Export takes all that match."),
        text=tab_separated(columns_of(view, dataset), rows, words),
        width="content",
    )


def tab_separated(columns: Sequence[Column], rows: Sequence[Row], words: Language) -> str:
    """Return the headings and the rows, a line each."""
    lines = [[labels.label_with_unit(column) for column in columns]]
    lines += [
        [_cell(column, getattr(row, column.name), words) for column in columns] for row in rows
    ]
    return "\n".join("\t".join(line) for line in lines)


def _cell(column: Column, value: object, words: Language) -> str:
    """Return a value as a spreadsheet in the reader's language takes it; no text is a formula."""
    if value is None:
        return ""
    if isinstance(value, datetime):
        return f"{value.astimezone(words.zone):%Y-%m-%d %H:%M:%S}"
    if isinstance(value, int | float):
        number = f"{value / column.scale:.2f}" if column.kind is Kind.MONEY else f"{value:.15g}"
        return number.replace(".", ",") if words.code == "fr" else number
    return guard_formula(" ".join(str(value).split()))
