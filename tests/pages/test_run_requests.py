"""Parts that pages share, when a fetch ends while a page is being drawn."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from streamlit.testing.v1 import AppTest

from ecommerce_core.application import Application
from pages.ui import current_application
from tests.support.peers import Peers, products


@pytest.fixture
def app(application: Application) -> Iterator[Application]:
    current_application.install(application)
    yield application
    current_application.install(None)


def a_page_that_a_fetch_overtakes() -> None:
    import streamlit as st

    from ecommerce_core.domain import Trigger
    from pages.runs import run_progress, run_requests
    from pages.ui import header, session

    st.button("Fetch", key="fetch", on_click=run_requests.fetch, args=("products",))
    header.show("Products")
    go_on = st.session_state.pop("go_on", None)
    if go_on is not None:
        go_on()
        ticket = session.application().request_sync(
            "products", actor=session.actor(), trigger=Trigger.MANUAL, join_running=True
        )
        assert ticket.joined
        ticket.wait(10)
    run_progress.watch("products")
    session.show_toasts()


def test_a_fetch_that_ends_while_its_page_is_drawn_is_told(app: Application, peers: Peers) -> None:
    peers.serve_products(products(15))
    peers.gate.clear()
    page = AppTest.from_function(a_page_that_a_fetch_overtakes, default_timeout=20).run()
    page.session_state["go_on"] = peers.gate.set

    page.button(key="fetch").click().run()

    assert not page.exception
    assert ["15 added" in toast.value for toast in page.toast] == [True]


def test_a_fetch_that_ended_before_another_was_asked_for_is_told(
    app: Application, peers: Peers
) -> None:
    peers.serve_products(products(15))
    page = AppTest.from_function(a_page_that_a_fetch_overtakes, default_timeout=20).run()
    peers.gate.clear()
    page.button(key="fetch").click().run()
    first = page.session_state["_ticket_products"]
    peers.gate.set()
    first.wait(10)
    peers.gate.clear()

    page.button(key="fetch").click().run()
    peers.gate.set()

    assert not page.exception
    assert ["15 added" in toast.value for toast in page.toast] == [True]
