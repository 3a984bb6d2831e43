"""The answer: its size, as a table or as a chart, and as a file."""

from __future__ import annotations

from collections.abc import Sequence
from functools import partial

import streamlit as st

from ecommerce_core.domain import EcommerceError, ExploreCancelled, ExploreFailed
from pages import ui
from pages.dataset import export_menu
from pages.dataset.view_state import choose_in
from pages.explore_page import question, result_chart
from pages.explore_page.asking import Answer
from pages.explore_page.question import CHARTS, Question
from pages.ui import address, exploring, language, segments
from pages.ui import text as _
from pages.ui.table import Kind, TableColumn, show_table

ROWS_SEEN = 15
ROW_PX = 35
KINDS: dict[str, Kind] = {"number": "exact", "moment": "simulated", "date": "text", "text": "text"}

state = st.session_state


def show(asked: Question, answer: Answer, headings: Sequence[str]) -> None:
    """Show the whole part of the page."""
    chart = asked.chart or result_chart.usual(asked, answer)
    with st.container(horizontal=True, vertical_alignment="center", gap="small"):
        _summary(answer)
        st.space("stretch")
        if answer.table.num_rows:
            _choose_chart(chart)
        export_menu.show_links("explore", partial(exploring.link, asked.asked))
    if not answer.table.num_rows:
        st.info(_("The answer has no rows."), icon=":material/search_off:")
        if not ui.application().store.newest_run_id():
            label = _("Fetch from the overview")
            st.page_link("overview.py", label=label, icon=":material/arrow_forward:")
        return
    if chart == "table":
        _table(answer, headings)
    else:
        result_chart.show(asked, answer, chart, headings)


def show_error(error: EcommerceError) -> None:
    """Show why there is no answer."""
    if isinstance(error, ExploreFailed):
        st.error(_("The database does not understand this query."), icon=":material/error:")
        st.code(str(error.details.get("reason", "")), language=None, wrap_lines=True)
    elif isinstance(error, ExploreCancelled):
        st.info(ui.sentence(error.fact), icon=":material/cancel:")
    else:
        ui.show_error(error)


def _summary(answer: Answer) -> None:
    words = language()
    count = answer.table.num_rows
    if answer.is_cut:
        text = _("The first {count} rows; a file has all of them").format(count=words.number(count))
    else:
        text = words.plural("{count} row", "{count} rows", count)
    at = ui.escape_time(words.moment(answer.at))
    st.caption(f"{text} · {words.duration(answer.took_s)} · {at}")


def _choose_chart(chart: str) -> None:
    labels = {
        "table": f":material/table_rows: {_('Table')}",
        "bars": f":material/bar_chart: {_('Bars')}",
        "line": f":material/show_chart: {_('Line')}",
        "points": f":material/scatter_plot: {_('Points')}",
    }
    key = "explore_chart"

    def changed() -> None:
        chosen = state.get(key)
        if chosen in CHARTS and address.accept(key, chosen):
            question.edit(chart=chosen)

    said = {each: labels[each] for each in CHARTS}
    segments.show(_("Show as"), said, key=choose_in(key, chart), on_change=changed)


def _table(answer: Answer, headings: Sequence[str]) -> None:
    # Streamlit calls the index so, and a column has to be called something.
    names = [
        column.name if column.name not in {"", "_index"} else f"column {number}"
        for number, column in enumerate(answer.columns, 1)
    ]
    columns = [
        TableColumn(name, KINDS[column.kind], label=heading, decimals=column.decimals)
        for name, column, heading in zip(names, answer.columns, headings, strict=True)
    ]
    values = [column.to_pylist() for column in answer.table.columns]
    rows = [dict(zip(names, row, strict=True)) for row in zip(*values, strict=True)]
    height = "content" if len(rows) <= ROWS_SEEN else (ROWS_SEEN + 1) * ROW_PX
    with st.container(key="explore_answer"):
        show_table(rows, columns, key="explore_table", alt=_("The answer"), height=height)
