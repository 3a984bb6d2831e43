"""The line to the browsers: what a script drew is on its way before another one begins."""

from __future__ import annotations

import asyncio
import concurrent.futures
import logging
from collections.abc import Callable

logger = logging.getLogger(__name__)

POLL_S = 0.002
# A server that stands still for so long loses what it draws; a page loaded again shows it.
TIMEOUT_S = 5.0


class Line:
    """What a server's ``loop`` sends.

    ``waits`` tells of a session, in the loop's thread, whether something that its scripts drew
    waits to be sent. One whose browser has gone does not count: nothing of it ever is.
    """

    def __init__(self, loop: asyncio.AbstractEventLoop, waits: Callable[[str], bool]) -> None:
        self._loop = loop
        self._waits = waits
        self._has_failed = False

    def hand_over(self, session_id: str) -> None:
        """Wait, some 10 ms, until what the session's script drew so far is on its way.

        When another script of the session begins, Streamlit throws away what has not been sent:
        for the whole page everything, for a part what belongs to the part. What a click drew
        would never be seen, or a part whose timer asks right behind one would be missing where
        the others count on it, and the browser refuses what it finds no place for.
        """
        until_sent = self._until_sent(session_id)
        try:
            sent = asyncio.run_coroutine_threadsafe(until_sent, self._loop)
        except RuntimeError:
            until_sent.close()  # the server has ended
            return
        concurrent.futures.wait([sent], TIMEOUT_S)
        if not sent.done():
            sent.cancel()
            logger.warning("what was drawn is not sent after %s s", TIMEOUT_S)
        elif not sent.cancelled():  # as by a server that ends
            self._tell(sent.exception())

    def _tell(self, error: BaseException | None) -> None:
        if error is not None and not self._has_failed:
            self._has_failed = True
            logger.error("cannot see what waits to be sent: clicks may be lost", exc_info=error)

    async def _until_sent(self, session_id: str) -> None:
        while self._waits(session_id):  # noqa: ASYNC110 - nobody tells when it has sent
            await asyncio.sleep(POLL_S)
