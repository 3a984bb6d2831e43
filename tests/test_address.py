"""What a page's address says, both ways, and what of it makes no sense."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ecommerce_core.query import Query, Withdrawn
from pages.address import format_address, parse_address
from pages.view import Shape, View, query_of

PRODUCTS = Shape(
    "products",
    sorts=("code", "price_cents", "updated_at"),
    choice="family",
    range_column="price_cents",
    range_scale=100,
)
CUSTOMERS = Shape(
    "customers",
    sorts=("last_name", "loyalty_points"),
    range_column="loyalty_points",
    presence="account",
    layouts=("cards", "table"),
)
NOW = datetime(2026, 11, 24, 20, 5, 31, tzinfo=UTC)


def said(address: dict[str, str | list[str]]) -> dict[str, list[str]]:
    """An address as a browser brings it back."""
    return {k: value if isinstance(value, list) else [value] for k, value in address.items()}


def ask(view: View, shape: Shape = PRODUCTS) -> Query:
    return query_of(view, shape, now=NOW, zone=ZoneInfo("Europe/Paris"))


def test_a_page_as_it_opens_has_an_empty_address() -> None:
    assert format_address(View(), PRODUCTS) == {}
    assert parse_address({}, PRODUCTS) == (View(), [])


def test_an_address_is_short_and_readable() -> None:
    view = View(
        search="tv",
        chosen=("TV", "Hi-fi, video"),
        low=10,
        high=50.5,
        withdrawn=Withdrawn.ONLY,
        new="7d",
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
)

amounts = st.none() | st.integers(-(10**9), 10**9).map(lambda cents: cents / 100)


@given(
    st.builds(
        View,
        tab=st.sampled_from(["rows", "changes", "pictures"]),
        layout=st.sampled_from(["", "table"]),
        search=st.text(max_size=200),
        low=amounts,
        high=amounts,
        withdrawn=st.sampled_from(Withdrawn),
        new=st.sampled_from(["", "24h", "7d", "2026-11-24"]),
        changed=st.sampled_from(["", "1h", "9999d", "2026-02-28"]),
        present=st.sampled_from([None, True, False]),
        sort=st.sampled_from(CUSTOMERS.sorts),
        descending=st.booleans(),
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
            | st.from_regex(r"-?\d{0,12}(\.\d{1,2})?-?\d{0,12}", fullmatch=True)
            | st.sampled_from(["7d", "9999d", "2026-11-24", "-price", "points", "show", "cards"]),
            max_size=3,
        ),
    )
)
def test_no_address_breaks_a_page_and_what_one_says_is_said_again(
    address: dict[str, list[str]],
) -> None:
    for shape in (PRODUCTS, CUSTOMERS):
        view, _ignored = parse_address(address, shape)
        query = ask(view, shape)
        back, ignored = parse_address(said(format_address(view, shape)), shape)
        assert ignored == []
        assert ask(back, shape) == query


def test_prices_are_asked_for_in_euros_and_looked_for_in_cents() -> None:
    view, _ = parse_address({"price": ["10-50.5"]}, PRODUCTS)
    assert ask(view).ranges == (("price_cents", 1_000, 5_050),)
    view, _ = parse_address({"price": ["-50"]}, PRODUCTS)
    assert ask(view).ranges == (("price_cents", None, 5_000),)


def test_ends_of_a_range_the_wrong_way_round_are_turned() -> None:
    assert ask(View(low=50, high=10)).ranges == (("price_cents", 1_000, 5_000),)


def test_an_age_counts_back_from_this_minute() -> None:
    whole = NOW.replace(second=0)
    assert ask(View(new="24h")).since == (("first_seen_at", whole - timedelta(hours=24)),)
    assert ask(View(changed="7d")).since == (("updated_at", whole - timedelta(days=7)),)


def test_a_day_begins_where_the_reader_is() -> None:
    begins = datetime(2026, 11, 23, 23, tzinfo=UTC)
    assert ask(View(new="2026-11-24")).since == (("first_seen_at", begins),)
