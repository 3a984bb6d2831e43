"""The changes between two runs: added, withdrawn, changed field by field, counted and paged."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import streamlit as st

from ecommerce_core.datasets import Dataset, View, change_query_of
from ecommerce_core.domain import Action, ChangeKind, Run, RunStatus
from pages import ui
from pages.dataset import change_filters, change_table, export_menu, view_state
from pages.dataset.rows import active_filters, toolbar
from pages.dataset.view_state import choose_in, edited_by
from pages.ui import Language, labels, language, segments
from pages.ui import text as _

RUNS_OFFERED = 200
EVERYTHING = "all"


def show(dataset: Dataset) -> list[str]:
    """Show this whole part of the page. Return the keys of the rows. Raises StoreError."""
    store, view = ui.application().store, view_state.current(dataset.name)
    good = [status for status in RunStatus if status.is_good]
    listed = store.list_runs(dataset=dataset.name, statuses=good, limit=RUNS_OFFERED)
    runs = [run for run in listed if run.action is not Action.CLEAR]
    if len(runs) < 2:
        text = _("Nothing to compare yet: two successful fetches are needed.")
        st.info(text, icon=":material/difference:")
        return []
    start, end = _choose(dataset, view, runs)
    if start == end:
        st.info(_("Choose two different runs."), icon=":material/difference:")
        return []
    if any(run.action is Action.CLEAR and run.id > start for run in listed):
        text = _("The rows were cleared since. Those that were not fetched again are not listed.")
        st.caption(f":material/info: {text}")
    alt = _("What changed from run {first} to run {last}").format(first=start, last=end)
    with ui.application().changes.at(dataset, start, end) as changes:
        query = change_query_of(view, dataset)
        counts = changes.count_rows(query)
        _controls(dataset, view, (start, end), counts)
        active_filters.show(dataset, View(choices=view.choices))
        change_filters.show_totals(dataset, view, changes)
        return change_table.show(dataset, view, changes, alt=alt)


def _choose(dataset: Dataset, view: View, runs: Sequence[Run]) -> tuple[int, int]:
    """Return the two chosen runs, by default the last that changed something and the one before."""
    store, by_id = ui.application().store, {run.id: run for run in runs}
    for number in (view.from_run, view.to_run):
        run = store.run(number) if number is not None and number not in by_id else None
        if run is not None and run.dataset == dataset.name:
            by_id[run.id] = run
    ids = sorted(by_id, reverse=True)
    newest = ids[0] if view.from_run in by_id else _last_change(runs)
    end = view.to_run if view.to_run in by_id else newest
    older = [number for number in ids if number < (end or 0)]
    start = view.from_run if view.from_run in by_id else (older or ids)[0]
    words = language()
    chosen = {"from_run": (_("From run"), start), "to_run": (_("To run"), end)}
    with st.grid(2, min_column_width=300, gap="small"):
        for field, (title, number) in chosen.items():
            key = f"{dataset.name}_{field}"
            st.selectbox(
                title,
                ids,
                key=choose_in(key, number),
                format_func=lambda number: _label(by_id[number], words),
                on_change=edited_by(dataset.name, key, field, options=ids),
            )
    first, last = sorted((start or 0, end or 0))
    return first, last


def _last_change(runs: Sequence[Run]) -> int:
    """Return the newest run that changed something since an older one; the newest if none did."""
    changed = (run.id for run in runs[:-1] if _changes_of(run))
    return next(changed, runs[0].id)


def _changes_of(run: Run) -> dict[str, int]:
    """Return the numbers of changed rows by their sign, without those that are 0."""
    counts = run.counts
    signs = {
        "+": counts.added,
        "↩": counts.returned,
        "~": counts.updated,
        "−": counts.withdrawn,
    }
    return {sign: n for sign, n in signs.items() if n}


def _label(run: Run, words: Language) -> str:
    """Return a short label of a run: ``Run 12 · 24 Nov 2026, 20:05 · +12 ~191 −22``."""
    did = " ".join(f"{sign}{words.number(n)}" for sign, n in _changes_of(run).items())
    moment = words.moment(run.started_at, seconds=False)
    nothing = words.text("nothing has changed")
    return f"{words.text('Run')} {run.id} · {moment} · {did or nothing}"


def _controls(
    dataset: Dataset,
    view: View,
    runs: tuple[int, int],
    counts: Mapping[ChangeKind, int],
) -> None:
    words, key = language(), f"{dataset.name}_kind"
    numbers = {EVERYTHING: sum(counts.values())}
    numbers |= {str(kind): count for kind, count in counts.items()}
    key_label = labels.column_label(dataset.column(dataset.key))
    kinds = {
        EVERYTHING: _("All"),
        "added": _("Added"),
        "returned": _("Returned"),
        "withdrawn": _("Withdrawn"),
        "updated": _("Changed"),
    }
    with st.container(horizontal=True, vertical_alignment="center", gap="small"):
        toolbar.search_box(dataset, view, placeholder=key_label, key="search_changes")
        change_filters.show(dataset, view)
        st.space("stretch")
        export_menu.show_changes(dataset, runs, numbers[EVERYTHING])
    segments.show(
        _("Kind"),
        {kind: f"{text} ({words.number(numbers.get(kind, 0))})" for kind, text in kinds.items()},
        key=choose_in(key, view.kind or EVERYTHING),
        on_change=edited_by(
            dataset.name,
            key,
            "kind",
            lambda kind: None if kind == EVERYTHING else kind,
            options=kinds,
        ),
    )
