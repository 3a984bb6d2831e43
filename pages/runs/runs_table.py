"""The table of runs: its filters, and the run whose details are shown."""

from __future__ import annotations

from typing import Any

import streamlit as st

from ecommerce_core.domain import Run, RunStatus, Trigger
from pages import ui
from pages.runs import pager, run_summary
from pages.ui import address_choice, language
from pages.ui import text as _
from pages.ui.labels import dataset_label
from pages.ui.table import TableColumn, show_table

# Of an action or a trigger, in either language.
WIDEST_PX = 260
RESULT_PX = 380
FILTERS = ("runs_dataset", "runs_trigger", "runs_status")
state = st.session_state


def show() -> Run | None:
    """Show filters, table and the choice of a run; return the chosen run. Raises StoreError."""
    store = ui.application().store
    if store.newest_run_id() == 0:
        _nothing_yet()
        return None
    filters = _filters()
    runs = store.list_runs(
        limit=pager.PAGE_SIZE, before_id=pager.before("runs", filters), **filters
    )
    if runs:
        _table(runs)
        pager.show("runs", [run.id for run in runs], filters, label=_("Show older runs"))
    else:
        _nothing_matches()
    return _choose(runs)


def _filters() -> dict[str, Any]:
    """Show the filters above the table; return them as arguments of ``list_runs``."""
    word = language().word
    datasets = list(ui.application().datasets)
    with st.grid(3, min_column_width=150, gap="small", width=620):
        return {
            "dataset": address_choice.choose(
                _("Dataset"), datasets, name="dataset", key=FILTERS[0], shown=dataset_label
            ),
            "trigger": address_choice.choose(
                _("Trigger"), list(Trigger), name="trigger", key=FILTERS[1], shown=word
            ),
            "status": address_choice.choose(
                _("Status"), list(RunStatus), name="status", key=FILTERS[2], shown=word
            ),
        }


def _nothing_matches() -> None:
    st.caption(f":material/search_off: {_('No run matches.')}")
    st.button(
        _("Show all runs"),
        key="all_runs",
        icon=":material/filter_alt_off:",
        on_click=address_choice.forget,
        args=FILTERS,
    )


def _nothing_yet() -> None:
    text = _("The journal is empty: it begins with the first fetch.")
    st.info(text, title=_("Nothing has run yet"), icon=":material/history:")
    st.page_link("overview.py", label=_("Fetch from the overview"), icon=":material/arrow_forward:")


def _table(runs: list[Run]) -> None:
    word = language().word
    rows = [
        {
            "started_at": run.started_at,
            "dataset": dataset_label(run.dataset),
            "status": run.shown_status.value,
            "result": _result(run),
            "action": word(run.action),
            "trigger": word(run.trigger),
            "duration": run.duration_s,
            "id": run.id,
        }
        for run in runs
    ]
    # The first three fit a telephone; the fourth shows what failed and why.
    columns = [
        TableColumn("started_at", "moment", _("Started ({zone})").format(zone=language().place)),
        TableColumn("dataset", label=_("Dataset")),
        TableColumn("status", "status", _("Status"), width=120),
        TableColumn("result", label=_("Result"), widest=RESULT_PX),
        TableColumn("action", label=_("Action"), widest=WIDEST_PX),
        TableColumn("trigger", label=_("Trigger"), widest=WIDEST_PX),
        TableColumn("duration", "duration", _("Duration")),
        TableColumn("id", "number", _("Run")),
    ]
    ids = [run.id for run in runs]

    def pick() -> None:
        # A selection is a position, which the next run changes, so keep the number.
        picked = state["runs_table"]["selection"]["rows"]
        if picked and picked[0] < len(ids):
            state["run"] = ids[picked[0]]

    show_table(
        rows,
        columns,
        key="runs_table",
        alt=_("Runs, newest first"),
        on_select=pick,
        selection_mode="single-row",
    )


def _result(run: Run) -> str:
    """Return the summary of a run, or its error."""
    if run.status is RunStatus.RUNNING:
        return ""
    if run.status in {RunStatus.FAILED, RunStatus.INTERRUPTED} and run.error:
        return language().fact(run.error)
    return run_summary.summary(run)


def _choose(runs: list[Run]) -> Run | None:
    """Return the run whose details are shown, selected in the table or here, or from the URL."""
    store, ids = ui.application().store, [run.id for run in runs]
    for asked in (str(state.get("run", "")), st.query_params.get("run", "")):
        if asked.isdecimal() and len(asked) < 16 and int(asked) not in ids:
            ids += [int(asked)] if store.run(int(asked)) is not None else []
    if state.get("run") not in ids:
        state.pop("run", None)
    number = st.selectbox(
        _("Details of run"),
        ids,
        index=None,
        key="run",
        placeholder=_("Choose a run, or select one in the table"),
        width=420,
        bind="query-params",
    )
    return None if number is None else store.run(number)
