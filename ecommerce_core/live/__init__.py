"""Messages that keep open pages up to date: topics that have changed, the clock, the progress."""

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
