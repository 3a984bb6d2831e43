"""Customers: who they are and what they have earned, as cards or as a table."""

from collections.abc import Sequence

import streamlit as st

from ecommerce_core.dataset import Row
from ecommerce_core.models import Customer
from ecommerce_core.ui import Column, escape, language
from pages import dataset_page, row_list

_ = language().text

draw_table = row_list.columns_table(
    "customers",
    [
        Column("first_name"),
        Column("last_name"),
        Column("loyalty_points", "number"),
        Column("payment", "number"),
        Column("account"),
        Column("customer_id"),
        Column("updated_at", "moment"),
        Column("withdrawn_at", "moment"),
    ],
    _("Customers"),
)


def draw_card(customer: Customer) -> None:
    name = f"{customer.first_name} {customer.last_name}".strip() or customer.customer_id
    points = customer.loyalty_points
    with st.container(border=True, gap="xxsmall"):
        st.markdown(f"**{escape(name)}**")
        said = "–" if points is None else language().points(points)
        st.caption(_("Loyalty points: {points}").format(points=said))
        if customer.withdrawn_at is not None:
            st.caption(f":material/block: {_('Withdrawn')}")


def draw(rows: Sequence[Row]) -> None:
    labels = {
        "cards": f":material/badge: {_('Cards')}",
        "table": f":material/table_rows: {_('Table')}",
    }
    view = st.radio(
        _("Show as"),
        list(labels),
        key="customers_view",
        horizontal=True,
        format_func=lambda view: labels[view],
        label_visibility="collapsed",
        persist_state="session",
    )
    if view == "table":
        draw_table(rows)
        return
    with st.grid("auto", min_column_width=160, gap="small"):
        for row in rows:
            if isinstance(row, Customer):
                draw_card(row)


dataset_page.show(
    "customers",
    title=_("Customers"),
    search_help=_("Name, account or number"),
    sorts=["last_name", "first_name", "loyalty_points", "payment", "account", "updated_at"],
    show_rows=draw,
)
