"""Files: complete, typed, guarded against formulas, the same values in every format."""

from __future__ import annotations

import json
from datetime import UTC, datetime
from decimal import Decimal
from io import BytesIO
from typing import Any

import pandas as pd
import pyarrow.parquet as pq
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ecommerce_core.datasets import CUSTOMERS, PRODUCTS, Customer, Dataset, Product, guard_formula
from tests.companion.data_routes.written import AT, lines_of, row, sheet_of, written

FORMATS = ["csv", "xlsx", "json", "parquet"]
PRODUCT_FIELDS = [
    *("code", "family", "description", "price_eur", "min_quantity", "packaging"),
    *("catalogue_min_quantity", "catalogue_packaging", "catalogue_id"),
    *("first_seen_at", "updated_at", "withdrawn_at"),
]
CUSTOMER_FIELDS = [
    *("customer_id", "first_name", "last_name", "loyalty_points", "payment", "account"),
    *("first_seen_at", "updated_at", "withdrawn_at"),
]
LARGEST = 2**63 - 1

TEXT = st.text(
    st.sampled_from("=+-@\uff1d\ufe66;,|\t\r\n\"' \u200b\u00a0a1é")
    | st.characters(exclude_categories=["Cs"], exclude_characters="\0"),
    max_size=12,
)
COUNT = st.integers(0, LARGEST)
NUMBER = st.none() | st.floats(-(2.0**53), 2.0**53)
MOMENTS = st.datetimes(datetime(1970, 1, 1), datetime(2100, 1, 1)).map(  # noqa: DTZ001
    lambda at: at.replace(microsecond=at.microsecond // 1000 * 1000, tzinfo=UTC)
)
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
    first_seen_at=MOMENTS,
    updated_at=MOMENTS,
    withdrawn_at=st.none() | MOMENTS,
)
CUSTOMER = st.builds(
    Customer,
    customer_id=TEXT.filter(bool),
    first_name=TEXT,
    last_name=TEXT,
    loyalty_points=NUMBER,
    payment=NUMBER,
    account=TEXT,
    first_seen_at=MOMENTS,
    updated_at=MOMENTS,
    withdrawn_at=st.none() | MOMENTS,
)


def fields_of(file_format: str, body: bytes) -> list[str]:
    """Return the names of the columns of a file with a row in it."""
    if file_format == "csv":
        return lines_of(body)[0]
    if file_format == "xlsx":
        return [cell.value for cell in sheet_of(body)[1]]
    if file_format == "json":
        return list(json.loads(body)[0])
    names: list[str] = pq.read_table(BytesIO(body)).schema.names
    return names


@pytest.mark.parametrize("file_format", FORMATS)
def test_every_format_has_the_same_columns_in_the_same_order(file_format: str) -> None:
    customer = Customer("1", "A", "B", None, 2.5, "", AT, AT, None)

    assert fields_of(file_format, written(file_format, row())) == PRODUCT_FIELDS
    assert (
        fields_of(file_format, written(file_format, customer, dataset=CUSTOMERS)) == CUSTOMER_FIELDS
    )


@pytest.mark.parametrize("file_format", FORMATS)
def test_columns_come_in_the_order_in_which_they_are_asked_for(file_format: str) -> None:
    fields = ["updated_at", "price_eur", "code"]

    assert fields_of(file_format, written(file_format, row(), fields=fields)) == fields


def test_a_csv_file_says_amounts_in_euros_and_times_in_utc() -> None:
    heading, line = lines_of(written("csv", row()))

    assert dict(zip(heading, line, strict=True)) == {
        "code": "A",
        "family": "TV",
        "description": "Télé",
        "price_eur": "1234.05",
        "min_quantity": "1",
        "packaging": "0",
        "catalogue_min_quantity": "",
        "catalogue_packaging": "2",
        "catalogue_id": "9223372036854775807",
        "first_seen_at": "2026-01-31T08:15:00.123Z",
        "updated_at": "2026-01-31T08:15:00.123Z",
        "withdrawn_at": "",
    }


def test_a_french_csv_file_has_semicolons_and_decimal_commas() -> None:
    body = written("csv", row(description="a;b"), language="fr").decode()

    heading, line = body.splitlines()
    assert heading.startswith("code;family;description;price_eur;")
    assert line.startswith('A;TV;"a;b";1234,05;1;0;;2;9223372036854775807;2026-01-31T08:15:00.123Z')
    customer = Customer("1", "A", "B", -2.5, 1e-7, "", AT, AT, None)
    _, line = written("csv", customer, dataset=CUSTOMERS, language="fr").decode().splitlines()
    assert line.startswith("1;A;B;-2,5;1e-07;")


def test_json_and_parquet_say_the_same_with_their_own_types() -> None:
    (said,) = json.loads(written("json", row()), parse_float=Decimal)
    table = pq.read_table(BytesIO(written("parquet", row())))

    assert said["price_eur"] == Decimal("1234.05")
    assert (said["catalogue_id"], said["catalogue_min_quantity"]) == (LARGEST, None)
    assert said["updated_at"] == "2026-01-31T08:15:00.123Z"
    types = {name: str(table.schema.field(name).type) for name in table.schema.names}
    assert types["price_eur"] == "decimal128(21, 2)"
    assert types["updated_at"] == "timestamp[us, tz=UTC]"
    assert types["catalogue_id"] == "int64"
    assert table.to_pylist()[0]["price_eur"] == Decimal("1234.05")


@pytest.mark.parametrize("file_format", FORMATS)
def test_the_largest_price_is_exact_in_every_format(file_format: str) -> None:
    body = written(file_format, row(price_cents=LARGEST))

    if file_format == "csv":
        price: Any = lines_of(body)[1][3]
    elif file_format == "xlsx":
        price = sheet_of(body)["D2"].value  # a text: as a number it would lose digits
    elif file_format == "json":
        price = str(json.loads(body, parse_float=Decimal)[0]["price_eur"])
    else:
        price = str(pq.read_table(BytesIO(body)).to_pylist()[0]["price_eur"])
    assert price == "92233720368547758.07"


@settings(max_examples=40)
@given(rows=st.lists(PRODUCT, max_size=5))
def test_products_are_read_back_from_a_parquet_file_as_they_were(rows: list[Product]) -> None:
    read = pq.read_table(BytesIO(written("parquet", *rows))).to_pylist()

    assert [Decimal(one.price_cents).scaleb(-2) for one in rows] == [
        found.pop("price_eur") for found in read
    ]
    names = [name for name in PRODUCT_FIELDS if name != "price_eur"]
    assert read == [{name: getattr(one, name) for name in names} for one in rows]


@settings(max_examples=40)
@given(rows=st.lists(CUSTOMER, max_size=5))
def test_customers_are_read_back_from_json_as_they_were(rows: list[Customer]) -> None:
    for one, said in zip(rows, json.loads(written("json", *rows, dataset=CUSTOMERS)), strict=True):
        assert [said[name] for name in CUSTOMER_FIELDS[:6]] == [
            getattr(one, name) for name in CUSTOMER_FIELDS[:6]
        ]
        assert datetime.fromisoformat(said["updated_at"]) == one.updated_at


@settings(max_examples=60)
@given(rows=st.lists(CUSTOMER, max_size=5), language=st.sampled_from(["en", "fr"]))
def test_a_csv_file_has_every_text_guarded_and_every_number_exact(
    rows: list[Customer], language: str
) -> None:
    body = written("csv", *rows, dataset=CUSTOMERS, language=language)
    lines = lines_of(body, delimiter={"en": ",", "fr": ";"}[language])[1:]

    assert len(lines) == len(rows)
    for one, line in zip(rows, lines, strict=True):
        texts = [one.customer_id, one.first_name, one.last_name, one.account]
        assert [*line[:3], line[5]] == [guard_formula(text) for text in texts]
        for value, cell in ((one.loyalty_points, line[3]), (one.payment, line[4])):
            assert cell == "" if value is None else float(cell.replace(",", ".")) == value


@pytest.mark.parametrize(
    "start", ["=", "+", "-", "@", "\t", "\r", "\n", "\uff1d", "\uff0b", "\uff0d", "\uff20"]
)
def test_a_text_that_would_be_a_formula_is_a_text(start: str) -> None:
    bad = f"{start}HYPERLINK(1)"

    assert lines_of(written("csv", row(description=bad)))[1][2] == f"'{bad}"
    cell = sheet_of(written("xlsx", row(description=bad))).cell(2, 3)
    assert (cell.data_type, cell.quotePrefix) == ("s", True)
    assert json.loads(written("json", row(description=bad)))[0]["description"] == bad


def test_an_excel_file_has_true_numbers_and_times_under_a_frozen_heading() -> None:
    sheet = sheet_of(written("xlsx", row(), row("B")))

    heading = [cell.value for cell in sheet[1]]
    said = dict(zip(heading, [cell.value for cell in sheet[2]], strict=True))
    assert said["price_eur"] == 1234.05
    assert sheet.cell(2, heading.index("price_eur") + 1).number_format == "#,##0.00"
    at = sheet.cell(2, heading.index("first_seen_at") + 1)
    assert at.value == datetime(2026, 1, 31, 8, 15, 0, 123_000)  # noqa: DTZ001
    assert at.number_format.endswith('"UTC"')
    assert said["catalogue_id"] == str(LARGEST)  # as a number it would lose digits
    assert said["catalogue_packaging"] == 2
    assert said["withdrawn_at"] is None
    assert sheet.freeze_panes == "A2"
    assert sheet["A1"].font.b
    assert sheet.column_dimensions["A"].width > 30
    assert sheet.max_row == 3


def test_an_excel_sheet_that_is_full_is_followed_by_another() -> None:
    rows = [row(f"{number}") for number in range(12)]

    body = written("xlsx", *rows, sheet_rows=5)

    codes = []
    for number, name in enumerate(["Products", "Products 2", "Products 3"]):
        sheet = sheet_of(body, number)
        assert sheet.title == name
        found = [cell.value for cell in sheet["A"]]
        assert found[0] == "code"
        codes += found[1:]
    assert codes == [one.code for one in rows]


@settings(max_examples=60)
@given(rows=st.lists(PRODUCT, max_size=6, unique_by=lambda one: one.code))
def test_what_the_peer_would_answer_of_products_can_be_loaded_again(rows: list[Product]) -> None:
    parsed = PRODUCTS.parse(written("wire.json", *rows))

    assert parsed.rejected == []
    assert [
        tuple(getattr(record, n) for n in PRODUCTS.column_names) for record in parsed.records
    ] == [tuple(getattr(one, n) for n in PRODUCTS.column_names) for one in rows]


@settings(max_examples=60)
@given(rows=st.lists(CUSTOMER, max_size=6, unique_by=lambda one: one.customer_id))
def test_what_the_peer_would_answer_of_customers_can_be_loaded_again(rows: list[Customer]) -> None:
    parsed = CUSTOMERS.parse(written("wire.json", *rows, dataset=CUSTOMERS))

    assert parsed.rejected == []
    assert [tuple(getattr(r, n) for n in CUSTOMERS.column_names) for r in parsed.records] == [
        tuple(getattr(one, n) for n in CUSTOMERS.column_names) for one in rows
    ]


@pytest.mark.parametrize("file_format", [*FORMATS, "wire.json"])
@pytest.mark.parametrize("dataset", [PRODUCTS, CUSTOMERS])
def test_a_file_of_nothing_is_a_good_file(file_format: str, dataset: Dataset) -> None:
    body = written(file_format, dataset=dataset)

    if file_format == "csv":
        assert len(pd.read_csv(BytesIO(body))) == 0
    elif file_format == "xlsx":
        assert sheet_of(body).max_row == 1
    elif file_format == "json":
        assert json.loads(body) == []
    elif file_format == "parquet":
        assert pq.read_table(BytesIO(body)).num_rows == 0
    else:
        assert dataset.parse(body).records == []
