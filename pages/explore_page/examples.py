"""Example queries, made from the datasets' declarations of columns."""

from __future__ import annotations

from collections.abc import Iterator
from typing import NamedTuple

from ecommerce_core.datasets import Column, Dataset, Filter, Kind
from pages.explore_page.schema import label, title
from pages.ui import exploring
from pages.ui import text as _


class Example(NamedTuple):
    """A query in words and in SQL."""

    text: str
    sql: str


def list_examples() -> dict[str, list[Example]]:
    """Return the examples, by topic."""
    found: dict[str, list[Example]] = {}
    for table in exploring.tables().values():
        if table.dataset is not None and not table.with_withdrawn:
            found[title(table.dataset)] = list(_of_dataset(table.dataset))
    found[_("Journal")] = list(_of_journal())
    return found


def _of_dataset(dataset: Dataset) -> Iterator[Example]:
    name = dataset.name
    choices = dataset.filtered_by(Filter.CHOICE)
    ranges = dataset.filtered_by(Filter.RANGE)
    for column in choices:
        yield Example(
            _("{what} by {column}").format(what=title(dataset), column=label(column).lower()),
            f"SELECT {column.field}, count(*) AS row_count\nFROM {name}\n"
            "GROUP BY ALL\nORDER BY row_count DESC",
        )
    for column in ranges:
        yield Example(
            _("Highest: {column}").format(column=label(column)),
            f"SELECT *\nFROM {name}\nORDER BY {column.field} DESC NULLS LAST\nLIMIT 20",
        )
        yield from _per_choice(dataset, column, choices)
    for column in dataset.filtered_by(Filter.PRESENCE):
        order = f"\nORDER BY {ranges[0].field} DESC NULLS LAST" if ranges else ""
        yield Example(
            _("Without: {column}").format(column=label(column)),
            f"SELECT *\nFROM {name}\nWHERE coalesce({column.field}, '') = ''{order}",
        )
    yield Example(
        _("New in the last 7 days"),
        f"SELECT *\nFROM {name}\nWHERE first_seen_at > now() - INTERVAL 7 DAY\n"
        "ORDER BY first_seen_at DESC",
    )
    yield Example(
        _("Withdrawn, the last ones first"),
        f"SELECT *\nFROM {name}_all\nWHERE withdrawn_at IS NOT NULL\nORDER BY withdrawn_at DESC",
    )
    for column in ranges:
        yield Example(
            _("Biggest rises: {column}").format(column=label(column)),
            "SELECT key, old_number, new_number, new_number - old_number AS difference,"
            f" changed_at\nFROM changes\nWHERE dataset = '{name}' AND field = '{column.field}'\n"
            "ORDER BY difference DESC NULLS LAST\nLIMIT 20",
        )


def _per_choice(dataset: Dataset, column: Column, choices: tuple[Column, ...]) -> Iterator[Example]:
    for choice in choices:
        if column.kind in {Kind.MONEY, Kind.NUMBER}:
            yield Example(
                _("The three highest of each {choice}: {column}").format(
                    choice=label(choice).lower(), column=label(column)
                ),
                f"SELECT *\nFROM {dataset.name}\nQUALIFY row_number() OVER"
                f" (PARTITION BY {choice.field} ORDER BY {column.field} DESC) <= 3\n"
                f"ORDER BY {choice.field}, {column.field} DESC",
            )


def _of_journal() -> Iterator[Example]:
    yield Example(
        _("Runs by day and status"),
        "SELECT started_at::DATE AS day, status, count(*) AS run_count\nFROM runs\n"
        "GROUP BY ALL\nORDER BY day DESC, status",
    )
    yield Example(
        _("What changed most often"),
        "SELECT dataset, field, count(*) AS change_count\nFROM changes\n"
        "GROUP BY ALL\nORDER BY change_count DESC",
    )
