"""A way to PostgreSQL that can be cut at one moment: before a COMMIT, or before its answer."""

from __future__ import annotations

import socket
import threading
from dataclasses import dataclass, field
from typing import Literal

from tests.support.running import Running

Cut = Literal["before COMMIT", "before its answer", "silence instead of its answer"]
_SIZE = 2**16


@dataclass
class _Line:
    """One connection: whether answers are kept from its client, and whether one has been."""

    is_mute: bool = False
    has_swallowed: threading.Event = field(default_factory=threading.Event)


class CuttingProxy(Running):
    """Passes on what comes to ``port``; ``cut_at`` arms it for the next COMMIT, once.

    ``has_cut`` is set when that has happened.
    """

    def __init__(self, target: int) -> None:
        self._target = target
        self._listener = socket.create_server(("127.0.0.1", 0))
        self.port = int(self._listener.getsockname()[1])
        self._armed: Cut | None = None
        self.has_cut = threading.Event()
        self._sockets: list[socket.socket] = []
        self._thread = threading.Thread(target=self._accept, daemon=True)

    def start(self) -> None:
        self._thread.start()

    def cut_at(self, moment: Cut) -> None:
        """Cut the connection on which the next COMMIT comes."""
        self.has_cut.clear()
        self._armed = moment

    def close(self) -> None:
        self._listener.shutdown(socket.SHUT_RDWR)
        self._listener.close()
        self._thread.join(5)
        for one in self._sockets:
            one.close()

    def _accept(self) -> None:
        while True:
            try:
                client, _ = self._listener.accept()
                server = socket.create_connection(("127.0.0.1", self._target))
            except OSError:
                return
            self._sockets += [client, server]
            line = _Line()
            for pump, one, other in ((self._ask, client, server), (self._answer, server, client)):
                threading.Thread(target=pump, args=(one, other, line), daemon=True).start()

    def _ask(self, client: socket.socket, server: socket.socket, line: _Line) -> None:
        while data := _receive(client):
            if self._armed is not None and b"COMMIT\0" in data:
                moment, self._armed = self._armed, None
                line.is_mute = True
                if moment != "before COMMIT":
                    server.sendall(data)
                    assert line.has_swallowed.wait(20)
                self.has_cut.set()
                if moment != "silence instead of its answer":
                    break
                continue
            if not _send(server, data):
                break
        _shut(client, server)

    def _answer(self, server: socket.socket, client: socket.socket, line: _Line) -> None:
        while data := _receive(server):
            if line.is_mute:
                line.has_swallowed.set()
            elif not _send(client, data):
                break
        if not line.is_mute:
            _shut(client, server)


def _receive(one: socket.socket) -> bytes:
    try:
        return one.recv(_SIZE)
    except OSError:
        return b""


def _send(one: socket.socket, data: bytes) -> bool:
    try:
        one.sendall(data)
    except OSError:
        return False
    return True


def _shut(*sockets: socket.socket) -> None:
    for one in sockets:
        try:
            one.shutdown(socket.SHUT_RDWR)
        except OSError:
            continue
