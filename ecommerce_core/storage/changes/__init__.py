"""Differences between two runs: ``table`` makes one table of them, ``reader`` asks it.

``held`` makes the same table of what a held answer would change.
"""

from ecommerce_core.storage.changes.reader import ChangeReader, ChangeView

__all__ = ["ChangeReader", "ChangeView"]
