"""The tables that a question of the explore page may select from, and how they are made.

A dataset's follow from its declaration of columns, with the names and units of every file: its
current rows, and those with what was withdrawn. Of the journal there are the runs and what they
changed, without the texts of errors and rejected records, which quote peers, and without who asked.
"""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import dataclass

from ecommerce_core.datasets import Column, Dataset, Kind
from ecommerce_core.domain import N_
from ecommerce_core.storage.row_files import value_of
from ecommerce_core.storage.snapshots import shape_of

RUNS, CHANGES = "runs", "changes"
# Of the newest runs, complete ones, with at most this many changes in total.
MOST_CHANGES = 1_000_000

_SQL_TYPES = {
    Kind.TEXT: "VARCHAR",
    Kind.ID: "VARCHAR",
    Kind.NUMBER: "DOUBLE",
    Kind.MONEY: "BIGINT",
    Kind.MOMENT: "TIMESTAMP",
}


@dataclass(frozen=True, slots=True)
class Table:
    """A public table. ``dataset`` is the dataset of its rows; None for the journal's.

    A column's name in SQL is its ``field``. ``about`` describes the rows in English.
    """

    name: str
    columns: tuple[Column, ...]
    about: str
    dataset: Dataset | None = None
    with_withdrawn: bool = False

    def find(self, field: str) -> Column | None:
        """Return the column of that name in SQL, or None if there is none."""
        return next((column for column in self.columns if column.field == field), None)


_RUNS = Table(
    RUNS,
    (
        Column("run_id", Kind.NUMBER, label=N_("Run"), grouped=False),
        Column("dataset", label=N_("Dataset")),
        Column("action", label=N_("Action")),
        Column("trigger", label=N_("Trigger")),
        Column("status", label=N_("Status")),
        Column("started_at", Kind.MOMENT, label=N_("Started")),
        Column("finished_at", Kind.MOMENT, label=N_("Finished"), nullable=True),
        Column("fetched", Kind.NUMBER, label=N_("Records fetched")),
        Column("added", Kind.NUMBER, label=N_("Rows added")),
        Column("returned", Kind.NUMBER, label=N_("Rows returned")),
        Column("updated", Kind.NUMBER, label=N_("Rows changed")),
        Column("unchanged", Kind.NUMBER, label=N_("Rows unchanged")),
        Column("withdrawn", Kind.NUMBER, label=N_("Rows withdrawn")),
        Column("rejected", Kind.NUMBER, label=N_("Records rejected")),
        Column("rows_after", Kind.NUMBER, label=N_("Rows after the run"), nullable=True),
        Column("body_bytes", Kind.NUMBER, label=N_("Size of the answer in bytes")),
        Column("task_name", label=N_("Task"), nullable=True),
        Column("error_code", label=N_("Error"), nullable=True),
    ),
    N_("Every fetch, clear and undo, as the journal remembers it."),
)
_CHANGES = Table(
    CHANGES,
    (
        Column("run_id", Kind.NUMBER, label=N_("Run"), grouped=False),
        Column("changed_at", Kind.MOMENT, label=N_("Changed")),
        Column("dataset", label=N_("Dataset")),
        Column("key", Kind.ID, label=N_("Key of the row")),
        Column("field", label=N_("Field")),
        Column("old", label=N_("Before"), nullable=True),
        Column("new", label=N_("After"), nullable=True),
        Column("old_number", Kind.NUMBER, label=N_("Before, as a number"), nullable=True),
        Column("new_number", Kind.NUMBER, label=N_("After, as a number"), nullable=True),
    ),
    N_("What the last runs changed, field by field: up to a million changes."),
)


def list_tables(datasets: Collection[Dataset]) -> tuple[Table, ...]:
    """List all public tables."""
    found = []
    for dataset in datasets:
        columns = dataset.row_columns
        found += [
            Table(dataset.name, columns, N_("The current rows."), dataset),
            Table(
                f"{dataset.name}_all",
                columns,
                N_("The current rows and the withdrawn ones."),
                dataset,
                with_withdrawn=True,
            ),
        ]
    return (*found, _RUNS, _CHANGES)


def view_of(table: Table, source: str | None) -> str:
    """Return the statement that makes a table from an attached file, ``source``.

    It is an empty table if there is none.
    """
    if table.dataset is None:
        rows = _empty(table) if source is None else f"FROM {source}.{table.name}"
        return f"CREATE VIEW {table.name} AS {rows}"
    shape = shape_of(table.dataset)
    cells = ", ".join(f'{value_of(column)} AS "{column.field}"' for column in table.columns)
    rows = f"({_empty(table)})" if source is None else f"{source}.{shape.table}"
    current = "" if table.with_withdrawn else " WHERE withdrawn_at IS NULL"
    return f"CREATE VIEW {table.name} AS SELECT {cells} FROM {rows}{current}"


def types_of(table: Table) -> Sequence[str]:
    """Return the columns of one of the journal's tables, declared in SQL."""
    whole = {"run_id", "fetched", "added", "returned", "updated", "unchanged", "withdrawn"}
    whole |= {"rejected", "rows_after", "body_bytes"}
    return [
        f"{column.name} {'BIGINT' if column.name in whole else _SQL_TYPES[column.kind]}"
        for column in table.columns
    ]


def _empty(table: Table) -> str:
    cells = (f"NULL::{_SQL_TYPES[column.kind]} AS {column.name}" for column in table.columns)
    return f"SELECT {', '.join(cells)} WHERE false"
