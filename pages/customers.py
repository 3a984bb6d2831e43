"""Customers: who they are and what they have earned, as cards or as a table."""

from collections.abc import Sequence

import streamlit as st

from ecommerce_core.datasets import Row
from ecommerce_core.domain import Customer
from pages.dataset import dataset_page, view_state
from pages.dataset.rows import row_list
from pages.dataset.view_state import choose_in, edit, edited_by
from pages.ui import escape, language
from pages.ui import text as _
from pages.ui.table import Column

draw_table = row_list.columns_table(
    "customers",
    [
        Column("last_name", width=130),
        Column("first_name", width=120),
        Column("loyalty_points", "number", width=115),
        Column("payment", "number", width=100),
        Column("account", width=150),
        Column("customer_id", width=280),
        Column("updated_at", "moment", width=165),
        Column("withdrawn_at", "moment", width=165),
    ],
    _("Customers"),
)


def draw_card(customer: Customer, number: int) -> None:
    name = f"{customer.first_name} {customer.last_name}".strip() or customer.customer_id
    points = customer.loyalty_points
    with st.container(border=True, gap="xxsmall"):
        st.markdown(f"**{escape(name)}**")
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


def draw(rows: Sequence[Row]) -> None:
    labels = {
        "cards": f":material/badge: {_('Cards')}",
        "table": f":material/table_rows: {_('Table')}",
    }
    layout = view_state.current("customers").layout or "cards"
    st.radio(
        _("Show as"),
        list(labels),
        key=choose_in("customers_view", layout),
        horizontal=True,
        format_func=lambda view: labels[view],
        label_visibility="collapsed",
        on_change=edited_by("customers", "customers_view", "layout", options=labels),
    )
    if layout == "table":
        draw_table(rows)
        return
    with st.grid("auto", min_column_width=170, gap="small"):
        for number, row in enumerate(rows):
            if isinstance(row, Customer):
                draw_card(row, number)


dataset_page.show(
    "customers",
    title=_("Customers"),
    search_help=_("Name, account or number"),
    show_rows=draw,
)
