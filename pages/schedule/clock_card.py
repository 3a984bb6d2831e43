"""The card of the clock: its time, speed and state, and the buttons that change them."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

import streamlit as st

from ecommerce_core.domain import Clock, ClockReading, Oddity, PartState, Task
from pages import ui
from pages.schedule import clock_dialogs, clock_face
from pages.ui import (
    dialogs,
    escape,
    escape_time,
    estimate,
    language,
    period,
    scheduler_change,
    tasks,
)
from pages.ui import text as _
from pages.ui.live import live_channel

SAID_FOR = timedelta(seconds=8)
# A change takes effect at the next tick, a second away: longer means that the clock is held up.
HELD_UP_AFTER = timedelta(seconds=8)
ASKING_FOR_S = 3.0
SHOWN_HOLDING = 3
STILL_ICON = ":material/report:"

state = st.session_state


@dataclass(slots=True)
class Asked:
    """A change that this session requested; ``seen_at`` is set once the clock shows it."""

    change: clock_dialogs.Change
    asked_at: datetime
    seen_at: datetime | None = None

    def is_shown_by(self, clock: Clock) -> bool:
        """Return True if the clock is as requested."""
        if self.change.speed is not None:
            return abs(clock.speed - self.change.speed) <= 1e-9 * self.change.speed
        return clock.paused == self.change.paused


def show() -> None:
    """Show the card; its clock moves in the browser."""
    reading, now = tasks.reading(), datetime.now(UTC)
    at, clock = estimate(reading, now), reading.clock
    if reading.error is not None:
        _unreachable(reading, now)
    if at is None or clock is None:
        return
    words = language()
    with st.container(border=True):
        face, facts, buttons = st.columns([4, 4, 3], vertical_alignment="center")
    with face:
        st.caption(_("Simulated time"))
        still_since = tasks.still_since()
        standing = clock.paused or reading.error is not None or still_since is not None
        clock_face.show(at, speed=clock.speed, standing=standing)
    with facts:
        if reading.error is not None:
            st.badge(_("Not known"), icon=":material/help:", color="gray")
        elif clock.paused:
            st.badge(_("Paused"), icon=":material/pause_circle:", color="orange")
        elif still_since is not None:
            st.badge(_("Standing still"), icon=":material/report:", color="red")
        else:
            st.badge(_("Running"), icon=":material/play_circle:", color="green")
        st.markdown(words.speed(clock.speed))
    with buttons:
        if ui.may_change():
            _buttons(clock)
            st.caption(_("Shared clock: changes affect every application."))
    if still_since is not None:
        _still(still_since)
    _asked(reading, now)


def _buttons(clock: Clock) -> None:
    with st.container(horizontal=True):
        if clock.paused:
            ask, label, icon = "resume", _("Resume"), ":material/play_arrow:"
        else:
            ask, label, icon = "pause", _("Pause"), ":material/pause:"
        st.button(label, key=f"{ask}_clock", icon=icon, on_click=dialogs.note, args=(ask,))
        label, icon = _("Set the speed…"), ":material/speed:"
        st.button(label, key="set_speed", icon=icon, on_click=dialogs.note, args=("speed",))


def _still(since: datetime) -> None:
    """Show since when the clock stands still, and which callbacks may hold it."""
    holding = ui.application().monitor.snapshot().holding
    title = _("The clock has been standing still since {moment}").format(
        moment=language().moment(since)
    )
    lines = [_("It is not paused: a callback may be holding it, or its loop has ended.")]
    for task in holding[:SHOWN_HOLDING]:
        lines.append(f"- {_holder(task)}")
    st.warning("\n\n".join([lines[0], "\n".join(lines[1:])]), title=title, icon=STILL_ICON)


def _holder(task: Task) -> str:
    if tasks.is_ours(task):
        text = _("Our task {name}, due on {moment}, may be holding it.")
    elif Oddity.NO_APPLICATION in task.oddities and period(task.recurrence) is not None:
        text = _(
            "The task {name} of {source}, due on {moment}, has no application: such a task ends"
            " the loop for good. The scheduler has to be restarted."
        )
    else:
        text = _("The task {name} of {source}, due on {moment}, may be holding it.")
    return text.format(
        name=f"**{escape(tasks.short(task.name))}**",
        source=escape(tasks.short(task.source_app)),
        moment=escape_time(tasks.moment_of(task)),
    )


def _unreachable(reading: ClockReading, now: datetime) -> None:
    words = language()
    known = _("Nothing is known of its clock yet.")
    if reading.read_at is not None:
        known = _("The clock below was read on {moment}.").format(
            moment=ui.escape_time(words.moment(reading.read_at))
        )
    is_alone = ui.application().monitor.snapshot().list_state is PartState.UP
    title = _("The scheduler does not answer")
    if is_alone:
        title = _("The scheduler’s clock cannot be read")
    text = f"{ui.sentence(reading.error)}\n\n{known}"
    st.warning(text, title=title, icon=":material/cloud_off:")
    with st.container(horizontal=True, vertical_alignment="center"):
        icon = ":material/refresh:"
        st.button(_("Retry"), key="retry_clock", icon=icon, on_click=_ask_again)
        asked_s = (now - state.get("_retried_at", now - SAID_FOR)).total_seconds()
        if asked_s < ASKING_FOR_S:
            st.caption(f":material/sync: {_('Retrying…')}")
            live_channel.draw_again(ASKING_FOR_S - asked_s)


def _ask_again() -> None:
    """Callback: make the scheduler monitor poll now."""
    ui.application().monitor.refresh()
    state["_retried_at"] = datetime.now(UTC)


def _asked(reading: ClockReading, now: datetime) -> None:
    """Show the state of the last requested change: waiting for its tick, seen, or overdue."""
    change: clock_dialogs.Change | None = state.pop("_clock_change", None)
    if change is not None:
        state["_clock_asked"] = Asked(change, now)
    asked: Asked | None = state.get("_clock_asked")
    found = scheduler_change.result("clock")
    if found is not None and found.error is not None:
        scheduler_change.show("clock")
        return
    if asked is None:
        return
    clock, read_at = reading.clock, reading.read_at
    is_new = read_at is not None and read_at >= asked.asked_at - timedelta(seconds=0.5)
    if asked.seen_at is None and clock is not None and is_new and asked.is_shown_by(clock):
        asked.seen_at = now
    if asked.seen_at is not None:
        if now - asked.seen_at < SAID_FOR:
            st.success(asked.change.done(), icon=":material/check_circle:")
        return
    waited = now - asked.asked_at
    if waited < HELD_UP_AFTER:
        # Nothing announces that the change does not happen.
        live_channel.draw_again((HELD_UP_AFTER - waited).total_seconds())
        text = _("Requested; takes effect at the next tick.")
        st.info(text, icon=":material/hourglass_top:")
    elif waited < timedelta(minutes=2):
        text = _("The clock does not show the change yet: a callback may be holding it up.")
        st.warning(text, icon=":material/hourglass_bottom:")
