"""Views in the sidebar: saved under a name, opened, renamed, deleted; and a link to copy."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from streamlit.testing.v1 import AppTest

from ecommerce_core.application import Application
from ecommerce_core.domain import Trigger
from ecommerce_core.domain.access import LOCAL_OPERATOR
from ecommerce_core.settings import Settings
from pages.ui import current_application
from tests.support.page_session import NAVIGATION, Page
from tests.support.peers import Peers, product

ADA, ANNE = "ada@shop.example", "anne@shop.example"


def opened(peers: Peers, folder: Path, **more: Any) -> Iterator[Application]:
    families = ("TV", "Frigos")
    peers.serve_products(
        [product(n, price=1_000 + n, familleProduit=families[n % 2]) for n in range(30)]
    )
    settings = Settings(database=folder / "shop.db", timeout_s=5, operators=(ADA,))
    app = Application.open(settings, gateway_url=peers.url, **more)
    app.start(watch=False)
    current_application.install(app)
    app.request_sync("products", actor=LOCAL_OPERATOR, trigger=Trigger.MANUAL).wait(10)
    yield app
    current_application.install(None)
    app.stop()


@pytest.fixture
def app(peers: Peers, tmp_path: Path) -> Iterator[Application]:
    """Yield a shop where nobody signs in."""
    yield from opened(peers, tmp_path)


@pytest.fixture
def signed_in(peers: Peers, tmp_path: Path) -> Iterator[Application]:
    """Yield a shop whose operator is Ada."""
    yield from opened(peers, tmp_path, sign_in_providers=["default"])


def open_as(app: Application, email: str | None, **query: str) -> Page:
    at = AppTest.from_file(str(NAVIGATION), default_timeout=20)
    at.context = {"locale": "en-GB", "timezone": "Europe/Paris"}
    if email is not None:
        at.user = {"is_logged_in": True, "email": email}
    at.run()
    at.switch_page("products.py")
    for key, value in query.items():
        at.query_params[key] = value
    return Page(at.run(), app).sound()


def save(page: Page, name: str) -> Page:
    page.at.text_input(key="view_name_products").set_value(name)
    return page.click("save_view_products")


def opens(page: Page) -> list[str]:
    return [b.label for b in page.at.button if (b.key or "").startswith("open_view_products_")]


def test_a_view_brings_back_the_question_its_columns_and_its_order(app: Application) -> None:
    page = open_as(app, None, family="TV", sort="-price", size="50", page="1")
    save(page, "Dear *TVs*")
    assert "View saved." in page.toasts

    again = open_as(app, None)
    assert opens(again) == ["Dear \\*TVs\\*"]
    [key] = [key for key in again.buttons() if key.startswith("open_view_")]
    again.click(key)

    assert set(again.table()["family"]) == {"TV"}
    assert list(again.table()["price_cents"])[0] == 10.28
    said = again.at.query_params
    assert (said["family"], said["sort"], said["size"]) == ("TV", "-price", "50")


def test_a_view_does_not_keep_the_page_nor_the_open_row(app: Application) -> None:
    page = open_as(app, None, page="2", row="X1-3", family="TV")
    save(page, "TVs")

    [view] = app.views.list_for("products", actor=LOCAL_OPERATOR)
    assert view.query == "family=TV"


def test_a_name_that_is_taken_is_said(app: Application) -> None:
    page = open_as(app, None, family="TV")
    save(page, "TVs")
    save(page, "TVs")

    assert any("already" in toast for toast in page.toasts)
    assert opens(page) == ["TVs"]


def test_a_view_is_renamed_and_deleted_after_a_question(app: Application) -> None:
    page = save(open_as(app, None, family="TV"), "TVs")
    page.at.run()
    page.at.text_input(key="new_view_name_products").set_value("Television sets")
    page.click("rename_view_products")
    assert opens(page) == ["Television sets"]

    page.click("delete_view_products")
    assert opens(page) == ["Television sets"]
    page.click("confirm_delete_view")
    page.at.run()
    assert opens(page.sound()) == []


def test_an_analyst_keeps_views_alone_and_an_operator_for_all(signed_in: Application) -> None:
    anne = open_as(signed_in, ANNE, family="TV")
    assert "view_for_all_products" not in {box.key for box in anne.at.checkbox}
    save(anne, "Anne’s")
    ada = open_as(signed_in, ADA, family="Frigos")
    ada.at.checkbox(key="view_for_all_products").check()
    save(ada, "Fridges")

    anne.at.run()
    assert opens(anne.sound()) == ["Anne’s", "Fridges"]
    assert list(anne.at.selectbox(key="edited_view_products").options) == ["Anne’s"]
    ada.at.run()
    assert opens(ada.sound()) == ["Fridges"]


def test_a_view_of_a_filter_that_is_no_more_says_what_was_ignored(app: Application) -> None:
    app.views.save("products", "Old", "colour=red&family=TV", actor=LOCAL_OPERATOR, is_for_all=True)
    page = open_as(app, None)
    [key] = [key for key in page.buttons() if key.startswith("open_view_")]
    page.click(key)

    assert "colour" in page.texts()
    assert set(page.table()["family"]) == {"TV"}


def test_the_page_offers_its_address_for_copying(app: Application) -> None:
    page = open_as(app, None)

    [told] = [each for each in page.told("ecommerce_copy") if each["text"] is None]
    assert told["label"] == "Copy link"
