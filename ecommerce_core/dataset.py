"""What makes a dataset a dataset, and how an answer becomes records.

An answer is split into raw records first and each is decoded on its own, so
that every bad record is found, named and explained while the good ones go in,
at the speed of C. Only an answer that is not JSON as a whole takes the slower
road of ``salvage.py``.
"""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import dataclass, field, fields
from operator import attrgetter
from typing import Any, Protocol

import msgspec

from ecommerce_core.column import TIME_COLUMNS, Column, Filter
from ecommerce_core.errors import PeerContractError
from ecommerce_core.models import Customer, Product, Rejected
from ecommerce_core.rejection import NUL, RECORD_CHARS_KEPT, TWIN, Rejection, reason_in_words
from ecommerce_core.salvage import split_leniently
from ecommerce_core.settings import Settings

Body = bytes | bytearray
Row = Product | Customer

# One bad answer must not fill the disk: beyond this many, records are only counted.
REJECTED_KEPT = 1_000
REPORT_EVERY = 10_000
PIECE_BYTES = 2**20


class Record(msgspec.Struct, frozen=True, gc=False):
    """A validated record. Its fields are the dataset's columns, in their order, the key first."""


KeyOf = Callable[[Record], str]


@dataclass(slots=True)
class Parsed:
    """An answer, decoded: ``fetched == len(records) + rejected_count``.

    ``records`` has the last of each key, in the answer's order. ``rejected``
    holds the first REJECTED_KEPT, ``rejected_keys`` the keys of all whose key
    could be read, ``keyless_rejections`` counts the others. ``is_ascii``: every text is
    known to be ASCII; False where nobody looked.
    """

    records: list[Record] = field(default_factory=list)
    fetched: int = 0
    rejected: list[Rejected] = field(default_factory=list)
    rejected_count: int = 0
    rejected_keys: set[str] = field(default_factory=set)
    keyless_rejections: int = 0
    is_ascii: bool = False

    def reject(self, position: int, key: str | None, reason: str, record: bytes) -> None:
        """Count a record that cannot be taken, and keep it while there is room."""
        self.rejected_count += 1
        if key is None:
            self.keyless_rejections += 1
        else:
            self.rejected_keys.add(key)
        if len(self.rejected) < REJECTED_KEPT:
            text = record[: RECORD_CHARS_KEPT * 4].decode("utf-8", "replace")
            # A NUL would end the text early in every tool that reads the journal.
            text = text.replace("\0", "\N{SYMBOL FOR NULL}")[:RECORD_CHARS_KEPT]
            self.rejected.append(Rejected(position, key, reason, text))


class Decoder(Protocol):
    """How one peer's records are decoded."""

    def split(self, body: Body) -> list[msgspec.Raw]:
        """The raw records of an answer. Raises msgspec.DecodeError, RecursionError."""
        ...

    def decode(self, raw: Body | msgspec.Raw) -> Record:
        """One record. Raises msgspec.DecodeError, Rejection, UnicodeDecodeError."""
        ...

    def key_of(self, fields: dict[str, Any]) -> str | None:
        """The key of a record that could not be taken, as far as it can be read."""
        ...


@dataclass(frozen=True, slots=True)
class Dataset:
    """One dataset: its peer, its table, and the task that fetches it.

    ``columns`` are those that a sync fills, the key first; ``shop_columns`` those that say the
    same of every row of our shop. ``list_name`` is the member of the answer that holds the
    records, None where the answer is a bare list. ``to_wire`` makes of a row the record that
    the peer would answer, for files that can be loaded again. Rows are in the order of
    ``default_sort`` unless a reader asks for another; a page shows them in one of ``layouts``.
    """

    name: str
    peer: str
    table: str
    columns: tuple[Column, ...]
    row_type: type[Row]
    list_name: str | None
    decoder: Callable[[], Decoder]
    path: Callable[[Settings], str]
    callback_path: str
    task_name: str
    task_app: str
    to_wire: Callable[[Any], dict[str, Any]]
    default_sort: str
    shop_columns: tuple[Column, ...] = ()
    layouts: tuple[str, ...] = ("table",)

    @property
    def row_columns(self) -> tuple[Column, ...]:
        """Every column of a row, in the order of its type's fields."""
        declared = (*self.columns, *self.shop_columns, *TIME_COLUMNS)
        by_name = {column.name: column for column in declared}
        return tuple(by_name[one.name] for one in fields(self.row_type))

    @property
    def sortable(self) -> tuple[Column, ...]:
        """The columns that a reader may sort by, the one of ``default_sort`` first."""
        columns = (*self.columns, *TIME_COLUMNS)
        return tuple(sorted(columns, key=lambda column: column.name != self.default_sort))

    def column(self, name: str) -> Column:
        """The column of that name. Raises KeyError."""
        return {column.name: column for column in self.row_columns}[name]

    def filtered_by(self, kind: Filter) -> tuple[Column, ...]:
        """The columns that readers filter by in this way."""
        return tuple(column for column in self.row_columns if column.filter is kind)

    @property
    def facet(self) -> str | None:
        """The column among whose values readers choose."""
        return next((column.name for column in self.columns if column.is_facet), None)

    @property
    def searched_names(self) -> tuple[str, ...]:
        """The columns that a search looks through."""
        return tuple(column.name for column in self.columns if column.searched)

    @property
    def key(self) -> str:
        """The name of the key's column."""
        return self.columns[0].name

    @property
    def column_names(self) -> tuple[str, ...]:
        """The columns that a sync fills, the key first."""
        return tuple(column.name for column in self.columns)

    def parse(self, body: Body, *, on_progress: Callable[[int], None] | None = None) -> Parsed:
        """Decode an answer. ``on_progress`` gets the number of records read so far.

        Raises PeerContractError where the answer is no JSON or not of the contract's shape.
        """
        decoder = self.decoder()
        raws = self._split(decoder, body)
        # One search tells both, as a rule: that no text has a NUL, and that all are ASCII.
        escapes = _holds(body, rb"\u")
        parsed = _decode_all(
            decoder,
            raws,
            key_of=attrgetter(self.key),
            may_hold_nul=escapes and _holds(body, rb"\u0000"),
            on_progress=on_progress,
        )
        parsed.is_ascii = not escapes and body.isascii()
        return parsed

    def _split(self, decoder: Decoder, body: Body) -> list[bytes] | list[msgspec.Raw]:
        try:
            return decoder.split(body)
        except msgspec.ValidationError as error:
            raise PeerContractError(
                "{peer} answered JSON of another shape: {reason}",
                peer=self.peer,
                reason=reason_in_words(error),
            ) from error
        except (msgspec.DecodeError, RecursionError) as error:
            salvaged = split_leniently(body, list_name=self.list_name)
            if salvaged is not None:
                return salvaged
            raise PeerContractError(
                "{peer} answered something that is no JSON: {reason}; it begins with {start}",
                peer=self.peer,
                reason=reason_in_words(error),
                start=repr(bytes(body[:60]).decode("utf-8", "replace")),
            ) from error


def _decode_all(
    decoder: Decoder,
    raws: list[bytes] | list[msgspec.Raw],
    *,
    key_of: KeyOf,
    may_hold_nul: bool,
    on_progress: Callable[[int], None] | None,
) -> Parsed:
    parsed = Parsed(fetched=len(raws))
    records = parsed.records
    decode = decoder.decode
    keys: set[str] = set()
    bad_positions: set[int] = set()
    for start in range(0, len(raws), REPORT_EVERY):
        taken_before = len(records)
        for position, raw in enumerate(raws[start : start + REPORT_EVERY], start):
            try:
                record = decode(raw)
                if may_hold_nul:
                    _refuse_nul(record)
            except (msgspec.DecodeError, Rejection, UnicodeDecodeError, RecursionError) as error:
                bad_positions.add(position)
                text = bytes(raw)
                parsed.reject(position, _readable_key(decoder, text), reason_in_words(error), text)
                continue
            records.append(record)
        keys.update(map(key_of, records[taken_before:]))
        if on_progress is not None:
            on_progress(min(start + REPORT_EVERY, len(raws)))
    # Twins are rare, and to look for the place of each record would cost the others.
    if len(keys) < len(records):
        _reject_twins(parsed, raws, bad_positions, key_of)
    return parsed


def _reject_twins(
    parsed: Parsed,
    raws: list[bytes] | list[msgspec.Raw],
    bad_positions: set[int],
    key_of: KeyOf,
) -> None:
    """Keep the last record of each key, and reject those before it."""
    positions = [at for at in range(len(raws)) if at not in bad_positions]
    kept: list[Record | None] = list(parsed.records)
    latest: dict[str, int] = {}
    for index, key in enumerate(map(key_of, parsed.records)):
        earlier = latest.get(key)
        latest[key] = index
        if earlier is not None:
            kept[earlier] = None
            reason = TWIN.of(position=positions[index])
            parsed.reject(positions[earlier], key, reason, bytes(raws[positions[earlier]]))
    parsed.records = [record for record in kept if record is not None]


def _holds(body: Body, what: bytes) -> bool:
    """Whether a body holds this. In pieces: other threads wait for each to be searched."""
    starts = range(0, len(body), PIECE_BYTES)
    return any(body.find(what, at, at + PIECE_BYTES + len(what) - 1) >= 0 for at in starts)


def _refuse_nul(record: Record) -> None:
    for name in record.__struct_fields__:
        value = getattr(record, name)
        if isinstance(value, str) and "\0" in value:
            raise Rejection(NUL.of(field=name))


def _readable_key(decoder: Decoder, raw: bytes) -> str | None:
    """The key of a bad record, read as leniently as can be: it may be bad in any way."""
    try:
        fields = json.loads(raw, parse_int=_int_of_any_length)
    except (ValueError, RecursionError):
        return None
    if not isinstance(fields, dict):
        return None
    key = decoder.key_of(fields)
    return key[:200].encode("utf-8", "replace").decode() if key else None


def _int_of_any_length(digits: str) -> int | str:
    return int(digits) if len(digits) < 40 else digits
