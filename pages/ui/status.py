"""How a status looks on every page: one family of coloured pills, each with an icon and its word.

The word says it all: colour and icon only make it quicker to find. Charts draw the shape in place
of the icon, and tables the word in a pill of the same colour.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any, Literal

import streamlit as st

from pages.ui.session import language

Colour = Literal["green", "blue", "orange", "violet", "red", "gray"]


@dataclass(frozen=True, slots=True)
class Look:
    """The look of one status: a colour of the theme, a Material icon, and a shape of Vega's."""

    colour: Colour
    icon: str
    shape: str = "circle"


# Green is good, blue is under way, gray is neither, orange wants a look, red wants a person.
LOOKS: Mapping[str, Look] = {
    "running": Look("blue", "progress_activity", "triangle-up"),
    "succeeded": Look("green", "check_circle"),
    "partial": Look("orange", "rule", "triangle-right"),
    "unchanged": Look("gray", "equal", "stroke"),
    "held": Look("violet", "pause_circle", "diamond"),
    "confirmed": Look("gray", "check"),
    "discarded": Look("gray", "close"),
    "superseded": Look("gray", "update"),
    "failed": Look("red", "error", "cross"),
    "interrupted": Look("red", "power_off", "triangle-down"),
    "executed": Look("green", "check_circle"),
    "joined": Look("green", "call_merge"),
    "refused": Look("red", "block", "square"),
    "pending": Look("gray", "hourglass_top", "triangle-up"),
    "on_time": Look("green", "check_circle"),
    "late": Look("orange", "schedule", "triangle-right"),
    "slow": Look("violet", "hourglass_bottom", "diamond"),
    "missed": Look("red", "event_busy", "cross"),
    "cancelled": Look("gray", "event_available", "triangle-left"),
    "lost": Look("orange", "event_busy", "cross"),
    "added": Look("green", "add_circle"),
    "updated": Look("blue", "edit"),
    "returned": Look("violet", "undo"),
    "withdrawn": Look("orange", "do_not_disturb_on"),
    "well": Look("green", "check_circle"),
    "unknown": Look("gray", "help"),
    "info": Look("blue", "info"),
    "warning": Look("orange", "warning"),
    "critical": Look("red", "error"),
    "clock_runs": Look("green", "play_circle"),
    "clock_is_paused": Look("orange", "pause_circle"),
    "clock_stands": Look("red", "timer_off"),
}
OTHER = Look("gray", "radio_button_unchecked")

# The theme's colours as charts need them: visible on white and on black.
INK: Mapping[Colour, str] = {
    "green": "#2a9163",
    "blue": "#3b7dd8",
    "orange": "#c47a12",
    "violet": "#8a72d6",
    "red": "#e0463c",
    "gray": "#7f8c8d",
}


def look(name: str) -> Look:
    """Return the look of a status, an outcome or a severity."""
    return LOOKS.get(name, OTHER)


def ink(name: str) -> str:
    """Return the colour of a status in a chart."""
    return INK[look(name).colour]


def pill(name: str, text: str | None = None) -> str:
    """Return the pill of a status as Markdown; ``text`` of ours replaces its word."""
    one = look(name)
    said = language().word(name) if text is None else text
    return f":{one.colour}-badge[:material/{one.icon}: {said}]"


def column(label: str, cells: Iterable[str], *, names: Iterable[str], **more: Any) -> Any:
    """Return the configuration of a table's column of pills.

    ``cells`` are the words in it, one each row, and ``names`` the statuses that they stand for.
    """
    colours = dict(zip(cells, (look(name).colour for name in names), strict=True))
    colours.pop("", None)  # a cell without a status
    return st.column_config.MultiselectColumn(
        label, options=list(colours), color=list(colours.values()), **more
    )
