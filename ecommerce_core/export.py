"""Rows as files: CSV, Excel, JSON and Parquet, written chunk by chunk in bounded memory.

Money is euros where people read it (``price_eur``: CSV, Excel) and cents where programs do
(``price_cents`` in Parquet, the wire's own ``prix`` in JSON). Times are UTC everywhere.
"""

from __future__ import annotations

import csv
import types
import typing
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import fields
from datetime import UTC, datetime
from functools import lru_cache
from io import TextIOWrapper
from operator import attrgetter
from typing import Any, BinaryIO

import msgspec

from ecommerce_core.dataset import Dataset, Row

Chunks = Iterable[list[Row]]

FORMATS = ("csv", "xlsx", "json", "parquet")
MIME_TYPES: Mapping[str, str] = {
    "csv": "text/csv; charset=utf-8",
    "xlsx": "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet",
    "json": "application/json",
    "parquet": "application/vnd.apache.parquet",
}
# A spreadsheet takes a text that begins so for a formula, and would run it.
FORMULA_STARTS = ("=", "+", "-", "@", "\t", "\r")
# Excel's own limit, its heading aside. What is more goes on another sheet.
SHEET_ROWS = 1_048_575
# Beyond it a number of Excel's, a double, loses its last digits.
_LARGEST_EXACT = 2**53
WIDTHS: Mapping[type, int] = {str: 36, datetime: 19}
_PARQUET_CHUNK = 50_000


def export_file_name(dataset: Dataset, file_format: str, now: datetime) -> str:
    """``products-2026-01-31-0815.csv``."""
    return f"{dataset.name}-{now:%Y-%m-%d-%H%M}.{file_format}"


def write_export(file_format: str, dataset: Dataset, chunks: Chunks, out: BinaryIO) -> None:
    """Write all rows of ``chunks`` into ``out``, which stays open. Raises KeyError, OSError."""
    writers: Mapping[str, Callable[[Dataset, Chunks, BinaryIO], None]] = {
        "csv": write_csv,
        "xlsx": write_xlsx,
        "json": write_json,
        "parquet": write_parquet,
    }
    writers[file_format](dataset, chunks, out)


def guard_formula(text: str) -> str:
    """``text`` as a spreadsheet takes it for text: with an apostrophe where it would run it."""
    return f"'{text}" if text.startswith(FORMULA_STARTS) else text


def write_csv(dataset: Dataset, chunks: Chunks, out: BinaryIO) -> None:
    """UTF-8 with a BOM, which tells Excel so; texts are guarded against formulas."""
    text = TextIOWrapper(out, encoding="utf-8-sig", errors="replace", newline="")
    lines = csv.writer(text)
    lines.writerow(_headings(dataset))
    values_of = attrgetter(*_types(dataset))
    written = [_csv_column(name, kind) for name, kind in _types(dataset).items()]
    for rows in chunks:
        # Column by column: the type of a value is asked once for all of them.
        columns = zip(*map(values_of, rows), strict=True)
        lines.writerows(
            zip(
                *(write(column) for write, column in zip(written, columns, strict=False)),
                strict=True,
            )
        )
    text.flush()
    text.detach()


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
            for name, kind in _types(dataset).items()
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
        self._values_of = attrgetter(*_types(dataset))
        self._is_money = [name.endswith("_cents") for name in _types(dataset)]
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
        kinds = _types(self._dataset).values()
        for at, (heading, kind) in enumerate(zip(_headings(self._dataset), kinds, strict=True)):
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
                quoted = self._quoted if value.startswith(FORMULA_STARTS) else None
                sheet.write_string(number, at, value, quoted)
            elif isinstance(value, datetime):
                sheet.write_datetime(number, at, _naive(value), self._moment)
            elif abs(value) > _LARGEST_EXACT:
                sheet.write_string(
                    number, at, _decimal(value) if self._is_money[at] else str(value)
                )
            elif self._is_money[at]:
                sheet.write_number(number, at, value / 100, self._money)
            else:
                sheet.write_number(number, at, value)


def _types(dataset: Dataset) -> dict[str, type]:
    """The columns of a row and their types, None aside."""
    hints = typing.get_type_hints(dataset.row_type)
    found = {}
    for field in fields(dataset.row_type):
        hint = hints[field.name]
        options = typing.get_args(hint) if isinstance(hint, types.UnionType) else (hint,)
        found[field.name] = next(one for one in options if one is not type(None))
    return found


def _headings(dataset: Dataset) -> list[str]:
    """The names of the columns, with what their numbers and times are counted in."""
    return [
        f"{name.removesuffix('_cents')}_eur" if name.endswith("_cents")
        # A spreadsheet has no time zones.
        else f"{name}_utc" if kind is datetime
        else name
        for name, kind in _types(dataset).items()
    ]  # fmt: skip


def _csv_column(name: str, kind: type) -> Callable[[Iterable[Any]], Iterable[Any]]:
    """How the values of one column become what a CSV file says."""
    if kind is str:
        starts = frozenset(FORMULA_STARTS)
        return lambda values: [f"'{text}" if text[:1] in starts else text for text in values]
    if name.endswith("_cents"):
        return lambda values: map(_decimal, values)
    if kind is datetime:
        return lambda values: map(_moment_text, values)
    return lambda values: values


def _decimal(cents: int | None) -> str | None:
    """An amount in euros, exact, with two decimals."""
    if cents is None:
        return None
    sign = "-" if cents < 0 else ""
    return f"{sign}{abs(cents) // 100}.{abs(cents) % 100:02}"


@lru_cache(4_096)
def _moment_text(moment: datetime | None) -> str | None:
    return None if moment is None else _naive(moment).isoformat(" ", timespec="milliseconds")


def _naive(moment: datetime) -> datetime:
    """The same in UTC without saying so, since a spreadsheet has no time zones."""
    return moment.astimezone(UTC).replace(tzinfo=None)


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
