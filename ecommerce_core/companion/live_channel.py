"""The WebSocket at ``live``, which sends pages the changes, see ``Live``.

A socket is sent only the newest state, at most once a second. While nothing changes, it is sent a
ping, so that proxies keep it open and the browser notices a dead connection.
"""

from __future__ import annotations

import asyncio
import json
import logging
import math
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import UTC, datetime
from urllib.parse import parse_qs

from starlette.types import Receive, Scope, Send
from starlette.websockets import WebSocket, WebSocketDisconnect, WebSocketState

from ecommerce_core.companion.http import PREFIX, RETRY_LATER, Problem, send_reply
from ecommerce_core.companion.service import Service
from ecommerce_core.domain import TICKET, Grant, TicketRefused, make_fact
from ecommerce_core.live import LiveState

logger = logging.getLogger(__name__)

PATH = f"{PREFIX}/live"
ASKED_FOR = "live"
MAX_SOCKETS = 1_000
MIN_INTERVAL_S = 1.0
# Proxies cut connections that are silent for a minute.
PING_EVERY_S = 25.0
# Wait this long, so that a run that ends within the time is announced once and not twice: the
# second message would have to wait for its second. For the same reason, clocks and progress are
# sent less often than they could be.
PATIENCE_S = 0.7
PATIENT_EVERY_S = 2.0
# A client that reads nothing for this long is gone.
SEND_TIMEOUT_S = 20.0
# A page only sends a new ticket now and then.
LONGEST_MESSAGE = 4_000
PING = "{}"
# Closes a socket whose ticket has expired; codes from 4000 on are an application's own.
TICKET_OVER = 4401
TRY_AGAIN_LATER = 1013


@dataclass(eq=False)
class _Socket:
    """One connected page; ``grant`` is None if nobody has to sign in."""

    websocket: WebSocket
    grant: Grant | None
    wake: asyncio.Event = field(default_factory=asyncio.Event)
    is_gone: bool = False

    def left_s(self) -> float:
        """Return how long the ticket is still valid."""
        if self.grant is None:
            return math.inf
        return (self.grant.expires_at - datetime.now(UTC)).total_seconds()


class LiveRoute:
    """The ASGI endpoint of the WebSocket. ``get_service`` returns None while nothing is served."""

    def __init__(
        self,
        get_service: Callable[[], Service | None],
        *,
        max_sockets: int = MAX_SOCKETS,
        ping_every_s: float = PING_EVERY_S,
    ) -> None:
        self._get_service = get_service
        self._max_sockets = max_sockets
        self._ping_every_s = ping_every_s
        self._sockets: set[_Socket] = set()
        self._loop: asyncio.AbstractEventLoop | None = None
        self._delayed: asyncio.TimerHandle | None = None
        self._patient_at_s = 0.0

    @property
    def sockets(self) -> int:
        """The number of connected pages."""
        return len(self._sockets)

    def hear(self, is_urgent: bool) -> None:
        """Announce a new state to the sockets; any thread may call it."""
        loop = self._loop
        if loop is None or not self._sockets:
            return
        try:
            loop.call_soon_threadsafe(self._spread, is_urgent)
        except RuntimeError:
            return  # the server has ended

    def close(self) -> None:
        """Close all sockets; any thread may call it."""
        self.hear(True)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serve one WebSocket, or refuse it before it opens."""
        service = self._get_service()
        problem, grant = self._judge(service, scope)
        if service is None or problem is not None:
            refusal = problem or Problem(503, make_fact("server_not_up"))
            await send_reply(refusal.reply(as_json=False), scope, receive, send)
            return
        self._loop = asyncio.get_running_loop()
        socket = _Socket(WebSocket(scope, receive, send), grant)
        self._sockets.add(socket)
        reader: asyncio.Task[None] | None = None
        try:
            await socket.websocket.accept()
            reader = asyncio.create_task(self._read(service, socket))
            code = await self._feed(service, socket)
            if socket.websocket.application_state is WebSocketState.CONNECTED:
                await socket.websocket.close(code)
        except (WebSocketDisconnect, TimeoutError, OSError, RuntimeError):
            pass  # the client disconnected during a send, as browsers do
        finally:
            self._sockets.discard(socket)
            if reader is not None:
                reader.cancel()

    def _judge(self, service: Service | None, scope: Scope) -> tuple[Problem | None, Grant | None]:
        if service is None:
            return Problem(503, make_fact("server_not_up"), RETRY_LATER), None
        if len(self._sockets) >= self._max_sockets:
            return Problem(503, make_fact("too_many_pages"), RETRY_LATER), None
        if not service.app.access.must_sign_in:
            return None, None
        asked = parse_qs(scope["query_string"].decode("latin-1"))
        # A sign-in that was ended is told once the socket is open: the page then asks who it is.
        grant = _check(service, asked.get(TICKET, [""])[-1])
        if grant is None:
            return Problem(403, make_fact("page_ticket_needed")), None
        return None, grant

    def _spread(self, is_urgent: bool) -> None:
        if self._delayed is not None and is_urgent:
            self._delayed.cancel()
            self._delayed = None
        if is_urgent:
            self._wake_all()
        elif self._delayed is None and self._loop is not None:
            wait_s = self._patient_at_s + PATIENT_EVERY_S - time.monotonic()
            self._delayed = self._loop.call_later(max(PATIENCE_S, wait_s), self._wake_all)

    def _wake_all(self) -> None:
        if self._delayed is not None:
            self._delayed = None
            self._patient_at_s = time.monotonic()
        for socket in self._sockets:
            socket.wake.set()

    async def _feed(self, service: Service, socket: _Socket) -> int:
        """Send states until the page disconnects or its right ends; return the closing code."""
        sent: LiveState | None = None
        while True:
            socket.wake.clear()
            if socket.is_gone or self._get_service() is not service:
                return TRY_AGAIN_LATER
            if self._is_over(service, socket):
                return TICKET_OVER
            sent_at_s = time.monotonic()
            if (state := service.app.live.state()) is not sent:
                sent = state
                told = {**state.as_dict(), "now_ms": round(time.time() * 1_000)}
                await self._send(socket, json.dumps(told))
            while not await self._wait(socket, self._ping_every_s):
                if self._is_over(service, socket):
                    return TICKET_OVER
                await self._send(socket, PING)
            # Only the newest state: it includes the changes in the meantime.
            await asyncio.sleep(max(0.0, sent_at_s + MIN_INTERVAL_S - time.monotonic()))

    def _is_over(self, service: Service, socket: _Socket) -> bool:
        """Return True if the ticket has expired, or the sign-in that it was made for has ended."""
        grant = socket.grant
        if grant is None:
            return False
        return socket.left_s() <= 0 or service.app.sign_outs.holds(grant.sign_in)

    async def _send(self, socket: _Socket, text: str) -> None:
        async with asyncio.timeout(SEND_TIMEOUT_S):
            await socket.websocket.send_text(text)

    async def _wait(self, socket: _Socket, at_most_s: float) -> bool:
        """Wait for a new state; return False after ``at_most_s`` or when the ticket expires."""
        try:
            async with asyncio.timeout(max(0.0, min(at_most_s, socket.left_s()))):
                await socket.wake.wait()
        except TimeoutError:
            return False
        return True

    async def _read(self, service: Service, socket: _Socket) -> None:
        """Accept new tickets, and notice when the page disconnects."""
        try:
            while True:
                text = await socket.websocket.receive_text()
                if len(text) > LONGEST_MESSAGE:
                    break
                grant = _check(service, text)
                if socket.grant is not None and grant is not None:
                    socket.grant = grant
        except (WebSocketDisconnect, KeyError, RuntimeError):
            pass  # disconnected, or sent bytes
        socket.is_gone = True
        socket.wake.set()


def _check(service: Service, ticket: str) -> Grant | None:
    try:
        return service.app.links.check(ticket, ASKED_FOR, now=datetime.now(UTC))
    except TicketRefused:
        return None
