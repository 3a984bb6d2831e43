"""A line of text whose parts move in the browser: the simulated time, a countdown, an age."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, datetime
from typing import Any, Literal

import streamlit as st

from pages.ui import tasks
from pages.ui.live import live_channel, live_words
from pages.ui.session import language

CSS = """
p { margin: 0; color: var(--st-text-color); font-family: var(--st-font); line-height: 1.5;
  font-size: 1rem; overflow-wrap: anywhere; }
.caption { font-size: 0.875rem; opacity: 0.8; }
span { white-space: pre-wrap; }
"""

Part = dict[str, Any]

_line = st.components.v2.component(
    "ecommerce_live_text", html="<p></p>", css=CSS, js=live_channel.script("live_text.js")
)


def text(words: str, *, bold: bool = False) -> Part:
    """Return a part that does not move: plain text, no Markdown."""
    return {"text": words, "bold": bold}


def clock() -> Part:
    """Return a part with the simulated time."""
    return {"clock": True}


def age(at: datetime) -> Part:
    """Return a part with the age of a moment: ``12 s ago``."""
    return {"age_ms": live_words.milliseconds(at)}


def age_simulated(since_at: datetime) -> Part:
    """Return a part with the age of a simulated time on the simulated clock: ``3 h 20 min``."""
    return {"simulated_since_ms": live_words.milliseconds(since_at), "since": since_at.isoformat()}


def age_scaled(at: datetime) -> Part:
    """Return a part with the age of a moment in simulated time at the clock's present speed."""
    return {"scaled_since_ms": live_words.milliseconds(at)}


def until(simulated_at: datetime | None) -> Part:
    """Return a part with the time until the clock shows ``simulated_at``: ``in 1 min 12 s``."""
    if simulated_at is None:
        return text("–")
    return {"until_ms": live_words.milliseconds(simulated_at), "until": simulated_at.isoformat()}


def filled(template: str, **values: str | Part | list[Part]) -> list[Part]:
    """Return the parts of a template whose ``{names}`` are replaced by texts or parts."""
    parts = []
    rest = template
    while rest:
        before, brace, after = rest.partition("{")
        name, _brace, rest = after.partition("}")
        parts += [text(before)] if before else []
        if brace:
            value = values[name]
            parts += value if isinstance(value, list) else [_part(value)]
    return parts


def _part(value: str | Part) -> Part:
    return text(value) if isinstance(value, str) else value


def show(key: str, parts: Sequence[Part], *, look: Literal["", "caption"] = "") -> None:
    """Show a line of these parts."""
    data = {
        "parts": list(parts),
        "look": look,
        # The present text, for programs, which run no script.
        "text": "".join(_said(part) for part in parts),
        "words": live_words.words(),
    }
    _line(key=key, data=data)


def _said(part: Part) -> str:
    words = language()
    if "text" in part:
        return str(part["text"])
    if "age_ms" in part:
        at = datetime.fromtimestamp(part["age_ms"] / 1_000, UTC)
        return words.ago(at, datetime.now(UTC))
    if "until" in part:
        return tasks.real_time_to(datetime.fromisoformat(part["until"]), tasks.reading())
    if "scaled_since_ms" in part:
        at = datetime.fromtimestamp(part["scaled_since_ms"] / 1_000, UTC)
        clock = tasks.reading().clock
        speed = 0.0 if clock is None else clock.speed
        return words.duration(int((datetime.now(UTC) - at).total_seconds() * speed))
    shown = tasks.clock_at()
    if shown is None:
        return "–"
    if "since" in part:
        passed = shown - datetime.fromisoformat(part["since"])
        return words.duration(int(passed.total_seconds()))
    return words.simulated(shown)
