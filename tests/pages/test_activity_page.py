"""The Activity page: the journal, its filters in the address, and a callback delivered again."""

from __future__ import annotations

import json
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
import requests

from ecommerce_core.application import Application
from ecommerce_core.domain import Delivery, NewDelivery, Outcome, Run, Trigger, said
from ecommerce_core.domain.access import LOCAL_OPERATOR
from ecommerce_core.storage import Store
from tests.support.page_session import Page, catalogue, installed
from tests.support.peers import Peers
from tests.support.server import Session, running_server
from tests.support.waiting import until


@pytest.fixture
def app(peers: Peers, tmp_path: Path) -> Iterator[Application]:
    peers.bodies["catalogue-produit"] = catalogue(60)
    peers.bodies["crm"] = b"[]"
    yield from installed(peers.url, tmp_path)


def sync(app: Application, name: str = "products", trigger: Trigger = Trigger.MANUAL) -> Run:
    return app.request_sync(name, actor=LOCAL_OPERATOR, trigger=trigger).wait(10)


def journal(app: Application, *outcomes: Outcome, dataset: str = "products") -> int:
    """Journal callbacks with these outcomes; return the number of the newest."""
    app.store.record_deliveries(
        [
            NewDelivery(datetime.now(UTC), dataset, one, None, said("it broke"), None, None, 0.1)
            for one in outcomes
        ]
    )
    return app.store.newest_delivery_id()


def test_an_empty_journal_says_so_and_where_to_begin(app: Application) -> None:
    page = Page.open(app, "activity")

    assert "it begins with the first fetch" in page.texts()
    assert "No run matches" not in page.texts()
    assert [link.proto.label for link in page.at.get("page_link")] == [
        "Fetch from the overview",
        "Schedule a task",
    ]
    assert not page.at.selectbox


def test_a_callback_that_is_journaled_while_the_page_is_drawn_is_newer_than_the_page(
    app: Application, monkeypatch: pytest.MonkeyPatch
) -> None:
    listed = app.store.list_deliveries

    def list_before_one_comes(**how: Any) -> list[Delivery]:
        found = listed(**how)
        journal(app, Outcome.EXECUTED)
        return found

    sync(app)
    journal(app, Outcome.REFUSED)
    monkeypatch.setattr(app.store, "list_deliveries", list_before_one_comes)
    page = Page.open(app, "activity")
    app.live.look()

    assert list(page.table("deliveries_table")["outcome"]) == [["refused"]]
    [told] = page.told("ecommerce_live")
    assert "deliveries" in told["topics"]
    now = app.live.state().versions["deliveries"]
    assert told["state"]["versions"]["deliveries"] < now


def test_what_failed_and_why_stands_before_what_a_narrow_screen_cuts_off(
    app: Application, peers: Peers
) -> None:
    sync(app)
    del peers.bodies["catalogue-produit"]
    sync(app)
    table = Page.open(app, "activity").table("runs_table")

    assert list(table.columns)[:4] == ["started_at", "dataset", "status", "result"]
    assert list(table["status"]) == [["failed"], ["succeeded"]]
    assert list(table["result"]) == ["the gateway has no route for catalogue-produit", "60 added"]


@pytest.mark.parametrize(
    ("locale", "words"),
    [
        ("en-GB", "undo of an applied answer"),
        ("fr-FR", "annulation d’une réponse appliquée"),
    ],
)
def test_an_actions_longest_words_are_not_cut(
    app: Application, peers: Peers, locale: str, words: str
) -> None:
    sync(app)
    peers.bodies["catalogue-produit"] = catalogue(21)
    held = sync(app)
    app.confirm(held.id, actor=LOCAL_OPERATOR, trigger=Trigger.MANUAL).wait(10)
    app.undo_apply("products", actor=LOCAL_OPERATOR, trigger=Trigger.MANUAL)
    page = Page.open(app, "activity", locale=locale)
    table = next(one for one in page.at.dataframe if one.key == "runs_table")

    assert table.value["action"][0] == words
    assert (
        json.loads(table.proto.columns)["action"]["width"]
        >= sum(6 if each.isalpha() else 4 for each in words) + 20
    )


def test_a_held_run_says_what_it_would_do_in_the_table_and_in_its_detail(
    app: Application, peers: Peers
) -> None:
    sync(app)
    peers.bodies["catalogue-produit"] = catalogue(21)
    held = sync(app)
    page = Page.open(app, "activity", run=str(held.id))

    assert page.table("runs_table")["result"][0] == "would withdraw 39"
    facts = page.at.table[0].value
    assert "would withdraw 39" in facts.to_string()
    assert "nothing has changed" not in facts.to_string()


def test_filters_travel_in_the_address_in_words_of_no_language(app: Application) -> None:
    sync(app, "products", Trigger.CLI)
    sync(app, "customers")
    page = Page.open(app, "activity", dataset="customers", trigger="manual")
    assert list(page.table("runs_table")["dataset"]) == ["customers"]

    french = Page.open(app, "activity", locale="fr-FR", status="succeeded", trigger="cli")
    assert list(french.table("runs_table")["dataset"]) == ["produits"]
    french.at.selectbox(key="runs_trigger").select("manual").run()
    assert french.sound().at.query_params["trigger"] == "manual"
    french.at.selectbox(key="runs_trigger").set_value(None).run()
    assert "trigger" not in french.sound().at.query_params
    assert len(french.table("runs_table")) == 2


def test_an_address_that_has_not_heard_of_a_filter_does_not_take_it_back(app: Application) -> None:
    sync(app, "products")
    sync(app, "customers")
    page = Page.open(app, "activity")
    page.at.selectbox(key="runs_dataset").select("customers").run()
    page.at.query_params.clear()
    page.at.run()

    assert page.sound().at.query_params["dataset"] == "customers"
    assert list(page.table("runs_table")["dataset"]) == ["customers"]


def test_a_filter_that_is_sent_as_it_was_before_it_was_dropped_stays_dropped(
    app: Application,
) -> None:
    sync(app, "products")
    page = Page.open(app, "activity", dataset="customers")
    page.click("all_runs")
    assert list(page.table("runs_table")["dataset"]) == ["products"]
    page.at.query_params["dataset"] = "customers"
    page.at.selectbox(key="runs_dataset").set_value("customers").run()

    assert list(page.sound().table("runs_table")["dataset"]) == ["products"]
    assert "dataset" not in page.at.query_params


def test_filters_are_kept_while_one_looks_at_another_page(
    app: Application, monkeypatch: pytest.MonkeyPatch
) -> None:
    sync(app, "products")
    sync(app, "customers")
    page = Page.open(app, "activity", dataset="customers")
    page.at.switch_page("overview.py").run()
    page.at.query_params.clear()
    page.at.switch_page("activity.py").run()

    assert list(page.sound().table("runs_table")["dataset"]) == ["customers"]
    assert page.at.query_params["dataset"] == "customers"
    page.at.switch_page("overview.py").run()
    page.at.switch_page("activity.py")
    page.at.query_params["dataset"] = "customers"  # a link to the earlier choice
    page.at.run()
    assert list(page.sound().table("runs_table")["dataset"]) == ["customers"]
    # A link determines the choice, and so does the back button.
    page.go_back(monkeypatch, dataset="products")
    assert list(page.sound().table("runs_table")["dataset"]) == ["products"]


@pytest.mark.parametrize("asked", ["nonsense", "", "failed ", "x" * 3_000])
def test_a_filter_that_makes_no_sense_in_the_address_is_left_out(
    app: Application, asked: str
) -> None:
    sync(app)
    page = Page.open(app, "activity", status=asked, outcome=asked)

    assert len(page.table("runs_table")) == 1
    assert "status" not in page.at.query_params


def test_filters_that_nothing_matches_can_be_taken_away_with_one_click(app: Application) -> None:
    sync(app)
    journal(app, Outcome.EXECUTED)
    page = Page.open(app, "activity", status="failed", outcome="refused")
    assert "No run matches" in page.texts()
    assert "No callback matches" in page.texts()

    page.click("all_runs").click("all_deliveries")

    assert len(page.table("runs_table")) == 1
    assert len(page.table("deliveries_table")) == 1


def test_callbacks_are_filtered_by_dataset_and_outcome(app: Application) -> None:
    journal(app, Outcome.EXECUTED, Outcome.REFUSED)
    journal(app, Outcome.REFUSED, dataset="customers")
    page = Page.open(app, "activity", callbacks="products", outcome="refused")

    table = page.table("deliveries_table")
    assert (list(table["id"]), list(table["outcome"])) == ([2], [["refused"]])


def test_older_callbacks_are_a_page_of_their_own_and_back_are_the_newest(app: Application) -> None:
    journal(app, *[Outcome.EXECUTED] * 130)
    page = Page.open(app, "activity")
    assert len(page.table("deliveries_table")) == 100

    assert "newest_deliveries" not in page.buttons()

    page.click("older_deliveries")

    assert list(page.table("deliveries_table")["id"]) == list(range(30, 0, -1))
    assert "older_deliveries" not in page.buttons()
    page.click("newest_deliveries")
    assert list(page.table("deliveries_table")["id"]) == list(range(130, 30, -1))


def test_other_filters_begin_with_the_newest_callback_again(app: Application) -> None:
    journal(app, *[Outcome.EXECUTED] * 130, Outcome.REFUSED)
    page = Page.open(app, "activity").click("older_deliveries")

    page.at.selectbox(key="deliveries_outcome").set_value("refused").run()

    assert list(page.sound().table("deliveries_table")["id"]) == [131]


def test_a_callback_is_delivered_again_by_a_button_that_says_what_it_will_do(
    app: Application,
) -> None:
    failed = journal(app, Outcome.FAILED)
    page = Page.open(app, "activity")
    assert page.at.button(key="deliver_again").disabled

    page.at.selectbox(key="delivery").select(failed).run()
    # Another one arrives meanwhile: positions change, the choice does not.
    journal(app, Outcome.REFUSED, dataset="customers")
    page.at.run()
    assert "Fetches the products from catalogue\\-produit now" in page.sound().texts()
    page.click("deliver_again")

    until(lambda: app.store.newest_delivery_id() == failed + 2)
    [again] = app.store.list_deliveries(limit=1)
    assert (again.dataset, again.outcome, again.again_of) == ("products", Outcome.EXECUTED, failed)
    run = app.store.run(again.run_id or 0)
    assert run is not None
    assert run.counts.added == 60

    def is_told() -> bool:
        page.at.run()
        return "Products fetched: 60 added." in page.sound().toasts

    until(is_told)  # once readers see the rows, shortly after the delivery is journalled
    reason = Page.open(app, "activity", locale="fr-FR").table("deliveries_table")["reason"][0]
    assert reason == f"déclenchement {failed}, relancé à la main"


def test_the_button_does_the_same_on_a_real_server(tmp_path: Path) -> None:
    with running_server(tmp_path, options=("--server.enableAgentApi=true",)) as server:
        assert requests.post(server.page("auto_load_customers"), timeout=30).status_code == 200
        store = Store(tmp_path / "ecommerce.db")
        until(lambda: store.newest_delivery_id() == 1)
        session = Session(server, "activity")
        chooser = session.element("delivery")
        assert chooser is not None
        session.set(delivery=chooser["props"]["options"][0])
        session.click("deliver_again")

        until(lambda: store.newest_delivery_id() == 2)
        [again] = store.list_deliveries(limit=1)
        assert (again.outcome, again.again_of) == (Outcome.EXECUTED, 1)
        assert again.simulated_at is not None


@pytest.mark.parametrize("locale", ["en-GB", "fr-FR"])
def test_why_a_record_was_rejected_is_told_in_the_readers_language(
    app: Application, peers: Peers, locale: str
) -> None:
    answer = json.loads(catalogue(3))
    del answer["produits"][1]["prix"]
    peers.bodies["catalogue-produit"] = json.dumps(answer).encode()
    run = sync(app)
    page = Page.open(app, "activity", locale=locale, run=str(run.id))

    reasons = {
        "en-GB": ("Rejected records", "prix is missing"),
        "fr-FR": ("Enregistrements rejetés", "prix manque"),
    }
    name, reason = reasons[locale]
    assert list(page.table_named(name)["reason"]) == [reason]


def test_a_failed_run_says_what_to_do_and_does_not_send_one_to_where_one_is(
    app: Application, peers: Peers
) -> None:
    del peers.bodies["catalogue-produit"]
    run = sync(app)
    page = Page.open(app, "activity", run=str(run.id))

    assert "Add a route for this service to the gateway" in page.at.error[0].value
    assert "Activity" not in page.texts()
    page.click("retry_products")
    until(lambda: app.store.newest_run_id() == run.id + 1)


@pytest.mark.parametrize(
    ("locale", "said"),
    [
        ("en-GB", "1,201 more refused callbacks were counted but not kept."),
        ("fr-FR", "1 201 autres déclenchements refusés ont été comptés, mais pas conservés."),
    ],
)
def test_refused_callbacks_that_were_only_counted_are_told_below_the_filters(
    app: Application, locale: str, said: str
) -> None:
    journal(app, Outcome.REFUSED)
    assert "not kept" not in Page.open(app, "activity").texts()
    app.store.record_deliveries([], {"products": 1_200, "customers": 1})

    def told(**address: str) -> str:
        texts = Page.open(app, "activity", locale=locale, **address).texts()
        return texts.replace("\u202f", " ").replace("\u00a0", " ")

    assert said in told()
    assert said not in told(callbacks="customers")
    assert "1 201" not in told(outcome="executed")
    assert said in told(outcome="refused")


def strip_of(page: Page, start: str) -> Any:
    """The strip whose name begins so."""
    charts = page.at.get("vega_lite_chart")
    return next(chart for chart in charts if chart.proto.alt.startswith(start))


def test_the_last_runs_of_each_dataset_are_a_strip_of_bars(app: Application, peers: Peers) -> None:
    for _ in range(2):
        sync(app)
    del peers.bodies["catalogue-produit"]
    sync(app)
    sync(app, "customers")
    page = Page.open(app, "activity")

    products = strip_of(page, "Last runs: products")
    assert (
        products.proto.alt
        == "Last runs: products: 1 run succeeded, 1 run without changes, 1 run failed"
    )
    assert strip_of(page, "Last runs: customers").proto.alt.endswith("1 run succeeded")
    spec = json.loads(products.proto.spec)
    # A status is told by its shape as well as by its colour.
    assert [layer["mark"]["type"] for layer in spec["layer"]] == ["bar", "point"]
    french = Page.open(app, "activity", locale="fr-FR")
    assert strip_of(french, "Dernières exécutions")
