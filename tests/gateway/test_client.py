"""The gateway with peers that behave: routing, redirects, conditions, progress, retries."""

from __future__ import annotations

import json
import threading
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime, timedelta

import pytest

from ecommerce_core.domain import Fact, PeerFailed, PeerRefused, PeerUnreachable
from ecommerce_core.gateway import Answer, Gateway
from tests.faults.peer import (
    Behaviour,
    MisbehavingPeer,
    answer_bytes,
    answer_chunked,
    answer_gzip,
    answer_html,
    answer_json,
    answer_raw,
    drip_body,
    gateway_error,
    gateway_no_route,
    hang_up,
    head,
    redirect,
    sequence,
)


@pytest.fixture
def peer() -> Iterator[MisbehavingPeer]:
    with MisbehavingPeer() as running:
        yield running


@pytest.fixture
def gateway(peer: MisbehavingPeer) -> Gateway:
    return Gateway(peer.url, timeout_s=2, deadline_s=5)


def test_the_host_header_picks_the_peer(peer: MisbehavingPeer, gateway: Gateway) -> None:
    peer.play(answer_json({"produits": []}), host="catalogue-produit", path="/api/data")
    peer.play(answer_json([1]), host="crm", path="/api/data")

    assert json.loads(gateway.fetch("catalogue-produit", "api/data").body) == {"produits": []}
    assert json.loads(gateway.fetch("crm", "/api/data").body) == [1]
    assert [request.host for request in peer.requests] == ["catalogue-produit", "crm"]
    assert {request.method for request in peer.requests} == {"GET"}


def test_a_request_says_who_asks_and_takes_json_packed_as_gzip_or_deflate_alone(
    peer: MisbehavingPeer, gateway: Gateway
) -> None:
    peer.play(answer_json([]))
    gateway.fetch("crm", "api/data")
    headers = peer.requests[0].headers
    assert headers["accept"] == "application/json"
    assert headers["accept-encoding"] == "gzip, deflate"
    assert headers["user-agent"] == "ecommerce-dashboard"
    assert "if-none-match" not in headers
    assert "if-modified-since" not in headers


def test_an_answer_carries_what_a_caller_needs(peer: MisbehavingPeer, gateway: Gateway) -> None:
    validators = {"ETag": 'W/"7"', "Last-Modified": "Mon, 07 Jan 2019 00:00:00 GMT"}
    peer.play(answer_bytes(b"[1]", content_type="application/json", headers=validators))
    assert gateway.fetch("crm", "api/data") == Answer(
        peer="crm",
        status=200,
        body=b"[1]",
        not_modified=False,
        etag='W/"7"',
        last_modified="Mon, 07 Jan 2019 00:00:00 GMT",
        content_type="application/json",
    )


def test_no_proxy_no_netrc_and_no_cookie_is_used(
    peer: MisbehavingPeer,
    gateway: Gateway,
    monkeypatch: pytest.MonkeyPatch,
    tmp_path_factory: pytest.TempPathFactory,
) -> None:
    netrc = tmp_path_factory.mktemp("home") / "netrc"
    netrc.write_text("machine 127.0.0.1 login somebody password secret\n")
    monkeypatch.setenv("NETRC", str(netrc))
    monkeypatch.setenv("HTTP_PROXY", "http://127.0.0.1:9")
    monkeypatch.setenv("http_proxy", "http://127.0.0.1:9")
    monkeypatch.delenv("NO_PROXY", raising=False)
    monkeypatch.delenv("no_proxy", raising=False)
    peer.play(answer_json([], headers={"Set-Cookie": "session=1; Path=/"}))

    gateway.fetch("crm", "api/data")
    gateway.fetch("crm", "api/data")
    for request in peer.requests:
        assert request.path == "/api/data"
        assert "cookie" not in request.headers
        assert "authorization" not in request.headers


def test_a_base_url_that_is_not_http_is_no_gateway() -> None:
    for url in ("file:///etc/passwd", "ftp://gateway", "gateway:8000", "http://"):
        with pytest.raises(ValueError, match="not an http or https URL"):
            Gateway(url)


def test_the_redirect_of_the_crm_is_followed_with_the_same_host(
    peer: MisbehavingPeer, gateway: Gateway
) -> None:
    peer.play(redirect("/api/data/"), host="crm", path="/api/data")
    peer.play(answer_json([{"idClient": "a"}]), host="crm", path="/api/data/")

    answer = gateway.fetch("crm", "api/data", etag='"1"')
    assert json.loads(answer.body) == [{"idClient": "a"}]
    assert [(r.host, r.path) for r in peer.requests] == [
        ("crm", "/api/data"),
        ("crm", "/api/data/"),
    ]
    assert [r.headers["if-none-match"] for r in peer.requests] == ['"1"', '"1"']


@pytest.mark.parametrize(
    "location",
    ["data/", "?page=1", "{url}/api/data/", "http://crm/api/data/", "//CRM:80/api/data/?a=b#c"],
)
def test_a_redirect_to_the_gateway_or_to_the_peers_own_name_stays_at_the_gateway(
    peer: MisbehavingPeer, gateway: Gateway, location: str
) -> None:
    first = redirect(location.format(url=peer.url))
    peer.play(sequence(first, answer_json([])), host="crm")
    assert gateway.fetch("crm", "api/data").status == 200
    assert len(peer.received(host="crm")) == 2


@pytest.mark.parametrize("status", [301, 302, 303, 307, 308])
def test_five_redirects_are_followed(peer: MisbehavingPeer, gateway: Gateway, status: int) -> None:
    for step in range(5):
        peer.play(redirect(f"/{step + 1}", status=status), path=f"/{step}")
    peer.play(answer_json([]), path="/5")
    assert gateway.fetch("crm", "0").status == 200


def test_an_answer_that_did_not_change_comes_without_a_body(
    peer: MisbehavingPeer, gateway: Gateway
) -> None:
    peer.play(answer_raw(head(304, {})))
    answer = gateway.fetch("crm", "api/data", etag='"7"', last_modified="yesterday")
    assert answer.not_modified
    assert answer.body == b""
    assert (answer.etag, answer.last_modified) == ('"7"', "yesterday")
    assert peer.requests[0].headers["if-none-match"] == '"7"'
    assert peer.requests[0].headers["if-modified-since"] == "yesterday"


def test_a_validator_that_is_no_header_is_left_out(peer: MisbehavingPeer, gateway: Gateway) -> None:
    peer.play(answer_json([]))
    for etag in ('"a"\r\nX-Evil: 1', '"\u20ac"', "x" * 10_000, ""):
        gateway.fetch("crm", "api/data", etag=etag)
    assert all("if-none-match" not in request.headers for request in peer.requests)


def test_an_answer_without_content_is_empty(peer: MisbehavingPeer, gateway: Gateway) -> None:
    peer.play(answer_raw(head(204, {})))
    assert gateway.fetch("crm", "api/data").body == b""


@pytest.mark.parametrize(
    "behaviour",
    [
        answer_gzip(b"[1,2]"),
        answer_chunked(b"[1,2]", chunk_bytes=2),
        answer_raw(head(200, {"Content-Encoding": "identity"}, 5) + b"[1,2]"),
        answer_raw(head(200, {}) + b"[1,2]"),
    ],
    ids=["gzip", "chunked", "identity", "until the connection closes"],
)
def test_an_answer_is_taken_however_it_is_packed(
    peer: MisbehavingPeer, gateway: Gateway, behaviour: Behaviour
) -> None:
    peer.play(behaviour)
    assert gateway.fetch("crm", "api/data").body == b"[1,2]"


def test_progress_is_told_now_and_then_and_at_the_end(
    peer: MisbehavingPeer, gateway: Gateway
) -> None:
    peer.play(drip_body(b"0123456789", interval_s=0.05))
    told: list[tuple[int, int | None]] = []
    gateway.fetch("crm", "api/data", on_progress=lambda done, total: told.append((done, total)))
    assert told[-1] == (10, 10)
    assert 3 <= len(told) <= 6
    assert [done for done, _ in told] == sorted(done for done, _ in told)


def test_progress_knows_no_total_where_the_peer_does_not_say(
    peer: MisbehavingPeer, gateway: Gateway
) -> None:
    told: list[tuple[int, int | None]] = []
    for behaviour in (answer_gzip(b" " * 1000), answer_chunked(b" " * 1000)):
        peer.play(behaviour)
        gateway.fetch("crm", "api/data", on_progress=lambda *news: told.append(news))
    assert told == [(1000, None), (1000, None)]


def test_an_error_raised_in_progress_ends_the_download_and_passes_through(
    peer: MisbehavingPeer, gateway: Gateway
) -> None:
    class StopHereError(Exception):
        pass

    def stop(_done: int, _total: int | None) -> None:
        raise StopHereError

    peer.play(drip_body(interval_s=0.02))
    seen: list[str] = []
    gateway.observers.append(lambda _, result: seen.append(result))
    with pytest.raises(StopHereError):
        gateway.fetch("crm", "api/data", on_progress=stop)
    assert seen == ["StopHereError"]
    assert gateway.health("crm").last_error is None
    assert len(peer.requests) == 1


@pytest.mark.parametrize("status", [502, 503, 504])
def test_a_read_is_tried_again_when_the_gateway_says_the_peer_is_down(
    peer: MisbehavingPeer, gateway: Gateway, status: int
) -> None:
    peer.play(sequence(gateway_error(status), hang_up(), answer_json([])))
    assert gateway.fetch("crm", "api/data").status == 200
    assert len(peer.requests) == 3


def test_a_read_is_tried_three_times_and_no_more(peer: MisbehavingPeer, gateway: Gateway) -> None:
    peer.play(gateway_error(503))
    with pytest.raises(PeerUnreachable, match=r"the gateway reports that crm is down \(503\)"):
        gateway.fetch("crm", "api/data")
    assert len(peer.requests) == 3


def test_no_try_begins_that_the_deadline_would_end(peer: MisbehavingPeer, gateway: Gateway) -> None:
    peer.play(gateway_error(503))
    with pytest.raises(PeerUnreachable):
        gateway.fetch("crm", "api/data", deadline_s=0.3)
    assert len(peer.requests) == 2


@pytest.mark.parametrize("behaviour", [gateway_no_route(), answer_json({}, status=500)])
def test_an_answer_that_will_not_change_is_not_asked_for_again(
    peer: MisbehavingPeer, gateway: Gateway, behaviour: Behaviour
) -> None:
    peer.play(behaviour)
    with pytest.raises((PeerUnreachable, PeerFailed)):
        gateway.fetch("crm", "api/data")
    assert len(peer.requests) == 1


def test_a_task_is_sent_as_json_and_an_order_as_parameters(
    peer: MisbehavingPeer, gateway: Gateway
) -> None:
    peer.play(answer_json("Task has been scheduled"), host="scheduler")
    answer = gateway.send("scheduler", "schedule/add", json={"name": "é", "data": ""})
    gateway.send("scheduler", "schedule/delete", params={"name": "a b&c", "source": "x"})

    assert json.loads(answer.body) == "Task has been scheduled"
    added, deleted = peer.requests
    assert (added.method, added.path) == ("POST", "/schedule/add")
    assert added.headers["content-type"] == "application/json"
    assert json.loads(added.body) == {"name": "é", "data": ""}
    assert deleted.path == "/schedule/delete?name=a+b%26c&source=x"
    assert deleted.body == b""


def test_health_tells_the_last_answer_and_the_last_error(
    peer: MisbehavingPeer, gateway: Gateway
) -> None:
    peer.play(sequence(answer_json([]), answer_html("broken", status=500)))
    assert gateway.health("crm").last_answer_at is None
    gateway.fetch("crm", "api/data")
    with pytest.raises(PeerFailed):
        gateway.fetch("crm", "api/data")

    health = gateway.health("crm")
    assert health.last_answer_at is not None
    assert health.last_error_at is not None
    assert health.last_answer_at <= health.last_error_at
    assert datetime.now(UTC) - health.last_error_at < timedelta(seconds=5)
    assert health.last_error == Fact(
        "peer_failed_with_reason", {"peer": "crm", "status": 500, "reason": "broken"}
    )
    assert gateway.health("scheduler").last_error is None


def test_observers_hear_of_each_call_once_and_cannot_break_it(
    peer: MisbehavingPeer, gateway: Gateway
) -> None:
    def broken(_peer: str, _result: str) -> None:
        raise RuntimeError("metrics are down")

    seen: list[tuple[str, str]] = []
    gateway.observers += [broken, lambda *news: seen.append(news)]
    peer.play(sequence(gateway_error(502), answer_json([])), host="crm")
    peer.play(answer_json({}, status=422), host="scheduler")
    gateway.fetch("crm", "api/data")
    with pytest.raises(PeerRefused):
        gateway.send("scheduler", "schedule/add", json={})
    assert seen == [("crm", "ok"), ("scheduler", "PeerRefused")]


def test_many_threads_share_one_gateway(peer: MisbehavingPeer, gateway: Gateway) -> None:
    for number in range(8):
        peer.play(answer_json(number), path=f"/{number}")
    with ThreadPoolExecutor(8) as pool:
        answers = pool.map(lambda n: gateway.fetch(f"peer-{n}", str(n)), list(range(8)) * 10)
        assert [json.loads(answer.body) for answer in answers] == list(range(8)) * 10
    assert all(gateway.health(f"peer-{n}").last_answer_at for n in range(8))


def test_no_thread_is_left_behind(peer: MisbehavingPeer, gateway: Gateway) -> None:
    peer.play(answer_json([]))
    before = {thread for thread in threading.enumerate() if isinstance(thread, threading.Timer)}
    for _ in range(5):
        gateway.fetch("crm", "api/data")
    left = [t for t in threading.enumerate() if isinstance(t, threading.Timer) and t not in before]
    for timer in left:
        timer.join(1)
        assert not timer.is_alive()
