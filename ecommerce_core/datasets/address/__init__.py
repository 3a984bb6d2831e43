"""The address of a dataset: the same query string on a page and on a data route.

``view.py`` has a reader's view and the query made of it, ``filters.py`` the filters by a column,
``parameters.py`` all parameters of an address, ``query_string.py`` reads and writes it. Pure: no
store, no Streamlit.
"""

from ecommerce_core.datasets.address.filters import filter_names, filter_parameters
from ecommerce_core.datasets.address.parameter import Parameter
from ecommerce_core.datasets.address.parameters import (
    change_parameters,
    change_sorts,
    choice_parameters,
    columns_parameter,
    option,
    page_parameters,
    read_parameters,
    row_parameters,
    whole_number,
)
from ecommerce_core.datasets.address.query_string import (
    columns_of,
    differs_in_columns,
    format_address,
    format_changes,
    format_question,
    parse_address,
)
from ecommerce_core.datasets.address.view import (
    FILTERS,
    LAST_RUN,
    NO_FILTERS,
    PAGE_SIZES,
    TABS,
    TEXT_CHARS,
    Range,
    RunBegan,
    View,
    change_query_of,
    is_day,
    is_run,
    minute_of,
    query_of,
    run_of,
    shown_withdrawn,
    with_filter,
)

__all__ = [
    "FILTERS",
    "LAST_RUN",
    "NO_FILTERS",
    "PAGE_SIZES",
    "TABS",
    "TEXT_CHARS",
    "Parameter",
    "Range",
    "RunBegan",
    "View",
    "change_parameters",
    "change_query_of",
    "change_sorts",
    "choice_parameters",
    "columns_of",
    "columns_parameter",
    "differs_in_columns",
    "filter_names",
    "filter_parameters",
    "format_address",
    "format_changes",
    "format_question",
    "is_day",
    "is_run",
    "minute_of",
    "option",
    "page_parameters",
    "parse_address",
    "query_of",
    "read_parameters",
    "row_parameters",
    "run_of",
    "shown_withdrawn",
    "whole_number",
    "with_filter",
]
