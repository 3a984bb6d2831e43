"""Register this application with the gateway's administration API when the server starts.

The routes and the service under the application's name are deleted, routes first, and added anew,
so that registering twice has the same result as once. While the administration API does not answer,
the application works, and only lacks callbacks.
"""

from __future__ import annotations

import logging
import threading
from collections.abc import Iterator
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from enum import StrEnum
from typing import Any
from urllib.parse import parse_qsl, quote, urlencode, urlsplit

import msgspec

from ecommerce_core.domain import Fact, PeerContractError, PeerError, PeerRefused
from ecommerce_core.gateway.client import Gateway
from ecommerce_core.settings import Settings

logger = logging.getLogger(__name__)

PEER = "gateway-admin"
TIMEOUT_S, DEADLINE_S = 5.0, 10.0
# Growing, so that a gateway that starts with us is found soon and one that is down is not flooded.
PAUSES_S = (1.0, 2.0, 5.0, 10.0, 30.0, 60.0)
_MAX_PAGES = 100


class RegistrationStatus(StrEnum):
    """Whether this application is registered with the gateway."""

    OFF = "off"
    PENDING = "pending"
    REGISTERED = "registered"
    FAILING = "failing"


@dataclass(frozen=True, slots=True)
class RegistrationState:
    """State of the registration. ``error`` is why the last try failed, ``at`` when one succeeded.

    ``error_kind`` is the name of that error's class, for readers who must not see its text.
    """

    status: RegistrationStatus
    public_url: str | None = None
    at: datetime | None = None
    error: Fact | None = None
    error_kind: str | None = None


class _Service(msgspec.Struct):
    id: str | None = None
    name: str | None = None


class _Route(msgspec.Struct):
    id: str
    hosts: list[str] | None = None
    service: _Service | None = None


class _Routes(msgspec.Struct):
    data: list[_Route]
    next: str | None = None


def admin_gateway(admin_url: str) -> Gateway:
    """Return a client of the administration API. Only its own origin is ever contacted."""
    host = urlsplit(admin_url).netloc
    return Gateway(admin_url, host=host, timeout_s=TIMEOUT_S, deadline_s=DEADLINE_S)


def register(admin: Gateway, *, name: str, public_url: str) -> None:
    """Replace service and routes of ``name`` by a service at ``public_url``. Raises PeerError."""
    unregister(admin, name=name)
    admin.send(PEER, "services/", form={"name": name, "url": public_url})
    admin.send(PEER, f"services/{quote(name, safe='')}/routes", form={"hosts[]": name})


def unregister(admin: Gateway, *, name: str) -> None:
    """Delete the service and routes of ``name``, if any. Raises PeerError."""
    service_path = f"services/{quote(name, safe='')}"
    for route_id in list_routes(admin, name=name):
        _delete(admin, f"routes/{quote(route_id, safe='')}")
    try:
        _delete(admin, service_path)
    except PeerRefused as refusal:
        # It still has routes: to hosts that are not its name, by services that only have an id.
        service_id = _service_id(admin, service_path)
        if service_id is None:
            raise refusal from None
        for route_id in list_routes(admin, name=name, service_id=service_id):
            _delete(admin, f"routes/{quote(route_id, safe='')}")
        _delete(admin, service_path)


def list_routes(admin: Gateway, *, name: str, service_id: str | None = None) -> list[str]:
    """Return the ids of the routes to ``name``, by host or by service. Raises PeerError."""
    found = []
    for route in _all_routes(admin):
        service = route.service or _Service()
        is_ours = service.name == name or (service_id is not None and service.id == service_id)
        if is_ours or name.lower() in (host.lower() for host in route.hosts or ()):
            found.append(route.id)
    return found


def _all_routes(admin: Gateway) -> Iterator[_Route]:
    path = "routes/"
    for _ in range(_MAX_PAGES):
        page: _Routes = _decode(admin.fetch(PEER, path).body, _Routes)
        yield from page.data
        if not page.next:
            return
        # Its host may be an internal name of the administration API: only the query is used.
        path = f"routes/?{urlencode(parse_qsl(urlsplit(page.next).query))}"
    raise PeerContractError("routes_without_end", peer=PEER)


def _service_id(admin: Gateway, path: str) -> str | None:
    try:
        service: _Service = _decode(admin.fetch(PEER, path).body, _Service)
    except PeerRefused:
        return None
    return service.id


def _decode(body: bytes | bytearray, kind: Any) -> Any:
    try:
        return msgspec.json.decode(body, type=kind)
    except (msgspec.DecodeError, RecursionError) as error:
        raise PeerContractError("not_an_administration", peer=PEER) from error


def _delete(admin: Gateway, path: str) -> None:
    try:
        admin.delete(PEER, path)
    except PeerRefused as error:
        if error.status != 404:
            raise


class Registration:
    """Registers in a thread of its own and retries until it has succeeded once.

    ``state`` is for health and pages. Without a URL to register it does nothing.
    """

    def __init__(self, settings: Settings, *, pauses_s: tuple[float, ...] = PAUSES_S) -> None:
        self._name = settings.app_name
        self._admin = None
        if settings.gateway_admin_url is not None:
            self._admin = admin_gateway(settings.gateway_admin_url)
        self._public_url = settings.public_url
        self._pauses_s = pauses_s
        self._stopping = threading.Event()
        self._thread: threading.Thread | None = None
        is_on = self._admin is not None and self._public_url is not None
        self._state = RegistrationState(
            RegistrationStatus.PENDING if is_on else RegistrationStatus.OFF,
            public_url=self._public_url,
        )

    @property
    def state(self) -> RegistrationState:
        """The present state of the registration."""
        return self._state

    def start(self) -> None:
        """Start to register, if there is anything to register; never waits."""
        admin, url = self._admin, self._public_url
        if admin is None or url is None or self._thread is not None:
            return
        self._stopping.clear()
        self._thread = threading.Thread(
            target=self._loop, args=(admin, url), name="registration", daemon=True
        )
        self._thread.start()

    def stop(self, *, timeout_s: float = 2.0) -> None:
        """End the thread. The registration stays: the next start finds and replaces it."""
        self._stopping.set()
        if self._admin is not None:
            self._admin.cut_calls(PEER)
        if self._thread is not None:
            self._thread.join(timeout_s)
            self._thread = None

    def _loop(self, admin: Gateway, url: str) -> None:
        attempt = 0
        while not self._stopping.is_set():
            if self._try(admin, url):
                return
            self._stopping.wait(self._pauses_s[min(attempt, len(self._pauses_s) - 1)])
            attempt += 1

    def _try(self, admin: Gateway, url: str) -> bool:
        try:
            register(admin, name=self._name, public_url=url)
        except PeerError as error:
            if self._state.error is None and not self._stopping.is_set():
                logger.warning(
                    "not registered with the gateway, so no callback arrives yet: %s;"
                    " it is tried again until it succeeds",
                    error,
                )
            self._state = replace(
                self._state,
                status=RegistrationStatus.FAILING,
                error=error.fact,
                error_kind=type(error).__name__,
            )
            return False
        self._state = replace(
            self._state,
            status=RegistrationStatus.REGISTERED,
            at=datetime.now(UTC),
            error=None,
            error_kind=None,
        )
        logger.info("registered with the gateway as %s, at %s", self._name, url)
        return True
