"""The steps that lead a new user from an empty store to one that is fetched regularly."""

from __future__ import annotations

from collections.abc import Mapping

import streamlit as st

from ecommerce_core.domain import Totals
from pages import ui
from pages.runs import run_requests
from pages.ui import escape, language
from pages.ui import text as _
from pages.ui.labels import dataset_label


def fetch_button(name: str) -> None:
    """Show the button that fetches a dataset, if the visitor may use it."""
    if not ui.may_change():
        return
    st.button(
        _("Fetch {dataset}").format(dataset=dataset_label(name)),
        key=f"fetch_{name}",
        icon=":material/sync:",
        type="primary",
        on_click=run_requests.fetch,
        args=(name,),
    )


def show(totals: Mapping[str, Totals]) -> None:
    """Show a step for each dataset, and one for the scheduler."""
    app = ui.application()
    st.header(_("Get started"), anchor=False)
    with st.grid(3, min_column_width=240, gap="small"):
        for number, (name, total) in enumerate(totals.items(), start=1):
            with st.container(border=True, height="stretch"):
                done = total.current > 0
                icon = ":material/check_circle:" if done else f":material/counter_{number}:"
                heading = _("Fetch {dataset}").format(dataset=dataset_label(name))
                st.markdown(f"{icon} **{heading}**")
                peer = escape(app.datasets[name].peer)
                st.caption(_("From {peer} into our own database.").format(peer=peer))
                if done:
                    st.caption(_("Done: {n} rows.").format(n=language().number(total.current)))
                else:
                    fetch_button(name)
        with st.container(border=True, height="stretch"):
            st.markdown(f":material/counter_{len(totals) + 1}: **{_('Schedule a task')}**")
            st.caption(_("Let the scheduler fetch again at a time of its simulated clock."))
            st.page_link("scheduler.py", label=_("Schedule…"), icon=":material/schedule:")
