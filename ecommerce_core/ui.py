"""What pages share: the application, who uses it and in which language, parts, errors and toasts.

The only core module that imports Streamlit.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Collection, Iterator, Sequence
from contextlib import contextmanager
from contextvars import ContextVar
from datetime import UTC, datetime
from functools import wraps
from typing import Any, ParamSpec

import streamlit as st
from streamlit.elements.lib import agent_spec
from streamlit.runtime.scriptrunner import get_script_run_ctx

from ecommerce_core.access import STRANGER, Actor, Deed
from ecommerce_core.address import View
from ecommerce_core.application import Application
from ecommerce_core.data_routes import DataRoute, ask_changes, ask_rows, link_to
from ecommerce_core.dataset import Dataset
from ecommerce_core.errors import EcommerceError, RowsPreparing
from ecommerce_core.installed import current
from ecommerce_core.language import Language, escape, escape_time, timezone
from ecommerce_core.line import Line
from ecommerce_core.simulated_time import estimate, occurrences, period, real_delay
from ecommerce_core.ticket import Ticket

# What pages use of the core beside its types, words and errors, they reach through this module.
__all__ = [
    "Application",
    "EcommerceError",
    "Language",
    "Ticket",
    "escape",
    "escape_time",
    "estimate",
    "occurrences",
    "period",
    "real_delay",
]

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
_line: Line | None = None


def serve_by(line: Line | None) -> None:
    """How what scripts draw gets to the browsers; None when the server ends."""
    global _line  # noqa: PLW0603
    _line = line


def hand_over() -> None:
    """Wait until what this script drew so far is on its way to the browser, see ``Line``."""
    line, context = _line, get_script_run_ctx()
    if line is not None and context is not None:
        line.hand_over(context.session_id)


@contextmanager
def _drawing() -> Iterator[None]:
    is_part_of_more = _is_inside.get()
    was = _is_inside.set(True)
    try:
        yield
    finally:
        _is_inside.reset(was)
        if not is_part_of_more:
            hand_over()


@contextmanager
def whole_page() -> Iterator[None]:
    """Around everything that a script draws that is no fragment's alone."""
    st.session_state.pop("_part_drawn", None)
    with _drawing():
        yield


def _parts_of_script() -> list[str] | None:
    """The parts that the script under way draws, of those that are drawn alone; always the same."""
    context = get_script_run_ctx()
    return None if context is None else context.fragment_ids_this_run


def _is_told(part: str) -> bool:
    """Whether the browser hears of the end of the part that was drawn last, if another one was."""
    other, ended_s, parts = st.session_state.get("_part_drawn", (part, 0.0, None))
    # What one script draws has one end.
    is_of_this_script = parts is not None and parts is _parts_of_script()
    return other == part or is_of_this_script or time.monotonic() - ended_s >= TOLD_AFTER_S


def _part(
    draw: Callable[Parameters, None], name: str, *, comes_again: bool = False
) -> Callable[Parameters, None]:
    """Draws a part, inside of a page or alone; ``comes_again``: every so often, by itself.

    Alone, the whole page is drawn instead where the sign-in has ended, and after it where the
    browser may not hear of the end of the part that was drawn before.
    """

    @wraps(draw)
    def drawn(*args: Parameters.args, **kwargs: Parameters.kwargs) -> None:
        if _is_inside.get():
            draw(*args, **kwargs)
            return
        if visitor() is None:
            st.rerun()
        is_told = _is_told(name)
        with _drawing():
            draw(*args, **kwargs)
        if not is_told:
            st.rerun()  # now that the button that was pressed in this part has been heard
        if not comes_again:
            st.session_state["_part_drawn"] = name, time.monotonic(), _parts_of_script()

    return drawn


def fragment(
    *, run_every_s: float | None = None
) -> Callable[[Callable[Parameters, None]], Callable[Parameters, None]]:
    """A part of a page that can be drawn alone, every so often or when one clicks in it.

    A browser takes away what a part no longer shows when it hears of the end of the drawing, and
    Streamlit does not tell of it where another one begins at once. A part that is drawn every
    so often takes it away the next time; for another one the whole page is drawn.
    """

    def wrap(draw: Callable[Parameters, None]) -> Callable[Parameters, None]:
        name = f"{draw.__module__}.{draw.__qualname__}"
        part = _part(draw, name, comes_again=run_every_s is not None)
        return st.fragment(part, run_every=run_every_s)

    return wrap


def dialog(title: str, **look: Any) -> Callable[[Callable[[], None]], Callable[[], None]]:
    """``st.dialog``, which is a part of a page that is drawn alone, too.

    The page has to open it again when it is drawn as a whole.
    """

    def wrap(draw: Callable[[], None]) -> Callable[[], None]:
        return st.dialog(title, **look)(_part(draw, f"dialog {title}"))

    return wrap


def application() -> Application:
    """The process's one application."""
    return current()


def visitor() -> Actor | None:
    """Who uses this session; None where sign-in is set up and nobody has signed in."""
    return application().access.actor(st.user.to_dict(), is_agent=is_agent())


def sign_out() -> None:
    """End this session's sign-in, in this browser and wherever its cookie was copied to."""
    application().sign_outs.end(st.user.to_dict())
    st.logout()


def is_agent() -> bool:
    """Whether a program uses this session, through Streamlit's agent API or MCP."""
    # Noted when the session begins: a closed one is forgotten while its script still runs.
    noted: bool = st.session_state.setdefault("_is_agent", agent_spec.is_recording())
    return noted


def is_step_in_history() -> bool:
    """Whether this script runs for the browser's back or forward button."""
    context = get_script_run_ctx()
    return context is not None and context.is_history_navigation


def actor() -> Actor:
    """Who this session acts for: what the application asks for before it changes anything."""
    return visitor() or STRANGER


def may_change() -> bool:
    """Whether controls that change something are drawn. The application asks again."""
    return actor().may(Deed.CHANGE)


def link_to_rows(
    dataset: Dataset, view: View, file_format: str, columns: Sequence[str] = ()
) -> str:
    """A link to the rows that a view asks for, as a file."""
    words = language()
    pairs = ask_rows(view, dataset, language=words.code, zone=words.zone, columns=columns)
    return _link(DataRoute(dataset, file_format), pairs)


def link_to_changes(dataset: Dataset, view: View, file_format: str, runs: tuple[int, int]) -> str:
    """A link to what differs between two runs, as a file."""
    pairs = ask_changes(view, runs, language=language().code)
    return _link(DataRoute(dataset, file_format, of_changes=True), pairs)


def _link(route: DataRoute, pairs: list[tuple[str, str]]) -> str:
    app = application()
    signs = actor() if app.access.must_sign_in else None
    return link_to(route, pairs, links=app.links, actor=signs, now=datetime.now(UTC))


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
    """Say in place what went wrong; quietly if it will be right in a moment."""
    if isinstance(error, RowsPreparing):
        st.caption(f":material/hourglass_top: {sentence(language().error(error))}")
        return
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
