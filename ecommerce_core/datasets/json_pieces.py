"""Split a list into its records, a piece at a time, so that they are never all held twice.

A list of two million empty records is 6 MB as text, and a hundred as objects that wait to be
decoded. Here at most one piece of them waits, however many the peer sent.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator

import msgspec

PIECE_BYTES = 256 * 2**10
_BEAT_TOKENS = 65_536
_records = msgspec.json.Decoder(list[msgspec.Raw])
# Skips strings and numbers; each match ends in a sign that gives JSON its structure.
STRUCTURE = re.compile(
    rb"""(?:[^"\[\]{},]++ | "(?:[^"\\]++|\\.)*+")*+ [\[\]{},]""", re.DOTALL | re.VERBOSE
)
OPEN, CLOSED, _COMMA = b"[{", b"]}", ord(",")


def split_strictly(
    text: memoryview, *, beat: Callable[[], None], piece_bytes: int = PIECE_BYTES
) -> Iterator[list[msgspec.Raw]]:
    """Yield the raw records of ``text``, which is valid JSON and a list.

    ``beat`` is called now and then while a long record is skipped, and may raise.
    """
    at = 1
    while len(text) - at > piece_bytes:
        records, at = _take_piece(text, at, piece_bytes, beat)
        yield records
    if at < len(text):  # a long last record ends with the list
        yield _records.decode(b"[" + text[at:])


def _take_piece(
    text: memoryview, at: int, piece_bytes: int, beat: Callable[[], None]
) -> tuple[list[msgspec.Raw], int]:
    """Return some whole records from ``at`` on, and where the next one begins.

    A cut is guessed first: text before a comma is a list of whole records if, and only if, it is
    valid between brackets, so a guess that decodes is right.
    """
    window = bytes(text[at : at + piece_bytes])
    for comma in (window.rfind(b"},") + 1, window.rfind(b",")):
        if comma > 0:
            try:
                return _records.decode(b"[" + window[:comma] + b"]"), at + comma + 1
            except (msgspec.DecodeError, RecursionError):
                continue
    end = _record_end(text, at, at + piece_bytes, beat)
    return _records.decode(b"[" + text[at:end] + b"]"), end + 1


def _record_end(text: memoryview, at: int, wanted: int, beat: Callable[[], None]) -> int:
    """Return the end of the last record before ``wanted``, or of the first one if it is longer."""
    depth, last = 0, None
    for count, token in enumerate(STRUCTURE.finditer(text, at), 1):
        if count % _BEAT_TOKENS == 0:
            beat()
        end = token.end() - 1
        sign = text[end]
        if depth == 0 and (sign == _COMMA or sign in CLOSED):
            if end > wanted:
                return end if last is None else last
            last = end
        depth += (sign in OPEN) - (sign in CLOSED)
        if depth < 0:
            break
    assert last is not None  # noqa: S101 - a list that is valid JSON ends
    return last
