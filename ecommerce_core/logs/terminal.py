"""Escape text from outside for a terminal and a log."""

from __future__ import annotations

import unicodedata

# Printable to Python but invisible: fillers, and characters that modify the one before.
_INVISIBLE = frozenset(
    [0x034F, 0x115F, 0x1160, 0x17B4, 0x17B5, 0x2800, 0x3164, 0xFFA0]
    + [*range(0x180B, 0x1810), *range(0xFE00, 0xFE10), *range(0xE0100, 0xE01F0)]
)
_NAMED = {"\n": "\\n", "\r": "\\r", "\t": "\\t"}


class _Shown(dict[int, str]):
    """The shown form of each character, computed once."""

    def __missing__(self, code: int) -> str:
        sign = chr(code)
        is_shown = sign.isprintable() or unicodedata.category(sign) == "Zs"
        self[code] = sign if is_shown and code not in _INVISIBLE else _escape(sign)
        return self[code]


_shown = _Shown()


def terminal_safe(text: str, *, longest: int = 1_000) -> str:
    """Return ``text`` as one line of at most ``longest`` characters that cannot control a terminal.

    Controls, escapes, line breaks, direction marks, invisible characters and lone surrogates are
    written out (``\\x1b``, ``\\u202e``), so that they can be seen.
    """
    # Each character yields at least one, so the rest cannot be shown anyway.
    safe = text[: longest + 1].translate(_shown)
    return safe if len(safe) <= longest else f"{safe[: longest - 1]}…"


def _escape(sign: str) -> str:
    code = ord(sign)
    if sign in _NAMED:
        return _NAMED[sign]
    if code < 0x100:
        return f"\\x{code:02x}"
    return f"\\u{code:04x}" if code < 0x10000 else f"\\U{code:08x}"
