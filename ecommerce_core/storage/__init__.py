"""What readers read: a columnar snapshot of one version of a dataset, and the questions over it.

``snapshot`` publishes a file per version and knows which one holds; ``reader`` answers
questions over it in plain SQL. ``text_search`` is the one folding of texts. The rest is inside.
"""

from ecommerce_core.storage.reader import Reader
from ecommerce_core.storage.snapshot import SnapshotCode, Snapshots, SnapshotState
from ecommerce_core.storage.text_search import fold, words_of
from ecommerce_core.storage.version import Version, newest_version
from ecommerce_core.storage.view import Page, View

__all__ = [
    "Page",
    "Reader",
    "SnapshotCode",
    "SnapshotState",
    "Snapshots",
    "Version",
    "View",
    "fold",
    "newest_version",
    "words_of",
]
