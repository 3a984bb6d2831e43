"""What an answer becomes: its good records, and of the bad ones what can be kept of them."""

from __future__ import annotations

import json
from dataclasses import dataclass, field
from typing import Any, Protocol

import msgspec

from ecommerce_core.domain import RECORD_CHARS_KEPT, Rejected, reason_of_decoding

Body = bytes | bytearray

# One bad answer must not fill the disk: beyond this many, records are only counted.
REJECTED_KEPT = 1_000
# Nor the memory: beyond this many keys it is as if the others could not be read.
REJECTED_KEYS_KEPT = 100_000
# To read the key of a bad record makes objects of all that is in it, at many times its size.
LONGEST_READ_FOR_KEY = 2**20


class Record(msgspec.Struct, frozen=True, gc=False, kw_only=True):
    """A validated record. Its fields are the dataset's columns, in their order, the key first.

    Behind them stands the fingerprint of the text that it was decoded from, None if that text
    does not say all: it is stored with the row, so that the next sync knows the text again.
    """

    # An int or None. Whatever a peer sends under this name is taken, and replaced after decoding.
    fingerprint: Any = msgspec.field(name="", default=None)


class Decoder(Protocol):
    """How one peer's records are decoded."""

    @property
    def is_repeatable(self) -> bool:
        """True if each record so far has been decoded from its own text alone."""
        ...

    def find_list(self, body: Body | memoryview) -> msgspec.Raw:
        """What stands where the list of records should. Raises msgspec.DecodeError, RecursionError.

        All of the answer is then valid JSON.
        """
        ...

    def decode(self, raw: Body | msgspec.Raw) -> Record:
        """One record. Raises msgspec.DecodeError, Rejection, UnicodeDecodeError."""
        ...

    def key_of(self, fields: dict[str, Any]) -> str | None:
        """The key of a record that could not be taken, as far as it can be read."""
        ...


@dataclass(slots=True)
class Parsed:
    """An answer, decoded: ``fetched == len(records) + rejected_count + len(known)``.

    ``records`` has the last of each key, in the answer's order. ``rejected``
    holds the first REJECTED_KEPT, ``rejected_keys`` the keys of those without a good record;
    ``hides_keys`` tells that there are more of these, which could not be read or were too many.
    ``known`` holds the fingerprints of the records that were known and so not decoded;
    ``has_known_twins`` tells that one of these came twice: then the sum does not hold.
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
        """Count a record that cannot be taken; keep its key and itself while there is room."""
        self.rejected_count += 1
        is_kept = len(self.rejected) < REJECTED_KEPT
        if self.hides_keys and not is_kept:
            return  # nothing more is to be learnt from it
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
    """The key of a bad record, read as leniently as can be: it may be bad in any way."""
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
    """As much of a bad record as is kept."""
    text = bytes(memoryview(record)[: RECORD_CHARS_KEPT * 4]).decode("utf-8", "replace")
    # A NUL would end the text early in every tool that reads the journal.
    return text.replace("\0", "\N{SYMBOL FOR NULL}")[:RECORD_CHARS_KEPT]


def _int_of_any_length(digits: str) -> int | str:
    return int(digits) if len(digits) < 40 else digits
