"""The audit as a file: CSV or JSON, all lines or those of one action or actor."""

from __future__ import annotations

import csv
import io
import json
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import partial
from typing import Any

from starlette.types import Receive, Scope

from ecommerce_core.companion.data_routes import MIME_TYPES, authorize, pairs_of
from ecommerce_core.companion.http import JSON, RETRY_LATER, Answer, Problem, Reply, encode_json
from ecommerce_core.companion.service import Service
from ecommerce_core.datasets import guard_formula
from ecommerce_core.domain import AuditAction, AuditEntry, StoreError, make_fact
from ecommerce_core.storage import BOM

FORMATS = ("csv", "json")
# More lines than a year of a busy shop has; older ones are on the command line.
MOST_LINES = 100_000
_KNOWN = frozenset({"action", "actor"})
_COLUMNS = ("id", "at", "action", "actor", "subject", "details")


@dataclass(frozen=True, slots=True)
class AuditRoute:
    """One address: ``audit.csv`` or ``audit.json``."""

    file_format: str

    @property
    def path(self) -> str:
        """The address, below the server's own."""
        return f"audit.{self.file_format}"

    def answer(self, run: Any) -> Answer:
        """What answers it; ``run`` runs a blocking function in a thread."""
        return partial(_answer, self, run)


async def _answer(
    route: AuditRoute, run: Any, service: Service, scope: Scope, receive: Receive
) -> Reply:
    """Answer with the lines that match. Raises Problem."""
    pairs = pairs_of(scope["query_string"])
    authorize(service, scope, route.path, pairs=pairs, now=datetime.now(UTC))
    asked = dict(pairs)
    if len(asked) < len(pairs) or not set(asked) <= _KNOWN:
        raise Problem(400, make_fact("audit_question"))
    if asked.get("action", AuditAction.SIGNED_IN) not in set(AuditAction):
        known = ", ".join(AuditAction)
        raise Problem(400, make_fact("audit_action_unknown", value=asked["action"], known=known))
    try:
        lines = await run(partial(_read, service, asked))
    except StoreError as error:
        raise Problem(503, make_fact("audit_not_read"), RETRY_LATER) from error
    mime_type = MIME_TYPES[route.file_format]
    headers = (
        ("Content-Disposition", f'attachment; filename="{route.path}"'),
        ("Cache-Control", "no-store"),
    )
    if route.file_format == "csv":
        return Reply(200, _as_csv(lines), mime_type, headers)
    return Reply(200, encode_json([as_plain(line) for line in lines]), JSON, headers)


def _read(service: Service, asked: dict[str, str]) -> list[AuditEntry]:
    action = asked.get("action")
    return service.app.store.list_audit(
        limit=MOST_LINES,
        action=None if action is None else AuditAction(action),
        actor=asked.get("actor"),
    )


def as_plain(line: AuditEntry) -> dict[str, Any]:
    """A line as JSON says it."""
    return {
        "id": line.id,
        "at": line.at.isoformat(),
        "action": line.action.value,
        "actor": line.actor,
        "subject": line.subject,
        "details": dict(line.details),
    }


def _as_csv(lines: Sequence[AuditEntry]) -> bytes:
    out = io.StringIO(newline="")
    writer = csv.writer(out)
    writer.writerow(_COLUMNS)
    for line in lines:
        plain = as_plain(line) | {"details": json.dumps(dict(line.details))}
        cells = ("" if plain[name] is None else str(plain[name]) for name in _COLUMNS)
        writer.writerow([guard_formula(cell) for cell in cells])
    return BOM + out.getvalue().encode("utf-8", "replace")
