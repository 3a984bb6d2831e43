"""The face of the simulated clock: date and time, large, moving between two readings.

The scheduler's clock jumps once a second. The face follows: within a second it moves from the time
that it shows to the newest known one, so that it never shows a time that the clock has not reached.
"""

from __future__ import annotations

from datetime import datetime
from pathlib import Path

import streamlit as st

from pages.ui.live import live_channel, live_words

FASTEST = 1e9

HTML = """
<p class="date"></p>
<p class="time" role="timer"></p>
"""

CSS = """
p { margin: 0; color: var(--st-text-color); font-family: var(--st-font); line-height: 1.2; }
.date { font-size: 1.125rem; min-height: 1.2em; }
.date::first-letter { text-transform: uppercase; }
.time {
  font-size: clamp(2.5rem, 12vw, 3.5rem); font-weight: 600; min-height: 1.2em;
  font-variant-numeric: tabular-nums;
}
"""

SCRIPT = (Path(__file__).parent / "clock_face.js").read_text("utf-8")

_face = st.components.v2.component(
    "ecommerce_clock", html=HTML, css=CSS, js=live_channel.HUB + SCRIPT
)


def show(at: datetime, *, speed: float, standing: bool) -> None:
    """Show ``at``, a naive simulated time. ``standing``: it is not known to move."""
    data = {
        "at_ms": live_words.milliseconds(at),
        # A clock that is faster than anybody can set it is not moved on between two readings.
        "step_ms": 0 if speed > FASTEST else speed * 1000,
        "standing": standing or speed > FASTEST,
        "locale": live_words.locale(),
    }
    _face(key="clock_face", data=data)
