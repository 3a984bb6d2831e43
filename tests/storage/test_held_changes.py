"""What the answer of a held run would change, before anybody decides about it."""

from __future__ import annotations

import pytest

from ecommerce_core.application import Application
from ecommerce_core.datasets import PRODUCTS
from ecommerce_core.domain import ChangeKind, ChangeQuery, Difference, Run, RunNotHeld, Trigger
from ecommerce_core.domain.access import LOCAL_OPERATOR
from tests.support.peers import Peers, product, products


def fetch(application: Application) -> Run:
    return application.request_sync("products", actor=LOCAL_OPERATOR, trigger=Trigger.MANUAL).wait(
        20
    )


@pytest.fixture
def waiting(application: Application, peers: Peers) -> Run:
    """Return a held run: of 41 products, 38 would go, one come, one return and two change."""
    peers.serve_products([*products(40), product("BACK", familleProduit="TV")])
    fetch(application)
    peers.serve_products(products(40))
    fetch(application)
    changed = product(0, price=250, descriptionProduit="Frigo, better")
    answer = [changed, product(1, price=99), product("BACK", familleProduit="TV", price=5)]
    peers.serve_products([*answer, product("NEW", familleProduit="Audio")])
    return fetch(application)


def test_the_rows_that_would_go_come_return_and_change_are_counted_as_the_run_says(
    application: Application, waiting: Run
) -> None:
    with application.changes.held(PRODUCTS, waiting.id) as changes:
        counts = changes.count_rows(ChangeQuery())

    assert counts == {
        ChangeKind.ADDED: 1,
        ChangeKind.RETURNED: 1,
        ChangeKind.WITHDRAWN: 38,
        ChangeKind.UPDATED: 2,
    }
    counted = waiting.counts
    assert (counted.added, counted.returned) == (1, 1)
    assert (counted.withdrawn, counted.updated) == (38, 2)


def test_each_has_its_key_its_title_and_the_old_and_new_value_of_its_fields(
    application: Application, waiting: Run
) -> None:
    with application.changes.held(PRODUCTS, waiting.id) as changes:
        found = changes.list_entries(ChangeQuery(page_size=100))

    frigo, added, gone = "Frigos:P1-0", ChangeKind.ADDED, ChangeKind.WITHDRAWN
    assert found[0] == Difference(
        "NEW", added, None, None, None, title="Frigos:P1-NEW", groups=("Audio",)
    )
    assert found[1] == Difference(
        "BACK", ChangeKind.RETURNED, None, None, None, title="Frigos:P1-BACK", groups=("TV",)
    )
    assert [(one.field, one.old, one.new) for one in found[2:3]] == [("price_cents", "100", "5")]
    assert [one.key for one in found if one.kind is gone] == [f"X1-{n}" for n in range(2, 40)]
    assert {one.title for one in found if one.key == "X1-2"} == {"Frigos:P1-2"}
    updated = [one for one in found if one.kind is ChangeKind.UPDATED]
    assert [(one.key, one.field, one.old, one.new, one.difference) for one in updated] == [
        ("X1-0", "description", frigo, "Frigo, better", None),
        ("X1-0", "price_cents", "100", "250", 150.0),
        ("X1-1", "price_cents", "100", "99", -1.0),
    ]


def test_they_are_searched_by_family_and_by_key_like_any_changes(
    application: Application, waiting: Run
) -> None:
    with application.changes.held(PRODUCTS, waiting.id) as changes:
        tv = changes.list_entries(ChangeQuery(values=(("family", ("TV",)),)))
        new = changes.list_entries(ChangeQuery(search="new"))

    assert {one.key for one in tv} == {"BACK"}
    assert [one.key for one in new] == ["NEW"]


def test_once_it_is_decided_there_is_nothing_to_see(application: Application, waiting: Run) -> None:
    with application.changes.held(PRODUCTS, waiting.id) as changes:
        assert changes.count_entries(ChangeQuery()) > 0
    application.discard(waiting.id, actor=LOCAL_OPERATOR)

    with (
        pytest.raises(RunNotHeld),
        application.changes.held(PRODUCTS, waiting.id),
    ):
        pass


def test_after_a_clear_all_records_of_a_held_answer_would_come(
    application: Application, peers: Peers
) -> None:
    peers.serve_products(products(40))
    fetch(application)
    application.clear("products", actor=LOCAL_OPERATOR, trigger=Trigger.MANUAL)
    peers.serve_products(products(3))
    held = fetch(application)

    with application.changes.held(PRODUCTS, held.id) as changes:
        assert changes.count_rows(ChangeQuery())[ChangeKind.ADDED] == 3
        assert changes.count_entries(ChangeQuery()) == 3
