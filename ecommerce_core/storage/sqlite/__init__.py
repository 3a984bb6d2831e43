"""SQLite: the database file, its transactions, its schema, and the changes of a sync.

``checks`` decides whether a file can be trusted, ``journals`` has the tables beside the rows.
"""

from ecommerce_core.storage.sqlite.difference import (
    Report,
    WholeAnswerNeeded,
    apply_difference,
    list_difference,
    list_fingerprints,
)
from ecommerce_core.storage.sqlite.file import APPLICATION_ID_BYTES, BUSY_TIMEOUT_S, SqliteFile
from ecommerce_core.storage.sqlite.journals import (
    AlertRecord,
    DatasetState,
    NewRun,
    SignOuts,
    Told,
    sign_in_key,
)
from ecommerce_core.storage.sqlite.migrations import check_shape, is_pending, migrate, open_database
from ecommerce_core.storage.sqlite.transactions import Database, Transactions, now_utc, to_text

__all__ = [
    "APPLICATION_ID_BYTES",
    "BUSY_TIMEOUT_S",
    "AlertRecord",
    "Database",
    "DatasetState",
    "NewRun",
    "Report",
    "SignOuts",
    "SqliteFile",
    "Told",
    "Transactions",
    "WholeAnswerNeeded",
    "apply_difference",
    "check_shape",
    "is_pending",
    "list_difference",
    "list_fingerprints",
    "migrate",
    "now_utc",
    "open_database",
    "sign_in_key",
    "to_text",
]
