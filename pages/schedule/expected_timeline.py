"""The chart of expected and received callbacks on the simulated clock, a row for each task."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from contextlib import suppress
from datetime import datetime, timedelta
from typing import Any

import streamlit as st

from ecommerce_core.domain import ExpectedCallback, ExpectedOutcome, Task
from pages.ui import EcommerceError, language, occurrences, status, tasks
from pages.ui import text as _
from pages.ui.live import live_words

ROW_HEIGHT, FRAME_HEIGHT = 64, 90
# The past part that is drawn is this many times as long as the future part.
AHEAD = 4
SHOWN_OCCURRENCES = 40

# In the order of the legend.
OUTCOMES = (
    ExpectedOutcome.ON_TIME,
    ExpectedOutcome.LATE,
    ExpectedOutcome.SLOW,
    ExpectedOutcome.REFUSED,
    ExpectedOutcome.FAILED,
    ExpectedOutcome.MISSED,
    ExpectedOutcome.PENDING,
    ExpectedOutcome.CANCELLED,
)
NEXT_LOOK = ("stroke", status.INK["blue"])
# Every layer is on one axis, which is said once: Vega warns of each that says it again.
_TIME = {"type": "temporal", "scale": {"type": "utc"}}


def show(
    callbacks: Sequence[ExpectedCallback],
    since: datetime,
    until: datetime,
    *,
    now: datetime | None,
    alt: str,
) -> None:
    """Show what was due between two simulated times, and what comes next. ``alt`` describes it."""
    end = until
    with suppress(OverflowError):
        end += (until - since) / AHEAD
    rows = [_row(callback) for callback in callbacks]
    coming = [] if now is None else list(_coming(now, end))
    spec = _spec(rows + coming, since=since, until=end, now=now)
    names = {row["task"] for row in (*rows, *coming)}
    height = FRAME_HEIGHT + ROW_HEIGHT * len(names)
    st.vega_lite_chart(spec=spec, height=height, alt=alt)


def _row(callback: ExpectedCallback) -> dict[str, Any]:
    words = language()
    came = callback.simulated_last_at
    with suppress(OverflowError):
        came += timedelta(seconds=callback.lateness_s or 0)
    said = [words.simulated(callback.simulated_at), words.word(callback.outcome)]
    if callback.lateness_s:
        said.append(_("late by {duration}").format(duration=words.duration(callback.lateness_s)))
    if callback.count > 1:
        said.append(f"× {words.number(callback.count)}")
    return {
        "task": _name(callback.task_name, callback.recurrence),
        "due": live_words.milliseconds(callback.simulated_at),
        "came": live_words.milliseconds(came),
        "outcome": words.word(callback.outcome),
        "said": " · ".join(said),
    }


def _coming(now: datetime, end: datetime) -> Iterable[dict[str, Any]]:
    """Return when our tasks are due next, up to ``end``."""
    try:
        ours = tasks.list_ours()
    except EcommerceError:
        return  # the list says why
    for task in ours:
        if task.next_fire_time is None:
            continue
        for at in occurrences(task.next_fire_time, task.recurrence, SHOWN_OCCURRENCES):
            if now < at <= end:
                yield _next_row(task, at)


def _next_row(task: Task, at: datetime) -> dict[str, Any]:
    due = live_words.milliseconds(at)
    return {
        "task": _name(task.name, task.recurrence),
        "due": due,
        "came": due,
        "outcome": _next_word(),
        "said": f"{language().simulated(at)} · {_next_word()}",
    }


def _next_word() -> str:
    return _("next")


def _name(name: str, recurrence: str) -> str:
    return f"{tasks.short(name)}\n{language().word(recurrence)}"


def _spec(
    rows: Sequence[dict[str, Any]], *, since: datetime, until: datetime, now: datetime | None
) -> dict[str, Any]:
    looks = {
        language().word(outcome): (status.look(outcome).shape, status.ink(outcome))
        for outcome in OUTCOMES
    }
    looks[_next_word()] = NEXT_LOOK
    present = [name for name in looks if any(row["outcome"] == name for row in rows)]
    # A simulated time has no zone. As milliseconds, and drawn as UTC, every browser draws the same;
    # a time without zone would be read as the browser's own.
    ends = [_date_time(at) for at in (since, until)]
    scale = {"type": "utc", "domain": ends, "nice": False}
    axis = {
        "title": _("Simulated time"),
        "format": "%H:%M" if until - since <= timedelta(days=1.5) else "%d/%m %H:%M",
        "grid": True,
        "labelOverlap": True,
        "tickCount": 6,
    }
    shapes = ["circle" if looks[one] == NEXT_LOOK else looks[one][0] for one in present]
    colours = [looks[one][1] for one in present]
    legend = {"title": None, "orient": "right", "symbolSize": 90, "offset": 8}
    is_next = f"datum.outcome === {_quoted(_next_word())}"
    layers: list[dict[str, Any]] = [
        {
            "transform": [{"filter": f"!({is_next})"}],
            "mark": {"type": "tick", "thickness": 1, "size": 34, "color": "#8a9999"},
        },
        {
            # From when it was due to when it came. A rule would say the axis's ends in its own way.
            "transform": [{"fold": ["due", "came"], "as": ["end", "at"]}],
            "mark": {"type": "line", "strokeWidth": 2, "color": "#8a9999", "clip": True},
            "encoding": {"x": {"field": "at", **_TIME}, "detail": {"field": "number"}},
        },
        {
            "mark": {"type": "point", "filled": True, "size": 80, "clip": True, "strokeWidth": 1.5},
            "encoding": {
                "x": {"field": "came", **_TIME},
                "fillOpacity": {"condition": {"test": is_next, "value": 0}, "value": 1},
                "opacity": {"value": 1},
                "shape": {
                    "field": "outcome",
                    "type": "nominal",
                    "scale": {"domain": present, "range": shapes},
                    "legend": legend,
                },
                "color": {
                    "field": "outcome",
                    "type": "nominal",
                    "scale": {"domain": present, "range": colours},
                    "legend": legend,
                },
                "stroke": {
                    "field": "outcome",
                    "type": "nominal",
                    "scale": {"domain": present, "range": colours},
                    "legend": legend,
                },
            },
        },
    ]
    return {
        "data": {"values": [{**row, "number": number} for number, row in enumerate(rows)]},
        "encoding": {
            "y": {
                "field": "task",
                "type": "nominal",
                "axis": {"title": None, "labelExpr": "split(datum.label, '\\n')", "ticks": False},
            },
            "x": {"field": "due", "type": "temporal", "scale": scale, "axis": axis},
            "tooltip": [{"field": "said", "type": "nominal", "title": " "}],
        },
        "layer": layers + ([] if now is None else _now_line(now)),
        "usermeta": {"embedOptions": {"actions": False}},
    }


def _now_line(now: datetime) -> list[dict[str, Any]]:
    words = language()
    said = _("Now {moment}").format(moment=words.simulated(now))
    values = [{"now": live_words.milliseconds(now), "said": said, "word": _("now")}]
    x = {"field": "now", **_TIME}
    nothing = {"y": None, "tooltip": {"field": "said", "type": "nominal", "title": " "}}
    return [
        {
            "data": {"values": values},
            "mark": {"type": "rule", "strokeDash": [4, 3], "strokeWidth": 1.5, "color": "#3b7dd8"},
            "encoding": {"x": x, **nothing},
        },
        {
            "data": {"values": values},
            "mark": {
                "type": "text",
                "color": "#3b7dd8",
                "align": "left",
                "baseline": "top",
                "dx": 4,
                "y": 2,
            },
            "encoding": {"x": x, **nothing, "text": {"field": "word"}},
        },
    ]


def _date_time(at: datetime) -> dict[str, Any]:
    """Return a simulated time as Vega writes the end of an axis; it misreads milliseconds there."""
    return {
        "year": at.year,
        "month": at.month,
        "date": at.day,
        "hours": at.hour,
        "minutes": at.minute,
        "seconds": at.second,
        "utc": True,
    }


def _quoted(text: str) -> str:
    """Return a text as a Vega expression."""
    escaped = text.replace("\\", "\\\\").replace("'", "\\'")
    return f"'{escaped}'"
