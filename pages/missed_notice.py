"""The warning on every page while a recurring callback of ours is missed."""

from __future__ import annotations

import streamlit as st

from ecommerce_core import ui
from ecommerce_core.models import Promise
from ecommerce_core.ui import escape, language
from pages import promises

SHOWN = 3


def _(message: str) -> str:
    return language().text(message)


@st.fragment(run_every=2.0)
def show(*, with_link: bool) -> None:
    """Nothing while all is well; it comes and goes by itself."""
    missed = ui.application().watcher.missed_now()
    if not missed:
        return
    words = language()
    lines = [f"- {_line(promise)}" for promise in missed[-SHOWN:]]
    if len(missed) > SHOWN:
        lines.append(f"- {_('and {n} more').format(n=words.number(len(missed) - SHOWN))}")
    title = words.plural(
        "{count} recurring task was missed", "{count} recurring tasks were missed", len(missed)
    )
    st.warning("\n".join(lines), title=title, icon=":material/event_busy:")
    if with_link:
        label = _("Did it run? See the scheduler")
        st.page_link("scheduler.py", label=label, icon=":material/arrow_forward:")


def _line(promise: Promise) -> str:
    words = language()
    text = _("**{name}**, {recurrence}: due on {moment} (simulated), it did not come.")
    line = text.format(
        name=escape(promise.task_name),
        recurrence=escape(words.word(promise.recurrence)),
        moment=words.simulated(promise.simulated_last_at),
    )
    reason = promises.reason_of(promise)
    return f"{line} {ui.sentence(reason)}." if reason else line
