"""Escape texts so that a spreadsheet does not run them as formulas, whatever its separator.

A spreadsheet runs a cell that begins with one of OWASP's signs (``=``, ``+``, ``-``, ``@``, their
full-width and small forms, a tab, a line break), and a French one opens a file of commas as if
semicolons stood between its cells. So an apostrophe is put before every such sign at the beginning
of a text, or behind a comma, semicolon, tab, ``|`` or line break in it, blanks, quotes and
invisible characters aside: ``a;=1+1`` becomes ``a;'=1+1``. One is also put before apostrophes that
stand there already. To restore the original, remove one apostrophe at each such place.
"""

from __future__ import annotations

import re

_SIGNS = "=+\\-@\uff1d\uff0b\uff0d\uff20\ufe66\ufe62\ufe63\ufe6b"
_SEPARATORS = r",;\t|\r\n"
# Skipped before a sign: blanks, quotes, controls and invisible characters.
_PASSED_OVER = (
    r"\s\"\x00-\x1f\x7f-\x9f\xad\u034f\u0600-\u0605\u061c\u06dd\u070f\u0890\u0891\u08e2"
    r"\u115f\u1160\u17b4\u17b5\u180b-\u180f\u200b-\u200f\u202a-\u202e\u2060-\u206f\u2800\u3164"
    r"\ufe00-\ufe0f\ufeff\uffa0\ufff0-\ufffb\U000110bd\U000110cd\U00013430-\U0001343f"
    r"\U0001bca0-\U0001bca3\U0001d173-\U0001d17a\U000e0000-\U000e0fff"
)
# A possible beginning of a cell. It is consumed even if no sign follows: otherwise a text of tabs
# would be scanned as many times as it has tabs.
_PLACE = re.compile(rf"([{_SEPARATORS}][{_PASSED_OVER}]*+)('*+[{_SIGNS}])?")
_BLANK_START = re.compile(r"'*[\t\r\n]")
# Joins the texts of a column so that the beginning of each matches as a beginning of a cell.
_BETWEEN = ",\0"
_MAY_BE_LIVE = re.compile(rf"[{_SEPARATORS}{_PASSED_OVER}'][{_SIGNS}]|\0'*[\t\r\n]")


def guard_formula(text: str) -> str:
    """Return ``text`` escaped so that no spreadsheet runs any of it."""
    guarded = _PLACE.sub(_guarded_place, f"\n{text}")[1:]
    return f"'{guarded}" if _BLANK_START.match(guarded) else guarded


def guard_column(texts: tuple[str, ...]) -> tuple[str, ...]:
    """Return each text guarded. Most columns need no guard, so they are searched in one pass."""
    if not _MAY_BE_LIVE.search(_BETWEEN + _BETWEEN.join(texts)):
        return texts
    return tuple(map(guard_formula, texts))


def starts_formula(text: str) -> bool:
    """Return whether a spreadsheet would not take this as plain text if typed into a cell."""
    place = _PLACE.match(f"\n{text}")
    return text.startswith(("'", "\t", "\r", "\n")) or bool(place and place[2])


def _guarded_place(place: re.Match[str]) -> str:
    return f"{place[1]}'{place[2]}" if place[2] else place[0]
