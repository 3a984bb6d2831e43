"""What is wrong now, and who is told.

``gather`` collects the facts, ``rules`` makes the one list of alerts out of them, ``log`` keeps
since when each is open, ``watch`` is the thread that does it all; ``texts`` says them to people,
``messages`` what is to be told now, and ``services`` tell it through Apprise. ``ping`` is a dead
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
