"""The sync: the effect of an answer on the store, and its journal."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from ecommerce_core.application import Application
from ecommerce_core.datasets import PRODUCTS, Product
from ecommerce_core.domain import (
    Action,
    ChangeKind,
    Counts,
    Fact,
    NothingToUndo,
    Query,
    Resolution,
    Run,
    RunNotHeld,
    RunStatus,
    Totals,
    Trigger,
    Withdrawn,
    make_fact,
)
from ecommerce_core.domain.access import LOCAL_OPERATOR
from ecommerce_core.settings import Settings
from ecommerce_core.sync import sync as sync_module
from tests.support.peers import Peers, customer, product, products


def sync(application: Application, name: str = "products") -> Run:
    return application.request_sync(name, actor=LOCAL_OPERATOR, trigger=Trigger.MANUAL).wait(20)


def prices(application: Application, **query: Any) -> dict[str, int]:
    rows = application.reader.list_rows(
        application.datasets["products"], Query(page_size=1000, **query)
    )
    return {row.code: row.price_cents for row in rows if isinstance(row, Product)}


def totals(application: Application) -> Totals:
    return application.store.totals(application.datasets["products"])


def test_a_first_sync_fills_the_table(application: Application, peers: Peers) -> None:
    peers.serve_products(products(30))

    run = sync(application)

    assert run.status is RunStatus.SUCCEEDED
    assert run.counts == Counts(fetched=30, added=30)
    assert run.body_bytes == len(peers.bodies["catalogue-produit"])
    assert set(run.stages_s) == {"downloading", "validating", "storing"}
    assert totals(application) == Totals(current=30, withdrawn=0)
    assert application.store.last_good_run("products") == run


def test_the_same_answer_again_is_unchanged(application: Application, peers: Peers) -> None:
    peers.serve_products([*products(30), product("bad", price=-1)])
    first = sync(application)

    second = sync(application)

    assert first.status is RunStatus.PARTIAL
    assert second.status is RunStatus.UNCHANGED
    assert second.counts == Counts(fetched=31, unchanged=30, rejected=1)


def test_an_answer_in_another_order_changes_nothing(application: Application, peers: Peers) -> None:
    peers.serve_products(products(30))
    sync(application)
    peers.serve_products(list(reversed(products(30))))

    run = sync(application)

    assert run.status is RunStatus.SUCCEEDED
    assert run.counts == Counts(fetched=30, unchanged=30)
    assert application.store.list_changes(run.id) == []


def test_a_peer_that_speaks_etag_is_not_asked_to_say_it_twice(
    application: Application, peers: Peers
) -> None:
    peers.serve_products(products(30))
    peers.headers["catalogue-produit"] = {"ETag": '"v1"'}
    sync(application)

    run = sync(application)

    assert run.status is RunStatus.UNCHANGED
    assert run.body_bytes == 0
    assert run.counts == Counts(fetched=30, unchanged=30)


@pytest.mark.parametrize("headers", [{}, {"ETag": '"v1"'}])
def test_a_decoder_that_reads_otherwise_reads_an_unchanged_answer_anew(
    application: Application,
    peers: Peers,
    monkeypatch: pytest.MonkeyPatch,
    headers: dict[str, str],
) -> None:
    peers.serve_products(products(30))
    peers.headers["catalogue-produit"] = headers
    sync(application)
    monkeypatch.setattr(sync_module, "CONTRACT_REVISION", 1_000)

    anew, again = sync(application), sync(application)

    assert (anew.status, anew.counts) == (RunStatus.SUCCEEDED, Counts(fetched=30, unchanged=30))
    assert anew.body_bytes > 0
    assert again.status is RunStatus.UNCHANGED


def test_what_changed_is_recorded_field_by_field(application: Application, peers: Peers) -> None:
    peers.serve_products(products(30))
    sync(application)
    changed = products(30)
    changed[3]["prix"] = 999
    changed[4]["descriptionProduit"] = "new"
    changed[5]["packaging"] = None
    peers.serve_products([*changed, product("new")])

    run = sync(application)

    assert run.counts == Counts(fetched=31, added=1, updated=3, unchanged=27)
    changes = {(c.key, c.field): (c.old, c.new) for c in application.store.list_changes(run.id)}
    assert changes == {
        ("X1-3", "price_cents"): (100, 999),
        ("X1-4", "description"): ("Frigos:P1-4", "new"),
        ("X1-5", "catalogue_packaging"): (2, None),
    }
    assert prices(application)["X1-3"] == 999


def test_only_what_differs_gets_a_new_time(application: Application, peers: Peers) -> None:
    peers.serve_products(products(30))
    sync(application)
    peers.serve_products([product(0, price=7), *products(30)[1:]])
    sync(application)

    rows = application.reader.list_rows(application.datasets["products"], Query())

    newer = [row for row in rows if row.updated_at > row.first_seen_at]
    assert [row.code for row in newer if isinstance(row, Product)] == ["X1-0"]


def test_what_is_no_longer_listed_is_withdrawn_and_comes_back(
    application: Application, peers: Peers
) -> None:
    peers.serve_products(products(30))
    sync(application)
    peers.serve_products(products(20))

    gone = sync(application)

    assert gone.counts == Counts(fetched=20, unchanged=20, withdrawn=10)
    assert totals(application) == Totals(current=20, withdrawn=10)
    assert len(prices(application)) == 20
    assert len(prices(application, withdrawn=Withdrawn.SHOW)) == 30
    assert {c.field for c in application.store.list_changes(gone.id)} == {"withdrawn_at"}

    peers.serve_products(products(30))
    back = sync(application)

    assert back.counts == Counts(fetched=30, returned=10, unchanged=20)
    assert totals(application) == Totals(current=30, withdrawn=0)


def test_a_halved_answer_is_held_for_confirmation(application: Application, peers: Peers) -> None:
    peers.serve_products(products(40))
    sync(application)
    peers.serve_products(products(19, price=5))

    run = sync(application)

    assert run.status is RunStatus.HELD
    assert run.error == Fact("held_would_withdraw", {"withdrawn": 21, "current": 40})
    assert totals(application) == Totals(current=40, withdrawn=0)
    assert set(prices(application).values()) == {100}
    assert application.store.held_run("products") == run


def test_an_answer_that_gives_everybody_a_new_number_says_so(
    application: Application, peers: Peers
) -> None:
    peers.serve_customers([customer(number, firstName=f"A{number}") for number in range(30)])
    sync(application, "customers")
    again = [customer(number + 100, firstName=f"A{number}") for number in range(30)]
    for one, number in zip(again, range(30), strict=True):
        one |= {"account": f"BKN1CST{number}", "lastName": f"Eddison-{number}"}
    again[0]["payment"] = 99  # one has changed meanwhile
    peers.serve_customers([*again, customer(500)])
    run = sync(application, "customers")

    assert run.status is RunStatus.HELD
    assert run.error == Fact("held_renumbered", {"withdrawn": 30, "current": 30, "same": 29})

    # As many others are not the same ones under new numbers.
    others = [customer(number + 200, firstName=f"B{number}") for number in range(30)]
    peers.serve_customers(others)
    run = sync(application, "customers")
    assert run.error == Fact("held_would_withdraw", {"withdrawn": 30, "current": 30})


def test_half_the_list_is_not_more_than_half(application: Application, peers: Peers) -> None:
    peers.serve_products(products(40))
    sync(application)
    peers.serve_products(products(20))

    assert sync(application).status is RunStatus.SUCCEEDED


@pytest.mark.parametrize(
    ("percent", "left", "status"),
    [
        (0, 39, RunStatus.HELD),
        (0, 40, RunStatus.SUCCEEDED),
        (10, 36, RunStatus.SUCCEEDED),
        (10, 35, RunStatus.HELD),
        (99, 1, RunStatus.SUCCEEDED),
        (100, 1, RunStatus.SUCCEEDED),
    ],
)
def test_from_which_loss_on_an_answer_is_held_is_set(
    settings: Settings, peers: Peers, percent: int, left: int, status: RunStatus
) -> None:
    application = Application.open(
        replace(settings, hold_above_percent=percent), gateway_url=peers.url
    )
    application.start()
    try:
        peers.serve_products(products(40))
        sync(application)
        peers.serve_products(products(left, price=5))
        assert sync(application).status is status
    finally:
        application.stop()


def test_a_small_dataset_is_never_held(application: Application, peers: Peers) -> None:
    peers.serve_products(products(19))
    sync(application)
    peers.serve_products([])

    run = sync(application)

    assert run.counts == Counts(withdrawn=19)
    assert totals(application) == Totals(current=0, withdrawn=19)


def test_a_confirmed_run_applies_the_very_answer_that_was_held(
    application: Application, peers: Peers
) -> None:
    peers.serve_products(products(40))
    sync(application)
    peers.serve_products(products(10, price=5))
    held = sync(application)
    peers.serve_products(products(3))  # whatever the peer answers meanwhile

    run = application.confirm(held.id, actor=LOCAL_OPERATOR, trigger=Trigger.MANUAL).wait(20)

    assert run.status is RunStatus.SUCCEEDED
    assert run.confirms_run_id == held.id
    assert run.counts == Counts(fetched=10, updated=10, withdrawn=30)
    assert totals(application) == Totals(current=10, withdrawn=30)
    resolved = application.store.run(held.id)
    assert resolved is not None
    assert resolved.resolution is Resolution.CONFIRMED
    with pytest.raises(RunNotHeld):
        application.confirm(held.id, actor=LOCAL_OPERATOR, trigger=Trigger.MANUAL)


def test_a_discarded_run_changes_nothing_and_cannot_be_confirmed(
    application: Application, peers: Peers
) -> None:
    peers.serve_products(products(40))
    sync(application)
    peers.serve_products([])
    held = sync(application)

    run = application.discard(held.id, actor=LOCAL_OPERATOR)

    assert run.resolution is Resolution.DISCARDED
    assert totals(application).current == 40
    with pytest.raises(RunNotHeld, match=f"run {held.id} does not wait"):
        application.discard(held.id, actor=LOCAL_OPERATOR)


def test_a_good_answer_supersedes_the_held_one(application: Application, peers: Peers) -> None:
    peers.serve_products(products(40))
    sync(application)
    peers.serve_products([])
    held = sync(application)
    peers.serve_products(products(41))
    sync(application)

    resolved = application.store.run(held.id)

    assert resolved is not None
    assert resolved.resolution is Resolution.SUPERSEDED
    assert application.store.held_run("products") is None


def test_the_old_answer_again_supersedes_the_held_one(
    application: Application, peers: Peers
) -> None:
    peers.serve_products(products(40))
    sync(application)
    peers.serve_products([])
    sync(application)
    peers.serve_products(products(40))

    assert sync(application).status is RunStatus.UNCHANGED
    assert application.store.held_run("products") is None


def test_a_bad_record_is_rejected_and_its_row_stays_as_it_was(
    application: Application, peers: Peers
) -> None:
    peers.serve_products(products(30))
    sync(application)
    records = products(30, price=200)
    records[7]["prix"] = True
    peers.serve_products(records)

    run = sync(application)

    assert run.status is RunStatus.PARTIAL
    assert run.counts == Counts(fetched=30, updated=29, rejected=1)
    assert prices(application)["X1-7"] == 100
    (bad,) = application.store.list_rejected(run.id)
    assert (bad.position, bad.key) == (7, "X1-7")
    assert bad.reason == make_fact("wrong_type", field="prix", wanted=["int"], got=["bool"])
    assert '"prix": true' in bad.record


def test_while_a_rejected_record_hides_its_key_nothing_is_withdrawn(
    application: Application, peers: Peers
) -> None:
    peers.serve_products(products(30))
    sync(application)
    records: list[Any] = products(29)
    peers.serve_products([*records, {"descriptionProduit": "which one am I?"}])

    run = sync(application)

    assert run.counts == Counts(fetched=30, unchanged=29, rejected=1)
    assert totals(application) == Totals(current=30, withdrawn=0)


def test_an_answer_of_bad_records_alone_fails_and_changes_nothing(
    application: Application, peers: Peers
) -> None:
    peers.serve_products(products(30))
    sync(application)
    peers.serve_products(products(30, price=-1))

    run = sync(application)

    assert run.status is RunStatus.FAILED
    assert run.counts == Counts(fetched=30, rejected=30)
    first = make_fact("too_small", field="prix", limit="0")
    assert run.error == make_fact(
        "no_record_taken", peer="catalogue-produit", count=30, reason=first
    )
    assert len(application.store.list_rejected(run.id)) == 30
    assert totals(application).current == 30


@pytest.mark.parametrize(
    ("body", "code"),
    [
        (b"<html>Hello</html>", "answer_not_json"),
        (b'{"produits": 3}', "answer_of_another_shape"),
        (b"null", "answer_of_another_shape"),
        (b"[]", "answer_of_another_shape"),
        (b"", "answer_not_json"),
    ],
)
def test_a_broken_answer_fails_the_run_and_leaves_the_store(
    application: Application, peers: Peers, body: bytes, code: str
) -> None:
    peers.serve_products(products(30))
    sync(application)
    peers.bodies["catalogue-produit"] = body

    run = sync(application)

    assert run.status is RunStatus.FAILED
    assert run.error is not None
    assert (run.error.code, run.error.details["peer"]) == (code, "catalogue-produit")
    assert totals(application).current == 30
    peers.serve_products(products(31))
    assert sync(application).status is RunStatus.SUCCEEDED


def test_a_peer_that_is_not_there_fails_the_run_by_name(application: Application) -> None:
    run = sync(application, "customers")

    assert run.status is RunStatus.FAILED
    assert run.error == Fact("no_route", {"peer": "crm", "status": 404})


def test_customers_take_the_same_road(application: Application, peers: Peers) -> None:
    peers.serve_customers([customer(1), customer(2, fidelityPoint=0.5)])
    sync(application, "customers")
    peers.serve_customers([customer(1), customer(2, fidelityPoint=1.5)])

    run = sync(application, "customers")

    assert run.counts == Counts(fetched=2, updated=1, unchanged=1)
    (change,) = application.store.list_changes(run.id)
    assert (change.field, change.old, change.new) == ("loyalty_points", 0.5, 1.5)


def test_after_a_clear_the_same_answer_fills_the_table_again(
    application: Application, peers: Peers
) -> None:
    peers.serve_products(products(30))
    sync(application)
    application.clear("products", actor=LOCAL_OPERATOR, trigger=Trigger.MANUAL)

    run = sync(application)

    assert run.counts == Counts(fetched=30, added=30)


@pytest.mark.parametrize("few", [0, 5])
def test_after_a_clear_an_answer_that_has_lost_more_than_half_is_held_and_can_be_undone(
    application: Application, peers: Peers, few: int
) -> None:
    peers.serve_products(products(40))
    sync(application)
    application.clear("products", actor=LOCAL_OPERATOR, trigger=Trigger.MANUAL)
    peers.serve_products(products(few))

    run = sync(application)

    assert run.status is RunStatus.HELD
    assert run.error == Fact("held_after_clear", {"records": few, "cleared": 40})
    assert application.undoable_rows("products") == 40
    application.undo_clear("products", actor=LOCAL_OPERATOR, trigger=Trigger.MANUAL)
    assert totals(application).current == 40


def test_a_confirmed_old_answer_is_no_answer_to_a_newer_question(
    application: Application, peers: Peers
) -> None:
    peers.serve_products(products(40))
    first = sync(application)
    peers.serve_products([])
    held = sync(application)
    confirmed = application.confirm(held.id, actor=LOCAL_OPERATOR, trigger=Trigger.MANUAL).wait(20)
    assert confirmed.status.is_good

    assert application.store.finished_sync_after("products", first.id) is None


def held(application: Application, peers: Peers, answer: list[dict[str, Any]]) -> Run:
    """Return the run that holds an answer after one of 40 products."""
    peers.serve_products(products(40))
    sync(application)
    peers.serve_products(answer)
    run = sync(application)
    assert run.status is RunStatus.HELD
    return run


def apply(application: Application, run: Run) -> Run:
    return application.confirm(run.id, actor=LOCAL_OPERATOR, trigger=Trigger.MANUAL).wait(20)


def test_an_applied_answer_can_be_taken_back_row_by_row(
    application: Application, peers: Peers
) -> None:
    waiting = held(application, peers, [product("NEW"), *products(5, price=5)])
    before = application.reader.list_rows(PRODUCTS, Query(page_size=1000))
    applied = apply(application, waiting)
    found = application.applied_run("products")
    assert found is not None
    assert found.id == applied.id
    assert application.undoable_rows("products") == 0
    with pytest.raises(NothingToUndo):
        application.undo_clear("products", actor=LOCAL_OPERATOR, trigger=Trigger.MANUAL)

    undone = application.undo_apply("products", actor=LOCAL_OPERATOR, trigger=Trigger.MANUAL)

    assert (undone.action, undone.counts) == (
        Action.UNDO_APPLY,
        Counts(returned=35, updated=5, withdrawn=1),
    )
    assert application.reader.list_rows(PRODUCTS, Query(page_size=1000)) == before
    assert totals(application) == Totals(current=40, withdrawn=0)
    assert application.applied_run("products") is None
    with pytest.raises(NothingToUndo):
        application.undo_apply("products", actor=LOCAL_OPERATOR, trigger=Trigger.MANUAL)


def test_what_was_applied_and_taken_back_is_no_change_over_both(
    application: Application, peers: Peers
) -> None:
    waiting = held(application, peers, products(5, price=5))
    applied = apply(application, waiting)
    undone = application.undo_apply("products", actor=LOCAL_OPERATOR, trigger=Trigger.MANUAL)

    over_both = application.changes.count_rows(PRODUCTS, applied.id - 1, undone.id)
    back = application.changes.count_rows(PRODUCTS, applied.id, undone.id)

    assert set(over_both.values()) == {0}
    assert (back[ChangeKind.RETURNED], back[ChangeKind.UPDATED]) == (35, 5)


def test_after_an_answer_was_taken_back_the_same_answer_is_held_again(
    application: Application, peers: Peers
) -> None:
    waiting = held(application, peers, products(5))
    before = application.store.last_good_run("products")
    apply(application, waiting)
    confirmed = sync(application)
    assert confirmed.status is RunStatus.UNCHANGED
    assert application.store.last_good_run("products") == confirmed
    assert application.applied_run("products") is not None
    application.undo_apply("products", actor=LOCAL_OPERATOR, trigger=Trigger.MANUAL)

    assert application.store.last_good_run("products") == before
    assert sync(application).status is RunStatus.HELD


def test_a_fetch_that_changes_something_ends_the_undo_of_an_applied_answer(
    application: Application, peers: Peers
) -> None:
    apply(application, held(application, peers, products(5)))
    peers.serve_products(products(6))
    sync(application)

    assert application.applied_run("products") is None
    with pytest.raises(NothingToUndo):
        application.undo_apply("products", actor=LOCAL_OPERATOR, trigger=Trigger.MANUAL)


def test_a_clear_after_an_applied_answer_is_what_an_undo_takes_back(
    application: Application, peers: Peers
) -> None:
    apply(application, held(application, peers, products(5)))
    application.clear("products", actor=LOCAL_OPERATOR, trigger=Trigger.MANUAL)

    assert application.applied_run("products") is None
    assert application.undoable_rows("products") == 40
    application.undo_clear("products", actor=LOCAL_OPERATOR, trigger=Trigger.MANUAL)
    assert totals(application) == Totals(current=5, withdrawn=35)


def test_an_answer_applied_after_a_clear_can_be_taken_back_to_the_cleared_rows(
    application: Application, peers: Peers
) -> None:
    peers.serve_products(products(40))
    sync(application)
    application.clear("products", actor=LOCAL_OPERATOR, trigger=Trigger.MANUAL)
    peers.serve_products(products(3))
    apply(application, sync(application))
    assert totals(application).current == 3

    undone = application.undo_apply("products", actor=LOCAL_OPERATOR, trigger=Trigger.MANUAL)

    assert undone.counts.returned == 37
    assert totals(application) == Totals(current=40, withdrawn=0)


def test_an_answer_after_an_empty_one_was_applied_is_not_held(
    application: Application, peers: Peers
) -> None:
    apply(application, held(application, peers, []))
    peers.serve_products(products(3))

    assert sync(application).status is RunStatus.SUCCEEDED
