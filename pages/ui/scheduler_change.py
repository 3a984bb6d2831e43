"""Changes that a session makes to the scheduler, and the result of the last one at each place."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Literal

import streamlit as st

from ecommerce_core.domain import Task
from pages.ui import session
from pages.ui.session import EcommerceError, escape, escape_time, language
from pages.ui.session import text as _

state = st.session_state
Place = Literal["clock", "form", "table"]


@dataclass(frozen=True, slots=True)
class Result:
    """The result of a change: the text to show, the returned value, or the error."""

    said: str
    value: object = None
    error: EcommerceError | None = None


def make(place: Place, act: Callable[[], object], done: str) -> None:
    """Change the scheduler; the result is shown at ``place`` until the next change there."""
    try:
        state[f"_result_{place}"] = Result(done, act())
    except EcommerceError as error:
        state[f"_result_{place}"] = Result("", error=error)
    # Also after an error, since a change whose answer was lost may have been made.
    state["_scheduler_changed_at"] = datetime.now(UTC)
    session.application().monitor.refresh()


def is_settled(listed_at: datetime | None) -> bool:
    """Return True if a list requested at ``listed_at`` is from after this session's changes."""
    changed_at = state.get("_scheduler_changed_at")
    return changed_at is None or (listed_at is not None and listed_at > changed_at)


def result(place: Place) -> Result | None:
    """Return the result of the last change at a place."""
    found: Result | None = state.get(f"_result_{place}")
    return found


def _moment(task: Task) -> str:
    at = task.next_fire_time
    return "–" if at is None else language().simulated(at)


def show(place: Place) -> None:
    """Show the result of the last change at a place."""
    found = result(place)
    if found is None:
        return
    if found.error is not None:
        session.show_error(found.error, title=_("The scheduler did not make the change"))
        return
    words, value = language(), found.value
    if isinstance(value, Task):
        text = found.said.format(
            name=escape(value.name),
            moment=escape_time(_moment(value)),
            recurrence=escape(words.word(value.recurrence)),
        )
    else:
        text = found.said.format(count=value)
    st.success(text, icon=":material/check_circle:")
