"""Send requests to the peers through one gateway, which picks the peer by the ``Host`` header.

Peers are not trusted. Only the gateway's own origin is ever contacted. The size of an answer (after
decompression), the silence of a peer and the whole call are limited. Every lower error becomes one
PeerError that names the peer in plain English. Requests are sent without a session: no cookies, no
proxies, no ``.netrc``.
"""

from __future__ import annotations

import logging
import ssl
import threading
import time
from collections.abc import Callable, Mapping
from contextlib import closing
from dataclasses import replace
from datetime import UTC, datetime
from functools import partial
from typing import Any
from urllib.parse import SplitResult, urljoin, urlsplit, urlunsplit

import requests
from requests.adapters import HTTPAdapter
from urllib3.response import BaseHTTPResponse

from ecommerce_core.domain import (
    PeerDisconnected,
    PeerError,
    PeerHealth,
    PeerRedirected,
    PeerUnreachable,
)
from ecommerce_core.gateway.answer import DOWN, Answer, clean, read_answer, validator
from ecommerce_core.gateway.deadline import (
    Call,
    Deadline,
    DeadlineConnection,
    DeadlineTlsConnection,
    OnProgress,
)
from ecommerce_core.gateway.errors import peer_errors

__all__ = ["Answer", "Gateway", "OnProgress"]

logger = logging.getLogger(__name__)

USER_AGENT = "ecommerce-dashboard"
MAX_SENT_ANSWER_BYTES = 2**20

_PAUSES_S = (0.1, 0.4)
_MAX_REDIRECTS = 5
_REDIRECTS = frozenset({301, 302, 303, 307, 308})
_DEFAULT_PORTS = {"http": 80, "https": 443}


class _Adapter(HTTPAdapter):
    """requests' adapter for one call, whose connections are held to that call's deadline."""

    def __init__(self, watch: Deadline, tls: ssl.SSLContext | None) -> None:
        self._watch = watch
        self._tls = tls
        super().__init__(pool_connections=1, pool_maxsize=1)

    def init_poolmanager(self, *args: Any, **kwargs: Any) -> None:
        super().init_poolmanager(*args, ssl_context=self._tls, **kwargs)

    def get_connection_with_tls_context(self, *args: Any, **kwargs: Any) -> Any:
        pool: Any = super().get_connection_with_tls_context(*args, **kwargs)
        watched = DeadlineTlsConnection if pool.scheme == "https" else DeadlineConnection
        pool.ConnectionCls = partial(watched, self._watch)
        return pool


class Gateway:
    """Sends requests to peers through the gateway. Safe for use by many threads.

    ``timeout_s``: longest silence of a peer. ``deadline_s``: longest duration of a whole call.
    ``observers`` are called once per call with the peer's name and ``"ok"`` or the name of the
    error's class. ``host`` is sent as ``Host`` in place of the peer's name, for a server that does
    not pick a service by it. Raises ValueError if ``base_url`` is no http or https URL.
    """

    def __init__(
        self,
        base_url: str,
        *,
        timeout_s: float = 30,
        deadline_s: float = 300,
        max_body_bytes: int = 512 * 2**20,
        connect_timeout_s: float = 3,
        host: str | None = None,
    ) -> None:
        self._base = urlsplit(base_url)
        if self._base.scheme not in _DEFAULT_PORTS or not self._base.hostname:
            raise ValueError(f"not an http or https URL: {base_url!r}")
        self._origin = _origin(self._base)
        self.base_url = base_url.rstrip("/")
        self._timeout_s = timeout_s
        self._deadline_s = deadline_s
        self._max_body_bytes = max_body_bytes
        self._connect_timeout_s = connect_timeout_s
        self._host = host
        self._tls = ssl.create_default_context() if self._base.scheme == "https" else None
        self._lock = threading.Lock()
        self._health: dict[str, PeerHealth] = {}
        self._under_way: list[Call] = []
        self.observers: list[Callable[[str, str], None]] = []

    def fetch(
        self,
        peer: str,
        path: str,
        *,
        etag: str | None = None,
        last_modified: str | None = None,
        on_progress: OnProgress | None = None,
        deadline_s: float | None = None,
        timeout_s: float | None = None,
        max_body_bytes: int | None = None,
    ) -> Answer:
        """GET ``path`` of ``peer``; retry at most twice if the peer could not be reached.

        With ``etag`` or ``last_modified`` the answer may be ``not_modified``. ``on_progress`` is
        called with the bytes so far and the bytes in all (None if the peer does not say), at most
        ten times a second and at the end; it may raise, which closes the connection and passes
        through unchanged. Raises PeerError.
        """
        conditions = {
            "If-None-Match": validator(etag),
            "If-Modified-Since": validator(last_modified),
        }
        call = self._call(
            peer, "GET", path, timeout_s=timeout_s, deadline_s=deadline_s, limit=max_body_bytes
        )
        call.headers = {name: value for name, value in conditions.items() if value}
        call.on_progress = on_progress
        return self._perform(call)

    def send(
        self,
        peer: str,
        path: str,
        *,
        json: object | None = None,
        form: Mapping[str, str] | None = None,
        params: Mapping[str, str] | None = None,
    ) -> Answer:
        """POST to ``path`` of ``peer``, once: without a retry, and without following a redirect.

        The body is ``json``, or the fields of ``form``. The answer may be 1 MiB long. Raises
        PeerError; after any error but a refused connection or a PeerRefused the peer may have done
        what was asked.
        """
        call = self._call(peer, "POST", path, limit=MAX_SENT_ANSWER_BYTES)
        call.json, call.form, call.params = json, form, params
        return self._perform(call)

    def delete(self, peer: str, path: str) -> Answer:
        """DELETE ``path`` of ``peer``, once, as ``send`` does. Raises PeerError."""
        return self._perform(self._call(peer, "DELETE", path, limit=MAX_SENT_ANSWER_BYTES))

    def health(self, peer: str) -> PeerHealth:
        """Return when ``peer`` last answered and last failed, as this gateway object saw it."""
        with self._lock:
            return self._health.get(peer, PeerHealth(peer=peer))

    def cut_calls(self, peer: str) -> None:
        """Cut the calls to ``peer`` that are under way; each ends with PeerTimedOut."""
        with self._lock:
            calls = [call for call in self._under_way if call.peer == peer]
        for call in calls:
            call.watch.cut()

    def _call(
        self,
        peer: str,
        method: str,
        path: str,
        *,
        timeout_s: float | None = None,
        deadline_s: float | None = None,
        limit: int | None = None,
    ) -> Call:
        silence_s = self._timeout_s if timeout_s is None else timeout_s
        return Call(
            peer=peer,
            method=method,
            host=self._host or peer,
            path=path,
            timeout_s=silence_s,
            connect_timeout_s=min(self._connect_timeout_s, silence_s),
            max_body_bytes=self._max_body_bytes if limit is None else limit,
            watch=Deadline(self._deadline_s if deadline_s is None else deadline_s),
        )

    def _perform(self, call: Call) -> Answer:
        raised: BaseException | None = None
        with self._lock:
            self._under_way.append(call)
        try:
            with closing(_Adapter(call.watch, self._tls)) as adapter:
                return self._try(call, adapter)
        except BaseException as error:
            raised = error
            raise
        finally:
            call.watch.close()
            with self._lock:
                self._under_way.remove(call)
            self._note(call.peer, raised)

    def _note(self, peer: str, error: BaseException | None) -> None:
        now = datetime.now(UTC)
        with self._lock:
            health = self._health.get(peer, PeerHealth(peer=peer))
            if error is None:
                self._health[peer] = replace(health, last_answer_at=now)
            elif isinstance(error, PeerError):
                self._health[peer] = replace(health, last_error_at=now, last_error=error.fact)
        for observer in tuple(self.observers):
            try:
                observer(peer, "ok" if error is None else type(error).__name__)
            except Exception:
                logger.exception("an observer of requests failed")

    def _try(self, call: Call, adapter: _Adapter) -> Answer:
        for pause_s in _PAUSES_S:
            try:
                return self._follow(call, adapter)
            except (PeerUnreachable, PeerDisconnected) as error:
                if not _worth_another_try(call, error) or call.watch.remaining_s() <= pause_s:
                    raise
                logger.debug("%s; trying again in %s s", error, pause_s)
                time.sleep(pause_s)
        return self._follow(call, adapter)

    def _follow(self, call: Call, adapter: _Adapter) -> Answer:
        url = f"{self.base_url}/{call.path.lstrip('/')}"
        for _ in range(_MAX_REDIRECTS + 1):
            with closing(_request(call, adapter, url)) as response:
                if response.status not in _REDIRECTS:
                    return read_answer(call, response)
                url = self._redirect(call, response, url)
        raise PeerRedirected("too_many_redirects", peer=call.peer, count=_MAX_REDIRECTS)

    def _redirect(self, call: Call, response: BaseHTTPResponse, url: str) -> str:
        """Return the redirect's target, on the gateway's own origin. Raises PeerRedirected.

        A peer knows itself as ``http://crm`` and cannot know the gateway's address: a Location with
        its own name is the same place, reached the same way.
        """
        location = response.headers.get("Location", "")
        # http.client reads headers as Latin-1; non-ASCII characters are most likely UTF-8.
        location = location.encode("latin-1", "replace").decode("utf-8", "replace")
        refused = partial(PeerRedirected, peer=call.peer, target=clean(location) or "(nowhere)")
        if call.method != "GET":
            raise refused("redirect_not_sent_again", method=call.method)
        own_name = (self._base.scheme, call.peer.lower(), _DEFAULT_PORTS[self._base.scheme])
        try:
            target = urlsplit(urljoin(url, location))
            at_home = bool(location) and _origin(target) in (self._origin, own_name)
        except ValueError as error:
            raise refused("redirect_without_address") from error
        if not at_home:
            raise refused("redirect_away")
        return urlunsplit((self._base.scheme, self._base.netloc, target.path, target.query, ""))


def _request(call: Call, adapter: _Adapter, url: str) -> BaseHTTPResponse:
    call.watch.start_request()
    headers = {
        "Host": call.host,
        "User-Agent": USER_AGENT,
        "Accept": "application/json",
        "Accept-Encoding": "gzip, deflate",
        "Connection": "close",
        **call.headers,
    }
    # urllib3 accepts no connect time-out of 0, and applies it to each address of the name.
    connect_s = max(0.001, min(call.connect_timeout_s, call.watch.remaining_s()))
    with peer_errors(call):
        request = requests.Request(
            call.method,
            url,
            headers=headers,
            json=call.json,
            data=call.form,
            params=call.params,
        )
        response = adapter.send(request.prepare(), stream=True, timeout=(connect_s, call.timeout_s))
    call.watch.begun = True
    raw: BaseHTTPResponse = response.raw
    return raw


def _worth_another_try(call: Call, error: PeerError) -> bool:
    """Return whether a retry may succeed: only reads, so that nothing is ever sent twice."""
    status = error.details.get("status")
    return call.method == "GET" and call.may_try_again and (status is None or status in DOWN)


def _origin(url: SplitResult) -> tuple[str, str | None, int | None]:
    """Return scheme, host and port. Raises ValueError if the port is no number."""
    return (url.scheme, url.hostname, url.port or _DEFAULT_PORTS.get(url.scheme))
