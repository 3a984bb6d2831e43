"""The schema, as migrations that are only ever appended to.

Each is a short named function over an open transaction. A migration that has been released is never
edited: existing databases have run it.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Callable
from typing import Any, Protocol

import msgspec

# "ecom": identifies a file as ours (PRAGMA application_id).
APPLICATION_ID = 0x65636F6D


class Database(Protocol):
    """The part of sqlite_utils.Database that migrations need."""

    def execute(self, sql: str, parameters: Any = None) -> Any:
        """Run one statement."""
        ...


def m001_products_and_customers(db: Database) -> None:
    """Create the two datasets, each with a second table for the rows that were cleared last.

    No rowid: the key is the table's own order, so a sync writes one tree and a reader finds a row
    in one step.
    """
    product = """
        code TEXT PRIMARY KEY NOT NULL,
        family TEXT NOT NULL,
        description TEXT NOT NULL,
        price_cents INTEGER NOT NULL,
        min_quantity INTEGER NOT NULL DEFAULT 1,
        packaging INTEGER NOT NULL DEFAULT 0,
        catalogue_min_quantity INTEGER,
        catalogue_packaging INTEGER,
        catalogue_id INTEGER,
        first_seen_at TEXT NOT NULL,
        updated_at TEXT NOT NULL,
        withdrawn_at TEXT
    """
    customer = """
        customer_id TEXT PRIMARY KEY NOT NULL,
        first_name TEXT NOT NULL,
        last_name TEXT NOT NULL,
        loyalty_points REAL,
        payment REAL,
        account TEXT NOT NULL,
        first_seen_at TEXT NOT NULL,
        updated_at TEXT NOT NULL,
        withdrawn_at TEXT
    """
    for table, columns in (("product", product), ("customer", customer)):
        db.execute(f"CREATE TABLE {table} ({columns}) STRICT, WITHOUT ROWID")
        db.execute(f"CREATE TABLE {table}_cleared ({columns}) STRICT, WITHOUT ROWID")


def m002_journal(db: Database) -> None:
    """Create runs, their rejected records, changes and held answers, and the deliveries."""
    db.execute("""
        CREATE TABLE run (
            id INTEGER PRIMARY KEY AUTOINCREMENT,
            dataset TEXT NOT NULL,
            action TEXT NOT NULL,
            trigger TEXT NOT NULL,
            status TEXT NOT NULL,
            started_at TEXT NOT NULL,
            finished_at TEXT,
            fetched INTEGER NOT NULL DEFAULT 0,
            added INTEGER NOT NULL DEFAULT 0,
            updated INTEGER NOT NULL DEFAULT 0,
            unchanged INTEGER NOT NULL DEFAULT 0,
            withdrawn INTEGER NOT NULL DEFAULT 0,
            rejected INTEGER NOT NULL DEFAULT 0,
            body_bytes INTEGER NOT NULL DEFAULT 0,
            stages_s TEXT NOT NULL DEFAULT '{}',
            error TEXT,
            simulated_at TEXT,
            task_name TEXT,
            confirms_run_id INTEGER REFERENCES run(id),
            resolution TEXT
        ) STRICT
    """)
    db.execute("CREATE INDEX run_dataset ON run (dataset, id)")
    db.execute("""
        CREATE TABLE rejected (
            run_id INTEGER NOT NULL REFERENCES run(id),
            position INTEGER NOT NULL,
            key TEXT,
            reason TEXT NOT NULL,
            record TEXT NOT NULL,
            PRIMARY KEY (run_id, position)
        ) STRICT, WITHOUT ROWID
    """)
    # The values keep the type that they have in their own table.
    db.execute("""
        CREATE TABLE change (
            run_id INTEGER NOT NULL REFERENCES run(id),
            dataset TEXT NOT NULL,
            key TEXT NOT NULL,
            field TEXT NOT NULL,
            old ANY,
            new ANY,
            PRIMARY KEY (run_id, key, field)
        ) STRICT, WITHOUT ROWID
    """)
    db.execute("CREATE INDEX change_key ON change (dataset, key, run_id)")
    db.execute("""
        CREATE TABLE held (
            dataset TEXT PRIMARY KEY NOT NULL,
            run_id INTEGER NOT NULL REFERENCES run(id),
            body BLOB NOT NULL
        ) STRICT
    """)
    db.execute("""
        CREATE TABLE dataset_state (
            dataset TEXT PRIMARY KEY NOT NULL,
            source TEXT,
            digest TEXT,
            etag TEXT,
            last_modified TEXT,
            fetched INTEGER NOT NULL DEFAULT 0,
            rejected INTEGER NOT NULL DEFAULT 0,
            cleared TEXT
        ) STRICT
    """)
    db.execute("""
        CREATE TABLE delivery (
            id INTEGER PRIMARY KEY AUTOINCREMENT,
            received_at TEXT NOT NULL,
            dataset TEXT NOT NULL,
            outcome TEXT NOT NULL,
            run_id INTEGER REFERENCES run(id),
            reason TEXT,
            simulated_at TEXT,
            task_name TEXT,
            duration_s REAL
        ) STRICT
    """)


def m003_promises(db: Database) -> None:
    """Create the expected callbacks, and the state of the scheduler monitor."""
    db.execute("""
        CREATE TABLE promise (
            id INTEGER PRIMARY KEY AUTOINCREMENT,
            dataset TEXT NOT NULL,
            task_name TEXT NOT NULL,
            source_app TEXT NOT NULL,
            recurrence TEXT NOT NULL,
            simulated_at TEXT NOT NULL,
            simulated_last_at TEXT NOT NULL,
            count INTEGER NOT NULL,
            since_at TEXT NOT NULL,
            noticed_at TEXT NOT NULL,
            speed REAL NOT NULL,
            outcome TEXT NOT NULL,
            reason TEXT,
            delivery_id INTEGER,
            received_at TEXT,
            lateness_s REAL,
            duration_s REAL
        ) STRICT
    """)
    db.execute("""
        CREATE TABLE watch (
            id INTEGER PRIMARY KEY CHECK (id = 1),
            state TEXT NOT NULL
        ) STRICT
    """)


def m004_search_and_sizes(db: Database) -> None:
    """Add the searched text of a row, and the number of rows that each run left.

    The number is unknown for older runs.
    """
    db.execute("ALTER TABLE run ADD COLUMN rows_after INTEGER")
    db.execute("CREATE INDEX run_rows ON run (dataset, id) WHERE rows_after IS NOT NULL")
    # It stays empty, since m009, which always follows, drops it.
    for dataset in ("product", "customer"):
        for table in (dataset, f"{dataset}_cleared"):
            db.execute(f"ALTER TABLE {table} ADD COLUMN search TEXT NOT NULL DEFAULT ''")


def m005_actor(db: Database) -> None:
    """Add the actor of a run, which is unknown for older runs."""
    db.execute("ALTER TABLE run ADD COLUMN actor TEXT")


def m006_order_of_texts(db: Database) -> None:
    """Drop the indexes of texts, now sorted as they are searched; the worker rebuilds them."""
    for index in (
        "product_by_description",
        "customer_by_first_name",
        "customer_by_last_name",
        "customer_by_account",
    ):
        db.execute(f"DROP INDEX IF EXISTS {index}")


def m007_refused_not_kept(db: Database) -> None:
    """Find refused callbacks quickly, and count by dataset those that are not kept."""
    db.execute("CREATE INDEX delivery_refused ON delivery (id) WHERE outcome = 'refused'")
    db.execute("""
        CREATE TABLE refused_not_kept (
            dataset TEXT PRIMARY KEY NOT NULL,
            count INTEGER NOT NULL
        ) STRICT
    """)


def m008_sign_outs(db: Database) -> None:
    """Create sign-ins that were ended before their expiry, by a digest that identifies them."""
    db.execute("""
        CREATE TABLE sign_out (
            key TEXT PRIMARY KEY NOT NULL,
            until TEXT NOT NULL
        ) STRICT
    """)


def m009_readers_read_snapshots(db: Database) -> None:
    """Drop the indexes and searched texts of readers, who now read snapshots.

    The file does not shrink: later rows use the free space.
    """
    for dataset in ("product", "customer"):
        _drop_words(db, f"{dataset}_word")
        # An index of words keeps its rows in tables of its own, which were dropped with it.
        for table in (f"{dataset}_word_text", f"{dataset}_word_state"):
            db.execute(f"DROP TABLE IF EXISTS {table}")
        for table in (dataset, f"{dataset}_cleared"):
            made = db.execute(
                "SELECT name FROM sqlite_master WHERE type = 'index' AND tbl_name = ?"
                " AND sql IS NOT NULL",
                [table],
            ).fetchall()
            for (index,) in made:
                db.execute(f"DROP INDEX {index}")
            db.execute(f"ALTER TABLE {table} DROP COLUMN search")


def _drop_words(db: Database, index: str) -> None:
    try:
        db.execute(f"DROP TABLE IF EXISTS {index}")
    except sqlite3.OperationalError as error:
        if "no such module" not in str(error):
            raise
        # A database may move to a machine whose SQLite does not have such indexes.
        db.execute("PRAGMA writable_schema = ON")
        db.execute("DELETE FROM sqlite_master WHERE name = ?", [index])
        db.execute("PRAGMA writable_schema = RESET")
        for part in ("data", "idx", "config"):
            db.execute(f"DROP TABLE IF EXISTS {index}_{part}")


def m010_fingerprints(db: Database) -> None:
    """Add the digest by which an unchanged record is recognised; NULL until the next sync."""
    for table in ("product", "product_cleared", "customer", "customer_cleared"):
        db.execute(f"ALTER TABLE {table} ADD COLUMN fingerprint INTEGER")


def m011_facts_as_codes(db: Database) -> None:
    """Let journals keep codes and details. Older sentences are kept as texts and shown unchanged.

    Only the fact that a delivery repeats another moves from its text into a column.
    """
    again = "delivered again: delivery "
    db.execute("ALTER TABLE delivery ADD COLUMN again_of INTEGER")
    db.execute(
        "UPDATE delivery SET again_of = CAST(substr(reason, ?) AS INTEGER),"
        " reason = CASE instr(reason, '; ') WHEN 0 THEN NULL"
        " ELSE substr(reason, instr(reason, '; ') + 2) END WHERE reason GLOB ?",
        [len(again) + 1, f"{again}[0-9]*"],
    )
    for table, said, code, details in (
        ("run", "error", "error_code", "error_details"),
        ("delivery", "reason", "reason_code", "reason_details"),
        ("promise", "reason", "reason_code", "reason_details"),
    ):
        db.execute(f"ALTER TABLE {table} ADD COLUMN {code} TEXT")
        db.execute(f"ALTER TABLE {table} ADD COLUMN {details} TEXT")
        db.execute(
            f"UPDATE {table} SET {code} = 'said', {details} = json_object('text', {said})"
            f" WHERE {said} IS NOT NULL"
        )
        db.execute(f"ALTER TABLE {table} DROP COLUMN {said}")
    db.execute("ALTER TABLE rejected ADD COLUMN code TEXT NOT NULL DEFAULT 'said'")
    db.execute("ALTER TABLE rejected ADD COLUMN details TEXT NOT NULL DEFAULT '{}'")
    db.execute("UPDATE rejected SET details = json_object('text', reason)")
    db.execute("ALTER TABLE rejected DROP COLUMN reason")


def m012_outcomes_of_expected_callbacks(db: Database) -> None:
    """Rename the outcomes of expected callbacks, and the fields of the last poll's state."""
    for before, after in (("owed", "pending"), ("overran", "slow"), ("void", "cancelled")):
        db.execute("UPDATE promise SET outcome = ? WHERE outcome = ?", [after, before])
    for (text,) in db.execute("SELECT state FROM watch").fetchall():
        try:
            state = msgspec.json.decode(text, type=dict[str, object])
        except msgspec.MsgspecError:
            continue  # not a state of ours: it is replaced at the first poll
        for before, after in (
            ("look", "snapshot"),
            ("flights", "in_flight"),
            ("unpaid_ids", "unmatched_ids"),
        ):
            if before in state:
                state[after] = state.pop(before)
        db.execute("UPDATE watch SET state = ?", [msgspec.json.encode(state).decode()])


def m013_wanted_tasks(db: Database) -> None:
    """Create the tasks that are wanted in the scheduler's list, and their journal."""
    db.execute("""
        CREATE TABLE wanted_task (
            id INTEGER PRIMARY KEY,
            dataset TEXT NOT NULL,
            name TEXT NOT NULL,
            source_app TEXT NOT NULL,
            recurrence TEXT NOT NULL,
            simulated_at TEXT NOT NULL,
            state TEXT NOT NULL,
            since_at TEXT NOT NULL,
            actor TEXT,
            kept_at TEXT
        ) STRICT
    """)
    db.execute("""
        CREATE TABLE task_record (
            id INTEGER PRIMARY KEY,
            at TEXT NOT NULL,
            event TEXT NOT NULL,
            dataset TEXT NOT NULL,
            name TEXT NOT NULL,
            recurrence TEXT NOT NULL,
            simulated_at TEXT NOT NULL,
            actor TEXT
        ) STRICT
    """)


def m014_alerts(db: Database) -> None:
    """Create the alerts with their times, and the alerts that each message service was sent."""
    db.execute("""
        CREATE TABLE alert (
            id INTEGER PRIMARY KEY AUTOINCREMENT,
            code TEXT NOT NULL,
            subject TEXT NOT NULL,
            since_at TEXT NOT NULL,
            gone_at TEXT,
            ended_at TEXT,
            datasets TEXT NOT NULL,
            details TEXT NOT NULL
        ) STRICT
    """)
    db.execute("CREATE INDEX alert_open ON alert (id) WHERE ended_at IS NULL")
    db.execute("""
        CREATE TABLE alert_told (
            service TEXT NOT NULL,
            code TEXT NOT NULL,
            subject TEXT NOT NULL,
            since_at TEXT NOT NULL,
            datasets TEXT NOT NULL,
            details TEXT NOT NULL,
            told_at TEXT NOT NULL,
            PRIMARY KEY (service, code, subject)
        ) STRICT, WITHOUT ROWID
    """)


def m015_audit(db: Database) -> None:
    """Who did what beyond runs, and up to where old entries of the journals were removed."""
    db.execute("""
        CREATE TABLE audit (
            id INTEGER PRIMARY KEY AUTOINCREMENT,
            at TEXT NOT NULL,
            action TEXT NOT NULL,
            actor TEXT,
            subject TEXT NOT NULL,
            details TEXT NOT NULL
        ) STRICT
    """)
    db.execute("CREATE INDEX audit_subject ON audit (action, subject)")
    db.execute("""
        CREATE TABLE removed (
            journal TEXT PRIMARY KEY NOT NULL,
            up_to INTEGER NOT NULL
        ) STRICT
    """)


def m016_saved_views(db: Database) -> None:
    """Create the questions that people keep under a name; ``owner`` is empty if it is for all."""
    db.execute("""
        CREATE TABLE saved_view (
            id INTEGER PRIMARY KEY,
            dataset TEXT NOT NULL,
            owner TEXT NOT NULL,
            name TEXT NOT NULL,
            query TEXT NOT NULL,
            saved_at TEXT NOT NULL,
            UNIQUE (dataset, owner, name)
        ) STRICT
    """)


def m017_returned_rows(db: Database) -> None:
    """Count the rows that returned apart: a sync had them among the changed, an undo the added."""
    db.execute("ALTER TABLE run ADD COLUMN returned INTEGER NOT NULL DEFAULT 0")
    db.execute("UPDATE run SET returned = added, added = 0 WHERE action <> 'sync'")
    db.execute("""
        UPDATE run SET returned = (
            SELECT count(*) FROM change
            WHERE run_id = run.id AND field = 'withdrawn_at' AND new IS NULL
        )
        WHERE action = 'sync' AND updated > 0
    """)
    db.execute("UPDATE run SET updated = updated - returned WHERE action = 'sync'")


Migration = Callable[[Database], None]

MIGRATIONS: tuple[Migration, ...] = (
    m001_products_and_customers,
    m002_journal,
    m003_promises,
    m004_search_and_sizes,
    m005_actor,
    m006_order_of_texts,
    m007_refused_not_kept,
    m008_sign_outs,
    m009_readers_read_snapshots,
    m010_fingerprints,
    m011_facts_as_codes,
    m012_outcomes_of_expected_callbacks,
    m013_wanted_tasks,
    m014_alerts,
    m015_audit,
    m016_saved_views,
    m017_returned_rows,
)
