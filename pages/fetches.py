"""What a session asked to be done with a dataset: how it gets on, what it did, what went wrong.

Nothing here waits for a run: a button's callback asks the application for one, and a fragment
looks how it gets on, so that closing the tab or clicking elsewhere cuts nothing off.
"""

from __future__ import annotations

from collections.abc import Callable

import streamlit as st

from ecommerce_core import ui
from ecommerce_core.models import Action, Progress, Run, RunStatus, Trigger
from ecommerce_core.ui import Application, EcommerceError, Ticket, language

BUSY_POLL_S, IDLE_POLL_S = 0.5, 2.0


def _(message: str) -> str:
    return language().text(message)


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
    collect()
    st.session_state.pop(f"_problem_{name}", None)
    try:
        st.session_state[f"_ticket_{name}"] = make()
    except EcommerceError as error:
        st.session_state[f"_problem_{name}"] = error


def fetch(name: str) -> None:
    """Callback: fetch a dataset now, or join the run that is under way."""
    app = ui.application()
    request(name, lambda: _fetch(app, name))


def _fetch(app: Application, name: str) -> Ticket:
    return app.request_sync(name, actor=ui.actor(), trigger=Trigger.MANUAL, join_running=True)


def attempt(name: str, act: Callable[[], Run], done: str) -> None:
    """Callback: a short write; ``done`` is the toast, its ``{count}`` what the run touched."""
    st.session_state.pop(f"_problem_{name}", None)
    try:
        run = act()
    except EcommerceError as error:
        st.session_state[f"_problem_{name}"] = error
    else:
        ui.flash(done.format(count=language().number(run.counts.withdrawn or run.counts.added)))


def collect() -> None:
    """Tell what has ended since: a toast where it went well, else a problem that stays."""
    for name in ui.application().datasets:
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
            ui.flash(text.format(dataset=word, summary=summary(run)))


def _has_ended(name: str) -> bool:
    """Whether what this session asked for has ended and was not told yet."""
    ticket: Ticket | None = st.session_state.get(f"_ticket_{name}")
    return ticket is not None and ticket.future.done()


def _standing(name: str) -> tuple[bool, int, str]:
    """Whether a run is under way, and the newest run: when it differs, the page is out of date."""
    app = ui.application()
    ticket: Ticket | None = st.session_state.get(f"_ticket_{name}")
    waiting = ticket is not None and not ticket.future.done()
    run = app.store.last_run(name)
    newest = (run.id, run.status.value) if run else (0, "")
    return (waiting or app.progress(name) is not None, *newest)


def watch(
    *names: str,
    idle: Callable[[], None] | None = None,
    also: Callable[[], object] = lambda: None,
) -> None:
    """Show how the runs of these datasets get on, and refresh the page once when one ends.

    ``idle`` draws what stands there, and is kept up to date, while none is under way. ``also``
    tells of something else that the page shows: it is refreshed when that changes.
    """
    with ui.guarded():
        standing = {name: _standing(name) for name in names}
        busy = any(running for running, *_rest in standing.values())
        poll_s = BUSY_POLL_S if busy else IDLE_POLL_S
        ui.fragment(run_every_s=poll_s)(_watch)(standing, idle, also, also())


def _watch(
    standing: dict[str, tuple[bool, int, str]],
    idle: Callable[[], None] | None,
    also: Callable[[], object],
    told: object,
) -> None:
    with ui.guarded():
        if any(_has_ended(name) or _standing(name) != seen for name, seen in standing.items()):
            st.rerun()
        if also() != told:
            st.rerun()
        for name, (running, *_rest) in standing.items():
            progress = ui.application().progress(name)
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
