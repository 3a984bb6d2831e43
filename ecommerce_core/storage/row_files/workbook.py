"""Write rows as an Excel file, and as the peer's own JSON, row by row."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from decimal import Decimal
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any, BinaryIO

import msgspec

from ecommerce_core.datasets import Column, Dataset, Kind, Row, starts_formula
from ecommerce_core.storage.row_files.selection import Selection, Work, value_of

# Excel's own limit without the heading. More rows go on another sheet.
SHEET_ROWS = 1_048_575
ROWS_PER_CHUNK = 5_000
# Excel stores numbers as doubles: beyond this, they lose their last digits.
_LARGEST_EXACT = 2**53
_WIDTHS = {Kind.TEXT: 36, Kind.ID: 36, Kind.MOMENT: 24}


def write_xlsx(
    selection: Selection,
    out: BinaryIO,
    *,
    title: str,
    folder: Path | None = None,
    sheet_rows: int = SHEET_ROWS,
) -> int:
    """Write sheets with a bold frozen heading, numbers and times as such; return how many rows.

    A text is never a formula: the cell has the type text, and one that looks like a formula stays
    text when it is edited. ``folder`` is for temporary files. Raises duckdb.Error, OSError,
    Stopped.
    """
    import xlsxwriter  # type: ignore[import-untyped]

    with _scratch(folder) as scratch:
        options = {
            "constant_memory": True,
            "strings_to_formulas": False,
            "strings_to_urls": False,
            "tmpdir": scratch,
        }
        # Not as a context manager, which would assemble the whole file even after an error.
        book = xlsxwriter.Workbook(out, options)
        sheets = _Sheets(book, selection.columns, title)
        sheets.next()
        for values in _iter_values(selection):
            if sheets.written == sheet_rows:
                sheets.next()
            sheets.write(values)
        book.close()
    return sheets.total


@contextmanager
def _scratch(folder: Path | None) -> Iterator[str]:
    """Yield a folder for temporary files whose disk space is free at the end."""
    with TemporaryDirectory(dir=folder) as scratch:
        try:
            yield scratch
        finally:
            # A workbook that was cancelled keeps its files open for as long as Python keeps it.
            for file in Path(scratch).iterdir():
                os.truncate(file, 0)


def write_wire(dataset: Dataset, chunks: Iterator[list[Row]], out: BinaryIO, *, work: Work) -> int:
    """Write the peer's JSON, which ``dataset.parse`` can read again; return how many rows.

    Raises duckdb.Error, OSError, Stopped.
    """
    head, tail = b"[", b"\n]\n"
    if dataset.list_name is not None:
        head = b"{" + msgspec.json.encode(dataset.list_name) + b": ["
        tail = b"\n]}\n"
    out.write(head)
    encode, separator, count = msgspec.json.Encoder().encode, b"\n", 0
    for rows in chunks:
        work.check()
        for row in rows:
            out.write(separator)
            out.write(encode(dataset.to_wire(row)))
            separator = b",\n"
        count += len(rows)
    out.write(tail)
    return count


def _iter_values(selection: Selection) -> Iterator[tuple[Any, ...]]:
    cells = ", ".join(value_of(column) for column in selection.columns)
    found = selection.cursor.execute(f"SELECT {cells} FROM ({selection.sql})", selection.values)
    while rows := found.fetchmany(ROWS_PER_CHUNK):
        selection.work.check()
        yield from rows


class _Sheets:
    """The sheets of one workbook, and how a row is written."""

    def __init__(self, book: Any, columns: Sequence[Column], title: str) -> None:
        self._book = book
        self._columns = columns
        self._title = title
        self._bold = book.add_format({"bold": True})
        self._quoted = book.add_format({"quote_prefix": True})
        self._money = book.add_format({"num_format": "#,##0.00"})
        # A spreadsheet has no time zones.
        self._moment = book.add_format({"num_format": 'yyyy-mm-dd hh:mm:ss "UTC"'})
        writers: dict[Kind, Callable[[int, int, Any], object]] = {
            Kind.MOMENT: self._write_moment,
            Kind.NUMBER: self._write_number,
            Kind.MONEY: self._write_money,
        }
        self._writers = [writers.get(column.kind, self._write_text) for column in columns]
        self._sheet: Any = None
        self._count = 0
        self.written = 0
        self.total = 0

    def next(self) -> None:
        """Begin another sheet with its heading."""
        self._count += 1
        self.written = 0
        name = self._title if self._count == 1 else f"{self._title} {self._count}"
        self._sheet = self._book.add_worksheet(name)
        for at, column in enumerate(self._columns):
            width = max(_WIDTHS.get(column.kind, 12), len(column.field) + 2)
            self._sheet.set_column(at, at, width)
            self._sheet.write_string(0, at, column.field, self._bold)
        self._sheet.freeze_panes(1, 0)

    def write(self, values: tuple[Any, ...]) -> None:
        """Write one row."""
        self.written += 1
        self.total += 1
        for at, (write, value) in enumerate(zip(self._writers, values, strict=True)):
            if value is not None:
                write(self.written, at, value)

    def _write_text(self, row: int, at: int, value: str) -> None:
        self._sheet.write_string(row, at, value, self._quoted if starts_formula(value) else None)

    def _write_moment(self, row: int, at: int, value: Any) -> None:
        self._sheet.write_datetime(row, at, value, self._moment)

    def _write_number(self, row: int, at: int, value: float) -> None:
        if abs(value) > _LARGEST_EXACT:
            self._sheet.write_string(row, at, str(value))
        else:
            self._sheet.write_number(row, at, value)

    def _write_money(self, row: int, at: int, value: Decimal) -> None:
        if abs(value) * 100 > _LARGEST_EXACT:
            self._sheet.write_string(row, at, str(value))
        else:
            self._sheet.write_number(row, at, float(value), self._money)
