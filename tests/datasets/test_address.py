"""A page's address, read and written, and its invalid parts."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from decimal import Decimal
from typing import Any
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ecommerce_core.datasets import (
    CUSTOMERS,
    PRODUCTS,
    Dataset,
    View,
    format_address,
    parse_address,
    query_of,
    row_parameters,
    with_filter,
)
from ecommerce_core.domain import Query, Withdrawn

NOW = datetime(2026, 11, 24, 20, 5, 31, tzinfo=UTC)


def said(address: dict[str, str | list[str]]) -> dict[str, list[str]]:
    """Return an address in the form in which a browser sends it back."""
    return {k: value if isinstance(value, list) else [value] for k, value in address.items()}


def ask(view: View, dataset: Dataset = PRODUCTS) -> Query:
    return query_of(view, dataset, now=NOW, zone=ZoneInfo("Europe/Paris"))


def test_a_page_as_it_opens_has_an_empty_address() -> None:
    assert format_address(View(), PRODUCTS) == {}
    assert parse_address({}, PRODUCTS) == (View(), [])


def test_an_address_is_short_and_readable() -> None:
    view = View(
        search="tv",
        choices={"family": ("TV", "Hi-fi, video")},
        ranges={"price_cents": (Decimal(10), Decimal("50.50"))},
        withdrawn=Withdrawn.ONLY,
        since={"first_seen_at": "7d"},
        sort="price_cents",
        descending=True,
        page=3,
        size=100,
    )
    assert format_address(view, PRODUCTS) == {
        "q": "tv",
        "family": ["TV", "Hi-fi, video"],
        "price": "10-50.5",
        "withdrawn": "only",
        "new": "7d",
        "sort": "-price",
        "page": "3",
        "size": "100",
    }


NAMES = (
    *("view", "as", "q", "family", "price", "points", "withdrawn", "new", "changed", "account"),
    *("sort", "page", "size", "kind", "from", "to", "row"),
    *("family.not", "price.outside", "description.contains", "account.lacks", "minimum.empty"),
    *("payment.empty", "gone", "new.until", "minimum", "payment.outside"),
)

amounts = st.none() | st.decimals(
    -(10**18), 10**18, allow_nan=False, allow_infinity=False, places=None
).filter(lambda n: len(f"{n:f}") < 40)
ages = st.sampled_from([None, "24h", "9999d", "2026-11-24", "2026-02-28", "run12", "last"])


def by_column(*columns: str, values: st.SearchStrategy[Any]) -> st.SearchStrategy[dict[str, Any]]:
    """Return filters by some of these columns, without empty ones."""
    found = st.fixed_dictionaries(dict.fromkeys(columns, values))

    def asked(filters: dict[str, Any]) -> dict[str, Any]:
        kept: dict[str, Any] = {}
        for column, value in filters.items():
            kept = with_filter(kept, column, value)
        return kept

    return found.map(asked)


@given(
    st.builds(
        View,
        tab=st.sampled_from(["rows", "changes", "pictures"]),
        layout=st.sampled_from(["", "table"]),
        search=st.text(max_size=200),
        ranges=by_column("loyalty_points", values=st.tuples(amounts, amounts)),
        withdrawn=st.sampled_from(Withdrawn),
        since=by_column("first_seen_at", "updated_at", values=ages),
        presence=by_column("account", "payment", values=st.sampled_from([None, True, False])),
        until=by_column("first_seen_at", "withdrawn_at", values=ages),
        outside=by_column("loyalty_points", "payment", values=st.tuples(amounts, amounts)),
        contains=by_column("last_name", "customer_id", "account", values=st.text(max_size=200)),
        lacks=by_column("first_name", "account", values=st.text(max_size=200)),
        sort=st.sampled_from(["", "last_name", "loyalty_points", "withdrawn_at"]),
        descending=st.booleans(),
        then_by=st.sampled_from(
            [(), (("first_name", True),), (("payment", False), ("account", True))]
        ),
        page=st.integers(1, 10**8),
        size=st.sampled_from([25, 50, 100, 200]),
        row=st.none() | st.text(min_size=1, max_size=200),
        from_run=st.none() | st.integers(1, 10**8),
        to_run=st.none() | st.integers(1, 10**8),
        kind=st.sampled_from([None, "added", "withdrawn", "updated"]),
    )
)
def test_what_an_address_says_is_what_was_looked_at(view: View) -> None:
    back, ignored = parse_address(said(format_address(view, CUSTOMERS)), CUSTOMERS)
    assert ignored == []
    assert ask(back, CUSTOMERS) == ask(view, CUSTOMERS)
    assert format_address(back, CUSTOMERS) == format_address(view, CUSTOMERS)


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("price", "abc"),
        ("price", "-"),
        ("price", "1e9-2"),
        ("size", "7"),
        ("page", "0"),
        ("page", "-1"),
        ("page", "9" * 40),
        ("page", "²"),
        ("sort", "price_cents; DROP TABLE product"),
        ("sort", ""),
        ("withdrawn", "maybe"),
        ("view", "secret"),
        ("as", "cards"),
        ("new", "yesterday"),
        ("new", "2026-02-30"),
        ("new", "0d"),
        ("changed", "99999999d"),
        ("account", "yes"),
        ("points", "1-2"),
        ("family.not", ""),
        ("family.lacks", ""),
        ("price.outside", "-"),
        ("price.not", "10-50"),
        ("description", "oled"),
        ("code", ""),
        ("description.contains", "x" * 201),
        ("minimum.empty", "maybe"),
        ("new.until", "run0"),
        ("changed", "run"),
        ("changed", "the last"),
        ("kind", "everything"),
        ("from", "x"),
        ("q", ""),
        ("q", "x" * 201),
        ("famly", "TV"),
        ("", "x"),
    ],
)
def test_what_makes_no_sense_is_left_out_and_named(name: str, value: str) -> None:
    view, ignored = parse_address({name: [value], "q": ["tv"]} | {name: [value]}, PRODUCTS)
    assert view == (View() if name == "q" else View(search="tv"))
    assert ignored == [f"{name}={value}"[:80]]


@given(
    st.dictionaries(
        st.sampled_from(NAMES) | st.text(max_size=12),
        st.lists(
            st.text(max_size=30)
            | st.from_regex(r"-?\d{0,21}(\.\d{1,9})?-?\d{0,12}", fullmatch=True)
            | st.sampled_from(["7d", "9999d", "2026-11-24", "-price", "points", "show", "cards"])
            | st.sampled_from(["run12", "last", "yes", "10-50"]),
            max_size=3,
        ),
    )
)
def test_no_address_breaks_a_page_and_what_one_says_is_said_again(
    address: dict[str, list[str]],
) -> None:
    for dataset in (PRODUCTS, CUSTOMERS):
        view, _ignored = parse_address(address, dataset)
        query = ask(view, dataset)
        back, ignored = parse_address(said(format_address(view, dataset)), dataset)
        assert ignored == []
        assert ask(back, dataset) == query


def test_prices_are_asked_for_in_euros_and_looked_for_in_cents() -> None:
    view, _ = parse_address({"price": ["10-50.5"]}, PRODUCTS)
    assert ask(view).ranges == (("price_cents", 1_000, 5_050),)
    view, _ = parse_address({"price": ["-50"]}, PRODUCTS)
    assert ask(view).ranges == (("price_cents", None, 5_000),)


def test_ends_of_a_range_the_wrong_way_round_are_turned() -> None:
    view, _ = parse_address({"price": ["50-10"]}, PRODUCTS)
    assert ask(view).ranges == (("price_cents", 1_000, 5_000),)


def test_cents_are_whole_and_exact_up_to_the_largest_price() -> None:
    largest = "92233720368547758.07"
    view, ignored = parse_address({"price": [f"{largest}-{largest}"]}, PRODUCTS)
    assert ignored == []
    assert ask(view).ranges == (("price_cents", 2**63 - 1, 2**63 - 1),)
    assert format_address(view, PRODUCTS) == {"price": f"{largest}-{largest}"}
    view, _ = parse_address({"price": ["0.001-0.019"]}, PRODUCTS)
    assert ask(view).ranges == (("price_cents", 1, 1),)


@pytest.mark.parametrize("points", ["0.125", "154.62542724609375", "0.004", "0.0000001", "-0.5"])
def test_points_are_asked_for_with_all_their_decimals(points: str) -> None:
    view, ignored = parse_address({"points": [f"{points}-{points}"]}, CUSTOMERS)
    assert ignored == []
    assert ask(view, CUSTOMERS).ranges == (("loyalty_points", float(points), float(points)),)
    assert format_address(view, CUSTOMERS) == {"points": f"{points}-{points}"}


def test_rows_are_sorted_by_several_columns_each_its_own_way() -> None:
    view, ignored = parse_address({"sort": ["family,-price,code"]}, PRODUCTS)
    assert ignored == []
    query = ask(view)
    assert (query.sort, query.descending) == ("family", False)
    assert query.then_by == (("price_cents", True), ("code", False))
    assert format_address(view, PRODUCTS) == {"sort": "family,-price,code"}
    again, _ = parse_address({"sort": ["family,-family"]}, PRODUCTS)
    assert format_address(again, PRODUCTS) == {"sort": "family"}
    assert parse_address({"sort": ["code,family,price,new"]}, PRODUCTS)[1] != []


def test_of_a_name_that_is_there_twice_the_last_value_counts_and_the_others_are_named() -> None:
    view, ignored = parse_address({"q": ["a", "b"], "family": ["TV", "Audio"]}, PRODUCTS)
    assert (view.search, view.choices) == ("b", {"family": ("TV", "Audio")})
    assert ignored == ["q=a"]


def test_digits_of_other_scripts_are_no_age() -> None:
    view, ignored = parse_address({"new": ["1٠d"]}, PRODUCTS)
    assert (view.since, ignored) == ({}, ["new=1٠d"])


def test_what_changed_is_in_the_address_with_its_order() -> None:
    said: dict[str, str | list[str]] = {
        "view": "changes",
        "from": "3",
        "to": "9",
        "kind": "returned",
        "field": "price",
        "order": "-percent",
        "family": ["TV"],
    }
    asked = {name: value if isinstance(value, list) else [value] for name, value in said.items()}
    view, ignored = parse_address(asked, PRODUCTS)
    assert ignored == []
    assert (view.changed_field, view.change_sort, view.change_descending) == (
        "price_cents",
        "percent",
        True,
    )
    assert format_address(view, PRODUCTS) == said
    for name, value in (("field", "prix"), ("order", "price"), ("kind", "changed")):
        assert parse_address({name: [value]}, PRODUCTS)[1] == [f"{name}={value}"]


def test_an_age_counts_back_from_this_minute() -> None:
    whole = NOW.replace(second=0)
    assert ask(View(since={"first_seen_at": "24h"})).since == (
        ("first_seen_at", whole - timedelta(hours=24)),
    )
    assert ask(View(since={"updated_at": "7d"})).since == (
        ("updated_at", whole - timedelta(days=7)),
    )


def test_a_day_begins_where_the_reader_is() -> None:
    begins = datetime(2026, 11, 23, 23, tzinfo=UTC)
    assert ask(View(since={"first_seen_at": "2026-11-24"})).since == (("first_seen_at", begins),)


def test_every_column_is_filtered_in_every_way_of_its_kind() -> None:
    names = set(row_parameters(PRODUCTS)) - {"q", "withdrawn", "sort", "page"}

    assert names == {
        *("code", "code.contains", "code.lacks"),
        *("family", "family.not", "family.contains", "family.lacks", "family.empty"),
        *("description.contains", "description.lacks", "description.empty"),
        *("price", "price.outside"),
        *("minimum", "minimum.outside", "minimum.empty"),
        *("pack", "pack.outside", "pack.empty"),
        *("number", "number.outside", "number.empty"),
        *("min_quantity", "min_quantity.outside", "packaging", "packaging.outside"),
        *("new", "new.until", "changed", "changed.until", "gone", "gone.until"),
    }


def test_the_opposite_of_a_filter_and_parts_of_texts_have_names_of_their_own() -> None:
    said: dict[str, str | list[str]] = {
        "family.not": ["TV", "Audio"],
        "price.outside": "10-50",
        "description.contains": "oled",
        "description.lacks": "reconditionné",
        "new.until": "2026-11-24",
        "minimum.empty": "yes",
    }
    view, ignored = parse_address(
        {k: v if isinstance(v, list) else [v] for k, v in said.items()}, PRODUCTS
    )
    query = ask(view)

    assert ignored == []
    assert query.excluded == (("family", ("TV", "Audio")),)
    assert query.outside == (("price_cents", 1_000, 5_000),)
    assert (query.contains, query.lacks) == (
        (("description", "oled"),),
        (("description", "reconditionné"),),
    )
    assert query.present == (("catalogue_min_quantity", False),)
    assert query.until == (("first_seen_at", datetime(2026, 11, 24, 23, tzinfo=UTC)),)
    assert format_address(view, PRODUCTS) == said


def test_a_column_that_is_filtered_by_presence_above_all_says_whether_it_has_one() -> None:
    view, _ = parse_address({"account": ["no"], "payment.empty": ["no"]}, CUSTOMERS)

    assert dict(ask(view, CUSTOMERS).present) == {"account": False, "payment": True}
    assert format_address(view, CUSTOMERS) == {"account": "no", "payment.empty": "no"}


def test_a_run_stands_for_the_moment_at_which_it_began() -> None:
    began = {12: NOW - timedelta(hours=2), None: NOW - timedelta(hours=1)}

    def since(text: str) -> datetime:
        view, _ = parse_address({"changed": [text]}, PRODUCTS)
        query = query_of(view, PRODUCTS, now=NOW, zone=UTC, run_began=began.get)
        return query.since[0][1]

    assert since("run12") == NOW - timedelta(hours=2)
    assert since("last") == NOW - timedelta(hours=1)
    assert since("run13") > NOW + timedelta(days=365_000)


def test_who_asks_when_rows_were_withdrawn_asks_for_withdrawn_rows() -> None:
    view, _ = parse_address({"gone": ["7d"]}, PRODUCTS)
    both, _ = parse_address({"gone": ["7d"], "withdrawn": ["show"]}, PRODUCTS)

    assert (ask(view).withdrawn, ask(both).withdrawn) == (Withdrawn.ONLY, Withdrawn.SHOW)
    assert format_address(view, PRODUCTS) == {"gone": "7d"}
