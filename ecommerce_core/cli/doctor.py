"""Check step by step what keeps the application from working, with advice.

Nothing is changed: answers are fetched, read and discarded.
"""

from __future__ import annotations

import shutil
import socket
import time
from collections.abc import Iterator, Mapping
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any
from urllib.parse import urlsplit

import msgspec

from ecommerce_core.datasets import DATASETS, Dataset, migrations_of
from ecommerce_core.domain import EcommerceError, PeerContractError, PeerError
from ecommerce_core.gateway import (
    Check,
    Gateway,
    PeerExamination,
    Verdict,
    admin_gateway,
    list_routes,
)
from ecommerce_core.scheduler import Scheduler
from ecommerce_core.settings import Settings, hide_password
from ecommerce_core.storage import (
    Store,
    examine_server,
    installation_of,
    list_backups,
    list_loose,
    real_path,
)

CONNECT_TIMEOUT_S = 3.0


def examine(
    settings: Settings, *, gateway_url: str, datasets: Mapping[str, Dataset] = DATASETS
) -> Iterator[Check]:
    """Yield every check as it is made. Failures are checks, not errors."""
    yield from _examine_store(settings, datasets)
    reached = True
    for check in _examine_way(gateway_url):
        reached = reached and check.verdict is Verdict.OK
        yield check
    if reached:
        gateway = Gateway(
            gateway_url,
            timeout_s=settings.timeout_s,
            deadline_s=settings.deadline_s,
            max_body_bytes=settings.max_body_mb * 2**20,
        )
        for dataset in datasets.values():
            yield from _examine_dataset(gateway, dataset, settings)
        yield from _examine_scheduler(gateway, settings)
        yield from _examine_callbacks(gateway, settings)
    yield from _examine_registration(settings)
    yield from _examine_backups(settings)


def _examine_store(settings: Settings, datasets: Mapping[str, Dataset]) -> Iterator[Check]:
    url = settings.database_url
    if url is not None:
        verdicts = {True: Verdict.OK, False: Verdict.WRONG, None: Verdict.NOTE}
        more = migrations_of(datasets)
        for found in examine_server(url, name=hide_password(url), more=more):
            yield Check("store", found.step, verdicts[found.is_right], found.detail, found.advice)
        return
    path = real_path(settings.database)
    if not path.exists():
        yield Check("store", "file", Verdict.NOTE, f"{path} is not there: a start creates it")
        return
    began_s = time.monotonic()
    try:
        Store.check_in_use(path, more_migrations=migrations_of(datasets))
        Store(path).check_writable()
    except EcommerceError as error:
        yield Check(
            "store", "file", Verdict.WRONG, str(error), "or `restore` a backup", fact=error.fact
        )
        return
    size = path.stat().st_size
    took_s = time.monotonic() - began_s
    yield Check("store", "file", Verdict.OK, f"{path}, sound and writable", seconds=took_s)
    loose = list_loose(path.parent, database=path.name)
    if loose:
        names = ", ".join(one.name for one in loose)
        advice = "start the server as the account that they belong to: it puts that right"
        yield Check("store", "private", Verdict.WRONG, f"others can use {names}", advice)
    free = shutil.disk_usage(path.parent).free
    # A sync may rewrite every row, and a backup needs the same space again.
    verdict = Verdict.OK if free > 2 * size + 50 * 2**20 else Verdict.WRONG
    detail = f"{free // 2**20:,} MB free, the file has {size // 2**20:,} MB"
    yield Check("store", "room", verdict, detail, None if verdict is Verdict.OK else "make room")


def _examine_way(gateway_url: str) -> Iterator[Check]:
    parts = urlsplit(gateway_url)
    host = parts.hostname or ""
    port = parts.port or (443 if parts.scheme == "https" else 80)
    began_s = time.monotonic()
    try:
        found = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)
    except (OSError, UnicodeError):
        advice = "check ECOMMERCE_GATEWAY_URL, and the name service of this machine"
        yield Check("gateway", "name", Verdict.WRONG, f"{host} is not a known name", advice)
        return
    address = found[0][4][0]
    took_s = time.monotonic() - began_s
    yield Check("gateway", "name", Verdict.OK, f"{host} is {address}", seconds=took_s)
    began_s = time.monotonic()
    try:
        socket.create_connection((host, port), timeout=CONNECT_TIMEOUT_S).close()
    except OSError as error:
        reason = f"port {port}: {error.strerror or 'no answer in time'}"
        advice = "start the gateway, or check the port in ECOMMERCE_GATEWAY_URL and the firewall"
        yield Check("gateway", "connect", Verdict.WRONG, reason, advice)
        return
    took_s = time.monotonic() - began_s
    yield Check("gateway", "connect", Verdict.OK, f"port {port} is open", seconds=took_s)


def _examine_dataset(gateway: Gateway, dataset: Dataset, settings: Settings) -> Iterator[Check]:
    def read(body: bytes | bytearray) -> tuple[Verdict, str]:
        parsed = dataset.parse(
            body,
            max_records=settings.max_records,
            ends_at_s=time.monotonic() + settings.deadline_s,
        )
        if not parsed.rejected_count:
            return Verdict.OK, f"{parsed.fetched:,} records, all can be taken"
        verdict = Verdict.NOTE if parsed.records else Verdict.WRONG
        first = parsed.rejected[0]
        return verdict, (
            f"{parsed.rejected_count:,} of {parsed.fetched:,} records cannot be taken;"
            f" the first, at position {first.position}: {first.reason}"
        )

    path = dataset.path(settings)
    yield from PeerExamination(gateway, dataset.peer, path, dataset.path_variable).examine(read)


def _examine_scheduler(gateway: Gateway, settings: Settings) -> Iterator[Check]:
    scheduler = Scheduler(gateway, app_name=settings.app_name)

    def read(_: bytes | bytearray) -> tuple[Verdict, str]:
        clock, tasks = scheduler.fetch_clock(), scheduler.fetch_tasks()
        ours = sum(task.target_app == settings.app_name for task in tasks)
        said = f"{clock.simulated_at}, speed {clock.speed:g}, {len(tasks)} tasks, {ours} of ours"
        if clock.paused:
            return Verdict.NOTE, f"the clock is paused; {said}"
        return Verdict.OK, said

    yield from PeerExamination(gateway, "scheduler", "clock/info").examine(read)


def _examine_callbacks(gateway: Gateway, settings: Settings) -> Iterator[Check]:
    """Check that the scheduler's calls to our name reach a server of ours."""

    def read(body: bytes | bytearray) -> tuple[Verdict, str]:
        try:
            health = msgspec.json.decode(body, type=Mapping[str, Any])
        except msgspec.DecodeError:
            health = {}
        if health.get("status") != "ready":
            raise PeerContractError("answered_by_another", peer=name)
        return Verdict.OK, "the scheduler's callbacks arrive at a server that is ready"

    name = settings.app_name
    for check in PeerExamination(gateway, name, "ecommerce/healthz").examine(read):
        if check.verdict is Verdict.OK:
            yield check
            continue
        advice = {
            "name": "set ECOMMERCE_GATEWAY_ADMIN_URL and ECOMMERCE_PUBLIC_URL on the server",
            "connect": "start the server; check the URL that it is registered under",
        }.get(check.step, "see that ECOMMERCE_ALLOWED_HOSTS has the gateway's name for the server")
        yield replace(check, advice=advice)


def _examine_registration(settings: Settings) -> Iterator[Check]:
    if settings.gateway_admin_url is None:
        return
    admin = admin_gateway(settings.gateway_admin_url)
    try:
        routes = list_routes(admin, name=settings.app_name)
    except PeerError as error:
        advice = "check ECOMMERCE_GATEWAY_ADMIN_URL; without it no callback can be registered"
        yield Check("registration", "routes", Verdict.WRONG, str(error), advice, fact=error.fact)
        return
    if len(routes) == 1:
        yield Check("registration", "routes", Verdict.OK, f"one route to {settings.app_name}")
        return
    detail = f"{len(routes)} routes to {settings.app_name}, where one is right"
    yield Check("registration", "routes", Verdict.WRONG, detail, "start the server anew")


def _examine_backups(settings: Settings) -> Iterator[Check]:
    if settings.database_url is not None:
        detail = "the database server's own business: pg_dump, or point-in-time recovery"
        yield Check("backups", "newest", Verdict.NOTE, detail)
        return
    folder = settings.backup_dir
    if folder is None:
        advice = "set ECOMMERCE_BACKUP_DIR"
        yield Check("backups", "newest", Verdict.NOTE, "none are made on a schedule", advice)
        return
    installation = installation_of(real_path(settings.database))
    backups = list_backups(folder, installation=installation)
    if not backups:
        advice = "start the server, and see what it logs"
        yield Check("backups", "newest", Verdict.WRONG, f"none in {folder}", advice)
        return
    at, path = backups[-1]
    is_late = datetime.now(UTC) - at > 2 * timedelta(hours=settings.backup_every_h)
    verdict, advice_ = (
        (Verdict.WRONG, "see what the server logs about it") if is_late else (Verdict.OK, None)
    )
    yield Check("backups", "newest", verdict, f"{path.name} in {folder}", advice_)
