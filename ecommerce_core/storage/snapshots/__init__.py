"""What readers read: a columnar snapshot of one version of a dataset, and the questions over it.

``snapshot`` publishes a file per version and knows which one holds; ``reader`` answers
questions over it in plain SQL. ``text_search`` is the one folding of texts. The rest is inside.
"""

from ecommerce_core.storage.snapshots.database import CONFIG, new_spill_folder
from ecommerce_core.storage.snapshots.reader import Reader
from ecommerce_core.storage.snapshots.shape import shape_of
from ecommerce_core.storage.snapshots.snapshot import (
    SnapshotCode,
    Snapshots,
    SnapshotState,
    is_disk_full,
)
from ecommerce_core.storage.snapshots.text_search import fold, words_of
from ecommerce_core.storage.snapshots.version import Version, newest_version
from ecommerce_core.storage.snapshots.view import Page, View

__all__ = [
    "CONFIG",
    "Page",
    "Reader",
    "SnapshotCode",
    "SnapshotState",
    "Snapshots",
    "Version",
    "View",
    "fold",
    "is_disk_full",
    "new_spill_folder",
    "newest_version",
    "shape_of",
    "words_of",
]
