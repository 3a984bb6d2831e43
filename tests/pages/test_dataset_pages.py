"""The pages of products and customers for an analyst: search, view, compare."""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any
from urllib.parse import parse_qsl

import pyarrow as pa
import pytest
import streamlit as st
from streamlit.testing.v1 import AppTest

from ecommerce_core.application import Application
from ecommerce_core.datasets import Dataset
from ecommerce_core.domain import Query, StoreBusy, Trigger, escape
from ecommerce_core.domain.access import LOCAL_OPERATOR
from pages.dataset.rows import active_filters
from tests.support.page_session import NAVIGATION, Page, catalogue, installed
from tests.support.peers import Peers

FAMILIES = ("TV", "Frigos", "Audio")


@pytest.fixture
def app(peers: Peers, tmp_path: Path) -> Iterator[Application]:
    peers.bodies["catalogue-produit"] = shop(60)
    peers.serve_customers(
        [
            {
                "idClient": f"c{n}",
                "firstName": f"First{n}",
                "lastName": f"Last{n:02}",
                "fidelityPoint": n * 10,
                "payment": 0,
                "account": f"A{n}" if n % 3 else "",
            }
            for n in range(30)
        ]
    )
    yield from installed(peers.url, tmp_path)


USUAL_FIELDS = (
    "code,family,description,price_eur,catalogue_min_quantity,catalogue_packaging,updated_at"
)


def shop(count: int, **changes: dict[str, Any]) -> bytes:
    """Return a catalogue of ``count`` products in three families, X0 at 10 euros, X1 at 11, …"""
    answer = json.loads(catalogue(count))
    for n, product in enumerate(answer["produits"]):
        product["familleProduit"] = FAMILIES[n % 3]
        product["prix"] = 1_000 + 100 * n
        product.update(changes.get(product["codeProduit"], {}))
    return json.dumps(answer).encode()


def fetch(app: Application, name: str = "products") -> int:
    return app.request_sync(name, actor=LOCAL_OPERATOR, trigger=Trigger.MANUAL).wait(10).id


def copied(page: Page) -> dict[str, Any]:
    """Return what the button that copies rows has; the other one copies the address."""
    [told] = [each for each in page.told("ecommerce_copy") if each["text"] is not None]
    return told


def address(page: Page) -> dict[str, list[str]]:
    said = page.at.query_params
    return {n: list(v) if isinstance(v, list) else [v] for n, v in said.items()}


def prices(page: Page) -> list[float]:
    """Return the prices in euros, as a table has them."""
    return list(page.table()["price_cents"])


def headings(page: Page, key: str = "products_table") -> dict[str, str]:
    """What stands above each column of a table."""
    table = next(table for table in page.at.dataframe if table.key == key)
    columns = json.loads(table.proto.columns)
    return {name: column["label"] for name, column in columns.items() if column.get("label")}


def open_filters(page: Page, name: str = "products") -> None:
    """Open the filters: unlike in a browser, a popover closes after each run of AppTest."""
    page.at.session_state[f"{name}_filters"] = True
    page.at.run()
    page.sound()


def test_a_search_narrows_the_table_and_is_in_the_address(app: Application) -> None:
    fetch(app)
    page = Page.open(app, "products")
    page.at.text_input(key="search_products").set_value("X17").run()
    assert list(page.sound().table()["code"]) == ["X17"]
    assert address(page) == {"q": ["X17"]}


def test_a_search_in_vain_says_what_to_loosen(app: Application) -> None:
    fetch(app)
    page = Page.open(app, "products", q="no such thing", price="1-2")
    assert "No results" in page.at.info[0].proto.title
    assert escape("Search: no such thing") in page.texts()
    assert escape("Price €1–€2") in page.texts()
    page.click("clear_search_products")
    page.click("drop_filter_products_0")
    assert len(page.table()) == 25
    assert address(page) == {}


def test_a_shared_address_opens_the_same_rows(app: Application) -> None:
    fetch(app)
    page = Page.open(app, "products", family="TV", price="20-40", sort="-price")
    assert set(page.table()["family"]) == {"TV"}
    assert prices(page) == [40, 37, 34, 31, 28, 25, 22]
    assert headings(page)["price_cents"] == "Price ▼"
    assert "1–7 of 7" in page.texts()


def test_families_have_counts_and_several_can_be_chosen(app: Application) -> None:
    fetch(app)
    page = Page.open(app, "products")
    open_filters(page)
    families = page.at.multiselect(key="products_family")
    assert sorted(families.options) == ["Audio (20)", "Frigos (20)", "TV (20)"]
    families.set_value(["TV", "Audio"]).run()
    assert set(page.sound().table()["family"]) == {"TV", "Audio"}
    assert address(page) == {"family": ["TV", "Audio"]}
    assert "1–25 of 40" in page.texts()


def test_every_filter_is_a_button_that_takes_it_away(app: Application) -> None:
    fetch(app)
    page = Page.open(app, "products", family="TV", price="20-", new="7d", withdrawn="show")
    labels = [b.label for b in page.at.button if (b.key or "").startswith("drop_filter_products")]
    assert len(labels) == 4
    assert escape("Family: TV") in labels
    page.click("drop_filter_products_0")
    assert "family" not in address(page)
    page.click("clear_active_products")
    assert address(page) == {}
    assert "1–25 of 60" in page.texts()


@pytest.mark.parametrize(
    ("price", "words", "language"),
    [
        ("500-", "Price ≥ €500", "en"),
        ("-1234.5", "Price ≤ €1,234.50", "en"),
        ("10-50", "Price €10–€50", "en"),
        ("50-10", "Price €10–€50", "en"),
        ("10.999-12.005", "Price €10.999–€12.005", "en"),
        ("20-20", "Price = €20", "en"),
        ("10-50.5", "Prix 10 €–50,50 €", "fr"),
    ],
)
def test_a_range_says_in_words_what_was_asked(
    app: Application, price: str, words: str, language: str
) -> None:
    fetch(app)
    page = Page.open(app, "products", price=price, language=language)
    said = page.at.button(key="drop_filter_products_0").label
    assert said.replace("\N{NO-BREAK SPACE}", " ") == escape(words)


def test_a_price_range_is_typed_in_euros(app: Application) -> None:
    fetch(app)
    page = Page.open(app, "products")
    open_filters(page)
    page.at.text_input(key="products_price_low").set_value("60,5").run()
    open_filters(page)
    page.at.text_input(key="products_price_high").set_value("63").run()
    assert prices(page.sound()) == [61, 62, 63]
    assert address(page) == {"price": ["60.5-63"]}


@pytest.mark.parametrize(
    ("sort", "first", "arrows"),
    [
        ("price", 10, {"price_cents": "Price ▲"}),
        ("-price", 69, {"price_cents": "Price ▼"}),
        ("-family,price", 10, {"family": "Family ▼"}),
        ("code", 10, {"code": "Code ▲"}),
    ],
)
def test_a_heading_has_the_arrow_of_the_order_of_all_rows(
    app: Application, sort: str, first: float, arrows: dict[str, str]
) -> None:
    fetch(app)
    page = Page.open(app, "products", sort=sort)
    assert prices(page)[0] == first
    assert {name: label for name, label in headings(page).items() if label[-1] in "▲▼"} == arrows


def test_a_table_is_sorted_by_its_headings_and_cards_by_a_box(app: Application) -> None:
    fetch(app)
    fetch(app, "customers")
    asked = [("products", {}), ("customers", {}), ("customers", {"as": "cards"})]
    pages = [(name, Page.open(app, name, **query)) for name, query in asked]
    has_box = [f"{name}_sort" in {box.key for box in page.at.selectbox} for name, page in pages]
    assert has_box == [False, False, True]


@pytest.mark.parametrize(
    ("locale", "price"), [({}, "11.00"), ({"language": "fr"}, "11,00")], ids=["en", "fr"]
)
def test_a_page_is_copied_for_a_spreadsheet_in_the_readers_language(
    app: Application, peers: Peers, locale: dict[str, str], price: str
) -> None:
    peers.bodies["catalogue-produit"] = shop(
        60, X1={"descriptionProduit": "=1+1\tone", "familleProduit": "TV"}
    )
    fetch(app)
    told = copied(Page.open(app, "products", **locale))
    lines = [line.split("\t") for line in told["text"].split("\n")]

    assert len(lines) == 26
    assert {len(line) for line in lines} == {len(lines[0])}
    assert lines[2][:2] == ["X1", "TV"]
    assert "'=1+1 one" in lines[2]
    assert price in lines[2]


def test_cards_are_sorted_by_any_column_either_way(app: Application) -> None:
    fetch(app, "customers")
    page = Page.open(app, "customers", **{"as": "cards"})
    for column in page.at.selectbox(key="customers_sort").options:
        assert column.startswith("Sort: ")
    page.at.selectbox(key="customers_sort").select("loyalty_points").run()
    page.at.toggle(key="customers_descending").set_value(True).run()
    assert address(page.sound()) == {"as": ["cards"], "sort": ["-points"]}
    assert page.texts().index("Last29") < page.texts().index("Last28")


def test_pages_are_turned_and_have_the_size_that_is_asked_for(app: Application) -> None:
    fetch(app)
    page = Page.open(app, "products", sort="price")
    page.at.pagination(key="products_page").set_value(3).run()
    assert "51–60 of 60" in page.sound().texts()
    assert address(page) == {"sort": ["price"], "page": ["3"]}
    page.at.selectbox(key="products_page_size").select(50).run()
    assert "1–50 of 60" in page.sound().texts()
    assert address(page) == {"sort": ["price"], "size": ["50"]}


def test_a_search_begins_again_on_the_first_page(app: Application) -> None:
    fetch(app)
    page = Page.open(app, "products", page="3")
    assert "51–60 of 60" in page.texts()
    page.at.text_input(key="search_products").set_value("X").run()
    assert "1–25 of 60" in page.sound().texts()


def test_a_page_beyond_the_last_is_the_last(app: Application) -> None:
    fetch(app)
    assert "51–60 of 60" in Page.open(app, "products", page="999").texts()


def test_rows_that_are_cleared_before_they_are_counted_are_counted_as_shown(
    app: Application, monkeypatch: pytest.MonkeyPatch
) -> None:
    fetch(app)
    count = app.reader.count_rows

    def clear_and_count(dataset: Dataset, query: Query) -> int:
        app.clear("products", actor=LOCAL_OPERATOR, trigger=Trigger.MANUAL)
        return count(dataset, query)

    monkeypatch.setattr(app.reader, "count_rows", clear_and_count)
    page = Page.open(app, "products")
    assert len(page.sound().table()) == 25
    assert "1–25 of 25" in page.texts()


def test_rows_that_are_cleared_before_they_are_read_leave_no_advice_without_a_cause(
    app: Application, monkeypatch: pytest.MonkeyPatch
) -> None:
    fetch(app)
    list_rows = app.reader.list_rows

    def clear_and_list(dataset: Dataset, query: Query) -> list[Any]:
        app.clear("products", actor=LOCAL_OPERATOR, trigger=Trigger.MANUAL)
        return list_rows(dataset, query)

    monkeypatch.setattr(app.reader, "list_rows", clear_and_list)
    page = Page.open(app, "products")
    assert "Loosen" not in page.sound().texts()


def test_rows_that_cannot_be_counted_are_shown_and_the_reason_below(
    app: Application, monkeypatch: pytest.MonkeyPatch
) -> None:
    fetch(app)

    def fail(*_: object) -> int:
        raise StoreBusy("products")

    monkeypatch.setattr(app.reader, "count_rows", fail)
    page = Page.open(app, "products")
    assert len(page.table()) == 25
    assert len(page.at.error) == 1


def test_the_filters_that_hold_are_drawn_before_what_matches_is_counted(
    app: Application, monkeypatch: pytest.MonkeyPatch
) -> None:
    fetch(app)
    monkeypatch.setattr(app.reader, "count_rows", lambda *_: st.stop())
    page = Page.open(app, "products", family="TV")
    assert len(page.table()) == 20
    assert page.at.button(key="drop_filter_products_0").label == escape("Family: TV")
    assert not [box for box in page.at.selectbox if box.label == "Rows per page"]


def test_the_filters_that_hold_stay_where_the_rows_cannot_be_asked_for(
    app: Application, monkeypatch: pytest.MonkeyPatch
) -> None:
    fetch(app)

    def fail(*_: object) -> list[Any]:
        raise StoreBusy("products")

    monkeypatch.setattr(app.reader, "list_rows", fail)
    page = Page.open(app, "products", family="TV")
    assert page.at.button(key="drop_filter_products_0").label == escape("Family: TV")
    assert len(page.at.error) == 1


def test_rows_are_on_their_way_before_what_stands_around_them_is_drawn(
    app: Application, monkeypatch: pytest.MonkeyPatch
) -> None:
    fetch(app)
    monkeypatch.setattr(active_filters, "show", lambda *_: st.stop())
    page = Page.open(app, "products", family="TV")
    assert len(page.table()) == 20
    assert "drop_filter_products_0" not in [button.key for button in page.at.button]


def test_rows_that_are_being_prepared_are_said_to_be_so_quietly_and_come_by_themselves(
    app: Application,
) -> None:
    fetch(app)
    for path in app.snapshots.list_files(app.datasets["products"]):
        path.unlink()
    page = Page.open(app, "products")
    assert "The rows are being prepared" in page.texts()
    assert not page.at.error
    app.snapshots.publish(app.datasets["products"])
    page.at.run()
    assert len(page.sound().table()) == 25
    assert "being prepared" not in page.texts()


def test_a_page_says_that_the_newest_rows_cannot_be_shown_and_why(app: Application) -> None:
    dataset = app.datasets["products"]
    fetch(app)
    app.store.clear(dataset, trigger=Trigger.MANUAL)
    page = Page.open(app, "products")
    assert len(page.table()) == 25
    assert "preparing the new rows" in page.texts()
    assert not page.at.warning
    app.snapshots.publish(dataset)
    page.at.run()
    assert "preparing the new rows" not in page.sound().texts()


def test_rows_are_shown_while_the_database_is_away_and_one_error_says_so(app: Application) -> None:
    fetch(app)
    Page.open(app, "products")
    kept = app.store.path.rename(app.store.path.with_suffix(".away"))

    page = Page.open(app, "products")

    assert len(page.table()) == 25
    assert len(page.at.main.error) == 1
    kept.rename(app.store.path)
    page.at.run()
    assert len(page.sound().table()) == 25


CASES = Path(__file__).parents[1] / "storage" / "snapshots" / "cases"


def test_prices_at_the_edge_of_64_bits_and_points_with_decimals_are_drawn_and_found(
    app: Application, peers: Peers
) -> None:
    peers.bodies["catalogue-produit"] = (CASES / "largest-price.json").read_bytes()
    peers.bodies["crm"] = (CASES / "points-with-decimals.json").read_bytes()
    for name in ("products", "customers"):
        fetch(app, name)
    assert not Page.open(app, "overview").sound().at.error
    for name in ("products", "customers"):
        for view in ("rows", "pictures"):
            assert not Page.open(app, name, view=view).sound().at.error
    for points in ("0.125-0.125", "154.62542724609375-154.62542724609375", "0.004-0.004"):
        assert "1–1 of 1" in Page.open(app, "customers", points=points).texts()
    assert len(Page.open(app, "products", price="92233720368547758.07-").table()) == 1


def test_what_an_address_says_wrongly_is_named_and_left_out(app: Application) -> None:
    fetch(app)
    page = Page.open(app, "products", price="abc", famly="TV", size="7", q="X5")
    assert "Ignored in the address: " in page.texts()
    for wrong in ("price=abc", "famly=TV", "size=7"):
        assert escape(wrong) in page.texts()
    assert "1–11 of 11" in page.texts()
    page.at.text_input(key="search_products").set_value("").run()
    assert "Ignored" not in page.sound().texts()


def test_the_back_button_brings_back_what_was_looked_at(
    app: Application, monkeypatch: pytest.MonkeyPatch
) -> None:
    fetch(app)
    page = Page.open(app, "products", q="X1")
    page.at.text_input(key="search_products").set_value("X17").run()
    page.go_back(monkeypatch, q="X1")

    assert page.at.text_input(key="search_products").value == "X1"
    assert len(page.table()) == 11


@pytest.mark.parametrize("away", ["customers.py", "overview.py"])
def test_who_comes_back_by_the_navigation_finds_what_was_asked(app: Application, away: str) -> None:
    fetch(app)
    page = Page.open(app, "products", q="X1", sort="-price")
    page.at.query_params.clear()  # like a browser
    page.at.switch_page(away).run()
    page.at.query_params.clear()
    page.at.switch_page("products.py").run()

    assert address(page.sound()) == {"q": ["X1"], "sort": ["-price"]}
    assert len(page.table()) == 11


def test_what_is_asked_of_one_page_does_not_reach_the_other(app: Application) -> None:
    fetch(app)
    fetch(app, "customers")
    page = Page.open(app, "products", q="X1", sort="-price")
    page.at.query_params.clear()  # like a browser
    page.at.switch_page("customers.py").run()
    assert "1–25 of 30" in page.sound().texts()
    assert address(page) == {}
    page.at.switch_page("products.py").run()
    assert address(page.sound()) == {"q": ["X1"], "sort": ["-price"]}
    assert len(page.table()) == 11


def test_withdrawn_rows_are_out_of_sight_until_asked_for(app: Application, peers: Peers) -> None:
    fetch(app)
    peers.bodies["catalogue-produit"] = shop(55)
    fetch(app)
    page = Page.open(app, "products", size="100")
    assert len(page.table()) == 55
    open_filters(page)
    page.at.radio(key="products_withdrawn").set_value("show").run()
    assert page.sound().table()["withdrawn_at"].notna().sum() == 5
    assert "1–60 of 60 (5 withdrawn)" in page.texts()
    open_filters(page)
    page.at.radio(key="products_withdrawn").set_value("only").run()
    assert len(page.sound().table()) == 5
    assert address(page) == {"withdrawn": ["only"], "size": ["100"]}


def test_a_row_in_the_address_opens_in_full_with_its_history(
    app: Application, peers: Peers
) -> None:
    fetch(app)
    peers.bodies["catalogue-produit"] = shop(60, X7={"prix": 1_234})
    run = fetch(app)
    page = Page.open(app, "products", row="X7")
    facts = page.at.table[0].value.to_string()
    for shown in ("Frigo 7", escape("€12.34"), "Catalogue min. qty", "15"):
        assert shown in facts
    history = page.at.table[1].value.to_dict("records")
    assert [(h["Before"], h["After"]) for h in history] == [(escape("€17.00"), escape("€12.34"))]
    assert history[0]["Run"] == f"[{run}](activity?run={run})"
    chart = page.at.get("vega_lite_chart")[0]
    assert "€17.00" in chart.proto.alt
    assert "€12.34" in chart.proto.alt
    page.click("close_row_products")
    assert not page.at.table
    assert address(page) == {}


def test_the_open_row_is_followed_by_its_neighbours_in_the_table(app: Application) -> None:
    fetch(app)
    page = Page.open(app, "products", sort="-price", row="X59")
    assert page.at.button(key="previous_row_products").disabled
    page.click("next_row_products")
    assert address(page)["row"] == ["X58"]
    page.click("next_row_products")
    page.click("previous_row_products")
    assert address(page)["row"] == ["X58"]
    page = Page.open(app, "products", sort="-price", row="X35")
    assert page.at.button(key="next_row_products").disabled


def test_an_open_row_that_a_search_leaves_out_stays_and_says_so(app: Application) -> None:
    said = "It is not among the rows shown."
    fetch(app)
    page = Page.open(app, "products", row="X3")
    assert said not in page.texts()
    page.at.text_input(key="search_products").set_value("X5").run()
    assert address(page) == {"q": ["X5"], "row": ["X3"]}
    assert said in page.sound().texts()
    assert "Frigo 3" in page.at.table[0].value.to_string()


def test_ticked_rows_are_copied_and_exported_without_the_others(app: Application) -> None:
    fetch(app)
    page = Page.open(app, "products")
    page.at.session_state["_products_ticked"] = ("X2", "X4")
    page.at.session_state["export_products"] = True
    page.at.run()
    told = copied(page.sound())
    assert told["label"] == "Copy 2 rows"
    assert [line.split("\t")[0] for line in told["text"].split("\n")] == ["Code", "X2", "X4"]
    asked = [("code", "X2"), ("code", "X4"), ("withdrawn", "show"), ("lang", "en")]
    assert links(page)["CSV"] == ("products.csv", asked)
    page.at.radio(key="export_rows_products").set_value("all")
    page.at.session_state["export_products"] = True
    page.at.run()
    assert links(page)["CSV"] == ("products.csv", [("lang", "en")])


def test_an_address_names_single_rows(app: Application) -> None:
    fetch(app)
    page = Page.open(app, "products", code="X2")
    assert list(page.table()["code"]) == ["X2"]
    assert page.at.button(key="drop_filter_products_0").label == escape("Code: X2")


def test_a_page_is_gone_to_by_its_number(app: Application, peers: Peers) -> None:
    peers.bodies["catalogue-produit"] = shop(200)
    fetch(app)
    page = Page.open(app, "products")
    page.at.number_input(key="products_page_field_1").set_value(7).run()
    assert "151–175 of 200" in page.sound().texts()
    assert address(page) == {"page": ["7"]}
    (pager,) = page.at.pagination
    assert pager.value == 7


def test_a_row_that_is_not_there_is_said_and_nothing_opens(app: Application) -> None:
    fetch(app)
    page = Page.open(app, "products", row="nobody")
    assert "There is no row nobody" in page.texts()
    assert not page.at.table


def test_customers_are_a_table_first_and_cards_on_demand(app: Application) -> None:
    fetch(app, "customers")
    page = Page.open(app, "customers")
    assert "Last03" in list(page.table("customers_table")["last_name"])
    page.at.segmented_control(key="customers_view").set_value("cards").run()
    assert f"**{escape('First0 Last00')}**" in page.sound().texts()
    assert page.texts().count("Loyalty points: ") == 25
    assert address(page) == {"as": ["cards"]}


def test_a_card_opens_its_customer(app: Application) -> None:
    fetch(app, "customers")
    page = Page.open(app, "customers", **{"as": "cards"})
    page.click("customer_details_4")
    assert escape("Last04") in page.at.table[0].value.to_string()
    assert address(page) == {"as": ["cards"], "row": ["c4"]}


def test_customers_are_found_by_points_and_by_having_an_account(app: Application) -> None:
    fetch(app, "customers")
    page = Page.open(app, "customers", points="100-", account="no", **{"as": "table"})
    found = page.table("customers_table")
    assert list(found["loyalty_points"]) == [120, 150, 180, 210, 240, 270]
    assert set(found["account"]) == {""}


def test_points_with_more_than_two_decimals_are_found_as_they_are_typed_and_shown(
    app: Application, peers: Peers
) -> None:
    points = (154.62542724609375, 0.125, 0.004)
    peers.serve_customers(
        [
            {"idClient": f"p{n}", "firstName": "A", "lastName": "B", "fidelityPoint": one}
            for n, one in enumerate(points)
        ]
    )
    fetch(app, "customers")
    page = Page.open(app, "customers", **{"as": "table"})
    open_filters(page, "customers")
    low = page.at.text_input(key="customers_points_low")
    high = page.at.text_input(key="customers_points_high")
    assert (low.placeholder, high.placeholder) == ("0.004", "154.62542724609375")
    low.set_value("0,125").run()
    open_filters(page, "customers")
    page.at.text_input(key="customers_points_high").set_value("0.125").run()
    assert list(page.sound().table("customers_table")["customer_id"]) == ["p1"]
    assert address(page)["points"] == ["0.125-0.125"]
    assert escape("Loyalty points = 0.125") in [button.label for button in page.at.button]


def test_what_changed_between_two_runs_is_counted_and_listed(
    app: Application, peers: Peers
) -> None:
    fetch(app)
    page = Page.open(app, "products", view="changes")
    assert "Nothing to compare yet" in page.texts()
    peers.bodies["catalogue-produit"] = shop(58, X7={"prix": 1_234})
    fetch(app)
    answer = json.loads(shop(61))
    peers.bodies["catalogue-produit"] = json.dumps(answer).encode()
    fetch(app)
    page = Page.open(app, "products", view="changes", **{"from": "1", "to": "2"})
    assert page.at.segmented_control(key="products_kind").options == [
        "All (3)",
        "Added (0)",
        "Returned (0)",
        "Withdrawn (2)",
        "Changed (1)",
    ]
    page.at.segmented_control(key="products_kind").set_value("updated").run()
    changes = page.sound().table_named("What changed from run 1 to run 2")
    assert list(changes["key"]) == ["X7"]
    assert list(changes["old"]) == ["€17.00"]
    assert list(changes["new"]) == ["€12.34"]
    assert list(changes["difference"]) == ["−€4.66"]
    assert list(changes["percent"]) == ["−27.4 %"]
    assert address(page)["kind"] == ["updated"]
    page.at.selectbox(key="products_change_sort").set_value("percent").run()
    page.at.selectbox(key="products_changed_field").set_value("description").run()
    assert page.sound().at.info[0].value == "Nothing of this kind changed between these runs."
    assert (address(page)["order"], address(page)["field"]) == (["percent"], ["description"])


def test_changes_begin_at_the_last_run_that_changed_something(
    app: Application, peers: Peers
) -> None:
    fetch(app)
    for _again in range(2):
        fetch(app)
    page = Page.open(app, "products", view="changes")
    assert page.at.selectbox(key="products_from_run").value == 2
    assert page.at.selectbox(key="products_to_run").value == 3
    peers.bodies["catalogue-produit"] = shop(60, X7={"prix": 1_234})
    for _again in range(3):
        fetch(app)
    page = Page.open(app, "products", view="changes")
    assert page.at.selectbox(key="products_from_run").value == 3
    assert page.at.selectbox(key="products_to_run").value == 4
    assert list(page.sound().table_named("What changed from run 3 to run 4")["key"]) == ["X7"]
    page = Page.open(app, "products", view="changes", **{"from": "4"})
    assert page.at.selectbox(key="products_to_run").value == 6


def test_totals_of_changes_are_drawn_when_they_are_opened(app: Application, peers: Peers) -> None:
    fetch(app)
    peers.bodies["catalogue-produit"] = shop(60, X7={"prix": 1_234})
    fetch(app)
    page = Page.open(app, "products", view="changes")
    assert not page.at.get("vega_lite_chart")
    page.at.session_state["products_totals"] = True
    page.at.run()
    names = [chart.proto.alt for chart in page.sound().at.get("vega_lite_chart")]
    assert any("Price: 1" in name for name in names)


def test_a_clear_between_two_runs_is_said(app: Application, peers: Peers) -> None:
    fetch(app)
    peers.bodies["catalogue-produit"] = shop(60, X7={"prix": 1_234})
    fetch(app)
    app.clear("products", actor=LOCAL_OPERATOR, trigger=Trigger.MANUAL)
    fetch(app)
    page = Page.open(app, "products", view="changes", **{"from": "1"})
    assert "The rows were cleared since" in page.texts()
    options = page.at.selectbox(key="products_from_run").options
    assert len(options) == 3


def test_charts_name_each_bar_and_what_their_axes_count_in_which_unit(
    app: Application, peers: Peers
) -> None:
    fetch(app)
    peers.bodies["catalogue-produit"] = shop(59)
    fetch(app)
    page = Page.open(app, "products", view="pictures")
    specs = [json.loads(chart.proto.spec) for chart in page.at.get("vega_lite_chart")]
    values, spread, growth = (spec["encoding"] for spec in specs)

    assert values["y"]["axis"]["labelOverlap"] is False
    assert values["x"]["axis"]["title"] == "Number of rows"
    assert spread["x"]["axis"]["title"] == "Price (€)"
    assert spread["y"]["axis"]["title"] == "Number of rows"
    assert growth["x"]["axis"]["title"] == "Time (Paris)"
    assert growth["y"]["axis"]["title"] == "Number of rows"
    # Bars stand on zero, which is what Vega does unless it is told otherwise.
    assert "scale" not in values["x"]
    assert "scale" not in spread["y"]


def test_the_distribution_keeps_the_bins_that_are_empty(app: Application, peers: Peers) -> None:
    peers.bodies["catalogue-produit"] = shop(60, X59={"prix": 100_000})
    fetch(app)
    [bins] = [
        chart
        for chart in Page.open(app, "products", view="pictures").at.get("vega_lite_chart")
        if "binSpacing" in chart.proto.spec
    ]
    frame = pa.ipc.open_stream(bins.proto.data.data).read_all()
    counts = frame.column("count").to_pylist()
    assert (len(counts), sum(counts), counts[-1]) == (24, 60, 1)
    assert 0 in counts


def test_pictures_say_their_numbers(app: Application) -> None:
    fetch(app)
    page = Page.open(app, "products", view="pictures")
    names = [chart.proto.alt for chart in page.at.get("vega_lite_chart")]
    assert any("TV: 20" in name for name in names)
    assert any("60 rows from €10.00 to " in name for name in names)
    assert not page.at.dataframe


def links(page: Page) -> dict[str, tuple[str, list[tuple[str, str]]]]:
    """Return the links of the open menu: path and query by format."""
    found = {}
    for button in page.sound().at.get("link_button"):
        path, _, query = button.proto.url.partition("?")
        found[button.proto.label] = (path, parse_qsl(query))
    return found


def test_a_link_for_each_format_asks_for_the_rows_that_are_looked_at(app: Application) -> None:
    fetch(app)
    page = Page.open(app, "products", family="TV", price="20-", q="x", sort="-price", page="2")
    page.at.session_state["export_products"] = True
    page.at.run()
    assert "All 16 rows that match" in page.sound().texts()
    asked = [("q", "x"), ("family", "TV"), ("price", "20-"), ("sort", "-price"), ("lang", "en")]
    assert links(page) == {
        "CSV": ("products.csv", asked),
        "Excel": ("products.xlsx", asked),
        "JSON": ("products.json", asked),
        "Parquet": ("products.parquet", asked),
    }


@pytest.mark.parametrize(
    ("columns", "usual", "others"),
    [
        ({}, None, USUAL_FIELDS),
        ({"columns": "price_eur,code"}, "price_eur,code", None),
    ],
)
def test_a_link_asks_for_all_columns_or_for_those_of_the_table(
    app: Application, columns: dict[str, str], usual: str | None, others: str | None
) -> None:
    fetch(app)
    page = Page.open(app, "products", **columns)

    def asked() -> str | None:
        return dict(links(page)["CSV"][1]).get("columns")

    page.at.session_state["export_products"] = True
    page.at.run()
    choice = page.at.radio(key="export_columns_products")
    assert asked() == usual
    choice.set_value("all" if columns else "shown")
    page.at.session_state["export_products"] = True
    page.at.run()
    assert asked() == others


def open_columns(page: Page, name: str = "products") -> None:
    """Open the menu: unlike in a browser, a popover closes after each run of AppTest."""
    page.at.session_state[f"{name}_columns"] = True
    page.at.run()
    page.sound()


def test_columns_are_hidden_shown_and_moved_and_the_address_says_so(app: Application) -> None:
    fetch(app)
    page = Page.open(app, "products")
    usual = list(page.table())
    assert "min_quantity" not in usual
    assert "packaging" not in usual
    for button in ("hide_changed", "hide_pack", "hide_minimum", "show_packaging"):
        open_columns(page)
        page.click(f"products_{button}")
    open_columns(page)
    page.click("products_left_packaging")

    shown = ["code", "family", "description", "packaging", "price_cents"]
    assert list(page.table()) == shown
    assert address(page) == {"columns": ["code,family,description,packaging,price_eur"]}
    open_columns(page)
    page.click("products_columns_reset")
    assert list(page.table()) == usual
    assert address(page) == {}


def test_the_columns_of_the_table_its_menu_and_its_file_are_the_same(app: Application) -> None:
    fetch(app)
    for asked, last in (({}, "updated_at"), ({"withdrawn": "show"}, "withdrawn_at")):
        page = Page.open(app, "products", **asked)
        shown = list(page.table())
        page.at.session_state["export_products"] = True
        page.at.run()
        page.at.radio(key="export_columns_products").set_value("shown")
        page.at.session_state["export_products"] = True
        page.at.run()
        fields = dict(links(page)["CSV"][1])["columns"].split(",")
        open_columns(page)
        hide = [button for button in page.at.button if str(button.key).startswith("products_hide_")]

        assert shown[-1] == fields[-1] == last
        assert len(shown) == len(fields) == len(hide)


def test_the_last_column_cannot_be_hidden(app: Application) -> None:
    fetch(app)
    page = Page.open(app, "products", columns="price_eur")
    open_columns(page)
    assert page.at.button(key="products_hide_price").disabled


def test_rows_that_are_equal_in_the_order_are_sorted_by_a_second_column(app: Application) -> None:
    fetch(app)
    page = Page.open(app, "products", sort="family")
    open_columns(page)
    page.at.selectbox(key="products_then_by").select("price_cents").run()
    assert address(page) == {"sort": ["family,price"]}
    open_columns(page)
    page.at.toggle(key="products_then_descending").set_value(True).run()
    assert address(page) == {"sort": ["family,-price"]}
    assert headings(page)["family"] == "Family ▲"
    assert headings(page)["price_cents"] == "Price ▼²"
    assert prices(page)[:4] == [69, 66, 63, 60]


def test_headings_have_a_help_and_are_wide_enough_for_their_words(app: Application) -> None:
    fetch(app)
    page = Page.open(app, "products")
    (table,) = (each for each in page.at.dataframe if each.key == "products_table")
    columns = json.loads(table.proto.columns)
    assert all(columns[name]["help"] for name in page.table())
    assert columns["catalogue_min_quantity"]["width"] >= 126  # as Chromium draws it


def test_a_link_asks_in_its_pages_language_and_for_days_of_its_pages_zone(
    app: Application,
) -> None:
    fetch(app)
    at = AppTest.from_file(str(NAVIGATION), default_timeout=20)
    at.context = {"locale": "fr-FR", "timezone": "Europe/Paris"}
    at.query_params["new"] = "2026-11-24"
    at.run().switch_page("products.py")
    at.query_params["new"] = "2026-11-24"
    at.session_state["export_products"] = True
    at.run()
    (csv,) = [b.proto.url for b in at.get("link_button") if b.proto.label == "CSV"]
    assert parse_qsl(csv.partition("?")[2]) == [("new", "2026-11-23T23:00Z"), ("lang", "fr")]


def test_the_changes_that_are_looked_at_have_links_too(app: Application, peers: Peers) -> None:
    fetch(app)
    peers.bodies["catalogue-produit"] = shop(58, X7={"prix": 1_234})
    fetch(app)
    page = Page.open(app, "products", view="changes", kind="updated", q="x7")
    page.at.session_state["export_changes_products"] = True
    page.at.run()
    asked = [("q", "x7"), ("from", "1"), ("to", "2"), ("kind", "updated"), ("lang", "en")]
    assert links(page)["Parquet"] == ("products/changes.parquet", asked)


def test_the_page_says_how_old_its_rows_are_and_whence(app: Application, peers: Peers) -> None:
    fetch(app)
    page = Page.open(app, "products")
    assert "As of " in page.texts()
    assert "catalogue-produit in the sandbox, api/data" in page.texts()
    peers.bodies["catalogue-produit"] = b"<html>down</html>"
    fetch(app)
    assert "a newer fetch, " in Page.open(app, "products").texts()


def test_an_undo_after_a_clear_is_no_newer_fetch(app: Application) -> None:
    fetch(app)
    app.clear("products", actor=LOCAL_OPERATOR, trigger=Trigger.MANUAL)
    app.undo_clear("products", actor=LOCAL_OPERATOR, trigger=Trigger.MANUAL)
    texts = Page.open(app, "products").texts()
    assert "60 added" in texts
    assert "undone " in texts
    assert "a newer fetch, " not in texts


def test_a_click_that_tells_the_address_of_before_the_last_edit_does_not_take_it_back(
    app: Application,
) -> None:
    fetch(app)
    page = Page.open(app, "products", q="X1")
    page.at.text_input(key="search_products").set_value("X17").run()
    page.at.query_params["q"] = "X1"
    page.at.run()
    page.sound()

    assert page.at.text_input(key="search_products").value == "X17"
    assert list(page.table()["code"]) == ["X17"]
    assert address(page) == {"q": ["X17"]}


def test_the_pager_begins_anew_once_a_filter_has_gone(app: Application) -> None:
    fetch(app)
    page = Page.open(app, "products", price="20-", page="2")
    assert "26–50 of 50" in page.texts()
    (before,) = page.at.pagination
    assert before.value == 2

    page.click("drop_filter_products_0")
    assert "1–25 of 60" in page.texts()
    (after,) = page.at.pagination
    assert after.value == 1
    after.set_value(2).run()
    assert "26–50 of 60" in page.sound().texts()


def test_words_that_were_just_cleared_do_not_come_back(app: Application) -> None:
    fetch(app)
    page = Page.open(app, "products", q="no such thing")

    page.click("clear_search_products")
    page.at.query_params["q"] = "no such thing"
    page.at.text_input(key="search_products").set_value("no such thing").run()

    assert page.sound().at.text_input(key="search_products").value == ""
    assert len(page.table()) == 25


def test_words_that_are_typed_again_after_they_were_cleared_are_asked(app: Application) -> None:
    fetch(app)
    page = Page.open(app, "products", q="no such thing")

    page.click("clear_search_products")
    page.at.text_input(key="search_products").set_value("no such thing").run()

    assert page.sound().at.text_input(key="search_products").value == "no such thing"
    assert address(page) == {"q": ["no such thing"]}


def test_of_two_edits_in_a_row_the_first_ones_address_takes_neither_back(app: Application) -> None:
    fetch(app)
    page = Page.open(app, "products", q="X1")
    page.at.text_input(key="search_products").set_value("X17").run()
    page.at.query_params["q"] = "X1"
    page.at.text_input(key="search_products").set_value("X18").run()
    page.at.query_params["q"] = "X17"
    page.at.run()

    assert page.sound().at.text_input(key="search_products").value == "X18"
    assert address(page) == {"q": ["X18"]}


def test_an_edit_that_meets_a_change_of_language_is_in_the_address(app: Application) -> None:
    fetch(app)
    page = Page.open(app, "products", sort="price")
    view = page.at.session_state["_products_view"]
    page.at.session_state["_products_view"] = replace(view, page=2)
    page.at.session_state["_products_edited"] = True
    page.at.segmented_control(key="language").set_value("fr").run()

    assert address(page.sound()) == {"language": ["fr"], "sort": ["price"], "page": ["2"]}


def test_a_link_wins_over_what_was_edited_as_one_left(app: Application) -> None:
    fetch(app)
    page = Page.open(app, "products", sort="price")
    page.at.pagination(key="products_page").set_value(2).run()
    # The state after a click elsewhere that cut off the drawing of the next page.
    page.at.session_state["_products_edited"] = True
    page.at.switch_page("overview.py").run()
    page.at.switch_page("products.py")
    page.at.query_params.clear()
    page.at.query_params["family"] = "TV"
    page.at.run()

    assert set(page.sound().table()["family"]) == {"TV"}
    assert address(page) == {"family": ["TV"]}


def test_an_edit_whose_drawing_was_ended_is_in_the_address_of_the_next_run(
    app: Application,
) -> None:
    fetch(app)
    page = Page.open(app, "products", sort="price")
    view = page.at.session_state["_products_view"]
    page.at.session_state["_products_view"] = replace(view, page=2)
    page.at.session_state["_products_edited"] = True
    page.at.run()

    assert "26–50 of 60" in page.sound().texts()
    assert address(page) == {"sort": ["price"], "page": ["2"]}


def test_a_clear_of_more_rows_than_were_confirmed_asks_again(
    app: Application, peers: Peers
) -> None:
    fetch(app)
    page = Page.open(app, "products")
    page.click("clear_products")
    peers.bodies["catalogue-produit"] = shop(61)
    app.request_sync("products", actor=LOCAL_OPERATOR, trigger=Trigger.CALLBACK).wait(10)
    page.click("confirm_clear_products")
    assert app.store.totals(app.datasets["products"]).current == 61
    assert "61 rows" in page.sound().texts()
    page.click("confirm_clear_products")
    assert app.store.totals(app.datasets["products"]).current == 0
