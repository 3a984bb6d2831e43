"""Commands that only read: status and doctor."""

from __future__ import annotations

import sys
from dataclasses import asdict
from datetime import UTC, datetime
from typing import Any

import click

from ecommerce_core.application import Application
from ecommerce_core.cli.common import (
    called_with,
    echo_json,
    gateway_url,
    json_option,
    opened,
    read_settings,
    say,
)
from ecommerce_core.cli.doctor import examine
from ecommerce_core.cli.words import (
    error_as_plain,
    fact_as_plain,
    moment,
    run_as_plain,
    run_in_words,
)
from ecommerce_core.domain import Clock, Fact, PeerError, Wanted
from ecommerce_core.gateway import Check, Verdict, reach
from ecommerce_core.logs import terminal_safe
from ecommerce_core.storage import list_backups

_SIGNS = {
    Verdict.OK: ("ok   ", "green"),
    Verdict.NOTE: ("note ", "yellow"),
    Verdict.WRONG: ("WRONG", "red"),
}


@click.command()
@json_option
def status(*, as_json: bool) -> None:
    """Say how peers, clock and store are, and how the last syncs went.

    A peer that does not answer is told and is no error: `doctor` ends with 1 there.
    """
    with opened(needs_gateway=False) as application:
        found = {
            "database": application.store.name,
            "datasets": {name: _dataset(application, name) for name in application.datasets},
            "gateway": application.settings.gateway_url,
            **_peers(application),
            "lost_tasks": [
                {"name": task.name, "recurrence": task.recurrence, "since": moment(task.since_at)}
                for task in application.store.list_wanted_tasks(states=[Wanted.LOST])
            ],
            "backups": _backups(application),
        }
        if as_json:
            echo_json(found)
            return
        say(f"database   {found['database']}")
        for name in application.datasets:
            _say_dataset(application, name)
        _say_peers(found)
        for lost in found["lost_tasks"]:
            what = f"{lost['name']}, {lost['recurrence']}"
            say(f"lost task  {what}: the scheduler no longer lists it")
        _say_backups(found["backups"])


@click.command()
@json_option
def doctor(*, as_json: bool) -> None:
    """Examine store, gateway, peers, callbacks and backups, and say what would help.

    Ends with 1 where something is wrong. Nothing is changed; each dataset is fetched once
    and forgotten.
    """
    settings = read_settings()
    checks = []
    for check in examine(settings, gateway_url=gateway_url(settings), datasets=called_with()):
        checks.append(check)
        if not as_json:
            _say_check(check)
    wrong = [check for check in checks if check.verdict is Verdict.WRONG]
    if as_json:
        echo_json([_check_as_plain(check) for check in checks])
    else:
        say(f"{len(checks)} checks, {len(wrong)} wrong")
    if wrong:
        sys.exit(1)


def _check_as_plain(check: Check) -> dict[str, Any]:
    told = asdict(check)
    del told["fact"]
    return {**told, **fact_as_plain(check.fact)}


def _say_check(check: Check) -> None:
    sign, colour = _SIGNS[check.verdict]
    took = "" if check.seconds is None else f" ({check.seconds * 1e3:,.0f} ms)"
    subject = f"{check.subject} {check.step}"
    said = terminal_safe(f"{subject:30} {check.detail}{took}")
    click.echo(f"{click.style(sign, fg=colour)} {said}")
    if check.advice and check.verdict is not Verdict.OK:
        say(f"      → {check.advice}")


def _dataset(application: Application, name: str) -> dict[str, Any]:
    totals = application.store.totals(application.datasets[name])
    last, held = application.store.last_run(name), application.store.held_run(name)
    return {
        "rows": totals.current,
        "withdrawn": totals.withdrawn,
        "undoable": application.undoable_rows(name),
        "last_run": None if last is None else run_as_plain(last),
        "held_run": None if held is None else held.id,
    }


def _say_dataset(application: Application, name: str) -> None:
    totals = application.store.totals(application.datasets[name])
    say(f"{name:10} {totals.current:,} rows, {totals.withdrawn:,} withdrawn")
    run, held = application.store.last_run(name), application.store.held_run(name)
    if run is not None:
        say(f"{'':10} {run_in_words(run)}")
    if held is not None:
        say(f"{'':10} run {held.id} is held: `confirm {held.id}` or `discard {held.id}`")
    undoable = application.undoable_rows(name)
    if undoable:
        say(f"{'':10} {undoable:,} rows were cleared: `undo {name}` brings them back")


def _peers(application: Application) -> dict[str, Any]:
    if application.settings.gateway_url is None:
        return {"clock": None, "peers": {}}
    settings = application.settings
    states = {
        dataset.peer: reach(application.gateway, dataset.peer, dataset.path(settings))
        for dataset in application.datasets.values()
    }
    reading = application.scheduler.reading()
    list_error = _list_error(application)
    # As on pages, in healthz and in metrics: the scheduler answers if both can be read.
    states["scheduler"] = reading.error or list_error
    said: dict[str, dict[str, Any]] = {
        name: {"answers": error is None, **error_as_plain(error)} for name, error in states.items()
    }
    said["scheduler"] |= {"clock": reading.error is None, "tasks": list_error is None}
    return {"clock": _clock(reading.clock), "peers": said}


def _list_error(application: Application) -> Fact | None:
    try:
        application.scheduler.fetch_tasks(timeout_s=2, deadline_s=3)
    except PeerError as error:
        return error.fact
    return None


def _clock(clock: Clock | None) -> dict[str, Any] | None:
    if clock is None:
        return None
    at = moment(clock.simulated_at)
    return {"simulated_at": at, "speed": clock.speed, "paused": clock.paused}


def _say_peers(found: dict[str, Any]) -> None:
    if found["gateway"] is None:
        say("gateway    none is set: the server embeds its own peers")
        return
    say(f"gateway    {found['gateway']}")
    for name, peer in found["peers"].items():
        partly = "its clock" if peer.get("clock") else "its tasks" if peer.get("tasks") else None
        said = "answers" if peer["answers"] else peer["error"]
        only = f" ({partly} can be read)" if partly and not peer["answers"] else ""
        say(f"{'':10} {name}: {said}{only}")
    if found["clock"] is not None:
        clock = found["clock"]
        paused = ", paused" if clock["paused"] else ""
        say(f"clock      {clock['simulated_at']}, speed {clock['speed']:g}{paused}")


def _backups(application: Application) -> dict[str, Any] | None:
    folder = application.settings.backup_dir
    if folder is None or application.settings.database_url is not None:
        return None
    backups = list_backups(folder, installation=application.store.installation())
    newest = moment(backups[-1][0]) if backups else None
    return {"folder": str(folder), "count": len(backups), "newest_at": newest}


def _say_backups(backups: Any) -> None:
    if backups is None:
        return
    newest = backups["newest_at"]
    ago = "none yet"
    if newest is not None:
        age = datetime.now(UTC) - datetime.fromisoformat(newest)
        ago = f"the newest {age.total_seconds() / 3600:,.1f} h old"
    say(f"backups    {backups['count']} in {backups['folder']}, {ago}")
