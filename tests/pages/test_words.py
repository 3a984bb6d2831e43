"""No page shows a code or a text in the other language, in any of its states."""

from __future__ import annotations

import re
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from enum import StrEnum

import pytest

from ecommerce_core import domain
from ecommerce_core.alerts import title_of, todo_of
from ecommerce_core.application import Application
from ecommerce_core.domain import (
    GLOSSARY,
    Alert,
    AlertCode,
    AuditAction,
    ExpectedOutcome,
    Language,
    NewDelivery,
    Outcome,
    Recurrence,
    RunStatus,
    Severity,
    Trigger,
    make_fact,
)
from ecommerce_core.domain.access import LOCAL_OPERATOR
from ecommerce_core.domain.labels import WORDS
from ecommerce_core.domain.messages import TEMPLATES
from ecommerce_core.sandbox import Sandbox
from ecommerce_core.storage import AlertRecord
from tests.support import messages
from tests.support.page_session import PAGES, Page, installed
from tests.support.page_words import texts_of
from tests.support.peers import Peers, customer, products
from tests.support.waiting import until

EN, FR = Language("en"), Language("fr")
NOW = datetime.now(UTC)
# A shorter piece of a text may be a word of both languages, or of a row.
ENOUGH = 12


def sync(app: Application, *names: str) -> None:
    for name in names or app.datasets:
        app.request_sync(name, actor=LOCAL_OPERATOR, trigger=Trigger.MANUAL).wait(10)


@pytest.fixture(scope="module")
def empty_shop(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Application]:
    with Sandbox(products=60, customers=30) as sandbox:
        yield from installed(sandbox.url, tmp_path_factory.mktemp("empty"))


@pytest.fixture(scope="module")
def full_shop(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Application]:
    """Yield a shop with rows, changes, tasks, and entries of every journal."""
    with Sandbox(products=60, customers=30) as sandbox:
        for app in installed(sandbox.url, tmp_path_factory.mktemp("full")):
            sync(app)
            app.clear("customers", actor=LOCAL_OPERATOR, trigger=Trigger.CLI)
            app.undo_clear("customers", actor=LOCAL_OPERATOR, trigger=Trigger.MANUAL)
            app.clear("customers", actor=LOCAL_OPERATOR, trigger=Trigger.CLI)
            clock = app.scheduler.fetch_clock()
            for number, recurrence in enumerate(Recurrence, start=2):
                app.scheduler_control.add_task(
                    app.datasets["products"],
                    simulated_at=clock.simulated_at + timedelta(hours=number),
                    recurrence=recurrence,
                    actor=LOCAL_OPERATOR,
                )
            for action in AuditAction:
                app.audit_log.record(action, by=LOCAL_OPERATOR, subject="get_products", rows=3)
            app.monitor.poll()
            journal(app)
            yield app


@pytest.fixture(scope="module")
def troubled_shop(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Application]:
    """Yield a shop whose last answers were rejected in part and held, and without a scheduler."""
    with Peers() as peers:
        peers.serve_products([*products(30), {"codeProduit": 3}])
        peers.serve_customers([customer(n) for n in range(30)])
        for app in installed(peers.url, tmp_path_factory.mktemp("troubled")):
            sync(app)
            peers.serve_customers([customer(1)])
            del peers.bodies["catalogue-produit"]
            sync(app)
            wait_until_silent(app)
            journal(app)
            yield app


def wait_until_silent(app: Application) -> None:
    until(lambda: app.monitor.snapshot().list_error is not None)


def journal(app: Application) -> None:
    """Write a callback of each outcome and an alert of each code."""
    app.store.record_deliveries(
        [
            NewDelivery(NOW, "products", outcome, None, make_fact("body_too_long", count=9), *rest)
            for outcome in Outcome
            for rest in ((None, None, 0.1),)
        ]
    )
    app.store.record_alerts([AlertRecord(0, alert_of(code), NOW, NOW) for code in AlertCode])


def alert_of(code: AlertCode) -> Alert:
    details: dict[str, str | int | float | None] = {
        "run": 1,
        "rejected": 1,
        "task": "get_products",
        "service": "json",
        "peer": "crm",
    }
    return Alert(code, str(code), NOW - timedelta(hours=1), ("products",), details)


@pytest.fixture(params=["empty_shop", "full_shop", "troubled_shop"])
def shop(request: pytest.FixtureRequest) -> Application:
    app: Application = request.getfixturevalue(request.param)
    installed_again(app)
    return app


def installed_again(app: Application) -> None:
    from pages.ui.current_application import install

    install(app)


def codes() -> set[str]:
    """Return the codes of messages, and the values of all enumerations, that are no words."""
    kinds = [kind for kind in vars(domain).values() if isinstance(kind, type)]
    values = {str(one) for kind in kinds if issubclass(kind, StrEnum) for one in kind}
    return {code for code in values | set(TEMPLATES) | set(WORDS) if "_" in code}


def pieces(template: str) -> list[str]:
    """Return the fixed parts of a text that are long enough to be recognised."""
    return [part for part in re.split(r"\{[^}]*\}", template) if len(part.strip()) >= ENOUGH]


def other_words(language: str) -> list[re.Pattern[str]]:
    """Return what texts in the other language are recognised by."""
    found = []
    for entry in messages.read_catalogue():
        if not entry.id:
            continue
        ids = [entry.id] if isinstance(entry.id, str) else list(entry.id)
        strings = [entry.string] if isinstance(entry.string, str) else list(entry.string or ())
        here, there = (strings, ids) if language == "fr" else (ids, strings)
        known = " ".join(here)
        found += [part for text in there for part in pieces(text) if part not in known]
    return [re.compile(rf"(?<!\w){re.escape(part.strip())}(?!\w)") for part in sorted(set(found))]


def test_a_leaked_code_and_an_english_text_are_found() -> None:
    assert "peer_down" in codes()
    english = other_words("fr")
    assert any(each.search("Oh: Fetch them from crm. It takes a moment") for each in english)
    assert not any(each.search(FR.text("No tasks scheduled.")) for each in english)
    assert any(each.search(FR.text("No tasks scheduled.")) for each in other_words("en"))


def test_the_texts_of_a_page_are_its_labels_cells_hints_and_charts(
    full_shop: Application,
) -> None:
    installed_again(full_shop)
    texts = texts_of(Page.open(full_shop, "activity"))

    assert {"Activity", "Status", "succeeded", "callback delivered again"} <= texts  # title, table
    assert any(text.startswith("Last runs: products: ") for text in texts)  # a chart
    assert "Choose a run, or select one in the table" in texts  # an empty box
    assert "ECOMMERCE_GATEWAY_URL" in " ".join(texts)  # a hint


@pytest.mark.parametrize("language", ["en", "fr"])
@pytest.mark.parametrize("name", PAGES)
def test_no_page_shows_a_code_or_a_text_in_the_other_language(
    shop: Application, name: str, language: str
) -> None:
    query = {"activity": {"run": "1"}, "products": {"view": "changes"}}.get(name, {})
    locale = {"en": "en-GB", "fr": "fr-FR"}[language]
    texts = texts_of(Page.open(shop, name, locale=locale, **query))

    assert len(texts) > 20
    known = codes()
    shown = {word: text for text in texts for word in re.findall(r"\b[a-z]+(?:_[a-z]+)+\b", text)}
    # Columns in SQL and in files have names of their own.
    assert {word: text for word, text in shown.items() if word in known} == {}
    patterns = other_words(language)
    foreign = {text for text in texts for each in patterns if each.search(text)}
    assert foreign == set()


@pytest.mark.parametrize("code", AlertCode)
def test_an_alert_is_said_in_both_languages_and_without_a_code(code: AlertCode) -> None:
    alert = alert_of(code)
    for say in (title_of_in, todo_of):
        english, french = say(alert, EN), say(alert, FR)
        assert english != french
        assert code not in english


def title_of_in(alert: Alert, words: Language) -> str:
    return title_of(alert, words, labels={"products": "products"})


@pytest.mark.parametrize("words", [EN, FR], ids=["en", "fr"])
def test_two_things_of_the_glossary_have_two_words(words: Language) -> None:
    for chapter in GLOSSARY:
        named = [
            words.word(one.code) if one.code else words.text(one.word) for one in chapter.terms
        ]
        assert len(set(named)) == len(named)
        assert all(named)


def test_each_status_and_outcome_is_in_the_glossary() -> None:
    told = {term.code for chapter in GLOSSARY for term in chapter.terms}
    enums: tuple[type[StrEnum], ...] = (RunStatus, Outcome, ExpectedOutcome)
    assert {str(one) for enum in enums for one in enum} <= told


def test_each_status_and_outcome_has_a_pill_with_an_icon_of_its_own() -> None:
    from pages.ui import status

    for enum in (RunStatus, ExpectedOutcome):
        looks = [status.LOOKS[str(one)] for one in enum]
        assert len({look.icon for look in looks}) == len(looks)
    assert all(str(one) in status.LOOKS for enum in (Outcome, Severity) for one in enum)
