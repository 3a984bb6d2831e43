"""Customers and their loyalty points, as a table or as cards."""

from collections.abc import Sequence
from typing import cast

import streamlit as st

from ecommerce_core.datasets import Customer, Dataset, Row
from pages.dataset import dataset_page, view_state
from pages.dataset.rows import row_list
from pages.dataset.view_state import edit
from pages.ui import escape, language
from pages.ui import text as _


def draw_card(customer: Customer, *, title: str, number: int) -> None:
    points = customer.loyalty_points
    with st.container(border=True, gap="xxsmall"):
        st.markdown(f"**{escape(title)}**")
        said = "–" if points is None else language().points(points)
        st.caption(_("Loyalty points: {points}").format(points=said))
        if customer.withdrawn_at is not None:
            st.caption(f":material/block: {_('Withdrawn')}")
        st.button(
            _("Details"),
            key=f"customer_details_{number}",
            type="tertiary",
            icon=":material/right_panel_open:",
            on_click=edit,
            args=("customers",),
            kwargs={"row": customer.customer_id},
        )


def draw_rows(dataset: Dataset, rows: Sequence[Row]) -> None:
    layout = view_state.current("customers").layout or "table"
    if layout == "table":
        row_list.draw_table(dataset, rows)
        return
    with st.grid("auto", min_column_width=170, gap="small"):
        for number, row in enumerate(rows):
            draw_card(cast(Customer, row), title=dataset.title_of(row), number=number)


dataset_page.draw("customers", draw_rows=draw_rows)
