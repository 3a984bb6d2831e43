"""What differs between two runs: rows that came, went and changed, field by field."""

from __future__ import annotations

from collections.abc import Generator
from typing import Any

from ecommerce_core.dataset import Dataset
from ecommerce_core.folding import pattern_of, words_of
from ecommerce_core.query import ChangeKind, Difference, HistoryEntry
from ecommerce_core.read_cache import ReadCache
from ecommerce_core.selection import rows_version
from ecommerce_core.transactions import Database, Transactions, to_datetime

CHUNK = 5_000
_ORDER = tuple(ChangeKind)
# Of every field that changed, its first old and its last new value; what went there and
# back is left out. What a run added has no changes: it is known by when it was first seen.
_DIFFERENCES = """
    WITH between_runs AS (
        SELECT key, field, run_id, old, new FROM change
        WHERE run_id > :after AND run_id <= :until AND dataset = :dataset
    ),
    net AS (
        SELECT key, field, old, new FROM (
            SELECT key, field, min(run_id), old FROM between_runs GROUP BY key, field
        ) JOIN (
            SELECT key, field, max(run_id), new FROM between_runs GROUP BY key, field
        ) USING (key, field)
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
                THEN (old IS NULL) <> (new IS NULL) ELSE old IS NOT new END
    )
"""


class Comparison(Transactions):
    """Reads of what changed. Everything raises StoreError where the database cannot."""

    read_cache: ReadCache

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
        if (max(1, page) - 1) * size >= sum(n for of, n in counts.items() if kind in {None, of}):
            return []
        with self.reading() as db:
            sql, values = _selected(dataset, search, kind)
            limits = {"size": size, "offset": (max(1, page) - 1) * size}
            window = _window(db, dataset, from_run_id, to_run_id)
            found = db.execute(f"{sql} LIMIT :size OFFSET :offset", {**window, **values, **limits})
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
        with self.reading() as db:
            sql, values = _selected(dataset, search, kind)
            window = _window(db, dataset, from_run_id, to_run_id)
            db.execute(f"CREATE TEMP TABLE spool AS {sql}", {**window, **values})
            db.conn.execute("COMMIT")
            rows = db.execute("SELECT * FROM spool ORDER BY rowid")
            while found := rows.fetchmany(chunk):
                yield [_difference(row) for row in found]

    def compare_counts(
        self, dataset: Dataset, from_run_id: int, to_run_id: int, *, search: str = ""
    ) -> dict[ChangeKind, int]:
        """How many entries ``compare_runs`` has of each kind: rows, or fields of updated ones."""
        with self.reading() as db:
            words = tuple(words_of(search))
            version = rows_version(db, dataset)
            key = (dataset.name, version, "compared", from_run_id, to_run_id, words)

            def read() -> dict[str, int]:
                where, values = _filters(dataset, search)
                window = _window(db, dataset, from_run_id, to_run_id)
                return dict(
                    db.execute(
                        f"{_statement(dataset)} SELECT d.kind, count(*) {where} GROUP BY 1",
                        {**window, **values},
                    ).fetchall()
                )

            counts = self.read_cache.get(key, read)
            return {kind: counts.get(kind.value, 0) for kind in _ORDER}

    def list_history(self, dataset: str, key: str, *, limit: int = 1_000) -> list[HistoryEntry]:
        """The changes of one row, newest first, with the time of each run."""
        sound = key.encode("utf-8", "replace").decode()
        with self.reading() as db:
            rows = db.execute(
                "SELECT c.run_id, coalesce(r.finished_at, r.started_at), c.field, c.old, c.new"
                " FROM change AS c JOIN run AS r ON r.id = c.run_id"
                " WHERE c.dataset = ? AND c.key = ? ORDER BY c.run_id DESC, c.field LIMIT ?",
                [dataset, sound, limit],
            ).fetchall()
        times = ((run_id, to_datetime(at), *rest) for run_id, at, *rest in rows)
        return [HistoryEntry(run_id, at, *rest) for run_id, at, *rest in times if at is not None]


def _statement(dataset: Dataset) -> str:
    return _DIFFERENCES.format(key=dataset.key, table=dataset.table)


def _selected(
    dataset: Dataset, search: str, kind: ChangeKind | None
) -> tuple[str, dict[str, str | None]]:
    """The statement that lists differences in their order, and its parameters, the window aside."""
    where, values = _filters(dataset, search)
    sql = (
        f"{_statement(dataset)} SELECT d.key, d.kind, d.field, d.old, d.new {where}"
        " AND d.kind = coalesce(:kind, d.kind)"
        " ORDER BY CASE d.kind WHEN 'added' THEN 0 WHEN 'withdrawn' THEN 1 ELSE 2 END,"
        " d.key, d.field"
    )
    return sql, {**values, "kind": kind}


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


def _filters(dataset: Dataset, search: str) -> tuple[str, dict[str, str]]:
    words = {f"word{n}": pattern_of(word) for n, word in enumerate(words_of(search))}
    searched = "coalesce(t.search, d.key)"
    clauses = " AND ".join(["1", *(f"{searched} LIKE :{name} ESCAPE '\\'" for name in words)])
    joined = f"LEFT JOIN {dataset.table} AS t ON t.{dataset.key} = d.key" if words else ""
    return f"FROM differences AS d {joined} WHERE {clauses}", words
