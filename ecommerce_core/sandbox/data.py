"""Helpers that make the shop's data: everything is a function of a seed and the simulated time."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from datetime import datetime, timedelta
from typing import TypeVar

import msgspec

T = TypeVar("T")

ORIGIN = datetime(2019, 1, 7)
"""The simulated time at which the shop's data begins to move, and the clock's default start."""

EPOCH = timedelta(hours=3)
"""The shop moves once per epoch and stands still within one."""

EPOCHS_PER_DAY = timedelta(days=1) // EPOCH

_MASK = (1 << 64) - 1
_ENCODER = msgspec.json.Encoder()
_CHUNK_RECORDS = 5_000


def epoch_at(simulated_at: datetime) -> int:
    """Return the epoch of a simulated time, from 0; before ORIGIN the shop does not change."""
    return max(0, (simulated_at - ORIGIN) // EPOCH)


def mix(value: int) -> int:
    """Return 64 bits that look random but depend only on the value (the splitmix64 step)."""
    value = (value * 0x9E3779B97F4A7C15 + 0x632BE59BD9B4E019) & _MASK
    value = ((value ^ (value >> 30)) * 0xBF58476D1CE4E5B9) & _MASK
    value = ((value ^ (value >> 27)) * 0x94D049BB133111EB) & _MASK
    return value ^ (value >> 31)


def chunks(records: Iterable[T]) -> Iterator[list[T]]:
    """Yield the records in lists of some thousands: a million objects at once take gigabytes."""
    chunk: list[T] = []
    for record in records:
        chunk.append(record)
        if len(chunk) == _CHUNK_RECORDS:
            yield chunk
            chunk = []
    if chunk:
        yield chunk


def encode_array(records: Iterable[msgspec.Struct], *, before: bytes, after: bytes) -> bytearray:
    """Return a JSON array of the records, UTF-8, between two pieces of JSON."""
    body = bytearray(before + b"[")
    for position, chunk in enumerate(chunks(records)):
        if position:
            body += b","
        body += memoryview(_ENCODER.encode(chunk))[1:-1]
    body += b"]" + after
    return body


def pick(options: Sequence[T], bits: int) -> T:
    """Return one of the options, chosen by the bits."""
    return options[bits % len(options)]
