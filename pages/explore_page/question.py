"""The query of this session on the explore page, and its address."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any

import streamlit as st

from ecommerce_core.datasets import Filter
from pages.ui import address, escape, exploring
from pages.ui import text as _
from pages.ui.exploring import Grouping, Measure, Table

CHARTS = ("table", "bars", "line", "points")
MOST_GROUPS = 2

state = st.session_state


@dataclass(frozen=True, slots=True)
class Question:
    """A query: in SQL if ``is_sql``, else a choice of columns; and how its answer is drawn.

    ``chart`` is one of CHARTS, the usual one if it is empty; ``x`` and ``y`` are columns of the
    answer.
    """

    is_sql: bool = False
    sql: str = ""
    table: str = ""
    by: tuple[str, ...] = ()
    measure: str = Measure.ROWS.value
    of: str = ""
    chart: str = ""
    x: str = ""
    y: str = ""

    @property
    def asked(self) -> str:
        """The query in SQL; empty if there is none yet."""
        if self.is_sql:
            return self.sql.strip()
        table = exploring.tables()[self.table]
        return exploring.sql_of(table, Grouping(self.by, Measure(self.measure), self.of or None))


def usual(table: str = "") -> Question:
    """Return the query that a page begins with: the number of rows of each kind."""
    known = exploring.tables()
    about = known.get(table) or next(iter(known.values()))
    facets = about.dataset.filtered_by(Filter.CHOICE) if about.dataset is not None else ()
    by = facets[0].field if facets else exploring.groupable(about)[0]
    return Question(table=about.name, by=(by,))


def current() -> Question:
    """Return the current query."""
    found: Question | None = state.get("_explore_question")
    return usual() if found is None else found


def edit(**changes: Any) -> None:
    """Callback: change the query. The chart's settings for another answer are dropped."""
    before = current()
    if changes.get("table", before.table) != before.table:
        changes = {**_fields(usual(changes["table"])), "chart": before.chart, **changes}
    elif set(changes) - {"chart", "x", "y"}:
        changes = {"x": "", "y": "", **changes}
    state["_explore_question"] = replace(before, **changes)
    state["_explore_edited"] = True
    state.pop("_explore_ignored", None)


def ask(sql: str) -> None:
    """Callback: run an SQL query, also if the very same was run before."""
    edit(is_sql=True, sql=sql)
    state["_explore_presses"] = presses() + 1


def presses() -> int:
    """Return how often this session has pressed the button that runs a query (again)."""
    found: int = state.get("_explore_presses", 0)
    return found


def arrive() -> Question:
    """Return the query for this run of the page; note the invalid parts of the address."""
    said = address.asked()
    came = state.get("_explore_visit") != address.visit()
    is_edited = state.pop("_explore_edited", False) and not (said and came)
    is_news = said != state.get("_explore_address") and (came or address.may_tell())
    if not is_edited and is_news and (said or not came):
        state["_explore_question"], state["_explore_ignored"] = parse(said)
    state["_explore_visit"] = address.visit()
    state["_explore_address"] = address.replace(to_address(current()))
    note = st.container()  # comes and goes: what stands below keeps its place
    if ignored := state.get("_explore_ignored"):
        text = _("Ignored in the address: {what}.").format(what=escape(", ".join(ignored)))
        note.caption(f":material/link_off: {text}")
    return current()


def to_address(question: Question) -> dict[str, str | list[str]]:
    """Return the address of a query, without the language; empty for the initial query."""
    asked: dict[str, str | list[str]] = {}
    if question.is_sql:
        asked = {"sql": question.sql} if question.sql else {"mode": "sql"}
    elif question != usual():
        asked = {"table": question.table, "by": list(question.by)}
        if question.measure != Measure.ROWS:
            asked |= {"measure": question.measure, "of": question.of}
    drawn = {"chart": question.chart, "x": question.x, "y": question.y}
    return {**asked, **{name: value for name, value in drawn.items() if value}}


def parse(said: Mapping[str, list[str]]) -> tuple[Question, list[str]]:
    """Return the query of an address, and the invalid parts of the address."""
    first = {name: values[0] for name, values in said.items() if values}
    ignored = [f"{name}={value}" for name, value in first.items() if name not in _NAMES]
    drawn: dict[str, Any] = {"x": first.get("x", ""), "y": first.get("y", "")}
    if (chart := first.get("chart", "")) in CHARTS:
        drawn["chart"] = chart
    elif chart:
        ignored.append(f"chart={chart}")
    if "sql" in first or first.get("mode") == "sql":
        sql = first.get("sql", "")[: exploring.SQL_CHARS]
        return Question(is_sql=True, sql=sql, **drawn), ignored
    table = exploring.tables().get(first.get("table", ""))
    if table is None:
        if "table" in first:
            ignored.append(f"table={first['table']}")
        return replace(usual(), **drawn), ignored
    question, also = _grouping(table, said, first)
    return replace(question, **drawn), [*ignored, *also]


_NAMES = {"sql", "mode", "table", "by", "measure", "of", "chart", "x", "y"}


def _grouping(
    table: Table, said: Mapping[str, list[str]], first: Mapping[str, str]
) -> tuple[Question, list[str]]:
    known = exploring.groupable(table)
    asked = list(dict.fromkeys(said.get("by", [])))
    by = tuple(name for name in asked if name in known)[:MOST_GROUPS]
    ignored = [f"by={name}" for name in asked if name not in by]
    question = usual(table.name)
    question = replace(question, by=by or question.by)
    measure, of = first.get("measure", ""), first.get("of", "")
    if not measure:
        return question, ignored
    if measure in {one.value for one in Measure} and (
        of in {column.field for column in exploring.measurable(table)}
    ):
        return replace(question, measure=measure, of=of), ignored
    return question, [*ignored, f"measure={measure}"]


def _fields(question: Question) -> dict[str, Any]:
    return {"by": question.by, "measure": question.measure, "of": question.of, "x": "", "y": ""}
