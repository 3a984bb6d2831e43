"""Reasons against a task before it is added: too late, there already, or too often."""

from __future__ import annotations

import time
from collections.abc import Iterator
from datetime import UTC, datetime

import streamlit as st

from ecommerce_core.datasets import Dataset
from ecommerce_core.domain import ClockReading, Recurrence
from pages import ui
from pages.ui import EcommerceError, escape, escape_time, estimate, language, period, tasks
from pages.ui import text as _

# Adding reads the clock and the list before it sends; and the clock jumps once a second.
ROUND_TRIPS, TICK_S = 3, 1.0


# Measuring calls the scheduler: once for all sessions, and then not for a while.
@st.cache_data(ttl=20, max_entries=4, show_spinner=False)
def _round_trip_s(gateway_url: str) -> float:
    began = time.monotonic()
    ui.application().scheduler.fetch_reading()
    return time.monotonic() - began


def lead_s(reading: ClockReading) -> float:
    """Return the real seconds that a task takes to reach the scheduler, at most."""
    if reading.error is not None:
        return TICK_S
    app = ui.application()
    return TICK_S + ROUND_TRIPS * _round_trip_s(app.gateway.base_url)


def refusal(at: datetime, reading: ClockReading) -> str | None:
    """Return why the scheduler would refuse a task at ``at``, as Markdown, or None."""
    clock_at = estimate(reading, datetime.now(UTC))
    if clock_at is None or at > clock_at:
        return None
    text = _(
        "This is not later than the clock, which shows {clock}: the scheduler would refuse it."
    )
    return text.format(clock=escape_time(language().simulated(clock_at)))


def warnings(
    dataset: Dataset, at: datetime, recurrence: Recurrence, reading: ClockReading
) -> Iterator[str]:
    """Yield warnings about a task, as Markdown. Raises StoreError."""
    yield from _too_late(at, reading)
    yield from _there_already(dataset, at, recurrence)
    if reading.clock is not None:
        yield from _too_often(dataset, recurrence, reading.clock.speed)


def of_speed(speed: float) -> list[str]:
    """Return warnings about our recurring tasks at another speed of the clock."""
    found: list[str] = []
    try:
        for task in tasks.list_ours():
            dataset = tasks.dataset_of(task)
            if dataset is not None:
                texts = _too_often(dataset, task.recurrence, speed)
                found += [f"**{escape(task.name)}**: {text}" for text in texts]
    except EcommerceError:
        pass  # the page shows the error already
    return list(dict.fromkeys(found))


def _too_late(at: datetime, reading: ClockReading) -> Iterator[str]:
    clock, clock_at = reading.clock, estimate(reading, datetime.now(UTC))
    if clock is None or clock_at is None or clock.paused or at <= clock_at:
        return
    words, on_the_way_s = language(), lead_s(reading)
    passes_s = clock.speed * on_the_way_s
    if (at - clock_at).total_seconds() > passes_s:
        return
    text = _(
        "A task takes up to {duration} to reach the scheduler, which is {simulated} "
        "of its time at {factor} ×: this one may arrive too late."
    )
    yield text.format(
        duration=words.duration(on_the_way_s),
        factor=words.number(clock.speed),
        simulated=words.duration(passes_s),
    )


def _there_already(dataset: Dataset, at: datetime, recurrence: Recurrence) -> Iterator[str]:
    try:
        # Whoever added it: it fetches the same.
        same = [task for task in tasks.list_all() if tasks.dataset_of(task) == dataset]
    except EcommerceError:
        return  # the list shows the error itself
    words = language()
    for task in same:
        name = escape(tasks.short(task.name))
        if not tasks.is_ours(task):
            name = f"{name} ({escape(tasks.short(task.source_app))})"
        moment = escape_time(tasks.moment_of(task))
        if task.next_fire_time == at.replace(microsecond=0):
            text = _("{name} is already scheduled at this time: the data would be fetched twice.")
        elif recurrence is not Recurrence.NONE and task.recurrence == recurrence:
            text = _("{name} is already scheduled, {recurrence}, next on {moment}.")
        else:
            continue
        yield text.format(name=name, moment=moment, recurrence=escape(words.word(task.recurrence)))
        return


def _too_often(dataset: Dataset, recurrence: str, speed: float) -> Iterator[str]:
    step = period(recurrence)
    if step is None or speed <= 0:
        return
    words, real_s = language(), step.total_seconds() / speed
    every = {
        "recurrence": words.word(recurrence).capitalize(),
        "factor": words.number(speed),
        "real": words.duration(real_s),
    }
    if real_s < TICK_S:
        text = _(
            "{recurrence} at {factor} × is every {real}, but the clock moves once a "
            "second: {n} callbacks would arrive one after the other each time."
        )
        yield text.format(**every, n=words.number(round(TICK_S / real_s)))
    run = ui.application().store.last_good_run(dataset.name)
    takes_s = None if run is None else run.duration_s
    if takes_s is not None and real_s < takes_s:
        text = _(
            "{recurrence} at {factor} × is every {real}; the last fetch took "
            "{takes}. The clock stops during each callback and falls behind for "
            "every application."
        )
        yield text.format(**every, takes=words.duration(takes_s))
