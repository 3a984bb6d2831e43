"""Decode an answer into records.

It is split into raw records, a piece at a time, and each is decoded on its own, so that every bad
record is found, named and explained while the good ones are stored, at the speed of C. Only an
answer that is not valid JSON as a whole goes through the slower ``lenient_json.py``. Of what a peer
sent, only the good records are held as objects.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Collection, Iterator, Sequence, Set
from functools import partial
from operator import attrgetter

import msgspec
from msgspec.structs import force_setattr
from xxhash import xxh3_64_intdigest

from ecommerce_core.datasets.json_pieces import split_strictly
from ecommerce_core.datasets.lenient_json import split_leniently
from ecommerce_core.datasets.parsed import (
    REJECTED_KEPT,
    Body,
    Decoder,
    Parsed,
    Record,
    kept_text,
)
from ecommerce_core.domain import (
    Fact,
    PeerContractError,
    PeerTimedOut,
    PeerTooLarge,
    Rejected,
    Rejection,
    make_fact,
    reason_of_decoding,
)

Pieces = Iterator[list[bytes]] | Iterator[list[msgspec.Raw]]

REPORT_EVERY = 10_000
PIECE_BYTES = 2**20
_BOM = b"\xef\xbb\xbf"
# Part of every fingerprint and digest: raise it if the same answer has to be read anew.
CONTRACT_REVISION = 2
# Half of the integers of 64 bits, since SQLite's are signed.
_fingerprint = partial(xxh3_64_intdigest, seed=CONTRACT_REVISION)


class Reading:
    """One answer while it is decoded.

    ``list_name`` is the member that holds the records, None for a bare list; ``key`` is the name of
    their key field. Records whose fingerprint is ``known`` are counted and not decoded.
    ``ends_at_s`` is the deadline on ``time.monotonic()``. ``on_progress`` gets the number of
    records read so far, and may raise.
    """

    def __init__(
        self,
        body: Body,
        *,
        peer: str,
        list_name: str | None,
        key: str,
        decoder: Decoder,
        known: Set[int],
        max_records: int,
        ends_at_s: float,
        on_progress: Callable[[int], None] | None,
    ) -> None:
        self._text = memoryview(body)[len(_BOM) if body.startswith(_BOM) else 0 :]
        self._peer = peer
        self._list_name = list_name
        self._key_of: Callable[[Record], str] = attrgetter(key)
        self._decoder = decoder
        self._known = known
        self._max_records = max_records
        self._ends_at_s = ends_at_s
        self._on_progress = on_progress
        self._may_hold_nul = _holds(body, rb"\u0000")
        self._parsed = Parsed()

    def read(self) -> Parsed:
        """Return the answer's records. Raises PeerContractError, PeerTimedOut, PeerTooLarge."""
        parsed = self._parsed
        keys: set[str] = set()
        is_bad = bytearray()  # a byte for each record: a set of positions takes fifty times that
        for piece in self._pieces():
            is_bad.extend(bytes(len(piece)))
            for start in range(0, len(piece), REPORT_EVERY):
                taken_before = len(parsed.records)
                self._decode(piece[start : start + REPORT_EVERY], is_bad)
                keys.update(map(self._key_of, parsed.records[taken_before:]))
                self._report()
        # Duplicates are rare, and recording the position of every record would slow down all
        # others.
        if len(keys) < len(parsed.records):
            keys.clear()
            self._reject_twins(is_bad)
        if not self._decoder.is_repeatable:
            for record in parsed.records:
                force_setattr(record, "fingerprint", None)
        return parsed

    def _decode(self, raws: list[bytes] | list[msgspec.Raw], is_bad: bytearray) -> None:
        parsed, first = self._parsed, self._parsed.fetched
        if first + len(raws) > self._max_records:
            raise PeerTooLarge("too_many_records", peer=self._peer, limit=self._max_records)
        parsed.fetched += len(raws)
        fingerprints = [number >> 1 for number in map(_fingerprint, raws)]
        positions: Sequence[int] = range(first, first + len(raws))
        if self._known:
            unknown = self._set_known_aside(fingerprints, first, is_bad)
            raws = [raws[at] for at in unknown]
            fingerprints = [fingerprints[at] for at in unknown]
            positions = [first + at for at in unknown]
        records, rejected_before = parsed.records, parsed.rejected_count
        taken_before = len(records)
        decode = self._decode_without_nul if self._may_hold_nul else self._decoder.decode
        waiting: Iterator[bytes | msgspec.Raw] = iter(raws)
        while True:
            # From one bad record to the next, the loop runs in C.
            try:
                records.extend(map(decode, waiting))
                break
            except (msgspec.DecodeError, Rejection, UnicodeDecodeError, RecursionError) as error:
                at = len(records) - taken_before + parsed.rejected_count - rejected_before
                is_bad[positions[at]] = True
                parsed.reject(positions[at], raws[at], error, self._decoder)
        if parsed.rejected_count > rejected_before:
            pairs = zip(fingerprints, positions, strict=True)
            fingerprints = [number for number, at in pairs if not is_bad[at]]
        for record, fingerprint in zip(records[taken_before:], fingerprints, strict=True):
            force_setattr(record, "fingerprint", fingerprint)

    def _set_known_aside(self, fingerprints: list[int], first: int, is_bad: bytearray) -> list[int]:
        """Count the records that are known, and return the indices of the others in the piece."""
        parsed, known = self._parsed, self._known
        unknown = [at for at, number in enumerate(fingerprints) if number not in known]
        # Known records are marked like bad ones, so that later passes skip them when counting.
        is_bad[first : first + len(fingerprints)] = bytes([True]) * len(fingerprints)
        for at in unknown:
            is_bad[first + at] = False
        before = len(parsed.known)
        parsed.known.update(filter(known.__contains__, fingerprints))
        parsed.has_known_twins |= len(parsed.known) - before != len(fingerprints) - len(unknown)
        return unknown

    def _decode_without_nul(self, raw: bytes | msgspec.Raw) -> Record:
        record = self._decoder.decode(raw)
        for name in record.__struct_fields__:
            value = getattr(record, name)
            if isinstance(value, str) and "\0" in value:
                raise Rejection("nul", field=name)
        return record

    def _reject_twins(self, is_bad: bytearray) -> None:
        """Keep the last record of each key, and reject the earlier ones."""
        parsed, key_of = self._parsed, self._key_of
        seen: set[str] = set()
        twins: set[str] = set()
        for key in map(key_of, parsed.records):
            (twins if key in seen else seen).add(key)
        seen.clear()
        kept: list[Record | None] = list(parsed.records)
        latest: dict[str, tuple[int, int]] = {}
        room = REJECTED_KEPT - len(parsed.rejected)
        samples: dict[int, tuple[str, Fact]] = {}
        positions = (position for position, bad in enumerate(is_bad) if not bad)
        for (index, record), position in zip(enumerate(parsed.records), positions, strict=True):
            if (key := key_of(record)) not in twins:
                continue
            if key in latest:
                earlier, earlier_position = latest[key]
                kept[earlier] = None
                parsed.rejected_count += 1
                if len(samples) < room:
                    samples[earlier_position] = key, make_fact("twin", position=position)
            latest[key] = index, position
        parsed.records = [record for record in kept if record is not None]
        texts = self._texts_at(samples.keys())
        parsed.rejected.extend(
            Rejected(position, key, reason, texts[position])
            for position, (key, reason) in samples.items()
        )

    def _texts_at(self, positions: Collection[int]) -> dict[int, str]:
        """Return the records at these positions, by splitting the answer once more."""
        texts: dict[int, str] = {}
        start = 0
        for piece in self._pieces() if positions else ():
            wanted = [at for at in range(start, start + len(piece)) if at in positions]
            texts |= {at: kept_text(piece[at - start]) for at in wanted}
            if len(texts) == len(positions):
                break
            start += len(piece)
            self._report()
        return texts

    def _pieces(self) -> Pieces:
        """Yield the raw records in pieces. Raises PeerContractError, at the latest at the end."""
        where = None
        try:
            found = memoryview(self._decoder.find_list(self._text))
            where = self._list_name
            if bytes(found[:1]) != b"[":
                msgspec.json.decode(found, type=list)  # raises, with the type it found
        except msgspec.ValidationError as error:
            reason = reason_of_decoding(error)
            if where:
                reason = make_fact(reason.code, **{"field": where, **reason.details})
            raise PeerContractError(
                "answer_of_another_shape", peer=self._peer, reason=reason
            ) from error
        except (msgspec.DecodeError, RecursionError) as error:
            return self._salvaged(error)
        return split_strictly(found, beat=self._report)

    def _salvaged(self, error: Exception) -> Iterator[list[bytes]]:
        try:
            yield from split_leniently(self._text, list_name=self._list_name, beat=self._report)
        except (ValueError, RecursionError):
            raise PeerContractError(
                "answer_not_json",
                peer=self._peer,
                reason=reason_of_decoding(error),
                start=repr(bytes(self._text[:60]).decode("utf-8", "replace")),
            ) from error

    def _report(self) -> None:
        if time.monotonic() > self._ends_at_s:
            raise PeerTimedOut("answer_not_read_in_time", peer=self._peer)
        if self._on_progress is not None:
            self._on_progress(self._parsed.fetched)


def _holds(body: Body, what: bytes) -> bool:
    """Return whether a body contains ``what``.

    Searches in pieces, because other threads wait during each search.
    """
    starts = range(0, len(body), PIECE_BYTES)
    return any(body.find(what, at, at + PIECE_BYTES + len(what) - 1) >= 0 for at in starts)
