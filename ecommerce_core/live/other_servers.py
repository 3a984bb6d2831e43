"""Exchange messages with other servers that use the same database.

The store itself sends the message that something was stored. Progress is in no database: each
server sends its own, as often as it is read.
"""

from __future__ import annotations

import logging
import time
from collections.abc import Callable
from dataclasses import dataclass, replace

import msgspec

from ecommerce_core.domain import Progress, StoreError
from ecommerce_core.storage import SIGNED_OUT, Store

logger = logging.getLogger(__name__)

# A server sends the progress of a running sync within this time, unless it was killed.
FORGOTTEN_AFTER_S = 5.0
TOLD_EVERY_S = 0.5


class _Told(msgspec.Struct, frozen=True):
    """A message about progress; ``progress`` is None once the run has ended."""

    dataset: str
    progress: Progress | None


@dataclass(frozen=True, slots=True)
class _Heard:
    progress: Progress
    at_s: float


class OtherServers:
    """Receives messages of other servers, and sends them. Without a shared database none are sent.

    ``on_change`` is called if something may have been stored, ``on_sign_out`` if a sign-in was
    ended; both if a message may have been missed, on a thread of the store's.
    """

    def __init__(
        self,
        store: Store,
        *,
        on_change: Callable[[], None],
        on_sign_out: Callable[[], None],
    ) -> None:
        self._store = store
        self._on_change = on_change
        self._on_sign_out = on_sign_out
        self._heard: dict[str, _Heard] = {}
        self._told_at_s: dict[str, float] = {}

    def start(self) -> None:
        """Listen from now on, until the store is closed."""
        self._store.listen(self.hear)

    def hear(self, message: str | None) -> None:
        """Process a message; None if some may have been missed."""
        if message is not None and message.startswith("{"):
            told = msgspec.json.decode(message, type=_Told)
            if told.progress is None:
                self._heard.pop(told.dataset, None)
            else:
                self._heard[told.dataset] = _Heard(told.progress, time.monotonic())
        if message in {None, SIGNED_OUT}:
            self._on_sign_out()
        self._on_change()

    def tell(self, dataset: str, progress: Progress | None) -> None:
        """Send the progress of this server's run to the others; None once it has no run."""
        if not self._store.is_shared:
            return
        now_s, told_at_s = time.monotonic(), self._told_at_s.get(dataset)
        if progress is None:
            if told_at_s is None:
                return
            del self._told_at_s[dataset]
        elif told_at_s is not None and now_s - told_at_s < TOLD_EVERY_S:
            return
        else:
            self._told_at_s[dataset] = now_s
        message = msgspec.json.encode(_Told(dataset, progress)).decode()
        try:
            self._store.notify(message)
        except StoreError as error:
            # The other servers see the stored run anyway.
            logger.debug("other servers were not told of a run: %s", error)

    def progress(self, dataset: str) -> Progress | None:
        """Return the run of another server, as far as is known."""
        heard = self._heard.get(dataset)
        if heard is None:
            return None
        since_s = time.monotonic() - heard.at_s
        if since_s > FORGOTTEN_AFTER_S:
            return None
        return replace(heard.progress, elapsed_s=heard.progress.elapsed_s + since_s)
