"""Alerts: detect what is wrong, and send messages about it.

``gather`` collects the facts, ``rules`` makes the one list of alerts from them, ``log`` keeps since
when each is open, ``watch`` is the thread that runs these; ``texts`` are the alerts' texts,
``messages`` decides what to send now, and ``services`` sends it through Apprise. ``ping`` is a dead
man's switch.
"""

from ecommerce_core.alerts.gather import FactSource
from ecommerce_core.alerts.messages import MessagePolicy, Sender
from ecommerce_core.alerts.ping import DeadMansSwitch
from ecommerce_core.alerts.services import Messenger
from ecommerce_core.alerts.texts import title_of, todo_of
from ecommerce_core.alerts.watch import AlertWatch

__all__ = [
    "AlertWatch",
    "DeadMansSwitch",
    "FactSource",
    "MessagePolicy",
    "Messenger",
    "Sender",
    "title_of",
    "todo_of",
]
