"""Every page, driven like a person would, with a real application over the embedded peers."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path

import pytest
from streamlit.testing.v1 import AppTest

from ecommerce_core.application import Application
from ecommerce_core.datasets import Product
from ecommerce_core.domain import Action, RunStatus, Trigger
from ecommerce_core.domain.access import LOCAL_OPERATOR
from ecommerce_core.sandbox import Sandbox
from tests.support.page_session import PAGES, Page, catalogue, ended, installed
from tests.support.peers import Peers, customer
from tests.support.waiting import until


@pytest.fixture(scope="module")
def sandbox() -> Iterator[Sandbox]:
    peers = Sandbox(products=60, customers=30)
    peers.start()
    yield peers
    peers.stop()


@pytest.fixture
def app(sandbox: Sandbox, tmp_path: Path) -> Iterator[Application]:
    yield from installed(sandbox.url, tmp_path)


@pytest.fixture
def app_without_peers(tmp_path: Path) -> Iterator[Application]:
    yield from installed("http://127.0.0.1:9", tmp_path)


@pytest.mark.parametrize("locale", ["en-GB", "fr-FR"])
@pytest.mark.parametrize("name", PAGES)
def test_every_page_opens_on_an_empty_store_and_says_that_it_is_the_sandbox(
    app: Application, name: str, locale: str
) -> None:
    page = Page.open(app, name, locale=locale)
    badge = {"en-GB": "Sandbox", "fr-FR": "Bac à sable"}[locale]
    assert badge in page.texts()


@pytest.mark.parametrize("name", PAGES)
def test_every_page_opens_on_a_full_store(app: Application, name: str) -> None:
    for dataset in app.datasets:
        app.request_sync(dataset, actor=LOCAL_OPERATOR, trigger=Trigger.MANUAL).wait(10)

    page = Page.open(app, name)

    assert not page.at.error
    assert not page.at.warning


@pytest.mark.parametrize("name", PAGES)
def test_no_page_breaks_where_no_peer_answers(app_without_peers: Application, name: str) -> None:
    until(lambda: app_without_peers.monitor.snapshot().list_error is not None)
    page = Page.open(app_without_peers, name)
    assert "The gateway does not answer" in page.texts()


def test_products_are_fetched_and_shown_with_prices_in_euros(app: Application) -> None:
    page = Page.open(app, "products")
    assert "Not fetched yet" in page.texts()
    page.fetch("products")
    table = page.table()
    assert len(table) == 25
    stored = app.reader.find_row(app.datasets["products"], table["code"][0])
    assert isinstance(stored, Product)
    assert table["price_cents"][0] == stored.price_cents / 100
    assert "Products fetched: 60 added." in page.toasts


def test_a_click_while_a_fetch_runs_joins_it(app: Application) -> None:
    page = Page.open(app, "products")
    page.at.button(key="fetch_products").click().run()
    page.at.button(key="fetch_products").click().run()
    until(lambda: ended(app, "products", 0))
    page.at.run()
    page.sound()
    assert 1 <= len(app.store.list_runs(dataset="products")) <= 2


def test_what_asks_before_a_clearing_stays_until_it_is_answered_or_the_page_is_left(
    app: Application,
) -> None:
    page = Page.open(app, "products").fetch("products")
    page.click("clear_products")
    page.at.run()  # as after the end of a fetch
    assert "confirm_clear_products" in page.sound().buttons()

    page.click("cancel_clear_products")
    page.at.run()
    assert "confirm_clear_products" not in page.sound().buttons()

    page.click("clear_products")
    page.at.switch_page("overview.py").run()
    page.at.switch_page("products.py").run()
    assert "confirm_clear_products" not in page.sound().buttons()
    assert app.store.totals(app.datasets["products"]).current == 60


def test_a_question_about_rows_that_are_gone_is_asked_no_more(app: Application) -> None:
    page = Page.open(app, "products").fetch("products")
    page.click("clear_products")
    app.clear("products", actor=LOCAL_OPERATOR, trigger=Trigger.MANUAL)
    page.at.run()
    assert "confirm_clear_products" not in page.sound().buttons()
    app.undo_clear("products", actor=LOCAL_OPERATOR, trigger=Trigger.MANUAL)
    page.at.run()
    assert "confirm_clear_products" not in page.sound().buttons()


def a_page_that_asks() -> None:
    import streamlit as st

    from pages.ui import dialogs

    def act() -> None:
        st.session_state["acts"] = st.session_state.get("acts", 0) + 1

    if "acts" not in st.session_state:
        dialogs.note("act")
    dialogs.confirm("Act", "act", "", act)


def test_a_second_click_on_what_confirms_is_none() -> None:
    at = AppTest.from_function(a_page_that_asks).run()
    for _ in range(2):
        at.button(key="confirm_act").click().run()

    assert not at.exception
    assert at.session_state["acts"] == 1


def test_clearing_asks_first_and_can_be_undone(app: Application) -> None:
    page = Page.open(app, "products").fetch("products")
    page.click("clear_products")
    assert app.store.totals(app.datasets["products"]).current == 60
    assert "60 rows" in page.texts()
    page.click("confirm_clear_products")
    assert app.store.totals(app.datasets["products"]).current == 0
    assert any(toast.startswith("Cleared 60 rows") for toast in page.toasts)
    assert "No products" in page.texts()
    page.click("undo_clear_products")
    assert app.store.totals(app.datasets["products"]).current == 60
    assert "undo_clear_products" not in page.buttons()
    actions = [run.action for run in app.store.list_runs()]
    assert actions == [Action.UNDO_CLEAR, Action.CLEAR, Action.SYNC]


def test_a_failed_fetch_names_the_peer_stays_on_the_page_and_leaves_the_data(
    app_without_peers: Application,
) -> None:
    page = Page.open(app_without_peers, "products").fetch("products")
    run = app_without_peers.store.last_run("products")
    assert run is not None
    assert run.status is RunStatus.FAILED
    for _again in range(2):
        page.at.run()
        assert "catalogue" in page.sound().texts()
        assert "The last fetch failed: products" in page.texts()
    assert "fetch_products" in page.buttons()


@pytest.fixture
def app_of_peers(peers: Peers, tmp_path: Path) -> Iterator[Application]:
    yield from installed(peers.url, tmp_path)


def test_a_held_answer_is_shown_with_its_numbers_and_can_be_discarded_or_applied(
    peers: Peers, app_of_peers: Application
) -> None:
    app = app_of_peers
    peers.bodies["catalogue-produit"] = catalogue(60)
    page = Page.open(app, "products").fetch("products")
    peers.bodies["catalogue-produit"] = catalogue(21)
    page.fetch("products")
    assert "The answer would withdraw 39 of 60 rows" in page.texts()
    page.click("discard_products")
    assert app.store.held_run("products") is None
    page.fetch("products")
    held = app.store.held_run("products")
    assert held is not None
    page = Page.open(app, "activity", run=str(held.id))
    page.click("apply_run")
    page.click("confirm_apply_run")
    until(lambda: app.store.held_run("products") is None)
    assert app.store.totals(app.datasets["products"]).current == 21


def test_rejected_records_are_shown_with_their_reason(
    peers: Peers, app_of_peers: Application
) -> None:
    products = json.loads(catalogue(3))
    products["produits"][1]["prix"] = "**dear**"
    peers.bodies["catalogue-produit"] = json.dumps(products).encode()
    run = app_of_peers.request_sync("products", actor=LOCAL_OPERATOR, trigger=Trigger.MANUAL).wait(
        10
    )
    page = Page.open(app_of_peers, "activity", run=str(run.id))
    rejected = page.table_named("Rejected records")
    assert list(rejected["key"]) == ["X1"]
    assert list(rejected["position"]) == [1]
    assert "prix" in rejected["reason"][0]


def test_changes_are_shown_field_by_field_with_money_as_money(
    peers: Peers, app_of_peers: Application
) -> None:
    peers.bodies["catalogue-produit"] = catalogue(3)
    app_of_peers.request_sync("products", actor=LOCAL_OPERATOR, trigger=Trigger.MANUAL).wait(10)
    peers.bodies["catalogue-produit"] = catalogue(3).replace(b'"prix": 424', b'"prix": 399', 1)
    run = app_of_peers.request_sync("products", actor=LOCAL_OPERATOR, trigger=Trigger.MANUAL).wait(
        10
    )
    page = Page.open(app_of_peers, "activity", run=str(run.id))
    changes = page.table_named("What the run changed, field by field")
    assert changes.to_dict("records") == [
        {"key": "X0", "field": "Price", "old": "€4.24", "new": "€3.99"}
    ]


def test_the_journal_lists_runs_and_filters_them(app: Application) -> None:
    for dataset in app.datasets:
        app.request_sync(dataset, actor=LOCAL_OPERATOR, trigger=Trigger.CLI).wait(10)
    app.clear("products", actor=LOCAL_OPERATOR, trigger=Trigger.MANUAL)
    page = Page.open(app, "activity")
    assert list(page.table("runs_table")["id"]) == [3, 2, 1]
    page.at.selectbox(key="runs_trigger").select(Trigger.CLI).run()
    assert list(page.sound().table("runs_table")["trigger"]) == ["command line", "command line"]
    page.at.selectbox(key="runs_dataset").select("customers").run()
    assert list(page.sound().table("runs_table")["dataset"]) == ["customers"]


def test_a_run_in_the_url_opens_with_its_detail(app: Application) -> None:
    app.request_sync("products", actor=LOCAL_OPERATOR, trigger=Trigger.MANUAL).wait(10)
    page = Page.open(app, "activity", run="1")
    assert "Run 1: fetch · products" in page.texts()


@pytest.mark.parametrize("number", ["999", "-1", "x", "9" * 40, ""])
def test_a_run_that_is_not_there_opens_nothing(app: Application, number: str) -> None:
    assert "Run " not in Page.open(app, "activity", run=number).texts()


def test_the_overview_leads_from_an_empty_store_to_a_full_one(app: Application) -> None:
    page = Page.open(app, "overview")
    assert "Get started" in page.texts()
    page.fetch("products").fetch("customers")
    # The last step is to schedule a task: until then all three stay, the first two ticked.
    assert page.texts().count(":green[:material/check_circle:] Fetch") == 2
    assert ":material/counter_3: Schedule a task" in page.texts()
    assert {metric.value for metric in page.at.metric} == {"60", "30"}


def test_two_sessions_speak_two_languages_at_once(app: Application) -> None:
    english, french = Page.open(app, "products"), Page.open(app, "products", locale="fr-CA")
    english.at.run()
    assert english.at.title[0].value == "Products"
    assert french.at.button(key="fetch_products").label == "Récupérer les produits"
    assert french.at.button(key="clear_products").label == "Vider la BDD produits…"


def test_the_language_in_the_url_wins_over_the_browsers(app: Application) -> None:
    page = Page.open(app, "customers", language="fr")
    assert page.at.title[0].value == "Clients"
    page.at.segmented_control(key="language").set_value("en").run()
    assert page.sound().at.title[0].value == "Customers"
    assert "language" not in page.at.query_params


def test_an_address_that_tells_the_language_of_before_changes_nothing(app: Application) -> None:
    page = Page.open(app, "customers", language="fr")
    page.at.segmented_control(key="language").set_value("en").run()
    page.at.query_params["language"] = "fr"
    page.at.run()

    assert page.sound().at.title[0].value == "Customers"
    assert "language" not in page.at.query_params


def test_a_choice_that_the_browser_loses_leaves_the_page_as_it_was(app: Application) -> None:
    page = Page.open(app, "customers", language="fr")

    # A browser's value of a choice whose click coincided with a change of pages.
    page.at.session_state["language"] = None
    page.at.run()

    assert page.sound().at.title[0].value == "Clients"


def test_a_language_that_we_do_not_have_is_ignored(app: Application) -> None:
    assert Page.open(app, "customers", language="tlh").at.title[0].value == "Customers"


def test_what_a_peer_wrote_is_never_markup(peers: Peers, app_of_peers: Application) -> None:
    app, evil = app_of_peers, "**:red[x]** $y$ :material/home: <b>"
    peers.serve_customers([customer(n, firstName=evil) for n in range(30)])
    app.request_sync("customers", actor=LOCAL_OPERATOR, trigger=Trigger.MANUAL).wait(10)
    cards = [
        m.value
        for m in Page.open(app, "customers", **{"as": "cards"}).at.markdown
        if "red" in m.value
    ]
    assert len(cards) == 25
    assert all(":red[" not in card and "\\$y\\$" in card for card in cards)


def test_a_store_that_cannot_be_read_is_an_error_in_place_and_no_empty_table(
    app: Application,
) -> None:
    app.request_sync("products", actor=LOCAL_OPERATOR, trigger=Trigger.MANUAL).wait(10)
    app.settings.database.write_bytes(b"this is no database, and it is long enough to be read")
    page = Page.open(app, "products")
    assert "no sound SQLite database" in page.texts()
    assert not page.at.dataframe


@pytest.mark.parametrize("name", ["activity", "explore"])
def test_a_page_without_anything_to_show_leads_to_where_one_begins(
    app: Application, name: str
) -> None:
    links = Page.open(app, name).at.get("page_link")
    assert "Fetch from the overview" in {link.proto.label for link in links}
