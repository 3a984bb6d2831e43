"""The steps that lead a new user from an empty store to one that is fetched regularly.

They stay until each has been done once: emptying the store later does not bring them back.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import streamlit as st

from ecommerce_core.domain import Totals
from pages import ui
from pages.runs import run_requests
from pages.ui import EcommerceError, escape, tasks
from pages.ui import text as _
from pages.ui.labels import dataset_label


@dataclass(frozen=True, slots=True)
class Step:
    """A step: fetching a dataset, or scheduling a task if ``dataset`` is empty."""

    dataset: str
    is_done: bool

    @property
    def title(self) -> str:
        """What is to be done."""
        if not self.dataset:
            return _("Schedule a task")
        return _("Fetch {dataset}").format(dataset=dataset_label(self.dataset))


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


def list_steps(totals: Mapping[str, Totals]) -> list[Step]:
    """Return a step for each dataset, and one for the scheduler. Raises StoreError."""
    store = ui.application().store
    steps = [
        Step(name, store.last_good_run(name) is not None or total.current + total.withdrawn > 0)
        for name, total in totals.items()
    ]
    return [*steps, Step("", _has_scheduled())]


def _has_scheduled() -> bool:
    if ui.application().store.list_task_records(limit=1):
        return True
    try:
        return bool(tasks.list_ours())
    except EcommerceError:
        return False


def show(steps: list[Step]) -> None:
    """Show each step with its explanation and its button, for a shop that has done none."""
    st.header(_("Get started"), anchor=False)
    with st.grid(3, min_column_width=240, gap="small"):
        for number, step in enumerate(steps, start=1):
            with st.container(border=True, height="stretch"):
                st.markdown(f"{_icon(number, step)} **{step.title}**")
                if not step.dataset:
                    text = _("Let the scheduler fetch again at a time of its simulated clock.")
                    st.caption(text)
                    st.page_link("scheduler.py", label=_("Schedule…"), icon=":material/schedule:")
                    continue
                peer = escape(ui.application().datasets[step.dataset].peer)
                st.caption(_("From {peer} into our own database.").format(peer=peer))
                fetch_button(step.dataset)


def show_rest(steps: list[Step]) -> None:
    """Show the steps in one line, for a shop in which something has been fetched."""
    with st.container(horizontal=True, vertical_alignment="center", gap="medium", border=True):
        st.markdown(f"**{_('Get started')}**", width="content")
        for number, step in enumerate(steps, start=1):
            st.markdown(f"{_icon(number, step)} {step.title}", width="content")
        if not steps[-1].is_done:
            st.page_link("scheduler.py", label=_("Schedule…"), icon=":material/schedule:")


def show_what_follows() -> None:
    """Show what there will be once something has been fetched, in cells of a grid."""
    told = (
        (
            ":material/table_rows:",
            _("See what the shop holds"),
            _("Search, filter and chart the rows, see what each fetch changed, and export."),
        ),
        (
            ":material/notifications:",
            _("Hear when something is wrong"),
            _("Failed fetches, missed callbacks and old data appear here, first of all."),
        ),
    )
    for icon, title, text in told:
        with st.container(border=True, height="stretch"):
            st.markdown(f"{icon} **{title}**")
            st.caption(text)
            if title == told[-1][1]:
                st.page_link("help.py", label=_("What the words mean"), icon=":material/help:")


def _icon(number: int, step: Step) -> str:
    return ":green[:material/check_circle:]" if step.is_done else f":material/counter_{number}:"
