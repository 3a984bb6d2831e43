"""The tokens with which programs read, from ``ECOMMERCE_API_TOKENS``."""

from __future__ import annotations

import hmac
import re
from collections.abc import Iterable
from dataclasses import dataclass, field

from ecommerce_core.domain import Actor, Role

SHORTEST = 32
# RFC 6750, so that no token contains a comma or a colon.
_TOKEN = re.compile(r"[A-Za-z0-9._~+/-]+=*")
_NAME = re.compile(r"[A-Za-z0-9](?:[A-Za-z0-9._@-]{0,98}[A-Za-z0-9])?")
_BEARER = re.compile(r"bearer +(\S+)", re.IGNORECASE)


@dataclass(frozen=True, slots=True)
class ApiToken:
    """One program's token, and the program's name."""

    name: str
    token: str = field(repr=False)


def parse_tokens(text: str) -> tuple[ApiToken, ...]:
    """Parse ``name:token`` or a token alone, separated by commas.

    Each is at least SHORTEST characters long, and no two are the same. Raises ValueError, without
    the value.
    """
    found = []
    for number, part in enumerate(text.split(","), 1):
        name, separator, token = part.strip().rpartition(":")
        name = name if separator else f"token-{number}"
        if len(token) < SHORTEST or not _TOKEN.fullmatch(token) or not _NAME.fullmatch(name):
            raise ValueError("tokens")
        found.append(ApiToken(name, token))
    if len({one.token for one in found}) < len(found):
        raise ValueError("tokens")
    return tuple(found)


def actor_of(tokens: Iterable[ApiToken], authorization: str) -> Actor | None:
    """Return the analyst whose token an ``Authorization`` header holds, or None if it holds none.

    Takes the same time whichever token fits, and wherever it differs.
    """
    bearer = _BEARER.fullmatch(authorization.strip())
    given = bearer[1].encode() if bearer else b""
    actor = None
    for one in tokens:
        if hmac.compare_digest(one.token.encode(), given):
            actor = Actor(one.name, Role.ANALYST)
    return actor
