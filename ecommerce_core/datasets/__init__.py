"""Datasets: their columns, their peer's records decoded and validated, and their addresses.

``DATASETS`` are all datasets; ``address`` is the query string that pages and data routes share.
"""

from ecommerce_core.datasets.address import (
    NO_FILTERS,
    PAGE_SIZES,
    TABS,
    TEXT_CHARS,
    Parameter,
    Range,
    View,
    change_parameters,
    change_query_of,
    change_sorts,
    choice_parameters,
    format_address,
    format_changes,
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
from ecommerce_core.datasets.customers import CUSTOMERS, Customer
from ecommerce_core.datasets.dataset import Body, Dataset, Parsed, Record, Row
from ecommerce_core.datasets.decoding import CONTRACT_REVISION
from ecommerce_core.datasets.formula_guard import guard_formula, starts_formula
from ecommerce_core.datasets.products import PRODUCTS, Product
from ecommerce_core.datasets.registry import DATASETS, migrations_of, register

__all__ = [
    "CONTRACT_REVISION",
    "CUSTOMERS",
    "DATASETS",
    "NO_FILTERS",
    "PAGE_SIZES",
    "PRODUCTS",
    "TABS",
    "TEXT_CHARS",
    "Body",
    "Column",
    "Customer",
    "Dataset",
    "Filter",
    "Kind",
    "Parameter",
    "Parsed",
    "Product",
    "Range",
    "Record",
    "Row",
    "View",
    "change_parameters",
    "change_query_of",
    "change_sorts",
    "choice_parameters",
    "format_address",
    "format_changes",
    "format_question",
    "guard_formula",
    "is_day",
    "migrations_of",
    "minute_of",
    "option",
    "page_parameters",
    "parse_address",
    "query_of",
    "read_parameters",
    "register",
    "row_parameters",
    "since_parameter",
    "starts_formula",
    "value_in_files",
    "whole_number",
    "with_filter",
]
