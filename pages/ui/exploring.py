"""What the explore page uses of the core, beside what ``session`` has."""

from __future__ import annotations

from ecommerce_core.companion import link_to_sql
from ecommerce_core.storage import (
    IN_FILE,
    ON_PAGE,
    SQL_CHARS,
    Exploration,
    FoundColumn,
    Grouping,
    Measure,
    Table,
    groupable,
    measurable,
    sql_of,
)
from pages.ui import session

__all__ = [
    "IN_FILE",
    "ON_PAGE",
    "SQL_CHARS",
    "Exploration",
    "FoundColumn",
    "Grouping",
    "Measure",
    "Table",
    "groupable",
    "link",
    "measurable",
    "sql_of",
    "start",
    "tables",
    "timeout_s",
]


def tables() -> dict[str, Table]:
    """The tables that can be asked, by their names."""
    return {table.name: table for table in session.application().explorer.tables}


def timeout_s() -> float:
    """How long a question may take."""
    return session.application().explorer.timeout_s


def start(sql: str) -> Exploration:
    """Ask a question. Raises NotAllowed, ExploreRefused, ExploreBusy."""
    return session.application().explore(sql, actor=session.actor())


def link(sql: str, file_format: str) -> str:
    """A link to the whole answer as a file."""
    return link_to_sql(
        sql,
        file_format,
        language=session.language().code,
        links=session.application().links,
        grant=session.grant(),
    )
