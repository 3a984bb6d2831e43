"""How old the rows of a dataset are, in both clocks, where they come from, and what is newer."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import streamlit as st

from ecommerce_core import ui
from ecommerce_core.models import Action, Run, RunStatus
from ecommerce_core.ui import escape, escape_time, estimate, language
from pages import run_summary


def _(message: str) -> str:
    return language().text(message)


def show(name: str) -> None:
    """One line: the last good run, its age, what asked for it, what it did, and its source."""
    words, store = language(), ui.application().store
    last = store.last_run(name)
    cleared = last is not None and last.action is Action.CLEAR
    run = last if cleared else store.last_good_run(name)
    if run is None or run.finished_at is None:
        st.caption(f"{_('Never fetched yet.')} {_source(name)}")
        return
    line = _("As of {moment} ({ago}) · {trigger} · {summary}").format(
        moment=escape_time(words.moment(run.finished_at)),
        ago=_age(run, run.finished_at),
        trigger=words.word(run.trigger),
        summary=run_summary.summary(run),
    )
    parts = [line, _source(name)]
    if last is not None and last.id != run.id and last.status is not RunStatus.RUNNING:
        newer = _("a newer fetch, {ago}: {status}")
        ago = words.ago(last.finished_at or last.started_at, datetime.now(UTC))
        parts.append(f"**{newer.format(ago=ago, status=ui.sign_and_word(last.status))}**")
    st.caption(" · ".join(parts))


def _source(name: str) -> str:
    """Which peer and path the rows come from, and whether it is an embedded one."""
    app = ui.application()
    dataset = app.datasets[name]
    text = _("{peer} in the sandbox, {path}") if app.sandbox_url else _("{peer}, {path}")
    return text.format(peer=escape(dataset.peer), path=escape(dataset.path(app.settings)))


def _age(run: Run, finished_at: datetime) -> str:
    """The age in real time, and in the simulated clock's where that is known."""
    words, now = language(), datetime.now(UTC)
    ago = words.ago(finished_at, now)
    reading = ui.application().scheduler.reading()
    at, clock = estimate(reading, now), reading.clock
    if at is None or clock is None or (now - finished_at).total_seconds() < 2:
        return ago
    if run.simulated_at is not None and run.simulated_at <= at:
        age = at - run.simulated_at
        return _("{ago}, {duration} simulated").format(
            ago=ago, duration=words.duration(int(age.total_seconds()))
        )
    if clock.paused:
        return ago
    age = (now - finished_at) * clock.speed if clock.speed < 1e6 else timedelta.max
    return _("{ago}, about {duration} simulated").format(
        ago=ago, duration=words.duration(int(age.total_seconds()))
    )
