"""How the runs of datasets get on, on whatever page looks."""

from __future__ import annotations

from collections.abc import Callable

import streamlit as st

from ecommerce_core import ui
from ecommerce_core.models import Progress
from ecommerce_core.ui import language
from pages import fetches

BUSY_POLL_S, IDLE_POLL_S = 0.5, 2.0


def _(message: str) -> str:
    return language().text(message)


def _has_ended(name: str) -> bool:
    """Whether what this session asked for has ended and was not told yet."""
    asked = fetches.ticket(name)
    return asked is not None and asked.future.done()


def _standing(name: str) -> tuple[bool, int, str, object]:
    """Whether a run is under way, the newest run, and the rows that can be read.

    When it differs, the page is out of date.
    """
    app, asked = ui.application(), fetches.ticket(name)
    waiting = asked is not None and not asked.future.done()
    run = app.store.last_run(name)
    newest = (run.id, run.status.value) if run else (0, "")
    return (waiting or app.progress(name) is not None, *newest, app.shown_version(name))


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
    standing: dict[str, tuple[bool, int, str, object]],
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
