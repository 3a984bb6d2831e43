"""The few kinds of pictures that pages draw, in the theme's colours and the reader's numbers."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pandas as pd
import streamlit as st

from pages.ui.session import language

COUNTS = {"title": None, "tickCount": 4}


_HOURS = {"hours": "%H:%M", "minutes": "%H:%M"}  # a day has 24 of them
# How an axis writes numbers and times, which is the browser's own business otherwise.
_FRENCH_NUMBERS = {
    "decimal": ",",
    "thousands": "\u202f",
    "grouping": [3],
    "currency": ["", "\u00a0€"],
}
_FRENCH_TIMES = {
    "dateTime": "%A %e %B %Y, %X",
    "date": "%d/%m/%Y",
    "time": "%H:%M:%S",
    "periods": ["", ""],
    "days": ["dimanche", "lundi", "mardi", "mercredi", "jeudi", "vendredi", "samedi"],
    "shortDays": ["dim.", "lun.", "mar.", "mer.", "jeu.", "ven.", "sam."],
    "months": [
        *("janvier", "février", "mars", "avril", "mai", "juin"),
        *("juillet", "août", "septembre", "octobre", "novembre", "décembre"),
    ],
    "shortMonths": [
        *("janv.", "févr.", "mars", "avr.", "mai", "juin"),
        *("juil.", "août", "sept.", "oct.", "nov.", "déc."),
    ],
}


def _draw(frame: pd.DataFrame, spec: dict[str, Any], *, alt: str, height: int, **more: Any) -> Any:
    if language().code == "fr":
        spec = {**spec, "config": {"locale": {"number": _FRENCH_NUMBERS, "time": _FRENCH_TIMES}}}
    return st.vega_lite_chart(frame, spec, height=height, alt=alt, **more)


def bars(
    frame: pd.DataFrame, *, alt: str, height: int, key: str, on_pick: Callable[[list[str]], None]
) -> None:
    """Horizontal bars of ``name``, ``count``, ``said``, ``chosen``.

    A click calls ``on_pick`` with the names that were clicked.
    """

    def pick() -> None:
        picked = st.session_state[key]["selection"].get("picked") or []
        on_pick([point["name"] for point in picked if "name" in point])

    spec = {
        "encoding": {
            "y": {"field": "name", "type": "nominal", "sort": None, "axis": {"title": None}},
            "x": {"field": "count", "type": "quantitative", "axis": COUNTS},
            "tooltip": [{"field": "said", "type": "nominal", "title": " "}],
        },
        "layer": [
            {
                "mark": {"type": "bar", "cursor": "pointer", "cornerRadiusEnd": 3},
                "params": [{"name": "picked", "select": {"type": "point", "fields": ["name"]}}],
                "encoding": {
                    "opacity": {
                        "condition": {"test": "datum.chosen", "value": 1},
                        "value": 0.35,
                    }
                },
            }
        ],
    }
    _draw(frame, spec, alt=alt, height=height, key=key, on_select=pick, selection_mode=["picked"])


def histogram(frame: pd.DataFrame, *, label: str, alt: str, height: int) -> None:
    """Bars of ``low``, ``high``, ``count``, ``said``."""
    spec = {
        "mark": {"type": "bar", "binSpacing": 1},
        "encoding": {
            "x": {
                "field": "low",
                "type": "quantitative",
                "bin": {"binned": True},
                "axis": {"title": label, "grid": False, "tickCount": 6},
            },
            "x2": {"field": "high"},
            "y": {
                "field": "count",
                "type": "quantitative",
                "axis": COUNTS,
            },
            "tooltip": [{"field": "said", "type": "nominal", "title": " "}],
        },
    }
    _draw(frame, spec, alt=alt, height=height)


def steps(frame: pd.DataFrame, *, label: str, alt: str, height: int) -> None:
    """A line of ``at``, ``value`` that changes at once and then stays."""
    spec = {
        "mark": {"type": "line", "interpolate": "step-after", "point": len(frame) < 40},
        "encoding": {
            "x": {
                "field": "at",
                "type": "temporal",
                "axis": {"title": None, "grid": False, "tickCount": 5, "format": _HOURS},
            },
            "y": {
                "field": "value",
                "type": "quantitative",
                "scale": {"zero": False},
                "axis": {"title": label, "tickCount": 4},
            },
        },
    }
    _draw(frame, spec, alt=alt, height=height)


def plot(
    frame: pd.DataFrame, *, chart: str, kind: str, labels: tuple[str, str, str], alt: str
) -> None:
    """``y`` over ``x`` as ``bars``, ``line`` or ``points``; ``apart`` tells several of them apart.

    ``kind`` says what ``x`` is: ``name``, ``number`` or ``time``, which are texts in UTC.
    ``labels`` are those of x, y and apart, which is empty if there are no several.
    """
    along, up, apart = labels
    marks: dict[str, Any] = {
        "bars": {"type": "bar", "cornerRadiusEnd": 3},
        "line": {"type": "line", "point": len(frame) < 60},
        "points": {"type": "point", "filled": True},
    }
    types = {"name": "nominal", "number": "quantitative", "time": "temporal"}
    x: dict[str, Any] = {"field": "x", "type": types[kind], "title": along}
    if kind == "name":
        x |= {"sort": None, "axis": {"labelLimit": 220, "title": along}}
    if kind == "time":
        x |= {"scale": {"type": "utc"}, "axis": {"grid": False, "tickCount": 6, "title": along}}
    y: dict[str, Any] = {"field": "y", "type": "quantitative"}
    y |= {"axis": {"title": up, "tickCount": 5}, "scale": {"zero": chart == "bars"}}
    encoding: dict[str, Any] = {"x": x, "y": y}
    # Names are read from left to right, so their bars lie.
    lies = chart == "bars" and kind == "name"
    if lies:
        encoding = {"y": x, "x": y}
    told = [("x", along, types[kind]), ("y", up, "quantitative")]
    if apart:
        encoding["color"] = {"field": "apart", "type": "nominal", "title": apart, "sort": None}
        told.append(("apart", apart, "nominal"))
        if chart == "bars":
            encoding["yOffset" if lies else "xOffset"] = {"field": "apart", "sort": None}
    encoding["tooltip"] = [
        {"field": field, "type": each, "title": title} for field, title, each in told
    ]
    rows = len(frame) if apart else frame["x"].nunique()
    height = max(140, 24 * rows + 60) if lies else 380
    _draw(frame, {"mark": marks[chart], "encoding": encoding}, alt=alt, height=min(height, 1_200))
