"""What makes a dataset a dataset: its peer, its columns, how its answers are read."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from ecommerce_core.decoding import Reading
from ecommerce_core.models import Customer, Product
from ecommerce_core.parsed import Body, Decoder, Parsed, Record
from ecommerce_core.settings import MAX_RECORDS, Settings

__all__ = ["Body", "Column", "Dataset", "Parsed", "Record", "Row"]

Row = Product | Customer


@dataclass(frozen=True, slots=True)
class Column:
    """A column that a sync fills.

    ``searched``: a text that a reader's search looks through. ``filtered``: readers filter
    by it. ``is_facet``: readers choose among its values; one column of a dataset at most.
    """

    name: str
    nullable: bool = False
    searched: bool = False
    filtered: bool = False
    is_facet: bool = False


@dataclass(frozen=True, slots=True)
class Dataset:
    """One dataset: its peer, its table, and the task that fetches it.

    ``list_name`` is the member of the answer that holds the records, None
    where the answer is a bare list. ``to_wire`` makes of a row the record that the peer
    would answer, for files that can be loaded again.
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
        max_records: int = MAX_RECORDS,
        ends_at_s: float = math.inf,
        on_progress: Callable[[int], None] | None = None,
    ) -> Parsed:
        """Decode an answer. ``on_progress`` gets the number of records read so far, and may raise.

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
            max_records=max_records,
            ends_at_s=ends_at_s,
            on_progress=on_progress,
        )
        return reading.read()
