"""The answer to a query of the explore page: its rows, in a file without a name."""

from __future__ import annotations

from dataclasses import dataclass
from typing import BinaryIO

import pyarrow as pa

from ecommerce_core.datasets import Column, Kind
from ecommerce_core.storage.row_files import Selection, Work

_KINDS = {"text": Kind.TEXT, "number": Kind.NUMBER, "date": Kind.TEXT, "moment": Kind.MOMENT}


@dataclass(frozen=True, slots=True)
class FoundColumn:
    """A column of an answer. ``kind`` is ``text``, ``number``, ``date`` or ``moment`` (UTC).

    ``decimals`` is the number of decimals, if it is fixed.
    """

    name: str
    kind: str
    decimals: int | None = None


@dataclass(frozen=True, slots=True)
class Found:
    """The rows of an answer, some thousands at a time as they are read.

    ``is_cut``: there are more than the limit.
    """

    columns: tuple[FoundColumn, ...]
    rows: int
    is_cut: bool
    took_s: float
    file: BinaryIO

    def table(self) -> pa.Table:
        """Return all rows in memory, under the names of their columns; the file is closed."""
        try:
            table = self.batches().read_all()
        finally:
            self.close()
        return table.rename_columns([column.name for column in self.columns])

    def batches(self) -> pa.RecordBatchReader:
        """Return the rows, under the names ``c0``, ``c1``, …"""
        self.file.seek(0)
        return pa.ipc.open_stream(self.file)

    def select_from(self, work: Work) -> Selection:
        """Return the rows as a selection for the writers of files, on the cursor of ``work``.

        It reads ``batches`` once.
        """
        if work.cursor is not None:
            work.cursor.register("found", self.batches())
        names = [f"c{number}" for number in range(len(self.columns))]
        cells = (
            f"CAST({name} AS VARCHAR) AS {name}" if column.kind == "date" else name
            for name, column in zip(names, self.columns, strict=True)
        )
        columns = tuple(
            Column(name, _KINDS[column.kind], field=column.name, nullable=True)
            for name, column in zip(names, self.columns, strict=True)
        )
        return Selection(work, f"SELECT {', '.join(cells)} FROM found", (), columns)

    def close(self) -> None:
        """Close the file."""
        self.file.close()
