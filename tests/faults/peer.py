"""A peer, and a gateway, that misbehave on purpose over a real socket on loopback.

::

    with MisbehavingPeer() as peer:
        peer.play(answer_json({"produits": []}), host="catalogue-produit")
        peer.play(sequence(gateway_error(502), answer_json([])), host="crm", path="/api/data/")
        peer.play(drip_body(interval_s=0.05))          # whatever is asked for besides
        Gateway(peer.url).fetch("crm", "api/data/")
        assert peer.requests[0].host == "crm"

A behaviour is any callable that takes an Exchange. Each connection serves one
request and is then closed. Every thread has ended when the ``with`` block has.
"""

from __future__ import annotations

import json
import socket
import struct
import threading
import time
import zlib
from collections.abc import Callable, Iterator, Mapping
from contextlib import suppress
from dataclasses import dataclass
from itertools import repeat

from tests.support.running import Running

NO_ROUTE = "no Route matched with those values"
_ZEROS = bytes(2**16)


@dataclass(frozen=True, slots=True)
class Received:
    """A received request. ``path`` includes the query; header names are in lower case."""

    method: str
    path: str
    host: str
    headers: Mapping[str, str]
    body: bytes


class Exchange:
    """One request and the connection to misbehave on."""

    def __init__(self, sock: socket.socket, request: Received, closing: threading.Event) -> None:
        self.sock = sock
        self.request = request
        self._closing = closing

    def send(self, data: bytes) -> None:
        """Send all of ``data``. Raises OSError if the other side has disconnected."""
        self.sock.sendall(data)

    def wait(self, seconds: float | None = None) -> None:
        """Do nothing for ``seconds`` (None: until the peer is closed)."""
        if self._closing.wait(seconds):
            raise ConnectionAbortedError

    def reset(self) -> None:
        """End the connection with a reset instead of a normal close."""
        self.sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        self.sock.close()


Behaviour = Callable[[Exchange], None]


class MisbehavingPeer(Running):
    """A server on a free port of 127.0.0.1 with the behaviour that was last set."""

    def __init__(self, behaviour: Behaviour | None = None) -> None:
        self._played: dict[tuple[str | None, str | None], Behaviour] = {}
        self.play(behaviour or gateway_no_route())
        self.requests: list[Received] = []
        self._closing = threading.Event()
        self._lock = threading.Lock()
        self._connections: set[socket.socket] = set()
        self._threads: list[threading.Thread] = []
        self._listener: socket.socket | None = None
        self._port = 0
        self.accept()

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self._port}"

    def play(
        self, behaviour: Behaviour, *, host: str | None = None, path: str | None = None
    ) -> None:
        """Set the behaviour for one ``Host``, one path (without query), or anything."""
        self._played[host, path] = behaviour

    def received(self, *, host: str | None = None, path: str | None = None) -> list[Received]:
        """Return the requests so far, only those for ``host`` and ``path`` (no query) if given."""
        return [
            request
            for request in self.requests
            if host in (None, request.host) and path in (None, request.path.partition("?")[0])
        ]

    def refuse(self) -> None:
        """Refuse connections from now on, on the same port."""
        if self._listener is None:
            return
        listener, self._listener = self._listener, None
        # Closing a listener does not wake its accept() on all systems: a last connection does.
        with suppress(OSError), socket.create_connection(("127.0.0.1", self._port), timeout=1):
            pass
        self._accepting.join()
        listener.close()

    def accept(self) -> None:
        """Accept connections (again)."""
        listener = socket.socket()
        listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        listener.bind(("127.0.0.1", self._port))
        listener.listen(256)
        self._port = listener.getsockname()[1]
        self._listener = listener
        self._accepting = threading.Thread(target=self._accept, args=(listener,), daemon=True)
        self._accepting.start()

    def close(self) -> None:
        """End every connection and every thread."""
        self.refuse()
        self._closing.set()
        with self._lock:
            for sock in self._connections:
                with suppress(OSError):
                    sock.shutdown(socket.SHUT_RDWR)
        for thread in self._threads:
            thread.join(10)
            assert not thread.is_alive(), "a behaviour did not end"

    def _accept(self, listener: socket.socket) -> None:
        while True:
            sock, _ = listener.accept()
            if self._listener is not listener:
                sock.close()
                return
            thread = threading.Thread(target=self._serve, args=(sock,), daemon=True)
            with self._lock:
                self._connections.add(sock)
                self._threads = [each for each in self._threads if each.is_alive()]
                # Started under the lock: one that waits for its start is not alive yet.
                thread.start()
                self._threads.append(thread)

    def _serve(self, sock: socket.socket) -> None:
        try:
            # OSError: the other side has disconnected, which many behaviours provoke.
            with sock, suppress(OSError):
                request = _read_request(sock)
                if request is not None:
                    self.requests.append(request)
                    self._behaviour(request)(Exchange(sock, request, self._closing))
                    with suppress(OSError):
                        sock.shutdown(socket.SHUT_WR)
        finally:
            with self._lock:
                self._connections.discard(sock)

    def _behaviour(self, request: Received) -> Behaviour:
        path = request.path.partition("?")[0]
        for key in ((request.host, path), (None, path), (request.host, None)):
            if key in self._played:
                return self._played[key]
        return self._played[None, None]


def _read_request(sock: socket.socket) -> Received | None:
    with sock.makefile("rb") as stream:
        method, path, *_ = stream.readline().decode("latin-1").split() or ("", "")
        if not method:
            return None
        headers = {}
        while line := stream.readline().strip():
            name, _, value = line.decode("latin-1").partition(":")
            headers[name.lower()] = value.strip()
        body = stream.read(int(headers.get("content-length", 0)))
    return Received(method, path, headers.get("host", ""), headers, body)


def answer_bytes(
    body: bytes,
    *,
    status: int = 200,
    content_type: str = "application/json",
    headers: Mapping[str, str] | None = None,
) -> Behaviour:
    """Send ``body`` as it is, with its length."""

    def behave(exchange: Exchange) -> None:
        exchange.send(head(status, {"Content-Type": content_type, **(headers or {})}, len(body)))
        exchange.send(body)

    return behave


def answer_json(
    value: object, *, status: int = 200, headers: Mapping[str, str] | None = None
) -> Behaviour:
    return answer_bytes(json.dumps(value).encode(), status=status, headers=headers)


def answer_html(text: str = "<h1>It works!</h1>", *, status: int = 200) -> Behaviour:
    page = f"<!DOCTYPE html>\n<html><head><title>x</title></head><body>{text}</body></html>\n"
    return answer_bytes(page.encode(), status=status, content_type="text/html; charset=utf-8")


def answer_gzip(body: bytes, *, keep: int | None = None) -> Behaviour:
    """Send ``body`` compressed; with ``keep``, only that many bytes, declared as the whole."""
    packer = zlib.compressobj(wbits=31)
    packed = (packer.compress(body) + packer.flush())[:keep]
    return answer_bytes(packed, headers={"Content-Encoding": "gzip"})


def answer_raw(data: bytes) -> Behaviour:
    """Send ``data`` as it is, head and all."""
    return lambda exchange: exchange.send(data)


def gateway_no_route(*, as_html: bool = False) -> Behaviour:
    """Send the gateway's own 404."""
    if as_html:
        return answer_html(f"<h1>404</h1><p>{NO_ROUTE}</p>", status=404)
    return answer_json({"message": NO_ROUTE}, status=404)


def gateway_error(status: int = 502, *, as_html: bool = False) -> Behaviour:
    """Send the gateway's own 502, 503 or 504: the service is down, or silent."""
    text = "An invalid response was received from the upstream server"
    if as_html:
        return answer_html(f"<h1>{status}</h1><p>{text}</p>", status=status)
    return answer_json({"message": text}, status=status)


def redirect(location: str, *, status: int = 301) -> Behaviour:
    return answer_bytes(b"", status=status, headers={"Location": location})


def sequence(*behaviours: Behaviour) -> Behaviour:
    """Use one behaviour after the other, a request each; the last one for ever."""
    left = list(behaviours)
    lock = threading.Lock()

    def behave(exchange: Exchange) -> None:
        with lock:
            now = left.pop(0) if len(left) > 1 else left[0]
        now(exchange)

    return behave


def never_answer() -> Behaviour:
    return lambda exchange: exchange.wait()


def silent_after(data: bytes) -> Behaviour:
    """Send ``data``, then nothing more, and keep the connection open."""

    def behave(exchange: Exchange) -> None:
        exchange.send(data)
        exchange.wait()

    return behave


def answer_after(seconds: float, behaviour: Behaviour) -> Behaviour:
    def behave(exchange: Exchange) -> None:
        exchange.wait(seconds)
        behaviour(exchange)

    return behave


def _drip(exchange: Exchange, pieces: Iterator[bytes], interval_s: float) -> None:
    for piece in pieces:
        exchange.send(piece)
        exchange.wait(interval_s)


def drip_body(body: bytes = b"[" + b" " * 10**6 + b"]", *, interval_s: float = 1) -> Behaviour:
    """Send the head at once, the body a byte at a time."""

    def behave(exchange: Exchange) -> None:
        exchange.send(head(200, {}, len(body)))
        _drip(exchange, (bytes([byte]) for byte in body), interval_s)

    return behave


def drip_headers(*, interval_s: float = 1, seconds: float = 600) -> Behaviour:
    """Send a head that goes on for ``seconds``, a byte at a time."""

    def behave(exchange: Exchange) -> None:
        exchange.send(b"HTTP/1.1 200 OK\r\nX-Slow: ")
        _drip(exchange, repeat(b"a", int(seconds / interval_s)), interval_s)

    return behave


def drip_chunked(*, interval_s: float = 1, seconds: float = 600) -> Behaviour:
    """Send a chunked body that goes on for ``seconds``, in chunks of a byte."""

    def behave(exchange: Exchange) -> None:
        exchange.send(head(200, {"Transfer-Encoding": "chunked"}))
        _drip(exchange, repeat(b"1\r\n \r\n", int(seconds / interval_s)), interval_s)

    return behave


def endless_continue(*, seconds: float = 600) -> Behaviour:
    """Send ``100 Continue`` over and over, as fast as possible."""

    def behave(exchange: Exchange) -> None:
        ends_at = time.monotonic() + seconds
        while time.monotonic() < ends_at:
            exchange.send(b"HTTP/1.1 100 Continue\r\n\r\n" * 100)

    return behave


def hang_up() -> Behaviour:
    """Close the connection without an answer."""
    return lambda exchange: None


def reset() -> Behaviour:
    return lambda exchange: exchange.reset()


def reset_after(data: bytes) -> Behaviour:
    """Send ``data``, wait for it to arrive, then reset."""

    def behave(exchange: Exchange) -> None:
        exchange.send(data)
        exchange.wait(0.1)
        exchange.reset()

    return behave


def cut_headers() -> Behaviour:
    """Close in the middle of the head, before any length."""
    return answer_raw(b"HTTP/1.1 200 OK\r\nContent-Type: applic")


def cut_body(body: bytes = b"[1, 2, 3]", *, missing: int = 4) -> Behaviour:
    """Close in the middle of the body: Content-Length is longer than what is sent."""
    return answer_raw(head(200, {}, len(body)) + body[:-missing])


def long_length(body: bytes = b"[1, 2, 3]", *, by: int = 4) -> Behaviour:
    """Send all of the body, with a longer Content-Length."""
    return answer_raw(head(200, {}, len(body) + by) + body)


def short_length(body: bytes = b"[1, 2, 3]", *, by: int = 4) -> Behaviour:
    """Send all of the body, with a shorter Content-Length."""
    return answer_raw(head(200, {}, len(body) - by) + body)


def answer_chunked(
    body: bytes, *, chunk_bytes: int = 4096, cut: bool = False, end: bool = True
) -> Behaviour:
    """Send ``body`` in chunks. ``cut``: close inside the last; ``end=False``: no closing chunk."""

    def behave(exchange: Exchange) -> None:
        exchange.send(head(200, {"Transfer-Encoding": "chunked"}))
        for start in range(0, len(body), chunk_bytes):
            piece = body[start : start + chunk_bytes]
            if cut and start + chunk_bytes >= len(body):
                exchange.send(b"%x\r\n%b" % (len(piece), piece[:-1]))
                return
            exchange.send(b"%x\r\n%b\r\n" % (len(piece), piece))
        if end:
            exchange.send(b"0\r\n\r\n")

    return behave


def flood(total_bytes: int = 600 * 10**6, *, with_length: bool = True) -> Behaviour:
    """Send plain zeros; without a length they end with the connection."""

    def behave(exchange: Exchange) -> None:
        exchange.send(head(200, {}, total_bytes if with_length else None))
        for _ in range(0, total_bytes, len(_ZEROS)):
            exchange.send(_ZEROS)

    return behave


def garbage_after_gzip(*, seconds: float = 600) -> Behaviour:
    """Send a short compressed body, then zeros that belong to nothing, as fast as possible."""

    def behave(exchange: Exchange) -> None:
        packer = zlib.compressobj(wbits=31)
        packed = packer.compress(b"[]") + packer.flush()
        exchange.send(head(200, {"Content-Encoding": "gzip"}) + packed + b"garbage")
        ends_at = time.monotonic() + seconds
        while time.monotonic() < ends_at:
            exchange.send(_ZEROS)

    return behave


def gzip_bomb(total_bytes: int = 300 * 10**6, *, encodings: str = "gzip") -> Behaviour:
    """Send zeros, compressed about a thousand to one, once for each encoding in the list."""

    def behave(exchange: Exchange) -> None:
        headers = {"Content-Encoding": encodings, "Transfer-Encoding": "chunked"}
        exchange.send(head(200, headers))
        packers = [zlib.compressobj(wbits=31) for _ in encodings.split(",")]

        def send(piece: bytes, *, last: bool) -> None:
            for packer in packers:
                piece = packer.compress(piece) + (packer.flush() if last else b"")
            if piece:
                exchange.send(b"%x\r\n%b\r\n" % (len(piece), piece))

        for _ in range(0, total_bytes, len(_ZEROS)):
            send(_ZEROS, last=False)
        send(b"", last=True)
        exchange.send(b"0\r\n\r\n")

    return behave


def head(
    status: int, headers: Mapping[str, str], length: int | None = None, reason: str = "Said So"
) -> bytes:
    """Return a status line and headers, the empty line included."""
    lines = [f"HTTP/1.1 {status} {reason}", "Connection: close"]
    lines += [f"{name}: {value}" for name, value in headers.items()]
    if length is not None:
        lines.append(f"Content-Length: {length}")
    return ("\r\n".join(lines) + "\r\n\r\n").encode("latin-1")
