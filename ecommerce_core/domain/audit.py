"""Who did what, beyond runs: a line of the audit."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum
from types import MappingProxyType

from ecommerce_core.domain.alert import AlertDetail


class AuditAction(StrEnum):
    """What somebody did."""

    TASK_ADDED = "task_added"
    TASK_EDITED = "task_edited"
    TASKS_DELETED = "tasks_deleted"
    TASKS_ADDED_AGAIN = "tasks_added_again"
    TASKS_FORGOTTEN = "tasks_forgotten"
    CLOCK_PAUSED = "clock_paused"
    CLOCK_RESUMED = "clock_resumed"
    CLOCK_SPEED_SET = "clock_speed_set"
    ANSWER_DISCARDED = "answer_discarded"
    CALLBACK_DELIVERED_AGAIN = "callback_delivered_again"
    ALERT_DISMISSED = "alert_dismissed"
    TEST_MESSAGE_SENT = "test_message_sent"
    ROWS_EXPORTED = "rows_exported"
    TOKEN_USED = "token_used"  # noqa: S105
    SIGNED_IN = "signed_in"
    SIGNED_OUT = "signed_out"


@dataclass(frozen=True, slots=True)
class NewAuditEntry:
    """What somebody did, before the audit gave it a number.

    ``actor`` is None where nobody had to say who they are. ``subject`` is what it was done to: a
    dataset, a task, an address. ``details`` are numbers and codes, never a row's data.
    """

    at: datetime
    action: AuditAction
    actor: str | None
    subject: str = ""
    details: Mapping[str, AlertDetail] = field(default_factory=lambda: MappingProxyType({}))


@dataclass(frozen=True, slots=True)
class AuditEntry(NewAuditEntry):
    """A line of the audit."""

    id: int = 0
