"""Differences between two runs: ``table`` makes one table of them, ``reader`` asks it."""

from ecommerce_core.storage.changes.reader import ChangeReader, ChangeView

__all__ = ["ChangeReader", "ChangeView"]
