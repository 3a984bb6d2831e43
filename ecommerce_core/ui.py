"""What pages share: the application, who uses it and in which language, parts, errors and toasts.

The only core module that imports Streamlit.
"""

from __future__ import annotations

import asyncio
import threading
import time
from collections.abc import Callable, Collection, Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from functools import wraps
from typing import Any, ParamSpec

import streamlit as st
from streamlit.elements.lib import agent_spec

from ecommerce_core.access import STRANGER, Actor, Deed
from ecommerce_core.application import Application
from ecommerce_core.errors import EcommerceError
from ecommerce_core.export import MIME_TYPES, export_file_name, guard_formula, write_export
from ecommerce_core.installed import current
from ecommerce_core.language import Language, escape, timezone
from ecommerce_core.simulated_time import estimate, occurrences, period, real_delay
from ecommerce_core.ticket import Ticket

# Pages reach the core through this module alone.
__all__ = [
    "MIME_TYPES",
    "Application",
    "EcommerceError",
    "Language",
    "Ticket",
    "escape",
    "estimate",
    "export_file_name",
    "guard_formula",
    "occurrences",
    "period",
    "real_delay",
    "write_export",
]

TAKEN_TIMEOUT_S = 1.0
# Long enough for the end of a part's drawing to be on its way to the browser, busy as we may be.
TOLD_AFTER_S = 0.1

# A shape beside the word: a status is never told by colour alone.
SIGNS = {
    "running": "…",
    "succeeded": "✓",
    "partial": "◐",
    "unchanged": "=",
    "held": "‖",
    "failed": "✕",
    "interrupted": "!",
    "executed": "✓",
    "joined": "+",
    "refused": "⊘",
    "owed": "…",
    "on_time": "✓",
    "late": "◷",
    "overran": "◔",
    "missed": "✕",
    "void": "–",
}


Parameters = ParamSpec("Parameters")

# Whether what this thread's script draws is inside a page, or a part, that it draws, too.
_is_inside: ContextVar[bool] = ContextVar("is_inside", default=False)

# The server's, where one serves: what a script draws goes to its session there.
_loop: asyncio.AbstractEventLoop | None = None


def serve_from(loop: asyncio.AbstractEventLoop | None) -> None:
    """Which loop sends what scripts draw; None when it ends."""
    global _loop  # noqa: PLW0603
    _loop = loop


def hand_over() -> None:
    """Wait, a millisecond or so, until what this script drew so far is on its way.

    Streamlit forgets what it has not yet taken from a script that has ended when another of the
    same session begins: without this, a click whose short script ends while a timer of the page
    asks for another one would change what the server knows and nothing on the screen.
    """
    loop, taken = _loop, threading.Event()
    if loop is None:
        return
    try:
        loop.call_soon_threadsafe(taken.set)
    except RuntimeError:
        return  # the server ends
    taken.wait(TAKEN_TIMEOUT_S)


@contextmanager
def _drawing() -> Iterator[None]:
    was = _is_inside.set(True)
    try:
        yield
    finally:
        _is_inside.reset(was)
        hand_over()


@contextmanager
def whole_page() -> Iterator[None]:
    """Around everything that a script draws that is no fragment's alone."""
    st.session_state["_part_drawn"] = None, 0.0
    with _drawing():
        yield


def fragment(
    *, run_every_s: float | None = None
) -> Callable[[Callable[Parameters, None]], Callable[Parameters, None]]:
    """A part of a page that can be drawn alone, every so often or when one clicks in it.

    A browser takes away what a part no longer shows when it hears of the end of the drawing, and
    Streamlit does not tell of it where another one begins at once. A part that is drawn every
    so often takes it away the next time; for another one the whole page is drawn.
    """

    def wrap(draw: Callable[Parameters, None]) -> Callable[Parameters, None]:
        @wraps(draw)
        def drawn(*args: Parameters.args, **kwargs: Parameters.kwargs) -> None:
            if _is_inside.get():
                draw(*args, **kwargs)
                return
            state, name = st.session_state, draw.__qualname__
            other, ended_s = state.get("_part_drawn", (None, 0.0))
            if other not in {None, name} and time.monotonic() - ended_s < TOLD_AFTER_S:
                st.rerun()
            with _drawing():
                draw(*args, **kwargs)
            if run_every_s is None:
                state["_part_drawn"] = name, time.monotonic()

        return st.fragment(drawn, run_every=run_every_s)

    return wrap


def application() -> Application:
    """The process's one application."""
    return current()


def visitor() -> Actor | None:
    """Who uses this session; None where sign-in is set up and nobody has signed in."""
    # Noted when the session begins: a closed one is forgotten while its script still runs.
    is_agent: bool = st.session_state.setdefault("_is_agent", agent_spec.is_recording())
    return application().access.actor(st.user.to_dict(), is_agent=is_agent)


def actor() -> Actor:
    """Who this session acts for: what the application asks for before it changes anything."""
    return visitor() or STRANGER


def may_change() -> bool:
    """Whether controls that change something are drawn. The application asks again."""
    return actor().may(Deed.CHANGE)


def note_for_analysts() -> None:
    """One quiet line where the controls would be that are not drawn for who may only read."""
    if not may_change():
        st.caption(f":material/visibility: {_('As an analyst you read and export here.')}")


def language() -> Language:
    """The session's language and the browser's time zone."""
    return Language(st.session_state.get("_language", "en"), timezone(st.context.timezone))


def _(message: str) -> str:
    return language().text(message)


def sign_and_word(name: str) -> str:
    """A status or an outcome with its sign: ``✓ succeeded``."""
    return f"{SIGNS.get(name, '')} {language().word(name)}".strip()


def sentence(text: str) -> str:
    """What an error says, beginning like a sentence; it may quote a peer, so it is escaped."""
    text = language().sentence(text)
    names = {dataset.peer for dataset in application().datasets.values()} | {"scheduler"}
    begins = text if text.startswith(tuple(names)) else text[:1].upper() + text[1:]
    return escape(begins)


def show_error(error: EcommerceError, *, title: str | None = None) -> None:
    """Say in place what went wrong."""
    st.error(sentence(language().error(error)), title=title, icon=":material/error:")


def choice(key: str, options: Collection[Any], default: Any = None) -> str:
    """The key of a choice that is drawn next, its value kept though its options read differently.

    The browser tells a choice by the text of its option. Where the texts have changed since
    (another language, another count), Streamlit takes the old text for the value.
    """
    state, kept = st.session_state, f"_kept_{key}"
    value = state.get(key, default)
    if value in options or value is None:
        state[kept] = value
    state[key] = state.get(kept, default)
    return key


@contextmanager
def guarded() -> Iterator[None]:
    """A part of a page: its error is shown in its place and leaves the other parts alone."""
    try:
        yield
    except EcommerceError as error:
        show_error(error)


def flash(text: str, *, icon: str = ":material/check_circle:") -> None:
    """A toast for the end of this session's next full run; ``text`` is Markdown of ours."""
    st.session_state.setdefault("_flashes", []).append((text, icon))


def show_toasts() -> None:
    """Show what waits to be told, at the end of a script.

    A toast whose script is followed by another at once is not drawn: a browser shows what
    stands for some milliseconds. What is interrupted here is told at the next end.
    """
    waiting = st.session_state.get("_flashes", [])
    while waiting:
        text, icon = waiting[0]
        st.toast(text, icon=icon)
        del waiting[0]
