"""Make one table of what a held answer would change, in the form of the differences of two runs."""

from __future__ import annotations

import sys
import zlib
from collections.abc import Iterator
from itertools import islice
from operator import attrgetter
from typing import Any

import pyarrow as pa

from ecommerce_core.datasets import Dataset, Record
from ecommerce_core.domain import ChangeKind, RunNotHeld
from ecommerce_core.storage.changes.table import COPIED_ROWS, create_fold, statement_of, text_of
from ecommerce_core.storage.record import Database, Difference, Transactions, list_difference
from ecommerce_core.storage.snapshots import View

Entry = tuple[str | None, ...]

_PROPOSED = """
    CREATE TABLE {table} AS
    WITH entries AS (SELECT * FROM proposed),
"""
_ROW = (None, None, None)


def check_held(db: Database, dataset: Dataset, run_id: int) -> None:
    """Raise RunNotHeld unless that run of the dataset waits for a decision."""
    found = "SELECT 1 FROM held WHERE run_id = ? AND dataset = ?"
    if db.execute(found, [run_id, dataset.name]).fetchone() is None:
        raise RunNotHeld("run_not_held", run_id=run_id)


def fill_held(
    table: str, dataset: Dataset, run_id: int, *, rows: View, record: Transactions
) -> None:
    """Create ``table`` in memory: an entry for each row, or field of a row, that would change.

    Raises StoreError, RunNotHeld if the run was decided meanwhile, duckdb.Error.
    """
    with record.reading() as db:
        check_held(db, dataset, run_id)
        (body,) = db.execute("SELECT body FROM held WHERE run_id = ?", [run_id]).fetchone()
        # It was within the limits when it was fetched.
        parsed = dataset.parse(zlib.decompress(body), max_records=sys.maxsize)
        difference = list_difference(db, dataset, parsed, {})
    names = ["key", "kind", "field", "old", "new", "title"]
    names += [column.name for column in dataset.groups]
    cursor, schema = rows.cursor, pa.schema([(name, pa.string()) for name in names])
    columns = ", ".join(f"{name} VARCHAR" for name in names)
    cursor.execute(f"CREATE OR REPLACE TEMP TABLE proposed ({columns})")
    try:
        found = _entries(dataset, difference)
        while entries := list(islice(found, COPIED_ROWS)):
            arrays = [pa.array(column, pa.string()) for column in zip(*entries, strict=True)]
            cursor.register("copied", pa.record_batch(arrays, schema=schema))
            cursor.execute("INSERT INTO proposed SELECT * FROM copied")
        create_fold(cursor)
        cursor.execute(statement_of(_PROPOSED, table, dataset, rows.table, has_titles=True))
    finally:
        cursor.execute("DROP TABLE proposed")


def _entries(dataset: Dataset, difference: Difference) -> Iterator[Entry]:
    """Yield what would change: key, kind, field, old, new, title and groups of a new row."""
    key_of = attrgetter(dataset.key)
    unknown = (None,) * (1 + len(dataset.groups))
    for record in difference.added:
        yield (key_of(record), ChangeKind.ADDED, *_ROW, *_described(dataset, record))
    for key in difference.withdrawn:
        yield (key, ChangeKind.WITHDRAWN, *_ROW, *unknown)
    returned = set(difference.returned)
    for key in difference.returned:
        yield (key, ChangeKind.RETURNED, *_ROW, *unknown)
    for key, field, old, new in difference.changes:
        if field != "withdrawn_at":
            kind = ChangeKind.RETURNED if key in returned else ChangeKind.UPDATED
            yield (key, kind, field, text_of(old), text_of(new), *unknown)


def _described(dataset: Dataset, record: Record) -> tuple[str | None, ...]:
    """Return a record's title and its groups, since there is no row to take them from."""
    values: Any = record
    title = " ".join(str(getattr(values, name) or "") for name in dataset.title).strip()
    groups = (text_of(getattr(values, column.name)) for column in dataset.groups)
    return title or None, *groups
