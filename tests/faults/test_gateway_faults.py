"""The gateway with peers that lie, stall, cut and flood: one error each, in time, within limits."""

from __future__ import annotations

import shutil
import socket
import ssl
import subprocess
import threading
import time
import tracemalloc
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

import pytest

from ecommerce_core.domain import (
    Fact,
    PeerContractError,
    PeerDisconnected,
    PeerError,
    PeerFailed,
    PeerRedirected,
    PeerRefused,
    PeerTimedOut,
    PeerTooLarge,
    PeerUnreachable,
)
from ecommerce_core.gateway import Gateway
from tests.faults import peer as faults
from tests.faults.peer import Behaviour, MisbehavingPeer, head

MB = 2**20


@pytest.fixture
def peer() -> Iterator[MisbehavingPeer]:
    with MisbehavingPeer() as running:
        yield running


@pytest.fixture
def gateway(peer: MisbehavingPeer) -> Gateway:
    return Gateway(peer.url, timeout_s=0.3, deadline_s=0.6, max_body_bytes=4 * MB)


SILENCE = {
    "never answers": (faults.never_answer(), "crm did not answer within 0.3 s"),
    "silent in the head": (
        faults.silent_after(b"HTTP/1.1 200 OK\r\nX: "),
        "crm did not answer within 0.3 s",
    ),
    "silent in the body": (
        faults.silent_after(head(200, {}, 99) + b"[1,"),
        "crm fell silent for 0.3 s in the middle of its answer",
    ),
    "silent in a chunk": (
        faults.silent_after(head(200, {"Transfer-Encoding": "chunked"}) + b"5\r\n[1,"),
        "crm fell silent for 0.3 s in the middle of its answer",
    ),
    "silent in an error": (faults.silent_after(head(500, {}, 99)), "crm answered 500"),
}


@pytest.mark.parametrize("fault", SILENCE)
def test_a_silent_peer_is_given_up_and_not_asked_again(
    peer: MisbehavingPeer, gateway: Gateway, fault: str
) -> None:
    behaviour, message = SILENCE[fault]
    peer.play(behaviour)
    with pytest.raises((PeerTimedOut, PeerFailed)) as caught:
        gateway.fetch("crm", "api/data", deadline_s=5)
    assert str(caught.value) == message
    assert len(peer.requests) == 1


DRIPS = {
    "headers": faults.drip_headers(interval_s=0.05, seconds=3),
    "body": faults.drip_body(b" " * 60, interval_s=0.05),
    "chunks": faults.drip_chunked(interval_s=0.05, seconds=3),
    "endless 100 Continue": faults.endless_continue(seconds=3),
    "garbage after gzip": faults.garbage_after_gzip(seconds=3),
}


@pytest.mark.parametrize("fault", DRIPS)
def test_the_deadline_holds_however_the_peer_drips(
    peer: MisbehavingPeer, gateway: Gateway, fault: str
) -> None:
    peer.play(DRIPS[fault])
    started = time.monotonic()
    with pytest.raises(PeerTimedOut, match="crm did not finish within 0\\.6 s"):
        gateway.fetch("crm", "api/data")
    assert 0.5 < time.monotonic() - started < 5
    assert len(peer.requests) == 1


def test_the_deadline_counts_all_tries_and_redirects_together(
    peer: MisbehavingPeer, gateway: Gateway
) -> None:
    slow = faults.answer_after(0.2, faults.redirect("/next"))
    peer.play(faults.sequence(faults.gateway_error(502), slow, faults.drip_body(interval_s=0.05)))
    started = time.monotonic()
    with pytest.raises(PeerTimedOut, match="did not finish within"):
        gateway.fetch("crm", "api/data")
    assert time.monotonic() - started < 5


CUTS = {
    "closes without a word": faults.hang_up(),
    "resets": faults.reset(),
    "cut headers": faults.cut_headers(),
    "closes in mid-body": faults.cut_body(),
    "length too long": faults.long_length(),
    "chunk cut": faults.answer_chunked(b"[1, 2, 3]", cut=True),
    "no last chunk": faults.answer_chunked(b"[1, 2, 3]", end=False),
    "reset in mid-body": faults.reset_after(head(200, {}, 99) + b"[1,"),
}
NOTHING_CAME = list(CUTS)[:3]


@pytest.mark.parametrize("fault", CUTS)
def test_an_answer_that_is_cut_is_an_error(
    peer: MisbehavingPeer, gateway: Gateway, fault: str
) -> None:
    peer.play(CUTS[fault])
    where = "without an answer" if fault in NOTHING_CAME else "in the middle of its answer"
    with pytest.raises(PeerDisconnected) as caught:
        gateway.fetch("crm", "api/data", deadline_s=5)
    assert str(caught.value) == f"crm closed the connection {where}"
    assert len(peer.requests) == (3 if fault in NOTHING_CAME else 1)


def test_of_a_body_longer_than_its_length_only_the_length_is_taken(
    peer: MisbehavingPeer, gateway: Gateway
) -> None:
    """HTTP gives the length precedence: the rest is not JSON, which the reader notices."""
    peer.play(faults.short_length(b"[1, 2, 3]", by=4))
    assert gateway.fetch("crm", "api/data").body == b"[1, 2"


def test_a_refused_connection_says_so(peer: MisbehavingPeer, gateway: Gateway) -> None:
    peer.refuse()
    expected = "the gateway refuses connections, so crm cannot be reached"
    with pytest.raises(PeerUnreachable, match=expected) as caught:
        gateway.fetch("crm", "api/data", deadline_s=5)
    assert isinstance(caught.value.__cause__, OSError)


def test_a_gateway_that_comes_back_is_found_by_the_next_try(
    peer: MisbehavingPeer, gateway: Gateway
) -> None:
    peer.play(faults.answer_json([]))
    peer.refuse()
    back = threading.Timer(0.25, peer.accept)
    back.start()
    try:
        assert gateway.fetch("crm", "api/data", deadline_s=5).status == 200
    finally:
        back.join()


def test_a_name_that_nobody_knows_says_so() -> None:
    gateway = Gateway("http://no-such-gateway.invalid", deadline_s=60)
    with pytest.raises(PeerUnreachable, match="name is not known, so crm cannot be reached"):
        gateway.send("crm", "api/data")


def test_a_connection_that_is_never_taken_is_given_up() -> None:
    with socket.socket() as full:
        full.bind(("127.0.0.1", 0))
        full.listen(0)
        address = full.getsockname()
        waiting = [socket.socket() for _ in range(4)]
        try:
            for each in waiting:
                each.setblocking(False)
                with suppress(BlockingIOError):
                    each.connect(address)
            gateway = Gateway(f"http://127.0.0.1:{address[1]}", connect_timeout_s=0.2)
            with pytest.raises(
                PeerUnreachable, match=r"accepted no connection for crm within 0\.2 s"
            ):
                gateway.send("crm", "api/data")
        finally:
            for each in waiting:
                each.close()


DOWN = {
    f"{status} {'html' if as_html else 'json'}": (status, as_html)
    for status in (502, 503, 504)
    for as_html in (False, True)
}


@pytest.mark.parametrize("fault", DOWN)
def test_the_gateways_own_errors_say_that_the_peer_is_down(
    peer: MisbehavingPeer, gateway: Gateway, fault: str
) -> None:
    status, as_html = DOWN[fault]
    peer.play(faults.gateway_error(status, as_html=as_html))
    with pytest.raises(PeerUnreachable) as caught:
        gateway.send("crm", "api/data")
    assert str(caught.value) == f"the gateway reports that crm is down ({status})"
    assert caught.value.details["status"] == status


@pytest.mark.parametrize("as_html", [False, True])
def test_a_missing_route_is_told_from_a_missing_page(
    peer: MisbehavingPeer, gateway: Gateway, as_html: bool
) -> None:
    peer.play(faults.gateway_no_route(as_html=as_html), host="crm")
    peer.play(faults.answer_html("<b>Not</b>&nbsp;found", status=404), host="catalogue-produit")
    with pytest.raises(PeerUnreachable, match="the gateway has no route for crm"):
        gateway.fetch("crm", "api/data")
    with pytest.raises(PeerRefused, match="catalogue-produit answered 404: Not found") as caught:
        gateway.fetch("catalogue-produit", "api/data")
    assert caught.value.status == 404


@pytest.mark.parametrize(
    ("body", "content_type", "reason"),
    [
        (b'{"error": "a < b and c > d"}', "application/json", ': {"error": "a < b and c > d"}'),
        (b"<p>one</p><script>alert(1)</script>two", "text/html", ": one two"),
        (b"\x1b[31mred\x00\x07\r\nline\xe2\x80\xae!", "text/plain", ": [31mred line!"),
        (b"\xff" * 3, "text/plain", ": \ufffd\ufffd\ufffd"),
        (b"{peer} {reason}", "text/plain", ": {peer} {reason}"),
        (b"x" * 100_000, "text/plain", ": " + "x" * 200),
        (b"", "text/plain", ""),
    ],
    ids=["json", "html", "controls", "no utf-8", "braces", "long", "empty"],
)
def test_a_reason_is_quoted_as_one_short_line_of_text(
    peer: MisbehavingPeer, gateway: Gateway, body: bytes, content_type: str, reason: str
) -> None:
    peer.play(faults.answer_bytes(body, status=422, content_type=content_type))
    with pytest.raises(PeerRefused) as caught:
        gateway.send("scheduler", "schedule/add", json={})
    assert str(caught.value) == f"scheduler answered 422{reason}"


def test_a_reason_that_is_a_bomb_or_packed_oddly_is_left_alone(
    peer: MisbehavingPeer, gateway: Gateway
) -> None:
    bomb = b"\x1f\x8b not gzip at all"
    for encoding in ("gzip", "br", "gzip, gzip"):
        headers = {"Content-Encoding": encoding}
        peer.play(faults.answer_bytes(bomb, status=500, headers=headers))
        with pytest.raises(PeerFailed) as caught:
            gateway.fetch("crm", "api/data")
        assert str(caught.value) == "crm answered 500"


AWAY = [
    "http://evil.example/api/data/",
    "//evil.example/api/data/",
    "http://127.0.0.1:1/api/data/",
    "http://127.0.0.1/api/data/",
    "http://crm:8001/api/data/",
    "http://crm.evil.example/",
    "http://crm@evil.example/",
    "https://crm/api/data/",
    "file:///etc/passwd",
    "javascript:alert(1)",
    "http://[::1/",
    "http://crm:port/",
    "http://crm:99999/",
    "",
]


@pytest.mark.parametrize("location", AWAY)
def test_a_redirect_away_from_the_gateway_is_refused_and_says_where_to(
    peer: MisbehavingPeer, gateway: Gateway, location: str
) -> None:
    peer.play(faults.redirect(location))
    with pytest.raises(PeerRedirected, match="crm redirects") as caught:
        gateway.fetch("crm", "api/data")
    assert (location or "(nowhere)") in str(caught.value)
    assert len(peer.requests) == 1


def test_what_a_redirect_smuggles_before_the_host_never_leaves_the_gateway(
    peer: MisbehavingPeer, gateway: Gateway
) -> None:
    """Parsers disagree about such addresses; only their path is ever used."""
    for location in (f"{peer.url}\\@evil.example/x", f"http://me:pw@{peer.url[7:]}/x"):
        peer.play(faults.sequence(faults.redirect(location), faults.answer_json([])))
        with suppress(PeerRedirected):
            gateway.fetch("crm", "api/data")
    assert all("authorization" not in request.headers for request in peer.requests)
    assert all(request.host == "crm" for request in peer.requests)


def test_a_redirect_in_a_loop_ends(peer: MisbehavingPeer, gateway: Gateway) -> None:
    peer.play(faults.redirect("/api/data"))
    with pytest.raises(PeerRedirected, match="crm redirected more than"):
        gateway.fetch("crm", "api/data")
    assert len(peer.requests) == 6


SENT_ONCE = {
    "refused by the gateway": (faults.gateway_error(502), PeerUnreachable),
    "no answer": (faults.hang_up(), PeerDisconnected),
    "reset": (faults.reset(), PeerDisconnected),
    "silence": (faults.never_answer(), PeerTimedOut),
    "cut": (faults.cut_body(), PeerDisconnected),
    "redirect": (faults.redirect("/schedule/add/", status=308), PeerRedirected),
    "too much": (faults.flood(2 * MB), PeerTooLarge),
}


@pytest.mark.parametrize("fault", SENT_ONCE)
def test_a_post_is_never_sent_twice(peer: MisbehavingPeer, gateway: Gateway, fault: str) -> None:
    behaviour, kind = SENT_ONCE[fault]
    peer.play(behaviour)
    with pytest.raises(kind, match="scheduler"):
        gateway.send("scheduler", "schedule/add", json={"name": "get_products"})
    assert [request.method for request in peer.requests] == ["POST"]


TOO_MUCH = {
    "gzip bomb": faults.gzip_bomb(),
    "plain, with its length": faults.flood(),
    "plain, without": faults.flood(with_length=False),
    "chunked": faults.answer_chunked(b" " * (6 * MB), chunk_bytes=MB),
    "a length alone": faults.silent_after(head(200, {}, 10**15)),
}


@pytest.mark.parametrize("fault", TOO_MUCH)
def test_too_much_is_refused_in_little_memory(
    peer: MisbehavingPeer, gateway: Gateway, fault: str
) -> None:
    peer.play(TOO_MUCH[fault])
    tracemalloc.start()
    try:
        before, _ = tracemalloc.get_traced_memory()
        with pytest.raises(PeerTooLarge) as caught:
            gateway.fetch("crm", "api/data", deadline_s=10)
        _, peak = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    assert str(caught.value) == "crm sent more than 4 MB, the most that is accepted"
    assert peak - before < 8 * MB
    assert len(peer.requests) == 1


def test_a_bomb_in_a_bomb_is_not_unpacked_at_all(peer: MisbehavingPeer, gateway: Gateway) -> None:
    peer.play(faults.gzip_bomb(30 * MB, encodings="gzip, gzip"))
    with pytest.raises(PeerContractError, match="crm compressed its answer as gzip, gzip"):
        gateway.fetch("crm", "api/data")


def test_a_body_in_memory_is_there_once(peer: MisbehavingPeer, gateway: Gateway) -> None:
    peer.play(faults.flood(64 * MB))
    tracemalloc.start()
    try:
        before, _ = tracemalloc.get_traced_memory()
        answer = gateway.fetch("crm", "api/data", deadline_s=10, max_body_bytes=100 * MB)
        _, peak = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    assert len(answer.body) == 64 * MB
    assert peak - before < 1.2 * 64 * MB


def test_a_limit_is_kept_to_the_byte(peer: MisbehavingPeer, gateway: Gateway) -> None:
    for behaviour in (faults.answer_bytes(b"x" * 100), faults.answer_gzip(b"x" * 100)):
        peer.play(behaviour)
        assert len(gateway.fetch("crm", "api/data", max_body_bytes=100).body) == 100
        with pytest.raises(PeerTooLarge):
            gateway.fetch("crm", "api/data", max_body_bytes=99)


def test_html_with_200_is_handed_on_with_its_type(peer: MisbehavingPeer, gateway: Gateway) -> None:
    """The dataset decides whether it has the contract's shape."""
    peer.play(faults.answer_html())
    answer = gateway.fetch("crm", "api/data")
    assert answer.content_type.startswith("text/html")
    assert answer.body.startswith(b"<!DOCTYPE html>")


NO_SENSE = {
    "not HTTP": b"SSH-2.0-OpenSSH_9.2\r\n\r\n",
    "HTTP/2": b"HTTP/2 200\r\n\r\n",
    "no status": b"HTTP/1.1 yes\r\n\r\n",
    "status 99": b"HTTP/1.1 99 Low\r\n\r\n",
    "status 1000": b"HTTP/1.1 1000 High\r\n\r\n",
    "status 600": head(600, {}, 0),
    "status 103": head(103, {}),
    "status 300": head(300, {}, 0),
    "304 unasked": head(304, {}),
    "206 unasked": head(206, {}, 1) + b"[",
    "a head line of 100 KB": b"HTTP/1.1 200 OK\r\nX: " + b"a" * 100_000 + b"\r\n\r\n",
    "1000 headers": b"HTTP/1.1 200 OK\r\n" + b"X: a\r\n" * 1000 + b"\r\n",
    "two lengths": head(200, {"Content-length": "3"}, 5) + b"[1,2]",
    "broken gzip": head(200, {"Content-Encoding": "gzip"}, 5) + b"[1,2]",
    "unknown encoding": head(200, {"Content-Encoding": "br"}, 5) + b"[1,2]",
}


@pytest.mark.parametrize("fault", NO_SENSE)
def test_what_is_no_answer_at_all_breaks_the_contract(
    peer: MisbehavingPeer, gateway: Gateway, fault: str
) -> None:
    peer.play(faults.answer_raw(NO_SENSE[fault]))
    with pytest.raises(PeerContractError, match="^crm ") as caught:
        gateway.fetch("crm", "api/data", deadline_s=5)
    assert "\r" not in str(caught.value)


ODD = {
    "headers that are no text": head(200, {"X-\xff": "\xff\x80", "ETag": "\x80\xff"}, 2) + b"[]",
    "a header without a colon": b"HTTP/1.1 200 OK\r\nnonsense\r\nContent-Length: 2\r\n\r\n[]",
    "a length that is no number": head(200, {"Content-Length": "two"}) + b"[]",
    "a negative length": head(200, {"Content-Length": "-2"}) + b"[]",
    "a length of 5000 digits": head(200, {"Content-Length": "9" * 5000}) + b"[]",
    "cookies from hell": head(200, {"Set-Cookie": "a=\x01; expires=never; ;;=;"}, 2) + b"[]",
    "a negative chunk": head(200, {"Transfer-Encoding": "chunked"}) + b"-5\r\n[]\r\n0\r\n\r\n",
    "a chunk without a size": head(200, {"Transfer-Encoding": "chunked"}) + b"zz\r\n[]\r\n",
    "an endless chunk size": head(200, {"Transfer-Encoding": "chunked"}) + b"1" * 100_000,
    "length and chunks": head(200, {"Transfer-Encoding": "chunked"}, 99) + b"2\r\n[]\r\n0\r\n\r\n",
    "an odd transfer encoding": head(200, {"Transfer-Encoding": "gzip, chunked"}) + b"2\r\n[]\r\n",
    "folded headers": b"HTTP/1.1 200 OK\r\nX: a\r\n b\r\nContent-Length: 2\r\n\r\n[]",
    "half of a gzip": head(200, {"Content-Encoding": "gzip"}, 10) + b"\x1f\x8b\x08" + bytes(7),
    "an odd type": head(200, {"Content-Type": "; charset=\x80;;="}, 2) + b"[]",
    "an odd location": head(301, {"Location": "\x80\xff http://\x01 \xa0"}, 0),
}


@pytest.mark.parametrize("method", ["fetch", "send"])
@pytest.mark.parametrize("fault", ODD)
def test_whatever_comes_is_an_answer_or_an_error_of_the_peer(
    peer: MisbehavingPeer, gateway: Gateway, fault: str, method: str
) -> None:
    peer.play(faults.answer_raw(ODD[fault]))
    with suppress(PeerError):
        getattr(gateway, method)("crm", "api/data")
    assert peer.requests


def test_a_name_or_a_path_that_cannot_be_sent_is_an_error_of_the_peer(
    peer: MisbehavingPeer, gateway: Gateway
) -> None:
    for name in ("crm\r\nX-Evil: 1", "cr\u20acm", " crm"):
        with pytest.raises(PeerUnreachable, match="is not valid"):
            gateway.fetch(name, "api/data")
    peer.play(faults.answer_json([]))
    gateway.fetch("crm", "api/../data \r\n\u20ac")
    assert [request.path for request in peer.requests] == ["/data%20%0D%0A%E2%82%AC"]


def test_an_error_is_told_by_its_own_cause_not_by_what_the_caller_was_handling(
    peer: MisbehavingPeer, gateway: Gateway
) -> None:
    peer.play(faults.answer_raw(b"nonsense\r\n\r\n"))
    try:
        raise TimeoutError("of something else")
    except TimeoutError:
        with pytest.raises(PeerContractError, match="did not send a valid HTTP answer"):
            gateway.fetch("crm", "api/data")


def test_health_and_observers_hear_of_every_fault(peer: MisbehavingPeer, gateway: Gateway) -> None:
    seen: list[tuple[str, str]] = []
    gateway.observers.append(lambda name, result: seen.append((name, result)))
    peer.play(faults.never_answer())
    with pytest.raises(PeerTimedOut):
        gateway.fetch("crm", "api/data")
    assert seen == [("crm", "PeerTimedOut")]
    assert gateway.health("crm").last_error == Fact("peer_silent", {"peer": "crm", "seconds": 0.3})


@contextmanager
def _tls_server(folder: Path, behaviour: Behaviour) -> Iterator[str]:
    """Run an https gateway for one request, with a self-signed certificate."""
    if shutil.which("openssl") is None:
        pytest.skip("openssl makes the certificate, and is not installed")
    command = "openssl req -x509 -newkey rsa:2048 -nodes -keyout key.pem -out cert.pem -days 2"
    names = ["-subj", "/CN=localhost", "-addext", "subjectAltName=IP:127.0.0.1"]
    subprocess.run([*command.split(), *names], cwd=folder, check=True, capture_output=True)
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(folder / "cert.pem", folder / "key.pem")
    over = threading.Event()

    def serve(listener: socket.socket) -> None:
        with suppress(OSError):
            plain, _ = listener.accept()
            with context.wrap_socket(plain, server_side=True) as sock:
                request = faults.Received("GET", "/", "crm", {}, sock.recv(65536))
                behaviour(faults.Exchange(sock, request, over))

    with socket.create_server(("127.0.0.1", 0)) as listener:
        thread = threading.Thread(target=serve, args=(listener,), daemon=True)
        thread.start()
        try:
            yield f"https://127.0.0.1:{listener.getsockname()[1]}"
        finally:
            over.set()
            with suppress(OSError):
                listener.shutdown(socket.SHUT_RDWR)
            thread.join(5)


def test_the_deadline_holds_over_tls_too(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    with _tls_server(tmp_path, faults.drip_body(b" " * 60, interval_s=0.05)) as url:
        monkeypatch.setenv("SSL_CERT_FILE", str(tmp_path / "cert.pem"))
        started = time.monotonic()
        with pytest.raises(PeerTimedOut, match="crm did not finish within 0\\.6 s"):
            Gateway(url, timeout_s=5, deadline_s=0.6).fetch("crm", "api/data")
        assert time.monotonic() - started < 5


def test_a_certificate_that_nobody_vouches_for_is_refused(tmp_path: Path) -> None:
    with (
        _tls_server(tmp_path, faults.answer_json([])) as url,
        pytest.raises(PeerUnreachable, match="cannot be trusted, so crm was not asked"),
    ):
        Gateway(url, timeout_s=2, deadline_s=5).send("crm", "api/data")


def test_a_gateway_that_is_silent_in_the_handshake_is_given_up() -> None:
    with socket.create_server(("127.0.0.1", 0)) as silent:
        url = f"https://127.0.0.1:{silent.getsockname()[1]}"
        gateway = Gateway(url, timeout_s=5, connect_timeout_s=0.3)
        with pytest.raises(PeerUnreachable, match=r"accepted no connection for crm within 0\.3 s"):
            gateway.send("crm", "api/data")
