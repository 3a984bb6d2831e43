"""What pages share: texts in the session's language, tables, notices, and a sync's progress.

The only core module that imports Streamlit. Nothing here waits for a sync: a
button's callback asks the application for a run, and a fragment looks how it
gets on, so that closing the tab or clicking elsewhere cuts nothing off.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC
from typing import Any, Literal

import pandas as pd
import streamlit as st
from streamlit.elements.lib import agent_spec
from streamlit.elements.lib.column_types import ColumnConfig

from ecommerce_core.access import STRANGER, Actor, Deed
from ecommerce_core.application import Application, current
from ecommerce_core.errors import EcommerceError
from ecommerce_core.export import MIME_TYPES, export_file_name, guard_formula, write_export
from ecommerce_core.language import Language, escape, timezone
from ecommerce_core.models import Action, Progress, Run, RunStatus, Trigger
from ecommerce_core.simulated_time import estimate, occurrences, period, real_delay
from ecommerce_core.ticket import Ticket

# Pages reach the core through this module alone.
__all__ = [
    "MIME_TYPES",
    "Application",
    "EcommerceError",
    "Language",
    "escape",
    "estimate",
    "export_file_name",
    "guard_formula",
    "occurrences",
    "period",
    "real_delay",
    "write_export",
]

BUSY_POLL_S, IDLE_POLL_S = 0.5, 2.0

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


def has_arrived() -> bool:
    """Whether this run is the first of its page since the session was on another one."""
    arrived: bool = st.session_state.get("_has_arrived", True)
    return arrived


@contextmanager
def guarded() -> Iterator[None]:
    """A part of a page: its error is shown in its place and leaves the other parts alone."""
    try:
        yield
    except EcommerceError as error:
        show_error(error)


@dataclass(frozen=True, slots=True)
class Column:
    """A column of a table: the row's field, how it is shown, and its heading if not its word."""

    name: str
    kind: Literal["text", "number", "money", "moment", "simulated", "duration"] = "text"
    label: str | None = None
    width: int | None = None
    help: str | None = None


def table(
    rows: Sequence[Mapping[str, Any]], columns: Sequence[Column], *, key: str, alt: str, **more: Any
) -> Any:
    """A table of dicts or rows, formatted in the reader's language and still sorted as numbers."""
    words = language()
    formats: dict[str, Callable[[Any], str]] = {
        "number": words.points,
        "money": words.money,
        "moment": lambda at: words.local(at.tz_localize(UTC)),
        "simulated": words.simulated,
        "duration": words.duration,
    }
    frame = pd.DataFrame({c.name: [row[c.name] for row in rows] for c in columns})
    config: dict[str, ColumnConfig | str | None] = {}
    for column in columns:
        label = column.label or words.word(column.name)
        if column.kind in {"moment", "simulated"}:
            times = pd.to_datetime(frame[column.name], utc=column.kind == "moment")
            frame[column.name] = times.dt.tz_localize(None)
        elif column.kind != "text":
            frame[column.name] = pd.to_numeric(frame[column.name])
        kinds = {"text": st.column_config.TextColumn, "moment": st.column_config.DatetimeColumn}
        kinds["simulated"] = kinds["moment"]
        make: Any = kinds.get(column.kind, st.column_config.NumberColumn)
        config[column.name] = make(label, width=column.width, help=column.help)
    shown = frame.style.format(
        {c.name: formats[c.kind] for c in columns if c.kind in formats}, na_rep=""
    )
    return st.dataframe(
        shown, column_config=config, hide_index=True, key=key, alt=alt, placeholder="–", **more
    )


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


def page_frame(title: str) -> None:
    """The head of every page: its title, and where the data comes from."""
    state = st.session_state
    state["_has_arrived"], state["_page"] = state.get("_page") != title, title
    st.title(title, anchor=False)
    if application().sandbox_url is not None:
        with st.container(horizontal=True, vertical_alignment="center", gap="small"):
            st.badge(_("Sandbox: embedded peers"), icon=":material/science:", color="gray")
            st.caption(_("Invented data, until ECOMMERCE_GATEWAY_URL is set."))
    _collect_tickets()


# What a sync did, and is doing


def summary(run: Run) -> str:
    """What a run did, or would do, in a few words: ``1,200 added, 3 rejected``."""
    words, counts = language(), run.counts
    if run.status is RunStatus.HELD:
        parts = [
            (counts.added, _("would add {n}")),
            (counts.updated, _("would change {n}")),
            (counts.withdrawn, _("would withdraw {n}")),
            (counts.rejected, _("{n} rejected")),
        ]
        return ", ".join(form.format(n=words.number(n)) for n, form in parts if n)
    if not run.status.is_good or run.status is RunStatus.UNCHANGED:
        return _("nothing has changed")
    parts = [
        (counts.added, _("{n} added")),
        (counts.updated, _("{n} changed")),
        (counts.withdrawn, _("{n} cleared") if run.action is Action.CLEAR else _("{n} withdrawn")),
        (counts.rejected, _("{n} rejected")),
        (counts.unchanged, _("{n} unchanged")),
    ]
    done = [form.format(n=words.number(n)) for n, form in parts if n]
    return ", ".join(done) or _("nothing has changed")


def problem(name: str) -> EcommerceError | None:
    """What went wrong when this session last asked for something of a dataset."""
    found: EcommerceError | None = st.session_state.get(f"_problem_{name}")
    return found


def request(name: str, make: Callable[[], Ticket]) -> None:
    """Ask for a run (in a callback) and remember the ticket; what is refused is shown and stays."""
    # The run that was asked for before may have ended unseen, and a dataset has one ticket.
    _collect_tickets()
    st.session_state.pop(f"_problem_{name}", None)
    try:
        st.session_state[f"_ticket_{name}"] = make()
    except EcommerceError as error:
        st.session_state[f"_problem_{name}"] = error


def fetch(name: str) -> None:
    """Callback: fetch a dataset now, or join the run that is under way."""
    app = application()
    request(name, lambda: _fetch(app, name))


def _fetch(app: Application, name: str) -> Ticket:
    return app.request_sync(name, actor=actor(), trigger=Trigger.MANUAL, join_running=True)


def attempt(name: str, act: Callable[[], Run], done: str) -> None:
    """Callback: a short write; ``done`` is the toast, its ``{count}`` what the run touched."""
    st.session_state.pop(f"_problem_{name}", None)
    try:
        run = act()
    except EcommerceError as error:
        st.session_state[f"_problem_{name}"] = error
    else:
        flash(done.format(count=language().number(run.counts.withdrawn or run.counts.added)))


def _collect_tickets() -> None:
    for name in application().datasets:
        ticket: Ticket | None = st.session_state.get(f"_ticket_{name}")
        if ticket is None or not ticket.future.done():
            continue
        del st.session_state[f"_ticket_{name}"]
        try:
            run = ticket.wait()
        except EcommerceError as error:
            st.session_state[f"_problem_{name}"] = error
            continue
        if run.status.is_good:
            text = _("{dataset} fetched: {summary}.")
            word = language().word(name).capitalize()
            flash(text.format(dataset=word, summary=summary(run)))


def _has_ended(name: str) -> bool:
    """Whether what this session asked for has ended and was not told yet."""
    ticket: Ticket | None = st.session_state.get(f"_ticket_{name}")
    return ticket is not None and ticket.future.done()


def _standing(name: str) -> tuple[bool, int, str]:
    """Whether a run is under way, and the newest run: when it differs, the page is out of date."""
    app = application()
    ticket: Ticket | None = st.session_state.get(f"_ticket_{name}")
    waiting = ticket is not None and not ticket.future.done()
    run = app.store.last_run(name)
    newest = (run.id, run.status.value) if run else (0, "")
    return (waiting or app.progress(name) is not None, *newest)


def watch(*names: str, idle: Callable[[], None] | None = None) -> None:
    """Show how the runs of these datasets get on, and refresh the page once when one ends.

    ``idle`` draws what stands there, and is kept up to date, while none is under way.
    """
    with guarded():
        standing = {name: _standing(name) for name in names}
        busy = any(running for running, *_rest in standing.values())
        poll_s = BUSY_POLL_S if busy else IDLE_POLL_S
        st.fragment(_watch, run_every=poll_s)(standing, idle)


def _watch(standing: dict[str, tuple[bool, int, str]], idle: Callable[[], None] | None) -> None:
    with guarded():
        if any(_has_ended(name) or _standing(name) != seen for name, seen in standing.items()):
            st.rerun()
        for name, (running, *_rest) in standing.items():
            progress = application().progress(name)
            if progress is not None:
                _show_progress(progress)
            elif running:
                text = _("The fetch of the {dataset} is about to begin")
                st.progress(0.0, text.format(dataset=language().word(name)))
            elif idle is not None:
                idle()


def _show_progress(progress: Progress) -> None:
    words = language()
    parts = [f"**{words.word(progress.dataset).capitalize()}**: {words.word(progress.stage)}"]
    if progress.bytes_total:
        of = _("{done} of {total}")
        sizes = words.size(progress.bytes_done), words.size(progress.bytes_total)
        parts.append(of.format(done=sizes[0], total=sizes[1]))
    elif progress.bytes_done:
        parts.append(words.size(progress.bytes_done))
    if progress.records:
        parts.append(_("{n} records").format(n=words.number(progress.records)))
    parts.append(words.duration(progress.elapsed_s))
    total = progress.bytes_total or 0
    done = min(1.0, progress.bytes_done / total) if total else float(progress.records > 0)
    st.progress(done, " · ".join(parts))
