"""A session's requests to a dataset, and their results.

Nothing here waits for a run: a button's callback requests one from the application, and
``run_progress`` shows its progress, so closing the tab or clicking elsewhere does not cancel it.
"""

from __future__ import annotations

from collections.abc import Callable

import streamlit as st

from ecommerce_core.domain import Run, Trigger
from pages import ui
from pages.runs import run_summary
from pages.ui import Application, EcommerceError, RunHandle
from pages.ui import text as _
from pages.ui.labels import dataset_title


def problem(name: str) -> EcommerceError | None:
    """Return the error of this session's last request to a dataset, if it failed."""
    found: EcommerceError | None = st.session_state.get(f"_problem_{name}")
    return found


def request(name: str, make: Callable[[], RunHandle]) -> None:
    """Request a run (in a callback) and keep its handle, or keep the error so that it is shown."""
    # The previous run may have ended unseen, and only one handle is kept for a dataset.
    collect()
    st.session_state.pop(f"_problem_{name}", None)
    try:
        st.session_state[f"_ticket_{name}"] = make()
    except EcommerceError as error:
        st.session_state[f"_problem_{name}"] = error


def fetch(name: str) -> None:
    """Callback: fetch a dataset now, or join the run that is under way."""
    app = ui.application()
    request(name, lambda: _fetch(app, name))


def _fetch(app: Application, name: str) -> RunHandle:
    return app.request_sync(name, actor=ui.actor(), trigger=Trigger.MANUAL, join_running=True)


def attempt(name: str, act: Callable[[], Run], done: Callable[[int], str]) -> None:
    """Callback: a short write; ``done`` makes the toast of how many rows the run touched."""
    st.session_state.pop(f"_problem_{name}", None)
    try:
        run = act()
    except EcommerceError as error:
        st.session_state[f"_problem_{name}"] = error
    else:
        ui.flash(done(run.counts.withdrawn or run.counts.returned))


def collect() -> None:
    """Report runs that have ended since: a toast if one went well, else a problem that stays."""
    for name in ui.application().datasets:
        asked = ticket(name)
        if asked is None or not asked.future.done():
            continue
        del st.session_state[f"_ticket_{name}"]
        try:
            run = asked.wait()
        except EcommerceError as error:
            st.session_state[f"_problem_{name}"] = error
            continue
        if run.status.is_good:
            text = _("{dataset} fetched: {summary}.")
            ui.flash(text.format(dataset=dataset_title(name), summary=run_summary.summary(run)))


def ticket(name: str) -> RunHandle | None:
    """Return the handle on the run that this session waits for or has not reported yet."""
    found: RunHandle | None = st.session_state.get(f"_ticket_{name}")
    return found
