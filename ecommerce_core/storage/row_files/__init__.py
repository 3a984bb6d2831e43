"""Write the rows of a ``Selection`` as files.

CSV, JSON and Parquet are written by DuckDB itself (``files``), Excel and the peer's own JSON in
Python (``workbook``).
"""

from ecommerce_core.storage.row_files.files import BOM, write_csv, write_json, write_parquet
from ecommerce_core.storage.row_files.selection import (
    NeedsMemory,
    Selection,
    Stopped,
    Work,
    value_of,
)
from ecommerce_core.storage.row_files.workbook import write_wire, write_xlsx

__all__ = [
    "BOM",
    "NeedsMemory",
    "Selection",
    "Stopped",
    "Work",
    "value_of",
    "write_csv",
    "write_json",
    "write_parquet",
    "write_wire",
    "write_xlsx",
]
