"""The open alerts: since when, across restarts, and with a store that cannot be written to."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest

from ecommerce_core.alerts.log import AlertLog
from ecommerce_core.domain import Alert, AlertCode
from ecommerce_core.storage import Store

NOW = datetime(2026, 3, 2, 9, tzinfo=UTC)
SECOND, MINUTE = timedelta(seconds=1), timedelta(minutes=1)
DOWN = Alert(AlertCode.SCHEDULER_DOWN, "", NOW)
HELD = Alert(AlertCode.ANSWER_HELD, "products", NOW - MINUTE, ("products",), {"run": 3})


def update(log: AlertLog, *found: Alert, at: datetime, keeps_journal: bool = True) -> None:
    log.update(found, now=at, keeps_journal=keeps_journal)


@pytest.fixture
def store(any_store: Store) -> Store:
    """Return a store of each engine."""
    return any_store


def test_an_alert_keeps_the_time_since_when_it_is_open(store: Store) -> None:
    log = AlertLog(store)
    update(log, DOWN, at=NOW)
    update(log, replace(DOWN, since_at=NOW + MINUTE), at=NOW + MINUTE)

    assert log.since(replace(DOWN, since_at=NOW + MINUTE)).since_at == NOW
    assert [(one.alert, one.gone_at) for one in store.open_alerts()] == [(DOWN, None)]


def test_an_alert_is_over_once_it_is_gone_for_a_minute(store: Store) -> None:
    log = AlertLog(store)
    update(log, DOWN, at=NOW)
    update(log, at=NOW + SECOND)
    assert [one.gone_at for one in store.open_alerts()] == [NOW + SECOND]
    update(log, at=NOW + MINUTE)
    assert len(store.open_alerts()) == 1
    update(log, at=NOW + MINUTE + SECOND)
    assert store.open_alerts() == []
    assert [one.ended_at for one in store.list_alerts()] == [NOW + SECOND]


def test_what_comes_back_within_a_minute_is_the_same_alert(store: Store) -> None:
    log = AlertLog(store)
    update(log, DOWN, at=NOW)
    update(log, at=NOW + 10 * SECOND)
    update(log, replace(DOWN, since_at=NOW + MINUTE), at=NOW + MINUTE)
    update(log, at=NOW + 61 * SECOND)

    [record] = store.list_alerts()
    assert (record.alert.since_at, record.gone_at) == (NOW, NOW + 61 * SECOND)


def test_what_comes_back_later_is_another_alert(store: Store) -> None:
    log = AlertLog(store)
    update(log, DOWN, at=NOW)
    update(log, at=NOW + MINUTE)
    update(log, at=NOW + 2 * MINUTE)
    again = replace(DOWN, since_at=NOW + 3 * MINUTE)
    update(log, again, at=NOW + 3 * MINUTE)

    assert [one.alert.since_at for one in store.list_alerts()] == [again.since_at, NOW]


def test_what_another_alert_explains_is_not_opened_and_what_is_open_stays_so(
    store: Store,
) -> None:
    log = AlertLog(store)
    explained = replace(HELD, inhibited_by=AlertCode.GATEWAY_DOWN)
    update(log, explained, at=NOW)
    assert store.open_alerts() == []
    update(log, HELD, at=NOW)
    update(log, explained, at=NOW + 5 * MINUTE)
    assert [(one.alert, one.gone_at) for one in store.open_alerts()] == [(HELD, None)]


def test_a_restart_goes_on_with_what_was_open(store: Store) -> None:
    update(AlertLog(store), DOWN, HELD, at=NOW)
    log = AlertLog(store)
    update(log, replace(DOWN, since_at=NOW + MINUTE), at=NOW + MINUTE)

    by_code = {one.alert.code: one for one in store.open_alerts()}
    assert by_code[AlertCode.SCHEDULER_DOWN].alert.since_at == NOW
    assert by_code[AlertCode.ANSWER_HELD].gone_at == NOW + MINUTE
    assert len(store.list_alerts()) == 2


def test_a_process_that_does_not_keep_the_journal_writes_nothing(store: Store) -> None:
    log = AlertLog(store)
    update(log, DOWN, at=NOW, keeps_journal=False)

    assert store.list_alerts() == []
    assert log.since(replace(DOWN, since_at=NOW + MINUTE)).since_at == NOW


def test_a_process_that_keeps_the_journal_anew_goes_on_from_what_another_kept(
    store: Store,
) -> None:
    log, other = AlertLog(store), AlertLog(store)
    update(log, DOWN, HELD, at=NOW)
    update(other, HELD, at=NOW + SECOND)
    update(other, HELD, at=NOW + 2 * MINUTE)
    # Meanwhile the first one looks on, and finds what the other one has not found.
    update(log, DOWN, at=NOW + 3 * MINUTE, keeps_journal=False)
    log.forget()
    update(log, DOWN, at=NOW + 3 * MINUTE)

    assert [(one.alert.code, one.ended_at) for one in store.list_alerts()] == [
        (DOWN.code, None),
        (HELD.code, None),
        (DOWN.code, NOW + SECOND),
    ]
    assert [one.id for one in store.open_alerts()] == [2, 3]


def test_an_alert_that_the_store_cannot_take_is_open_and_stored_later(store: Store) -> None:
    log = AlertLog(store)
    update(log, at=NOW)
    with store.writing() as db:
        db.execute("ALTER TABLE alert RENAME TO elsewhere")
    update(log, DOWN, at=NOW)
    assert [one.alert for one in log.records.values()] == [DOWN]
    with store.writing() as db:
        db.execute("ALTER TABLE elsewhere RENAME TO alert")
    update(log, DOWN, at=NOW + SECOND)
    assert [one.alert for one in store.open_alerts()] == [DOWN]


def test_the_newest_thousand_that_are_over_are_kept(store: Store) -> None:
    log = AlertLog(store, clear_after=timedelta(0))
    held = [replace(HELD, subject=str(number)) for number in range(600)]
    for round_ in range(2):
        at = NOW + round_ * MINUTE
        update(log, *held, at=at)
        update(log, at=at + SECOND)
    update(log, DOWN, at=NOW + 5 * MINUTE)
    update(log, DOWN, HELD, at=NOW + 6 * MINUTE)

    assert len(store.list_alerts(limit=5_000)) == 1_000
    assert {one.alert.code for one in store.open_alerts()} == {DOWN.code, HELD.code}
