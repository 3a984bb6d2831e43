"""What an address of a dataset says: the same query string on a page and on a data route.

``view.py`` has what a reader asks and the question that this makes, ``parameters.py`` the names
of an address and what each may say, ``query_string.py`` reads and writes it. Pure: no store, no
Streamlit.
"""

from ecommerce_core.datasets.address.parameters import (
    Parameter,
    option,
    page_parameters,
    read_parameters,
    row_parameters,
    since_parameter,
    whole_number,
)
from ecommerce_core.datasets.address.query_string import (
    format_address,
    format_question,
    parse_address,
)
from ecommerce_core.datasets.address.view import (
    NO_FILTERS,
    PAGE_SIZES,
    TABS,
    TEXT_CHARS,
    Range,
    View,
    is_day,
    minute_of,
    query_of,
    with_filter,
)

__all__ = [
    "NO_FILTERS",
    "PAGE_SIZES",
    "Parameter",
    "Range",
    "TABS",
    "TEXT_CHARS",
    "View",
    "format_address",
    "format_question",
    "is_day",
    "minute_of",
    "option",
    "page_parameters",
    "parse_address",
    "query_of",
    "read_parameters",
    "row_parameters",
    "since_parameter",
    "whole_number",
    "with_filter",
]
