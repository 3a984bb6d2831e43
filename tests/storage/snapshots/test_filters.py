"""Filters and their opposites find together every row once."""

from __future__ import annotations

from collections.abc import Callable
from datetime import timedelta
from typing import Any

import pytest

from ecommerce_core.datasets import CUSTOMERS, PRODUCTS, Product
from ecommerce_core.domain import Query, Withdrawn
from tests.storage.snapshots.shop import Shop
from tests.support.peers import customer, product

FAMILIES = ("TV", "Frigos", "Hi-fi", "")
TEXTS = ("Télé OLED 55", "tele lcd", "Œuvre d’art", "")


@pytest.fixture
def filled(shop: Shop) -> Shop:
    """Return a shop with 24 products; every third has no minimum."""
    shop.put(
        [
            product(
                number,
                price=100 * number,
                familleProduit=FAMILIES[number % 4],
                descriptionProduit=TEXTS[number % 3 if number < 12 else 3],
                quantiteMin=None if number % 3 == 0 else number % 5,
            )
            for number in range(24)
        ]
    )
    return shop


def minimum_is(low: int, high: int) -> Callable[[Product], bool]:
    def met(row: Product) -> bool:
        return row.catalogue_min_quantity is not None and low <= row.catalogue_min_quantity <= high

    return met


@pytest.mark.parametrize(
    ("asked", "opposite", "met"),
    [
        (
            {"values": (("family", ("TV", "")),)},
            {"excluded": (("family", ("TV", "")),)},
            lambda row: row.family in {"TV", ""},
        ),
        (
            {"ranges": (("catalogue_min_quantity", 1, 2),)},
            {"outside": (("catalogue_min_quantity", 1, 2),)},
            minimum_is(1, 2),
        ),
        (
            {"ranges": (("price_cents", 500, None),)},
            {"outside": (("price_cents", 500, None),)},
            lambda row: row.price_cents >= 500,
        ),
        (
            {"contains": (("description", "TELE"),)},
            {"lacks": (("description", "TELE"),)},
            lambda row: row.description in {"Télé OLED 55", "tele lcd"},
        ),
        (
            {"contains": (("description", "oeuvre d'a"),)},
            {"lacks": (("description", "oeuvre d'a"),)},
            lambda row: row.description == "Œuvre d’art",
        ),
        (
            {"contains": (("code", "x1-1"),)},
            {"lacks": (("code", "x1-1"),)},
            lambda row: row.code.startswith("X1-1"),
        ),
        (
            {"present": (("catalogue_min_quantity", True),)},
            {"present": (("catalogue_min_quantity", False),)},
            lambda row: row.catalogue_min_quantity is not None,
        ),
        (
            {"present": (("description", True),)},
            {"present": (("description", False),)},
            lambda row: row.description != "",
        ),
    ],
)
def test_a_filter_and_its_opposite_find_every_row_once(
    filled: Shop,
    asked: dict[str, Any],
    opposite: dict[str, Any],
    met: Callable[[Product], bool],
) -> None:
    rows = filled.products()

    assert filled.products(**asked) == [row for row in rows if met(row)]
    assert filled.products(**opposite) == [row for row in rows if not met(row)]


def test_filters_by_one_column_and_by_several_hold_together(filled: Shop) -> None:
    found = filled.products(
        excluded=(("family", ("TV",)),),
        contains=(("description", "tele"),),
        lacks=(("description", "oled"),),
        outside=(("price_cents", 100, 400),),
    )

    assert [row.code for row in found] == ["X1-7", "X1-10"]


def test_a_moment_until_is_before_it(shop: Shop) -> None:
    run = shop.put([product(1)])
    [row] = shop.products()
    at = row.first_seen_at

    assert run.started_at <= at
    assert shop.codes(until=(("first_seen_at", at),)) == []
    assert shop.codes(until=(("first_seen_at", at + timedelta(milliseconds=1)),)) == ["X1-1"]
    assert shop.codes(since=(("first_seen_at", run.started_at),)) == ["X1-1"]


def test_rows_are_found_by_when_they_were_withdrawn(shop: Shop) -> None:
    shop.put([product(number) for number in range(3)])
    run = shop.put([product(0)])

    asked: dict[str, Any] = {"since": (("withdrawn_at", run.started_at),)}
    assert shop.codes(withdrawn=Withdrawn.ONLY, **asked) == ["X1-1", "X1-2"]
    assert shop.codes(withdrawn=Withdrawn.HIDE, **asked) == []


def test_the_choices_of_a_column_are_listed_though_some_are_excluded(filled: Shop) -> None:
    query = Query(excluded=(("family", ("TV",)),))
    assert dict(filled.reader.list_values(PRODUCTS, "family", query))["TV"] == 6


def test_names_that_are_no_column_or_of_another_kind_are_ignored(shop: Shop) -> None:
    shop.put([customer(1), customer(2)], dataset=CUSTOMERS)

    found = shop.customers(
        CUSTOMERS,
        excluded=(("nothing", ("x",)),),
        outside=(("first_name", 1, 2),),
        contains=(("payment", "25"),),
        lacks=(("; DROP TABLE customer", "x"),),
        until=(("account", timedelta.max),),
    )
    assert len(found) == 2
