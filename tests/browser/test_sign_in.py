"""Signing in at a real OpenID provider, in Chromium: as an analyst, as an operator, and refused."""

from __future__ import annotations

import re
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from urllib.parse import quote

import pytest
import requests

from ecommerce_core.sandbox import Sandbox
from tests.browser.accessibility import check
from tests.browser.conftest import CUSTOMERS, PRODUCTS, Shop
from tests.browser.visitor import Browser, Route, Visitor, WebSocket, expect
from tests.support.oidc_provider import Provider
from tests.support.server import free_port, running_server
from tests.support.waiting import until

pytestmark = pytest.mark.browser

PEOPLE: dict[str, dict[str, object]] = {
    "ada": {"email": "ada@shop.example", "email_verified": True},
    "anne": {"email": "anne@shop.example", "email_verified": True},
    "grace": {"email": "grace@shop.example", "groups": ["staff", "shop-operators"]},
    "mallory": {"email": "ada@shop.example", "email_verified": False},
}
OPERATORS = {
    "ECOMMERCE_OPERATORS": "ada@shop.example",
    "ECOMMERCE_OPERATOR_CLAIM": "groups=shop-operators",
}


@pytest.fixture(scope="module")
def provider(browser: Browser) -> Iterator[Provider]:
    with Provider(PEOPLE) as running:
        yield running


@pytest.fixture(scope="module")
def closed_shop(provider: Provider, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Shop]:
    """Yield a full shop with sign-in."""
    folder, port = tmp_path_factory.mktemp("closed"), free_port()
    secrets = provider.write_secrets(folder, server_url=f"http://127.0.0.1:{port}")
    with Sandbox(products=PRODUCTS, customers=CUSTOMERS, speed=5, tick_s=0.1) as sandbox:
        environment = {"ECOMMERCE_GATEWAY_URL": sandbox.url, **OPERATORS}
        options = (f"--secrets.files={secrets}",)
        with running_server(folder, environment, options=options, port=port) as server:
            sandbox.app_url = server.url
            for path in ("add-auto", "auto_load_customers"):
                assert requests.post(server.page(path), timeout=30).status_code == 200
            yield Shop(server, folder, sandbox.url)


@pytest.fixture
def visitor(visit: Callable[..., Visitor], closed_shop: Shop) -> Visitor:
    return visit(closed_shop)


def sign_in(visitor: Visitor, person: str) -> None:
    visitor.button("sign_in").click()
    visitor.page.locator(f"#{person}").click()
    visitor.wait_until_drawn()


def shown(address: str) -> re.Pattern[str]:
    """Match an address as a page writes it, with joiners that keep it from becoming a link."""
    return re.compile(re.escape(address).replace("@", "@\u2060?"))


def test_before_the_sign_in_nothing_of_the_shop_is_shown(visitor: Visitor) -> None:
    for name in ("", "products", "activity"):
        visitor.open(name)
        expect(visitor.button("sign_in")).to_be_visible()
        expect(visitor.page.get_by_test_id("stDataFrame")).to_have_count(0)
        expect(visitor.page.get_by_test_id("stMetric")).to_have_count(0)
        expect(visitor.page.get_by_test_id("stSidebarNav")).to_have_count(0)
        expect(visitor.page.get_by_text("X1-")).to_have_count(0)


def test_the_sign_in_screen_speaks_french_too(
    visit: Callable[..., Visitor], closed_shop: Shop
) -> None:
    visitor = visit(closed_shop, locale="fr-FR")
    visitor.open()

    expect(visitor.button("sign_in")).to_have_text(re.compile("Se connecter"))
    visitor.part("language").get_by_text("English").click()
    expect(visitor.button("sign_in")).to_have_text(re.compile("Sign in"))


def test_axe_finds_nothing_on_the_sign_in_screen_and_beside_the_way_out(visitor: Visitor) -> None:
    visitor.open("products")
    sign_in(visitor, "refuse")
    assert check(visitor) == []
    sign_in(visitor, "anne")
    assert check(visitor) == []


def test_who_signed_in_before_the_browser_was_closed_is_still_known(visitor: Visitor) -> None:
    visitor.open("products")
    sign_in(visitor, "anne")
    # A browser forgets this cookie when it is closed, and the answer that sets it again takes long.
    visitor.context.clear_cookies(name="_streamlit_xsrf")

    def answer_late(route: Route) -> None:
        time.sleep(0.3)
        route.continue_()

    visitor.context.route("**/_stcore/health", answer_late)
    visitor.open("products")

    expect(visitor.part("products_table")).to_be_visible()
    expect(visitor.button("sign_in")).to_have_count(0)


def test_an_analyst_reads_and_exports_and_finds_nothing_to_change(
    visitor: Visitor, closed_shop: Shop
) -> None:
    visitor.open("products", q="x1-99")
    sign_in(visitor, "anne")

    # The page that was requested with its search, not the overview.
    expect(visitor.page).to_have_url(re.compile(r"/ecommerce/products\?q=x1-99$"))
    visitor.expect_rows("products_table", 1)
    visitor.open("products")
    visitor.expect_rows("products_table", 25)
    sidebar = visitor.page.get_by_test_id("stSidebar")
    expect(sidebar.get_by_text(shown("anne@shop.example"))).to_be_visible()
    expect(sidebar.get_by_text("Analyst")).to_be_visible()
    for key in ("fetch_products", "clear_products"):
        expect(visitor.part(key)).to_have_count(0)
    visitor.part("export_products").get_by_role("button").first.click()
    download = visitor.take("export_products_csv")
    assert "X1-0" in Path(download.path()).read_text("utf-8")
    address = download.url.partition("&ticket=")[0]
    assert requests.get(address, timeout=10).status_code == 401
    visitor.open("scheduler")
    for key in ("add_task", "pause_clock", "set_speed"):
        expect(visitor.part(key)).to_have_count(0)
    visitor.expect_no_crash()


@pytest.mark.parametrize("person", ["ada", "grace"])
def test_an_operator_fetches_and_the_journal_says_who(
    visitor: Visitor, closed_shop: Shop, person: str
) -> None:
    visitor.open("customers")
    sign_in(visitor, person)
    before = closed_shop.store.newest_run_id()

    visitor.click_through("fetch_customers")
    expect(visitor.toast(re.compile("fetched"))).to_be_visible()

    run = closed_shop.runs("customers")[0]
    assert run.id > before
    assert run.actor == f"{person}@shop.example"
    visitor.open("activity", run=str(run.id))
    expect(visitor.page.get_by_role("cell", name=shown(run.actor))).to_be_visible()


def test_an_address_that_is_not_verified_makes_no_operator(visitor: Visitor) -> None:
    visitor.open("products")
    sign_in(visitor, "mallory")

    expect(visitor.page.get_by_test_id("stSidebar").get_by_text("Analyst")).to_be_visible()
    expect(visitor.part("fetch_products")).to_have_count(0)


def test_who_signs_out_is_outside_and_so_is_the_next_visit(
    visitor: Visitor, provider: Provider
) -> None:
    visitor.open()
    sign_in(visitor, "ada")
    provider.seen.clear()

    visitor.button("sign_out").click()

    # It may be there before the browser has reached the sign-out.
    expect(visitor.button("sign_in")).to_be_visible()
    until(lambda: "/logout" in provider.seen)
    visitor.page.wait_for_load_state()
    expect(visitor.page.get_by_test_id("stAlert")).to_have_count(0)
    visitor.open("products")
    expect(visitor.button("sign_in")).to_be_visible()


def test_a_copy_of_the_cookie_ends_with_the_sign_out(
    visit: Callable[..., Visitor], closed_shop: Shop
) -> None:
    visitor, elsewhere, thief = visit(closed_shop), visit(closed_shop), visit(closed_shop)
    for one in (visitor, elsewhere):
        one.open("products")
        sign_in(one, "ada")
    thief.context.add_cookies(
        [
            {"name": one["name"], "value": one["value"], "url": closed_shop.server.page()}
            for one in visitor.context.cookies()
        ]
    )
    thief.open("products")
    expect(thief.part("products_table")).to_be_visible()

    # Its live channel may be connecting to the server just when the sign-in ends.
    thief.harmless.append(re.compile(r"/ecommerce/live.* response code: 403"))
    visitor.button("sign_out").click()
    expect(visitor.button("sign_in")).to_be_visible()

    thief.open("products")
    expect(thief.button("sign_in")).to_be_visible()
    expect(thief.part("products_table")).to_have_count(0)
    # Another sign-in of the same person is independent.
    elsewhere.open("customers")
    expect(elsewhere.button("fetch_customers")).to_be_visible()


def test_a_page_listens_from_the_sign_in_to_the_sign_out_and_not_beyond(
    visitor: Visitor, closed_shop: Shop
) -> None:
    lines: list[WebSocket] = []
    heard: list[str | bytes] = []

    def hear(frame: str | bytes) -> None:
        heard.append(frame)

    def note(socket: WebSocket) -> None:
        if "/ecommerce/live" in socket.url:
            lines.append(socket)
            socket.on("framereceived", hear)

    visitor.page.on("websocket", note)
    visitor.open("activity")
    expect(visitor.button("sign_in")).to_be_visible()
    visitor.page.wait_for_timeout(1_000)
    assert lines == []
    sign_in(visitor, "anne")
    runs = visitor.part("runs_table").locator("table[role=grid]")
    count = len(closed_shop.runs())
    expect(runs).to_have_attribute("aria-rowcount", str(count + 1))
    visitor.page.wait_for_timeout(1_000)
    assert requests.post(closed_shop.server.page("add-auto"), timeout=30).status_code == 200
    expect(runs).to_have_attribute("aria-rowcount", str(count + 2))
    assert len(lines) == 1
    assert heard

    visitor.button("sign_out").click()
    expect(visitor.button("sign_in")).to_be_visible()
    visitor.page.wait_for_timeout(3_000)
    heard.clear()
    assert requests.post(closed_shop.server.page("add-auto"), timeout=30).status_code == 200
    visitor.page.wait_for_timeout(2_000)

    assert (len(lines), heard) == (1, [])


def test_a_refused_sign_in_is_told_and_can_be_tried_again(visitor: Visitor) -> None:
    visitor.open("products")
    sign_in(visitor, "refuse")

    expect(visitor.alert("refused the sign-in")).to_be_visible()
    sign_in(visitor, "anne")
    expect(visitor.page).to_have_url(re.compile("/ecommerce/products$"))


@pytest.mark.parametrize("query", ["state=forged&code=forged", "state=forged&error=server_error"])
def test_a_forged_return_signs_nobody_in_and_is_told(visitor: Visitor, query: str) -> None:
    visitor.page.goto(visitor.server.page(f"oauth2callback?{query}"))
    visitor.wait_until_drawn()

    expect(visitor.alert("was not completed")).to_be_visible()
    expect(visitor.button("sign_in")).to_be_visible()


def test_a_token_with_a_forged_signature_signs_nobody_in(
    visitor: Visitor, provider: Provider
) -> None:
    visitor.open()
    provider.forges = True
    try:
        sign_in(visitor, "ada")
    finally:
        provider.forges = False

    expect(visitor.alert("was not completed")).to_be_visible()
    expect(visitor.button("sign_in")).to_be_visible()


def test_a_cookie_of_ones_own_making_signs_nobody_in(visitor: Visitor, closed_shop: Shop) -> None:
    told = '{"is_logged_in": true, "email": "ada@shop.example", "origin": "%s"}'
    value = quote(told % closed_shop.server.url)
    visitor.context.add_cookies(
        [{"name": "_streamlit_user", "value": value, "url": closed_shop.server.url}]
    )
    visitor.open("products")

    expect(visitor.button("sign_in")).to_be_visible()


def test_callbacks_stay_closed_to_other_sites_pages(closed_shop: Shop) -> None:
    headers = {"Sec-Fetch-Site": "cross-site", "Origin": "http://localhost:1"}
    answer = requests.post(closed_shop.server.page("add-auto"), headers=headers, timeout=10)

    assert answer.status_code == 403
