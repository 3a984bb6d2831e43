"""The live channel: one component in the frame of every page, and its data at each drawing.

It opens a WebSocket to ``live`` and requests another drawing if the topics of this page are newer
than the drawn ones, but never while the visitor types, has a menu or dialog open or has just
pressed something. Its scripts say how: ``live_hub.js``, ``live_channel.js``.
"""

from __future__ import annotations

import time
from pathlib import Path
from typing import Any

import streamlit as st

from pages.ui import session, tasks
from pages.ui.live import live_words
from pages.ui.session import language
from pages.ui.session import text as _

HTML = """
<p class="time"></p>
<p class="state"></p>
<p class="off" role="status" hidden></p>
"""

CSS = """
p { margin: 0; font-size: 0.875rem; color: var(--st-text-color); opacity: 0.8;
  font-family: var(--st-font); font-variant-numeric: tabular-nums; }
p[hidden] { display: none; }
.time { font-weight: 600; }
"""

HUB = (Path(__file__).parent / "live_hub.js").read_text("utf-8")

# The topics of each page, besides the clock and the problems, which all pages show. A dataset's
# page shows the dataset, and the overview all of them.
EVERYWHERE = ("problems", "clock")
SHOWN = {
    "": ("deliveries", "tasks", "expected"),
    "scheduler": ("tasks", "expected"),
    "activity": ("runs", "begun", "deliveries"),
    # An answer belongs to its moment, which it shows: it does not change while it is read.
    "explore": (),
    "help": (),
}

state = st.session_state


def script(name: str) -> str:
    """Return the script of a component that shares the hub."""
    return HUB + (Path(__file__).parent / name).read_text("utf-8")


_channel = st.components.v2.component(
    "ecommerce_live", html=HTML, css=CSS, js=script("live_channel.js")
)
_end = st.components.v2.component("ecommerce_live_end", js=script("live_channel.js"))


def begin(page: str) -> None:
    """Draw the channel before the page, so that the page is at least as new as its versions."""
    state["_draw"] = state.get("_draw", 0) + 1
    state["_draw_again"] = None
    live = session.application().live.fresh_state()
    at = tasks.clock_at()
    data: dict[str, Any] = {
        # The present time, for programs, which run no script.
        "text": ""
        if at is None
        else _("simulated · {state}").format(state=language().simulated(at)),
        "draw": state["_draw"],
        "topics": topics_of(page),
        **session.live_ticket(),
        "state": {**live.as_dict(), "now_ms": round(time.time() * 1_000)},
        "words": {
            **live_words.words(),
            "paused": _("paused"),
            "simulated": _("simulated · {state}"),
            "off": _("Live updates are off; trying again."),
        },
    }
    _channel(key="live_channel", data=data, on_behind_change=_is_behind)


def topics_of(page: str) -> list[str]:
    """Return the topics of a page, by its path: it is redrawn once one of them has changed."""
    datasets = [name for name in session.application().datasets if page in {"", name}]
    return [*datasets, *SHOWN.get(page, ()), *EVERYWHERE]


def draw_again(after_s: float, *, unless_live: bool = False) -> None:
    """Redraw this page once after ``after_s``; ``unless_live``: only without a channel.

    For a change that may not happen: nothing announces its absence.
    """
    before = state.get("_draw_again")
    if before is None or after_s < before[0]:
        state["_draw_again"] = after_s, unless_live


def end() -> None:
    """Tell the browser that this drawing is complete."""
    again = state.get("_draw_again")
    data = {
        "ended": state["_draw"],
        "again_ms": None if again is None else round(again[0] * 1_000),
        "unless_live": again is not None and again[1],
    }
    _end(key="live_end", data=data, height=1)


def _is_behind() -> None:
    """Do nothing: the script run that the browser requested redraws the page."""
