"""Answer one callback: read it, check its token, run a sync and wait for it."""

from __future__ import annotations

import asyncio
import time
from concurrent.futures import Future

from starlette.types import Receive, Scope

from ecommerce_core.companion.http import (
    RETRY_LATER,
    ClientDisconnected,
    Problem,
    Reply,
    has_body,
    header,
    prefers_async,
    wants_json,
)
from ecommerce_core.companion.outcomes import accepted, problem_of, reply_of
from ecommerce_core.companion.service import Service
from ecommerce_core.datasets import Dataset
from ecommerce_core.domain import SCHEDULER, Outcome, Run, Trigger, make_fact
from ecommerce_core.scheduler import (
    CallbackContext,
    ClockPeek,
    verify_token,
)
from ecommerce_core.settings import Settings
from ecommerce_core.sync import RunHandle

MAX_BODY_BYTES = 64 * 1024

_RUN_ID_PATIENCE_S = 0.25
_RUN_ID_POLL_S = 0.01


class _SharedRun:
    """A run that many callers wait for: one future of the loop, one answer made for all."""

    def __init__(self, future: Future[Run]) -> None:
        self.future = future
        self._ended = asyncio.wrap_future(future)
        # Marks the error as retrieved, in case all callers have gone.
        self._ended.add_done_callback(lambda ended: ended.cancelled() or ended.exception())
        self._loop = asyncio.get_running_loop()
        self._replies: dict[tuple[bool, bool], Reply] = {}

    async def run(self) -> Run:
        """Return the run once it ended. A cancelled caller cancels nothing for the others.

        Raises Problem.
        """
        try:
            return await asyncio.shield(self._ended)
        except asyncio.CancelledError:
            if self._ended.cancelled():
                raise Problem(503, make_fact("shutting_down"), RETRY_LATER) from None
            raise
        except Exception as error:
            if (problem := problem_of(error)) is None:
                raise
            raise problem from error

    @property
    def is_over(self) -> bool:
        """True if nobody waits any more."""
        return self._ended.done()

    def let_go(self) -> None:
        """Answer all callers that wait with 503; the run itself goes on. Any thread may call it."""
        if not self._loop.is_closed():
            self._loop.call_soon_threadsafe(self._ended.cancel)

    def reply(self, run: Run, *, joined: bool, as_json: bool) -> Reply:
        """Return the answer. Raises Problem if the run failed."""
        form = (joined, as_json)
        if form not in self._replies:
            self._replies[form] = reply_of(run, joined=joined, as_json=as_json)
        return self._replies[form]


class CallbackHandler:
    """Answers one dataset's callbacks."""

    def __init__(self, dataset: Dataset, *, clock: ClockPeek, body_timeout_s: float) -> None:
        self._dataset = dataset
        self._clock = clock
        self._body_timeout_s = body_timeout_s
        # Callers wait for the run under way or the next one, at most.
        self._shared: list[_SharedRun] = []
        self._followed: set[CallbackContext] = set()

    def release(self) -> None:
        """Answer all callers that wait with 503; their runs go on. Any thread may call it."""
        for shared in self._shared:
            shared.let_go()

    def abandon(self) -> None:
        """Journal the callbacks whose runs have not ended as failed."""
        for delivery in list(self._followed):
            delivery.journal(Outcome.FAILED, reason=make_fact("server_stopped"))

    async def answer(self, service: Service, scope: Scope, receive: Receive) -> Reply:
        """Accept a callback, wait for its run, answer. Raises Problem, ClientDisconnected."""
        delivery = CallbackContext(service.deliveries, self._dataset, metrics=service.metrics)
        headers = scope["headers"]
        try:
            body = await read_body(scope, receive, timeout_s=self._body_timeout_s)
            self._check_token(service.app.settings, body)
        except Problem as problem:
            delivery.journal(Outcome.REFUSED, reason=problem.fact)
            raise
        except ClientDisconnected:
            delivery.journal(Outcome.REFUSED, reason=make_fact("caller_hung_up"))
            raise
        ticket = self._request(service, delivery)
        as_json = wants_json(header(headers, b"accept"))
        if prefers_async(header(headers, b"prefer")):
            return await self._accept(ticket, as_json=as_json)
        shared = self._shared_by(ticket.stored)
        run = await shared.run()
        return shared.reply(run, joined=ticket.joined, as_json=as_json)

    def _request(self, service: Service, delivery: CallbackContext) -> RunHandle:
        # The run does not wait for the clock: it gets its time when the delivery is journalled.
        delivery.clock = self._clock.ask(service.app.scheduler)
        try:
            ticket = service.app.request_sync(
                self._dataset.name,
                actor=SCHEDULER,
                trigger=Trigger.CALLBACK,
                task_name=self._dataset.task_name,
            )
        except Exception as error:
            delivery.journal(Outcome.FAILED, error=error)
            if (problem := problem_of(error)) is None:
                raise
            raise problem from error
        self._followed.add(delivery)
        delivery.follow(ticket, on_end=self._followed.discard)
        return ticket

    def _shared_by(self, future: Future[Run]) -> _SharedRun:
        for shared in self._shared:
            if shared.future is future:
                return shared
        self._shared = [shared for shared in self._shared if not shared.is_over]
        self._shared.append(shared := _SharedRun(future))
        return shared

    def _check_token(self, settings: Settings, body: bytes) -> None:
        """Raise Problem (403) unless the token is valid, if secrets are set.

        A token is for a task and not for one call: a recurring task sends the same one each time. A
        replayed one only requests what the store is meant to hold anyway.
        """
        secrets = settings.callback_secrets
        if not secrets:
            return
        token = body.decode("utf-8", "replace").strip()
        if not token:
            raise Problem(403, make_fact("task_token_missing"))
        url = self._dataset.callback_path
        if not verify_token(secrets, token, app_name=settings.app_name, url=url):
            raise Problem(403, make_fact("task_token_wrong"))

    async def _accept(self, ticket: RunHandle, *, as_json: bool) -> Reply:
        run_id = ticket.run_id()
        # A caller whose run is next waits for a moment; one that shares it need not.
        patience_ends = time.monotonic() + (0.0 if ticket.joined else _RUN_ID_PATIENCE_S)
        while run_id is None and time.monotonic() < patience_ends:
            await asyncio.sleep(_RUN_ID_POLL_S)
            run_id = ticket.run_id()
        return accepted(self._dataset.name, run_id, joined=ticket.joined, as_json=as_json)


async def read_body(scope: Scope, receive: Receive, *, timeout_s: float) -> bytes:
    """Return the whole body.

    Raises Problem (413, 408) if it is too long or too slow, ClientDisconnected.
    """
    if not has_body(scope["headers"]):
        return b""
    too_long = Problem(413, make_fact("body_too_long", count=MAX_BODY_BYTES), closes=True)
    announced = header(scope["headers"], b"content-length")
    # The server has refused a value that is no number; a long one need not be converted.
    if announced is not None and (len(announced) > 12 or int(announced) > MAX_BODY_BYTES):
        raise too_long
    body = bytearray()
    try:
        async with asyncio.timeout(timeout_s):
            while True:
                message = await receive()
                if message["type"] == "http.disconnect":
                    raise ClientDisconnected
                body += message.get("body", b"")
                if len(body) > MAX_BODY_BYTES:
                    raise too_long
                if not message.get("more_body", False):
                    return bytes(body)
    except TimeoutError as error:
        raise Problem(408, make_fact("body_too_slow", seconds=timeout_s), closes=True) from error
