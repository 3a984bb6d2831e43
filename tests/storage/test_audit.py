"""Who did what, and how long journals keep what they have."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest

from ecommerce_core.application import Application
from ecommerce_core.datasets import DATASETS
from ecommerce_core.domain import (
    AuditAction,
    ChangesRemoved,
    NewAuditEntry,
    NewDelivery,
    Outcome,
    Run,
    Trigger,
)
from ecommerce_core.domain.access import LOCAL_OPERATOR
from ecommerce_core.storage import RetentionSchedule, Store, to_text
from tests.support.peers import Peers, product, products

NOW = datetime(2026, 3, 2, 9, tzinfo=UTC)
DAY = timedelta(days=1)
PRODUCTS = DATASETS["products"]


@pytest.fixture
def store(any_store: Store) -> Store:
    """Return a store of each engine."""
    return any_store


def note(store: Store, action: AuditAction, actor: str | None, *, at: datetime = NOW) -> None:
    store.record_audit(NewAuditEntry(at, action, actor, "products", {"rows": 3}))


def test_the_audit_is_listed_newest_first_by_action_person_and_time(store: Store) -> None:
    note(store, AuditAction.CLOCK_PAUSED, "ada", at=NOW - DAY)
    note(store, AuditAction.ROWS_EXPORTED, "bob")
    note(store, AuditAction.ROWS_EXPORTED, None)

    assert [one.actor for one in store.list_audit()] == [None, "bob", "ada"]
    assert store.list_audit()[0].details == {"rows": 3}
    assert [one.actor for one in store.list_audit(action=AuditAction.CLOCK_PAUSED)] == ["ada"]
    assert [one.action for one in store.list_audit(actor="bob")] == [AuditAction.ROWS_EXPORTED]
    assert len(store.list_audit(since=NOW)) == 2
    newest = store.list_audit(limit=1)[0]
    assert [one.actor for one in store.list_audit(before_id=newest.id)] == ["bob", "ada"]
    assert store.list_auditors() == ["ada", "bob"]


def deliver(store: Store, count: int, *, at: datetime) -> None:
    new = NewDelivery(at, "products", Outcome.EXECUTED, None, None, None, None, 0.1)
    store.record_deliveries([new] * count)


def test_what_is_older_than_it_is_to_be_kept_goes_in_steps_of_a_thousand(store: Store) -> None:
    deliver(store, 2_500, at=NOW - 31 * DAY)
    deliver(store, 3, at=NOW - 29 * DAY)
    steps = [store.remove_step("deliveries", before=NOW - 30 * DAY) for _ in range(4)]
    assert steps == [1_000, 1_000, 500, 0]
    assert len(store.list_deliveries(limit=10_000)) == 3


def test_the_newest_delivery_stays_however_old_it_is(store: Store) -> None:
    deliver(store, 2, at=NOW - 31 * DAY)
    retention = RetentionSchedule(store, {"deliveries": DAY})
    assert retention.remove_old(now=NOW) == {"deliveries": 1}
    assert store.newest_delivery_id() == 2


def test_the_audit_itself_is_kept_as_long_as_is_set(store: Store) -> None:
    note(store, AuditAction.CLOCK_PAUSED, "ada", at=NOW - 2 * DAY)
    note(store, AuditAction.CLOCK_RESUMED, "ada")
    assert RetentionSchedule(store, {"audit": DAY}).remove_old(now=NOW) == {"audit": 1}
    assert [one.action for one in store.list_audit()] == [AuditAction.CLOCK_RESUMED]


def test_what_is_kept_for_ever_is_not_touched(store: Store) -> None:
    note(store, AuditAction.CLOCK_PAUSED, "ada", at=NOW - 5_000 * DAY)
    retention = RetentionSchedule(store, {})
    retention.start()
    assert retention.remove_old(now=NOW) == {}
    assert len(store.list_audit()) == 1


def sync(app: Application) -> Run:
    return app.request_sync("products", actor=LOCAL_OPERATOR, trigger=Trigger.MANUAL).wait(10)


def backdate(app: Application, run: Run) -> None:
    with app.store.writing() as db:
        at = to_text(datetime.now(UTC) - 40 * DAY)
        db.execute("UPDATE run SET finished_at = ? WHERE id = ?", [at, run.id])
        db.execute("UPDATE product SET first_seen_at = ?", [at])


@pytest.fixture
def three_runs(application: Application, peers: Peers) -> list[Run]:
    """Runs of which the first two are old: the second changed a price, the third another."""
    runs = []
    for price in (100, 200, 300):
        rejected = {"codeProduit": 3}
        peers.serve_products([*products(30), product("X", price=price), rejected])
        runs.append(sync(application))
        if len(runs) < 3:
            backdate(application, runs[-1])
    return runs


def test_changes_and_rejected_records_of_old_runs_go_and_their_runs_stay(
    application: Application, three_runs: list[Run]
) -> None:
    store = application.store
    keep = {"changes": 30 * DAY, "rejected": 30 * DAY}
    assert RetentionSchedule(store, keep).remove_old(now=datetime.now(UTC)) == {
        "changes": 1,
        "rejected": 2,
    }
    first, second, third = three_runs
    assert [len(store.list_changes(run.id)) for run in three_runs] == [0, 0, 1]
    assert [len(store.list_rejected(run.id)) for run in three_runs] == [0, 0, 1]
    assert len(store.list_runs()) == 3
    # A comparison says so rather than be wrong.
    with pytest.raises(ChangesRemoved):
        application.changes.count_rows(PRODUCTS, first.id, third.id)
    counts = application.changes.count_rows(PRODUCTS, second.id, third.id)
    assert sum(counts.values()) == 1


def test_an_action_of_an_operator_is_in_the_audit_and_a_run_in_its_own_journal(
    application: Application, peers: Peers
) -> None:
    peers.serve_products(products(40))
    sync(application)
    peers.serve_products(products(3))
    held = sync(application)
    application.discard(held.id, actor=LOCAL_OPERATOR)
    application.send_test_message(actor=LOCAL_OPERATOR)

    audit = application.store.list_audit()
    assert [(one.action, one.subject, dict(one.details)) for one in audit] == [
        (AuditAction.TEST_MESSAGE_SENT, "", {}),
        (AuditAction.ANSWER_DISCARDED, "products", {"run": held.id}),
    ]


def test_what_is_noted_once_is_noted_once_over_restarts_and_again_after_a_time(
    application: Application,
) -> None:
    signed_in, used = AuditAction.SIGNED_IN, AuditAction.TOKEN_USED
    for _ in range(3):
        application.audit_log.record_once(signed_in, by=LOCAL_OPERATOR, subject="abc")
        application.audit_log.record_once(
            used, by=LOCAL_OPERATOR, subject="t", every=timedelta(hours=1)
        )
        application.audit_log.record_once(used, by=LOCAL_OPERATOR, subject="u", every=timedelta())
    application.audit_log._recorded_at.clear()  # as a restart does
    application.audit_log.record_once(signed_in, by=LOCAL_OPERATOR, subject="abc")

    assert len(application.store.list_audit(action=signed_in)) == 1
    assert len(application.store.list_audit(action=used)) == 1 + 3
