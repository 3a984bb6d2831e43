"""Rows as files: CSV, Excel, JSON and Parquet, written chunk by chunk in bounded memory.

Money is euros where people read it (``price_eur``: CSV, Excel) and cents where programs do
(``price_cents`` in Parquet, the wire's own ``prix`` in JSON). Times are UTC everywhere.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping
from datetime import datetime
from functools import partial
from operator import attrgetter
from typing import Any, BinaryIO

import msgspec

from ecommerce_core.csv_export import write_csv
from ecommerce_core.dataset import Dataset, Row
from ecommerce_core.export_columns import headings_of, in_euros, types_of, without_zone
from ecommerce_core.formula_guard import starts_formula

Chunks = Iterable[list[Row]]

FORMATS = ("csv", "xlsx", "json", "parquet")
MIME_TYPES: Mapping[str, str] = {
    "csv": "text/csv; charset=utf-8",
    "xlsx": "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet",
    "json": "application/json",
    "parquet": "application/vnd.apache.parquet",
}
# Excel's own limit, its heading aside. What is more goes on another sheet.
SHEET_ROWS = 1_048_575
# Beyond it a number of Excel's, a double, loses its last digits.
_LARGEST_EXACT = 2**53
WIDTHS: Mapping[type, int] = {str: 36, datetime: 19}
_PARQUET_CHUNK = 50_000


def export_file_name(dataset: Dataset, file_format: str, now: datetime) -> str:
    """``products-2026-01-31-0815.csv``."""
    return f"{dataset.name}-{now:%Y-%m-%d-%H%M}.{file_format}"


def write_export(
    file_format: str, dataset: Dataset, chunks: Chunks, out: BinaryIO, *, language: str = "en"
) -> None:
    """Write all rows of ``chunks`` into ``out``, which stays open. Raises KeyError, OSError.

    ``language`` is the code of the reader's.
    """
    writers: Mapping[str, Callable[[Dataset, Chunks, BinaryIO], None]] = {
        "csv": partial(write_csv, language=language),
        "xlsx": write_xlsx,
        "json": write_json,
        "parquet": write_parquet,
    }
    writers[file_format](dataset, chunks, out)


def write_json(dataset: Dataset, chunks: Chunks, out: BinaryIO) -> None:
    """As the peer itself would answer, so that ``dataset.parse`` takes it again, row by row."""
    head, tail = b"[", b"\n]\n"
    if dataset.list_name is not None:
        head = b"{" + msgspec.json.encode(dataset.list_name) + b": ["
        tail = b"\n]}\n"
    out.write(head)
    encode, separator = msgspec.json.Encoder().encode, b"\n"
    for rows in chunks:
        for row in rows:
            out.write(separator)
            out.write(encode(dataset.to_wire(row)))
            separator = b",\n"
    out.write(tail)


def write_xlsx(
    dataset: Dataset, chunks: Chunks, out: BinaryIO, *, sheet_rows: int = SHEET_ROWS
) -> None:
    """Numbers as numbers, times as times, bold frozen heading; more sheets where one is full.

    A text is never a formula here: the cell says that it is text, and one that looks like a
    formula stays text when it is edited.
    """
    import xlsxwriter  # type: ignore[import-untyped]

    options = {"constant_memory": True, "strings_to_formulas": False, "strings_to_urls": False}
    with xlsxwriter.Workbook(out, options) as book:
        sheets = _Sheets(book, dataset)
        sheets.next()
        for rows in chunks:
            for row in rows:
                if sheets.written == sheet_rows:
                    sheets.next()
                sheets.write(row)


def write_parquet(dataset: Dataset, chunks: Chunks, out: BinaryIO) -> None:
    """The columns under the store's own names and types; times in UTC."""
    import pyarrow as pa
    import pyarrow.parquet as pq

    arrow = {str: pa.string(), int: pa.int64(), float: pa.float64()}
    schema = pa.schema(
        [
            pa.field(name, arrow.get(kind, pa.timestamp("ms", tz="UTC")))
            for name, kind in types_of(dataset).items()
        ]
    )
    with pq.ParquetWriter(out, schema) as writer:
        for rows in _larger(chunks):
            columns = [[getattr(row, name) for row in rows] for name in schema.names]
            arrays = [pa.array(c, f.type) for c, f in zip(columns, schema, strict=True)]
            writer.write_table(pa.Table.from_arrays(arrays, schema=schema))


class _Sheets:
    """The sheets of one workbook, and how a row is written."""

    def __init__(self, book: Any, dataset: Dataset) -> None:
        self._book = book
        self._dataset = dataset
        self._bold = book.add_format({"bold": True})
        self._money = book.add_format({"num_format": "#,##0.00"})
        self._moment = book.add_format({"num_format": "yyyy-mm-dd hh:mm:ss"})
        self._quoted = book.add_format({"quote_prefix": True})
        self._values_of = attrgetter(*types_of(dataset))
        self._is_money = [name.endswith("_cents") for name in types_of(dataset)]
        self._sheet: Any = None
        self._count = 0
        self.written = 0

    def next(self) -> None:
        """Go on with another sheet and its heading; the first has the dataset's name."""
        self._count += 1
        self.written = 0
        name = self._dataset.name.capitalize()
        title = name if self._count == 1 else f"{name} {self._count}"
        self._sheet = self._book.add_worksheet(title)
        kinds = types_of(self._dataset).values()
        for at, (heading, kind) in enumerate(zip(headings_of(self._dataset), kinds, strict=True)):
            self._sheet.set_column(at, at, max(WIDTHS.get(kind, 12), len(heading) + 2))
            self._sheet.write_string(0, at, heading, self._bold)
        self._sheet.freeze_panes(1, 0)

    def write(self, row: Row) -> None:
        """Write one row."""
        self.written += 1
        sheet, number = self._sheet, self.written
        for at, value in enumerate(self._values_of(row)):
            if value is None:
                continue
            if isinstance(value, str):
                quoted = self._quoted if starts_formula(value) else None
                sheet.write_string(number, at, value, quoted)
            elif isinstance(value, datetime):
                sheet.write_datetime(number, at, without_zone(value), self._moment)
            elif abs(value) > _LARGEST_EXACT:
                sheet.write_string(
                    number, at, in_euros(value) if self._is_money[at] else str(value)
                )
            elif self._is_money[at]:
                sheet.write_number(number, at, value / 100, self._money)
            else:
                sheet.write_number(number, at, value)


def _larger(chunks: Chunks) -> Iterator[list[Row]]:
    """The same rows in larger chunks: each becomes a row group, which readers want large."""
    kept: list[Row] = []
    for rows in chunks:
        kept.extend(rows)
        if len(kept) >= _PARQUET_CHUNK:
            yield kept
            kept = []
    if kept:
        yield kept
