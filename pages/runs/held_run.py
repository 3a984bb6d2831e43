"""What needs a person, and the buttons that settle it: refused, failed and held fetches."""

from __future__ import annotations

import streamlit as st

from ecommerce_core.domain import Run, RunStatus, Trigger
from pages import ui
from pages.runs import hints, run_requests
from pages.ui import text as _
from pages.ui.labels import dataset_label


def show(name: str) -> None:
    """What is wrong with a dataset and what to do: refused requests, a failed or a held run."""
    problem = run_requests.problem(name)
    if problem is not None:
        ui.show_error(problem)
    with ui.guarded():
        app = ui.application()
        run, waiting = app.store.last_run(name), app.store.held_run(name)
        if run is not None and run.status in {RunStatus.FAILED, RunStatus.INTERRUPTED}:
            title = _("The last fetch failed: {dataset}").format(dataset=dataset_label(name))
            text = f"{ui.sentence(run.error)}\n\n{hints.of(run)}"
            st.error(text, title=title, icon=":material/error:")
        if waiting is not None:
            held(waiting, keys=(f"confirm_{name}", f"discard_{name}"))


def held(run: Run, *, keys: tuple[str, str]) -> None:
    """A run that waits for a decision: its numbers, and the two buttons that decide."""
    title = _("A fetch is held: {dataset}").format(dataset=dataset_label(run.dataset))
    text = f"{ui.sentence(run.error)}\n\n{what_to_decide()}"
    st.warning(text, title=title, icon=":material/pause_circle:")
    with st.container(horizontal=True):
        held_buttons(run, keys=keys)


def what_to_decide() -> str:
    """How one decides about a held run."""
    return _("Apply it if that is right; discard it if the peer made a mistake.")


def held_buttons(run: Run, *, keys: tuple[str, str]) -> None:
    """The two buttons that decide about a held run, for who may."""
    app = ui.application()
    if not ui.may_change():
        return
    st.button(
        _("Apply the held answer"),
        key=keys[0],
        icon=":material/check:",
        on_click=lambda: run_requests.request(
            run.dataset,
            lambda: app.confirm(run.id, actor=ui.actor(), trigger=Trigger.MANUAL),
        ),
    )
    st.button(
        _("Discard it"),
        key=keys[1],
        icon=":material/close:",
        on_click=lambda: run_requests.attempt(
            run.dataset,
            lambda: app.discard(run.id, actor=ui.actor()),
            lambda _count: _("Discarded; nothing was changed."),
        ),
    )
