"""Bring a table in line with an answer: work out the difference before a row is written."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from itertools import chain
from operator import attrgetter
from typing import Any

import msgspec

from ecommerce_core.datasets import Dataset, Parsed, Record
from ecommerce_core.domain import Counts
from ecommerce_core.storage.record.database import Database, Values

# An answer is only held if the dataset has at least this many rows.
HOLD_FROM_ROWS = 20

Report = Callable[[int], None]


@dataclass(slots=True)
class Difference:
    """The changes that an answer would make to a table."""

    added: list[Record] = field(default_factory=list)
    # Those that returned, too: they are written alike.
    updated: list[Record] = field(default_factory=list)
    returned: list[str] = field(default_factory=list)
    withdrawn: list[str] = field(default_factory=list)
    # What the withdrawn rows hold beside their keys, by its hash.
    withdrawn_values: Counter[int] = field(default_factory=Counter)
    changes: list[tuple[str, str, Any, Any]] = field(default_factory=list)
    # Unchanged rows whose records are written differently than before.
    respelled: list[Record] = field(default_factory=list)
    unchanged: int = 0
    current_before: int = 0
    cleared_before: int = 0

    def exceeds_hold_threshold(self, percent: int) -> bool:
        """Return True if more than ``percent`` of at least HOLD_FROM_ROWS rows would be withdrawn.

        After a clear the cleared rows count: they can be restored until an answer replaces them.
        """
        before = self.current_before or self.cleared_before
        lost = len(self.withdrawn) if self.current_before else before - len(self.added)
        return before >= HOLD_FROM_ROWS and lost * 100 > before * percent

    def renumbered(self) -> int:
        """Return how many withdrawn rows would come back the same but for their key."""
        values = (msgspec.structs.astuple(record) for record in self.added)
        came = Counter(hash(one[1:-1]) for one in values)
        return (came & self.withdrawn_values).total()

    @property
    def current_after(self) -> int:
        """How many rows are current once this is written."""
        came = len(self.added) + len(self.returned)
        return self.current_before + came - len(self.withdrawn)

    def counts(self, parsed: Parsed) -> Counts:
        """Return the counts for the journal."""
        return Counts(
            fetched=parsed.fetched,
            added=len(self.added),
            returned=len(self.returned),
            updated=len(self.updated) - len(self.returned),
            unchanged=self.unchanged,
            withdrawn=len(self.withdrawn),
            rejected=parsed.rejected_count,
        )


def list_fingerprints(db: Database, dataset: Dataset) -> dict[int, str]:
    """Return the key of each current row by its fingerprint; empty if a row has no fingerprint."""
    (current,) = db.execute(
        f"SELECT count(*) FROM {dataset.table} WHERE withdrawn_at IS NULL"
    ).fetchone()
    found = dict(
        db.execute(
            f"SELECT fingerprint, {dataset.key} FROM {dataset.table}"
            " WHERE withdrawn_at IS NULL AND fingerprint IS NOT NULL"
        )
    )
    return found if len(found) == current else {}


def is_empty(db: Database, dataset: Dataset) -> bool:
    """Return whether the table has no row, withdrawn ones included: new, or cleared."""
    return db.execute(f"SELECT 1 FROM {dataset.table} LIMIT 1").fetchone() is None


class WholeAnswerNeeded(Exception):  # noqa: N818 - nothing failed
    """The records that were decoded are not enough to determine the changes of an answer."""


def _list_difference_from_known(
    db: Database, dataset: Dataset, parsed: Parsed, fingerprints: Mapping[int, str]
) -> Difference:
    """Compare the table with an answer whose known records were not decoded.

    Raises WholeAnswerNeeded if a known record occurred twice, if another one has its key, or if
    most are new.
    """
    if parsed.has_known_twins or len(parsed.records) > len(parsed.known):
        raise WholeAnswerNeeded
    difference = Difference(unchanged=len(parsed.known))
    missed = {fingerprints[number] for number in fingerprints.keys() - parsed.known}
    columns = (*dataset.column_names, "fingerprint", "withdrawn_at")
    records = sorted(parsed.records, key=attrgetter(dataset.key))
    keys = map(attrgetter(dataset.key), records)
    rows = db.select_by_keys(dataset.table, dataset.key, columns, keys)
    for record, row in zip(records, rows, strict=True):
        if row is None:
            difference.added.append(record)
        elif row[0] in missed or row[-1] is not None:
            missed.discard(row[0])
            _compare(difference, dataset, row, record)
        else:
            raise WholeAnswerNeeded
    for key in sorted(missed):
        _miss(difference, (key, None), parsed)
    difference.current_before += difference.unchanged
    return difference


def list_difference(
    db: Database, dataset: Dataset, parsed: Parsed, fingerprints: Mapping[int, str]
) -> Difference:
    """Compare an answer with the table, inside the transaction that will write it.

    ``fingerprints`` are the table's, by which records were known. Raises WholeAnswerNeeded.

    A row whose record was rejected is still listed by its peer and so not withdrawn; if the key of
    a rejected record is unknown, nothing is withdrawn, since it might be any of the rows.
    """
    if parsed.known:
        return _list_difference_from_known(db, dataset, parsed, fingerprints)
    difference = Difference()
    # Both are in the key's order, so one walk compares them, and rows are then written from the
    # table's beginning to its end. Databases compare UTF-8 bytes, Python code points: that is the
    # same order.
    key_of = attrgetter(dataset.key)
    incoming = iter(sorted(parsed.records, key=key_of))
    as_values = msgspec.structs.astuple
    columns = ", ".join((*dataset.column_names, "fingerprint"))
    existing = db.stream(
        f"SELECT {columns}, withdrawn_at FROM {dataset.table} ORDER BY {dataset.key}"  # noqa: S608
    )
    record = next(incoming, None)
    for row in existing:
        # Almost all rows take this branch.
        if record is not None and (*as_values(record), None) == row:
            difference.unchanged += 1
            record = next(incoming, None)
            continue
        while record is not None and key_of(record) < row[0]:
            difference.added.append(record)
            record = next(incoming, None)
        if record is not None and key_of(record) == row[0]:
            _compare(difference, dataset, row, record)
            record = next(incoming, None)
        else:
            _miss(difference, row, parsed)
    if record is not None:
        difference.added.append(record)
    difference.added.extend(incoming)
    difference.current_before += difference.unchanged
    if not difference.current_before and is_empty(db, dataset):
        (difference.cleared_before,) = db.execute(
            f"SELECT count(*) FROM {dataset.table}_cleared WHERE withdrawn_at IS NULL"
        ).fetchone()
    return difference


def _miss(difference: Difference, row: Values, parsed: Parsed) -> None:
    """Record the effect on a row for which the answer has no good record."""
    key, withdrawn_at = row[0], row[-1]
    if withdrawn_at is not None:
        return
    difference.current_before += 1
    if key not in parsed.rejected_keys and not parsed.hides_keys:
        difference.withdrawn.append(key)
        difference.withdrawn_values[hash(row[1:-2])] += 1


def _compare(difference: Difference, dataset: Dataset, row: Values, record: Record) -> None:
    """Record the changes of a record in its row."""
    key, withdrawn_at = row[0], row[-1]
    values = msgspec.structs.astuple(record)
    if withdrawn_at is None:
        if values[:-1] == row[:-2]:
            difference.unchanged += 1
            difference.respelled.append(record)
            return
        difference.current_before += 1
    difference.updated.append(record)
    for name, old, new in zip(dataset.column_names, row, values, strict=False):
        if old != new:
            difference.changes.append((key, name, old, new))
    if withdrawn_at is not None:
        difference.returned.append(key)
        difference.changes.append((key, "withdrawn_at", withdrawn_at, None))


def apply_difference(
    db: Database,
    dataset: Dataset,
    difference: Difference,
    *,
    run_id: int,
    now: str,
    report: Report,
) -> None:
    """Write a difference. ``now`` is the run's time as stored; ``report`` gets the rows written."""
    table, names = dataset.table, (*dataset.column_names, "fingerprint")
    key, written = dataset.key, 0
    values_of = msgspec.structs.astuple

    def on_rows(count: int) -> None:
        nonlocal written
        written += count
        report(written)

    db.insert(
        table,
        names,
        map(values_of, difference.added),
        constants={"first_seen_at": now, "updated_at": now},
        on_rows=on_rows,
    )
    db.update(
        table,
        key,
        [name for name in names if name != key],
        map(values_of, difference.updated),
        constants={"updated_at": now, "withdrawn_at": None},
        on_rows=on_rows,
    )
    db.update(
        table,
        key,
        [],
        ((gone,) for gone in difference.withdrawn),
        constants={"withdrawn_at": now},
        on_rows=on_rows,
    )
    db.update(
        table,
        key,
        ["fingerprint"],
        map(attrgetter(key, "fingerprint"), difference.respelled),
        constants={},
        on_rows=on_rows,
    )
    withdrawals = ((gone, "withdrawn_at", None, now) for gone in difference.withdrawn)
    db.insert(
        "change",
        ["key", "field", "old", "new"],
        chain(difference.changes, withdrawals),
        constants={"run_id": run_id, "dataset": dataset.name},
        on_rows=lambda _: report(written),
    )
