"""Signed links, and the tokens of programs: their actor, and the only query that they allow."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ecommerce_core.application import Application
from ecommerce_core.domain import LASTS, Actor, Grant, Role, SignedLinks, TicketRefused
from ecommerce_core.settings import Settings, actor_of
from ecommerce_core.settings.api_tokens import ApiToken

NOW = datetime(2026, 11, 24, 20, 5, 31, tzinfo=UTC)
ANNA = Actor("anna@shop.example", Role.ANALYST)
QUERY = [("q", "tv"), ("family", "TV"), ("family", "Hi-fi, vidéo")]
GRANT = Grant(ANNA, NOW.replace(microsecond=0) + LASTS, "of this sign-in")
SECRET = "a cookie secret of some good length"
TEXT = st.text(max_size=20)

links = SignedLinks(SECRET)


def ticket() -> str:
    return links.sign("products.csv", QUERY, grant=GRANT)


def test_a_ticket_says_who_asks() -> None:
    assert links.check(ticket(), "products.csv", QUERY, now=NOW) == GRANT


def test_a_ticket_of_one_server_holds_on_another_with_the_same_secret() -> None:
    assert SignedLinks(SECRET).check(ticket(), "products.csv", QUERY, now=NOW) == GRANT
    with pytest.raises(TicketRefused):
        SignedLinks().check(ticket(), "products.csv", QUERY, now=NOW)


@pytest.mark.parametrize(
    ("path", "query"),
    [
        ("products.json", QUERY),
        ("customers.csv", QUERY),
        ("products.csv", QUERY[:-1]),
        ("products.csv", [*QUERY, ("page", "2")]),
        ("products.csv", [("q", "tv"), ("family", "Hi-fi, vidéo"), ("family", "TV")]),
        ("products.csv", []),
    ],
)
def test_a_ticket_is_good_for_its_own_question_alone(
    path: str, query: list[tuple[str, str]]
) -> None:
    with pytest.raises(TicketRefused):
        links.check(ticket(), path, query, now=NOW)


def test_a_ticket_holds_for_an_hour() -> None:
    almost, over = NOW + timedelta(minutes=59), NOW + timedelta(minutes=61)
    assert links.check(ticket(), "products.csv", QUERY, now=almost) == GRANT
    with pytest.raises(TicketRefused, match="no longer"):
        links.check(ticket(), "products.csv", QUERY, now=over)


def test_a_ticket_whose_claims_were_changed_is_refused() -> None:
    claims, mac = ticket().split(".")
    eve = replace(GRANT, actor=Actor("eve", Role.OPERATOR))
    other, _ = links.sign("products.csv", QUERY, grant=eve).split(".")
    assert other != claims
    with pytest.raises(TicketRefused):
        links.check(f"{other}.{mac}", "products.csv", QUERY, now=NOW)


@given(TEXT | st.from_regex(r"[A-Za-z0-9_-]*\.[A-Za-z0-9_-]*", fullmatch=True))
def test_what_is_no_ticket_is_refused(text: str) -> None:
    with pytest.raises(TicketRefused):
        links.check(text, "products.csv", QUERY, now=NOW)


@given(TEXT, st.lists(st.tuples(TEXT, TEXT), max_size=4), TEXT, st.sampled_from(Role))
def test_any_question_of_anybody_can_be_signed(
    path: str, query: list[tuple[str, str]], name: str, role: Role
) -> None:
    grant = replace(GRANT, actor=Actor(name, role))
    signed = links.sign(path, query, grant=grant)
    assert links.check(signed, path, query, now=NOW) == grant
    assert signed.isascii()


def test_a_program_is_an_analyst_under_its_tokens_name() -> None:
    tokens = [ApiToken("notebook", "n" * 40), ApiToken("report", "r" * 40)]

    assert actor_of(tokens, f"Bearer {'r' * 40}") == Actor("report", Role.ANALYST)
    assert actor_of(tokens, f"bearer  {'n' * 40}") == Actor("notebook", Role.ANALYST)
    for bad in ("", "Bearer", f"Bearer {'r' * 39}", f"Basic {'r' * 40}", f"Bearer {'r' * 40} x"):
        assert actor_of(tokens, bad) is None
    assert actor_of([], f"Bearer {'r' * 40}") is None
    assert actor_of([], "Bearer") is None


def test_an_application_signs_with_the_secret_that_it_is_given(tmp_path: Path) -> None:
    tickets = []
    for _start in range(2):
        application = Application.open(
            Settings(database=tmp_path / "ecommerce.db"),
            gateway_url="http://127.0.0.1:9",
            link_secret=SECRET,
        )
        tickets.append(application.links.sign("live", grant=GRANT))
        application.close()

    assert tickets[0] == tickets[1] == links.sign("live", grant=GRANT)
