"""Find the records of an answer that is almost JSON, more slowly than the strict way.

Strict JSON allows no NaN and no half of a surrogate pair, and one of either would cost the whole
answer. Python's own scanner is lenient enough to find where each record begins and ends; the strict
decoder then judges each record on its own and names the bad ones.
"""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Iterator

from ecommerce_core.datasets.json_pieces import CLOSED, OPEN, STRUCTURE

Body = bytes | bytearray | memoryview

# The scanner makes objects of what it skips, so it is given no more than this at once: a longer
# value in an answer that is not strict JSON fails.
LONGEST_VALUE_BYTES = 2**20
_PIECE_RECORDS = 1_000
_BEAT_VALUES = 1_000
# The bytes that the scanner leaves out of a number that is cut off: "12.", "1e", "1e+".
_BEGUN_BYTES = 2
_BLANK = re.compile(rb"[ \t\n\r]*")


def split_leniently(
    body: Body, *, list_name: str | None, beat: Callable[[], None]
) -> Iterator[list[bytes]]:
    """Yield the raw records of ``body``, some at a time.

    ``list_name`` is the member that holds the list, None for a bare list. ``beat`` is called now
    and then while values are skipped, and may raise. Raises ValueError or RecursionError, at the
    latest behind the last record, if not even a lenient reader finds a whole list: records of a cut
    answer are not used.
    """
    reader = _Reader(body, beat)
    if list_name is None:
        yield from reader.records()
    else:
        yield from _member(reader, list_name)
    if not reader.is_at_end():
        raise ValueError("more follows")


def _member(reader: _Reader, name: str) -> Iterator[list[bytes]]:
    """Yield the records in the member ``name`` of an object. Raises ValueError."""
    is_found = False
    reader.expect(b"{")
    while True:
        key = reader.value()
        if not key.startswith(b'"'):
            raise ValueError("no name")
        reader.expect(b":")
        if json.loads(key) != name:
            reader.value()
        elif is_found:
            raise ValueError("the list is there twice")
        else:
            is_found = True
            yield from reader.records()
        if not reader.takes(b","):
            break
    reader.expect(b"}")
    if not is_found:
        raise ValueError("no such member")


class _Reader:
    """Reads values one after the other."""

    def __init__(self, body: Body, beat: Callable[[], None]) -> None:
        self._body = body
        self._beat = beat
        self._values = 0
        self._at = 0
        self._start = 0
        self._window = ""
        # Only the ends of values are needed: numbers of any length must not be converted.
        self._decoder = json.JSONDecoder(parse_int=len, parse_float=len, parse_constant=len)
        self._show(0)

    def records(self) -> Iterator[list[bytes]]:
        """Yield the elements of the list that begins here, some at a time."""
        self.expect(b"[")
        if self.takes(b"]"):
            return
        records = []
        while True:
            records.append(self.value())
            if not self.takes(b","):
                break
            if len(records) == _PIECE_RECORDS:
                yield records
                records = []
        self.expect(b"]")
        yield records

    def value(self) -> bytes:
        """Return the text of the value that begins here."""
        self._values += 1
        if self._values % _BEAT_VALUES == 0:
            self._beat()
        self._pass_blanks()
        start, self._at = self._at, self._value_end()
        return bytes(self._body[start : self._at])

    def takes(self, sign: bytes) -> bool:
        """Return whether this sign is next, and skip it if so."""
        self._pass_blanks()
        is_next = self._body[self._at : self._at + 1] == sign
        self._at += is_next
        return is_next

    def expect(self, sign: bytes) -> None:
        """Skip this sign. Raises ValueError if the next one is another."""
        if not self.takes(sign):
            raise ValueError(f"no {sign.decode()}")

    def is_at_end(self) -> bool:
        """Return whether only blanks are left."""
        self._pass_blanks()
        return self._at == len(self._body)

    def _pass_blanks(self) -> None:
        match = _BLANK.match(self._body, self._at)
        self._at = self._at if match is None else match.end()

    def _value_end(self) -> int:
        end = self._end_in_window()
        if end is None:  # the value may go on: let the window begin with it
            self._show(self._at)
            end = self._end_in_window()
        if end is None:
            raise ValueError("no JSON, or too long")
        return self._start + end

    def _end_in_window(self) -> int | None:
        try:
            _, end = self._decoder.raw_decode(self._window, self._at - self._start)
        except ValueError:
            return None
        except RecursionError:
            return self._end_of_deep_value()
        # A number may go on behind the window, after a point or an "e+" that is still in it.
        is_whole = len(self._window) - end > _BEGUN_BYTES or self._is_last_window()
        return end if is_whole else None

    def _end_of_deep_value(self) -> int | None:
        """Return the end by counting brackets: the decoder will report that it is too deep."""
        depth = 0
        for token in STRUCTURE.finditer(self._window.encode("latin-1"), self._at - self._start):
            sign = token[0][-1]
            depth += (sign in OPEN) - (sign in CLOSED)
            if depth == 0:
                return token.end()
        return None

    def _is_last_window(self) -> bool:
        return self._start + len(self._window) == len(self._body)

    def _show(self, start: int) -> None:
        self._beat()  # reading a few long values may take as long as many short ones
        # Latin-1, so that a character is a byte: the signs that give JSON its structure are ASCII.
        self._start = start
        self._window = bytes(self._body[start : start + LONGEST_VALUE_BYTES]).decode("latin-1")
