"""Messages through real services: a mail server and a webhook on this machine."""

from __future__ import annotations

import os
import socket
import subprocess
import sys
import time
from ast import literal_eval
from collections.abc import Iterator
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from ecommerce_core.alerts import MessagePolicy, Messenger, Sender
from ecommerce_core.domain import Alert, AlertCode, Language, SettingsError
from ecommerce_core.storage import AlertRecord, Store
from tests.support.connections import connections_of, list_connections_in
from tests.support.receivers import MailServer, Webhook
from tests.support.server import free_port
from tests.support.waiting import until

NOW = datetime(2026, 3, 2, 9, tzinfo=UTC)
MINUTE, HOUR = timedelta(minutes=1), timedelta(hours=1)
DOWN = Alert(AlertCode.SCHEDULER_DOWN, "", NOW - MINUTE)
HELD = Alert(AlertCode.ANSWER_HELD, "products", NOW - MINUTE, ("products",), {"run": 3})
SENDER = Sender("shop", Language("en"))
POLICY = MessagePolicy()


@pytest.fixture
def mail() -> Iterator[MailServer]:
    with MailServer() as running:
        yield running


@pytest.fixture
def hook() -> Iterator[Webhook]:
    with Webhook() as running:
        yield running


def messenger(store: Store, *urls: str, sender: Sender = SENDER) -> Messenger:
    return Messenger(urls, store, sender=sender, policy=POLICY, every_s=0.05)


def records(*alerts: Alert) -> list[AlertRecord]:
    return [AlertRecord(1, alert) for alert in alerts]


def step(told: Messenger, *alerts: Alert, at: datetime = NOW) -> bool:
    [service] = told.services
    return service.step(records(*alerts), now=at, policy=POLICY)


def test_a_mail_arrives_with_its_subject_and_text(store: Store, mail: MailServer) -> None:
    french = Sender("boutique", Language("fr"), "https://shop.example/ecommerce/")
    assert step(messenger(store, mail.url, sender=french), HELD)

    [arrived] = mail.mails
    assert (arrived.sender, arrived.recipients) == ("alerts@shop.example", ["ops@shop.example"])
    subject = "[boutique] Une récupération attend votre décision : produits"
    assert arrived.subject.split() == subject.split()
    assert "https://shop.example/ecommerce/activity?run=3" in arrived.text
    assert "2 mars 2026, 08:59:00 UTC" in arrived.text


def test_a_webhook_is_told_of_the_beginning_and_of_the_end(store: Store, hook: Webhook) -> None:
    told = messenger(store, hook.url)
    assert step(told, DOWN)
    assert not step(told, DOWN, at=NOW + HOUR)
    assert step(told, at=NOW + 2 * HOUR)

    assert hook.titles == [
        "[shop] The scheduler does not answer",
        "[shop] Over: The scheduler does not answer",
    ]
    assert [post["type"] for post in hook.posts] == ["failure", "success"]
    assert hook.paths == ["/hook", "/hook"]


def test_a_restart_tells_nothing_twice_and_forgets_no_all_clear(
    store: Store, hook: Webhook
) -> None:
    assert step(messenger(store, hook.url), DOWN)
    assert not step(messenger(store, hook.url), DOWN)
    assert step(messenger(store, hook.url), at=NOW + HOUR)
    assert len(hook.posts) == 2


def test_another_url_is_another_service_and_is_told_all_that_is_open(
    store: Store, hook: Webhook
) -> None:
    assert step(messenger(store, hook.url), DOWN)
    assert step(messenger(store, f"{hook.url}/new"), DOWN)
    assert hook.paths == ["/hook", "/hook/new"]


def test_a_service_that_refuses_is_tried_again_later_and_then_told_what_is_so_by_then(
    store: Store, hook: Webhook
) -> None:
    told = messenger(store, hook.url)
    hook.status = 500
    assert not step(told, DOWN)
    assert told.failing() == {"json (1)": NOW}
    hook.status = 200
    assert not step(told, DOWN, at=NOW + timedelta(seconds=29))
    assert len(hook.paths) == 1
    # An alert that has ended meanwhile is not sent at all.
    assert step(told, HELD, at=NOW + timedelta(seconds=30))
    assert hook.titles == ["[shop] A fetch is held: products"]
    assert told.failing() == {}


def test_a_service_that_keeps_refusing_is_asked_less_and_less_often(
    store: Store, hook: Webhook
) -> None:
    told = messenger(store, hook.url)
    hook.status = 503
    for second in range(0, 3_600, 5):
        step(told, DOWN, at=NOW + timedelta(seconds=second))
    # After 0, 30, 90, 210, 450, 930 s, and then every ten minutes.
    assert len(hook.paths) == 10
    assert told.failing() == {"json (1)": NOW}


def test_however_much_happens_there_are_twelve_messages_an_hour(
    store: Store, hook: Webhook
) -> None:
    told = messenger(store, hook.url)
    for minute in range(60):
        alert = replace(HELD, subject=str(minute), since_at=NOW)
        step(told, alert, at=NOW + (minute + 1) * MINUTE)
    assert len(hook.posts) == 12
    # The alerts that were held back are one message.
    assert step(told, HELD, at=NOW + 63 * MINUTE)
    assert hook.titles[-1] == "[shop] 1 new alert, 1 alert is over"


def test_a_service_that_hangs_holds_no_other_up(store: Store, hook: Webhook) -> None:
    with Webhook() as hanging:
        hanging.gate.clear()
        told = messenger(store, hanging.url, hook.url)
        began_s = time.monotonic()
        told.start()
        told.hear({DOWN.key: AlertRecord(1, replace(DOWN, since_at=NOW - HOUR))})
        heard_s = time.monotonic() - began_s
        until(lambda: hook.titles == ["[shop] The scheduler does not answer"])
        assert hanging.paths == []
        assert heard_s < 1
        hanging.gate.set()
        told.stop()


def test_a_service_that_is_not_there_is_known_to_fail(store: Store) -> None:
    told = messenger(store, f"json://127.0.0.1:{free_port()}/")
    assert not step(told, DOWN)
    assert list(told.failing()) == ["json (1)"]


def test_a_test_message_says_for_each_service_whether_it_took_it(
    store: Store, hook: Webhook, mail: MailServer
) -> None:
    told = messenger(store, hook.url, f"json://127.0.0.1:{free_port()}/", mail.url)
    assert told.send_test() == {"json (1)": True, "json (2)": False, "mailto (3)": True}
    assert hook.titles == ["[shop] Test message"]
    assert [one.subject for one in mail.mails] == ["[shop] Test message"]


def test_a_redirect_is_not_followed(store: Store, hook: Webhook) -> None:
    with Webhook() as elsewhere:
        hook.status, hook.location = 307, f"http://127.0.0.1:{elsewhere.port}/"
        assert not step(messenger(store, hook.url), DOWN)
        assert elsewhere.paths == []


@pytest.mark.parametrize("url", ["nonsense://x", "mailto://", "file:///etc/passwd"])
def test_a_url_that_apprise_does_not_know_is_named_by_its_number_alone(
    store: Store, url: str
) -> None:
    with pytest.raises(SettingsError) as refused:
        messenger(store, "json://127.0.0.1:1/", url)
    assert refused.value.details == {"number": 2}


def test_nobody_but_the_service_is_contacted(
    tmp_path: Path, hook: Webhook, mail: MailServer
) -> None:
    script = """
import sys
from pathlib import Path
from ecommerce_core.alerts import MessagePolicy, Messenger, Sender
from ecommerce_core.domain import Language
from ecommerce_core.storage import Store
store = Store.open(Path(sys.argv[1]))
told = Messenger(sys.argv[2:], store, sender=Sender("shop", Language()), policy=MessagePolicy())
assert all(told.send_test().values())
"""
    subprocess.run(
        [sys.executable, "-c", script, str(tmp_path / "shop.db"), hook.url, mail.url],
        env=os.environ | list_connections_in(tmp_path) | {"PYTHONSAFEPATH": ""},
        check=True,
        timeout=60,
    )
    addresses = {address for event, address in connections_of(tmp_path) if "connect" in event}
    looked_up = {address for event, address in connections_of(tmp_path) if "get" in event}
    assert addresses == {repr(("127.0.0.1", hook.port)), repr(("127.0.0.1", mail.port))}
    # It greets a mail server with the name of this machine.
    names = {literal_eval(address)[0] for address in looked_up}
    assert names - {socket.gethostname()} == {"127.0.0.1"}
