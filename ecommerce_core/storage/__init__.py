"""The store of record, the snapshots that readers read, backups, and the files of both.

``store`` is the store: its parts (``record``) over an engine (``sqlite``, ``postgresql``).
``snapshots`` has the columnar copies of one version of a dataset; ``changes`` tells what differs
between two runs, ``row_files`` writes rows as files, ``explore`` answers queries that people write
in SQL.
"""

from ecommerce_core.storage.audit_log import AuditLog
from ecommerce_core.storage.backup import BackupSchedule, BackupState, write_backup
from ecommerce_core.storage.backup_files import installation_of, list_backups
from ecommerce_core.storage.changes import ChangeReader, ChangeView
from ecommerce_core.storage.copy_store import CopiedTable, copy_store
from ecommerce_core.storage.database_lock import DatabaseLock
from ecommerce_core.storage.explore import (
    IN_FILE,
    ON_PAGE,
    SQL_CHARS,
    Exploration,
    Explorer,
    Found,
    FoundColumn,
    Grouping,
    Limits,
    Measure,
    Table,
    groupable,
    measurable,
    sql_of,
)
from ecommerce_core.storage.leader import Leader
from ecommerce_core.storage.open_store import open_store
from ecommerce_core.storage.postgresql import Finding, examine_server, kept_by_server
from ecommerce_core.storage.private_files import FILE_MODE, create_empty, list_loose, real_path
from ecommerce_core.storage.record import (
    SIGNED_OUT,
    AlertRecord,
    DatasetState,
    Lock,
    NewRun,
    SignOuts,
    Told,
    WholeAnswerNeeded,
    sign_in_key,
    to_text,
)
from ecommerce_core.storage.restore import clear_leftovers, restore_backup
from ecommerce_core.storage.retention import RetentionSchedule
from ecommerce_core.storage.row_files import (
    BOM,
    NeedsMemory,
    Selection,
    Stopped,
    Work,
    write_csv,
    write_json,
    write_parquet,
    write_wire,
    write_xlsx,
)
from ecommerce_core.storage.saved_views import SavedViews
from ecommerce_core.storage.snapshots import Reader, SnapshotCode, Snapshots, Version
from ecommerce_core.storage.sqlite import lock_path
from ecommerce_core.storage.store import Store

__all__ = [
    "BOM",
    "FILE_MODE",
    "IN_FILE",
    "ON_PAGE",
    "SIGNED_OUT",
    "SQL_CHARS",
    "AlertRecord",
    "AuditLog",
    "BackupSchedule",
    "BackupState",
    "ChangeReader",
    "ChangeView",
    "CopiedTable",
    "DatabaseLock",
    "DatasetState",
    "Exploration",
    "Explorer",
    "Finding",
    "Found",
    "FoundColumn",
    "Grouping",
    "Leader",
    "Limits",
    "Lock",
    "Measure",
    "NeedsMemory",
    "NewRun",
    "Reader",
    "RetentionSchedule",
    "SavedViews",
    "Selection",
    "SignOuts",
    "SnapshotCode",
    "Snapshots",
    "Stopped",
    "Store",
    "Table",
    "Told",
    "Version",
    "WholeAnswerNeeded",
    "Work",
    "clear_leftovers",
    "copy_store",
    "create_empty",
    "examine_server",
    "groupable",
    "installation_of",
    "kept_by_server",
    "list_backups",
    "list_loose",
    "lock_path",
    "measurable",
    "open_store",
    "real_path",
    "restore_backup",
    "sign_in_key",
    "sql_of",
    "to_text",
    "write_backup",
    "write_csv",
    "write_json",
    "write_parquet",
    "write_wire",
    "write_xlsx",
]
