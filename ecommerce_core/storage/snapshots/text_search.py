"""Fold texts for search and order: case, accents and the like do not matter.

``fold`` works letter by letter, through a table that ``str.translate`` reads in C. So a part of a
text is folded to a part of the folded text, and composed and decomposed forms (``é`` as one letter
or as two) become the same.
"""

from __future__ import annotations

import unicodedata
from collections.abc import Collection

SEARCH_CHARS = 1_000

_APOSTROPHES = frozenset("'`´‘’‛ʹʻʼʽˈ′‵՚ꞌ")
_QUOTES = frozenset('"“”„‟')
# Besides those that Unicode counts among the dashes.
_HYPHENS = frozenset("−⁃˗")
# Letters that Unicode does not decompose, but readers do.
_LETTERS = {"œ": "oe", "æ": "ae", "ø": "o", "đ": "d", "ł": "l", "ı": "i"}
# Code points without width, besides format characters, controls and accents.
_WITHOUT_WIDTH = (
    range(0x034F, 0x0350),
    range(0x115F, 0x1161),
    range(0x17B4, 0x17B6),
    range(0x180B, 0x1810),
    range(0xFE00, 0xFE10),
    range(0xE0100, 0xE01F0),
)


def fold(text: str) -> str:
    """Return ``text`` folded: ``É`` is ``e``, ``œ`` is ``oe``, ``’`` is ``'``, ``‑`` is ``-``.

    White space of every kind is a space; invisible characters are removed.
    """
    return text.translate(_folded)


def fold_all(texts: Collection[str | None]) -> list[str | None]:
    """Fold each text; if there are few distinct values, such as families, each only once."""
    distinct = set(texts)
    if len(distinct) > len(texts) // 4:
        return [None if text is None else text.translate(_folded) for text in texts]
    known = {text: None if text is None else text.translate(_folded) for text in distinct}
    return [known[text] for text in texts]


def words_of(search: str) -> list[str]:
    """Return the folded words of a search, each once. Only its first 1,000 characters count."""
    return list(dict.fromkeys(fold(search[:SEARCH_CHARS]).split()))


class _Folded(dict[int, str]):
    """The folded form of each letter, computed when it is first met."""

    def __missing__(self, code: int) -> str:
        self[code] = folded = _fold_letter(chr(code))
        return folded


_folded = _Folded()


def _fold_letter(letter: str) -> str:
    if letter.isspace():
        return " "
    if letter in _APOSTROPHES:
        return "'"
    if letter in _QUOTES:
        return '"'
    if letter in _HYPHENS or unicodedata.category(letter) == "Pd":
        return "-"
    if _cannot_be_seen(letter):
        return ""
    if unicodedata.category(letter) == "Cs":
        # Half a character: it is in no row, and cannot be sent to a database.
        return "\N{REPLACEMENT CHARACTER}"
    # Decomposed first, so that a separate accent and one within its letter become the same.
    for other in (unicodedata.normalize("NFKD", letter), letter.casefold()):
        if other != letter:
            return "".join(map(_fold_letter, other))
    return _LETTERS.get(letter, letter)


def _cannot_be_seen(letter: str) -> bool:
    """Return whether it is an accent, a control or without width. Other scripts' vowels are not."""
    return (
        unicodedata.combining(letter) != 0
        or unicodedata.category(letter) in {"Cc", "Cf"}
        or any(ord(letter) in numbers for numbers in _WITHOUT_WIDTH)
    )
