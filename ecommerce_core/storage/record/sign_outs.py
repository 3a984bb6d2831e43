"""Sign-ins that were ended before their expiry, so that a copy of their cookie is worthless.

Streamlit's cookie is signed and complete in itself: anybody with a copy is signed in until the
sign-in expires, even if the browser that signed out has deleted it.
"""

from __future__ import annotations

import hashlib
import json
import logging
import threading
from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from typing import Any

from ecommerce_core.domain import StoreError
from ecommerce_core.storage.record.database import Part, to_text

logger = logging.getLogger(__name__)

# The claims that identify a sign-in; a provider need not send them all.
_OF_A_SIGN_IN = ("iss", "sub", "iat", "nonce")

# The message to other servers.
SIGNED_OUT = "signed out"

# Streamlit accepts no older cookie.
_COOKIE_LASTS = timedelta(days=30)


def sign_in_key(claims: Mapping[str, object]) -> str:
    """Return the digest that identifies a sign-in, of claims that a copied cookie cannot change."""
    said = json.dumps([claims.get(name) for name in _OF_A_SIGN_IN], default=str)
    return hashlib.sha256(said.encode()).hexdigest()


class SignOutJournal(Part):
    """Reads and writes of sign-ins that were ended. All methods raise StoreError."""

    def record_sign_out(self, key: str, *, until: datetime, now: datetime) -> None:
        """Store that a sign-in was ended, and delete those that have expired by now."""
        with self.writing() as db:
            db.execute("DELETE FROM sign_out WHERE until < ?", [to_text(now)])
            db.execute(
                "INSERT INTO sign_out (key, until) VALUES (?, ?)"
                " ON CONFLICT (key) DO UPDATE SET until = excluded.until",
                [key, to_text(until)],
            )
            db.notify(SIGNED_OUT)

    def list_sign_outs(self) -> list[str]:
        """Return the keys of the sign-ins that were ended."""
        with self.reading() as db:
            rows: list[Any] = db.execute("SELECT key FROM sign_out").fetchall()
            return [key for (key,) in rows]


class SignOuts:
    """The ended sign-ins of one server, kept across restarts. Any thread may use it."""

    def __init__(self, journal: SignOutJournal) -> None:
        """Read those that were ended before the last restart. Raises StoreError."""
        self._journal = journal
        self._lock = threading.Lock()
        self._keys = frozenset(journal.list_sign_outs())

    def read_again(self) -> None:
        """Read the sign-ins that were ended on other servers. Raises StoreError."""
        with self._lock:
            self._keys |= frozenset(self._journal.list_sign_outs())

    def is_ended(self, claims: Mapping[str, object]) -> bool:
        """Return whether the sign-in of these claims was ended."""
        return bool(self._keys) and self.holds(sign_in_key(claims))

    def holds(self, key: str) -> bool:
        """Return whether the sign-in with this key was ended."""
        return key in self._keys

    def end(self, claims: Mapping[str, object]) -> None:
        """End the sign-in of these claims; effective at once, and journalled if possible."""
        key = sign_in_key(claims)
        with self._lock:
            self._keys |= {key}
        now = datetime.now(UTC)
        try:
            self._journal.record_sign_out(key, until=now + _COOKIE_LASTS, now=now)
        except StoreError as error:
            logger.warning("a sign-out will be forgotten at the next restart: %s", error)
