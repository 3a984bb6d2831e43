"""Issues that need a person, each with a button that resolves it, for the overview and Activity."""

from __future__ import annotations

from collections.abc import Callable, Mapping

import streamlit as st

from ecommerce_core.domain import Alert, AlertCode, Run, Severity
from pages import ui
from pages.runs import held_run, hints, run_requests
from pages.ui import address, escape, language, status, tasks
from pages.ui import text as _
from pages.ui.labels import dataset_label

# Each is drawn with a shape as well as a colour.
ICONS = {
    AlertCode.ANSWER_HELD: ":material/pause_circle:",
    AlertCode.GATEWAY_DOWN: ":material/cloud_off:",
    AlertCode.SCHEDULER_DOWN: ":material/cloud_off:",
    AlertCode.CLOCK_STANDS_STILL: ":material/timer_off:",
    AlertCode.BACKUP_OVERDUE: ":material/hard_drive:",
    AlertCode.REGISTRATION_FAILING: ":material/link_off:",
    AlertCode.MESSAGES_FAILING: ":material/notifications_off:",
    AlertCode.RECORDS_REJECTED: ":material/playlist_remove:",
    AlertCode.DATA_STALE: ":material/update_disabled:",
}
# The frame of every page has a banner for these.
IN_BANNER = frozenset({AlertCode.CALLBACKS_MISSED})


def show() -> bool:
    """Show all issues; return True if there are some with the datasets."""
    for name in ui.application().datasets:
        refused = run_requests.problem(name)
        if refused is not None:
            ui.show_error(refused)
    found = [one for one in ui.alerts(at_least=Severity.INFO) if one.code not in IN_BANNER]
    if found:
        with st.container(border=True, gap="xsmall"):
            for alert in found:
                with ui.guarded():
                    _row(alert)
    return any(alert.datasets and alert.severity is not Severity.INFO for alert in found)


def _row(alert: Alert) -> None:
    """Show one alert on two lines, with its buttons if the visitor may act. Raises StoreError."""
    what, todo = _said(alert)
    buttons = _BUTTONS.get(alert.code)
    # Side by side if there is room, one below the other on a telephone.
    widths = [3, 2] if alert.code is AlertCode.ANSWER_HELD else [3, 1]
    said, settled = st.columns(widths, vertical_alignment="center", gap="small")
    stop = "" if not what or what.endswith((".", "!", "?", "…")) else "."
    title = ui.title_of(alert, escape)
    text = f"{what}{stop} {todo}".strip()
    said.markdown(f"{status.pill(alert.severity)} **{title}**  \n:small[{text}]")
    if buttons is not None and ui.may_change():
        with settled, st.container(horizontal=True, horizontal_alignment="right", gap="xsmall"):
            buttons(alert)


def _said(alert: Alert) -> tuple[str, str]:
    """Return an alert's error, in the words of its source, and the advice. Raises StoreError."""
    app, words = ui.application(), language()
    run = run_of(alert)
    if run is not None and alert.code in RUN_FAILED:
        return ui.sentence(run.error), hints.of(run)
    todo = ui.todo_of(alert)
    if run is not None and alert.code is AlertCode.ANSWER_HELD:
        return ui.sentence(run.error), todo
    if alert.code is AlertCode.RECORDS_REJECTED:
        count = int(alert.details["rejected"] or 0)
        return words.plural("{count} record rejected", "{count} records rejected", count), todo
    errors = {
        AlertCode.GATEWAY_DOWN: tasks.reading().error,
        AlertCode.SCHEDULER_DOWN: tasks.reading().error or app.monitor.snapshot().list_error,
        AlertCode.BACKUP_OVERDUE: app.backups.state.error,
        AlertCode.REGISTRATION_FAILING: app.registration.state.error,
    }
    return ui.sentence(errors.get(alert.code)), todo


RUN_FAILED = frozenset({AlertCode.PEER_DOWN, AlertCode.FETCH_FAILED, AlertCode.FETCH_INTERRUPTED})


def run_of(alert: Alert) -> Run | None:
    """Return the run that an alert is about, or None. Raises StoreError."""
    number = alert.details.get("run")
    return ui.application().store.run(number) if isinstance(number, int) else None


def _fetch_again(alert: Alert) -> None:
    for name in alert.datasets:
        st.button(
            _("Retry")
            if len(alert.datasets) == 1
            else _("Fetch {dataset}").format(dataset=dataset_label(name)),
            key=f"retry_{name}",
            icon=":material/sync:",
            on_click=run_requests.fetch,
            args=(name,),
        )


def _decide(alert: Alert) -> None:
    run = run_of(alert)
    if run is not None:
        _see_run(alert)
        held_run.held_buttons(run, keys=(f"apply_{alert.subject}", f"discard_{alert.subject}"))


def _ask_again(_alert: Alert) -> None:
    monitor = ui.application().monitor
    st.button(
        _("Retry"), key="retry_scheduler", icon=":material/refresh:", on_click=monitor.refresh
    )


def _see_run(alert: Alert) -> None:
    st.page_link(
        "activity.py",
        label=_("See the run"),
        icon=":material/arrow_forward:",
        query_params={**address.language_kept(), "run": str(alert.details["run"])},
    )


def _see_scheduler(_alert: Alert) -> None:
    st.page_link("scheduler.py", label=_("See the scheduler"), icon=":material/arrow_forward:")


_BUTTONS: Mapping[AlertCode, Callable[[Alert], None]] = {
    AlertCode.GATEWAY_DOWN: _ask_again,
    AlertCode.SCHEDULER_DOWN: _ask_again,
    AlertCode.PEER_DOWN: _fetch_again,
    AlertCode.FETCH_FAILED: _fetch_again,
    AlertCode.FETCH_INTERRUPTED: _fetch_again,
    AlertCode.DATA_STALE: _fetch_again,
    AlertCode.ANSWER_HELD: _decide,
    AlertCode.RECORDS_REJECTED: _see_run,
    AlertCode.CALLBACKS_LATE: _see_scheduler,
    AlertCode.CALLBACKS_REFUSED: _see_scheduler,
    AlertCode.TASKS_LOST: _see_scheduler,
    AlertCode.CLOCK_STANDS_STILL: _see_scheduler,
}
