"""What pages share: the application, who uses it, its language, parts, errors and toasts."""

from __future__ import annotations

import time
from collections.abc import Callable, Collection, Iterator, Sequence
from contextlib import contextmanager
from datetime import UTC, datetime
from functools import wraps
from typing import Any

import streamlit as st

from ecommerce_core.application import Application
from ecommerce_core.companion import DataRoute, ask_changes, ask_rows, link_to
from ecommerce_core.datasets import Dataset, View
from ecommerce_core.domain import (
    ANONYMOUS,
    LASTS,
    Actor,
    EcommerceError,
    Fact,
    Grant,
    Language,
    Permission,
    RowsPreparing,
    escape,
    escape_time,
    estimate,
    occurrences,
    period,
    real_delay,
    timezone,
)
from ecommerce_core.live import SILENT_AFTER, describe_progress, has_failed
from ecommerce_core.storage import ChangeView, sign_in_key
from ecommerce_core.sync import RunHandle
from pages.ui.installed import current
from pages.ui.streamlit_private import is_agent_session, is_history_navigation

# What pages use of the core beside its types, words and errors, they reach through this module.
__all__ = [
    "SILENT_AFTER",
    "Application",
    "ChangeView",
    "EcommerceError",
    "Language",
    "RunHandle",
    "describe_progress",
    "escape",
    "escape_time",
    "estimate",
    "has_failed",
    "is_history_navigation",
    "occurrences",
    "period",
    "real_delay",
]

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
    "pending": "…",
    "on_time": "✓",
    "late": "◷",
    "slow": "◔",
    "missed": "✕",
    "cancelled": "–",
}


def dialog(title: str, **look: Any) -> Callable[[Callable[[], None]], Callable[[], None]]:
    """``st.dialog``, whose page is drawn as a whole instead if the sign-in has ended.

    The page has to open it again when it is drawn as a whole.
    """

    def wrap(draw: Callable[[], None]) -> Callable[[], None]:
        @wraps(draw)
        def drawn() -> None:
            if visitor() is None:
                st.rerun()
            draw()

        return st.dialog(title, **look)(drawn)

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
    application().live.announce()  # to all pages of this sign-in, which hear nothing from now on
    st.logout()


def is_agent() -> bool:
    """Whether a program uses this session, through Streamlit's agent API or MCP."""
    # Noted when the session begins: a closed one is forgotten while its script still runs.
    noted: bool = st.session_state.setdefault("_is_agent", is_agent_session())
    return noted


def grant() -> Grant | None:
    """What this visitor's browser may ask for beside the pages; None where nobody signs in."""
    app, known = application(), visitor()
    if known is None or not app.access.must_sign_in:
        return None
    claims = st.user.to_dict()
    ends_at_s = min(time.time() + LASTS.total_seconds(), app.access.ends_at_s(claims))
    return Grant(known, datetime.fromtimestamp(ends_at_s, UTC), sign_in_key(claims))


def live_ticket() -> dict[str, Any]:
    """What lets this visitor's browser listen to ``live``, and until when (Unix, ms).

    Empty where nobody has to sign in.
    """
    allowed = grant()
    if allowed is None:
        return {"ticket": ""}
    ticket = application().links.sign("live", grant=allowed)
    return {"ticket": ticket, "ticket_ends_ms": int(allowed.expires_at.timestamp()) * 1_000}


def actor() -> Actor:
    """Who this session acts for: what the application asks for before it changes anything."""
    return visitor() or ANONYMOUS


def may_change() -> bool:
    """Whether controls that change something are drawn. The application asks again."""
    return actor().may(Permission.CHANGE)


def link_to_rows(
    dataset: Dataset, view: View, file_format: str, columns: Sequence[str] = ()
) -> str:
    """A link to the rows that a view asks for, as a file."""
    words = language()
    pairs = ask_rows(view, dataset, language=words.code, zone=words.zone, columns=columns)
    return _link(DataRoute(dataset, file_format), pairs)


def link_to_changes(dataset: Dataset, view: View, file_format: str, runs: tuple[int, int]) -> str:
    """A link to what differs between two runs, as a file."""
    pairs = ask_changes(view, dataset, runs, language=language().code)
    return _link(DataRoute(dataset, file_format, of_changes=True), pairs)


def _link(route: DataRoute, pairs: list[tuple[str, str]]) -> str:
    return link_to(route, pairs, links=application().links, grant=grant())


def note_for_analysts() -> None:
    """One quiet line where the controls would be that are not drawn for who may only read."""
    if not may_change():
        st.caption(f":material/visibility: {_('As an analyst you read and export here.')}")


def language() -> Language:
    """The session's language and the browser's time zone."""
    return Language(st.session_state.get("_language", "en"), timezone(st.context.timezone))


def text(message: str) -> str:
    """A text of ours in the reader's language. Modules import it as ``_``."""
    return language().text(message)


_ = text


def sign_and_word(name: str) -> str:
    """A status or an outcome with its sign: ``✓ succeeded``."""
    return f"{SIGNS.get(name, '')} {language().word(name)}".strip()


def sentence(fact: Fact | None) -> str:
    """What a fact says, beginning like a sentence; it may quote a peer, so it is escaped."""
    text = language().fact(fact)
    names = {dataset.peer for dataset in application().datasets.values()} | {"scheduler"}
    begins = text if text.startswith(tuple(names)) else text[:1].upper() + text[1:]
    return escape(begins)


def show_error(error: EcommerceError, *, title: str | None = None) -> None:
    """Say in place what went wrong; quietly if it will be right in a moment."""
    if isinstance(error, RowsPreparing):
        st.caption(f":material/hourglass_top: {sentence(error.fact)}")
        return
    st.error(sentence(error.fact), title=title, icon=":material/error:")


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


def choices(key: str, options: Collection[Any]) -> str:
    """The key of a choice of several that is drawn next, without what is no option any more."""
    state = st.session_state
    if key in state:
        state[key] = [one for one in state[key] if one in options]
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
