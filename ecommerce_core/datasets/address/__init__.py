"""The address of a dataset: the same query string on a page and on a data route.

``view.py`` has a reader's view and the query made of it, ``parameters.py`` the parameters of an
address and their values, ``query_string.py`` reads and writes it. Pure: no store, no Streamlit.
"""

from ecommerce_core.datasets.address.parameters import (
    Parameter,
    change_parameters,
    change_sorts,
    choice_parameters,
    columns_parameter,
    option,
    page_parameters,
    read_parameters,
    row_parameters,
    since_parameter,
    whole_number,
)
from ecommerce_core.datasets.address.query_string import (
    differs_in_columns,
    format_address,
    format_changes,
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
    change_query_of,
    is_day,
    minute_of,
    query_of,
    with_filter,
)

__all__ = [
    "NO_FILTERS",
    "PAGE_SIZES",
    "TABS",
    "TEXT_CHARS",
    "Parameter",
    "Range",
    "View",
    "change_parameters",
    "change_query_of",
    "change_sorts",
    "choice_parameters",
    "columns_parameter",
    "differs_in_columns",
    "format_address",
    "format_changes",
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
