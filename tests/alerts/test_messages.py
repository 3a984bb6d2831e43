"""The content and the text of messages."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest

from ecommerce_core.alerts.messages import (
    Message,
    MessagePolicy,
    Sender,
    body_in_words,
    next_message,
    title_in_words,
    told_after,
)
from ecommerce_core.alerts.texts import title_of, todo_of
from ecommerce_core.domain import LANGUAGES, Alert, AlertCode, AlertKey, Language, Severity
from ecommerce_core.storage import AlertRecord, Told

NOW = datetime(2026, 3, 2, 9, tzinfo=UTC)
MINUTE, HOUR, DAY = timedelta(minutes=1), timedelta(hours=1), timedelta(days=1)
POLICY = MessagePolicy()
LABELS = {"products": "products"}
EN = Sender("shop", Language("en"), labels=LABELS)
FR = Sender("shop", Language("fr"), labels=LABELS)

DOWN = Alert(AlertCode.SCHEDULER_DOWN, "", NOW - MINUTE)
HELD = Alert(AlertCode.ANSWER_HELD, "products", NOW - MINUTE, ("products",), {"run": 3})
REJECTED = Alert(AlertCode.RECORDS_REJECTED, "products", NOW - MINUTE, ("products",), {"run": 4})


def told_of(*alerts: Alert, at: datetime = NOW) -> dict[AlertKey, Told]:
    return {alert.key: Told(alert, at) for alert in alerts}


def told_now(
    *alerts: Alert,
    told: Mapping[AlertKey, Told] | None = None,
    policy: MessagePolicy = POLICY,
    now: datetime = NOW,
) -> Message | None:
    records = [AlertRecord(1, alert) for alert in alerts]
    return next_message(records, told or {}, now=now, policy=policy)


def test_what_begins_is_told_once_and_together() -> None:
    message = told_now(DOWN, HELD)
    assert message == Message(began=(DOWN, HELD))
    assert message is not None
    assert told_now(DOWN, HELD, told=told_after({}, message, now=NOW)) is None


def test_what_is_open_for_less_than_half_a_minute_is_told_to_nobody() -> None:
    assert told_now(replace(DOWN, since_at=NOW - timedelta(seconds=29))) is None
    assert told_now(replace(DOWN, since_at=NOW - timedelta(seconds=30))) is not None


def test_an_alert_that_is_gone_for_a_moment_is_neither_told_nor_over() -> None:
    gone = [AlertRecord(1, DOWN, gone_at=NOW)]
    assert next_message(gone, {}, now=NOW, policy=POLICY) is None
    assert next_message(gone, told_of(DOWN), now=NOW, policy=POLICY) is None


def test_an_all_clear_is_told_of_what_was_told() -> None:
    assert told_now(told=told_of(DOWN)) == Message(over=(DOWN,))
    assert told_after(told_of(DOWN, HELD), Message(over=(DOWN,)), now=NOW) == told_of(HELD)


def test_what_came_again_before_its_all_clear_was_told_is_told_anew() -> None:
    assert told_now(DOWN, told=told_of(replace(DOWN, since_at=NOW - HOUR))) == Message(
        began=(DOWN,)
    )


@pytest.mark.parametrize(
    ("at_least", "codes"),
    [
        (Severity.INFO, {"scheduler_down", "answer_held", "records_rejected"}),
        (Severity.WARNING, {"scheduler_down", "answer_held"}),
        (Severity.CRITICAL, {"scheduler_down"}),
    ],
)
def test_people_are_told_from_a_severity_on(at_least: Severity, codes: set[str]) -> None:
    message = told_now(DOWN, HELD, REJECTED, policy=MessagePolicy(at_least))
    assert message is not None
    assert {str(alert.code) for alert in message.began} == codes


def test_people_are_reminded_after_a_time_and_again_after_it() -> None:
    before = told_of(DOWN)
    assert told_now(DOWN, told=before, now=NOW + DAY - MINUTE) is None
    message = told_now(DOWN, told=before, now=NOW + DAY)
    assert message == Message(lasting=(DOWN,))
    assert message is not None
    after = told_after(before, message, now=NOW + DAY)
    assert told_now(DOWN, told=after, now=NOW + DAY + HOUR) is None
    assert told_now(DOWN, told=after, now=NOW + 2 * DAY) == Message(lasting=(DOWN,))


def test_one_alert_is_the_title_and_several_are_counted() -> None:
    def title(message: Message, sender: Sender = EN) -> str:
        return title_in_words(message, sender)

    assert title(Message(began=(HELD,))) == "[shop] A fetch is held: products"
    assert title(Message(over=(HELD,))) == "[shop] Over: A fetch is held: products"
    assert title(Message(lasting=(HELD,))) == "[shop] Still open: A fetch is held: products"
    assert title(Message((HELD,), (DOWN,))) == "[shop] 1 new alert, 1 alert is over"
    assert title(Message((HELD, DOWN))) == "[shop] 2 new alerts"
    assert title(Message(began=(DOWN,)), FR) == "[shop] Le scheduler ne répond pas"


def test_a_message_says_since_when_what_to_do_and_where() -> None:
    there = replace(EN, home="https://shop.example/ecommerce/")
    body = body_in_words(Message(began=(HELD,)), there, now=NOW)
    assert body.splitlines() == [
        "● A fetch is held: products – warning, since 2 Mar 2026, 08:59:00 UTC",
        "  Apply it if the change is right; discard it if the source made a mistake.",
        "  https://shop.example/ecommerce/activity?run=3",
        "",
        "https://shop.example/ecommerce/",
    ]


def test_an_all_clear_says_how_long_it_lasted() -> None:
    body = body_in_words(Message(over=(DOWN,)), EN, now=NOW + HOUR)
    assert body == "✓ The scheduler does not answer – over after 1 h 1 min"


def test_of_very_many_the_first_are_listed_and_the_others_counted() -> None:
    many = tuple(replace(HELD, subject=str(number)) for number in range(14))
    body = body_in_words(Message(began=many), EN, now=NOW)
    assert body.count("●") == 10
    assert body.endswith("and 4 more")


@pytest.mark.parametrize("code", AlertCode)
@pytest.mark.parametrize("language", LANGUAGES)
def test_every_alert_has_a_title_and_says_what_to_do(code: AlertCode, language: str) -> None:
    details = {"task": "get_products", "service": "json (1)", "peer": "crm"}
    alert = Alert(code, "", NOW, ("products",), details)
    words = Language(language)
    title, todo = title_of(alert, words, labels=LABELS), todo_of(alert, words)
    assert title
    assert todo.endswith(".")
    assert "{" not in title + todo
