"""The tables beside the rows: runs, deliveries, expected callbacks, wanted tasks and others."""

from ecommerce_core.storage.sqlite.journals.alerts import AlertJournal, AlertRecord, Told
from ecommerce_core.storage.sqlite.journals.audit import AuditJournal
from ecommerce_core.storage.sqlite.journals.dataset_state import (
    DatasetState,
    count_table,
    forget_cleared,
    forget_held,
    hold_answer,
    reason_to_hold,
    select_state,
    upsert_state,
)
from ecommerce_core.storage.sqlite.journals.deliveries import DeliveryJournal
from ecommerce_core.storage.sqlite.journals.expected_callbacks import ExpectedCallbackJournal
from ecommerce_core.storage.sqlite.journals.recent import Recent
from ecommerce_core.storage.sqlite.journals.retention import JOURNALS, Retention
from ecommerce_core.storage.sqlite.journals.runs import (
    Journal,
    NewRun,
    finish_run,
    insert_rejected,
    insert_run,
    select_run,
)
from ecommerce_core.storage.sqlite.journals.sign_outs import SignOutJournal, SignOuts, sign_in_key
from ecommerce_core.storage.sqlite.journals.wanted_tasks import WantedTaskJournal

__all__ = [
    "JOURNALS",
    "AlertJournal",
    "AlertRecord",
    "AuditJournal",
    "DatasetState",
    "DeliveryJournal",
    "ExpectedCallbackJournal",
    "Journal",
    "NewRun",
    "Recent",
    "Retention",
    "SignOutJournal",
    "SignOuts",
    "Told",
    "WantedTaskJournal",
    "count_table",
    "finish_run",
    "forget_cleared",
    "forget_held",
    "hold_answer",
    "insert_rejected",
    "insert_run",
    "reason_to_hold",
    "select_run",
    "select_state",
    "sign_in_key",
    "upsert_state",
]
