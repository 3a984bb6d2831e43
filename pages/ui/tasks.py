"""The scheduler as pages see it: its clock and its list.

The watcher looks once a second for everybody, so nothing here waits for the scheduler, but
right after a change of ours, when its list is asked for.
"""

from __future__ import annotations

from contextlib import suppress
from dataclasses import replace
from datetime import UTC, datetime, timedelta

from ecommerce_core.datasets import Dataset
from ecommerce_core.domain import ClockReading, Task, make_fact
from pages.ui import scheduler_change, session
from pages.ui.session import SILENT_AFTER, estimate, language, real_delay
from pages.ui.session import text as _


def reading() -> ClockReading:
    """The clock as it was seen last, with the error that followed, if one did. Never waits long."""
    app = session.application()
    seen = app.monitor.snapshot()
    if seen.listed_at is None and seen.error is None:
        return app.scheduler.reading()
    found, now = seen.reading, datetime.now(UTC)
    if seen.error is not None:
        return replace(found, error=seen.error)
    if found.error is None and found.read_at is not None and now - found.read_at > SILENT_AFTER:
        return replace(found, error=make_fact("scheduler_silent"))
    return found


def clock_at() -> datetime | None:
    """The simulated time now, as far as one can say."""
    return estimate(reading(), datetime.now(UTC))


def list_all() -> list[Task]:
    """Everybody's tasks, by time, as they were seen last. Raises PeerError before the first."""
    app = session.application()
    seen = app.monitor.snapshot()
    is_up_to_date = scheduler_change.is_settled() or seen.error is not None
    if seen.listed_at is not None and is_up_to_date:
        return list(seen.tasks)
    return app.scheduler.shared_tasks()


def list_ours() -> list[Task]:
    """Those that this application has added. Raises PeerError."""
    own = session.application().settings.app_name
    return [task for task in list_all() if task.source_app == own]


def dataset_of(task: Task) -> Dataset | None:
    """The dataset that a task of ours fetches; None where it calls something else."""
    app = session.application()
    own = app.settings.app_name
    return next((d for d in app.datasets.values() if task.target == own + d.callback_path), None)


def local_time_to(simulated_at: datetime, reading: ClockReading) -> str:
    """When the clock shows a simulated time on the reader's own clock, or why nobody can say."""
    delay = delay_to(simulated_at, reading)
    if delay:
        with suppress(OverflowError):  # beyond our own calendar
            return language().local(datetime.now(UTC) + delay)
    return real_time_to(simulated_at, reading)


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
