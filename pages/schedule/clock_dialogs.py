"""The dialogs before everybody's clock is changed: paused, resumed, or set to another speed."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from decimal import Decimal

import streamlit as st

from pages import ui
from pages.schedule.tasks import task_checks
from pages.ui import (
    EcommerceError,
    dialogs,
    escape,
    language,
    number_box,
    scheduler_change,
    tasks,
)
from pages.ui import text as _
from pages.ui.number_box import parse_number

SLOWEST, FASTEST = 0.001, 1e9
SHOWN_APPS = 5
SPEEDS = (1, 10, 50, 60, 600, 3600)

state = st.session_state


@dataclass(frozen=True, slots=True)
class Change:
    """A change of the clock: paused or not, or its speed."""

    paused: bool | None = None
    speed: float | None = None

    def apply(self) -> None:
        """Send the change to the scheduler. Raises NotAllowed, PeerError, TaskError."""
        control = ui.application().scheduler_control
        if self.speed is not None:
            control.set_speed(self.speed, actor=ui.actor())
        elif self.paused:
            control.pause(actor=ui.actor())
        else:
            control.resume(actor=ui.actor())

    def done(self) -> str:
        """Return the text for when the clock shows it."""
        if self.speed is not None:
            return _("The clock’s speed is now {factor} ×.").format(
                factor=language().number(self.speed)
            )
        return _("The clock is paused.") if self.paused else _("The clock runs again.")


def _change_clock(read: Callable[[], Change]) -> None:
    change = read()
    state["_clock_change"] = change
    state.pop("_clock_asked", None)
    scheduler_change.make("clock", change.apply, "")


def _waiting() -> str:
    """Return which applications a change of the clock affects."""
    try:
        listed = tasks.list_all()
    except EcommerceError:
        return ""
    if not listed:
        return ""
    apps = sorted({task.source_app for task in listed})
    names = ", ".join(map(escape, apps[:SHOWN_APPS])) + (", …" if len(apps) > SHOWN_APPS else "")
    text = language().plural(
        "{count} task waits for this clock", "{count} tasks wait for this clock", len(listed)
    )
    return f"{text} ({names})."


def pause_or_resume(*, is_pause: bool) -> None:
    def body() -> None:
        if is_pause:
            st.write(_("Time stops for every application until someone resumes it."))
        else:
            st.write(_("Time resumes for every application where it stopped."))
        st.caption(_waiting())
        label, key = (_("Pause"), "pause_clock") if is_pause else (_("Resume"), "resume_clock")
        icon = ":material/pause:" if is_pause else ":material/play_arrow:"
        dialogs.confirm(label, key, icon, lambda: _change_clock(lambda: Change(paused=is_pause)))

    title = _("Pause the shared clock?") if is_pause else _("Resume the shared clock?")
    dialogs.show(title, body)


def speed() -> None:
    clock = tasks.reading().clock
    now_speed = 1.0 if clock is None else min(max(clock.speed, SLOWEST), FASTEST)

    def body() -> None:
        words = language()
        # Its state is deleted when the dialog closes; it begins with the clock's own speed.
        state.setdefault("clock_speed", number_box.typed(now_speed))
        st.pills(
            _("Common speeds"),
            SPEEDS,
            key="clock_speed_choice",
            format_func=lambda speed: f"{words.number(speed)} ×",
            on_change=_take_choice,
        )
        typed = number_box.show(
            _("Simulated seconds per real second"), key="clock_speed", required=True
        )
        speed = _speed(typed)
        if speed is not None:
            st.markdown(words.speed(speed))
            for text in task_checks.of_speed(speed):
                st.warning(text, icon=":material/warning:")
        else:
            slowest, fastest = words.number(SLOWEST), words.number(FASTEST)
            text = _("It takes a number from {slowest} to {fastest}.")
            st.error(text.format(slowest=slowest, fastest=fastest), icon=":material/error:")
        st.caption(_waiting())
        read = lambda: Change(speed=_speed(parse_number(state["clock_speed"])) or now_speed)  # noqa: E731
        dialogs.confirm(
            _("Set the speed"), "set_speed", ":material/speed:", lambda: _change_clock(read)
        )

    dialogs.show(_("Change the speed of the shared clock?"), body)


def _speed(typed: Decimal | None) -> float | None:
    """Return a speed to which the clock can be set, or None if it is not valid."""
    return float(typed) if typed is not None and SLOWEST <= typed <= FASTEST else None


def _take_choice() -> None:
    if state.get("clock_speed_choice"):
        state["clock_speed"] = number_box.typed(float(state["clock_speed_choice"]))
