"""A decoded answer: its good records, and as much of the bad ones as is kept."""

from __future__ import annotations

import json
from dataclasses import dataclass, field
from typing import Any, Protocol

import msgspec

from ecommerce_core.domain import RECORD_CHARS_KEPT, Rejected, reason_of_decoding

Body = bytes | bytearray

# One bad answer must not fill the disk: beyond this many, records are only counted.
REJECTED_KEPT = 1_000
# Nor the memory: beyond this many keys the others count as unreadable.
REJECTED_KEYS_KEPT = 100_000
# Reading a bad record's key makes objects of its whole content, of many times its size.
LONGEST_READ_FOR_KEY = 2**20


class Record(msgspec.Struct, frozen=True, gc=False, kw_only=True):
    """A validated record. Its fields are the dataset's columns, in their order, the key first.

    After them comes the fingerprint of the text that it was decoded from, or None if the record
    does not depend on that text alone. It is stored with the row, so that the next sync recognises
    the text.
    """

    # An int or None. A value that a peer sends under this name is accepted, and replaced later.
    fingerprint: Any = msgspec.field(name="", default=None)


class Decoder(Protocol):
    """Decoder of one peer's records."""

    @property
    def is_repeatable(self) -> bool:
        """True if each record so far has been decoded from its own text alone."""
        ...

    def find_list(self, body: Body | memoryview) -> msgspec.Raw:
        """Return the value at the list's place. Raises msgspec.DecodeError, RecursionError.

        If it returns, all of the answer is valid JSON.
        """
        ...

    def decode(self, raw: Body | msgspec.Raw) -> Record:
        """Decode one record. Raises msgspec.DecodeError, Rejection, UnicodeDecodeError."""
        ...

    def key_of(self, fields: dict[str, Any]) -> str | None:
        """Return the key of a record that was rejected, or None if it cannot be read."""
        ...


@dataclass(slots=True)
class Parsed:
    """A decoded answer: ``fetched == len(records) + rejected_count + len(known)``.

    ``records`` has the last of each key, in the answer's order. ``rejected`` holds the first
    REJECTED_KEPT, ``rejected_keys`` the keys of those without a good record; ``hides_keys`` is True
    if there are more keys, which could not be read or were too many. ``known`` holds the
    fingerprints of the records that were known and so not decoded; ``has_known_twins`` is True if
    one of these occurred twice: then the sum does not hold.
    """

    records: list[Record] = field(default_factory=list)
    fetched: int = 0
    rejected: list[Rejected] = field(default_factory=list)
    rejected_count: int = 0
    rejected_keys: set[str] = field(default_factory=set)
    hides_keys: bool = False
    known: set[int] = field(default_factory=set)
    has_known_twins: bool = False

    def reject(
        self, position: int, record: bytes | msgspec.Raw, error: Exception, decoder: Decoder
    ) -> None:
        """Count a record that is rejected; keep its key and its text while there is room."""
        self.rejected_count += 1
        is_kept = len(self.rejected) < REJECTED_KEPT
        if self.hides_keys and not is_kept:
            return  # neither its key nor its text would be kept
        key = _readable_key(decoder, record)
        if key is None or len(self.rejected_keys) >= REJECTED_KEYS_KEPT:
            self.hides_keys = True
        else:
            self.rejected_keys.add(key)
        if is_kept:
            self.rejected.append(
                Rejected(position, key, reason_of_decoding(error), kept_text(record))
            )


def _readable_key(decoder: Decoder, record: bytes | msgspec.Raw) -> str | None:
    """Return the key of a bad record, read as leniently as possible, or None."""
    if len(record) > LONGEST_READ_FOR_KEY:
        return None
    try:
        fields = json.loads(bytes(record), parse_int=_int_of_any_length)
    except (ValueError, RecursionError):
        return None
    if not isinstance(fields, dict):
        return None
    key = decoder.key_of(fields)
    return key[:200].encode("utf-8", "replace").decode() if key else None


def kept_text(record: bytes | msgspec.Raw) -> str:
    """Return as much of a bad record as is kept."""
    text = bytes(memoryview(record)[: RECORD_CHARS_KEPT * 4]).decode("utf-8", "replace")
    # A NUL would end the text early in every tool that reads the journal.
    return text.replace("\0", "\N{SYMBOL FOR NULL}")[:RECORD_CHARS_KEPT]


def _int_of_any_length(digits: str) -> int | str:
    return int(digits) if len(digits) < 40 else digits
