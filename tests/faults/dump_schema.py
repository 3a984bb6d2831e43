"""Write a small database of a schema as SQL: ``python -m tests.faults.dump_schema``.

Run it in the change that adds a migration: ``tests/schemas/`` then keeps an example of existing
databases, and test_schema_versions.py opens each with the code of today. Give new tables and
columns a row in ROWS.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Mapping
from contextlib import closing
from pathlib import Path

import sqlite_utils
from sqlite_utils.migrations import Migrations

from ecommerce_core.storage.sqlite import schema

SCHEMAS = Path(__file__).resolve().parents[1] / "schemas"

T1, T2 = "2025-01-01T08:00:00.000Z", "2025-01-02T08:00:00.000Z"
PRODUCT = {
    "family": "Frigos",
    "description": "Frigos:P1-1 'été' 冷",
    "price_cents": 50_000,
    "catalogue_min_quantity": 15,
    "catalogue_packaging": None,
    "catalogue_id": 2**63 - 1,
    "first_seen_at": T1,
    "updated_at": T2,
}
CUSTOMER = {
    "first_name": "Zoé",
    "last_name": "O'Neil",
    "loyalty_points": 12.5,
    "payment": None,
    "account": "BKN1CST93",
    "first_seen_at": T1,
    "updated_at": T1,
}
RUN = {"dataset": "products", "trigger": "manual", "started_at": T1, "finished_at": T2}

HELD = {
    "error_code": "held_would_withdraw",
    "error_details": '{"withdrawn":21,"current":40}',
}

# The rows of a database of any schema, as far as it has the tables.
ROWS: Mapping[str, list[dict[str, object]]] = {
    "product": [
        {"code": "X1-1", **PRODUCT, "search": "x1-1\nfrigos:p1-1 'ete' 冷"},
        {"code": "X1-2", **PRODUCT, "withdrawn_at": T2},
    ],
    "product_cleared": [{"code": "X1-3", **PRODUCT}],
    "customer": [
        {"customer_id": "a717f9d2-e7c6-11f1-974b-000000000001", **CUSTOMER},
        {"customer_id": "7", **CUSTOMER, "withdrawn_at": T2},
    ],
    "customer_cleared": [{"customer_id": "8", **CUSTOMER}],
    "run": [
        {**RUN, "action": "sync", "status": "succeeded", "fetched": 2, "added": 2, "rows_after": 2},
        {**RUN, "action": "sync", "status": "partial", "fetched": 2, "updated": 1, "rejected": 1},
        {**RUN, "action": "undo_clear", "status": "succeeded", "returned": 1},
        {**RUN, "action": "sync", "status": "held", "error": "The answer would withdraw …", **HELD},
        {**RUN, "action": "clear", "status": "succeeded", "withdrawn": 1, "actor": "ada"},
        {**RUN, "action": "sync", "status": "interrupted", "simulated_at": "2020-01-01T00:00:00"},
    ],
    "rejected": [
        {
            "run_id": 2,
            "position": 1,
            "key": None,
            "reason": "prix is missing",
            "record": "{}",
            "code": "missing",
            "details": '{"field":"prix"}',
        }
    ],
    "change": [
        {
            "run_id": 2,
            "dataset": "products",
            "key": "X1-1",
            "field": "price_cents",
            "old": 40_000,
            "new": 50_000,
        },
        {
            "run_id": 2,
            "dataset": "products",
            "key": "X1-2",
            "field": "withdrawn_at",
            "old": None,
            "new": T2,
        },
    ],
    "held": [{"dataset": "products", "run_id": 3, "body": b"x\x01\x00\xff"}],
    "dataset_state": [
        {"dataset": "products", "source": "api/data", "digest": "ab", "fetched": 2, "rejected": 1},
        {"dataset": "customers", "cleared": '{"fetched": 1}'},
    ],
    "delivery": [
        {
            "received_at": T1,
            "dataset": "products",
            "outcome": "executed",
            "run_id": 1,
            "duration_s": 0.25,
            "again_of": 1,
        }
    ],
    "promise": [
        {
            "dataset": "products",
            "task_name": "get_products",
            "source_app": "e-commerce",
            "recurrence": "hour",
            "simulated_at": "2019-01-07T10:00:00",
            "simulated_last_at": "2019-01-07T10:00:00",
            "count": 1,
            "since_at": T1,
            "noticed_at": T2,
            "speed": 50.0,
            "outcome": "on_time",
            "delivery_id": 1,
        }
    ],
    "watch": [{"id": 1, "state": "{}"}],
    "refused_not_kept": [{"dataset": "products", "count": 1_201}],
    "wanted_task": [
        {
            "dataset": "products",
            "name": "get_products",
            "source_app": "e-commerce",
            "recurrence": "hour",
            "simulated_at": "2019-01-07T10:00:00",
            "state": "listed",
            "since_at": T1,
            "actor": "clerk",
        }
    ],
    "task_record": [
        {
            "at": T1,
            "event": "added",
            "dataset": "products",
            "name": "get_products",
            "recurrence": "hour",
            "simulated_at": "2019-01-07T10:00:00",
            "actor": "clerk",
        }
    ],
    "sign_out": [{"key": "ab" * 32, "until": T2}],
    "alert": [
        {
            "code": "answer_held",
            "subject": "products",
            "since_at": T1,
            "datasets": '["products"]',
            "details": '{"run": 3}',
        }
    ],
    "alert_told": [
        {
            "service": "0123456789abcdef",
            "code": "answer_held",
            "subject": "products",
            "since_at": T1,
            "datasets": '["products"]',
            "details": '{"run": 3}',
            "told_at": T2,
        }
    ],
    "audit": [
        {
            "at": T1,
            "action": "rows_exported",
            "actor": "clerk",
            "subject": "products.csv",
            "details": '{"rows": 2}',
        }
    ],
    "removed": [{"journal": "changes", "up_to": 1}],
    "saved_view": [
        {
            "dataset": "products",
            "owner": "clerk",
            "name": "Cheap TVs",
            "query": "family=TV&price=-500",
            "saved_at": T1,
        }
    ],
}


def dump_of(last_migration: str) -> str:
    """Return a small database with ``last_migration`` as its newest migration, as SQL."""
    names = [migration.__name__ for migration in schema.MIGRATIONS]
    migrations = Migrations("ecommerce")
    for migration in schema.MIGRATIONS[: names.index(last_migration) + 1]:
        migrations(name=migration.__name__)(migration)
    with closing(sqlite3.connect(":memory:")) as connection:
        db = sqlite_utils.Database(connection)
        migrations.apply(db)
        connection.execute("UPDATE _sqlite_migrations SET applied_at = ?", [T1])
        for table, rows in ROWS.items():
            if table in db.table_names():
                for row in rows:
                    known = {name: row[name] for name in row if name in db[table].columns_dict}
                    marks = ", ".join("?" for _ in known)
                    connection.execute(
                        f"INSERT INTO {table} ({', '.join(known)}) VALUES ({marks})",
                        list(known.values()),
                    )
        connection.commit()
        lines = [f"PRAGMA application_id = {schema.APPLICATION_ID};", *connection.iterdump()]
    return "\n".join(lines) + "\n"


def main() -> None:
    for migration in schema.MIGRATIONS:
        path = SCHEMAS / f"{migration.__name__}.sql"
        # Released schemas are never written anew: existing databases have them.
        if not path.exists():
            path.parent.mkdir(exist_ok=True)
            path.write_text(dump_of(migration.__name__), encoding="utf-8")
            print(path.relative_to(Path.cwd()) if path.is_relative_to(Path.cwd()) else path)


if __name__ == "__main__":
    main()
