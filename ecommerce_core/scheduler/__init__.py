"""The scheduler: its clock and its tasks, and the callbacks that are expected of it.

``client`` speaks to it (``wire_json`` and ``wire_html`` are its two languages), ``monitor`` polls
it, ``expected``, ``tracker`` and ``matching`` say which callbacks are due and which of them came,
and ``delivery_writer`` keeps those that came.
"""

from ecommerce_core.scheduler.callback_context import CallbackContext
from ecommerce_core.scheduler.client import Scheduler
from ecommerce_core.scheduler.delivery_writer import ClockPeek, DeliveryWriter
from ecommerce_core.scheduler.monitor import SchedulerMonitor
from ecommerce_core.scheduler.steering import Steering
from ecommerce_core.scheduler.tokens import verify_token

__all__ = [
    "CallbackContext",
    "ClockPeek",
    "DeliveryWriter",
    "Scheduler",
    "SchedulerMonitor",
    "Steering",
    "verify_token",
]
