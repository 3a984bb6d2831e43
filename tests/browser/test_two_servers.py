"""Pages on two servers behind nginx, one of which is killed while people look."""

from __future__ import annotations

import re
import signal
from collections.abc import Callable, Iterator
from itertools import count
from pathlib import Path

import pytest
import requests

from tests.browser.visitor import SERVER_AWAY, Browser, Visitor, expect
from tests.servers.shop import AFFINITY, Shop, running_shop
from tests.support.oidc_provider import Provider
from tests.support.peers import Peers, products
from tests.support.postgresql import PostgresqlServer
from tests.support.server import Server, free_port

pytestmark = pytest.mark.browser

PEOPLE: dict[str, dict[str, object]] = {"anne": {"email": "anne@shop.example"}}


@pytest.fixture
def shop(
    browser: Browser, postgresql: PostgresqlServer, peers: Peers, tmp_path: Path
) -> Iterator[Shop]:
    """Two servers on which people sign in."""
    port = free_port()
    with Provider(PEOPLE) as provider:
        secrets = provider.write_secrets(tmp_path, server_url=f"http://127.0.0.1:{port}")
        environment = {
            "ECOMMERCE_GATEWAY_URL": peers.url,
            "ECOMMERCE_OPERATORS": "ada@shop.example",
        }
        with running_shop(
            postgresql,
            tmp_path,
            port=port,
            environment=environment,
            options=(f"--secrets.files={secrets}",),
        ) as running:
            yield running


# A page's own word: on a fast machine it stands there for no longer than the way back takes.
SEES_THAT_IT_IS_LOST = """() => {
    globalThis.isLost = new Promise((say) => {
        new MutationObserver((_, observer) => {
            const status = document.querySelector('[data-testid="stConnectionStatus"]')
            if (status === null) return
            observer.disconnect()
            say(true)
        }).observe(document.body, { subtree: true, childList: true })
    })
}"""


def call_back(shop: Shop, peers: Peers, *, rows: int) -> None:
    peers.serve_products(products(rows))
    assert requests.post(shop.site.page("add-auto"), timeout=30).status_code == 200


def server_ids(shop: Shop) -> dict[str, Server]:
    """Return the servers by their ids."""
    return {
        requests.get(server.page("healthz"), timeout=20).json()["server"]["id"]: server
        for server in shop.servers
    }


def affinities(shop: Shop) -> dict[str, str]:
    """Return a value of nginx's cookie for each server, by its id."""
    found: dict[str, str] = {}
    numbers = count()
    while len(found) < len(shop.servers):
        cookie = f"browser-{next(numbers)}"
        found[shop.ask_who(cookie)] = cookie
    return found


def test_pages_of_a_killed_server_come_back_through_the_other_and_its_own_go_on(
    shop: Shop, peers: Peers, visit: Callable[..., Visitor]
) -> None:
    call_back(shop, peers, rows=15)
    servers = server_ids(shop)
    (killed, cookie), (_, others_cookie) = affinities(shop).items()
    one, other = visit(shop.site), visit(shop.site)
    bind(one, shop, cookie)
    one.open("products")
    one.button("sign_in").click()
    one.page.locator("#anne").click()
    one.expect_rows("products_table", 15)
    # The sign-in on one server holds on the other.
    other.context.add_cookies(one.context.cookies())  # type: ignore[arg-type]
    bind(other, shop, others_cookie)
    other.open("products")
    other.expect_rows("products_table", 15)
    search = one.part("search_products").locator("input")
    search.fill("x1-1")
    one.expect_rows("products_table", 6)
    one.harmless.append(SERVER_AWAY)
    one.page.evaluate(SEES_THAT_IT_IS_LOST)

    servers[killed].process.send_signal(signal.SIGKILL)
    servers[killed].process.wait()

    assert one.page.evaluate("globalThis.isLost")
    call_back(shop, peers, rows=17)
    other.expect_rows("products_table", 17)
    one.expect_rows("products_table", 8)
    expect(search).to_have_value("x1-1")
    expect(one.page.get_by_test_id("stConnectionStatus")).to_have_count(0)
    expect(one.page.get_by_test_id("stSidebar").get_by_text(re.compile("anne"))).to_be_visible()
    # It is alive: it hears of the next change too, and searches.
    call_back(shop, peers, rows=18)
    one.expect_rows("products_table", 9)
    search.fill("x1-17")
    one.expect_rows("products_table", 1)
    one.expect_no_crash()


def bind(visitor: Visitor, shop: Shop, cookie: str) -> None:
    """Let nginx lead a browser to the server of that cookie."""
    cookies = visitor.context
    cookies.add_cookies([{"name": AFFINITY, "value": cookie, "url": shop.site.page()}])
