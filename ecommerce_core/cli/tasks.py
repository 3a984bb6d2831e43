"""Commands for the scheduler's list."""

from __future__ import annotations

import re
from datetime import datetime, timedelta

import click

from ecommerce_core.cli.common import DatasetName, echo_json, json_option, opened, operator, say
from ecommerce_core.cli.words import task_as_plain
from ecommerce_core.domain import Recurrence, Task, Wanted
from ecommerce_core.logs import terminal_safe

_FORMATS = ["%Y-%m-%d %H:%M:%S", "%Y-%m-%dT%H:%M:%S", "%Y-%m-%d %H:%M", "%Y-%m-%dT%H:%M"]
_FARTHEST = timedelta(days=36_500)
_UNITS = {"s": "seconds", "m": "minutes", "h": "hours", "d": "days", "w": "weeks"}


def _duration(
    context: click.Context, option: click.Parameter, value: str | None
) -> timedelta | None:
    if value is None:
        return None
    match = re.fullmatch(r"([0-9]{1,6})([smhdw])", value)
    if match is None:
        raise click.BadParameter(f"{value!r} is no number with s, m, h, d or w behind it")
    ahead = timedelta(**{_UNITS[match[2]]: int(match[1])})
    if ahead > _FARTHEST:
        raise click.BadParameter(f"{value!r} is more than {_FARTHEST.days:,} days ahead")
    return ahead


@click.group()
def tasks() -> None:
    """Show and change the scheduler's tasks, on its simulated clock."""


@tasks.command(name="list")
@click.option("--ours", is_flag=True, help="Only those that this application added.")
@json_option
def list_tasks(*, ours: bool, as_json: bool) -> None:
    """List the tasks of all applications, the next one first."""
    with opened(needs_gateway=True) as application:
        own = application.settings.app_name
        found = [t for t in application.scheduler.fetch_tasks() if t.source_app == own or not ours]
        lost_tasks = application.store.list_wanted_tasks(states=[Wanted.LOST])
    if as_json:
        echo_json([task_as_plain(task) for task in found])
        return
    for task in found:
        say(_in_words(task))
    for lost in lost_tasks:
        say(f"lost: {lost.name}  {lost.recurrence}  (since {lost.since_at:%Y-%m-%d %H:%M} UTC)")


@tasks.command()
@click.argument("dataset", type=DatasetName())
@click.option("--at", type=click.DateTime(_FORMATS), help="A time on the simulated clock.")
@click.option(
    "--in",
    "ahead",
    metavar="DURATION",
    callback=_duration,
    help="How far ahead of the simulated clock: 90s, 30m, 2h, 1d, 1w.",
)
@click.option(
    "--every",
    type=click.Choice([recurrence.value for recurrence in Recurrence]),
    default=Recurrence.NONE.value,
    show_default=True,
)
@json_option
def add(
    dataset: str, at: datetime | None, ahead: timedelta | None, every: str, *, as_json: bool
) -> None:
    """Have the scheduler fetch a dataset at a time, once or again and again."""
    if (at is None) == (ahead is None):
        raise click.UsageError("One of --at and --in says when.")
    with opened(needs_gateway=True) as application:
        if ahead is not None:
            at = application.scheduler.fetch_clock().simulated_at + ahead
        assert at is not None  # noqa: S101 - one of the two was given
        task = application.scheduler_control.add_task(
            application.datasets[dataset],
            actor=operator(),
            simulated_at=at,
            recurrence=Recurrence(every),
        )
    if as_json:
        echo_json(task_as_plain(task))
    else:
        say(f"added: {_in_words(task)}")


@tasks.command()
@click.argument("name", required=False)
@click.option("--all", "every", is_flag=True, help="All tasks of the source.")
@click.option("--source", help="The application whose tasks are meant; by default this one.")
@click.option("--yes", is_flag=True, help="Do not ask.")
def delete(name: str | None, *, every: bool, source: str | None, yes: bool) -> None:
    """Delete the tasks called NAME, or with --all every one of ours."""
    if (name is None) != every:
        raise click.UsageError("Either NAME or --all says which.")
    if source == "":
        raise click.UsageError("--source is empty: it takes an application's name.")
    with opened(needs_gateway=True) as application:
        owner = application.settings.app_name if source is None else source
        if not yes:
            which = "all tasks" if name is None else f"the tasks {name}"
            click.confirm(terminal_safe(f"Delete {which} of {owner}?"), abort=True)
        if name is None:
            count = application.scheduler_control.delete_all(owner, actor=operator())
        else:
            count = application.scheduler_control.delete_tasks(name, actor=operator(), source=owner)
    say(f"deleted {count:,} tasks of {owner}")


def _in_words(task: Task) -> str:
    """Return a task as one line. Its parts may be anybody's text: each is escaped and cut."""
    # A scheduler that runs application and path together says no more than that.
    target = (
        task.target if task.target_url is None else f"{task.target_app or '-'} {task.target_url}"
    )
    recurrence, name, owner, target = (
        terminal_safe(text, longest=200) or "-"
        for text in (task.recurrence, task.name, task.source_app, target)
    )
    at = "-" if task.next_fire_time is None else str(task.next_fire_time)
    odd = f"  odd: {', '.join(task.oddities)}" if task.oddities else ""
    return f"{at:19}  {recurrence:6}  {name}  (of {owner}, calls {target}){odd}"
