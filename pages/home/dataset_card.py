"""The card of a dataset: its count and trend, its last run, its schedule, and its last runs."""

from __future__ import annotations

import streamlit as st

from ecommerce_core.domain import Action, Counts, Run, RunStatus, Task, Totals
from pages import ui
from pages.dataset import dataset_actions
from pages.home import first_steps
from pages.runs import run_strip, run_summary
from pages.ui import EcommerceError, address, labels, language, period, status, tasks
from pages.ui import text as _
from pages.ui.current_application import page_of
from pages.ui.live import live_text

STRIP_HEIGHT = 60
STRIP_SLOTS = 24


def show(name: str, total: Totals) -> None:
    """Show the card. Raises StoreError."""
    app = ui.application()
    run = app.store.last_run(name)
    with st.container(border=True, height="stretch", gap="xsmall"):
        with st.container(horizontal=True, vertical_alignment="center", gap="small"):
            icon = f":material/{app.datasets[name].icon}:"
            st.page_link(page_of(name), label=f"**{labels.dataset_title(name)}**", icon=icon)
            st.space("stretch")
            first_steps.fetch_button(name)
        counted, ended = st.columns(2, gap="small")
        with counted:
            _count(name, total, run)
        with ended:
            run_strip.show_one(name, height=STRIP_HEIGHT, slots=STRIP_SLOTS, on_pick=_open_run)
        _last_run(name, run)
        _schedule(name)
        if ui.may_change():
            dataset_actions.undo_button(name)


def _count(name: str, total: Totals, run: Run | None) -> None:
    app, words = ui.application(), language()
    counts = Counts() if run is None or not run.status.is_good else run.counts
    grown = counts.added + counts.returned - counts.withdrawn
    sign = "+" if grown > 0 else "\N{MINUS SIGN}"
    sizes = app.store.size_over_time(app.datasets[name], limit=30)
    has_line = len(sizes) > 2  # which tells the trend, and needs the room
    delta = f"{sign}{words.number(abs(grown))}" if grown and not has_line else None
    st.metric(
        labels.dataset_title(name),
        words.number(total.current),
        delta,
        delta_color="off",
        delta_arrow="up" if grown > 0 else "down",
        label_visibility="collapsed",
        chart_data=[rows for _at, rows in sizes] if has_line else None,
    )


def _last_run(name: str, run: Run | None) -> None:
    """Show how the last run ended and, if it was not good, the age of the rows."""
    words = language()
    if run is None:
        st.markdown(status.pill("unknown", _("Not fetched yet")))
        return
    what = words.word(run.trigger)
    if run.action is not Action.SYNC:
        what = f"{words.word(run.action)} ({what})"
    with st.container(horizontal=True, vertical_alignment="center", gap="xsmall"):
        st.markdown(status.pill(run.shown_status), width="content")
        ago = live_text.age(run.finished_at or run.started_at)
        line = [live_text.text(f"{what} · "), ago]
        live_text.show(f"freshness_{name}", line, look="caption")
    if run.status.is_good:
        if run.status is not RunStatus.UNCHANGED:
            st.caption(run_summary.summary(run, brief=True))
    else:
        _rows_of(name)
    good = ui.application().store.last_good_run(name)
    if good is not None and good.counts.rejected:
        _rejected(good)


def _rows_of(name: str) -> None:
    """Show from when the rows are, which an older run brought."""
    good = ui.application().store.last_good_run(name)
    if good is not None and good.finished_at is not None:
        rows = live_text.filled(
            _("data from {moment} ({ago})"),
            moment=language().moment(good.finished_at, seconds=False),
            ago=live_text.age(good.finished_at),
        )
        live_text.show(f"rows_{name}", rows, look="caption")


def _rejected(run: Run) -> None:
    count = run.counts.rejected
    st.page_link(
        "activity.py",
        label=language().plural("{count} record rejected", "{count} records rejected", count),
        icon=":material/playlist_remove:",
        query_params={**address.language_kept(), "run": str(run.id)},
    )


def _schedule(name: str) -> None:
    """Show how often a dataset is fetched, and when next."""
    try:
        ours = [task for task in tasks.list_ours() if _fetches(task, name)]
    except EcommerceError:
        return  # the card of the next callbacks says so
    coming = [task for task in ours if task.next_fire_time is not None]
    if not coming:
        st.caption(_("Not scheduled."))
        return
    often = [task for task in coming if period(task.recurrence) is not None]
    every = min(often, key=lambda task: period(task.recurrence) or 0, default=coming[0])
    line = live_text.filled(
        _("Scheduled {recurrence}, next {countdown}"),
        recurrence=language().word(every.recurrence),
        countdown=live_text.until(coming[0].next_fire_time),
    )
    live_text.show(f"schedule_{name}", line, look="caption")


def _fetches(task: Task, name: str) -> bool:
    dataset = tasks.dataset_of(task)
    return dataset is not None and dataset.name == name


def _open_run(number: int) -> None:
    """Callback: open the run whose bar was clicked."""
    asked = {**address.language_kept(), "run": str(number)}
    st.switch_page("activity.py", query_params=asked)
