"""What the words and columns on the pages mean, and which keys there are."""

from collections.abc import Sequence

import streamlit as st

from ecommerce_core.datasets import Dataset, Kind
from ecommerce_core.domain import GLOSSARY, Chapter
from pages import ui
from pages.explore_page import schema
from pages.ui import header, language, status
from pages.ui import text as _
from pages.ui.table import TableColumn, show_table


def define(chapter: Chapter) -> None:
    """Show the words of a chapter with what they mean."""
    settings = ui.application().settings
    values = {
        "grace": language().duration(settings.callback_grace_s),
        "share": language().number(settings.hold_above_percent),
    }
    line, lines = _("- {word}: {meaning}"), []
    for term in chapter.terms:
        word = language().word(term.code).capitalize() if term.code else _(term.word)
        shown = status.pill(term.code) if term.code in status.LOOKS else f"**{word}**"
        meaning = _(term.meaning).format_map(values)
        lines.append(line.format(word=shown, meaning=meaning))
    show_list(_(chapter.title), lines)


def show_list(title: str, lines: Sequence[str]) -> None:
    """Show a heading and a list."""
    with st.container():
        st.header(title, anchor=False)
        st.markdown("\n".join(lines))


def show_columns(dataset: Dataset) -> None:
    """The columns of a dataset, and what they are called in files and in SQL."""
    kinds = {
        Kind.TEXT: _("text"),
        Kind.ID: _("text"),
        Kind.NUMBER: _("number"),
        Kind.MONEY: _("number"),
        Kind.MOMENT: _("date and time"),
    }
    rows = [
        {
            "label": schema.label(column),
            "field": column.field,
            "kind": kinds[column.kind],
            "help": _(column.help) if column.help else "",
        }
        for column in dataset.row_columns
    ]
    columns = [
        TableColumn("label", label=_("Column"), width=170),
        TableColumn("field", label=_("In files and SQL"), width=190),
        TableColumn("kind", label=_("Kind"), width=120),
    ]
    if any(row["help"] for row in rows):
        columns.append(TableColumn("help", label=_("Meaning"), width=420))
    name = schema.title(dataset)
    st.subheader(name, anchor=False)
    show_table(rows, columns, key=f"help_{dataset.name}", alt=name, height="content")


def show_keys() -> None:
    """Show which keys work."""
    keys = (
        ("`/`", _("Go to the search.")),
        ("`?`", _("Open this page.")),
        ("`↑ ↓ ← →`", _("Move between the cells of a table.")),
        ("`↑ ↓`", _("Go to the previous or next row, if one is open beside the table.")),
        ("`Esc`", _("Close the open row.")),
        ("`Ctrl+Enter`", _("Run the query, on the page Explore.")),
    )
    line = _("- {word}: {meaning}")
    show_list(_("Keys"), [line.format(word=key, meaning=meaning) for key, meaning in keys])


def show_key() -> None:
    """Show the key that leads here."""
    st.caption(_("Press `?` on any page to come here."), width="content")


header.show(_("Help"), beside=show_key)
with st.grid(2, min_column_width=420, gap="medium"):
    for chapter in GLOSSARY[1:3]:
        define(chapter)
    define(GLOSSARY[0])
    with st.container():
        define(GLOSSARY[3])
        show_keys()
st.header(_("Columns"), anchor=False)
with st.grid(2, min_column_width=420, gap="medium"):
    for dataset in ui.application().datasets.values():
        with st.container():
            show_columns(dataset)
