"""Tickets: a page that knows its visitor lets the visitor's browser ask a route for something.

Routes of ours know no sign-in. A ticket says what may be asked for, by whom and until when, and
carries an HMAC over that, so that nobody can make or change one without the key.
"""

from __future__ import annotations

import base64
import hashlib
import hmac
import json
import secrets
import time
from dataclasses import dataclass

from ecommerce_core.access import Actor, Role

# Longer than any ticket of ours, so that what is no ticket costs nothing to refuse.
LONGEST = 2_000


@dataclass(frozen=True, slots=True)
class Grant:
    """What a ticket allows: ``actor`` may ask until ``expires_at_s`` (Unix).

    ``sign_in`` is the key of the sign-in that it was made for, which may be ended before.
    """

    actor: Actor
    expires_at_s: float
    sign_in: str


class TicketSigner:
    """Makes and checks tickets. The key lives as long as the process, unless one is given."""

    def __init__(self, key: bytes | None = None) -> None:
        self._key = key or secrets.token_bytes(32)

    def sign(self, purpose: str, actor: Actor, *, expires_at_s: float, sign_in: str = "") -> str:
        """Return a ticket with which ``actor`` may ask for ``purpose``."""
        said = json.dumps([purpose, actor.name, actor.role.value, round(expires_at_s, 3), sign_in])
        body = base64.urlsafe_b64encode(said.encode()).decode().rstrip("=")
        return f"{body}.{self._mac(body)}"

    def check(self, ticket: str, purpose: str) -> Grant | None:
        """Return what a ticket allows; None if it is forged, expired or for something else."""
        body, dot, mac = ticket.rpartition(".")
        if not dot or len(ticket) > LONGEST or not ticket.isascii():
            return None
        if not hmac.compare_digest(mac, self._mac(body)):
            return None
        said = json.loads(base64.urlsafe_b64decode(body + "=" * (-len(body) % 4)))
        if said[0] != purpose or said[3] <= time.time():
            return None
        return Grant(Actor(said[1], Role(said[2])), said[3], said[4])

    def _mac(self, body: str) -> str:
        return hmac.new(self._key, body.encode(), hashlib.sha256).hexdigest()
