"""Refused, failed and held fetches of a dataset, with the buttons that resolve them."""

from __future__ import annotations

import streamlit as st

from ecommerce_core.domain import AlertCode, Run, Trigger
from pages import ui
from pages.runs import held_rows, hints, run_requests, run_summary
from pages.ui import dialogs, escape
from pages.ui import text as _
from pages.ui.labels import dataset_label


def show(name: str) -> None:
    """Show what is wrong with a dataset and what to do: a refused request, a failed or held run."""
    problem = run_requests.problem(name)
    if problem is not None:
        ui.show_error(problem)
    with ui.guarded():
        app = ui.application()
        # On a dataset's own page, its alerts are also shown if another alert explains them.
        for alert in app.alerts.current():
            number = alert.details.get("run")
            if not alert.concerns(name) or not isinstance(number, int):
                continue
            run = app.store.run(number)
            if run is not None and alert.code is AlertCode.ANSWER_HELD:
                held(run, keys=(f"apply_{name}", f"discard_{name}"))
                # What follows on the page stands right below.
                st.space("xsmall")
            elif run is not None and alert.code is not AlertCode.RECORDS_REJECTED:
                text = f"{ui.sentence(run.error)}\n\n{hints.of(run)}"
                st.error(text, title=ui.title_of(alert, escape), icon=":material/error:")


def held(run: Run, *, keys: tuple[str, str]) -> None:
    """Show a run that waits for a decision: its numbers, its rows, and the two buttons."""
    title = _("A fetch is held: {dataset}").format(dataset=dataset_label(run.dataset))
    text = f"{ui.sentence(run.error)}\n\n{what_to_decide()}"
    st.warning(text, title=title, icon=":material/pause_circle:")
    held_rows.show(run, key=f"held_rows_{keys[0]}")
    with st.container(horizontal=True):
        held_buttons(run, keys=keys)


def what_to_decide() -> str:
    """Return the advice on how to decide about a held run."""
    return _("Apply it if the change is right; discard it if the source made a mistake.")


def held_buttons(run: Run, *, keys: tuple[str, str]) -> None:
    """Show the two buttons that decide about a held run, if the visitor may use them."""
    app = ui.application()
    if not ui.may_change():
        return
    st.button(
        _("Apply…"),
        key=keys[0],
        icon=":material/check:",
        on_click=dialogs.note,
        args=("apply", keys[0]),
    )
    if dialogs.asked() == ("apply", keys[0]):
        _confirm_apply(run, key=keys[0])
    st.button(
        _("Discard"),
        key=keys[1],
        icon=":material/close:",
        on_click=lambda: run_requests.attempt(
            run.dataset,
            lambda: app.discard(run.id, actor=ui.actor()),
            lambda _count: _("Discarded; nothing was changed."),
        ),
    )


def _confirm_apply(run: Run, *, key: str) -> None:
    app = ui.application()

    def apply() -> None:
        run_requests.request(
            run.dataset, lambda: app.confirm(run.id, actor=ui.actor(), trigger=Trigger.MANUAL)
        )

    def body() -> None:
        st.write(_("The held answer {summary}.").format(summary=run_summary.summary(run)))
        st.caption(_("You can undo this until the next fetch that changes something."))
        dialogs.confirm(_("Apply the held answer"), key, ":material/check:", apply)

    title = _("Apply the held answer of {dataset}?")
    dialogs.show(title.format(dataset=dataset_label(run.dataset)), body)
