"""The overview: whether everything is fresh, what failed, and what comes next."""

import streamlit as st

from ecommerce_core.domain import Run, RunStatus, Totals
from pages import ui
from pages.home import charts, coming, first_steps, since
from pages.runs import issues, run_progress, run_summary
from pages.ui import header, labels, language, sign_and_word
from pages.ui import text as _
from pages.ui.current_application import page_of
from pages.ui.live import live_text

app = ui.application()


def dataset_card(name: str, total: Totals, run: Run | None) -> None:
    words, dataset = language(), app.datasets[name]
    with st.container(border=True, height="stretch"):
        delta = None
        if run and run.status.is_good and run.counts.added != run.counts.withdrawn:
            grown = run.counts.added - run.counts.withdrawn
            delta = f"{'+' if grown > 0 else '-'}{words.number(abs(grown))}"
        sizes = app.store.size_over_time(dataset, limit=30)
        st.metric(
            labels.dataset_title(name),
            words.number(total.current),
            delta,
            delta_description=_("in the last run") if delta is not None else None,
            chart_data=[rows for _at, rows in sizes] if len(sizes) > 2 else None,
        )
        live_text.show(f"freshness_{name}", freshness(name, run), look="caption")
        st.space("stretch")
        with st.container(horizontal=True, vertical_alignment="center"):
            if total.current:
                first_steps.fetch_button(name)
            label = labels.dataset_title(name)
            st.page_link(page_of(name), label=label, icon=":material/arrow_forward:")


def freshness(name: str, run: Run | None) -> list[live_text.Part]:
    """Return how the last run ended and, if it was not good, the age of the rows."""
    words = language()
    if run is None:
        return [live_text.text(_("Not fetched yet."))]
    what = f"{words.word(run.action)} ({words.word(run.trigger)})"
    parts = [
        live_text.text(f"{sign_and_word(run.status)} · {what} · "),
        live_text.age(run.finished_at or run.started_at),
    ]
    if run.status.is_good:
        if run.status is not RunStatus.UNCHANGED:
            parts.append(live_text.text(f" · {run_summary.summary(run)}"))
        return parts
    good = app.store.last_good_run(name)
    if good is not None and good.finished_at is not None:
        rows = live_text.filled(
            _("data from {moment} ({ago})"),
            moment=words.moment(good.finished_at, seconds=False),
            ago=live_text.age(good.finished_at),
        )
        parts += [live_text.text(" · "), *rows]
    return parts


header.show(_("Overview"))
ui.note_for_analysts()
run_progress.watch(*app.datasets)
has_problems = issues.show()
with ui.guarded():
    all_totals = {name: app.reader.totals(dataset) for name, dataset in app.datasets.items()}
    known = {name: total for name, total in all_totals.items() if total.current or total.withdrawn}
    if not all(total.current for total in all_totals.values()):
        first_steps.show(all_totals)
    elif not has_problems:
        well = _("The last fetch of every dataset succeeded.")
        st.markdown(f":green[:material/check_circle:] {well}")
    if known:
        with st.grid(3, min_column_width=280, gap="small"):
            for dataset_name, dataset_totals in known.items():
                dataset_card(dataset_name, dataset_totals, app.store.last_run(dataset_name))
            with st.container(border=True, height="stretch", gap="xsmall"):
                coming.show()
        with st.grid(3, min_column_width=280, gap="small"):
            with st.container(border=True, height="stretch", gap="xsmall"):
                since.show()
            charts.show()
