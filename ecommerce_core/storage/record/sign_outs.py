"""Sign-ins that were ended before their time, so that a copy of their cookie opens nothing.

Streamlit's cookie is signed and complete in itself: whoever has a copy is signed in until the
sign-in is over, whatever the browser that signed out has forgotten.
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

# What tells one sign-in from another; a provider need not give them all.
_OF_A_SIGN_IN = ("iss", "sub", "iat", "nonce")

# What other servers are told.
SIGNED_OUT = "signed out"

# Streamlit takes no cookie that is older.
_COOKIE_LASTS = timedelta(days=30)


def sign_in_key(claims: Mapping[str, object]) -> str:
    """The digest by which a sign-in is known. It is told by claims, which a copy cannot vary."""
    said = json.dumps([claims.get(name) for name in _OF_A_SIGN_IN], default=str)
    return hashlib.sha256(said.encode()).hexdigest()


class SignOutJournal(Part):
    """Reads and writes of sign-ins that were ended. Everything raises StoreError."""

    def record_sign_out(self, key: str, *, until: datetime, now: datetime) -> None:
        """Remember a sign-in that was ended, and forget those that would be over by now."""
        with self.writing() as db:
            db.execute("DELETE FROM sign_out WHERE until < ?", [to_text(now)])
            db.execute(
                "INSERT INTO sign_out (key, until) VALUES (?, ?)"
                " ON CONFLICT (key) DO UPDATE SET until = excluded.until",
                [key, to_text(until)],
            )
            db.notify(SIGNED_OUT)

    def list_sign_outs(self) -> list[str]:
        """The keys of the sign-ins that were ended."""
        with self.reading() as db:
            rows: list[Any] = db.execute("SELECT key FROM sign_out").fetchall()
            return [key for (key,) in rows]


class SignOuts:
    """The ended sign-ins of one server, kept over its restarts. Any thread may use it."""

    def __init__(self, journal: SignOutJournal) -> None:
        """Read what was ended before the last restart. Raises StoreError."""
        self._journal = journal
        self._lock = threading.Lock()
        self._keys = frozenset(journal.list_sign_outs())

    def read_again(self) -> None:
        """Learn of the sign-ins that were ended on other servers. Raises StoreError."""
        with self._lock:
            self._keys |= frozenset(self._journal.list_sign_outs())

    def is_ended(self, claims: Mapping[str, object]) -> bool:
        """Return whether the sign-in of these claims was ended."""
        return bool(self._keys) and self.holds(sign_in_key(claims))

    def holds(self, key: str) -> bool:
        """Return whether the sign-in with this key was ended."""
        return key in self._keys

    def end(self, claims: Mapping[str, object]) -> None:
        """End the sign-in of these claims; it holds from now on, and is journalled if possible."""
        key = sign_in_key(claims)
        with self._lock:
            self._keys |= {key}
        now = datetime.now(UTC)
        try:
            self._journal.record_sign_out(key, until=now + _COOKIE_LASTS, now=now)
        except StoreError as error:
            logger.warning("a sign-out will be forgotten at the next restart: %s", error)
