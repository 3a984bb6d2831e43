"""Text that came from outside, as a terminal and a log may show it."""

from __future__ import annotations

import unicodedata

# Printable to Python, and nothing to see: fillers, and what changes the sign before it.
_INVISIBLE = frozenset(
    [0x034F, 0x115F, 0x1160, 0x17B4, 0x17B5, 0x2800, 0x3164, 0xFFA0]
    + [*range(0x180B, 0x1810), *range(0xFE00, 0xFE10), *range(0xE0100, 0xE01F0)]
)
_NAMED = {"\n": "\\n", "\r": "\\r", "\t": "\\t"}


class _Shown(dict[int, str]):
    """How each character is shown, found once."""

    def __missing__(self, code: int) -> str:
        sign = chr(code)
        is_shown = sign.isprintable() or unicodedata.category(sign) == "Zs"
        self[code] = sign if is_shown and code not in _INVISIBLE else _escape(sign)
        return self[code]


_shown = _Shown()


def terminal_safe(text: str, *, longest: int = 1_000) -> str:
    """``text`` as one line of at most ``longest`` characters that does nothing to a terminal.

    Controls, escapes, line breaks, marks of direction, invisible characters and lone surrogates
    are written out (``\\x1b``, ``\\u202e``), so that one sees that they are there.
    """
    # A character becomes one at least: what lies beyond need not be looked at.
    safe = text[: longest + 1].translate(_shown)
    return safe if len(safe) <= longest else f"{safe[: longest - 1]}…"


def _escape(sign: str) -> str:
    code = ord(sign)
    if sign in _NAMED:
        return _NAMED[sign]
    if code < 0x100:
        return f"\\x{code:02x}"
    return f"\\u{code:04x}" if code < 0x10000 else f"\\U{code:08x}"
