"""Links that are signed for one query: the page signs them, and they allow only that query.

A browser that follows a link, saves a file or opens a WebSocket does not say who signed in. The
page that draws the link knows it, and adds a parameter ``ticket``: the actor, the role, the expiry
and the sign-in, with an HMAC over them and over path and query, as object stores do.
"""

from __future__ import annotations

import hashlib
import hmac
import json
import secrets
from base64 import urlsafe_b64decode, urlsafe_b64encode
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

from ecommerce_core.domain.access import Actor, Role
from ecommerce_core.domain.errors import TicketRefused

# The parameter's name in a query string.
TICKET = "ticket"
# A menu of links may stay on a page for a while before somebody opens it.
LASTS = timedelta(hours=1)

Pairs = Sequence[tuple[str, str]]


@dataclass(frozen=True, slots=True)
class Grant:
    """The contents of a ticket: ``actor`` may use the link until ``expires_at``, to the second.

    ``sign_in`` is the key of the sign-in that it was made for, which may end before.
    """

    actor: Actor
    expires_at: datetime
    sign_in: str = ""


class SignedLinks:
    """Signs and checks links with one secret, or a random one of this process if none is given."""

    def __init__(self, secret: str | None = None) -> None:
        # The secret signs cookies, too: a key of its own keeps a link's signature from being one.
        base = secret.encode() if secret else secrets.token_bytes(32)
        self._key = hmac.digest(base, b"ecommerce signed links", hashlib.sha256)

    def sign(self, path: str, query: Pairs = (), *, grant: Grant) -> str:
        """Return the ticket with which to request ``path`` with ``query`` (without a ticket)."""
        actor, expires_s = grant.actor, int(grant.expires_at.timestamp())
        claims = json.dumps([actor.name, actor.role, expires_s, grant.sign_in]).encode()
        return f"{_encode(claims)}.{_encode(self._mac(path, query, claims))}"

    def check(self, ticket: str, path: str, query: Pairs = (), *, now: datetime) -> Grant:
        """Return what a ticket grants.

        Raises TicketRefused if it was made for another query or has expired.
        """
        claims, _, mac = ticket.partition(".")
        try:
            said, given = _decode(claims), _decode(mac)
        except ValueError as error:
            raise TicketRefused("ticket_forged") from error
        if not hmac.compare_digest(self._mac(path, query, said), given):
            raise TicketRefused("ticket_forged")
        name, role, expires_s, sign_in = json.loads(said)
        expires_at = datetime.fromtimestamp(expires_s, UTC)
        if expires_at <= now:
            raise TicketRefused("ticket_expired")
        return Grant(Actor(name, Role(role)), expires_at, sign_in)

    def _mac(self, path: str, query: Pairs, claims: bytes) -> bytes:
        # JSON separates the texts, so that two different queries never give the same message.
        message = json.dumps([path, *query]).encode() + b"\n" + claims
        return hmac.digest(self._key, message, hashlib.sha256)


def _encode(data: bytes) -> str:
    return urlsafe_b64encode(data).decode().rstrip("=")


def _decode(text: str) -> bytes:
    return urlsafe_b64decode(text.encode("ascii") + b"=" * (-len(text) % 4))
