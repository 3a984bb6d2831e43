"""The only way out: requests to the peers behind the gateway, within limits of time and size.

``registration`` registers this application with the gateway, ``examination`` checks a peer for the
doctor.
"""

from ecommerce_core.gateway.client import Answer, Gateway
from ecommerce_core.gateway.examination import Check, PeerExamination, Verdict, reach
from ecommerce_core.gateway.registration import (
    Registration,
    RegistrationState,
    RegistrationStatus,
    admin_gateway,
    list_routes,
)

__all__ = [
    "Answer",
    "Check",
    "Gateway",
    "PeerExamination",
    "Registration",
    "RegistrationState",
    "RegistrationStatus",
    "Verdict",
    "admin_gateway",
    "list_routes",
    "reach",
]
