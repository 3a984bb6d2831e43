"""The age of a dataset's rows in both clocks, their source, and a newer run if there is one."""

from __future__ import annotations

from datetime import UTC, datetime

from ecommerce_core.domain import Action, Run, RunStatus
from pages import ui
from pages.runs import run_summary
from pages.ui import language, tasks
from pages.ui import text as _
from pages.ui.live import live_text
from pages.ui.live.live_text import Part


def show(name: str) -> None:
    """Show one line: the run that made the rows, its age, trigger, summary and source."""
    words, store = language(), ui.application().store
    last, run = store.last_run(name), store.run_of_rows(name)
    key = f"as_of_{name}"
    if run is None or run.finished_at is None:
        text = f"{_('Not fetched yet.')} {_source(name)}"
        live_text.show(key, [live_text.text(text)], look="caption")
        return
    parts = live_text.filled(
        _("As of {moment} ({ago}{simulated}) · {trigger} · {summary}"),
        moment=words.moment(run.finished_at),
        ago=live_text.age(run.finished_at),
        simulated=_simulated_age(run, run.finished_at),
        trigger=words.word(run.trigger),
        summary=run_summary.summary(run, brief=True),
    )
    state = ui.application().reader.state(ui.application().datasets[name])
    if state.is_behind and state.error_code is None:
        # In the source's place, since more text would move what is below it with each run.
        parts.append(live_text.text(" · " + _("preparing the new rows"), bold=True))
    else:
        parts.append(live_text.text(f" · {_source(name)}"))
    if last is not None and last.id != run.id and last.status is not RunStatus.RUNNING:
        newer = live_text.filled(
            _form(last),
            ago=live_text.age(last.finished_at or last.started_at),
            status=words.word(last.shown_status),
        )
        parts += [live_text.text(" · "), *({**part, "bold": True} for part in newer)]
    live_text.show(key, parts, look="caption")


def _form(last: Run) -> str:
    """Return how the line names the last run, which did not make the rows."""
    if last.action in {Action.UNDO_CLEAR, Action.UNDO_APPLY} and last.status.is_good:
        return _("undone {ago}")
    if last.action is Action.SYNC and last.confirms_run_id is None:
        return _("a newer fetch, {ago}: {status}")
    return _("a newer change, {ago}: {status}")


def _source(name: str) -> str:
    """Return the peer and path of the rows, and whether the peer is an embedded one."""
    app = ui.application()
    dataset = app.datasets[name]
    text = _("{peer} in the sandbox, {path}") if app.sandbox_url else _("{peer}, {path}")
    return text.format(peer=dataset.peer, path=dataset.path(app.settings))


def _simulated_age(run: Run, finished_at: datetime) -> list[Part]:
    """Return the age in the simulated clock's time, or nothing if it is unknown."""
    at, clock = tasks.clock_at(), tasks.reading().clock
    if at is None or clock is None:
        return []
    if run.simulated_at is not None and run.simulated_at <= at:
        passed = live_text.age_simulated(run.simulated_at)
        return live_text.filled(_(", {duration} simulated"), duration=passed)
    if clock.paused or (datetime.now(UTC) - finished_at).total_seconds() < 0:
        return []
    passed = live_text.age_scaled(finished_at)
    return live_text.filled(_(", about {duration} simulated"), duration=passed)
