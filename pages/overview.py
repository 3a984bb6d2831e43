"""What an operator asks at nine in the morning: is all fresh, what failed, what comes next."""

from datetime import UTC, datetime

import streamlit as st

from ecommerce_core import ui
from ecommerce_core.models import Run, RunStatus, Totals
from ecommerce_core.ui import escape, language, sign_and_word
from pages import notices, overview_pictures, reads, tasks

app = ui.application()


def _(message: str) -> str:
    return language().text(message)


def fetch_button(name: str) -> None:
    st.button(
        _("Fetch {dataset}").format(dataset=language().word(name)),
        key=f"fetch_{name}",
        icon=":material/sync:",
        type="primary",
        on_click=ui.fetch,
        args=(name,),
    )


def first_steps(totals: dict[str, Totals]) -> None:
    """What leads a new user to a full store."""
    st.header(_("Three steps to begin"), anchor=False)
    with st.grid(3, gap="small"):
        for number, (name, total) in enumerate(totals.items(), start=1):
            with st.container(border=True, height="stretch"):
                done = total.current > 0
                icon = ":material/check_circle:" if done else f":material/counter_{number}:"
                heading = _("Fetch {dataset}").format(dataset=language().word(name))
                st.markdown(f"{icon} **{heading}**")
                peer = escape(app.datasets[name].peer)
                st.caption(_("From {peer}, into our own database.").format(peer=peer))
                if done:
                    st.caption(_("Done: {n} rows.").format(n=language().number(total.current)))
                else:
                    fetch_button(name)
        with st.container(border=True, height="stretch"):
            st.markdown(f":material/counter_3: **{_('Schedule a task')}**")
            st.caption(_("Let the scheduler fetch again, on its simulated clock."))
            st.page_link("scheduler.py", label=_("Schedule…"), icon=":material/schedule:")


def dataset_card(name: str, total: Totals, run: Run | None) -> None:
    words = language()
    with st.container(border=True, height="stretch"):
        delta = None
        if run and run.status.is_good and run.counts.added != run.counts.withdrawn:
            grown = run.counts.added - run.counts.withdrawn
            delta = f"{'+' if grown > 0 else '-'}{words.number(abs(grown))}"
        dataset = app.datasets[name]
        sizes = reads.kept(dataset, lambda: app.store.size_over_time(dataset, limit=30), "trend")
        st.metric(
            words.word(name).capitalize(),
            words.number(total.current),
            delta,
            delta_description=_("in the last run") if delta is not None else None,
            chart_data=[rows for _at, rows in sizes] if len(sizes) > 2 else None,
        )
        if run is None:
            st.caption(_("Never fetched yet."))
        else:
            ago = words.ago(run.finished_at or run.started_at, datetime.now(UTC))
            what = f"{words.word(run.action)} ({words.word(run.trigger)})"
            parts = [sign_and_word(run.status), what, ago]
            if run.status.is_good and run.status is not RunStatus.UNCHANGED:
                parts.append(ui.summary(run))
            st.caption(" · ".join(parts))
        st.space("stretch")
        with st.container(horizontal=True, vertical_alignment="center"):
            if total.current:
                fetch_button(name)
            label = words.word(name).capitalize()
            st.page_link(f"{name}.py", label=label, icon=":material/arrow_forward:")


@st.fragment(run_every=2.0)
def coming() -> None:
    """The next three callbacks, in both clocks."""
    with ui.guarded():
        ours = tasks.list_ours()[:3]
        if not ours:
            st.caption(_("No task of ours is scheduled."))
        reading = app.scheduler.reading()
        for task in ours:
            moment = language().simulated(task.next_fire_time)
            text = _("{moment} simulated · {recurrence}")
            what = text.format(moment=moment, recurrence=escape(language().word(task.recurrence)))
            real = tasks.real_time_until(task, reading)
            st.markdown(f"**{escape(task.name)}** {real}")
            st.caption(what)
    st.page_link("scheduler.py", label=_("Open the scheduler"), icon=":material/arrow_forward:")


ui.page_frame(_("Overview"))
ui.watch(*app.datasets)
for dataset_name in app.datasets:
    notices.show(dataset_name)
with ui.guarded():
    all_totals = {name: app.store.totals(dataset) for name, dataset in app.datasets.items()}
    if not all(total.current for total in all_totals.values()):
        first_steps(all_totals)
    with st.grid(3, gap="small"):
        for dataset_name, dataset_totals in all_totals.items():
            if dataset_totals.current or dataset_totals.withdrawn:
                dataset_card(dataset_name, dataset_totals, app.store.last_run(dataset_name))
        with st.container(border=True, height="stretch"):
            st.markdown(f"**{_('Next callbacks')}**")
            coming()
overview_pictures.show()
