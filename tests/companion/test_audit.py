"""The audit: what programs and pages take is written down, and is itself a file."""

from __future__ import annotations

import csv
import io
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from ecommerce_core.application import Application
from ecommerce_core.companion import link_to
from ecommerce_core.domain import LASTS, Actor, AuditAction, Grant, NewAuditEntry, Role
from ecommerce_core.settings import Settings
from ecommerce_core.settings.api_tokens import ApiToken
from ecommerce_core.storage import RetentionSchedule
from tests.companion.data_routes.shop import DataServer, serving
from tests.support.peers import Peers, products
from tests.support.waiting import until

TOKEN = "0123456789abcdef0123456789ABCDEF"
BEARER = {"Authorization": f"Bearer {TOKEN}"}
ANNE = Actor("anne@shop.example", Role.ANALYST)


@pytest.fixture
def opened(tmp_path: Path, peers: Peers) -> Iterator[DataServer]:
    """A server where nobody signs in."""
    peers.serve_products(products(12))
    settings = Settings(database=tmp_path / "ecommerce.db")
    with serving(Application.open(settings, gateway_url=peers.url)) as served:
        served.fetch("products")
        yield served


@pytest.fixture
def closed(tmp_path: Path, peers: Peers) -> Iterator[DataServer]:
    """A server where people sign in."""
    peers.serve_products(products(12))
    application = Application.open(
        Settings(database=tmp_path / "ecommerce.db", api_tokens=(ApiToken("notebook", TOKEN),)),
        gateway_url=peers.url,
        sign_in_providers=("default",),
        link_secret="a cookie secret of some good length",
    )
    with serving(application) as served:
        served.fetch("products")
        yield served


def note(served: DataServer, action: AuditAction, actor: str | None, subject: str = "") -> None:
    entry = NewAuditEntry(datetime.now(UTC), action, actor, subject, {"count": 2})
    served.application.store.record_audit(entry)


def test_an_export_is_written_down_with_its_rows(opened: DataServer) -> None:
    store = opened.application.store
    for address in ("products.csv?q=x1-1", "products.wire.json", "products.parquet"):
        assert opened.get(address).status == 200
    assert opened.get("products.json?size=5").status == 200  # a page is a look, and no export
    until(lambda: len(store.list_audit()) == 3)
    found = {one.subject: one.details["rows"] for one in store.list_audit()}
    assert found == {"products.csv": 3, "products.wire.json": 12, "products.parquet": 12}
    assert {one.actor for one in store.list_audit()} == {None}


def test_an_export_of_changes_says_how_many_there_were(opened: DataServer, peers: Peers) -> None:
    peers.serve_products(products(12, price=300))
    opened.fetch("products")
    assert opened.get("products/changes.csv?from=1&to=2").status == 200
    until(opened.application.store.list_audit)
    [line] = opened.application.store.list_audit()
    assert (line.subject, line.details["rows"]) == ("products/changes.csv", 12)


def test_who_took_rows_by_token_or_link_is_named(closed: DataServer) -> None:
    store = closed.application.store
    for _ in range(3):
        assert closed.get("products.csv", headers=BEARER).status == 200
    grant = Grant(ANNE, datetime.now(UTC) + LASTS, "")
    assert (
        closed.get(link_to("products.csv", [], links=closed.application.links, grant=grant)).status
        == 200
    )
    until(lambda: len(store.list_audit()) == 5)
    exported = store.list_audit(action=AuditAction.ROWS_EXPORTED)
    assert sorted(str(one.actor) for one in exported) == ["anne@shop.example", *["notebook"] * 3]
    # Its use is written down once an hour.
    [used] = store.list_audit(action=AuditAction.TOKEN_USED)
    assert (used.actor, used.subject) == ("notebook", "notebook")


def test_the_audit_is_json_and_csv_of_an_action_or_an_actor(opened: DataServer) -> None:
    note(opened, AuditAction.CLOCK_PAUSED, "ada")
    note(opened, AuditAction.TASKS_DELETED, "bob", "=cmd")
    both = opened.json("audit.json")
    assert [line["actor"] for line in both] == ["bob", "ada"]
    assert both[0] | {"at": ""} == {
        "id": 2,
        "at": "",
        "action": "tasks_deleted",
        "actor": "bob",
        "subject": "=cmd",
        "details": {"count": 2},
    }
    assert [line["actor"] for line in opened.json("audit.json?action=clock_paused")] == ["ada"]
    assert [line["action"] for line in opened.json("audit.json?actor=bob")] == ["tasks_deleted"]
    text = opened.get("audit.csv").body.decode("utf-8-sig")
    rows = list(csv.DictReader(io.StringIO(text)))
    assert [row["subject"] for row in rows] == ["'=cmd", ""]


@pytest.mark.parametrize(
    "asked", ["action=nonsense", "colour=red", "actor=a&actor=b", "action=clock_paused&action=x"]
)
def test_what_makes_no_sense_is_refused(opened: DataServer, asked: str) -> None:
    assert opened.get(f"audit.json?{asked}").status == 400


def test_the_audit_is_for_who_has_signed_in(closed: DataServer) -> None:
    assert closed.get("audit.json").status == 401
    assert closed.get("audit.json", headers=BEARER).status == 200
    grant = Grant(ANNE, datetime.now(UTC) + LASTS, "")
    asked = [("action", "signed_in")]
    link = link_to("audit.csv", asked, links=closed.application.links, grant=grant)
    assert closed.get(link).status == 200
    assert closed.get(link.replace("signed_in", "clock_paused")).status == 403


def test_a_comparison_with_what_is_not_kept_any_more_is_gone(
    opened: DataServer, peers: Peers
) -> None:
    for price in (200, 300):
        peers.serve_products(products(12, price=price))
        opened.fetch("products")
    RetentionSchedule(opened.application.store, {"changes": timedelta()}).remove_old(
        now=datetime.now(UTC) + timedelta(minutes=1)
    )
    answer = opened.get("products/changes.csv?from=1&to=3")
    assert answer.status == 410
