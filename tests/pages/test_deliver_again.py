"""A callback that a person repeats: its run, its journal entry, and that it matches nothing."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest

from ecommerce_core.application import Application
from ecommerce_core.domain import (
    ANONYMOUS,
    SCHEDULER,
    Actor,
    Delivery,
    DeliveryUnknown,
    Fact,
    NewDelivery,
    Outcome,
    Role,
    SyncStopped,
    Trigger,
    said,
)
from ecommerce_core.domain.access import LOCAL_OPERATOR
from ecommerce_core.domain.errors import NotAllowed
from ecommerce_core.sandbox import Sandbox
from ecommerce_core.settings import Settings
from tests.support.peers import Peers, products
from tests.support.waiting import until


def journal_one(app: Application, *, outcome: Outcome = Outcome.FAILED) -> int:
    """Journal a callback of the scheduler's own, and return its number."""
    new = NewDelivery(
        datetime.now(UTC), "products", outcome, None, said("it broke"), None, None, 0.1
    )
    app.store.record_deliveries([new])
    return app.store.newest_delivery_id()


def newest(app: Application, after: int) -> Delivery:
    until(lambda: app.store.newest_delivery_id() > after)
    return app.store.list_deliveries(limit=1)[0]


def test_it_runs_the_callbacks_sync_and_is_a_delivery_of_its_own(
    application: Application, peers: Peers
) -> None:
    peers.serve_products(products(3))
    peers.bodies["scheduler"] = b'["07/01/2019-01:23:20", 50, false]'
    before = journal_one(application)

    run = application.deliver_again(before, actor=LOCAL_OPERATOR).wait(10)

    assert (run.trigger, run.task_name) == (Trigger.CALLBACK, "get_products")
    assert run.counts.added == 3
    again = newest(application, before)
    assert (again.outcome, again.run_id, again.again_of) == (Outcome.EXECUTED, run.id, before)
    assert (again.dataset, again.task_name) == ("products", "get_products")


def test_it_carries_the_simulated_time_that_the_monitor_saw(settings: Settings) -> None:
    with Sandbox(products=3, customers=3) as sandbox:
        app = Application.open(settings, gateway_url=sandbox.url)
        app.start(watch=False)
        app.monitor.poll()
        clock = app.monitor.snapshot().reading.clock
        before = journal_one(app)

        run = app.deliver_again(before, actor=LOCAL_OPERATOR).wait(10)

        assert clock is not None
        assert run.simulated_at is not None
        assert run.simulated_at >= clock.simulated_at
        assert newest(app, before).simulated_at == run.simulated_at
        app.stop()


def test_it_does_not_wait_for_the_peer_and_two_at_once_share_the_next_run(
    application: Application, peers: Peers
) -> None:
    peers.serve_products(products(3))
    before = journal_one(application)
    peers.gate.clear()
    application.request_sync("products", actor=LOCAL_OPERATOR, trigger=Trigger.MANUAL)
    until(lambda: peers.asked["catalogue-produit"] == 1)

    tickets = [application.deliver_again(before, actor=LOCAL_OPERATOR) for _ in range(2)]
    assert [ticket.joined for ticket in tickets] == [False, True]
    peers.gate.set()
    assert tickets[0].wait(10).id == tickets[1].wait(10).id
    until(lambda: application.store.newest_delivery_id() == before + 2)
    outcomes = {one.outcome for one in application.store.list_deliveries(limit=2)}
    assert outcomes == {Outcome.EXECUTED, Outcome.JOINED}


def test_a_peer_that_fails_again_is_told_after_what_was_delivered_again(
    application: Application,
) -> None:
    before = journal_one(application)

    run = application.deliver_again(before, actor=LOCAL_OPERATOR).wait(10)

    again = newest(application, before)
    assert (again.outcome, again.again_of) == (Outcome.FAILED, before)
    assert (
        again.reason == run.error == Fact("no_route", {"peer": "catalogue-produit", "status": 404})
    )


@pytest.mark.parametrize("actor", [ANONYMOUS, SCHEDULER, Actor("ann", Role.ANALYST)])
def test_only_an_operator_may_ask_for_it(application: Application, actor: Actor) -> None:
    before = journal_one(application)

    with pytest.raises(NotAllowed):
        application.deliver_again(before, actor=actor)

    assert application.store.list_runs() == []
    assert application.store.newest_delivery_id() == before


def test_one_that_is_not_in_the_journal_runs_nothing(application: Application) -> None:
    with pytest.raises(DeliveryUnknown, match="callback 7"):
        application.deliver_again(7, actor=LOCAL_OPERATOR)

    assert application.store.list_runs() == []


def test_what_cannot_be_begun_is_journalled_as_failed(application: Application) -> None:
    before = journal_one(application)
    application.stop()

    with pytest.raises(SyncStopped):
        application.deliver_again(before, actor=LOCAL_OPERATOR)

    # The writer has ended with the rest, and writes later entries when it starts again.
    application._deliveries.start()
    assert newest(application, before).outcome is Outcome.FAILED
    application._deliveries.stop()
