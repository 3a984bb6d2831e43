"""The objects that the companion's routes use while the application is served."""

from __future__ import annotations

from dataclasses import dataclass

from ecommerce_core.application import Application
from ecommerce_core.companion.health import PeerErrors
from ecommerce_core.companion.metrics import Metrics
from ecommerce_core.scheduler import DeliveryWriter


@dataclass(frozen=True, slots=True)
class Service:
    """An application that is being served, with the companion's objects for it."""

    app: Application
    metrics: Metrics
    deliveries: DeliveryWriter
    peer_errors: PeerErrors
