"""What differs between two runs, as rows of a file, in the names and units of the others."""

from __future__ import annotations

from collections.abc import Sequence

import pyarrow as pa

from ecommerce_core.companion.data_routes.request import CHANGE_COLUMNS
from ecommerce_core.datasets import Dataset, value_in_files
from ecommerce_core.domain import Difference

# What a field was and is may be a number.
MIXED = frozenset({"old", "new"})
CHANGES = pa.schema(
    [
        *(pa.field(column.name, pa.string()) for column in CHANGE_COLUMNS),
        pa.field("old_is_number", pa.bool_()),
        pa.field("new_is_number", pa.bool_()),
    ]
)


def batch_of(found: Sequence[Difference], dataset: Dataset) -> pa.RecordBatch:
    """Differences under the names and in the units of every other file."""
    told = {column.name: column for column in dataset.row_columns}
    columns = [told.get(one.field or "") for one in found]
    texts = [
        [one.key for one in found],
        [one.kind.value for one in found],
        [column.field if column else one.field for one, column in zip(found, columns, strict=True)],
        [value_in_files(one.old, column) for one, column in zip(found, columns, strict=True)],
        [value_in_files(one.new, column) for one, column in zip(found, columns, strict=True)],
    ]
    are_numbers = [
        [isinstance(one.old, int | float) for one in found],
        [isinstance(one.new, int | float) for one in found],
    ]
    arrays = [*(pa.array(each, pa.string()) for each in texts), *map(pa.array, are_numbers)]
    return pa.record_batch(arrays, schema=CHANGES)
