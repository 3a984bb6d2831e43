"""What an address of a dataset says: the same query string on a page and on a data route.

``view.py`` has what can be asked and what a reader asks; ``query_string.py`` reads and writes
the address. Pure: no store, no Streamlit.
"""

from ecommerce_core.address.query_string import format_address, parse_address
from ecommerce_core.address.view import (
    KINDS,
    NO_FILTERS,
    PAGE_SIZES,
    SHORT,
    TABS,
    TEXT_CHARS,
    Shape,
    View,
    is_since,
    query_of,
)

__all__ = [
    "KINDS",
    "NO_FILTERS",
    "PAGE_SIZES",
    "SHORT",
    "TABS",
    "TEXT_CHARS",
    "Shape",
    "View",
    "format_address",
    "is_since",
    "parse_address",
    "query_of",
]
