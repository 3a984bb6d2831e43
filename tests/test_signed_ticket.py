"""Tickets that pages sign for their visitors' browsers."""

from __future__ import annotations

import base64
import json
import time

import pytest

from ecommerce_core.access import Actor, Role
from ecommerce_core.signed_ticket import TicketSigner

ADA = Actor("ada@shop.example", Role.ANALYST)
SIGNER = TicketSigner(b"k" * 32)


def in_a_minute() -> float:
    return time.time() + 60


def test_a_ticket_says_who_may_ask_for_what_and_until_when() -> None:
    ends_at_s = in_a_minute()
    grant = SIGNER.check(SIGNER.sign("live", ADA, expires_at_s=ends_at_s), "live")

    assert grant is not None
    assert grant.actor == ADA
    assert grant.expires_at_s == pytest.approx(ends_at_s, abs=0.01)


def test_a_ticket_is_good_for_one_purpose_until_its_end_and_with_its_key() -> None:
    ticket = SIGNER.sign("live", ADA, expires_at_s=in_a_minute())
    over = SIGNER.sign("live", ADA, expires_at_s=time.time() - 0.1)

    assert SIGNER.check(ticket, "products.csv") is None
    assert SIGNER.check(over, "live") is None
    assert TicketSigner().check(ticket, "live") is None


def test_what_was_changed_or_made_up_is_no_ticket() -> None:
    body, _dot, mac = SIGNER.sign("live", ADA, expires_at_s=in_a_minute()).partition(".")
    said = json.loads(base64.urlsafe_b64decode(body + "=" * (-len(body) % 4)))
    assert said[2] == "analyst"
    said[2] = "operator"
    forged = base64.urlsafe_b64encode(json.dumps(said).encode()).decode().rstrip("=")

    made_up = (f"{forged}.{mac}", f"{body}.", f"{body}.{mac[:-1]}", body, "", "é.é", "." * 9_000)
    for ticket in made_up:
        assert SIGNER.check(ticket, "live") is None, ticket[:80]
