"""The indexes that make a dataset's pages quick. Nothing is wrong without them, only slow.

They are no part of the schema: a sync that writes a good part of a table drops them inside
its transaction, and they are built again after it, one by one, so that nobody waits for long.

Each carries all that is asked of it beside the key, so that the table itself is not touched:
``…_by_COLUMN`` one column's order, for pages; ``…_scan`` whatever is filtered and searched,
by the values of the first column, so that counts per value need no sorting.
"""

from __future__ import annotations

from collections.abc import Mapping

from ecommerce_core.dataset import Dataset
from ecommerce_core.transactions import Database

TIMES = ("first_seen_at", "updated_at", "withdrawn_at")
# From so many rows written, and so large a part of the table, building anew is cheaper.
FEW_ROWS = 1_000
LARGE_PART = 0.05
_BUILD_CACHE_KIB = 65_536


def sortable_columns(dataset: Dataset) -> tuple[str, ...]:
    """The columns that a reader may sort by. A fixed list: ORDER BY would run a subselect."""
    return (*dataset.column_names, *TIMES)


def order_of(dataset: Dataset, column: str, *, table: str = "") -> str:
    """The expression that orders by a column: texts that people read by what they are folded to.

    That is cut out of the searched text, which ignores accents by itself and, compared so, case.
    A collation of our own would do as well, but no other tool could read the file then.
    """
    prefix = f"{table}." if table else ""
    if not _is_read(dataset, column):
        return prefix + column
    rest = f"{prefix}search"
    for name in dataset.searched_names:
        end = f"instr({rest}, char(10))"
        if name == column:
            last = name == dataset.searched_names[-1]
            return f"{rest if last else f'substr({rest}, 1, {end} - 1)'} COLLATE NOCASE"
        rest = f"substr({rest}, {end} + 1)"
    raise KeyError(column)


def _is_read(dataset: Dataset, column: str) -> bool:
    return column != dataset.key and column in dataset.searched_names


def sort_index(dataset: Dataset, column: str) -> str:
    """The name of the index in a column's order."""
    return f"{dataset.table}_by_{column}"


def scan_index(dataset: Dataset) -> str:
    """The name of the index that answers filters and searches."""
    return f"{dataset.table}_scan"


def scan_columns(dataset: Dataset) -> tuple[str, ...]:
    """What the scan's index holds, in its order."""
    filtered = (one.name for one in dataset.columns if one.filtered)
    by = (dataset.facet,) if dataset.facet else ()
    return (*by, dataset.key, "withdrawn_at", *filtered, "search")


def definitions(dataset: Dataset) -> Mapping[str, str]:
    """Name → statement of every index, the most useful first."""
    wanted = {scan_index(dataset): ", ".join(scan_columns(dataset))}
    for column in ("withdrawn_at", *sortable_columns(dataset)):
        # The scan's index is in the facet's order.
        if column not in {dataset.key, dataset.facet}:
            rest = (dataset.key, "withdrawn_at") if column != "withdrawn_at" else (dataset.key,)
            if _is_read(dataset, column):
                # What the expression is made of: without it SQLite looks into the table.
                rest = (*rest, "search")
            wanted[sort_index(dataset, column)] = ", ".join((order_of(dataset, column), *rest))
    return {
        name: f"CREATE INDEX IF NOT EXISTS {name} ON {dataset.table} ({columns})"
        for name, columns in wanted.items()
    }


def list_present(db: Database, dataset: Dataset) -> set[str]:
    """The names of the dataset's indexes that are there."""
    rows = db.execute(
        "SELECT name FROM sqlite_master WHERE type = 'index' AND tbl_name = ?", [dataset.table]
    )
    return {name for (name,) in rows}


def list_missing(db: Database, dataset: Dataset) -> dict[str, str]:
    """Name → statement of the indexes that are to be built."""
    present = list_present(db, dataset)
    return {name: sql for name, sql in definitions(dataset).items() if name not in present}


def drop_for(db: Database, dataset: Dataset, *, rows_written: int, rows_before: int) -> None:
    """Drop the indexes where writing so many rows costs more than building them again."""
    if rows_written < FEW_ROWS or rows_written < rows_before * LARGE_PART:
        return
    present = list_present(db, dataset)
    for name in definitions(dataset):
        if name in present:
            db.execute(f"DROP INDEX {name}")


def build(db: Database, statement: str) -> None:
    """Build one index, inside an open transaction."""
    # With the cache of every day, a million rows are sorted through the disk.
    db.execute(f"PRAGMA cache_size = -{_BUILD_CACHE_KIB}")
    db.execute(statement)
