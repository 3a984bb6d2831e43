"""The scheduler: its clock and its tasks, and the callbacks that it is expected to send.

``client`` calls it (``wire_json`` and ``wire_html`` are its two formats), ``monitor`` polls it,
``expected``, ``tracker`` and ``matching`` work out which callbacks are due and which of them
arrived, and ``delivery_writer`` stores those that arrived.
"""

from ecommerce_core.scheduler.audited_control import AuditedSchedulerControl
from ecommerce_core.scheduler.callback_context import CallbackContext
from ecommerce_core.scheduler.client import Scheduler
from ecommerce_core.scheduler.control import SchedulerControl
from ecommerce_core.scheduler.delivery_writer import ClockPeek, DeliveryWriter
from ecommerce_core.scheduler.monitor import SchedulerMonitor
from ecommerce_core.scheduler.tokens import verify_token

__all__ = [
    "AuditedSchedulerControl",
    "CallbackContext",
    "ClockPeek",
    "DeliveryWriter",
    "Scheduler",
    "SchedulerMonitor",
    "SchedulerControl",
    "verify_token",
]
