"""The log: one line per event, in one format, safe for a terminal, and without personal data."""

from ecommerce_core.logs.logs import (
    log_delivery,
    log_refusal,
    log_run,
    set_up,
    set_up_command_line,
    take_over_streams,
)
from ecommerce_core.logs.refusals import RefusalLimit
from ecommerce_core.logs.terminal import terminal_safe

__all__ = [
    "RefusalLimit",
    "log_delivery",
    "log_refusal",
    "log_run",
    "set_up",
    "set_up_command_line",
    "take_over_streams",
    "terminal_safe",
]
