"""Alerts of several servers: one tells of them, and another goes on from there."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from ecommerce_core.application import Application
from ecommerce_core.domain import AuditAction, Trigger
from ecommerce_core.domain.access import LOCAL_OPERATOR
from tests.servers.conftest import StartServer
from tests.support.peers import Peers
from tests.support.postgresql import PostgresqlServer
from tests.support.receivers import Webhook
from tests.support.waiting import until
from tests.support.watched import Watched

FAILED = "The last fetch failed: products"
UNUSABLE = "The database cannot be used"


@pytest.fixture
def hook() -> Iterator[Webhook]:
    with Webhook() as running:
        yield running


def fetch(server: Application) -> None:
    server.request_sync("products", actor=LOCAL_OPERATOR, trigger=Trigger.MANUAL).wait(20)


@pytest.mark.parametrize("ends", ["stopped", "cut off"])
def test_an_alert_is_told_once_whichever_server_leads(
    start_server: StartServer,
    peers: Peers,
    hook: Webhook,
    postgresql: PostgresqlServer,
    ends: str,
) -> None:
    one, other = start_server(watch=False), start_server(watch=False)
    first = Watched(one.facts, hook, one.leader)
    second = Watched(other.facts, hook, other.leader)
    fetch(one)
    assert (first.look(), second.look()) == ([], [])
    body = peers.bodies.pop("catalogue-produit")
    fetch(one)
    first.told_of(FAILED)
    assert second.look() == [FAILED]
    (opened,) = other.store.open_alerts()

    if ends == "stopped":
        first.watch.stop()
    else:
        session = f"SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE {_OF_LEADER}"
        assert postgresql.ask(session, f"%{one.server_id}") == [(True,)]
        until(lambda: not one.leader.leads)

    assert second.look() == [FAILED]
    assert other.leader.leads
    assert first.look() == [FAILED]
    assert other.store.open_alerts() == [opened]
    peers.bodies["catalogue-produit"] = body
    fetch(one)
    second.cleared(FAILED)
    told = hook.titles
    assert first.look() == second.look() == [one.removeprefix("[shop] ") for one in told]

    # The one that led at first leads again, and does not tell again what is over.
    second.watch.stop()
    assert first.look() == [FAILED, f"Over: {FAILED}"]
    assert one.leader.leads
    assert one.store.open_alerts() == []


# Of the sessions of a server, the one that holds the leader's lock.
_OF_LEADER = (
    "application_name LIKE %s AND pid IN (SELECT pid FROM pg_locks WHERE locktype = 'advisory')"
)


def test_a_sign_in_is_audited_once_for_all_servers(start_server: StartServer) -> None:
    one, other = start_server(watch=False), start_server(watch=False)
    for server in (one, other):
        server.audit_log.record_once(AuditAction.SIGNED_IN, by=LOCAL_OPERATOR, subject="abc")

    assert [entry.subject for entry in other.store.list_audit()] == ["abc"]


def test_the_server_that_led_last_tells_that_the_database_does_not_answer(
    start_server: StartServer, hook: Webhook, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("ecommerce_core.storage.postgresql.pool.PATIENCE_S", 1.0)
    with PostgresqlServer() as own:
        url = own.new_database()
        one, other = start_server(watch=False, url=url), start_server(watch=False, url=url)
        first, second = (
            Watched(one.facts, hook, one.leader),
            Watched(other.facts, hook, other.leader),
        )
        assert (first.look(), second.look()) == ([], [])

        own.stop()
        first.told_of(UNUSABLE)
        assert second.look() == [UNUSABLE]
        own.start()

        until(lambda: first.look()[-1:] == [f"Over: {UNUSABLE}"])
        assert second.look() == [UNUSABLE, f"Over: {UNUSABLE}"]
        for server in (one, other):
            server.stop(timeout_s=5)
            server.close()
