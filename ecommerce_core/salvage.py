"""The slower road: find the records of an answer that is almost JSON.

Strict JSON knows no NaN and no half of a surrogate pair, and one of either
would cost the whole answer. Python's own scanner is lenient enough to find
where each record begins and ends; the strict decoder then judges each record
on its own and names the bad ones.
"""

from __future__ import annotations

import json
import re

_BLANK = re.compile(r"[ \t\n\r]*")


def split_leniently(body: bytes | bytearray, *, list_name: str | None) -> list[bytes] | None:
    """The raw records of ``body``, or None where not even a lenient reader finds a whole list.

    ``list_name`` is the member that holds the list, None for a bare list.
    """
    try:
        text = body.decode("utf-8-sig")
    except UnicodeDecodeError:
        return None
    # Values are not wanted, only where they end: numbers of any length must not be converted.
    decoder = json.JSONDecoder(parse_int=len, parse_float=len, parse_constant=len)
    try:
        at = _blank(text, 0)
        if list_name is not None:
            at = _find_member(decoder, text, at, list_name)
        if text[at : at + 1] != "[":
            return None
        records, at = _split_list(decoder, text, at)
        # What follows the list must still be JSON: a cut answer is not salvaged.
        json.JSONDecoder(parse_int=len, parse_float=len, parse_constant=len).decode(text)
    except (ValueError, RecursionError):
        return None
    return records


def _find_member(decoder: json.JSONDecoder, text: str, at: int, name: str) -> int:
    """The position of the value of ``name`` in the object at ``at``. Raises ValueError."""
    if text[at : at + 1] != "{":
        raise ValueError("not an object")
    at = _blank(text, at + 1)
    found: int | None = None
    while text[at : at + 1] == '"':
        key, at = decoder.raw_decode(text, at)
        at = _blank(text, at)
        if text[at : at + 1] != ":":
            raise ValueError("no colon")
        at = _blank(text, at + 1)
        if key == name:
            found = at
        _, at = decoder.raw_decode(text, at)
        at = _blank(text, at)
        if text[at : at + 1] == ",":
            at = _blank(text, at + 1)
    if found is None:
        raise ValueError("no such member")
    return found


def _split_list(decoder: json.JSONDecoder, text: str, at: int) -> tuple[list[bytes], int]:
    records: list[bytes] = []
    at = _blank(text, at + 1)
    if text[at : at + 1] == "]":
        return records, at + 1
    while True:
        start = at
        _, at = decoder.raw_decode(text, start)
        records.append(text[start:at].encode("utf-8", "surrogatepass"))
        at = _blank(text, at)
        if text[at : at + 1] == "]":
            return records, at + 1
        if text[at : at + 1] != ",":
            raise ValueError("no comma")
        at = _blank(text, at + 1)


def _blank(text: str, at: int) -> int:
    match = _BLANK.match(text, at)
    return at if match is None else match.end()
