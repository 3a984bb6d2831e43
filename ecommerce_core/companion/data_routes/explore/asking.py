"""The parameters of an explore route: SQL, and the language that the file is written for."""

from __future__ import annotations

from dataclasses import dataclass

from ecommerce_core.companion.data_routes.addresses import FORMATS
from ecommerce_core.companion.data_routes.request import Pairs
from ecommerce_core.companion.http import Problem, show
from ecommerce_core.domain import LANGUAGES, make_fact

_NAMES = ("sql", "lang", "language")


@dataclass(frozen=True, slots=True)
class ExploreRoute:
    """One route: ``explore.csv``."""

    file_format: str

    @property
    def path(self) -> str:
        """The address, below the server's own."""
        return f"explore.{self.file_format}"


@dataclass(frozen=True, slots=True)
class AskedSql:
    """A query, and the form of its answer."""

    sql: str
    language: str = "en"


def list_explore_routes() -> list[ExploreRoute]:
    """Return all of them."""
    return [ExploreRoute(each) for each in FORMATS]


def parse_sql(pairs: Pairs) -> AskedSql:
    """The question. Raises Problem (400), which names the first thing that makes no sense."""
    found: dict[str, str] = {}
    for name, value in pairs:
        known = "lang" if name == "language" else name
        if known not in {"sql", "lang"}:
            names = ", ".join(_NAMES)
            raise Problem(400, make_fact("parameter_unknown", name=show(name), names=names))
        if known in found:
            raise _refused("parameter_repeated", name, value)
        found[known] = value
    language = found.get("lang", "en")
    if language not in LANGUAGES:
        raise _refused("parameter_wrong", "lang", language)
    if not found.get("sql", "").strip():
        raise Problem(400, make_fact("sql_needed"))
    return AskedSql(found["sql"], language)


def _refused(code: str, name: str, value: str) -> Problem:
    takes = "one SELECT statement" if name == "sql" else ", ".join(LANGUAGES)
    return Problem(400, make_fact(code, name=name, value=show(value), takes=takes))
