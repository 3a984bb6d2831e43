"""The parts that pages share: the application, its visitor, language, parts, errors and toasts."""

from __future__ import annotations

import time
from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from contextlib import contextmanager
from datetime import UTC, datetime
from functools import wraps
from typing import Any

import streamlit as st

from ecommerce_core import alerts as alert_texts
from ecommerce_core.application import Application
from ecommerce_core.companion import AuditRoute, Content, DataRoute, ask_changes, ask_rows, link_to
from ecommerce_core.datasets import Dataset, View
from ecommerce_core.domain import (
    ANONYMOUS,
    LASTS,
    Actor,
    Alert,
    AuditAction,
    EcommerceError,
    Fact,
    Grant,
    Language,
    Permission,
    RowsPreparing,
    Severity,
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
from pages.ui.current_application import current
from pages.ui.streamlit_private import is_agent_session, is_history_navigation

# Pages reach the core through this module, except for its types, words and errors.
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

# So much of its digest tells one sign-in from another in the audit.
SIGN_IN_LETTERS = 12
ROOM_PX = 240


def dialog(title: str, **look: Any) -> Callable[[Callable[[], None]], Callable[[], None]]:
    """Return ``st.dialog``, but redraw the whole page if the sign-in has ended.

    The page has to open the dialog again when it is redrawn.
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
    """Return the process's one application."""
    return current()


def alerts(*, at_least: Severity = Severity.WARNING) -> list[Alert]:
    """Return the present alerts, the worst first, without those that another alert explains."""
    found = application().alerts.current()
    return [
        alert
        for alert in found
        if alert.inhibited_by is None and alert.severity.rank >= at_least.rank
    ]


def title_of(alert: Alert, shown: Callable[[str], str] = str) -> str:
    """What an alert is called; ``shown`` is applied to what others wrote in it."""
    labels = {name: one.label for name, one in application().datasets.items()}
    return alert_texts.title_of(alert, language(), labels=labels, shown=shown)


def todo_of(alert: Alert) -> str:
    """What to do about an alert."""
    return alert_texts.todo_of(alert, language())


def visitor() -> Actor | None:
    """Return the actor of this session, or None if the visitor has to sign in first."""
    return application().access.actor(st.user.to_dict(), is_agent=is_agent())


def note_sign_in() -> None:
    """Write this session's sign-in into the audit, once for all sessions of it."""
    app, known = application(), visitor()
    if known is not None and app.access.must_sign_in and "_sign_in_noted" not in st.session_state:
        st.session_state["_sign_in_noted"] = True
        key = sign_in_key(st.user.to_dict())[:SIGN_IN_LETTERS]
        app.audit_log.record_once(AuditAction.SIGNED_IN, by=known, subject=key)


def sign_out() -> None:
    """End this session's sign-in, in this browser and in any other with a copy of its cookie."""
    application().audit_log.record(AuditAction.SIGNED_OUT, by=actor())
    application().sign_outs.end(st.user.to_dict())
    application().live.announce()  # close the live channel of all pages with this sign-in
    st.logout()


def is_agent() -> bool:
    """Return whether a program uses this session, through Streamlit's agent API or MCP."""
    # Stored when the session begins: a closed one is forgotten while its script still runs.
    noted: bool = st.session_state.setdefault("_is_agent", is_agent_session())
    return noted


def grant() -> Grant | None:
    """Return the grant for this visitor's signed links, or None if nobody has to sign in."""
    app, known = application(), visitor()
    if known is None or not app.access.must_sign_in:
        return None
    claims = st.user.to_dict()
    ends_at_s = min(time.time() + LASTS.total_seconds(), app.access.ends_at_s(claims))
    return Grant(known, datetime.fromtimestamp(ends_at_s, UTC), sign_in_key(claims))


def live_ticket() -> dict[str, Any]:
    """Return what the browser needs to open ``live``: a ticket and its expiry (Unix, ms).

    The ticket is empty if nobody has to sign in.
    """
    allowed = grant()
    if allowed is None:
        return {"ticket": ""}
    ticket = application().links.sign("live", grant=allowed)
    return {"ticket": ticket, "ticket_ends_ms": int(allowed.expires_at.timestamp()) * 1_000}


def actor() -> Actor:
    """Return the actor of this session, which the application checks before it changes anything."""
    return visitor() or ANONYMOUS


def may_change() -> bool:
    """Return whether to draw controls that change something. The application checks again."""
    return actor().may(Permission.CHANGE)


def link_to_rows(
    dataset: Dataset, view: View, file_format: str, columns: Sequence[str] = ()
) -> str:
    """Return a link to the rows of a view as a file."""
    words = language()
    pairs = ask_rows(view, dataset, language=words.code, zone=words.zone, columns=columns)
    return _link(DataRoute(dataset, file_format).path, pairs)


def link_to_changes(dataset: Dataset, view: View, file_format: str, runs: tuple[int, int]) -> str:
    """Return a link to the differences between two runs as a file."""
    pairs = ask_changes(view, dataset, runs, language=language().code)
    return _link(DataRoute(dataset, file_format, Content.CHANGES).path, pairs)


def link_to_held(dataset: Dataset, run_id: int, file_format: str) -> str:
    """Return a link to what the answer of a held run would change, as a file."""
    pairs = [("run", str(run_id)), ("lang", language().code)]
    return _link(DataRoute(dataset, file_format, Content.HELD).path, pairs)


def link_to_audit(file_format: str, asked: Mapping[str, str]) -> str:
    """A link to the lines of the audit that match, as a file."""
    return _link(AuditRoute(file_format).path, [(name, str(said)) for name, said in asked.items()])


def _link(path: str, pairs: list[tuple[str, str]]) -> str:
    return link_to(path, pairs, links=application().links, grant=grant())


def note_for_analysts() -> None:
    """Show one line in place of the controls if the visitor may only read."""
    if not may_change():
        st.caption(f":material/visibility: {_('Read-only access: you can view and export.')}")


def language() -> Language:
    """Return the session's language, with the browser's time zone."""
    return Language(st.session_state.get("_language", "en"), timezone(st.context.timezone))


def text(message: str) -> str:
    """Return a text of ours in the reader's language. Modules import it as ``_``."""
    return language().text(message)


_ = text


def sentence(fact: Fact | None) -> str:
    """Return the text of a fact with a capital, escaped, since it may quote a peer."""
    text = language().fact(fact)
    names = {dataset.peer for dataset in application().datasets.values()} | {"scheduler"}
    begins = text if text.startswith(tuple(names)) else text[:1].upper() + text[1:]
    return escape(begins)


def show_error(error: EcommerceError, *, title: str | None = None) -> None:
    """Show an error in place; quietly if it will disappear by itself in a moment."""
    if isinstance(error, RowsPreparing):
        st.caption(f":material/hourglass_top: {sentence(error.fact)}")
        st.skeleton(height=ROOM_PX)  # the room of what comes, so that nothing jumps
        return
    st.error(sentence(error.fact), title=title, icon=":material/error:")


def choice(key: str, options: Collection[Any], default: Any = None) -> str:
    """Return the key of a choice that is drawn next, with its value kept if option texts change.

    The browser sends a choice as the text of its option. If the texts have changed since (another
    language, another count), Streamlit takes the old text for the value.
    """
    state, kept = st.session_state, f"_kept_{key}"
    value = state.get(key, default)
    if value in options or value is None:
        state[kept] = value
    state[key] = state.get(kept, default)
    return key


def choices(key: str, options: Collection[Any]) -> str:
    """Return the key of the next multiple choice, without values that are no longer options."""
    state = st.session_state
    if key in state:
        state[key] = [one for one in state[key] if one in options]
    return key


@contextmanager
def guarded(shown: set[str] | None = None) -> Iterator[None]:
    """Show an error of this part of a page in its place, and still draw the other parts.

    ``shown`` are the errors that other parts have shown: the same one is not shown again.
    """
    shown = set() if shown is None else shown
    try:
        yield
    except EcommerceError as error:
        text = sentence(error.fact)
        if text not in shown:
            show_error(error)
        shown.add(text)


def flash(text: str, *, icon: str = ":material/check_circle:") -> None:
    """Show a toast at the end of this session's next full run; ``text`` is our own Markdown."""
    st.session_state.setdefault("_flashes", []).append((text, icon))


def show_toasts() -> None:
    """Show the waiting toasts, at the end of a script.

    A toast whose script is followed by another at once is not drawn: a browser only shows elements
    that stay for some milliseconds. A toast that is interrupted here is shown at the next end.
    """
    waiting = st.session_state.get("_flashes", [])
    while waiting:
        text, icon = waiting[0]
        st.toast(text, icon=icon)
        del waiting[0]
