"""The embedded scheduler's call to an application: one POST, no time-out, the answer ignored."""

from __future__ import annotations

import contextlib
import http.client
import socket
import threading
from urllib.parse import quote

_DRAIN_BYTES = 64 * 1024


class CallbackAborted(Exception):  # noqa: N818 - nothing went wrong, somebody stopped it
    """The scheduler was stopped before or while the callback ran."""


class Caller:
    """Sends callbacks through the gateway, one at a time; another thread may abort them."""

    def __init__(self, host: str, port: int) -> None:
        self._host = host
        self._port = port
        self._lock = threading.Lock()
        self._socket: socket.socket | None = None
        self._aborted = False

    def post(self, path: str, *, host: str, body: str) -> int:
        """POST to the gateway, wait as long as it takes, and return the answer's status.

        ``path`` is appended to the gateway's address and a slash. Raises CallbackAborted after
        ``abort``, OSError, http.client.HTTPException, and ValueError if the task's texts make no
        valid request.
        """
        connection = http.client.HTTPConnection(self._host, self._port, timeout=None)
        try:
            raw = body.encode()
            connection.connect()
            with self._lock:
                if self._aborted:
                    raise CallbackAborted
                self._socket = connection.sock
            target = "/" + quote(path, safe="/?&=%:+,;@!~*'()$-._")
            connection.putrequest("POST", target, skip_host=True, skip_accept_encoding=True)
            connection.putheader("Host", host)
            connection.putheader("Content-Length", str(len(raw)))
            connection.endheaders(raw)
            answer = connection.getresponse()
            while answer.read(_DRAIN_BYTES):
                pass
        except (OSError, http.client.HTTPException) as error:
            if self._aborted:
                raise CallbackAborted from error
            raise
        finally:
            with self._lock:
                self._socket = None
            connection.close()
        return answer.status

    def abort(self) -> None:
        """Abort the callback under way, in any thread, and refuse all later ones."""
        with self._lock:
            self._aborted = True
            if self._socket is not None:
                with contextlib.suppress(OSError):
                    self._socket.shutdown(socket.SHUT_RDWR)
