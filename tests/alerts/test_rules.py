"""The rules: facts lead to alerts, and one cause leads to one alert."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest

from ecommerce_core.alerts.facts import DatasetFacts, Facts, Fault, SchedulerFacts, StoreFault
from ecommerce_core.alerts.rules import find_alerts
from ecommerce_core.domain import (
    Action,
    Alert,
    AlertCode,
    Counts,
    ExpectedCallback,
    ExpectedOutcome,
    Run,
    RunStatus,
    Severity,
    Trigger,
    said,
)

NOW = datetime(2026, 3, 2, 9, tzinfo=UTC)
HOUR, DAY = timedelta(hours=1), timedelta(days=1)
ONE_AM = datetime(2030, 1, 1, 1)


def run(status: RunStatus, *, number: int = 7, age: timedelta = HOUR, **counts: int) -> Run:
    return Run(
        id=number,
        dataset="products",
        action=Action.SYNC,
        trigger=Trigger.CALLBACK,
        status=status,
        started_at=NOW - age - timedelta(seconds=3),
        finished_at=NOW - age,
        counts=Counts(**counts),
        body_bytes=0,
        stages_s={},
        error=None,
        simulated_at=None,
        task_name=None,
        confirms_run_id=None,
        resolution=None,
    )


GOOD = run(RunStatus.SUCCEEDED)
PRODUCTS = DatasetFacts("products", "catalogue-produit", last_run=GOOD, last_good=GOOD)
CUSTOMERS = DatasetFacts("customers", "crm", last_run=GOOD, last_good=GOOD)
WELL = Facts(NOW, (PRODUCTS, CUSTOMERS))


def expected(outcome: ExpectedOutcome, **fields: object) -> ExpectedCallback:
    one = ExpectedCallback(
        id=11,
        dataset="products",
        task_name="get_products",
        source_app="e-commerce",
        recurrence="hour",
        simulated_at=ONE_AM,
        simulated_last_at=ONE_AM,
        count=1,
        since_at=NOW - HOUR,
        noticed_at=NOW - HOUR,
        speed=50.0,
        outcome=outcome,
    )
    return replace(one, **fields)  # type: ignore[arg-type]


def told(facts: Facts) -> list[Alert]:
    """Return the alerts without those that another alert explains."""
    return [alert for alert in find_alerts(facts) if alert.inhibited_by is None]


def codes(facts: Facts) -> list[str]:
    return [str(alert.code) for alert in told(facts)]


def failed(dataset: DatasetFacts, fault: Fault) -> DatasetFacts:
    return replace(dataset, last_run=run(RunStatus.FAILED, number=8), fault=fault)


def of_products(**fields: object) -> Facts:
    return replace(WELL, datasets=(replace(PRODUCTS, **fields), CUSTOMERS))  # type: ignore[arg-type]


def test_nothing_is_wrong_where_all_is_well() -> None:
    assert find_alerts(WELL) == []
    assert find_alerts(Facts(NOW)) == []
    never_fetched = replace(PRODUCTS, last_run=None, last_good=None)
    assert find_alerts(replace(WELL, datasets=(never_fetched,))) == []


@pytest.mark.parametrize(
    ("facts", "code", "severity"),
    [
        (replace(WELL, store_fault=StoreFault.DAMAGED), "store_damaged", "critical"),
        (replace(WELL, store_fault=StoreFault.FULL), "store_full", "critical"),
        (replace(WELL, store_fault=StoreFault.READ_ONLY), "store_read_only", "critical"),
        (replace(WELL, store_fault=StoreFault.UNUSABLE), "store_unusable", "critical"),
        (replace(WELL, scheduler=SchedulerFacts(Fault.GATEWAY)), "gateway_down", "critical"),
        (replace(WELL, scheduler=SchedulerFacts(Fault.PEER)), "scheduler_down", "critical"),
        (
            of_products(last_run=run(RunStatus.FAILED), fault=Fault.PEER),
            "peer_down",
            "critical",
        ),
        (
            of_products(last_run=run(RunStatus.FAILED), fault=Fault.OTHER),
            "fetch_failed",
            "critical",
        ),
        (
            of_products(last_run=run(RunStatus.FAILED), fault=Fault.GATEWAY),
            "fetch_failed",
            "critical",
        ),
        (of_products(last_run=run(RunStatus.INTERRUPTED)), "fetch_interrupted", "warning"),
        (of_products(held=run(RunStatus.HELD, withdrawn=30)), "answer_held", "warning"),
        (of_products(last_good=run(RunStatus.PARTIAL, rejected=2)), "records_rejected", "info"),
        (of_products(is_snapshot_behind=True), "snapshot_behind", "warning"),
        (
            of_products(schedule_age=2 * HOUR + timedelta(seconds=1), schedule_period=HOUR),
            "data_stale",
            "warning",
        ),
        (
            replace(of_products(last_good=run(RunStatus.UNCHANGED, age=DAY)), max_age=20 * HOUR),
            "data_stale",
            "warning",
        ),
        (
            replace(WELL, scheduler=SchedulerFacts(missed=(expected(ExpectedOutcome.MISSED),))),
            "callbacks_missed",
            "warning",
        ),
        (
            replace(WELL, scheduler=SchedulerFacts(late=((expected(ExpectedOutcome.LATE), 3),))),
            "callbacks_late",
            "warning",
        ),
        (
            replace(WELL, scheduler=SchedulerFacts(refused=(expected(ExpectedOutcome.REFUSED),))),
            "callbacks_refused",
            "warning",
        ),
        (
            replace(WELL, scheduler=SchedulerFacts(lost_tasks=(("products", "get_products"),))),
            "tasks_lost",
            "warning",
        ),
        (
            replace(WELL, scheduler=SchedulerFacts(clock_stands_since=NOW - HOUR)),
            "clock_stands_still",
            "warning",
        ),
        (replace(WELL, registration_error=said("refused")), "registration_failing", "critical"),
        (replace(WELL, backup_error=said("no room")), "backup_overdue", "warning"),
        (replace(WELL, backup_due_at=NOW - HOUR), "backup_overdue", "warning"),
        (replace(WELL, failing_services={"json": NOW - HOUR}), "messages_failing", "warning"),
    ],
    ids=lambda value: value if isinstance(value, str) else "",
)
def test_each_fault_makes_its_one_alert(facts: Facts, code: str, severity: str) -> None:
    [alert] = told(facts)
    assert (alert.code, alert.severity) == (code, severity)
    assert alert.since_at <= NOW


def test_there_is_a_fault_for_each_code() -> None:
    marks = test_each_fault_makes_its_one_alert.pytestmark  # type: ignore[attr-defined]
    tried = {case[1] for mark in marks for case in mark.args[1]}
    assert tried == {str(code) for code in AlertCode}


def test_a_dataset_that_is_as_old_as_it_may_be_is_not_stale() -> None:
    assert codes(of_products(schedule_age=2 * HOUR, schedule_period=HOUR)) == []
    assert codes(of_products(schedule_age=9 * HOUR)) == []
    day_old = of_products(last_good=run(RunStatus.UNCHANGED, age=DAY))
    assert codes(replace(day_old, max_age=DAY)) == []


def test_a_backup_that_is_due_has_a_quarter_of_an_hour() -> None:
    assert codes(replace(WELL, backup_due_at=NOW - timedelta(minutes=15))) == []
    [late] = told(replace(WELL, backup_due_at=NOW - timedelta(minutes=16)))
    assert late.since_at == NOW - timedelta(minutes=16)


def test_a_gateway_that_is_down_is_one_alert_and_not_five() -> None:
    everything = replace(
        WELL,
        datasets=(
            replace(
                failed(PRODUCTS, Fault.GATEWAY),
                schedule_age=9 * HOUR,
                schedule_period=HOUR,
            ),
            failed(CUSTOMERS, Fault.GATEWAY),
        ),
        scheduler=SchedulerFacts(
            Fault.GATEWAY,
            missed=(expected(ExpectedOutcome.MISSED),),
            lost_tasks=(("products", "get_products"),),
            clock_stands_since=NOW - HOUR,
        ),
        registration_error=said("refused"),
    )
    assert codes(everything) == ["gateway_down"]
    assert {str(a.code) for a in find_alerts(everything) if a.inhibited_by == "gateway_down"} >= {
        "scheduler_down",
        "fetch_failed",
        "registration_failing",
    }


def test_a_fetch_that_failed_of_something_else_is_told_beside_a_gateway_that_is_down() -> None:
    facts = replace(
        WELL,
        datasets=(failed(PRODUCTS, Fault.OTHER), CUSTOMERS),
        scheduler=SchedulerFacts(Fault.GATEWAY),
    )
    assert set(codes(facts)) == {"gateway_down", "fetch_failed"}


def test_two_datasets_of_one_peer_that_is_down_are_one_alert() -> None:
    twin = replace(failed(PRODUCTS, Fault.PEER), name="promotions")
    facts = replace(WELL, datasets=(failed(PRODUCTS, Fault.PEER), twin))
    [alert] = told(facts)
    assert (alert.code, alert.subject) == ("peer_down", "catalogue-produit")
    assert alert.datasets == ("products", "promotions")


def test_what_makes_a_dataset_old_is_told_and_not_its_age() -> None:
    old = {"schedule_age": 9 * HOUR, "schedule_period": HOUR}
    assert codes(of_products(last_run=run(RunStatus.FAILED), fault=Fault.OTHER, **old)) == [
        "fetch_failed"
    ]
    assert codes(of_products(held=run(RunStatus.HELD), **old)) == ["answer_held"]
    missed = SchedulerFacts(missed=(expected(ExpectedOutcome.MISSED),))
    assert codes(replace(of_products(**old), scheduler=missed)) == ["callbacks_missed"]


def test_what_is_wrong_with_one_dataset_explains_nothing_of_the_other() -> None:
    stale = replace(CUSTOMERS, schedule_age=9 * HOUR, schedule_period=HOUR)
    facts = replace(WELL, datasets=(failed(PRODUCTS, Fault.OTHER), stale))
    assert set(codes(facts)) == {"fetch_failed", "data_stale"}


def test_the_worst_comes_first_and_then_the_oldest() -> None:
    facts = replace(
        WELL,
        datasets=(
            replace(PRODUCTS, last_good=run(RunStatus.PARTIAL, rejected=1, age=DAY)),
            replace(CUSTOMERS, held=run(RunStatus.HELD, age=2 * HOUR)),
        ),
        backup_due_at=NOW - HOUR,
        registration_error=said("refused"),
    )
    assert codes(facts) == [
        "registration_failing",
        "answer_held",
        "backup_overdue",
        "records_rejected",
    ]


def test_each_task_has_an_alert_of_its_own_that_stays_the_same_while_it_is_missed() -> None:
    first = expected(ExpectedOutcome.MISSED)
    later = replace(first, id=12, simulated_at=ONE_AM + HOUR, simulated_last_at=ONE_AM + HOUR)
    other = replace(first, id=13, task_name="night")
    found = [
        told(replace(WELL, scheduler=SchedulerFacts(missed=missed)))
        for missed in ((first,), (later,), (first, other))
    ]
    assert found[0][0].key == found[1][0].key
    assert len({alert.key for alert in found[2]}) == 2


def test_severities_are_ordered() -> None:
    assert Severity.INFO.rank < Severity.WARNING.rank < Severity.CRITICAL.rank
