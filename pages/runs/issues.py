"""What needs a person, each with the button that settles it: for the overview and Activity."""

from __future__ import annotations

from collections.abc import Callable

import streamlit as st

from ecommerce_core.domain import Run, RunStatus
from pages import ui
from pages.runs import held_run, hints, run_requests
from pages.ui import tasks
from pages.ui import text as _
from pages.ui.labels import dataset_label

FAILED = {RunStatus.FAILED, RunStatus.INTERRUPTED}


def show() -> bool:
    """Everything that is wrong; True where the datasets have something to settle."""
    found = False
    for name in ui.application().datasets:
        refused = run_requests.problem(name)
        if refused is not None:
            ui.show_error(refused)
        with ui.guarded():
            found = _of_dataset(name) or found
    _around()
    return found


def _of_dataset(name: str) -> bool:
    """A fetch that failed, one that is held. Raises StoreError."""
    store, word = ui.application().store, dataset_label(name)
    run, waiting = store.last_run(name), store.held_run(name)
    failed = run is not None and run.status in FAILED
    if run is not None and failed:
        _row(
            ":red[:material/error:]",
            _("The last fetch failed: {dataset}").format(dataset=word),
            ui.sentence(run.error),
            hints.of(run),
            lambda: _fetch_again(name),
        )
    if waiting is not None:
        _row(
            ":orange[:material/pause_circle:]",
            _("A fetch is held: {dataset}").format(dataset=word),
            ui.sentence(waiting.error),
            held_run.what_to_decide(),
            lambda: _decide(name, waiting),
        )
    return failed or waiting is not None


def _fetch_again(name: str) -> None:
    st.button(
        _("Fetch again"),
        key=f"retry_{name}",
        icon=":material/sync:",
        on_click=run_requests.fetch,
        args=(name,),
    )


def _decide(name: str, run: Run) -> None:
    held_run.held_buttons(run, keys=(f"confirm_{name}", f"discard_{name}"))


def _around() -> None:
    """What is wrong around the datasets."""
    app = ui.application()
    error = tasks.reading().error or app.monitor.snapshot().list_error
    trouble = tasks.trouble()
    if error is not None and trouble is not None:
        _row(
            ":red[:material/cloud_off:]",
            trouble,
            ui.sentence(error),
            _("Showing what was read last; no callbacks arrive while it is down."),
            _ask_again,
        )
    backups = app.backups.state
    if backups.error is not None:
        _row(
            ":red[:material/hard_drive:]",
            _("No backup could be made"),
            ui.sentence(backups.error),
            _("It is tried again every few minutes. See to the folder in ECOMMERCE_BACKUP_DIR."),
        )
    registration = app.registration.state
    if registration.error is not None:
        _row(
            ":red[:material/link_off:]",
            _("The gateway does not know where we are, so no callback can come"),
            ui.sentence(registration.error),
            _("It is tried again every minute. See to ECOMMERCE_GATEWAY_ADMIN_URL."),
        )


def _ask_again() -> None:
    monitor = ui.application().monitor
    st.button(
        _("Retry"), key="retry_scheduler", icon=":material/refresh:", on_click=monitor.refresh
    )


def _row(
    icon: str, title: str, what: str, todo: str, buttons: Callable[[], None] | None = None
) -> None:
    """One problem on two lines, and what settles it for who may."""
    with st.container(border=True):
        # Side by side where there is room, one below the other on a telephone.
        said, settled = st.columns([3, 2], vertical_alignment="center", gap="small")
        stop = "" if what.endswith((".", "!", "?", "…")) else "."
        said.markdown(f"{icon} **{title}**  \n:small[{what}{stop} {todo}]")
        if buttons is not None and ui.may_change():
            with settled, st.container(horizontal=True, horizontal_alignment="right"):
                buttons()
