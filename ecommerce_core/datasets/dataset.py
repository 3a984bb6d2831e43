"""The declaration of a dataset: its peer, its columns, and how its answers are read."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Set
from dataclasses import dataclass, fields
from datetime import datetime
from functools import cached_property
from typing import Any, Protocol

from ecommerce_core.datasets.column import TIME_COLUMNS, Column, Filter
from ecommerce_core.datasets.decoding import Reading
from ecommerce_core.datasets.parsed import Body, Decoder, Parsed, Record
from ecommerce_core.settings import MAX_RECORDS, Settings

__all__ = ["Body", "Dataset", "Parsed", "Record", "Row"]

# The path at which a peer serves its records by default.
DEFAULT_PATH = "api/data"


class Row(Protocol):
    """A row of any dataset: its own columns, and the store's times."""

    @property
    def first_seen_at(self) -> datetime:
        """When a sync added it."""
        ...

    @property
    def updated_at(self) -> datetime:
        """When a sync changed it last."""
        ...

    @property
    def withdrawn_at(self) -> datetime | None:
        """Since when the peer no longer lists it, or None."""
        ...


# Compared by identity: it is the key of caches, and hashing all of its columns takes long.
@dataclass(frozen=True, eq=False)
class Dataset:
    """One dataset: its peer, its table, and the task that fetches it.

    ``label``, ``help`` and ``search_help`` (what a search covers) are source texts, marked for
    translation; ``icon`` is the name of a Material symbol. ``columns`` are those that a sync fills,
    the key first; ``shop_columns`` have the same value in every row of our shop; ``row_type`` is a
    dataclass of both and the store's own times. ``path_variable`` is the setting of the path at
    which the peer serves the records. ``list_name`` is the member of the answer that holds them,
    None if the answer is a bare list. ``to_wire`` turns a row into the peer's record, for files
    that can be loaded again. Rows are sorted by ``default_sort`` unless a reader asks for another
    order; a page shows them in one of ``layouts``, and a single one under the texts of the columns
    in ``title``. ``migrations`` create the tables of a dataset that is declared outside of this
    application; they run after the application's own, and follow the same rules.
    """

    name: str
    label: str
    help: str
    icon: str
    peer: str
    path_variable: str
    table: str
    columns: tuple[Column, ...]
    row_type: type[Any]
    list_name: str | None
    decoder: Callable[[], Decoder]
    callback_path: str
    task_name: str
    task_app: str
    to_wire: Callable[[Any], dict[str, Any]]
    default_sort: str
    title: tuple[str, ...]
    search_help: str
    shop_columns: tuple[Column, ...] = ()
    layouts: tuple[str, ...] = ("table",)
    migrations: tuple[Callable[[Any], None], ...] = ()

    @cached_property
    def row_columns(self) -> tuple[Column, ...]:
        """Every column of a row, in the order of its type's fields."""
        declared = (*self.columns, *self.shop_columns, *TIME_COLUMNS)
        by_name = {column.name: column for column in declared}
        return tuple(by_name[one.name] for one in fields(self.row_type))

    @cached_property
    def _by_name(self) -> Mapping[str, Column]:
        return {column.name: column for column in self.row_columns}

    @property
    def sortable(self) -> tuple[Column, ...]:
        """The columns that a reader may sort by, the one of ``default_sort`` first."""
        columns = (column for column in self.row_columns if column.sortable)
        return tuple(sorted(columns, key=lambda column: column.name != self.default_sort))

    @property
    def shown(self) -> tuple[Column, ...]:
        """The columns of a table, in its order.

        The one of ``default_sort`` comes first. The key, if it is another, comes after the others,
        and the times after the key.
        """
        own = [each for each in self.row_columns if each.shown and each not in TIME_COLUMNS]
        own.sort(key=lambda each: (each.name != self.default_sort, each.name == self.key))
        return (*own, *(each for each in TIME_COLUMNS if each.shown))

    def find_column(self, name: str | None) -> Column | None:
        """Return the column of that name, or None."""
        return self._by_name.get(name or "")

    def column(self, name: str) -> Column:
        """Return the column of that name. Raises KeyError."""
        return self._by_name[name]

    def filtered_by(self, kind: Filter) -> tuple[Column, ...]:
        """Return the columns that readers filter by in this way."""
        return tuple(column for column in self.row_columns if column.filter is kind)

    @property
    def groups(self) -> tuple[Column, ...]:
        """The columns that have a choice of values, by which totals are grouped."""
        return self.filtered_by(Filter.CHOICE)

    @property
    def key(self) -> str:
        """The name of the key's column."""
        return self.columns[0].name

    @property
    def column_names(self) -> tuple[str, ...]:
        """The names of the columns that a sync fills, the key first."""
        return tuple(column.name for column in self.columns)

    def path(self, settings: Settings) -> str:
        """Return the path at which the peer serves the records."""
        return settings.paths.get(self.path_variable, DEFAULT_PATH)

    def title_of(self, row: Row) -> str:
        """Return the title of a row: the texts of ``title``, or else its key."""
        texts = (str(getattr(row, name) or "") for name in self.title)
        return " ".join(texts).strip() or str(getattr(row, self.key))

    def parse(
        self,
        body: Body,
        *,
        known: Set[int] = frozenset(),
        max_records: int = MAX_RECORDS,
        ends_at_s: float = math.inf,
        on_progress: Callable[[int], None] | None = None,
    ) -> Parsed:
        """Decode an answer, except for the records whose fingerprint is ``known``.

        ``on_progress`` gets the number of records read so far, and may raise. It is called at least
        every fraction of a second, whatever the records are; as often, the time is compared with
        ``ends_at_s``, the deadline on ``time.monotonic()``. Raises PeerContractError if the answer
        is no JSON or not of the contract's shape, PeerTooLarge if it has more than ``max_records``,
        PeerTimedOut.
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
