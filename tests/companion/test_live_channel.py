"""The WebSocket at ``live``, over a real server: who may connect, and the messages."""

from __future__ import annotations

import json
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from websockets.exceptions import ConnectionClosed, InvalidStatus
from websockets.sync.client import ClientConnection, connect
from websockets.typing import Origin

from ecommerce_core.application import Application
from ecommerce_core.companion import Companion
from ecommerce_core.companion.live_channel import LiveRoute
from ecommerce_core.datasets import DATASETS
from ecommerce_core.domain import Access, Actor, Grant, Role, Trigger
from ecommerce_core.domain.access import LOCAL_OPERATOR
from ecommerce_core.storage import sign_in_key
from tests.support.companion_server import Served, with_a_page
from tests.support.peers import Peers, products
from tests.support.waiting import until

ADA = Actor("ada@shop.example", Role.ANALYST)


def grant_for(lasts_s: float) -> Grant:
    return Grant(ADA, datetime.now(UTC) + timedelta(seconds=lasts_s))


@dataclass(frozen=True)
class Channel:
    """A companion that is served, and its route of sockets."""

    app: Application
    served: Served
    companion: Companion

    @property
    def route(self) -> LiveRoute:
        return self.companion._live

    def listen(self, query: str = "", *, origin: str | None = None, **how: Any) -> ClientConnection:
        address = f"{self.served.url.replace('http', 'ws')}/ecommerce/live{query}"
        said = Origin(origin or self.served.url)
        opened: ClientConnection = connect(address, origin=said, proxy=None, **how)
        return opened

    def ticket(self, lasts_s: float = 60) -> str:
        return self.app.links.sign("live", grant=grant_for(lasts_s))

    def sync(self) -> None:
        self.app.request_sync("products", actor=LOCAL_OPERATOR, trigger=Trigger.MANUAL).wait(10)


@contextmanager
def serving(app: Application) -> Iterator[Channel]:
    companion = Companion(DATASETS.values())
    server = with_a_page(companion.routes())
    server.user_middleware.append(companion.guard(app.settings))
    with Served(server) as served:
        companion.attach(app)
        app.live.look()
        app.live.start()
        try:
            yield Channel(app, served, companion)
        finally:
            companion.close()


@pytest.fixture
def channel(application: Application, peers: Peers) -> Iterator[Channel]:
    peers.serve_products(products(15))
    with serving(application) as running:
        yield running


@pytest.fixture
def signed_channel(application: Application, peers: Peers) -> Iterator[Channel]:
    """Yield a channel with sign-in."""
    peers.serve_products(products(15))
    application.access = Access(providers=("default",))
    with serving(application) as running:
        yield running


def heard(socket: ClientConnection, timeout_s: float = 10) -> dict[str, Any]:
    told: dict[str, Any] = json.loads(socket.recv(timeout_s))
    return told


def is_silent(socket: ClientConnection, for_s: float) -> bool:
    try:
        socket.recv(for_s)
    except TimeoutError:
        return True
    return False


def code_when_closed(socket: ClientConnection) -> int | None:
    """Return the code with which the server closes a socket, after any messages."""
    with suppress(ConnectionClosed):
        for _said in socket:
            pass
    return socket.close_code


def test_a_page_hears_how_things_stand_and_then_that_a_run_ended(channel: Channel) -> None:
    with channel.listen() as socket:
        first = heard(socket)
        assert set(first) == {"epoch", "versions", "clock", "progress", "now_ms"}
        assert set(first["versions"]) >= {"products", "customers", "runs", "deliveries", "tasks"}
        assert first["now_ms"] == pytest.approx(time.time() * 1e3, abs=5_000)
        channel.sync()
        told = first
        while told["versions"]["products"] == first["versions"]["products"]:
            told = heard(socket)

    assert told["epoch"] == first["epoch"]
    assert told["versions"]["customers"] == first["versions"]["customers"]


def test_a_page_hears_nothing_while_nothing_changes_and_once_a_second_at_most(
    channel: Channel,
) -> None:
    with channel.listen() as socket:
        heard(socket)
        assert is_silent(socket, 2.0)

        def sync_often() -> None:
            for _ in range(4):
                channel.sync()

        syncs = threading.Thread(target=sync_often)
        syncs.start()
        came_s: list[float] = []
        while not is_silent(socket, 3.0):
            came_s.append(time.monotonic())
        syncs.join()

    assert 1 <= len(came_s) <= 3
    gaps_s = [later - sooner for sooner, later in zip(came_s, came_s[1:], strict=False)]
    assert min(gaps_s, default=1.0) > 0.9


def test_a_silent_socket_is_sent_pings(application: Application) -> None:
    with serving(application) as channel:
        channel.route._ping_every_s = 0.2
        with channel.listen() as socket:
            assert heard(socket)["versions"]
            assert [socket.recv(5), socket.recv(5)] == ["{}", "{}"]


def test_another_origin_hears_nothing(channel: Channel) -> None:
    with pytest.raises(InvalidStatus) as refused, channel.listen(origin="https://evil.example"):
        pass

    assert refused.value.response.status_code == 403


@pytest.mark.parametrize("query", ["", "?ticket=", "?ticket=made.up"])
def test_who_has_not_signed_in_hears_nothing(signed_channel: Channel, query: str) -> None:
    with pytest.raises(InvalidStatus) as refused, signed_channel.listen(query):
        pass

    assert refused.value.response.status_code == 403
    assert signed_channel.route.sockets == 0


def test_a_ticket_that_is_over_lets_nobody_in(signed_channel: Channel) -> None:
    ticket = signed_channel.ticket(lasts_s=-1)
    with pytest.raises(InvalidStatus), signed_channel.listen(f"?ticket={ticket}"):
        pass


def test_a_socket_closes_when_its_ticket_is_over(signed_channel: Channel) -> None:
    with signed_channel.listen(f"?ticket={signed_channel.ticket(lasts_s=1.5)}") as socket:
        heard(socket)
        assert code_when_closed(socket) == 4401


def test_a_socket_closes_when_its_sign_in_is_ended_elsewhere(signed_channel: Channel) -> None:
    app, claims = signed_channel.app, {"sub": "ada", "iat": 1}
    lasting = signed_channel.ticket()
    ending = app.links.sign("live", grant=replace(grant_for(60), sign_in=sign_in_key(claims)))
    with (
        signed_channel.listen(f"?ticket={lasting}") as other,
        signed_channel.listen(f"?ticket={ending}") as socket,
    ):
        heard(socket)
        heard(other)
        app.sign_outs.end(claims)
        app.live.announce()
        assert code_when_closed(socket) == 4401
        assert is_silent(other, 1.5)
    with signed_channel.listen(f"?ticket={ending}") as late:
        assert code_when_closed(late) == 4401


def test_a_new_ticket_keeps_a_socket_open_and_a_forged_one_does_not(
    signed_channel: Channel,
) -> None:
    def stays_open(renewal: str) -> bool:
        with signed_channel.listen(f"?ticket={signed_channel.ticket(lasts_s=1.5)}") as socket:
            heard(socket)
            socket.send(renewal)
            ends_s = time.monotonic() + 3
            try:
                while time.monotonic() < ends_s:
                    is_silent(socket, 0.5)
            except ConnectionClosed:
                return False
            return True

    assert stays_open(signed_channel.ticket())
    assert not stays_open(signed_channel.ticket()[:-1])


def test_there_are_so_many_sockets_and_no_more(application: Application) -> None:
    with serving(application) as channel:
        channel.route._max_sockets = 2
        with channel.listen() as first, channel.listen():
            with pytest.raises(InvalidStatus) as refused, channel.listen():
                pass
            assert refused.value.response.status_code == 503
            first.close()
            until(lambda: channel.route.sockets == 1)
            with channel.listen() as third:
                assert heard(third)["versions"]


def test_who_sends_what_no_page_sends_is_let_go(channel: Channel) -> None:
    for sent in ("x" * 5_000, b"bytes"):
        with channel.listen() as socket:
            heard(socket)
            socket.send(sent)
            with pytest.raises(ConnectionClosed):
                socket.recv(10)
    until(lambda: channel.route.sockets == 0)


def test_a_server_that_ends_lets_its_pages_go(channel: Channel) -> None:
    with channel.listen() as socket:
        heard(socket)
        channel.companion.release()
        code_when_closed(socket)
        with pytest.raises(InvalidStatus) as refused, channel.listen():
            pass

    assert refused.value.response.status_code == 503


def test_a_plain_request_is_told_what_is_taken(channel: Channel) -> None:
    answer = channel.served.ask("GET", "/ecommerce/live")

    assert (answer.status, answer.headers["upgrade"]) == (426, "websocket")
    assert channel.served.ask("POST", "/ecommerce/live").status == 405


def test_a_page_that_does_not_take_in_what_it_is_sent_is_let_go(
    channel: Channel, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("ecommerce_core.companion.live_channel.SEND_TIMEOUT_S", 0.3)
    monkeypatch.setattr("ecommerce_core.companion.live_channel.MIN_INTERVAL_S", 0.0)
    state = channel.app.live.state()
    # The message is as large as the buffers in between, so a few of them fill these.
    large = {"products": 1, **{f"topic {n}": n for n in range(200_000)}}
    monkeypatch.setattr(channel.app.live, "state", lambda: replace(state, versions=large))
    with channel.listen(max_size=None, max_queue=1):
        until(lambda: channel.route.sockets == 1)

        def is_gone() -> bool:
            channel.route.hear(True)
            return channel.route.sockets == 0

        until(is_gone)
        assert channel.route.sockets == 0
