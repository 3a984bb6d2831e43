"""The operator's settings from the environment, read once and checked at the start."""

from ecommerce_core.settings.api_tokens import actor_of
from ecommerce_core.settings.settings import MAX_RECORDS, Settings, hide_password
from ecommerce_core.settings.values import PROJECT_ROOT

__all__ = [
    "MAX_RECORDS",
    "PROJECT_ROOT",
    "Settings",
    "actor_of",
    "hide_password",
]
