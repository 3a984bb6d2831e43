"""SQLite: the database file, its transactions, its schema, its locks.

``checks`` decides whether a file is sound.
"""

from ecommerce_core.storage.sqlite.engine import SqliteEngine, lock_path
from ecommerce_core.storage.sqlite.file import APPLICATION_ID_BYTES, BUSY_TIMEOUT_S
from ecommerce_core.storage.sqlite.migrations import (
    Table,
    list_made_tables,
    select_installation,
    set_installation,
)
from ecommerce_core.storage.sqlite.schema import Migration

__all__ = [
    "APPLICATION_ID_BYTES",
    "BUSY_TIMEOUT_S",
    "Migration",
    "SqliteEngine",
    "Table",
    "list_made_tables",
    "lock_path",
    "select_installation",
    "set_installation",
]
