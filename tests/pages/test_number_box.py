"""Numbers as people type them, with a comma or a point."""

from __future__ import annotations

from decimal import Decimal

import pytest

from pages.ui.number_box import parse_number


@pytest.mark.parametrize(
    ("text", "number"),
    [
        ("0,5", "0.5"),
        ("0.5", "0.5"),
        ("12,50", "12.50"),
        ("-3,5", "-3.5"),
        ("\u22123,5", "-3.5"),
        (" 1 234,5 ", "1234.5"),
        ("1\u202f234,5", "1234.5"),
        ("1,234.5", "1234.5"),
        ("1.234,5", "1234.5"),
        ("1,234,567", "1234567"),
        ("1.234.567", "1234567"),
        ("1'000", "1000"),
        ("1e3", "1000"),
        (".5", "0.5"),
        (",5", "0.5"),
    ],
)
def test_a_number_is_read_whatever_its_decimal_sign(text: str, number: str) -> None:
    assert parse_number(text) == Decimal(number)


@pytest.mark.parametrize("text", ["", None, "  ", "fast", "1,2x", "nan", "inf", "--1", ","])
def test_what_is_no_number_is_none(text: str | None) -> None:
    assert parse_number(text) is None
