"""The last runs of each dataset as bars: how each ended, how long it took; a click opens it."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence

import pandas as pd
import streamlit as st

from ecommerce_core.domain import Run, RunStatus
from pages import ui
from pages.runs import run_summary
from pages.ui import charts, language, sign_and_word
from pages.ui import text as _
from pages.ui.labels import dataset_label

SHOWN = 40
HEIGHT = 110
# They stand out on white and on black; what is no good run has its sign above it as well.
COLOURS: Mapping[RunStatus, str] = {
    RunStatus.SUCCEEDED: "#2a9163",
    RunStatus.UNCHANGED: "#7fb8a0",
    RunStatus.PARTIAL: "#c47a12",
    RunStatus.HELD: "#8a72d6",
    RunStatus.FAILED: "#e0463c",
    RunStatus.INTERRUPTED: "#d2528c",
    RunStatus.RUNNING: "#7f8c8d",
}
UNSIGNED = frozenset({RunStatus.SUCCEEDED, RunStatus.UNCHANGED})


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
                _strip(name, runs)


def _strip(name: str, runs: Sequence[Run]) -> None:
    words = language()
    counts = Counter(run.status for run in runs)
    said = ", ".join(
        f"{words.number(counts[status])} {sign_and_word(status)}"
        for status in COLOURS
        if counts[status]
    )
    title = _("Last runs: {dataset}").format(dataset=dataset_label(name))
    st.markdown(f"**{title}** :small[{said}]")
    longest = max((run.duration_s or 0.0 for run in runs), default=0.0) or 1.0
    frame = pd.DataFrame(
        [
            {
                "run": run.id,
                # One that took next to no time is still to be seen, and hit.
                "height": max(run.duration_s or 0.0, longest / 12),
                "status": run.status.value,
                "sign": "" if run.status in UNSIGNED else ui.sign_of(run.status),
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
            st.session_state["run"] = int(number)

    colours = {status.value: colour for status, colour in COLOURS.items()}
    charts.strip(
        frame,
        colours=colours,
        slots=SHOWN,
        alt=f"{title}: {said}",
        height=HEIGHT,
        key=key,
        on_pick=pick,
    )


def _said(run: Run) -> str:
    words = language()
    parts = [
        _("Run {id}").format(id=run.id),
        words.moment(run.started_at, seconds=False),
        sign_and_word(run.status),
    ]
    if run.duration_s is not None:
        parts.append(words.duration(run.duration_s))
    if run.status.is_good:
        parts.append(run_summary.summary(run))
    return " · ".join(parts)
