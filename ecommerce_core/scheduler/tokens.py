"""Tokens in the ``data`` of our own tasks, by which a callback proves that it comes from one.

A token is the HMAC-SHA256 of the application and the URL that a task calls, in hex. It says who
added the task, not when: the scheduler repeats a recurring task's ``data`` word for word, so the
same token is valid each time.
"""

from __future__ import annotations

import hashlib
import hmac
import json
from collections.abc import Iterable


def make_token(secret: str, *, app_name: str, url: str) -> str:
    """Return the token (64 hex digits) for a task that calls ``url`` of ``app_name``.

    ``url`` is the path behind the gateway; a slash in front of it makes no difference.
    """
    # JSON separates the two texts: ("a", "b/c") and ("a/b", "c") must not share a token.
    message = json.dumps([app_name, url.lstrip("/")])
    return hmac.new(_encode(secret), message.encode(), hashlib.sha256).hexdigest()


def verify_token(secrets: Iterable[str], token: str, *, app_name: str, url: str) -> bool:
    """Return True if ``token`` was made with any of ``secrets`` for this application and URL.

    More than one secret is valid while they are being rotated. Takes the same time wherever the
    token differs and whichever secret fits; without secrets no token is valid.
    """
    valid = False
    for secret in secrets:
        expected = make_token(secret, app_name=app_name, url=url)
        valid |= hmac.compare_digest(expected.encode(), _encode(token))
    return valid


def _encode(text: str) -> bytes:
    # Received text may hold lone surrogates, which plain UTF-8 refuses with an exception.
    return text.encode("utf-8", "surrogatepass")
