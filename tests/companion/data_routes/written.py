"""Rows written as files, without a server, and files read back."""

from __future__ import annotations

import csv
import tempfile
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from datetime import UTC, datetime
from io import BytesIO, StringIO
from typing import Any, BinaryIO, cast

import duckdb
import pytest

from ecommerce_core.datasets import PRODUCTS, Dataset, Product, Row
from ecommerce_core.storage import (
    Selection,
    Work,
    write_csv,
    write_json,
    write_parquet,
    write_wire,
    write_xlsx,
)
from ecommerce_core.storage.snapshots.snapshot_file import create_empty

AT = datetime(2026, 1, 31, 8, 15, 0, 123_000, tzinfo=UTC)


def row(code: str = "A", *, description: str = "Télé", **fields: Any) -> Product:
    """Return a product with a value in every kind of column."""
    values: dict[str, Any] = {
        "code": code,
        "family": "TV",
        "description": description,
        "price_cents": 123_405,
        "min_quantity": 1,
        "packaging": 0,
        "catalogue_min_quantity": None,
        "catalogue_packaging": 2,
        "catalogue_id": 2**63 - 1,
        "first_seen_at": AT,
        "updated_at": AT,
        "withdrawn_at": None,
    }
    return Product(**{**values, **fields})


@contextmanager
def selected(
    rows: Sequence[Row], dataset: Dataset, fields: Sequence[str] = ()
) -> Iterator[Selection]:
    """Yield rows as a snapshot holds them, selected in their order."""
    names = [column.name for column in dataset.row_columns]
    with duckdb.connect() as database:
        create_empty(database, dataset)
        marks = ", ".join("?" for _ in names)
        for one in rows:
            values = [_as_stored(getattr(one, name)) for name in names]
            sql = f"INSERT INTO {dataset.table} ({', '.join(names)}) VALUES ({marks})"
            database.execute(sql, values)
        columns = {column.field: column for column in dataset.row_columns}
        wanted = tuple(columns[field] for field in fields or columns)
        sql = f"SELECT * FROM {dataset.table} ORDER BY rowid"
        yield Selection(Work(database), sql, (), wanted)


def written(
    file_format: str,
    *rows: Row,
    dataset: Dataset = PRODUCTS,
    language: str = "en",
    fields: Sequence[str] = (),
    sheet_rows: int = 100,
) -> bytes:
    """Return a file of these rows."""
    with selected(rows, dataset, fields) as selection, tempfile.TemporaryFile() as file:
        out = cast(BinaryIO, file)
        if file_format == "csv":
            write_csv(selection, out, language=language)
        elif file_format == "xlsx":
            write_xlsx(selection, out, title="Products", sheet_rows=sheet_rows)
        elif file_format == "parquet":
            write_parquet(selection, out)
        elif file_format == "json":
            write_json(selection, out)
        else:
            write_wire(dataset, iter([list(rows)]), out, work=Work())
        file.seek(0)
        return file.read()


def lines_of(body: bytes, *, delimiter: str = ",") -> list[list[str]]:
    """Return the cells of a CSV file, its heading first."""
    return list(csv.reader(StringIO(body.decode("utf-8-sig"), newline=""), delimiter=delimiter))


def sheet_of(body: bytes, number: int = 0) -> Any:
    """Return a sheet of an Excel file."""
    openpyxl = pytest.importorskip("openpyxl")
    book = openpyxl.load_workbook(BytesIO(body))
    return book[book.sheetnames[number]]


def _as_stored(value: Any) -> Any:
    return value.replace(tzinfo=None) if isinstance(value, datetime) else value
