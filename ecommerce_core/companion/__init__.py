"""The companion: every route that is no page.

``app`` has the scheduler's callbacks, health, metrics and the description; ``live_channel`` is the
WebSocket of the pages, ``data_routes`` answers with rows, ``http`` has the middleware before all.
"""

from ecommerce_core.companion import sign_in_routes
from ecommerce_core.companion.app import Companion
from ecommerce_core.companion.audit_route import AuditRoute
from ecommerce_core.companion.data_routes import (
    DataRoute,
    ask_changes,
    ask_rows,
    link_to,
    link_to_sql,
)
from ecommerce_core.companion.http import (
    PREFIX,
    SecurityHeaders,
    answer_unforeseen_error,
    check_exposure,
    read_providers,
)
from ecommerce_core.companion.metrics import Metrics

__all__ = [
    "PREFIX",
    "AuditRoute",
    "Companion",
    "DataRoute",
    "Metrics",
    "SecurityHeaders",
    "answer_unforeseen_error",
    "ask_changes",
    "ask_rows",
    "check_exposure",
    "link_to",
    "link_to_sql",
    "read_providers",
    "sign_in_routes",
]
