"""The scheduler as pages see it: its clock and its list.

The scheduler monitor polls once a second for all, so no page waits for the scheduler, except right
after a change of ours, when its list is requested.
"""

from __future__ import annotations

from contextlib import suppress
from dataclasses import replace
from datetime import UTC, datetime, timedelta

from ecommerce_core.datasets import Dataset
from ecommerce_core.domain import (
    ClockReading,
    PartState,
    SchedulerState,
    Task,
    WantedTask,
    make_fact,
)
from pages.ui import scheduler_change, session
from pages.ui.session import SILENT_AFTER, estimate, language, period, real_delay
from pages.ui.session import text as _

LONGEST = 80


def reading() -> ClockReading:
    """Return the clock as it was last read, with a later error, if any. Never waits long."""
    app = session.application()
    seen = app.monitor.snapshot()
    if seen.state is SchedulerState.UNKNOWN:
        return app.scheduler.reading()
    found, now = seen.reading, datetime.now(UTC)
    if found.error is None and found.read_at is not None and now - found.read_at > SILENT_AFTER:
        return replace(found, error=make_fact("scheduler_silent"))
    return found


def trouble() -> str | None:
    """Return what cannot be read or stands still, in a few words; None if all is well.

    The parts are the same as in healthz and metrics.
    """
    seen = session.application().monitor.snapshot()
    is_unreadable = reading().error is not None
    if is_unreadable and seen.list_state is not PartState.UP:
        return _("The scheduler does not answer")
    if is_unreadable:
        return _("The scheduler’s clock cannot be read")
    if seen.list_state is PartState.DOWN:
        return _("The scheduler’s list cannot be read")
    return _("The scheduler’s clock stands still") if still_since() is not None else None


def clock_at() -> datetime | None:
    """Return an estimate of the present simulated time, or None."""
    found = reading()
    if found.clock is not None and still_since() is not None:
        return found.clock.simulated_at
    return estimate(found, datetime.now(UTC))


def still_since() -> datetime | None:
    """Return since when the clock stands still although it is not paused; None if it does not."""
    return session.application().monitor.snapshot().standing_still_since


def list_all() -> list[Task]:
    """Return all tasks, by time, as they were last read. Raises PeerError before the first poll."""
    app = session.application()
    seen = app.monitor.snapshot()
    is_up_to_date = scheduler_change.is_settled(seen.listed_at) or seen.list_error is not None
    if seen.listed_at is not None and is_up_to_date:
        return list(seen.tasks)
    return app.scheduler.shared_tasks()


def list_ours() -> list[Task]:
    """Return the tasks under our name. Raises PeerError."""
    return [task for task in list_all() if is_ours(task)]


def is_ours(task: Task) -> bool:
    """Return True if a task is under our name."""
    return task.source_app == session.application().settings.app_name


def series(task: Task) -> tuple[object, ...]:
    """Return a task's identity, which stays the same while a recurring task moves on."""
    step, at = period(task.recurrence), task.next_fire_time
    phase = at if step is None or at is None else (at - datetime.min) % step
    return task.name, task.source_app, task.target, task.recurrence, phase


def dataset_of(task: Task) -> Dataset | None:
    """Return the dataset that a task of ours fetches, or None if it calls something else."""
    app = session.application()
    own = app.settings.app_name
    return next((d for d in app.datasets.values() if task.target == own + d.callback_path), None)


def local_time_to(simulated_at: datetime, reading: ClockReading) -> str:
    """Return when the clock shows a simulated time, in the reader's zone, or why it is unknown."""
    delay = delay_to(simulated_at, reading)
    if delay:
        with suppress(OverflowError):  # beyond our own calendar
            return language().local(datetime.now(UTC) + delay)
    return real_time_to(simulated_at, reading)


def real_time_to(simulated_at: datetime, reading: ClockReading) -> str:
    """Return the time until the clock shows ``simulated_at``: ``in 1 min``, ``clock paused``."""
    delay = delay_to(simulated_at, reading)
    if reading.clock is None:
        return "–"
    if delay is None:
        if reading.clock.paused:
            return _("clock paused")
        return _("clock stands still") if still_since() is not None else "–"
    if delay < timedelta(seconds=1):
        return _("due now")
    return _("in {duration}").format(duration=language().duration(int(delay.total_seconds())))


def delay_to(simulated_at: datetime, reading: ClockReading) -> timedelta | None:
    """Return how long until the clock shows a simulated time, or None if it is unknown."""
    at, clock = estimate(reading, datetime.now(UTC)), reading.clock
    if at is None or clock is None or still_since() is not None:
        return None
    return real_delay(replace(clock, simulated_at=at), simulated_at)


def moment_of(task: Task, *, seconds: bool = True) -> str:
    """Return when a task is due next, in simulated time; a dash if that cannot be read."""
    at = task.next_fire_time
    return "–" if at is None else language().simulated(at, seconds=seconds)


def short(text: str) -> str:
    """Return a text that anybody may have written, cut so that it hides nothing else."""
    return text if len(text) <= LONGEST else f"{text[: LONGEST - 1]}…"


def target_of(wanted: WantedTask) -> str:
    """Return application and path of a task that the list lost."""
    app = session.application()
    dataset = app.datasets.get(wanted.dataset)
    return "" if dataset is None else f"{app.settings.app_name}: {dataset.callback_path}"


def target(task: Task) -> str:
    """Return application and path apart, if the scheduler lists them apart."""
    if task.target_app is not None:
        return f"{task.target_app}: {task.target_url}"
    return f"–: {task.target_url}" if task.target_url else task.target
