"""Authorise requests for rows: a signed link or an API token, unless nobody has to sign in."""

from __future__ import annotations

from datetime import datetime

from starlette.types import Scope

from ecommerce_core.companion.data_routes.request import Pairs, ticket_of
from ecommerce_core.companion.http import Problem, header
from ecommerce_core.companion.service import Service
from ecommerce_core.domain import LASTS, Fact, Grant, TicketRefused, make_fact
from ecommerce_core.logs import log_refusal
from ecommerce_core.settings import actor_of


def authorize(
    service: Service, scope: Scope, path: str, *, pairs: Pairs, now: datetime
) -> Grant | None:
    """Return who may request ``path`` and until when, or None if no sign-in is required.

    Raises Problem if the caller may not request it.
    """
    app = service.app
    if not app.access.must_sign_in:
        return None
    authorization = header(scope["headers"], b"authorization")
    if authorization is not None:
        actor = actor_of(app.settings.api_tokens, authorization)
        if actor is None:
            raise _refusal(401, make_fact("api_token_wrong"), scope)
        return Grant(actor, now + LASTS)
    ticket = ticket_of(scope["query_string"])
    if ticket is None:
        raise _refusal(401, make_fact("rows_not_signed"), scope)
    try:
        grant = app.links.check(ticket, path, pairs, now=now)
    except TicketRefused as error:
        raise _refusal(403, error.fact, scope) from error
    if app.sign_outs.holds(grant.sign_in):
        raise _refusal(403, make_fact("ticket_signed_out"), scope)
    return grant


def _refusal(status: int, reason: Fact, scope: Scope) -> Problem:
    log_refusal(status, method=scope["method"], reason=reason)
    headers = (("WWW-Authenticate", "Bearer"),) if status == 401 else ()
    return Problem(status, reason, headers)
