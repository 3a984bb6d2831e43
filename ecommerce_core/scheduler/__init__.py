"""The scheduler: its clock and its tasks, and the callbacks that it is expected to send.

``client`` calls it (``wire_json`` and ``wire_html`` are its two formats), ``monitor`` polls it,
``expected``, ``tracker`` and ``matching`` work out which callbacks are due and which of them
arrived, and ``delivery_writer`` stores those that arrived.
"""

from ecommerce_core.scheduler.audited_steering import AuditedSteering
from ecommerce_core.scheduler.callback_context import CallbackContext
from ecommerce_core.scheduler.client import Scheduler
from ecommerce_core.scheduler.delivery_writer import ClockPeek, DeliveryWriter
from ecommerce_core.scheduler.monitor import SchedulerMonitor
from ecommerce_core.scheduler.steering import Steering
from ecommerce_core.scheduler.tokens import verify_token

__all__ = [
    "AuditedSteering",
    "CallbackContext",
    "ClockPeek",
    "DeliveryWriter",
    "Scheduler",
    "SchedulerMonitor",
    "Steering",
    "verify_token",
]
