"""A third dataset, declared only here: notes about deliveries, from a notebook.

It has what the two of the shop do not have: two choices, one of which may be missing, two ranges, a
moment of its own, money that may be missing, and neither a family nor a price.
"""

from tests.support.notes.dataset import NOTES, WITH_NOTES, Note, note, serve_notes

__all__ = ["NOTES", "WITH_NOTES", "Note", "note", "serve_notes"]
