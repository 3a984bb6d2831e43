"""One route of the companion: check the method, send the answer, handle every exception."""

from __future__ import annotations

import logging
from collections.abc import Awaitable, Callable
from typing import Protocol

from starlette.types import Receive, Scope, Send

from ecommerce_core.companion.http.responses import (
    RETRY_LATER,
    ClientDisconnected,
    Problem,
    has_body,
    header,
    wants_json,
)
from ecommerce_core.companion.service import Service
from ecommerce_core.domain import make_fact

logger = logging.getLogger(__name__)


class Sendable(Protocol):
    """An answer."""

    async def send(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Send the answer."""
        ...


Answer = Callable[[Service, Scope, Receive], Awaitable[Sendable]]


class Endpoint:
    """An ASGI endpoint: checks the method, sends the answer, handles every exception.

    It is no function, so that Starlette routes every method to it.
    """

    def __init__(
        self,
        get_service: Callable[[], Service | None],
        answer: Answer,
        methods: tuple[str, ...],
    ) -> None:
        self._get_service = get_service
        self._answer = answer
        self._methods = methods

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer one request."""
        reply: Sendable
        try:
            reply = await self._reply(scope, receive)
        except ClientDisconnected:
            return
        except Problem as problem:
            reply = problem.reply(as_json=wants_json(header(scope["headers"], b"accept")))
        except Exception:
            logger.exception("%s %s failed", scope["method"], scope["path"])
            as_json = wants_json(header(scope["headers"], b"accept"))
            reply = Problem(500, make_fact("server_failed")).reply(as_json=as_json)
        await reply.send(scope, receive, send)

    async def _reply(self, scope: Scope, receive: Receive) -> Sendable:
        if scope["method"] not in self._methods:
            allowed = ", ".join(self._methods)
            raise Problem(
                405,
                make_fact("method_not_taken", methods=allowed),
                (("Allow", allowed),),
                closes=has_body(scope["headers"]),
            )
        service = self._get_service()
        if service is None:
            reason = make_fact("server_not_up")
            raise Problem(503, reason, RETRY_LATER, closes=has_body(scope["headers"]))
        return await self._answer(service, scope, receive)
