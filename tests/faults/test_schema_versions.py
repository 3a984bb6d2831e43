"""A database of every released schema is opened by today's code with all its rows."""

from __future__ import annotations

import sqlite3
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest

from ecommerce_core.datasets import DATASETS
from ecommerce_core.domain import Counts, RunStatus, StoreError, Totals, said
from ecommerce_core.storage import Store
from ecommerce_core.storage.sqlite import schema
from tests.faults.dump_schema import ROWS, SCHEMAS, dump_of

MIGRATIONS = [migration.__name__ for migration in schema.MIGRATIONS]
DUMPS = sorted(SCHEMAS.glob("*.sql"))

Rows = dict[str, list[dict[str, Any]]]


def load(dump: str, database: Path) -> Path:
    with closing(sqlite3.connect(database)) as connection:
        connection.executescript(dump)
    return database


def rows_of(database: Path) -> Rows:
    """Return every row of every table of ours, by the names of its columns."""
    with closing(sqlite3.connect(database)) as connection:
        connection.row_factory = sqlite3.Row
        tables = connection.execute(
            "SELECT name FROM sqlite_master WHERE type = 'table' AND name NOT LIKE '%sqlite_%'"
        ).fetchall()
        return {
            table: [dict(row) for row in connection.execute(f"SELECT * FROM {table} ORDER BY 1, 2")]
            for (table,) in tables
        }


def schema_of(database: Path) -> set[tuple[str, str]]:
    """Return tables and indexes with their declarations, without line breaks."""
    with closing(sqlite3.connect(database)) as connection:
        declared = connection.execute("SELECT name, sql FROM sqlite_master WHERE sql IS NOT NULL")
        return {(name, " ".join(sql.split())) for name, sql in declared}


def is_kept(old: dict[str, Any], rows: list[dict[str, Any]]) -> bool:
    return any(old.items() <= new.items() for new in rows)


def test_every_schema_that_has_landed_is_kept_as_a_small_database() -> None:
    missing = [name for name in MIGRATIONS if not (SCHEMAS / f"{name}.sql").exists()]
    assert not missing, (
        f"no database is kept of {', '.join(missing)}. Give new tables and columns a row in"
        " tests/faults/dump_schema.py, run `python -m tests.faults.dump_schema`, and commit the"
        " new file in tests/schemas/ with the migration."
    )
    assert [dump.stem for dump in DUMPS] == MIGRATIONS, (
        "tests/schemas/ and schema.MIGRATIONS disagree: a migration that has landed is never"
        " renamed, moved or taken away."
    )


@pytest.mark.parametrize("dump", DUMPS, ids=lambda dump: dump.stem)
def test_a_migration_that_has_landed_is_not_edited(dump: Path, tmp_path: Path) -> None:
    kept = load(dump.read_text(encoding="utf-8"), tmp_path / "kept.db")
    made = load(dump_of(dump.stem), tmp_path / "made.db")
    assert schema_of(made) == schema_of(kept), (
        "a migration that has landed was edited: databases out there have run it as it was."
        " Append another one instead."
    )


@pytest.mark.parametrize("dump", DUMPS, ids=lambda dump: dump.stem)
def test_a_database_of_an_earlier_schema_keeps_every_row(dump: Path, tmp_path: Path) -> None:
    database = load(dump.read_text(encoding="utf-8"), tmp_path / "ecommerce.db")
    before = rows_of(database)
    store = Store.open(database)
    after = rows_of(database)
    assert sum(len(rows) for rows in before.values()) > 0
    for table, rows in before.items():
        assert len(after[table]) == len(rows)
        # Columns for readers are dropped: they read snapshots now. Sentences have become details.
        gone = {"search"} | ({"error", "reason"} - after[table][0].keys())
        kept = [{name: row[name] for name in row if name not in gone} for row in rows]
        assert all(is_kept(row, after[table]) for row in kept), table
    Store.open(tmp_path / "fresh.db")
    assert schema_of(database) == schema_of(tmp_path / "fresh.db")

    for dataset in (one for one in DATASETS.values() if one.table in before):
        assert store.totals(dataset) == Totals(current=1, withdrawn=1)
        assert store.undoable_rows(dataset) == 1
    store.check_writable()
    for run in store.list_runs():
        assert run.status is not RunStatus.RUNNING


def test_what_older_journals_said_is_shown_as_it_was_said(tmp_path: Path) -> None:
    dump = (SCHEMAS / "m010_fingerprints.sql").read_text(encoding="utf-8")
    database = load(dump, tmp_path / "ecommerce.db")
    insert = "INSERT INTO delivery (received_at, dataset, outcome, reason)"
    reasons = (
        'crm answered 500: "no"; try again',
        "delivered again: delivery 12",
        "delivered again: delivery 12; crm answered 500: a; b",
        "crm answered 500: delivered again: delivery 3",
        None,
    )
    with sqlite3.connect(database) as connection:
        for reason in reasons:
            values = ["2025-01-01T08:00:00.000Z", "products", "failed", reason]
            connection.execute(f"{insert} VALUES (?, ?, ?, ?)", values)
        connection.execute("UPDATE promise SET reason = 'the server was not running'")

    store = Store.open(database)

    held = next(run for run in store.list_runs() if run.status is RunStatus.HELD)
    assert held.error == said("The answer would withdraw …")
    assert [bad.reason for bad in store.list_rejected(2)] == [said("prix is missing")]
    [promise] = store.list_expected_callbacks()
    assert promise.reason == said("the server was not running")
    deliveries = store.list_deliveries(limit=len(reasons))[::-1]
    assert [(one.again_of, one.reason) for one in deliveries] == [
        (None, said('crm answered 500: "no"; try again')),
        (12, None),
        (12, said("crm answered 500: a; b")),
        (None, said("crm answered 500: delivered again: delivery 3")),
        (None, None),
    ]


def test_rows_that_returned_in_an_older_journal_are_counted_apart(tmp_path: Path) -> None:
    dump = (SCHEMAS / "m016_saved_views.sql").read_text(encoding="utf-8")
    database = load(dump, tmp_path / "ecommerce.db")
    with sqlite3.connect(database) as connection:
        for action, counts in (("sync", (3, 0, 2)), ("undo_clear", (0, 25, 0))):
            connection.execute(
                "INSERT INTO run (dataset, action, trigger, status, started_at, fetched, added,"
                " updated) VALUES ('products', ?, 'manual', 'succeeded', ?, ?, ?, ?)",
                [action, "2025-01-03T08:00:00.000Z", *counts],
            )
        connection.execute(
            "INSERT INTO change SELECT max(id) - 1, 'products', 'X1-2', 'withdrawn_at', ?, NULL"
            " FROM run",
            ["2025-01-02T08:00:00.000Z"],
        )

    undone, synced = Store.open(database).list_runs(limit=2)

    assert synced.counts == Counts(fetched=3, returned=1, updated=1)
    assert undone.counts == Counts(returned=25)


def test_the_small_databases_have_a_row_in_every_table() -> None:
    tables = set()
    with closing(sqlite3.connect(":memory:")) as connection:
        connection.executescript(dump_of(MIGRATIONS[-1]))
        names = connection.execute("SELECT name FROM sqlite_master WHERE type = 'table'")
        tables = {name for (name,) in names if "sqlite_" not in name}
    assert tables == set(ROWS), "give every table a row in tests/faults/dump_schema.py"


def test_a_migration_without_a_database_of_it_fails_with_what_to_do(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(f"{__name__}.MIGRATIONS", [*MIGRATIONS, "m999_of_tomorrow"])
    with pytest.raises(AssertionError, match=r"m999_of_tomorrow.*python -m tests.faults.dump_sch"):
        test_every_schema_that_has_landed_is_kept_as_a_small_database()


def test_a_migration_that_fails_half_way_leaves_the_database_as_it_was(
    tmp_path: Path,
) -> None:
    def m999_breaks(db: schema.Database) -> None:
        db.execute("DROP TABLE product_cleared")
        db.execute("SELECT * FROM no_such_table")

    database = tmp_path / "ecommerce.db"
    Store.open(database)
    before = database.read_bytes()
    with pytest.raises(StoreError, match="no_such_table"):
        Store.open(database, more_migrations=(m999_breaks,))
    assert database.read_bytes() == before
