"""The sentences that the journal keeps, known again by the templates that they were made of."""

from __future__ import annotations

import re
from functools import lru_cache
from itertools import zip_longest
from pathlib import Path

from babel.messages.mofile import read_mo

from ecommerce_core.domain import validation

LOCALE_DIR = Path(__file__).parent / "locale"

_KNOWN_AGAIN_CHARS = 12
# A field's name has no blanks, or any sentence would be taken for a reason.
_WIDTHS = {"field": r"\S+", "count": r"[\d,]+", "position": r"\d+", "limit": r"\S+"}


def without_formats(template: str) -> str:
    """A template as ``str.format`` takes it for values that are texts already."""
    return re.sub(r"\{(\w+):[^}]*\}", r"{\1}", template)


@lru_cache
def templates(code: str) -> list[tuple[re.Pattern[str], str]]:
    """The source texts that are long enough to be known again, the most particular first."""
    with (LOCALE_DIR / code / "LC_MESSAGES" / "messages.mo").open("rb") as file:
        ids = [message.id for message in read_mo(file) if isinstance(message.id, str)]
    # These are known again by rules of their own.
    told_apart = {reason.template for reason in (*validation.REASONS, validation.IN_FIELD)}
    found = []
    for template in sorted(set(ids) - told_apart):
        parts = re.split(r"\{(\w+)(?::[^}]*)?\}", template)
        literal, names = parts[::2], parts[1::2]
        # Without a handful of letters of its own, a template would fit anything.
        if len("".join(literal)) < _KNOWN_AGAIN_CHARS or len(set(names)) < len(names):
            continue
        pattern = "".join(
            re.escape(text) + (f"(?P<{name}>.+)" if name else "")
            for text, name in zip_longest(literal, names, fillvalue="")
        )
        found.append((len("".join(literal)), re.compile(pattern, re.DOTALL), template))
    return [(pattern, template) for _, pattern, template in sorted(found, key=lambda one: -one[0])]


@lru_cache(maxsize=1)
def reasons() -> list[tuple[re.Pattern[str], validation.Reason]]:
    """Why records are rejected, the most particular first; short ones can be told apart here."""
    found = []
    for reason in (*validation.REASONS, validation.IN_FIELD):
        parts = re.split(r"\{(\w+)\}", reason.template)
        pattern = "".join(
            re.escape(text) + (f"(?P<{name}>{_WIDTHS.get(name, '.+')})" if name else "")
            for text, name in zip_longest(parts[::2], parts[1::2], fillvalue="")
        )
        found.append((re.compile(pattern, re.DOTALL), reason))
    return found
