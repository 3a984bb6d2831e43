"""The callbacks that arrived: filters and the table, and below it the one to deliver again."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import streamlit as st

from ecommerce_core.domain import Delivery, Outcome
from pages import ui
from pages.runs import deliver_again, pager
from pages.ui import address_choice, language
from pages.ui import text as _
from pages.ui.labels import dataset_label
from pages.ui.table import TableColumn, show_table

FILTERS = ("deliveries_dataset", "deliveries_outcome")
state = st.session_state


def show() -> None:
    """Show the filters, the table and the button. Raises StoreError."""
    store = ui.application().store
    if store.newest_delivery_id() == 0:
        _nothing_yet()
        return
    filters = _filters()
    found = store.list_deliveries(
        limit=pager.PAGE_SIZE, before_id=pager.before("deliveries", filters), **filters
    )
    _not_listed(filters)
    if not found:
        _nothing_matches()
        return
    _table(found)
    numbers = [delivery.id for delivery in found]
    pager.show("deliveries", numbers, filters, label=_("Show older callbacks"))
    if ui.may_change():
        deliver_again.show(found)


def _filters() -> dict[str, Any]:
    """Show the filters above the table; return them as arguments of ``list_deliveries``."""
    datasets = list(ui.application().datasets)
    with st.grid(2, min_column_width=150, gap="small", width=410):
        return {
            "dataset": address_choice.choose(
                _("Dataset"),
                datasets,
                name="callbacks",
                key=FILTERS[0],
                shown=dataset_label,
            ),
            "outcome": address_choice.choose(
                _("Outcome"),
                list(Outcome),
                name="outcome",
                key=FILTERS[1],
                shown=language().word,
            ),
        }


def _not_listed(filters: Mapping[str, Any]) -> None:
    """Show how many matching refused callbacks were counted but not kept. Raises StoreError."""
    if filters["outcome"] not in {None, Outcome.REFUSED}:
        return
    not_kept = ui.application().store.refused_not_kept()
    dataset = filters["dataset"]
    count = sum(not_kept.values()) if dataset is None else not_kept.get(dataset, 0)
    if count:
        text = language().plural(
            "{count} more refused callback was counted but not kept.",
            "{count} more refused callbacks were counted but not kept.",
            count,
        )
        st.caption(f":material/filter_list: {text}")


def _nothing_matches() -> None:
    st.caption(f":material/search_off: {_('No callback matches.')}")
    st.button(
        _("Show all callbacks"),
        key="all_deliveries",
        icon=":material/filter_alt_off:",
        on_click=address_choice.forget,
        args=FILTERS,
    )


def _nothing_yet() -> None:
    st.caption(f":material/call_received: {_('No callback has arrived yet.')}")
    st.page_link("scheduler.py", label=_("Schedule a task"), icon=":material/arrow_forward:")


def _table(deliveries: list[Delivery]) -> None:
    rows = [
        {
            **{
                name: getattr(delivery, name)
                for name in ("id", "received_at", "simulated_at", "run_id")
            },
            "dataset": dataset_label(delivery.dataset),
            "outcome": delivery.outcome.value,
            "duration": delivery.duration_s,
            "reason": _reason(delivery),
        }
        for delivery in deliveries
    ]
    columns = [
        TableColumn("received_at", "moment", _("Received ({zone})").format(zone=language().place)),
        TableColumn("dataset", label=_("Dataset")),
        TableColumn("outcome", "status", _("Outcome"), width=120),
        TableColumn("reason", label=_("Reason"), width=300),
        TableColumn("run_id", "number", _("Run")),
        TableColumn("duration", "duration", _("Duration")),
        TableColumn("simulated_at", "simulated", _("Simulated time")),
        TableColumn("id", "number", _("Callback")),
    ]
    ids = [delivery.id for delivery in deliveries]

    def pick() -> None:
        # As with runs: a selection is a position, which the next callback changes.
        picked = state["deliveries_table"]["selection"]["rows"]
        if picked and picked[0] < len(ids):
            state["delivery"] = ids[picked[0]]

    show_table(
        rows,
        columns,
        key="deliveries_table",
        alt=_("Callbacks, newest first"),
        on_select=pick,
        selection_mode="single-row",
    )


def _reason(delivery: Delivery) -> str:
    """Return the reason of a delivery, after the one that it repeats, if any."""
    reason = language().fact(delivery.reason)
    if delivery.again_of is None:
        return reason
    again = _("callback {id}, delivered again").format(id=delivery.again_of)
    return f"{again}; {reason}" if reason else again
