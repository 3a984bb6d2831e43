"""The few kinds of charts on pages, in the theme's colours and the reader's number format."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any, Literal

import pandas as pd
import streamlit as st

from pages.ui.session import language
from pages.ui.session import text as _

# In pixels, or all that its container has.
Height = int | Literal["stretch"]


def _counts() -> dict[str, Any]:
    """Return the axis of numbers of rows."""
    return {"title": _("Number of rows"), "tickCount": 4, "tickMinStep": 1}


_HOURS = {"hours": "%H:%M", "minutes": "%H:%M"}  # a day has 24 of them
# The format of an axis's numbers and times, which the browser would choose otherwise.
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


def _draw(
    frame: pd.DataFrame, spec: dict[str, Any], *, alt: str, height: Height, **more: Any
) -> Any:
    if language().code == "fr":
        locale = {"number": _FRENCH_NUMBERS, "time": _FRENCH_TIMES}
        spec = {**spec, "config": {**spec.get("config", {}), "locale": locale}}
    return st.vega_lite_chart(frame, spec, height=height, alt=alt, **more)


def bars(
    frame: pd.DataFrame, *, alt: str, height: Height, key: str, on_pick: Callable[[list[str]], None]
) -> None:
    """Draw horizontal bars of ``name``, ``count``, ``said``, ``chosen``.

    A click calls ``on_pick`` with the names that were clicked.
    """

    def pick() -> None:
        picked = st.session_state[key]["selection"].get("picked") or []
        on_pick([point["name"] for point in picked if "name" in point])

    spec = {
        "encoding": {
            # Each bar has its name: Vega would leave out every second where they stand close.
            "y": {
                "field": "name",
                "type": "nominal",
                "sort": None,
                "axis": {"title": None, "labelOverlap": False},
            },
            "x": {"field": "count", "type": "quantitative", "axis": _counts()},
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


def strip(
    frame: pd.DataFrame,
    *,
    colours: Mapping[str, str],
    slots: int,
    alt: str,
    height: Height,
    key: str,
    on_pick: Callable[[], None],
) -> None:
    """Bars in a row, oldest first, of ``run``, ``height``, ``status``, ``shape``, ``said``.

    There is room for ``slots`` of them, so that a few are no wider than many. A click calls
    ``on_pick``.
    """
    frame = frame.assign(slot=range(len(frame)))
    colour = {
        "field": "status",
        "type": "nominal",
        "scale": {"domain": list(colours), "range": list(colours.values())},
        "legend": None,
    }
    spec = {
        "encoding": {
            "x": {
                "field": "slot",
                "type": "ordinal",
                "scale": {"domain": list(range(slots)), "paddingInner": 0.25},
                "axis": None,
            },
            "y": {"field": "height", "type": "quantitative", "axis": None},
            "tooltip": [{"field": "said", "type": "nominal", "title": " "}],
        },
        "layer": [
            {
                "mark": {"type": "bar", "cursor": "pointer", "cornerRadiusEnd": 2},
                "params": [{"name": "picked", "select": {"type": "point", "fields": ["run"]}}],
                "encoding": {"color": colour},
            },
            {
                "transform": [{"filter": "datum.shape !== ''"}],
                # The bars tell their status already, and without points the layer has no name.
                "mark": {"type": "point", "filled": True, "size": 45, "yOffset": -8, "aria": False},
                "encoding": {
                    "color": colour,
                    "shape": {"field": "shape", "type": "nominal", "scale": None, "legend": None},
                },
            },
        ],
        "config": {"view": {"stroke": None}},
    }
    _draw(
        frame, spec, alt=alt, height=height, key=key, on_select=on_pick, selection_mode=["picked"]
    )


def histogram(frame: pd.DataFrame, *, label: str, alt: str, height: Height) -> None:
    """Draw bars of ``low``, ``high``, ``count``, ``said``."""
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
                "axis": _counts(),
            },
            "tooltip": [{"field": "said", "type": "nominal", "title": " "}],
        },
    }
    _draw(frame, spec, alt=alt, height=height)


def steps(frame: pd.DataFrame, *, label: str, alt: str, height: Height) -> None:
    """Draw a step line of ``at``, ``value``: each value holds until the next."""
    spec = {
        "mark": {"type": "line", "interpolate": "step-after", "point": len(frame) < 40},
        "encoding": {
            "x": {
                "field": "at",
                "type": "temporal",
                "axis": {
                    "title": _("Time ({zone})").format(zone=language().place),
                    "grid": False,
                    "tickCount": 5,
                    "format": _HOURS,
                },
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
    """Draw ``y`` over ``x`` as ``bars``, ``line`` or ``points``; ``apart`` distinguishes series.

    ``kind`` is the kind of ``x``: ``name``, ``number`` or ``time``, which are texts in UTC.
    ``labels`` are those of x, y and apart; the last is empty if there is one series.
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
    # Names are read from left to right, so their bars are horizontal.
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
