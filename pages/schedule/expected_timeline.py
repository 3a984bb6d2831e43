"""The picture of promised and received callbacks on the simulated clock, a row for each task."""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import suppress
from datetime import UTC, datetime, timedelta
from typing import Any

import pandas as pd
import streamlit as st

from ecommerce_core.domain import ExpectedCallback, ExpectedOutcome
from pages.ui import language, sign_and_word
from pages.ui import text as _

ROW_HEIGHT, FRAME_HEIGHT = 64, 90

# A shape beside the colour; the colours stand out on white and on black.
LOOKS = {
    ExpectedOutcome.ON_TIME: ("circle", "#2a9163"),
    ExpectedOutcome.LATE: ("triangle-right", "#c47a12"),
    ExpectedOutcome.OVERRAN: ("diamond", "#8a72d6"),
    ExpectedOutcome.REFUSED: ("square", "#b5713c"),
    ExpectedOutcome.FAILED: ("triangle-down", "#d2528c"),
    ExpectedOutcome.MISSED: ("cross", "#e0463c"),
    ExpectedOutcome.OWED: ("triangle-up", "#7f8c8d"),
    ExpectedOutcome.VOID: ("triangle-left", "#7f8c8d"),
}


def _row(promise: ExpectedCallback) -> dict[str, Any]:
    words = language()
    came = promise.simulated_last_at
    with suppress(OverflowError):
        came += timedelta(seconds=promise.lateness_s or 0)
    said = [words.simulated(promise.simulated_at), sign_and_word(promise.outcome)]
    if promise.lateness_s:
        said.append(_("late by {duration}").format(duration=words.duration(promise.lateness_s)))
    if promise.count > 1:
        said.append(f"× {words.number(promise.count)}")
    return {
        "task": f"{promise.task_name}\n{words.word(promise.recurrence)}",
        "due": promise.simulated_at,
        "came": came,
        "outcome": sign_and_word(promise.outcome),
        "said": " · ".join(said),
    }


def show(
    promises: Sequence[ExpectedCallback], since: datetime, until: datetime, *, alt: str
) -> None:
    """What was due between two simulated times. ``alt`` says the same in words."""
    frame = pd.DataFrame([_row(promise) for promise in promises])
    present = [outcome for outcome in LOOKS if any(one.outcome is outcome for one in promises)]
    names = [sign_and_word(outcome) for outcome in present]
    # A simulated time has no zone: read as UTC, and shown as UTC.
    ends = [at.replace(tzinfo=UTC).timestamp() * 1000 for at in (since, until)]
    time = {"type": "temporal", "scale": {"type": "utc", "domain": ends, "nice": False}}
    axis = {
        "title": _("Simulated time"),
        "format": "%H:%M" if until - since <= timedelta(days=1) else "%d/%m %H:%M",
        "grid": True,
        "labelOverlap": True,
        "tickCount": 6,
    }
    shape, colour = ([LOOKS[one][part] for one in present] for part in (0, 1))
    legend = {"title": None, "orient": "bottom", "symbolSize": 90}
    spec = {
        "encoding": {
            "y": {
                "field": "task",
                "type": "nominal",
                "axis": {"title": None, "labelExpr": "split(datum.label, '\\n')", "ticks": False},
            },
            "x": {"field": "due", **time, "axis": axis},
            "tooltip": [{"field": "said", "type": "nominal", "title": " "}],
        },
        "layer": [
            {"mark": {"type": "tick", "thickness": 1, "size": 34, "color": "#8a9999"}},
            {
                "mark": {"type": "rule", "strokeWidth": 2, "color": "#8a9999", "clip": True},
                "encoding": {"x2": {"field": "came"}},
            },
            {
                "mark": {"type": "point", "filled": True, "size": 80, "opacity": 1, "clip": True},
                "encoding": {
                    "x": {"field": "came", **time, "axis": axis},
                    "shape": {
                        "field": "outcome",
                        "type": "nominal",
                        "scale": {"domain": names, "range": shape},
                        "legend": legend,
                    },
                    "color": {
                        "field": "outcome",
                        "type": "nominal",
                        "scale": {"domain": names, "range": colour},
                        "legend": legend,
                    },
                },
            },
        ],
        "usermeta": {"embedOptions": {"actions": False}},
    }
    height = FRAME_HEIGHT + ROW_HEIGHT * frame["task"].nunique()
    st.vega_lite_chart(frame, spec, height=height, alt=alt)
