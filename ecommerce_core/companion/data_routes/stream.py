"""Sends files that were made: in pieces, no faster than they are taken."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import AsyncGenerator, Awaitable, Callable, Mapping
from concurrent.futures import Executor, ThreadPoolExecutor
from contextlib import aclosing
from dataclasses import dataclass

from starlette.types import Receive, Scope, Send

from ecommerce_core.companion.data_routes.making import Made

logger = logging.getLogger(__name__)

PIECE_BYTES = 256 * 1024


@dataclass(frozen=True, slots=True)
class FileReply:
    """An answer with a file. ``made`` is None if only its head was asked for.

    ``is_over``: the server stops, and so does this. ``timeout_s`` is how long a piece may take
    to be taken: 5 kB/s is slow, less is nobody.
    """

    headers: tuple[tuple[str, str], ...]
    made: Made | None
    executor: Executor
    is_over: Callable[[], bool]
    timeout_s: float

    async def send(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Send it, as far as somebody takes it, and let go of the file."""
        # In lower case, as ASGI wants it: what compresses answers would not know that it must not.
        headers = [(n.lower().encode(), value.encode("latin-1")) for n, value in self.headers]
        if self.made is None:
            await send({"type": "http.response.start", "status": 200, "headers": headers})
            await send({"type": "http.response.body", "body": b""})
            return
        gone = asyncio.ensure_future(until_gone(receive))
        try:
            await send({"type": "http.response.start", "status": 200, "headers": headers})
            async with aclosing(self._pieces(self.made)) as pieces:
                async for piece in pieces:
                    if gone.done():
                        return
                    async with asyncio.timeout(self.timeout_s):
                        body = {"type": "http.response.body", "body": piece, "more_body": True}
                        await send(body)
            await send({"type": "http.response.body", "body": b""})
        except asyncio.CancelledError:
            if not self.is_over():
                raise
        except TimeoutError:
            logger.info("a file was given up: its reader took nothing for %g s", self.timeout_s)
        finally:
            gone.cancel()
            self.made.file.close()

    async def _pieces(self, made: Made) -> AsyncGenerator[bytes]:
        loop = asyncio.get_running_loop()
        if made.head:
            yield made.head
        while piece := await loop.run_in_executor(self.executor, made.file.read, PIECE_BYTES):
            yield piece
        if made.tail:
            yield made.tail


class Sending:
    """The threads in which files are made and sent, and what is under way on them.

    ``timeout_s`` is how long a piece of a file may take to be taken.
    """

    def __init__(self, *, timeout_s: float) -> None:
        # One for each lane's files, and the others find out what is news.
        self.executor = ThreadPoolExecutor(6, thread_name_prefix="data")
        self.is_released = False
        self._timeout_s = timeout_s
        self._sender = ThreadPoolExecutor(1, thread_name_prefix="data-sender")
        self._loop: asyncio.AbstractEventLoop | None = None
        self._tasks: set[asyncio.Task[object]] = set()

    def follow(self) -> None:
        """Remember who answers just now, to end it when the server stops."""
        self._loop = asyncio.get_running_loop()
        task = asyncio.current_task()
        if task is not None:
            self._tasks.add(task)
            task.add_done_callback(self._tasks.discard)

    def release(self) -> None:
        """End all that is under way: a server that stops waits for it. Any thread may call it."""
        self.is_released = True
        loop = self._loop
        if loop is not None and not loop.is_closed():
            loop.call_soon_threadsafe(self._cancel)

    def close(self) -> None:
        """Let go of the threads."""
        self.release()
        self.executor.shutdown(wait=True, cancel_futures=True)
        self._sender.shutdown(wait=True, cancel_futures=True)

    def reply(self, headers: Mapping[str, str], made: Made | None) -> FileReply:
        """The answer with a file."""
        return FileReply(
            tuple(headers.items()),
            made,
            self._sender,
            is_over=lambda: self.is_released,
            timeout_s=self._timeout_s,
        )

    def _cancel(self) -> None:
        for task in self._tasks:
            task.cancel()


async def until_gone(receive: Receive) -> None:
    """Wait until the caller hangs up; what it sends meanwhile is thrown away."""
    while (await receive())["type"] != "http.disconnect":
        pass


async def unless_gone(receive: Receive, work: Awaitable[Made]) -> Made | None:
    """Return what ``work`` makes; if the caller hangs up before, cancel it and return None."""
    making = asyncio.ensure_future(work)
    gone = asyncio.ensure_future(until_gone(receive))
    try:
        await asyncio.wait({making, gone}, return_when=asyncio.FIRST_COMPLETED)
        if not making.done():
            making.cancel()
            await asyncio.wait({making})
            return None
        return making.result()
    except asyncio.CancelledError:
        making.cancel()
        await asyncio.wait({making})
        raise
    finally:
        gone.cancel()


async def run_stoppably(
    executor: Executor, make: Callable[[], Made], stop: Callable[[], None]
) -> Made:
    """``make`` in a thread of ``executor``. Cancelled, it is told to stop until it has ended."""
    future = asyncio.get_running_loop().run_in_executor(executor, make)
    try:
        return await asyncio.shield(future)
    except asyncio.CancelledError:
        while not future.done():
            stop()
            await asyncio.wait({future}, timeout=0.05)
        if not future.cancelled() and future.exception() is None:
            future.result().file.close()
        raise
