"""Choose one callback of the journal and deliver it again."""

from __future__ import annotations

import streamlit as st

from ecommerce_core.domain import Delivery
from pages import ui
from pages.runs import run_requests
from pages.ui import escape, escape_time, language, sign_and_word
from pages.ui import text as _
from pages.ui.labels import dataset_label

state = st.session_state


def show(deliveries: list[Delivery]) -> None:
    """Show the callback that was selected in the table or here, and the button that repeats it."""
    app, words = ui.application(), language()
    by_id = {delivery.id: delivery for delivery in deliveries}
    kept = state.get("delivery")
    if kept is not None and kept not in by_id:
        # Newer callbacks have pushed it off the list, or a filter hides it: it stays selected.
        found = app.store.delivery(kept)
        by_id |= {} if found is None else {kept: found}
    labels = {number: _label(delivery) for number, delivery in by_id.items()}
    with st.container(horizontal=True, vertical_alignment="bottom", gap="small"):
        number = st.selectbox(
            _("Deliver a callback again"),
            list(by_id),
            index=None,
            key=ui.choice("delivery", by_id),
            format_func=lambda number: labels[number],
            placeholder=_("Choose a callback, or select one in the table"),
            width=420,
        )
        chosen = None if number is None else by_id[number]
        st.button(
            _("Deliver again"),
            key="deliver_again",
            icon=":material/replay:",
            disabled=chosen is None,
            on_click=_deliver,
            args=(chosen,),
        )
    if chosen is not None:
        dataset = app.datasets[chosen.dataset]
        text = _("Fetches the {dataset} from {peer} now, as the task {task} did on {moment}.")
        st.caption(
            text.format(
                dataset=dataset_label(dataset.name),
                peer=escape(dataset.peer),
                task=escape(dataset.task_name),
                moment=escape_time(words.moment(chosen.received_at)),
            )
        )


def _label(delivery: Delivery) -> str:
    words = language()
    parts = (
        str(delivery.id),
        words.local(delivery.received_at),
        dataset_label(delivery.dataset),
        sign_and_word(delivery.outcome),
    )
    return " · ".join(parts)


def _deliver(delivery: Delivery | None) -> None:
    """Callback: request it again; the progress is shown at the top of the page."""
    if delivery is not None:
        app = ui.application()
        run_requests.request(
            delivery.dataset, lambda: app.deliver_again(delivery.id, actor=ui.actor())
        )
