"""Examine the way to one peer step by step: a route, a connection, a first byte, a contract."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from enum import StrEnum

from ecommerce_core.domain import (
    Fact,
    PeerError,
    PeerTimedOut,
    PeerUnreachable,
    advice,
)
from ecommerce_core.gateway.client import Gateway


class _Enough(Exception):  # noqa: N818 - nothing went wrong
    """The peer answers; the rest of its answer is not needed."""


class Verdict(StrEnum):
    """The result of a check; a ``note`` is information, not a fault."""

    OK = "ok"
    NOTE = "note"
    WRONG = "wrong"


@dataclass(frozen=True, slots=True)
class Check:
    """One step of the examination of one ``subject``, with the seconds that it took.

    ``fact`` is the error that caused a failure, or None.
    """

    subject: str
    step: str
    verdict: Verdict
    detail: str
    advice: str | None = None
    seconds: float | None = None
    fact: Fact | None = None


def reach(gateway: Gateway, peer: str, path: str, *, patience_s: float = 5.0) -> Fact | None:
    """Return why ``peer`` does not answer, or None if its first bytes arrive."""

    def enough(done: int, total: int | None) -> None:
        raise _Enough

    try:
        gateway.fetch(
            peer, path, timeout_s=patience_s, deadline_s=2 * patience_s, on_progress=enough
        )
    except PeerError as error:
        return error.fact
    except _Enough:
        pass
    return None


@dataclass(frozen=True, slots=True)
class PeerExamination:
    """A peer under examination: one fetch tests the connection, one reading tests the answer."""

    gateway: Gateway
    name: str
    path: str
    path_variable: str | None = None

    def examine(self, read: Callable[[bytes | bytearray], tuple[Verdict, str]]) -> Iterator[Check]:
        """Yield every step's check. ``read`` judges the answer, and may raise PeerError."""
        began_s = time.monotonic()
        first_s: float | None = None

        def on_progress(done: int, total: int | None) -> None:
            nonlocal first_s
            first_s = first_s or time.monotonic() - began_s

        try:
            body = self.gateway.fetch(self.name, self.path, on_progress=on_progress).body
        except PeerError as error:
            yield from self._passed(failed_at=_step(error), seconds=first_s)
            yield self._wrong(error, _step(error))
            return
        yield from self._passed(failed_at="contract", seconds=first_s)
        began_s = time.monotonic()
        try:
            verdict, detail = read(body)
        except PeerError as error:
            yield self._wrong(error, "contract")
            return
        took_s = time.monotonic() - began_s
        yield Check(self.name, "contract", verdict, detail, seconds=took_s)

    def _passed(self, *, failed_at: str, seconds: float | None) -> Iterator[Check]:
        """Yield the steps that a request has passed if it fails at ``failed_at``."""
        said = {
            "name": "the gateway has a route",
            "connect": "the gateway reaches it",
            "first byte": f"of {self.path}",
        }
        for step, detail in said.items():
            if step == failed_at:
                return
            took_s = seconds if step == "first byte" else None
            yield Check(self.name, step, Verdict.OK, detail, seconds=took_s)

    def _wrong(self, error: PeerError, step: str) -> Check:
        todo = advice(error.code)
        if self.path_variable is not None and step == "contract":
            todo = f"{todo} {self.path_variable} is {self.path}."
        return Check(self.name, step, Verdict.WRONG, str(error), todo, fact=error.fact)


def _step(error: PeerError) -> str:
    """Return the step at which a request failed that reached the gateway."""
    if isinstance(error, PeerUnreachable):
        return "name" if error.code == "no_route" else "connect"
    return "first byte" if isinstance(error, PeerTimedOut) else "contract"
