"""Alerts on the pages, from the one list, and the test of the message services."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from ecommerce_core.alerts import MessagePolicy, Messenger, Sender
from ecommerce_core.application import Application
from ecommerce_core.domain import Alert, AlertCode, Language, Run, Trigger
from ecommerce_core.domain.access import LOCAL_OPERATOR
from ecommerce_core.storage import AlertRecord
from tests.support.page_session import Page, catalogue, installed
from tests.support.peers import Peers, products
from tests.support.receivers import Webhook
from tests.support.server import free_port
from tests.support.waiting import until

SINCE = datetime(2026, 3, 2, 9, tzinfo=UTC)


@pytest.fixture
def app(peers: Peers, tmp_path: Path) -> Iterator[Application]:
    peers.bodies["catalogue-produit"] = catalogue(60)
    peers.bodies["crm"] = b"[]"
    yield from installed(peers.url, tmp_path)


@pytest.fixture
def app_without_a_gateway(tmp_path: Path) -> Iterator[Application]:
    yield from installed(f"http://127.0.0.1:{free_port()}", tmp_path)


def sync(app: Application, name: str = "products") -> Run:
    return app.request_sync(name, actor=LOCAL_OPERATOR, trigger=Trigger.MANUAL).wait(10)


def test_a_gateway_that_is_down_is_one_problem_on_the_overview(
    app_without_a_gateway: Application,
) -> None:
    app = app_without_a_gateway
    sync(app, "products")
    sync(app, "customers")
    until(lambda: app.monitor.snapshot().list_error is not None)
    page = Page.open(app, "overview")

    assert page.texts().count("**The gateway does not answer**") == 1
    assert "The last fetch failed" not in page.texts()
    assert "The scheduler does not answer" not in page.texts()
    # A dataset's page shows the failure of its own fetch.
    assert "The last fetch failed: products" in Page.open(app, "products").texts()


def test_rejected_records_are_told_with_the_way_to_the_run(app: Application, peers: Peers) -> None:
    peers.serve_products([*products(30), {"codeProduit": 3}])
    run = sync(app)
    page = Page.open(app, "overview")

    assert "**Records were rejected: products**" in page.texts()
    assert "1 record rejected." in page.texts()
    links = {link.proto.label: link.proto.query_string for link in page.at.get("page_link")}
    assert f"run={run.id}" in links["See the run"]
    assert (
        "Des enregistrements ont été rejetés" in Page.open(app, "overview", locale="fr-FR").texts()
    )


def test_activity_lists_what_was_wrong_and_for_how_long(app: Application) -> None:
    held = Alert(AlertCode.ANSWER_HELD, "products", SINCE, ("products",), {"run": 3})
    end = SINCE + timedelta(minutes=5)
    app.store.record_alerts([AlertRecord(0, held, end, end)])
    table = Page.open(app, "activity").table_named("Alerts, newest first")

    assert "A fetch is held: products" in list(table["title"])
    assert 300.0 in list(table["lasted"])


def test_without_a_service_activity_says_that_nobody_is_told(app: Application) -> None:
    page = Page.open(app, "activity")
    assert "ECOMMERCE_ALERT_URLS is not set" in page.texts()
    assert "send_test_message" not in page.buttons()


def test_the_test_button_sends_a_message_and_says_who_took_it(app: Application) -> None:
    with Webhook() as hook:
        app.messenger = Messenger(
            [hook.url, f"json://127.0.0.1:{free_port()}/"],
            app.store,
            sender=Sender("shop", Language()),
            policy=MessagePolicy(),
        )
        page = Page.open(app, "activity").click("send_test_message")
        assert hook.titles == ["[shop] Test message"]
    assert page.toasts == ["json (1): sent", "json (2) takes no messages"]
