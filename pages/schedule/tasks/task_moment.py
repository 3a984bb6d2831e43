"""The time of a task: a suggestion, and a preview in both clocks."""

from __future__ import annotations

from datetime import UTC, datetime

import pandas as pd
import streamlit as st

from ecommerce_core.domain import ClockReading, Recurrence, suggested_time
from pages.ui import escape_time, estimate, language, occurrences, tasks
from pages.ui import text as _

# A simulated clock may show any year; the input would stop ten years from today.
EARLIEST, LATEST = datetime(1900, 1, 1), datetime(9999, 12, 31, 23, 59)
SHOWN_OCCURRENCES = 5


def suggest(reading: ClockReading) -> datetime | None:
    """Suggest the next good moment on the clock, on the minute, or return None if there is none.

    An hour ahead of the clock, or half a minute of real time at its speed, if that is more.
    """
    at, clock = estimate(reading, datetime.now(UTC)), reading.clock
    if at is None or clock is None:
        return None
    moment = suggested_time(at, clock.speed)
    if moment is None:
        return None
    # A clock at either end of the calendar is shown, but the form cannot offer a time for it.
    return moment if EARLIEST <= moment <= LATEST else None


def preview(at: datetime, recurrence: Recurrence, reading: ClockReading) -> None:
    """Show when the task would fire, in both clocks."""
    words = language()
    moments = occurrences(at, recurrence, SHOWN_OCCURRENCES)
    real = []
    for moment in moments:
        real.append(escape_time(tasks.local_time_to(moment, reading)))
    simulated = _("Runs at (simulated)")
    in_real_time = _("In real time ({zone})").format(zone=words.place)
    frame = pd.DataFrame(
        {simulated: [words.simulated(m, seconds=False) for m in moments], in_real_time: real}
    )
    st.table(
        frame, hide_index=True, alt=_("The next runs of this task, in simulated and real time")
    )
