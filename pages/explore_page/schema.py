"""The tables and their columns, beside the query."""

from __future__ import annotations

import streamlit as st

from ecommerce_core.datasets import Column, Dataset, Kind
from pages.ui import escape, exploring, labels
from pages.ui import text as _


def show() -> None:
    """Show the tables, each with its columns."""
    st.markdown(f"**{_('Tables')}**")
    for table in exploring.tables().values():
        with st.expander(f"`{table.name}`", key=f"schema_{table.name}"):
            st.caption(_(table.about))
            if not table.with_withdrawn:  # the columns are those of the table above it
                st.markdown("  \n".join(map(_line, table.columns)))
    st.caption(_("Prices are in euros, times in UTC."))


def title(dataset: Dataset) -> str:
    """What a dataset is called."""
    return labels.dataset_title(dataset.name)


def label(column: Column) -> str:
    """Return the name of a column, with its unit."""
    return labels.label_with_unit(column)


def _line(column: Column) -> str:
    kinds = {
        Kind.TEXT: _("text"),
        Kind.ID: _("text"),
        Kind.NUMBER: _("number"),
        Kind.MONEY: _("number"),
        Kind.MOMENT: _("time"),
    }
    told = f"{escape(label(column))}, {kinds[column.kind]}"
    if column.help:
        told = f"{told}. {escape(_(column.help))}"
    return f"`{column.field}` :small[:gray[{told}]]"
