"""The last runs of each dataset as bars: how each ended, how long it took; a click opens it."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Sequence

import pandas as pd
import streamlit as st

from ecommerce_core.domain import Run, RunStatus
from pages import ui
from pages.runs import run_counts, run_summary
from pages.ui import charts, language, status
from pages.ui import text as _
from pages.ui.labels import dataset_label

SHOWN = 40
HEIGHT = 110
# Any other has a shape above its bar, so that it is told without its colour.
PLAIN = frozenset({RunStatus.SUCCEEDED, RunStatus.UNCHANGED})


def show() -> None:
    """A strip for each dataset that has run. Raises StoreError."""
    app = ui.application()
    found = {name: app.store.list_runs(dataset=name, limit=SHOWN)[::-1] for name in app.datasets}
    found = {name: runs for name, runs in found.items() if runs}
    if not found:
        return
    with st.grid(2, min_column_width=320, gap="small"):
        for name, runs in found.items():
            with st.container():
                title = _("Last runs: {dataset}").format(dataset=dataset_label(name))
                st.markdown(f"**{title}** :small[{_in_words(runs)}]")
                _strip(name, runs, height=HEIGHT, slots=SHOWN, on_pick=_choose)


def show_one(name: str, *, height: int, slots: int, on_pick: Callable[[int], None]) -> None:
    """Show the strip of one dataset, if it has run; ``on_pick`` gets a run. Raises StoreError."""
    runs = ui.application().store.list_runs(dataset=name, limit=slots)[::-1]
    if runs:
        _strip(name, runs, height=height, slots=slots, on_pick=on_pick)


def _choose(number: int) -> None:
    st.session_state["run"] = number


def _in_words(runs: Sequence[Run]) -> str:
    """Return how the runs ended: ``3 runs succeeded, 1 run failed``."""
    counts = Counter(run.status for run in runs)
    return ", ".join(text for _status, text in run_counts.of_runs(counts))


def _strip(
    name: str, runs: Sequence[Run], *, height: int, slots: int, on_pick: Callable[[int], None]
) -> None:
    longest = max((run.duration_s or 0.0 for run in runs), default=0.0) or 1.0
    frame = pd.DataFrame(
        [
            {
                "run": run.id,
                # One that took next to no time is still to be seen, and hit.
                "height": max(run.duration_s or 0.0, longest / 12),
                "status": run.status.value,
                "shape": "" if run.status in PLAIN else status.look(run.status).shape,
                "said": _said(run),
            }
            for run in runs
        ]
    )
    key = f"run_strip_{name}"

    def pick() -> None:
        picked = st.session_state[key]["selection"].get("picked") or []
        number = next((point["run"] for point in picked if "run" in point), None)
        if number is not None:
            on_pick(int(number))

    colours = {each.value: status.ink(each) for each in RunStatus}
    title = _("Last runs: {dataset}").format(dataset=dataset_label(name))
    charts.strip(
        frame,
        colours=colours,
        slots=slots,
        alt=f"{title}: {_in_words(runs)}",
        height=height,
        key=key,
        on_pick=pick,
    )


def _said(run: Run) -> str:
    words = language()
    parts = [
        _("Run {id}").format(id=run.id),
        words.moment(run.started_at, seconds=False),
        words.word(run.shown_status),
    ]
    if run.duration_s is not None:
        parts.append(words.duration(run.duration_s))
    if run.status.is_good:
        parts.append(run_summary.summary(run))
    return " · ".join(parts)
