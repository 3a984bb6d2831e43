"""Make one table of the differences between two runs, beside the rows of a snapshot.

Rows are added, withdrawn, returned or changed, field by field: what the journal of the store of
record says between the two runs, joined with the rows as they are now.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from contextlib import suppress
from datetime import UTC, datetime
from typing import Any

import duckdb
import pyarrow as pa

from ecommerce_core.datasets import Dataset, Kind
from ecommerce_core.domain import ChangeKind, ChangesRemoved
from ecommerce_core.storage.record import Database, Transactions
from ecommerce_core.storage.snapshots import View, fold

KINDS = tuple(ChangeKind)
NUMBERS = frozenset({Kind.NUMBER, Kind.MONEY})
# Journal entries that are copied from the store of record at a time.
COPIED_ROWS = 20_000

_JOURNAL = pa.schema(
    [
        ("key", pa.string()),
        ("field", pa.string()),
        ("run_id", pa.int64()),
        ("old", pa.string()),
        ("new", pa.string()),
    ]
)
_ENTRIES = """
    SELECT key, field, run_id, old, new FROM change
    WHERE dataset = :dataset AND run_id > :after AND run_id <= :until
"""
# The table of entries: each with its number's difference, and the row that it is about.
_OF_ENTRIES = """
    numbered AS (
        SELECT *,
            CASE WHEN field IN ({numbers}) THEN TRY_CAST(old AS DOUBLE) END AS old_number,
            CASE WHEN field IN ({numbers}) THEN TRY_CAST(new AS DOUBLE) END AS new_number
        FROM entries
    )
    SELECT
        numbered.key AS key, kind, field, old, new,
        new_number - old_number AS difference,
        CASE WHEN old_number <> 0 THEN 100 * (new_number - old_number) / abs(old_number) END
            AS percent,
        {title} AS title, {groups}
        r.rowid AS place,
        CASE WHEN r.rowid IS NULL THEN fold(numbered.key) END AS key_folded,
        array_position([{kinds}], kind) AS kind_order,
        coalesce(array_position([{fields}], field), 0) AS field_order
    FROM numbered LEFT JOIN {rows} AS r ON r.{key} = numbered.key
    ORDER BY kind_order, place NULLS LAST, key, field_order
"""
# For each field its value before the first and after the last of these runs, unless they are equal.
# Rows that a run added have no entry; they are recognised by ``first_seen_at``.
_BETWEEN_RUNS = """
    CREATE TABLE {table} AS
    WITH net AS (
        SELECT key, field, first(old ORDER BY run_id) AS old, last(new ORDER BY run_id) AS new
        FROM journal GROUP BY key, field
    ),
    came AS (
        SELECT {key} AS key FROM {rows}
        WHERE first_seen_at > $after_at AND first_seen_at <= $until_at
    ),
    marks AS (SELECT key, old, new FROM net WHERE field = 'withdrawn_at'),
    kinds AS (
        SELECT keys.key, CASE
            WHEN came.key IS NOT NULL THEN CASE WHEN marks.new IS NULL THEN 'added' END
            WHEN marks.key IS NULL OR (marks.old IS NULL) = (marks.new IS NULL) THEN 'updated'
            WHEN marks.new IS NULL THEN 'returned'
            ELSE 'withdrawn'
        END AS kind
        FROM (SELECT key FROM came UNION SELECT key FROM net) AS keys
        LEFT JOIN came ON came.key = keys.key
        LEFT JOIN marks ON marks.key = keys.key
    ),
    entries AS (
        SELECT key, kind, NULL AS field, NULL AS old, NULL AS new
        FROM kinds WHERE kind <> 'updated'
        UNION ALL
        SELECT net.key, kind, field, old, new FROM net JOIN kinds ON kinds.key = net.key
        WHERE kind <> 'added' AND field <> 'withdrawn_at' AND old IS DISTINCT FROM new
    ),
"""


def fill_table(
    table: str, dataset: Dataset, runs: tuple[int, int], *, rows: View, record: Transactions
) -> None:
    """Create ``table`` in memory: an entry for each row, or field of a row, that differs.

    ``runs`` are their numbers, the earlier one first. Raises StoreError, duckdb.Error, and
    ChangesRemoved if the journal no longer has all changes between them.
    """
    cursor = rows.cursor
    cursor.execute(
        "CREATE OR REPLACE TEMP TABLE journal"
        " (key VARCHAR, field VARCHAR, run_id BIGINT, old VARCHAR, new VARCHAR)"
    )
    with record.reading() as db:
        window = {"dataset": dataset.name, "after": runs[0], "until": runs[1]}
        _check_kept(db, window)
        found = db.execute(_ENTRIES, window)
        while entries := found.fetchmany(COPIED_ROWS):
            cursor.register("copied", _batch(entries))
            cursor.execute("INSERT INTO journal SELECT * FROM copied")
        after_at, until_at = (_ended_at(db, run_id) for run_id in runs)
    create_fold(cursor)
    try:
        statement = statement_of(_BETWEEN_RUNS, table, dataset, rows.table)
        cursor.execute(statement, {"after_at": after_at, "until_at": until_at})
    finally:
        cursor.execute("DROP TABLE journal")


def _check_kept(db: Database, window: Mapping[str, object]) -> None:
    """Raise ChangesRemoved if changes between two runs may have been removed."""
    removed = db.execute(
        "SELECT max(run.id) FROM run, removed WHERE removed.journal = 'changes'"
        " AND run.id <= removed.up_to AND run.dataset = :dataset"
        " AND run.id > :after AND run.id <= :until"
        " AND run.added + run.returned + run.updated + run.withdrawn > 0",
        window,
    ).fetchone()[0]
    if removed is not None:
        raise ChangesRemoved("changes_removed", run_id=removed)


def statement_of(
    entries: str, table: str, dataset: Dataset, rows: str, *, has_titles: bool = False
) -> str:
    """Return the statement that makes the table of ``entries``, the beginning of a statement.

    ``has_titles``: entries have the title and the groups of rows that are not stored yet.
    """
    columns = dataset.row_columns
    title = " || ' ' || ".join(f"coalesce(r.{name}, '')" for name in dataset.title)
    title = f"nullif(trim({title}), '')"
    groups = [(f"r.{column.name}", column.name) for column in dataset.groups]
    if has_titles:
        title = f"coalesce({title}, numbered.title)"
        groups = [(f"coalesce({value}, numbered.{name})", name) for value, name in groups]
    return f"{entries}{_OF_ENTRIES}".format(
        table=table,
        rows=rows,
        key=dataset.key,
        title=title,
        groups="".join(f"{value} AS {name}, " for value, name in groups),
        numbers=listed(c.name for c in columns if c.kind in NUMBERS),
        fields=listed(c.name for c in columns),
        kinds=listed(kind.value for kind in KINDS),
    )


def create_fold(cursor: duckdb.DuckDBPyConnection) -> None:
    """Let statements call ``fold``, as the search does."""
    with suppress(duckdb.CatalogException):  # it is there for all cursors
        cursor.create_function("fold", fold, ["VARCHAR"], "VARCHAR")


def _batch(entries: Sequence[tuple[Any, ...]]) -> pa.RecordBatch:
    """Return journal entries as an Arrow batch, with values of any kind as texts."""
    keys, fields, run_ids, old, new = zip(*entries, strict=True)
    texts = [[text_of(value) for value in side] for side in (old, new)]
    columns = [list(keys), list(fields), list(run_ids), *texts]
    arrays = [pa.array(c, f.type) for c, f in zip(columns, _JOURNAL, strict=True)]
    return pa.record_batch(arrays, schema=_JOURNAL)


def text_of(value: str | float | None) -> str | None:
    """Return a stored value as the text that differences are compared by."""
    return value if value is None or isinstance(value, str) else repr(value)


def _ended_at(db: Database, run_id: int) -> datetime:
    """Return when a run ended, in UTC without zone, as in snapshots; the oldest time if unknown."""
    sql = "SELECT coalesce(finished_at, started_at) FROM run WHERE id = ?"
    row = db.execute(sql, [run_id]).fetchone()
    if row is None:
        return datetime.min
    return datetime.fromisoformat(row[0]).astimezone(UTC).replace(tzinfo=None)


def listed(names: Iterable[str]) -> str:
    """Return texts as a list in SQL, which matches nothing if there are none."""
    return ", ".join(f"'{name}'" for name in names) or "NULL"
