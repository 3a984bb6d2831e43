"""What pages are told while nobody clicks: which topics have changed, the clock, the progress."""

from ecommerce_core.live.broadcaster import Live, LiveState, describe_progress
from ecommerce_core.live.other_servers import OtherServers
from ecommerce_core.live.topics import SILENT_AFTER, LiveLook, has_failed

__all__ = [
    "SILENT_AFTER",
    "Live",
    "LiveLook",
    "LiveState",
    "OtherServers",
    "describe_progress",
    "has_failed",
]
