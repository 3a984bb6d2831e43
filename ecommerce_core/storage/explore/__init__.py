"""People's SQL queries: read-only, over the public tables, within limits.

``explorer`` accepts them; ``child`` answers each in a process of its own, which ``process`` starts
and ends. ``tables`` defines the public tables, ``journal_copy`` copies those of the journal,
``grouping`` makes SQL from a choice of columns, ``found`` is an answer.
"""

from ecommerce_core.storage.explore.exploration import IN_FILE, ON_PAGE, Exploration, Limits
from ecommerce_core.storage.explore.explorer import SQL_CHARS, Explorer
from ecommerce_core.storage.explore.found import Found, FoundColumn
from ecommerce_core.storage.explore.grouping import (
    Grouping,
    Measure,
    groupable,
    measurable,
    sql_of,
)
from ecommerce_core.storage.explore.tables import Table, list_tables

__all__ = [
    "IN_FILE",
    "ON_PAGE",
    "SQL_CHARS",
    "Exploration",
    "Explorer",
    "Found",
    "FoundColumn",
    "Grouping",
    "Limits",
    "Measure",
    "Table",
    "groupable",
    "list_tables",
    "measurable",
    "sql_of",
]
