"""The embedded catalogue-produit: a shop of a given size that changes with the simulated clock."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from datetime import datetime, timedelta

import msgspec
from anyio import to_thread
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from ecommerce_core.sandbox.data import EPOCH, ORIGIN, encode_array, epoch_at, mix, pick
from ecommerce_core.sandbox.web import json_answer, large_json_answer, peer_app
from ecommerce_core.sandbox.words import COLOURS, GOODS, MAKERS

_GAP_EPOCHS = 4
_MIN_QUANTITIES = (1, 1, 2, 5, 5, 10, 10, 15)
_CENTS = (99, 99, 90, 95, 49, 0, 24, 48)
_PLACES = ("", "", "", "", "", "", "", "ecommerce", "ecommerce", "magasin")


class BaseRecord(
    msgspec.Struct,
    gc=False,
    rename={
        "code": "codeProduit",
        "family": "familleProduit",
        "description": "descriptionProduit",
        "min_quantity": "quantiteMin",
        "price_cents": "prix",
    },
):
    """A product as ``api/data`` lists it."""

    id: int
    code: str
    family: str
    description: str
    min_quantity: int
    packaging: int
    price_cents: int


class FullRecord(
    msgspec.Struct,
    gc=False,
    rename={
        "code": "codeProduit",
        "supplier_code": "codeProduitFournisseur",
        "family": "familleProduit",
        "description": "descriptionProduit",
        "min_quantity": "quantiteMin",
        "price_cents": "prix",
        "supplier_price_cents": "prixFournisseur",
        "exclusive_to": "exclusivite",
        "created_on": "dateCreation",
    },
):
    """A product as ``api/get-all`` and ``api/get-ecommerce`` list it: more fields, no id."""

    code: str
    supplier_code: str
    family: str
    description: str
    min_quantity: int
    packaging: int
    price_cents: int
    supplier_price_cents: int
    exclusive_to: str
    created_on: str


class Shop:
    """The products on sale at any epoch: a pure function of size and seed.

    The shop has ``size`` places. A place holds one product for some fifty simulated days, is empty
    for half a day, and then holds a new product, or every fourth time the old one again. At epoch 0
    every place holds one.
    """

    def __init__(self, *, size: int, seed: int) -> None:
        self.size = size
        self._salt = mix(seed)

    def records(self, epoch: int) -> Iterator[BaseRecord]:
        """Yield all products on sale, place by place."""
        for place in range(self.size):
            generation = self._generation(place, epoch)
            if generation is not None:
                yield self._record(place + self.size * generation, epoch)

    def full_records(self, epoch: int, *, online_only: bool) -> Iterator[FullRecord]:
        """Yield all products on sale, or those sold online, as the later revisions list them."""
        for record in self.records(epoch):
            bits = self._bits(record.id - 1)
            exclusive_to = pick(_PLACES, bits >> 56)
            if online_only and exclusive_to == "magasin":
                continue
            yield FullRecord(
                record.code,
                f"F{bits >> 44 & 15:X}-{record.id:06d}",
                record.family,
                record.description,
                record.min_quantity,
                record.packaging,
                record.price_cents,
                record.price_cents * (55 + (bits >> 48) % 30) // 100,
                exclusive_to,
                self._created_on(record.id - 1).date().isoformat(),
            )

    def find(self, product_id: int, epoch: int) -> BaseRecord | None:
        """Return the product with that id, or None if it is not on sale at that epoch."""
        if self.size == 0 or product_id < 1:
            return None
        generation, place = divmod(product_id - 1, self.size)
        if self._generation(place, epoch) != generation:
            return None
        return self._record(product_id - 1, epoch)

    def _cycle(self, place: int) -> tuple[int, int]:
        """Return the length of a place's cycle in epochs, and its position in it at epoch 0."""
        bits = mix(self._salt ^ place)
        period = 320 + bits % 160
        return period, (bits >> 16) % (period - _GAP_EPOCHS)

    def _generation(self, place: int, epoch: int) -> int | None:
        period, phase = self._cycle(place)
        cycle, age = divmod(epoch + phase, period)
        if age >= period - _GAP_EPOCHS:
            return None
        return cycle - (cycle + place % 4) // 4

    def _created_on(self, number: int) -> datetime:
        generation, place = divmod(number, self.size)
        if generation == 0:
            return ORIGIN - timedelta(days=1 + self._bits(number) % 700)
        period, phase = self._cycle(place)
        cycle = generation
        while cycle - (cycle + place % 4) // 4 < generation:
            cycle += 1
        return ORIGIN + (cycle * period - phase) * EPOCH

    def _bits(self, number: int) -> int:
        return mix(self._salt + number)

    def _record(self, number: int, epoch: int) -> BaseRecord:
        bits = self._bits(number)
        good = GOODS[bits % len(GOODS)]
        maker = MAKERS[(bits >> 8) % len(MAKERS)]
        colour = COLOURS[(bits >> 14) % len(COLOURS)]
        detail = good.details[(bits >> 20) % len(good.details)]
        every = 30 + (bits >> 26) % 90
        step = (epoch + (bits >> 33) % every) // every
        euros = good.low_euros + (bits >> 40) % (good.high_euros - good.low_euros)
        tide = mix(bits + step)
        cents = euros * (85 + tide % 31)
        return BaseRecord(
            number + 1,
            f"X1-{number}",
            good.family,
            f"{good.label} {maker} {good.prefix}-{100 + (bits >> 30) % 900}, {detail}, {colour}",
            _MIN_QUANTITIES[(bits >> 52) % 8],
            1 + (bits >> 55) % 6,
            cents - cents % 100 + _CENTS[(tide >> 8) % 8],
        )


class Catalogue:
    """The HTTP application of a Shop. A body is encoded once per epoch, for all requests."""

    def __init__(self, shop: Shop, *, now: Callable[[], datetime]) -> None:
        self._shop = shop
        self._now = now
        self._lock = threading.Lock()
        self._bodies: dict[str, tuple[int, bytearray]] = {}
        self.app: Starlette = peer_app(
            [
                Route("/api/data", self._data),
                Route("/api/get-all", self._listing),
                Route("/api/get-ecommerce", self._listing),
            ]
        )

    async def _data(self, request: Request) -> Response:
        wanted = request.query_params.get("id")
        if wanted is None:
            return await self._listing(request)
        known = wanted.isascii() and wanted.isdigit() and len(wanted) < 20
        record = self._shop.find(int(wanted), epoch_at(self._now())) if known else None
        if record is None:
            return json_answer({"error": f"Produit {wanted} introuvable"}, status=404)
        return json_answer({"produit": msgspec.to_builtins(record)})

    async def _listing(self, request: Request) -> Response:
        listing = request.url.path.rpartition("/")[2]
        epoch = epoch_at(self._now())
        ready = self._bodies.get(listing)
        if ready is None or ready[0] != epoch:
            # A million products take seconds: the clock's answers must not wait for them.
            body = await to_thread.run_sync(self._body, listing, epoch, abandon_on_cancel=True)
            return large_json_answer(body)
        return large_json_answer(ready[1])

    def _body(self, listing: str, epoch: int) -> bytearray:
        with self._lock:
            ready = self._bodies.get(listing)
            if ready is not None and ready[0] == epoch:
                return ready[1]
            records: Iterator[msgspec.Struct]
            if listing == "data":
                records = self._shop.records(epoch)
            else:
                records = self._shop.full_records(epoch, online_only=listing == "get-ecommerce")
            body = encode_array(records, before=b'{"produits":', after=b"}")
            self._bodies[listing] = (epoch, body)
            return body
