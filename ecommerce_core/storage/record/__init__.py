"""The stored data, in SQL for every engine: rows, runs, deliveries, expected callbacks and more.

``database`` defines what an engine must offer; each other module is a part of the store.
"""

from ecommerce_core.storage.record.alerts import AlertJournal, AlertRecord, Told
from ecommerce_core.storage.record.audit import AuditJournal
from ecommerce_core.storage.record.database import (
    Constants,
    Cursor,
    Database,
    Engine,
    Lock,
    Part,
    Reading,
    Transactions,
    Values,
    now_utc,
    to_columns,
    to_datetime,
    to_details,
    to_fact,
    to_text,
)
from ecommerce_core.storage.record.dataset_state import DatasetState
from ecommerce_core.storage.record.deliveries import DeliveryJournal
from ecommerce_core.storage.record.difference import WholeAnswerNeeded
from ecommerce_core.storage.record.expected_callbacks import ExpectedCallbackJournal
from ecommerce_core.storage.record.recent import Recent
from ecommerce_core.storage.record.retention import Retention
from ecommerce_core.storage.record.rows import Rows
from ecommerce_core.storage.record.runs import NewRun, RunJournal
from ecommerce_core.storage.record.sign_outs import (
    SIGNED_OUT,
    SignOutJournal,
    SignOuts,
    sign_in_key,
)
from ecommerce_core.storage.record.wanted_tasks import WantedTaskJournal

__all__ = [
    "AlertJournal",
    "AlertRecord",
    "AuditJournal",
    "Constants",
    "Cursor",
    "Database",
    "DatasetState",
    "DeliveryJournal",
    "Engine",
    "ExpectedCallbackJournal",
    "Lock",
    "NewRun",
    "Part",
    "Reading",
    "Recent",
    "Retention",
    "Rows",
    "RunJournal",
    "SIGNED_OUT",
    "SignOutJournal",
    "SignOuts",
    "Told",
    "Transactions",
    "Values",
    "WantedTaskJournal",
    "WholeAnswerNeeded",
    "now_utc",
    "sign_in_key",
    "to_columns",
    "to_datetime",
    "to_details",
    "to_fact",
    "to_text",
]
