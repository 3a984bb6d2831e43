"""The parts of the core that the explore page uses, beside those of ``session``."""

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
    """Return the tables that can be queried, by their names."""
    return {table.name: table for table in session.application().explorer.tables}


def timeout_s() -> float:
    """Return the seconds that a query may take."""
    return session.application().explorer.timeout_s


def start(sql: str) -> Exploration:
    """Start a query. Raises NotAllowed, ExploreRefused, ExploreBusy."""
    return session.application().explore(sql, actor=session.actor())


def link(sql: str, file_format: str) -> str:
    """Return a link to the whole answer as a file."""
    return link_to_sql(
        sql,
        file_format,
        language=session.language().code,
        links=session.application().links,
        grant=session.grant(),
    )
