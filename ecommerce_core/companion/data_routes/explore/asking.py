"""What an explore route is asked: SQL, and in which language's form."""

from __future__ import annotations

from dataclasses import dataclass

from ecommerce_core.companion.data_routes.addresses import FORMATS
from ecommerce_core.companion.data_routes.request import Pairs
from ecommerce_core.companion.http import Problem, show
from ecommerce_core.domain import LANGUAGES

_NO_SQL = "sql=… is needed: one SELECT statement"


@dataclass(frozen=True, slots=True)
class ExploreRoute:
    """One address: ``explore.csv``."""

    file_format: str

    @property
    def path(self) -> str:
        """The address, below the server's own."""
        return f"explore.{self.file_format}"


@dataclass(frozen=True, slots=True)
class AskedSql:
    """A question, and the form of its answer."""

    sql: str
    language: str = "en"


def list_explore_routes() -> list[ExploreRoute]:
    """All of them."""
    return [ExploreRoute(each) for each in FORMATS]


def parse_sql(pairs: Pairs) -> AskedSql:
    """The question. Raises Problem (400), which names the first thing that makes no sense."""
    found: dict[str, str] = {}
    for name, value in pairs:
        known = "lang" if name == "language" else name
        if known not in {"sql", "lang"}:
            raise Problem(400, f"{show(name)} is no parameter here; there are sql, lang, language")
        if known in found:
            raise Problem(400, f"{show(name)} makes sense once")
        found[known] = value
    language = found.get("lang", "en")
    if language not in LANGUAGES:
        raise Problem(400, f"lang={show(language)} makes no sense: it takes {', '.join(LANGUAGES)}")
    if not found.get("sql", "").strip():
        raise Problem(400, _NO_SQL)
    return AskedSql(found["sql"], language)
