"""The scheduler as pages see it: its clock, its list, and what came of changing either.

The watcher looks once a second for everybody, so nothing here waits for the scheduler, but
right after a change of ours, when its list is asked for.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from typing import Literal

import streamlit as st

from ecommerce_core import ui
from ecommerce_core.models import ClockReading, Task
from ecommerce_core.ui import EcommerceError, escape, estimate, language, real_delay
from ecommerce_core.words import N_

# The watcher looks every second: what is this old is no answer any more.
SILENT_AFTER = timedelta(seconds=6)
# For so long the watcher's list may be from before a change of ours.
CHANGE_SETTLES = timedelta(seconds=3)
SILENT = N_("No answer for a while: it may be busy, or not be there any more.")

state = st.session_state
Place = Literal["clock", "form", "table"]


def _(message: str) -> str:
    return language().text(message)


def reading() -> ClockReading:
    """The clock as it was seen last, with the error that followed, if one did. Never waits long."""
    app = ui.application()
    seen = app.watcher.snapshot()
    if seen.listed_at is None and seen.error is None:
        return app.scheduler.reading()
    found, now = seen.reading, datetime.now(UTC)
    if seen.error is not None:
        return replace(found, error=seen.error)
    if found.error is None and found.read_at is not None and now - found.read_at > SILENT_AFTER:
        return replace(found, error=_(SILENT))
    return found


def clock_at() -> datetime | None:
    """The simulated time now, as far as one can say."""
    return estimate(reading(), datetime.now(UTC))


def list_all() -> list[Task]:
    """Everybody's tasks, by time, as they were seen last. Raises PeerError before the first."""
    app = ui.application()
    seen = app.watcher.snapshot()
    changed_at = state.get("_scheduler_changed_at")
    is_settled = changed_at is None or datetime.now(UTC) - changed_at > CHANGE_SETTLES
    if seen.listed_at is not None and (is_settled or seen.error is not None):
        return list(seen.tasks)
    return app.scheduler.shared_tasks()


def list_ours() -> list[Task]:
    """Those that this application has added. Raises PeerError."""
    own = ui.application().settings.app_name
    return [task for task in list_all() if task.source_app == own]


def real_time_until(task: Task, reading: ClockReading) -> str:
    """When a task fires in real time, in words: ``in 1 min 12 s``."""
    return real_time_to(task.next_fire_time, reading)


def real_time_to(simulated_at: datetime, reading: ClockReading) -> str:
    """How long until the clock shows a simulated time: ``in 1 min 12 s``, ``clock paused``."""
    delay = delay_to(simulated_at, reading)
    if reading.clock is None:
        return "–"
    if delay is None:
        return _("clock paused") if reading.clock.paused else "–"
    if delay < timedelta(seconds=1):
        return _("due now")
    return _("in {duration}").format(duration=language().duration(int(delay.total_seconds())))


def delay_to(simulated_at: datetime, reading: ClockReading) -> timedelta | None:
    """The same as a delay; None where nobody can say."""
    at, clock = estimate(reading, datetime.now(UTC)), reading.clock
    if at is None or clock is None:
        return None
    return real_delay(replace(clock, simulated_at=at), simulated_at)


def target(task: Task) -> str:
    """Application and path apart, where the scheduler tells them apart."""
    return task.target if task.target_app is None else f"{task.target_app}: {task.target_url}"


@dataclass(frozen=True, slots=True)
class Result:
    """What came of a change: what to say, what it gave, or the error."""

    said: str
    value: object = None
    error: EcommerceError | None = None


def change(place: Place, act: Callable[[], object], done: str) -> None:
    """Change the scheduler; what came of it is said at ``place`` until the next change there."""
    try:
        result = Result(done, act())
    except EcommerceError as error:
        result = Result("", error=error)
    state[f"_result_{place}"] = result
    # Also after an error: nobody knows what a lost answer did.
    state["_scheduler_changed_at"] = datetime.now(UTC)
    ui.application().watcher.refresh()


def result(place: Place) -> Result | None:
    """What came of the last change there."""
    found: Result | None = state.get(f"_result_{place}")
    return found


def show_result(place: Place) -> None:
    """Say what came of the last change there."""
    found = result(place)
    if found is None:
        return
    if found.error is not None:
        ui.show_error(found.error, title=_("The scheduler was not changed as asked"))
        return
    words, value = language(), found.value
    if isinstance(value, Task):
        text = found.said.format(
            name=escape(value.name),
            moment=words.simulated(value.next_fire_time),
            recurrence=escape(words.word(value.recurrence)),
        )
    else:
        text = found.said.format(count=value)
    st.success(text, icon=":material/check_circle:")
