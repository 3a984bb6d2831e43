"""Queries without SQL are made from the declaration, never from a user's text."""

from __future__ import annotations

import pytest

from ecommerce_core.datasets import PRODUCTS
from ecommerce_core.storage.explore import Grouping, Measure, groupable, measurable, sql_of
from ecommerce_core.storage.explore.tables import list_tables
from tests.storage.explore.shop import AskedShop

[TABLE, *_] = list_tables((PRODUCTS,))


def test_rows_are_counted_by_one_column_the_most_first(shop: AskedShop) -> None:
    shop.put([])  # held: nothing changes
    sql = sql_of(TABLE, Grouping(("family",)))

    assert shop.rows(sql) == [("Audio", 10), ("Hi-fi, vidéo", 10), ("TV", 10)]


def test_a_number_is_measured_by_two_columns(shop: AskedShop) -> None:
    grouping = Grouping(("family", "withdrawn_at.month"), Measure.MOST, "price_eur")

    found = shop.rows(sql_of(TABLE, grouping))

    assert [(family, month, float(price)) for family, month, price in found] == [
        ("Audio", None, 29.0),
        ("Hi-fi, vidéo", None, 30.0),
        ("TV", None, 28.0),
    ]


@pytest.mark.parametrize("measure", list(Measure)[1:])
def test_every_measure_has_an_answer(shop: AskedShop, measure: Measure) -> None:
    expected = {"sum": 145.0, "average": 14.5, "median": 14.5, "least": 1.0, "most": 28.0}
    sql = sql_of(TABLE, Grouping(("family",), measure, "price_eur"))

    assert {family: float(value) for family, value in shop.rows(sql)}["TV"] == expected[measure]


def test_moments_are_grouped_by_their_day_week_or_month() -> None:
    assert {"first_seen_at.day", "first_seen_at.week", "first_seen_at.month"} <= set(
        groupable(TABLE)
    )
    assert "price_eur" not in groupable(TABLE)
    assert "price_eur" in {column.field for column in measurable(TABLE)}


@pytest.mark.parametrize(
    "grouping",
    [
        Grouping(("family; DROP TABLE products",)),
        Grouping(("first_seen_at.century",)),
        Grouping(("price_eur",)),
        Grouping(("family",), Measure.SUM, "family"),
        Grouping(("family",), Measure.SUM, None),
        Grouping(("family",), Measure.SUM, "price_eur) FROM secret --"),
    ],
)
def test_what_the_declaration_does_not_have_is_no_question(grouping: Grouping) -> None:
    with pytest.raises(KeyError):
        sql_of(TABLE, grouping)
