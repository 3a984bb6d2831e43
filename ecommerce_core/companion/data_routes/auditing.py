"""Who took rows, and which tokens are in use: written down beside the answer, never in its way."""

from __future__ import annotations

from datetime import timedelta

from starlette.types import Scope

from ecommerce_core.companion.data_routes.making import Made
from ecommerce_core.companion.data_routes.stream import Sending
from ecommerce_core.companion.http import header
from ecommerce_core.companion.service import Service
from ecommerce_core.domain import ANONYMOUS, AuditAction, Grant

# A program may ask every second: what counts is that its token is in use.
TOKEN_EVERY = timedelta(hours=1)


def note_token(sending: Sending, service: Service, scope: Scope, grant: Grant | None) -> None:
    """Write down that a token is used, if one was sent. Never waits."""
    if grant is None or header(scope["headers"], b"authorization") is None:
        return
    actor = grant.actor

    def write() -> None:
        service.app.audit_log.record_once(
            AuditAction.TOKEN_USED, by=actor, subject=actor.name, every=TOKEN_EVERY
        )

    sending.executor.submit(write)


def note_export(
    sending: Sending, service: Service, path: str, grant: Grant | None, made: Made
) -> None:
    """Write down who took how many rows from an address. Never waits."""
    actor = ANONYMOUS if grant is None else grant.actor

    def write() -> None:
        service.app.audit_log.record(
            AuditAction.ROWS_EXPORTED, by=actor, subject=path, rows=made.rows, bytes=made.size
        )

    sending.executor.submit(write)
