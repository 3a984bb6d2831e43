"""Snapshots for readers: a columnar copy of one version of a dataset, and queries on it.

``snapshot`` publishes a file per version and knows the current one; ``reader`` answers queries on
it in plain SQL. ``text_search`` folds texts for the search. The rest is internal.
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
