"""The schemas of what the companion's routes answer in JSON, health above all."""

from __future__ import annotations

from dataclasses import fields

from ecommerce_core.companion.health import Reason, StoreState
from ecommerce_core.companion.openapi_parts import (
    MAYBE_MOMENT,
    MAYBE_SECONDS,
    MAYBE_TEXT,
    NULL,
    Schema,
    map_of,
    object_of,
    ref_to,
)
from ecommerce_core.domain import (
    AlertCode,
    AuditAction,
    Counts,
    PartState,
    RunStatus,
    Severity,
)
from ecommerce_core.gateway import RegistrationStatus
from ecommerce_core.storage import SnapshotCode

# Only the kind of an error: its text is for readers of the pages or the log.
_MAYBE_KIND: Schema = {"type": ["string", NULL], "pattern": "^[A-Za-z]+$"}


# The values in the text of a code; one of them may be an object with code and details itself.
_DETAILS: Schema = {"type": "object"}


def list_schemas() -> Schema:
    """Return the schemas by their names."""
    return {**_answers(), **_health()}


def _answers() -> Schema:
    """Return the schemas of the answers to callbacks."""
    ended = [status.value for status in RunStatus if status.is_good or status is RunStatus.HELD]
    result: Schema = {
        "status": {"enum": ["accepted", *ended]},
        "dataset": {"type": "string"},
        "run_id": {"type": ["integer", NULL]},
        "joined": {"type": "boolean"},
        "counts": {"anyOf": [ref_to("Counts"), {"type": NULL}]},
        "error": MAYBE_TEXT,
        "code": MAYBE_TEXT,
        "details": _DETAILS,
    }
    problem = object_of(
        {
            "type": {"const": "about:blank"},
            "title": {"type": "string"},
            "status": {"type": "integer"},
            "detail": {"type": "string"},
            "code": {"type": "string"},
            "details": _DETAILS,
        },
        closed=False,
    )
    problem["description"] = (
        "RFC 9457. `detail` is made of `code` and `details`. Of a run that failed it also has "
        "`run_status`, `dataset`, `run_id`, `joined`, `counts` and `error`; where no thread could "
        "be started, `reasons` with `no_thread`."
    )
    count = {"type": "integer", "minimum": 0}
    return {
        "Counts": object_of({field.name: count for field in fields(Counts)}),
        "Result": object_of(result),
        "Problem": problem,
    }


def _health() -> Schema:
    """Return the schemas of the answer of ``healthz``."""
    peer: Schema = {
        "state": {"enum": ["up", "partly", "down", "unknown"]},
        "last_answer_at": MAYBE_MOMENT,
        "last_answer_age_s": MAYBE_SECONDS,
        "last_error_age_s": MAYBE_SECONDS,
        "last_error": _MAYBE_KIND,
    }
    registration: Schema = {
        "state": {"enum": [status.value for status in RegistrationStatus]},
        "at": MAYBE_MOMENT,
        "error": _MAYBE_KIND,
    }
    backups: Schema = {
        "state": {"enum": ["off", "ok", "failing"]},
        "last_at": MAYBE_MOMENT,
        "last_age_s": MAYBE_SECONDS,
    }
    snapshot: Schema = {
        "state": {"enum": [*(code.value for code in SnapshotCode), "unknown"]},
        "error": MAYBE_TEXT,
    }
    alert: Schema = {
        "code": {"enum": [code.value for code in AlertCode]},
        "severity": {"enum": [severity.value for severity in Severity]},
        "datasets": {"type": "array", "items": {"type": "string"}},
        "since": {"type": "string", "format": "date-time"},
    }
    audit: Schema = {
        "id": {"type": "integer"},
        "at": {"type": "string", "format": "date-time"},
        "action": {"enum": [one.value for one in AuditAction]},
        "actor": MAYBE_TEXT,
        "subject": {"type": "string"},
        "details": {"type": "object"},
    }
    server: Schema = {
        "id": {"type": "string"},
        "leads": {"type": "boolean"},
        "leader": MAYBE_TEXT,
    }
    part: Schema = {"enum": [state.value for state in PartState]}
    scheduler: Schema = {
        "clock": part,
        "clock_age_s": MAYBE_SECONDS,
        "tasks": part,
        "tasks_age_s": MAYBE_SECONDS,
        "standing_still_since": MAYBE_MOMENT,
        "odd_tasks": {"type": "integer", "minimum": 0},
        "lost_tasks": {"type": "integer", "minimum": 0},
    }
    health: Schema = {
        "status": {"enum": ["ready", "degraded", "not ready"]},
        "reasons": {"type": "array", "items": {"enum": [reason.value for reason in Reason]}},
        "store": {"enum": [state.value for state in StoreState]},
        "workers": map_of({"type": "boolean"}),
        "peers": map_of(ref_to("Peer")),
        "registration": ref_to("Registration"),
        "backups": ref_to("Backups"),
        "snapshots": map_of(ref_to("Snapshot")),
        "server": ref_to("Server"),
        "alerts": {"type": "array", "items": ref_to("Alert")},
        "scheduler": ref_to("Scheduler"),
    }
    return {
        "Peer": object_of(peer),
        "Registration": object_of(registration),
        "Backups": object_of(backups),
        "Snapshot": object_of(snapshot),
        "Server": object_of(server),
        "Alert": object_of(alert),
        "AuditLine": object_of(audit),
        "Scheduler": object_of(scheduler),
        "Health": object_of(health),
    }
