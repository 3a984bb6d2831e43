"""The journal: every run and every callback, newest first, and what one of them did."""

from dataclasses import asdict
from typing import Any

import streamlit as st

from ecommerce_core import ui
from ecommerce_core.models import Run, RunStatus, Trigger
from ecommerce_core.ui import Column, language, sign_and_word
from pages import notices, run_detail

PAGE_SIZE = 100
app = ui.application()
state = st.session_state


def _(message: str) -> str:
    return language().text(message)


def filters() -> dict[str, Any]:
    """The filters above the table, as arguments of ``list_runs``."""
    word = language().word
    everything: dict[str, Any] = {
        "index": None,
        "placeholder": _("All"),
        "format_func": word,
        "width": 180,
    }
    with st.container(horizontal=True, vertical_alignment="bottom"):
        dataset = st.selectbox(
            _("Dataset"),
            list(app.datasets),
            key=ui.choice("runs_dataset", app.datasets),
            **everything,
        )
        trigger = st.selectbox(
            _("Trigger"), list(Trigger), key=ui.choice("runs_trigger", list(Trigger)), **everything
        )
        status = st.selectbox(
            _("Status"),
            list(RunStatus),
            key=ui.choice("runs_status", list(RunStatus)),
            **everything,
        )
    return {"dataset": dataset, "trigger": trigger, "status": status}


def runs_table(runs: list[Run]) -> None:
    word = language().word
    rows = [
        {
            "id": run.id,
            "started_at": run.started_at,
            "dataset": word(run.dataset),
            "action": word(run.action),
            "trigger": word(run.trigger),
            "status": sign_and_word(run.status),
            **asdict(run.counts),
            "duration": run.duration_s,
            "error": language().sentence(run.error or ""),
        }
        for run in runs
    ]
    started = _("Started ({zone})").format(zone=language().place)
    columns = [
        Column("id", "number", _("Run")),
        Column("started_at", "moment", started),
        Column("dataset", label=_("Dataset")),
        Column("action", label=_("Action"), width=130),
        Column("trigger", label=_("Trigger"), width=105),
        Column("status", label=_("Status"), width=115),
        Column("fetched", "number", _("Fetched")),
        Column("added", "number", _("Added")),
        Column("updated", "number", _("Changed")),
        Column("withdrawn", "number", _("Gone")),
        Column("rejected", "number", _("Rejected")),
        Column("duration", "duration", _("Duration")),
        Column("error", label=_("Error")),
    ]
    ids = [run.id for run in runs]

    def pick() -> None:
        # A selection is a position, and the next run moves them all: keep the number.
        picked = state["runs_table"]["selection"]["rows"]
        if picked and picked[0] < len(ids):
            state["run"] = ids[picked[0]]

    ui.table(
        rows,
        columns,
        key="runs_table",
        alt=_("Runs, newest first"),
        on_select=pick,
        selection_mode="single-row",
    )


def choose_run(runs: list[Run]) -> Run | None:
    """The run whose detail is shown: picked in the table or here, or named in the URL."""
    ids = [run.id for run in runs]
    for asked in (str(state.get("run", "")), st.query_params.get("run", "")):
        if asked.isdecimal() and len(asked) < 16 and int(asked) not in ids:
            ids += [int(asked)] if app.store.run(int(asked)) is not None else []
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
    return None if number is None else app.store.run(number)


def deliveries_table() -> None:
    word = language().word
    rows = [
        {
            **{name: getattr(delivery, name) for name in ("received_at", "simulated_at", "run_id")},
            "dataset": word(delivery.dataset),
            "outcome": sign_and_word(delivery.outcome),
            "duration": delivery.duration_s,
            "reason": language().sentence(delivery.reason or ""),
        }
        for delivery in app.store.list_deliveries(limit=PAGE_SIZE)
    ]
    if not rows:
        st.caption(f":material/call_received: {_('No callback has arrived yet.')}")
        return
    columns = [
        Column("received_at", "moment", _("Received ({zone})").format(zone=language().place)),
        Column("simulated_at", "simulated", _("Simulated time")),
        Column("dataset", label=_("Dataset")),
        Column("outcome", label=_("Outcome")),
        Column("run_id", "number", _("Run")),
        Column("duration", "duration", _("Duration")),
        Column("reason", label=_("Reason")),
    ]
    ui.table(rows, columns, key="deliveries_table", alt=_("Callbacks, newest first"))


ui.page_frame(_("Activity"))
ui.watch(*app.datasets)
for name in app.datasets:
    notices.show(name)
with ui.guarded():
    st.header(_("Runs"), anchor=False)
    found_runs = app.store.list_runs(limit=state.get("_runs_shown", PAGE_SIZE), **filters())
    if found_runs:
        runs_table(found_runs)
        if len(found_runs) == state.get("_runs_shown", PAGE_SIZE):
            more = {"_runs_shown": len(found_runs) + PAGE_SIZE}
            st.button(_("Show older runs"), key="older_runs", on_click=state.update, args=(more,))
    else:
        st.caption(f":material/search_off: {_('No run matches.')}")
    chosen = choose_run(found_runs)
    if chosen is not None:
        run_detail.show(chosen)
with ui.guarded():
    st.header(_("Callbacks"), anchor=False)
    deliveries_table()
