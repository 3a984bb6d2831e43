"""Write rows as CSV, JSON and Parquet with DuckDB itself.

Every format has the same values: ``price_eur`` in euros, exact to the cent, and times in UTC. In
CSV texts are guarded as in ``formula_guard.py``, and a French file has semicolons and a decimal
comma, so that a spreadsheet opens it by a double click.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from contextlib import closing, suppress
from typing import BinaryIO

import duckdb

from ecommerce_core.datasets import Column, Kind, guard_formula
from ecommerce_core.storage.row_files.selection import Selection, value_of

# The byte-order mark by which a spreadsheet recognises UTF-8.
BOM = b"\xef\xbb\xbf"
# The separator of cells, and the decimal sign.
_CSV_FORMS: Mapping[str, tuple[str, str]] = {"en": (",", "."), "fr": (";", ",")}
GROUP_ROWS = 50_000
_MOMENT = "strftime({name}, '%Y-%m-%dT%H:%M:%S.%gZ')"
# A text that the guard may change: between a sign and the preceding possible beginning of a cell
# there is neither a digit nor a Latin letter.
_SUSPECT = (
    "(^|[,;\t|\r\n])[^A-Za-z0-9\u00c0-\u024f]*[=+@\uff1d\uff0b\uff0d\uff20\ufe66\ufe62\ufe63\ufe6b-]"
    "|^'*[\t\r\n]"
)


def write_csv(selection: Selection, out: BinaryIO, *, language: str) -> int:
    """Write lines under a heading, and return how many rows. Raises duckdb.Error."""
    separator, point = _CSV_FORMS[language]
    # On a cursor of its own: the selection's may still have an unread result.
    with closing(selection.cursor.cursor()) as database, suppress(duckdb.CatalogException):
        database.create_function("guard_formula", _guard, ["VARCHAR"], "VARCHAR")
    cells = {column: _csv_cell(column, point) for column in selection.columns}
    for column in selection.columns:
        if column.name in selection.mixed:
            number = f"replace({column.name}, '.', '{point}')"
            cells[column] = (
                f"CASE WHEN {column.name}_is_number THEN {number} ELSE {cells[column]} END"
            )
    options = f"FORMAT csv, HEADER, DELIMITER '{separator}'"
    return _copy(selection, cells, out, options, heading=guard_formula)


def write_json(selection: Selection, out: BinaryIO) -> int:
    """Write a list of objects, and return how many rows. Raises duckdb.Error."""
    cells = {column: _plain_cell(column) for column in selection.columns}
    return _copy(selection, cells, out, "FORMAT json, ARRAY true")


def write_parquet(selection: Selection, out: BinaryIO) -> int:
    """Write columns with their types, and return how many rows. Raises duckdb.Error."""
    cells = {
        column: f"timezone('UTC', {column.name})"
        if column.kind is Kind.MOMENT
        else value_of(column)
        for column in selection.columns
    }
    # Small groups of rows, because sorting needs the memory.
    return _copy(selection, cells, out, f"FORMAT parquet, ROW_GROUP_SIZE {GROUP_ROWS}")


def _guard(text: str) -> str:
    return guard_formula(text)


def _csv_cell(column: Column, point: str) -> str:
    if column.kind in {Kind.TEXT, Kind.ID}:
        name = column.name
        suspect = f"regexp_matches({name}, '{_quoted(_SUSPECT)}')"
        return f"CASE WHEN {suspect} THEN guard_formula({name}) ELSE {name} END"
    plain = _plain_cell(column)
    if point == "." or column.kind is Kind.MOMENT:
        return plain
    return f"replace(CAST({plain} AS VARCHAR), '.', '{point}')"


def _plain_cell(column: Column) -> str:
    return _MOMENT.format(name=column.name) if column.kind is Kind.MOMENT else value_of(column)


def _copy(
    selection: Selection,
    cells: Mapping[Column, str],
    out: BinaryIO,
    options: str,
    *,
    heading: Callable[[str], str] = str,
) -> int:
    """Write cells, under the names of the columns' fields, into an open file; return the row count.

    A field may be any text, from which ``heading`` makes a column's name in the file.
    """
    # The file has no name, so nobody else can find it and a killed process leaves none.
    target = f"/dev/fd/{out.fileno()}"
    named = ((cell, heading(column.field).replace('"', '""')) for column, cell in cells.items())
    selected = ", ".join(f'{cell} AS "{name}"' for cell, name in named)
    found = selection.cursor.execute(
        f"COPY (SELECT {selected} FROM ({selection.sql}))"
        f" TO '{target}' ({options}, USE_TMP_FILE false)",
        selection.values,
    ).fetchone()
    return int(found[0]) if found else 0


def _quoted(text: str) -> str:
    return text.replace("'", "''")
