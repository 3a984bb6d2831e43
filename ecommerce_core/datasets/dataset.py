"""What makes a dataset a dataset: its peer, its columns, how its answers are read."""

from __future__ import annotations

import math
from collections.abc import Callable, Set
from dataclasses import dataclass, fields
from typing import Any

from ecommerce_core.datasets.column import TIME_COLUMNS, Column, Filter
from ecommerce_core.datasets.decoding import Reading
from ecommerce_core.datasets.parsed import Body, Decoder, Parsed, Record
from ecommerce_core.domain import Customer, Product
from ecommerce_core.settings import MAX_RECORDS, Settings

__all__ = ["Body", "Dataset", "Parsed", "Record", "Row"]

Row = Product | Customer


@dataclass(frozen=True, slots=True)
class Dataset:
    """One dataset: its peer, its table, and the task that fetches it.

    ``columns`` are those that a sync fills, the key first; ``shop_columns`` those that say the
    same of every row of our shop. ``list_name`` is the member of the answer that holds the
    records, None where the answer is a bare list. ``to_wire`` makes of a row the record that
    the peer would answer, for files that can be loaded again. Rows are in the order of
    ``default_sort`` unless a reader asks for another; a page shows them in one of ``layouts``.
    """

    name: str
    peer: str
    table: str
    columns: tuple[Column, ...]
    row_type: type[Row]
    list_name: str | None
    decoder: Callable[[], Decoder]
    path: Callable[[Settings], str]
    callback_path: str
    task_name: str
    task_app: str
    to_wire: Callable[[Any], dict[str, Any]]
    default_sort: str
    shop_columns: tuple[Column, ...] = ()
    layouts: tuple[str, ...] = ("table",)

    @property
    def row_columns(self) -> tuple[Column, ...]:
        """Every column of a row, in the order of its type's fields."""
        declared = (*self.columns, *self.shop_columns, *TIME_COLUMNS)
        by_name = {column.name: column for column in declared}
        return tuple(by_name[one.name] for one in fields(self.row_type))

    @property
    def sortable(self) -> tuple[Column, ...]:
        """The columns that a reader may sort by, the one of ``default_sort`` first."""
        columns = (*self.columns, *TIME_COLUMNS)
        return tuple(sorted(columns, key=lambda column: column.name != self.default_sort))

    def column(self, name: str) -> Column:
        """The column of that name. Raises KeyError."""
        return {column.name: column for column in self.row_columns}[name]

    def filtered_by(self, kind: Filter) -> tuple[Column, ...]:
        """The columns that readers filter by in this way."""
        return tuple(column for column in self.row_columns if column.filter is kind)

    @property
    def facet(self) -> str | None:
        """The column among whose values readers choose."""
        return next((column.name for column in self.columns if column.is_facet), None)

    @property
    def searched_names(self) -> tuple[str, ...]:
        """The columns that a search looks through."""
        return tuple(column.name for column in self.columns if column.searched)

    @property
    def key(self) -> str:
        """The name of the key's column."""
        return self.columns[0].name

    @property
    def column_names(self) -> tuple[str, ...]:
        """The columns that a sync fills, the key first."""
        return tuple(column.name for column in self.columns)

    def parse(
        self,
        body: Body,
        *,
        known: Set[int] = frozenset(),
        max_records: int = MAX_RECORDS,
        ends_at_s: float = math.inf,
        on_progress: Callable[[int], None] | None = None,
    ) -> Parsed:
        """Decode an answer, but for the records whose fingerprint is ``known``.

        ``on_progress`` gets the number of records read so far, and may raise.
        It is called after a fraction of a second at the latest, whatever the records are, and
        ``ends_at_s``, when ``time.monotonic()`` has the reading end, is looked at as often.
        Raises PeerContractError if the answer is no JSON or not of the contract's shape,
        PeerTooLarge if it has more than ``max_records``, PeerTimedOut.
        """
        reading = Reading(
            body,
            peer=self.peer,
            list_name=self.list_name,
            key=self.key,
            decoder=self.decoder(),
            known=known,
            max_records=max_records,
            ends_at_s=ends_at_s,
            on_progress=on_progress,
        )
        return reading.read()
