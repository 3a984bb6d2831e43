"""A third dataset, declared here and nowhere else: notes about deliveries, out of a notebook.

It has what the two of the shop have not: two choices, one of which may be missing, two ranges, a
moment of its own, money that may be missing, and neither a family nor a price.
"""

from tests.support.notes.dataset import NOTES, WITH_NOTES, Note, note, serve_notes

__all__ = ["NOTES", "WITH_NOTES", "Note", "note", "serve_notes"]
