"""Tokens that our own tasks carry in their ``data``, so that a callback can prove where it is from.

A token is the HMAC-SHA256 of the application and the URL that a task calls, in
hex. It says who added the task, not when: the scheduler repeats a recurring
task's ``data`` word for word, so the same token is valid each time.
"""

from __future__ import annotations

import hashlib
import hmac
import json
from collections.abc import Iterable


def make_token(secret: str, *, app_name: str, url: str) -> str:
    """The token (64 hex digits) for a task that calls ``url`` of ``app_name``.

    ``url`` is the path behind the gateway; a slash in front of it makes no difference.
    """
    # JSON keeps the two texts apart: ("a", "b/c") and ("a/b", "c") must not share a token.
    message = json.dumps([app_name, url.lstrip("/")])
    return hmac.new(_encode(secret), message.encode(), hashlib.sha256).hexdigest()


def verify_token(secrets: Iterable[str], token: str, *, app_name: str, url: str) -> bool:
    """True where ``token`` was made with any of ``secrets`` for this application and URL.

    More than one secret is valid while they are being rotated. Takes the same
    time wherever the token differs and whichever secret fits; no secrets, no
    valid token.
    """
    valid = False
    for secret in secrets:
        expected = make_token(secret, app_name=app_name, url=url)
        valid |= hmac.compare_digest(expected.encode(), _encode(token))
    return valid


def _encode(text: str) -> bytes:
    # What came over the wire may hold lone surrogates, which plain UTF-8 refuses with an exception.
    return text.encode("utf-8", "surrogatepass")
