"""The warning on every page while a recurring callback of ours is missed."""

from __future__ import annotations

import streamlit as st

from ecommerce_core.domain import ExpectedCallback
from pages import ui
from pages.runs import run_requests
from pages.ui import escape, escape_time, language
from pages.ui import text as _
from pages.ui.labels import dataset_label

SHOWN = 3


def show(*, with_link: bool) -> None:
    """Nothing while all is well."""
    seen: set[int] = st.session_state.setdefault("_missed_seen", set())
    missed = [one for one in ui.application().monitor.missed_now() if one.id not in seen]
    if not missed:
        return
    words = language()
    lines = [f"- {_line(callback)}" for callback in missed[-SHOWN:]]
    if len(missed) > SHOWN:
        lines.append(f"- {_('and {n} more').format(n=words.number(len(missed) - SHOWN))}")
    title = words.plural(
        "{count} recurring task was missed", "{count} recurring tasks were missed", len(missed)
    )
    st.warning("\n".join(lines), title=title, icon=":material/event_busy:")
    with st.container(horizontal=True, vertical_alignment="center", gap="small"):
        if ui.may_change():
            for name in dict.fromkeys(callback.dataset for callback in missed):
                _fetch_button(name)
        st.button(
            _("Dismiss"),
            key="missed_seen",
            icon=":material/visibility_off:",
            help=_("Hides this here, for you, until another one is missed."),
            on_click=seen.update,
            args=([callback.id for callback in missed],),
        )
        if with_link:
            label = _("Did it run? See the scheduler")
            st.page_link("scheduler.py", label=label, icon=":material/arrow_forward:")


def _fetch_button(name: str) -> None:
    """What the task would have fetched, now."""
    text = _("Fetch {dataset}").format(dataset=dataset_label(name))
    key = f"fetch_missed_{name}"
    st.button(text, key=key, icon=":material/sync:", on_click=run_requests.fetch, args=(name,))


def _line(callback: ExpectedCallback) -> str:
    words = language()
    text = _("**{name}**, {recurrence}: was due on {moment} (simulated) but never arrived.")
    line = text.format(
        name=escape(callback.task_name),
        recurrence=escape(words.word(callback.recurrence)),
        moment=escape_time(words.simulated(callback.simulated_last_at)),
    )
    return f"{line} {ui.sentence(callback.reason)}." if callback.reason else line
