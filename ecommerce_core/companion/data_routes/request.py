"""Parse a data route's query string, the same as that of a page's address, strictly."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from functools import lru_cache
from urllib.parse import parse_qsl

from ecommerce_core.companion.http import Problem, show
from ecommerce_core.datasets import (
    FILTERS,
    Column,
    Dataset,
    Filter,
    Kind,
    Parameter,
    View,
    change_parameters,
    choice_parameters,
    columns_parameter,
    filter_parameters,
    option,
    page_parameters,
    read_parameters,
    row_parameters,
    whole_number,
)
from ecommerce_core.domain import LANGUAGES, TICKET, Withdrawn, make_fact

Pairs = list[tuple[str, str]]

LARGEST_PAGE = 1_000
_MOST_PAIRS = 300
# Parameters of a page's address that do not change its rows.
_LOOKS = ("view", "as")


@dataclass(frozen=True)
class Asked(View):
    """The parsed query of a data route. Without ``columns`` it answers with all of them.

    ``is_page``: only one page is requested, not all rows. ``run`` is a held one.
    """

    language: str = "en"
    is_page: bool = False
    run: int | None = None

    @property
    def is_filtered(self) -> bool:
        """True if a filter may exclude some rows."""
        filters = (getattr(self, name) for name in FILTERS)
        is_narrowed = self.search or self.kind or any(filters)
        return bool(is_narrowed) or self.withdrawn is not Withdrawn.HIDE


def pairs_of(query_string: bytes) -> Pairs:
    """Return the names and values of a query string without the ticket. Raises Problem."""
    try:
        pairs = parse_qsl(
            query_string.decode("ascii"),
            keep_blank_values=True,
            errors="strict",
            max_num_fields=_MOST_PAIRS,
        )
    except ValueError as error:  # not ASCII, not UTF-8 behind the percent signs, or too many
        raise Problem(400, make_fact("query_unreadable")) from error
    return [pair for pair in pairs if pair[0] != TICKET]


def ticket_of(query_string: bytes) -> str | None:
    """Return the ticket of a signed link's query string, or None."""
    asked = dict(parse_qsl(query_string.decode("latin-1"), keep_blank_values=True))
    return asked.get(TICKET)


def parse(pairs: Pairs, known: Mapping[str, Parameter]) -> Asked:
    """Parse the query. Raises Problem (400), which names the first invalid value."""
    said: dict[str, list[str]] = {}
    for name, value in pairs:
        said.setdefault(name, []).append(value)
    asked, refused = read_parameters(said, known, Asked())
    for name, value in refused:
        parameter = known.get(name)
        if parameter is None:
            names = ", ".join(known)
            raise Problem(400, make_fact("parameter_unknown", name=show(name), names=names))
        is_repeated = len(said[name]) > 1 and not parameter.repeats
        code = "parameter_repeated" if is_repeated else "parameter_wrong"
        takes = parameter.takes
        raise Problem(400, make_fact(code, name=name, value=show(value), takes=takes))
    return replace(asked, is_page=bool({"page", "size"} & said.keys()))


@lru_cache(maxsize=16)
def rows_known(dataset: Dataset) -> Mapping[str, Parameter]:
    """Return the parameters for a dataset's rows: those of a page's address, and more."""
    on_page = page_parameters(dataset)
    return {
        **row_parameters(dataset),
        **_by_name(
            parameter
            for column in dataset.row_columns
            for parameter in filter_parameters(column, moments=True)
        ),
        **{name: on_page[name] for name in _LOOKS},
        **_by_name(_form(dataset.row_columns)),
    }


@lru_cache(maxsize=16)
def wire_known(dataset: Dataset) -> Mapping[str, Parameter]:
    """Return the parameters for the peer's own records, which have no columns to choose from."""
    return {name: each for name, each in rows_known(dataset).items() if name != "columns"}


@lru_cache(maxsize=16)
def changes_known(dataset: Dataset) -> Mapping[str, Parameter]:
    """Return the parameters for the changes between two runs."""
    on_page = page_parameters(dataset)
    return {
        **change_parameters(dataset),
        **_by_name(choice_parameters(dataset)),
        **{name: on_page[name] for name in ("q", "page", *_LOOKS)},
        **_by_name(_form(change_columns(dataset))),
    }


@lru_cache(maxsize=16)
def held_known(dataset: Dataset) -> Mapping[str, Parameter]:
    """Return the parameters for what a held answer would change."""
    known = {**changes_known(dataset), **_by_name([whole_number("run", "run")])}
    return {name: each for name, each in known.items() if name not in {"from", "to"}}


def change_columns(dataset: Dataset) -> tuple[Column, ...]:
    """Return the columns of a difference: its row and field, before and after."""
    return (
        Column("key", Kind.ID),
        Column("kind"),
        Column("field", nullable=True),
        Column("old", nullable=True),
        Column("new", nullable=True),
        Column("difference", Kind.NUMBER, nullable=True),
        Column("percent", Kind.NUMBER, nullable=True),
        Column("title", nullable=True),
        *(replace(column, nullable=True) for column in dataset.filtered_by(Filter.CHOICE)),
    )


def _by_name(parameters: Iterable[Parameter]) -> dict[str, Parameter]:
    return {parameter.name: parameter for parameter in parameters}


def _form(columns: tuple[Column, ...]) -> list[Parameter]:
    """Return the parameters of size, columns and language."""
    languages = {language: language for language in LANGUAGES}
    return [
        whole_number("size", "size", largest=LARGEST_PAGE),
        columns_parameter(column.field for column in columns),
        option("lang", "language", languages),
        option("language", "language", languages),
    ]


def chosen_columns(asked: Asked, columns: tuple[Column, ...]) -> tuple[Column, ...]:
    """Return the requested columns, in the requested order."""
    by_field = {column.field: column for column in columns}
    return tuple(by_field[field] for field in asked.columns or by_field)
