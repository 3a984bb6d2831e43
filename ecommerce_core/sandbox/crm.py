"""The embedded CRM: customers who stay the same, with loyalty points that grow."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from datetime import datetime

import msgspec
from anyio import to_thread
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import RedirectResponse, Response
from starlette.routing import Route

from ecommerce_core.sandbox.data import EPOCHS_PER_DAY, encode_array, epoch_at, mix
from ecommerce_core.sandbox.web import large_json_answer, peer_app
from ecommerce_core.sandbox.words import FIRST_NAMES, LAST_NAMES

_PAYMENTS = (0, 15, 25, 25, 25, 40, 60, 120)


class CustomerRecord(
    msgspec.Struct,
    gc=False,
    rename={
        "customer_id": "idClient",
        "first_name": "firstName",
        "last_name": "lastName",
        "loyalty_points": "fidelityPoint",
    },
):
    """A customer as ``api/data/`` lists it."""

    id: int
    customer_id: str
    first_name: str
    last_name: str
    loyalty_points: int | float
    payment: int
    account: str


class Customers:
    """The customers at any epoch: a pure function of size and seed. Points never fall."""

    def __init__(self, *, size: int, seed: int) -> None:
        self.size = size
        self._salt = mix(seed ^ 0xC0FFEE)

    def records(self, epoch: int) -> Iterator[CustomerRecord]:
        """Yield every customer, in the order of the file that the CRM loaded."""
        for number in range(self.size):
            bits = mix(self._salt + number)
            more = mix(bits)
            first = FIRST_NAMES[bits % len(FIRST_NAMES)]
            last = LAST_NAMES[(bits >> 8) % len(LAST_NAMES)]
            yield CustomerRecord(
                number + 1,
                f"{bits >> 32:08x}-{bits >> 16 & 0xFFFF:04x}-11e9-"
                f"{0x8000 | more >> 48 & 0x3FFF:04x}-{more & 0xFFFFFFFFFFFF:012x}",
                first,
                last,
                _points(more, epoch),
                _PAYMENTS[(bits >> 20) % 8],
                "" if (bits >> 24) % 12 == 0 else f"BKN1CST{number + 1}",
            )


def _points(bits: int, epoch: int) -> int | float:
    """Return the points after the purchases until that epoch: one every 1 to 30 days."""
    every = EPOCHS_PER_DAY * (1 + bits % 30)
    purchases = (bits >> 8) % 12 + (epoch + (bits >> 16) % every) // every
    if (bits >> 28) % 5:
        return purchases * (1 + (bits >> 32) % 40)
    # The real CRM computes in single precision: such fractions are whole 1/16384ths.
    return purchases * (1 + (bits >> 32) % 600_000) / 16384


class Crm:
    """The HTTP application of the Customers. The body is encoded once per epoch."""

    def __init__(self, customers: Customers, *, now: Callable[[], datetime]) -> None:
        self._customers = customers
        self._now = now
        self._lock = threading.Lock()
        self._ready: tuple[int, bytearray] | None = None
        self.app: Starlette = peer_app(
            [Route("/api/data", self._redirect), Route("/api/data/", self._listing)]
        )

    async def _redirect(self, request: Request) -> Response:
        query = f"?{request.url.query}" if request.url.query else ""
        return RedirectResponse(f"/api/data/{query}", status_code=301)

    async def _listing(self, request: Request) -> Response:
        epoch = epoch_at(self._now())
        ready = self._ready
        if ready is None or ready[0] != epoch:
            body = await to_thread.run_sync(self._body, epoch, abandon_on_cancel=True)
            return large_json_answer(body)
        return large_json_answer(ready[1])

    def _body(self, epoch: int) -> bytearray:
        with self._lock:
            if self._ready is None or self._ready[0] != epoch:
                body = encode_array(self._customers.records(epoch), before=b"", after=b"")
                self._ready = (epoch, body)
            return self._ready[1]
