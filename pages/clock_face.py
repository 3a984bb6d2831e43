"""The face of the simulated clock: date and time, large, moving between two readings.

The scheduler's clock jumps once a second. The face follows: it moves from what it shows to
the newest known time within a second, so that it never shows what the clock has not reached.
"""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import streamlit as st

from ecommerce_core.ui import language

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

JS = """
const faces = new WeakMap()

export default function ({ data, parentElement }) {
  const face = faces.get(parentElement) ?? { shown: null }
  faces.set(parentElement, face)
  const ahead = data.at_ms - face.shown
  const still = data.standing || matchMedia("(prefers-reduced-motion: reduce)").matches
  if (face.shown === null || still || Math.abs(ahead) > 4 * data.step_ms) {
    face.shown = data.at_ms
  }
  face.from = face.shown
  // A reading that lags behind what was shown: wait for it, a clock does not go back.
  face.to = Math.max(data.at_ms, face.shown)
  face.began = performance.now()

  const [date, time] = parentElement.querySelectorAll("p")
  const day = { weekday: "long", day: "numeric", month: "long", year: "numeric", timeZone: "UTC" }
  const days = new Intl.DateTimeFormat(data.locale, day)
  const draw = () => {
    const part = Math.min(1, (performance.now() - face.began) / 1000)
    face.shown = face.from + (face.to - face.from) * part
    const at = new Date(Math.floor(face.shown / 1000) * 1000)
    date.textContent = days.format(at)
    time.textContent = at.toISOString().slice(-13, -5)
  }
  clearInterval(face.timer)
  face.timer = setInterval(draw, 100)
  draw()
  return () => clearInterval(face.timer)
}
"""

_LOCALES = {"en": "en-GB", "fr": "fr-FR"}
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)

_face = st.components.v2.component("ecommerce_clock", html=HTML, css=CSS, js=JS)


def show(at: datetime, *, speed: float, standing: bool) -> None:
    """Show ``at``, a naive simulated time. ``standing``: it does not move, as far as we know."""
    since = at.replace(tzinfo=UTC) - _EPOCH
    data = {
        "at_ms": since // timedelta(milliseconds=1),
        "step_ms": speed * 1000,
        "standing": standing,
        "locale": _LOCALES[language().code],
    }
    _face(key="clock_face", data=data)
