"""Headers that every answer carries: no other site frames our pages, no browser guesses types."""

from __future__ import annotations

from starlette.requests import Request
from starlette.responses import PlainTextResponse
from starlette.types import ASGIApp, Message, Receive, Scope, Send

# Only our own origin may frame pages; otherwise two clicks in an invisible frame could clear a
# dataset. Older browsers know X-Frame-Options only. A referrer stays within the origin: the query
# of an address can hold a customer's name.
SECURITY_HEADERS = (
    (b"content-security-policy", b"frame-ancestors 'self'"),
    (b"x-frame-options", b"SAMEORIGIN"),
    (b"x-content-type-options", b"nosniff"),
    (b"referrer-policy", b"same-origin"),
)
_STARTS = {"http.response.start", "websocket.http.response.start"}


class SecurityHeaders:
    """ASGI middleware that adds SECURITY_HEADERS to every answer, refusals included."""

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Pass the request on, and add the headers to its answer."""

        async def send_with_headers(message: Message) -> None:
            if message["type"] in _STARTS:
                ours = {name for name, _ in SECURITY_HEADERS}
                kept = [each for each in message.get("headers", ()) if each[0].lower() not in ours]
                message = {**message, "headers": [*kept, *SECURITY_HEADERS]}
            await send(message)

        await self._app(scope, receive, send_with_headers)


async def answer_unforeseen_error(request: Request, error: Exception) -> PlainTextResponse:
    """Return the answer to an unexpected exception, which Starlette logs.

    Starlette answers these outside of every middleware.
    """
    headers = {name.decode(): value.decode() for name, value in SECURITY_HEADERS}
    return PlainTextResponse("Internal Server Error\n", 500, headers)
