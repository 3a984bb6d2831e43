"""Links that hold for one question: who may read signs them, and who has one may ask just that.

A browser that follows a link, saves a file or opens a WebSocket sends no word of who signed in.
The page that draws the link knows it, and adds a ticket: who asks, in which role, until when and
by which sign-in, with an HMAC over that and over what is asked for, as object stores do it.
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

# The name of the ticket in a query string.
TICKET = "ticket"
# A menu of links stands on a page that nobody may look at for a while.
LASTS = timedelta(hours=1)

Pairs = Sequence[tuple[str, str]]


@dataclass(frozen=True, slots=True)
class Grant:
    """What a ticket allows: ``actor`` may ask until ``expires_at``, to the second.

    ``sign_in`` is the key of the sign-in that it was made for, which may be ended before.
    """

    actor: Actor
    expires_at: datetime
    sign_in: str = ""


class SignedLinks:
    """Signs and checks tickets with one secret; a random one of this process if none is given."""

    def __init__(self, secret: str | None = None) -> None:
        # The secret signs cookies, too: what is signed here is never good for one.
        base = secret.encode() if secret else secrets.token_bytes(32)
        self._key = hmac.digest(base, b"ecommerce signed links", hashlib.sha256)

    def sign(self, path: str, query: Pairs = (), *, grant: Grant) -> str:
        """The ticket with which to ask ``path`` with ``query``, which is without one."""
        actor, expires_s = grant.actor, int(grant.expires_at.timestamp())
        claims = json.dumps([actor.name, actor.role, expires_s, grant.sign_in]).encode()
        return f"{_encode(claims)}.{_encode(self._mac(path, query, claims))}"

    def check(self, ticket: str, path: str, query: Pairs = (), *, now: datetime) -> Grant:
        """Return what a ticket allows.

        Raises TicketRefused if it is for another question or has expired.
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
        # JSON keeps the texts apart: no question runs into another's.
        message = json.dumps([path, *query]).encode() + b"\n" + claims
        return hmac.digest(self._key, message, hashlib.sha256)


def _encode(data: bytes) -> str:
    return urlsafe_b64encode(data).decode().rstrip("=")


def _decode(text: str) -> bytes:
    return urlsafe_b64decode(text.encode("ascii") + b"=" * (-len(text) % 4))
