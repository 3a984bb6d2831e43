"""Send files in pieces, no faster than the client reads them."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import AsyncGenerator, Awaitable, Callable, Iterator, Mapping
from concurrent.futures import Executor, ThreadPoolExecutor
from contextlib import aclosing, contextmanager
from dataclasses import dataclass

from starlette.types import Receive, Scope, Send

from ecommerce_core.companion.data_routes.making import Made
from ecommerce_core.companion.http import RETRY_LATER, Problem
from ecommerce_core.domain import make_fact

logger = logging.getLogger(__name__)

PIECE_BYTES = 256 * 1024


@dataclass(frozen=True, slots=True)
class FileReply:
    """An answer with a file. ``made`` is None if only the headers were requested.

    ``is_over`` returns True if the server stops, which ends this, too. ``timeout_s`` is how long
    the client may take to read a piece: 5 kB/s is slow, less counts as gone.
    """

    headers: tuple[tuple[str, str], ...]
    made: Made | None
    executor: Executor
    is_over: Callable[[], bool]
    timeout_s: float

    async def send(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Send the file until its end or until the client is gone, and close it."""
        # In lower case, as ASGI requires: compressing middleware would miss the header otherwise.
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
    """The threads in which files are made and sent, and the tasks that run on them.

    ``timeout_s`` is how long a client may take to receive a piece of a file.
    """

    def __init__(self, *, timeout_s: float) -> None:
        # One for each file under way; the others look up versions.
        self.executor = ThreadPoolExecutor(6, thread_name_prefix="data")
        self.is_released = False
        self._timeout_s = timeout_s
        self._sender = ThreadPoolExecutor(1, thread_name_prefix="data-sender")
        self._loop: asyncio.AbstractEventLoop | None = None
        self._tasks: set[asyncio.Task[object]] = set()

    def follow(self) -> None:
        """Remember the running task, to cancel it when the server stops."""
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
        """End the threads."""
        self.release()
        self.executor.shutdown(wait=True, cancel_futures=True)
        self._sender.shutdown(wait=True, cancel_futures=True)

    @contextmanager
    def explaining(self) -> Iterator[None]:
        """Raise Problem if a file cannot be written, or if the server stops meanwhile."""
        try:
            yield
        except OSError as error:
            logger.warning("a file could not be written: %s", error.strerror)
            raise Problem(503, make_fact("file_not_written"), RETRY_LATER) from error
        except asyncio.CancelledError:
            if not self.is_released:
                raise
            raise Problem(503, make_fact("file_cut"), RETRY_LATER) from None

    def reply(self, headers: Mapping[str, str], made: Made | None) -> FileReply:
        """Return the answer with a file."""
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
    """Wait until the client disconnects, and discard what it sends meanwhile."""
    while (await receive())["type"] != "http.disconnect":
        pass


async def unless_gone(receive: Receive, work: Awaitable[Made]) -> Made | None:
    """Return the result of ``work``, or cancel it and return None if the client disconnects."""
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
    """Run ``make`` in a thread of ``executor``; if cancelled, call ``stop`` until it has ended."""
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
