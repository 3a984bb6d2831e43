"""What a dataset is: its columns, its peer's records decoded and validated, and its addresses.

``products`` and ``customers`` are the two there are; ``address`` is the query string that pages and
data routes share.
"""

from ecommerce_core.datasets.address import (
    NO_FILTERS,
    PAGE_SIZES,
    TABS,
    TEXT_CHARS,
    Parameter,
    Range,
    View,
    format_address,
    format_question,
    is_day,
    minute_of,
    option,
    page_parameters,
    parse_address,
    query_of,
    read_parameters,
    row_parameters,
    since_parameter,
    whole_number,
    with_filter,
)
from ecommerce_core.datasets.column import Column, Filter, Kind, value_in_files
from ecommerce_core.datasets.customers import CUSTOMERS
from ecommerce_core.datasets.dataset import Body, Dataset, Parsed, Record, Row
from ecommerce_core.datasets.decoding import CONTRACT_REVISION
from ecommerce_core.datasets.formula_guard import guard_formula, starts_formula
from ecommerce_core.datasets.products import PRODUCTS

__all__ = [
    "Body",
    "CONTRACT_REVISION",
    "CUSTOMERS",
    "Column",
    "Dataset",
    "Filter",
    "Kind",
    "NO_FILTERS",
    "PAGE_SIZES",
    "PRODUCTS",
    "Parameter",
    "Parsed",
    "Range",
    "Record",
    "Row",
    "TABS",
    "TEXT_CHARS",
    "View",
    "format_address",
    "format_question",
    "guard_formula",
    "is_day",
    "minute_of",
    "option",
    "page_parameters",
    "parse_address",
    "query_of",
    "read_parameters",
    "row_parameters",
    "since_parameter",
    "starts_formula",
    "value_in_files",
    "whole_number",
    "with_filter",
]
