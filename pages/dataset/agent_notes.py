"""What programs that read a dataset's page should know: its columns, its address, and its SQL."""

from __future__ import annotations

import streamlit as st

from ecommerce_core.datasets import Dataset, row_parameters
from pages.ui import labels, session
from pages.ui import text as _


def show(dataset: Dataset) -> None:
    """Show it to a program, which cannot open menus nor guess addresses; people have those."""
    if not session.is_agent():
        return
    columns = [
        f"- {column.field}: {labels.label_with_unit(column)}"
        + (f" ({_(column.help)})" if column.help else "")
        for column in dataset.row_columns
    ]
    takes = [
        f"- {parameter.name}: {parameter.takes}" for parameter in row_parameters(dataset).values()
    ]
    sql = (
        f"The page explore with mode=sql and sql=SELECT … answers read-only SQL on {dataset.name} "
        f"and {dataset.name}_all (withdrawn rows too); the same as {dataset.name}.json?… for rows."
    )
    for title, lines in (
        ("Columns of the rows", columns),
        ("Parameters of this page's address", takes),
        ("SQL", [sql]),
    ):
        st.text("\n".join([f"{title}:", *lines]))
