"""What can be asked: the tables and their columns, beside the question."""

from __future__ import annotations

import streamlit as st

from ecommerce_core.datasets import Column, Kind
from pages.explore_page import question
from pages.ui import escape, exploring, language
from pages.ui.exploring import Table


def _(message: str) -> str:
    return language().text(message)


def show() -> None:
    """The tables, each with its columns."""
    st.markdown(f"**{_('Tables')}**")
    asked = question.current()
    for table in exploring.tables().values():
        is_asked = not asked.is_sql and asked.table == table.name
        with st.expander(f"`{table.name}`", expanded=is_asked, key=f"schema_{table.name}"):
            st.caption(_(table.about))
            st.markdown("\n".join(_line(table, column) for column in table.columns))
    st.caption(_("Prices are in euros, times in UTC."))


def label(column: Column) -> str:
    """What a column is called, with its unit."""
    word = language().word(column.name)
    return f"{word} (€)" if column.kind is Kind.MONEY else word


def _line(table: Table, column: Column) -> str:
    kinds = {
        Kind.TEXT: _("text"),
        Kind.ID: _("text"),
        Kind.NUMBER: _("number"),
        Kind.MONEY: _("number"),
        Kind.MOMENT: _("time"),
    }
    return f"- `{column.field}` :gray[{kinds[column.kind]} · {escape(label(column))}]"
