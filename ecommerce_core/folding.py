"""How texts are compared in a search: accents, ligatures and case do not matter."""

from __future__ import annotations

import unicodedata

# What Unicode does not take apart, and readers do.
_LETTERS = str.maketrans({"œ": "oe", "æ": "ae", "ø": "o", "đ": "d", "ł": "l", "ı": "i"})
# Between two columns of one row: no word has it, so no word is found across two columns.
SEPARATOR = "\n"
SEARCH_CHARS = 1_000


def fold(text: str) -> str:
    """``text`` without accents and case: ``é`` is ``e``, ``œ`` is ``oe``, ``ß`` is ``ss``."""
    if text.isascii():
        return text.lower()
    apart = unicodedata.normalize("NFKD", text.casefold())
    # Taking apart can bring capitals to light (the "TM" of a trade mark).
    bare = "".join(c for c in apart if not unicodedata.combining(c)).casefold()
    return bare.translate(_LETTERS)


def search_text(*columns: str) -> str:
    """What a row is searched in: folded, but for the case of ASCII, which LIKE leaves aside."""
    joined = SEPARATOR.join(columns)
    return joined if joined.isascii() else SEPARATOR.join(map(fold, columns))


def pattern_of(word: str) -> str:
    """What LIKE finds ``word`` by anywhere in a text, with a backslash for its ESCAPE."""
    escaped = word.replace("\\", "\\\\").replace("%", "\\%").replace("_", "\\_")
    return f"%{escaped}%"


def words_of(search: str) -> list[str]:
    """The folded words of a search, each once; what cannot be stored becomes a word not found."""
    sound = search[:SEARCH_CHARS].encode("utf-8", "replace").decode()
    # LIKE takes a NUL for the end of its pattern.
    sound = sound.replace("\0", "\N{REPLACEMENT CHARACTER}")
    return list(dict.fromkeys(fold(sound).split()))
