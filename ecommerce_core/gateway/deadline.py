"""One call to a peer: its limits, and the deadline that cuts it off."""

from __future__ import annotations

import socket
import threading
import time
from collections.abc import Callable, Mapping
from contextlib import suppress
from dataclasses import dataclass, field
from typing import Any

from urllib3.connection import HTTPConnection, HTTPSConnection

OnProgress = Callable[[int, int | None], None]


class Deadline:
    """Holds one call to its deadline: cuts the connection when the time is up.

    A socket's own time-out starts again with each byte, so a peer that sends its headers or its
    body byte by byte never exceeds it.
    """

    def __init__(self, seconds: float) -> None:
        self.seconds = seconds
        self.connected = False  # this request is connected, TLS included
        self.begun = False  # this request's headers have arrived
        self._ends_at = time.monotonic() + seconds
        self._lock = threading.Lock()
        self._held: socket.socket | None = None
        self._cut = False
        self._timer = threading.Timer(seconds, self.cut)
        self._timer.daemon = True
        self._timer.start()

    @property
    def expired(self) -> bool:
        return self._cut or time.monotonic() >= self._ends_at

    def remaining_s(self) -> float:
        return max(0.0, self._ends_at - time.monotonic())

    def start_request(self) -> None:
        self.connected = self.begun = False

    def hold(self, sock: socket.socket) -> None:
        """Let the deadline cut ``sock``, through a descriptor of its own.

        TLS takes the original over, and the number of a closed descriptor is reused at once: with
        its own descriptor, the deadline can only ever cut this connection.
        """
        with self._lock:
            self._let_go()
            self._held = sock.dup()
            if self._cut:
                self._shut_down()

    def close(self) -> None:
        self._timer.cancel()
        with self._lock:
            self._let_go()

    def cut(self) -> None:
        """End the call now, as if its time were up."""
        with self._lock:
            self._cut = True
            self._shut_down()

    def _shut_down(self) -> None:
        if self._held is not None:
            with suppress(OSError):
                self._held.shutdown(socket.SHUT_RDWR)

    def _let_go(self) -> None:
        if self._held is not None:
            self._held.close()
            self._held = None


class DeadlineConnection(HTTPConnection):
    """A connection that hands its socket to the deadline before it sends a byte."""

    def __init__(self, watch: Deadline, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self._watch = watch

    def _new_conn(self) -> socket.socket:
        sock = super()._new_conn()
        self._watch.hold(sock)
        return sock

    def connect(self) -> None:
        super().connect()
        self._watch.connected = True


class DeadlineTlsConnection(DeadlineConnection, HTTPSConnection):
    """The same over TLS: the deadline gets the socket before the handshake."""


@dataclass(slots=True)
class Call:
    """One fetch or send, its retries and redirects included.

    ``host`` is the ``Host`` that it carries, ``headers`` are the conditions of a conditional GET.
    ``may_try_again`` is set to False when a retry would hand a body on twice, or could not succeed.
    """

    peer: str
    method: str
    host: str
    path: str
    timeout_s: float
    connect_timeout_s: float
    max_body_bytes: int
    watch: Deadline
    headers: Mapping[str, str] = field(default_factory=dict)
    json: Any = None
    form: Mapping[str, str] | None = None
    params: Mapping[str, str] | None = None
    on_progress: OnProgress | None = None
    may_try_again: bool = True
