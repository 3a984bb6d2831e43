"""Exports: whole, typed, guarded against formulas, and JSON that can be loaded again."""

from __future__ import annotations

import csv
import json
from datetime import UTC, datetime
from io import BytesIO, StringIO
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ecommerce_core.catalogue import PRODUCTS
from ecommerce_core.crm import CUSTOMERS
from ecommerce_core.dataset import Dataset, Row
from ecommerce_core.export import (
    MIME_TYPES,
    export_file_name,
    write_export,
    write_xlsx,
)
from ecommerce_core.models import Customer, Product
from ecommerce_core.query import Query
from ecommerce_core.store import Store
from tests.peers import product, products
from tests.test_store import put

AT = datetime(2026, 1, 31, 8, 15, 0, 123_000, tzinfo=UTC)
TEXT = st.text(st.characters(exclude_categories=["Cs"], exclude_characters="\0"), max_size=12)
COUNT = st.integers(0, 2**63 - 1)
NUMBER = st.none() | st.floats(-(2.0**53), 2.0**53)
PRODUCT = st.builds(
    Product,
    code=TEXT.filter(bool),
    family=TEXT,
    description=TEXT,
    price_cents=COUNT,
    min_quantity=st.just(1),
    packaging=st.just(0),
    catalogue_min_quantity=st.none() | COUNT,
    catalogue_packaging=st.none() | COUNT,
    catalogue_id=st.none() | COUNT,
    first_seen_at=st.just(AT),
    updated_at=st.just(AT),
    withdrawn_at=st.none() | st.just(AT),
)
CUSTOMER = st.builds(
    Customer,
    customer_id=TEXT.filter(bool),
    first_name=TEXT,
    last_name=TEXT,
    loyalty_points=NUMBER,
    payment=NUMBER,
    account=TEXT,
    first_seen_at=st.just(AT),
    updated_at=st.just(AT),
    withdrawn_at=st.none(),
)


def row(code: str = "A", *, description: str = "Télé", **fields: Any) -> Product:
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


def written(
    file_format: str, *chunks: list[Row], dataset: Dataset = PRODUCTS, language: str = "en"
) -> bytes:
    out = BytesIO()
    write_export(file_format, dataset, chunks, out, language=language)
    return out.getvalue()


def lines_of(body: bytes) -> list[list[str]]:
    assert body.startswith(b"\xef\xbb\xbf")
    return list(csv.reader(StringIO(body.decode("utf-8-sig"), newline="")))


def sheet_of(body: bytes, number: int = 0) -> Any:
    openpyxl = pytest.importorskip("openpyxl")
    book = openpyxl.load_workbook(BytesIO(body))
    return book[book.sheetnames[number]]


def test_a_csv_file_says_its_units_and_reads_in_excel() -> None:
    heading, line = lines_of(written("csv", [row()]))

    said = dict(zip(heading, line, strict=True))
    assert said["price_eur"] == "1234.05"
    assert said["description"] == "Télé"
    assert said["catalogue_min_quantity"] == ""
    assert said["catalogue_id"] == str(2**63 - 1)
    assert said["first_seen_at_utc"] == "2026-01-31 08:15:00.123"
    assert "price_cents" not in said


@pytest.mark.parametrize(
    "start", ["=", "+", "-", "@", "\t", "\r", "\n", "\uff1d", "\uff0b", "\uff0d", "\uff20"]
)
def test_a_text_that_would_be_a_formula_is_a_text(start: str) -> None:
    bad = f"{start}HYPERLINK(1)"
    body = written("csv", [row(description=bad)])

    assert lines_of(body)[1][2] == f"'{bad}"
    cell = sheet_of(written("xlsx", [row(description=bad)])).cell(2, 3)
    assert (cell.data_type, cell.quotePrefix) == ("s", True)
    assert json.loads(written("json", [row(description=bad)]))["produits"][0][
        "descriptionProduit"
    ] == bad  # fmt: skip


def test_a_negative_number_is_a_number_and_not_guarded() -> None:
    customer = Customer("1", "-A", "B", -2.5, -1.0, "", AT, AT, None)

    _heading, line = lines_of(written("csv", [customer], dataset=CUSTOMERS))

    assert line[1:5] == ["'-A", "B", "-2.5", "-1.0"]


def test_an_excel_file_has_true_numbers_and_times_under_a_frozen_heading() -> None:
    sheet = sheet_of(written("xlsx", [row()], [row("B")]))

    heading = [cell.value for cell in sheet[1]]
    said = dict(zip(heading, [cell.value for cell in sheet[2]], strict=True))
    assert said["price_eur"] == 1234.05
    assert sheet.cell(2, heading.index("price_eur") + 1).number_format == "#,##0.00"
    assert said["first_seen_at_utc"] == datetime(2026, 1, 31, 8, 15, 0, 123_000)
    assert said["catalogue_id"] == str(2**63 - 1)  # as a number it would lose digits
    assert said["catalogue_packaging"] == 2
    assert said["withdrawn_at_utc"] is None
    assert sheet.freeze_panes == "A2"
    assert sheet["A1"].font.b
    assert sheet.column_dimensions["A"].width > 30
    assert sheet.max_row == 3


def test_an_excel_sheet_that_is_full_is_followed_by_another() -> None:
    out = BytesIO()
    chunks: list[list[Row]] = [[row(f"{n}{m}") for n in range(4)] for m in range(3)]

    write_xlsx(PRODUCTS, chunks, out, sheet_rows=5)

    codes = []
    for number, name in enumerate(["Products", "Products 2", "Products 3"]):
        sheet = sheet_of(out.getvalue(), number)
        assert sheet.title == name
        found = [cell.value for cell in sheet["A"]]
        assert found[0] == "code"
        codes += found[1:]
    assert codes == [one.code for rows in chunks for one in rows if isinstance(one, Product)]


@settings(max_examples=100, deadline=None)
@given(rows=st.lists(PRODUCT, max_size=6, unique_by=lambda one: one.code))
def test_a_json_file_of_products_can_be_loaded_again(rows: list[Row]) -> None:
    parsed = PRODUCTS.parse(written("json", rows[:2], rows[2:]))

    assert parsed.rejected == []
    assert [
        tuple(getattr(record, n) for n in PRODUCTS.column_names) for record in parsed.records
    ] == [tuple(getattr(one, n) for n in PRODUCTS.column_names) for one in rows]


@settings(max_examples=100, deadline=None)
@given(rows=st.lists(CUSTOMER, max_size=6, unique_by=lambda one: one.customer_id))
def test_a_json_file_of_customers_can_be_loaded_again(rows: list[Row]) -> None:
    parsed = CUSTOMERS.parse(written("json", rows, dataset=CUSTOMERS))

    assert parsed.rejected == []
    assert [tuple(getattr(r, n) for n in CUSTOMERS.column_names) for r in parsed.records] == [
        tuple(getattr(one, n) for n in CUSTOMERS.column_names) for one in rows
    ]


@settings(max_examples=30, deadline=None)
@given(rows=st.lists(PRODUCT, max_size=6))
def test_a_parquet_file_has_the_stores_own_types_and_values(rows: list[Row]) -> None:
    import pyarrow.parquet as pq

    table = pq.read_table(BytesIO(written("parquet", rows[:2], rows[2:])))

    assert str(table.schema.field("price_cents").type) == "int64"
    assert str(table.schema.field("updated_at").type) == "timestamp[ms, tz=UTC]"
    assert table.to_pylist() == [
        {name: getattr(one, name) for name in table.schema.names} for one in rows
    ]


@pytest.mark.parametrize("file_format", ["csv", "xlsx", "json", "parquet"])
@pytest.mark.parametrize("dataset", [PRODUCTS, CUSTOMERS])
def test_a_file_of_nothing_is_a_good_file(file_format: str, dataset: Dataset) -> None:
    body = written(file_format, dataset=dataset)

    assert body
    if file_format == "json":
        assert dataset.parse(body).records == []


@pytest.mark.parametrize("file_format", ["csv", "xlsx", "json", "parquet"])
def test_an_export_of_the_store_has_every_row_that_matches(store: Store, file_format: str) -> None:
    put(store, [*products(23), product("other", descriptionProduit="else")])
    out = BytesIO()

    chunks = store.iter_rows(PRODUCTS, Query(search="x1", page_size=5), chunk=10)
    write_export(file_format, PRODUCTS, chunks, out)

    body = out.getvalue()
    if file_format == "csv":
        assert len(lines_of(body)) == 24
    elif file_format == "json":
        assert len(PRODUCTS.parse(body).records) == 23
    elif file_format == "xlsx":
        assert sheet_of(body).max_row == 24
    else:
        import pyarrow.parquet as pq

        assert pq.read_table(BytesIO(body)).num_rows == 23


def test_a_file_is_named_after_its_dataset_and_the_time() -> None:
    assert export_file_name(PRODUCTS, "csv", AT) == "products-2026-01-31-0815.csv"


def test_each_format_says_what_it_is() -> None:
    assert dict(MIME_TYPES) == {
        "csv": "text/csv; charset=utf-8",
        "xlsx": "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet",
        "json": "application/json",
        "parquet": "application/vnd.apache.parquet",
    }


def test_a_french_csv_file_has_semicolons_and_decimal_commas() -> None:
    body = written("csv", [row(description="a;b")], language="fr")

    heading, line = body.decode("utf-8-sig").splitlines()
    assert body.startswith(b"\xef\xbb\xbf")
    assert heading.startswith("code;family;description;price_eur;")
    assert line.startswith('A;TV;"a;b";1234,05;1;0;;2;9223372036854775807;2026-01-31 08:15:00.123;')
    customer = Customer("1", "A", "B", -2.5, 1e-7, "", AT, AT, None)
    _, line = written("csv", [customer], dataset=CUSTOMERS, language="fr").decode().splitlines()
    assert line.startswith("1;A;B;-2,5;1e-07;;")


def test_an_exception_in_the_middle_leaves_the_file_open() -> None:
    def chunks() -> Any:
        yield [row()]
        raise OSError

    out = BytesIO()
    with pytest.raises(OSError, match=r"^$"):
        write_export("csv", PRODUCTS, chunks(), out)
    assert not out.closed


def test_an_unknown_format_is_an_error() -> None:
    with pytest.raises(KeyError):
        written("exe", [row()])
