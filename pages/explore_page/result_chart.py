"""The answer as a chart: one column along, one up, and one that distinguishes series."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import pandas as pd
import streamlit as st

from pages.dataset.view_state import choose_in
from pages.explore_page import question
from pages.explore_page.asking import Answer
from pages.explore_page.question import Question
from pages.ui import address, charts, language
from pages.ui import text as _

# A chart with more bars than these is unreadable.
BARS = 40
TIMES = {"date", "moment"}

state = st.session_state


def usual(asked: Question, answer: Answer) -> str:
    """Return how an answer is shown by default: groups as a chart, SQL as a table."""
    if asked.is_sql or _numbers(answer) == []:
        return "table"
    return "line" if answer.columns[0].kind in TIMES else "bars"


def show(asked: Question, answer: Answer, chart: str, headings: Sequence[str]) -> None:
    """Show the choice of columns, and the chart."""
    named = dict(zip((column.name for column in answer.columns), headings, strict=True))
    numbers = _numbers(answer)
    if not numbers:
        st.info(_("A chart needs a column of numbers."), icon=":material/bar_chart:")
        return
    kinds = {column.name: column.kind for column in answer.columns}
    if len(named) < 2:
        st.info(_("A chart needs two columns."), icon=":material/bar_chart:")
        return
    along = asked.x if asked.x in named else _first_group(list(named), kinds, numbers)
    up = asked.y if asked.y in numbers else next((n for n in numbers if n != along), numbers[0])
    others = [name for name in named if name != up]
    if along == up:
        along = others[0]
    if asked.is_sql and len(named) > 2:
        with st.container(horizontal=True, gap="small"):
            _choose(_("X axis"), others, along, "x", named)
            _choose(_("Y axis"), numbers, up, "y", named)
    apart = _apart(asked, others, along, kinds)
    _draw(answer, chart, (along, up, apart), named, kinds)


def _draw(
    answer: Answer,
    chart: str,
    chosen: tuple[str, str, str | None],
    named: dict[str, str],
    kinds: dict[str, str],
) -> None:
    along, up, apart = chosen
    table = answer.table.select(list(dict.fromkeys(name for name in chosen if name)))
    frame = pd.DataFrame(
        {
            "x": _cells(table.column(along).to_pylist(), kinds[along]),
            "y": [None if v is None else float(v) for v in table.column(up).to_pylist()],
            "apart": "" if apart is None else _cells(table.column(apart).to_pylist(), "text"),
        }
    )
    kind = "time" if kinds[along] in TIMES else "number" if kinds[along] == "number" else "name"
    if chart == "bars" and kind != "time":
        kind = "name"
        known = list(dict.fromkeys(frame["x"]))
        if len(known) > BARS:
            frame = frame[frame["x"].isin(known[:BARS])]
            text = _("The first {shown} of {all} bars.")
            words = language()
            st.caption(text.format(shown=words.number(BARS), all=words.number(len(known))))
    charts.plot(
        frame,
        chart=chart,
        kind=kind,
        labels=(named[along], named[up], "" if apart is None else named[apart]),
        alt=f"{named[up]} · {named[along]}",
    )


def _cells(values: Sequence[Any], kind: str) -> list[Any]:
    if kind == "number":
        return [None if value is None else float(value) for value in values]
    if kind == "moment":
        return [None if value is None else f"{value.isoformat()}Z" for value in values]
    if kind == "date":
        return [None if value is None else f"{value.isoformat()}T00:00:00Z" for value in values]
    return ["–" if value is None or value == "" else str(value) for value in values]


def _numbers(answer: Answer) -> list[str]:
    return [column.name for column in answer.columns if column.kind == "number"]


def _first_group(names: Sequence[str], kinds: dict[str, str], numbers: Sequence[str]) -> str:
    """Return the column of groups: the first, unless it is the only column of numbers."""
    if len(numbers) > 1 and kinds[names[0]] == "number":
        return names[0]
    return next((name for name in names if kinds[name] != "number"), names[0])


def _apart(asked: Question, others: Sequence[str], along: str, kinds: dict[str, str]) -> str | None:
    """Return the column that distinguishes bars or lines of one place."""
    rest = [name for name in others if name != along and kinds[name] not in {"number", "moment"}]
    return rest[0] if rest and not asked.is_sql else None


def _choose(
    text: str, options: Sequence[str], value: str, name: str, named: dict[str, str]
) -> None:
    key = f"explore_{name}"

    def changed() -> None:
        chosen = state.get(key)
        if chosen in options and address.accept(key, chosen):
            question.edit(**{name: chosen})

    st.selectbox(
        text,
        options,
        key=choose_in(key, value),
        format_func=named.__getitem__,
        width=220,
        on_change=changed,
    )
