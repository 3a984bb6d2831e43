"""What differs between two runs: rows that came, went and changed, field by field.

Out of the store of record's journal. What a search finds is asked of the snapshot.
"""

from __future__ import annotations

from collections.abc import Generator, Sequence
from functools import lru_cache
from itertools import chain
from typing import Any

from ecommerce_core.datasets import Dataset
from ecommerce_core.domain import ChangeKind, Difference
from ecommerce_core.storage.record import Database, Transactions
from ecommerce_core.storage.snapshots import Reader, Version, fold, newest_version, words_of

CHUNK = 5_000
COUNTS_KEPT = 64
_ORDER = tuple(ChangeKind)
# Of every field that changed, its first old and its last new value; what went there and
# back is left out. What a run added has no changes: it is known by when it was first seen.
_DIFFERENCES = """
    WITH between_runs AS (
        SELECT key, field, run_id FROM change
        WHERE run_id > :after AND run_id <= :until AND dataset = :dataset
    ),
    span AS (
        SELECT key, field, min(run_id) AS first_id, max(run_id) AS last_id
        FROM between_runs GROUP BY key, field
    ),
    net AS (
        SELECT span.key, span.field, first.old, last.new
        FROM span
        JOIN change AS first
            ON first.run_id = first_id AND first.key = span.key AND first.field = span.field
        JOIN change AS last
            ON last.run_id = last_id AND last.key = span.key AND last.field = span.field
    ),
    came AS (
        SELECT {key} AS key FROM {table}
        WHERE first_seen_at > :after_at AND first_seen_at <= :until_at
    ),
    differences AS (
        SELECT 'added' AS kind, key, NULL AS field, NULL AS old, NULL AS new FROM came
        WHERE NOT EXISTS (
            SELECT 1 FROM net
            WHERE net.key = came.key AND net.field = 'withdrawn_at' AND net.new IS NOT NULL
        )
        UNION ALL
        SELECT
            CASE
                WHEN field <> 'withdrawn_at' THEN 'updated'
                WHEN new IS NULL THEN 'added'
                ELSE 'withdrawn'
            END,
            key, field, old, new
        FROM net
        WHERE key NOT IN (SELECT key FROM came)
            AND CASE WHEN field = 'withdrawn_at'
                THEN (old IS NULL) <> (new IS NULL) ELSE {is_distinct} END
    )
"""


class Comparison:
    """Reads of what changed. Everything raises StoreError where it cannot be read."""

    def __init__(self, record: Transactions, reader: Reader) -> None:
        self._record = record
        self._reader = reader
        self._counted = lru_cache(COUNTS_KEPT)(self._count)

    def compare_runs(
        self,
        dataset: Dataset,
        from_run_id: int,
        to_run_id: int,
        *,
        kind: ChangeKind | None = None,
        search: str = "",
        page: int = 1,
        page_size: int = 50,
    ) -> list[Difference]:
        """What was another after run ``to_run_id`` than after ``from_run_id``; a page of it.

        By kind, key and field. A row that came back is ``added``, with ``withdrawn_at`` as its
        field. Rows that a clear took, and that no later sync brought again, are not known.
        """
        counts = self.compare_counts(dataset, from_run_id, to_run_id, search=search)
        size = max(1, page_size)
        offset = (max(1, page) - 1) * size
        if offset >= sum(n for of, n in counts.items() if kind in {None, of}):
            return []
        with self._record.reading() as db:
            sql, values = self._selected(db, dataset, (from_run_id, to_run_id), kind, search)
            limits = {"size": size, "offset": offset}
            found = db.execute(f"{sql} LIMIT :size OFFSET :offset", {**values, **limits})
            return [_difference(row) for row in found]

    def iter_differences(
        self,
        dataset: Dataset,
        from_run_id: int,
        to_run_id: int,
        *,
        kind: ChangeKind | None = None,
        search: str = "",
        chunk: int = CHUNK,
    ) -> Generator[list[Difference]]:
        """All that ``compare_runs`` has, ``chunk`` at a time: one consistent state.

        They are copied into a temporary table first, so that no writer waits for who drains
        them. For one thread; close or exhaust it.
        """
        with self._record.reading() as db:
            sql, values = self._selected(db, dataset, (from_run_id, to_run_id), kind, search)
            for found in db.spool(sql, values, chunk=chunk):
                yield [_difference(row) for row in found]

    def compare_counts(
        self, dataset: Dataset, from_run_id: int, to_run_id: int, *, search: str = ""
    ) -> dict[ChangeKind, int]:
        """How many entries ``compare_runs`` has of each kind: rows, or fields of updated ones.

        Remembered until a run changes the rows.
        """
        words = tuple(words_of(search))
        with self._record.reading() as db:
            stored = newest_version(db, dataset)
        searched = self._reader.rows_version(dataset) if words else None
        counts = self._counted(dataset, (from_run_id, to_run_id), words, stored, searched)
        return {kind: counts.get(kind.value, 0) for kind in _ORDER}

    def _count(
        self, dataset: Dataset, runs: tuple[int, int], words: tuple[str, ...], *_: Version | None
    ) -> dict[str, int]:
        with self._record.reading() as db:
            window = _window(db, dataset, *runs)
            where = self._filtered(db, dataset, window, words)
            return dict(
                db.execute(
                    f"{_statement(db, dataset)} SELECT d.kind, count(*) FROM differences AS d"
                    f" WHERE {where} GROUP BY 1",
                    window,
                ).fetchall()
            )

    def _selected(
        self,
        db: Database,
        dataset: Dataset,
        runs: tuple[int, int],
        kind: ChangeKind | None,
        search: str,
    ) -> tuple[str, dict[str, Any]]:
        """The statement that lists differences in their order, and its parameters."""
        window = _window(db, dataset, *runs)
        where = self._filtered(db, dataset, window, words_of(search))
        sql = (
            f"{_statement(db, dataset)} SELECT d.key, d.kind, d.field, d.old, d.new"
            f" FROM differences AS d WHERE {where} AND d.kind = coalesce(:kind, d.kind)"
            " ORDER BY CASE d.kind WHEN 'added' THEN 0 WHEN 'withdrawn' THEN 1 ELSE 2 END,"
            " d.key, d.field"
        )
        return sql, {**window, "kind": kind}

    def _filtered(
        self, db: Database, dataset: Dataset, window: dict[str, Any], words: Sequence[str]
    ) -> str:
        """The condition that a search makes: on the row, or on the key where it is no more."""
        if not words:
            return "TRUE"
        gone = db.execute(
            "SELECT DISTINCT c.key FROM change AS c"
            " WHERE c.run_id > :after AND c.run_id <= :until AND c.dataset = :dataset"
            f" AND NOT EXISTS (SELECT 1 FROM {dataset.table} AS t WHERE t.{dataset.key} = c.key)",
            window,
        ).fetchall()
        matches = [key for (key,) in gone if all(word in fold(key) for word in words)]
        of_rows = chain.from_iterable(self._reader.iter_keys(dataset, " ".join(words)))
        keys = chain(((key,) for key in matches), of_rows)
        db.create_temporary("found", "key")
        db.insert("found", ["key"], iter(keys), constants={}, on_rows=lambda _: None)
        return "d.key IN (SELECT key FROM found)"


def _statement(db: Database, dataset: Dataset) -> str:
    return _DIFFERENCES.format(
        key=dataset.key, table=dataset.table, is_distinct=db.is_distinct("old", "new")
    )


def _difference(row: tuple[Any, ...]) -> Difference:
    key, kind, field, old, new = row
    return Difference(key, ChangeKind(kind), field, old, new)


def _window(db: Database, dataset: Dataset, one: int, other: int) -> dict[str, Any]:
    """Which runs lie between, and between which moments their rows came."""
    after, until = sorted((one, other))
    ended = "SELECT coalesce(finished_at, started_at) FROM run WHERE id = ?"
    times = [db.execute(ended, [run_id]).fetchone() for run_id in (after, until)]
    after_at, until_at = (row[0] if row else "" for row in times)
    return {
        "after": after,
        "until": until,
        "after_at": after_at,
        "until_at": until_at,
        "dataset": dataset.name,
    }
