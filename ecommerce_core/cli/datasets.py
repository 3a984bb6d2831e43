"""Commands that change the datasets or list their runs."""

from __future__ import annotations

import sys
import time
from collections.abc import Callable, Sequence

import click

from ecommerce_core.application import Application
from ecommerce_core.cli.common import (
    DatasetName,
    dataset_argument,
    echo_json,
    json_option,
    names_of,
    opened,
    operator,
    say,
)
from ecommerce_core.cli.words import run_as_plain, run_in_words
from ecommerce_core.domain import EcommerceError, Progress, Run, RunStatus, Trigger
from ecommerce_core.sync import RunHandle

_PROGRESS_EVERY_S = 0.2

run_argument = click.argument("run_id", type=click.IntRange(1, 2**63 - 1))


@click.command()
@dataset_argument
@json_option
def sync(dataset: str, *, as_json: bool) -> None:
    """Fetch a dataset, or all, from its peer.

    Ends with 1 unless every run went in: a held one waits for `confirm` or `discard`.
    """
    with opened(needs_gateway=True) as application:
        names = names_of(dataset)
        tickets = [
            application.request_sync(name, actor=operator(), trigger=Trigger.CLI) for name in names
        ]
        runs = wait_for(application, names, tickets)
    say_runs(runs, as_json=as_json)


@click.command()
@dataset_argument
@click.option("--yes", is_flag=True, help="Do not ask.")
def clear(dataset: str, *, yes: bool) -> None:
    """Empty a dataset. `undo` brings it back until its next fetch."""
    with opened(needs_gateway=False) as application:
        names = names_of(dataset)
        totals = [application.store.totals(application.datasets[name]) for name in names]
        rows = sum(total.current + total.withdrawn for total in totals)
        if not yes:
            click.confirm(f"Clear {rows:,} rows of {' and '.join(names)}?", abort=True)
        _each(names, lambda name: application.clear(name, actor=operator(), trigger=Trigger.CLI))


@click.command()
@dataset_argument
def undo(dataset: str) -> None:
    """Undo the last clear, or bring back the rows from before `confirm`."""
    with opened(needs_gateway=False) as application:

        def undo_one(name: str) -> Run:
            is_applied = application.applied_run(name) is not None
            undo_it = application.undo_apply if is_applied else application.undo_clear
            return undo_it(name, actor=operator(), trigger=Trigger.CLI)

        _each(names_of(dataset), undo_one)


@click.command()
@run_argument
def confirm(run_id: int) -> None:
    """Apply the answer of a held run. `undo` takes it back until the next fetch."""
    with opened(needs_gateway=False) as application:
        run = application.confirm(run_id, actor=operator(), trigger=Trigger.CLI).wait()
    say_runs([run], as_json=False)


@click.command()
@run_argument
def discard(run_id: int) -> None:
    """Discard the answer of a held run. Nothing is changed."""
    with opened(needs_gateway=False) as application:
        application.discard(run_id, actor=operator())
    say(f"run {run_id}: discarded, nothing was changed")


@click.command()
@click.option("--limit", type=click.IntRange(1, 10_000), default=20, show_default=True)
@click.option("--dataset", type=DatasetName(), help="Only runs of this dataset.")
@click.option(
    "--status",
    type=click.Choice([one.value for one in RunStatus]),
    help="Only runs with this status.",
)
@json_option
def runs(limit: int, dataset: str | None, status: str | None, *, as_json: bool) -> None:
    """List runs, the newest first."""
    wanted = None if status is None else RunStatus(status)
    with opened(needs_gateway=False) as application:
        found = application.store.list_runs(limit=limit, dataset=dataset, status=wanted)
    if as_json:
        echo_json([run_as_plain(run) for run in found])
        return
    for run in found:
        say(run_in_words(run))


def _each(names: Sequence[str], act: Callable[[str], Run]) -> None:
    """Act on each dataset, even after an error; exit with 1 if one failed."""
    refused = False
    for name in names:
        try:
            say(run_in_words(act(name)))
        except EcommerceError as error:
            say(f"{name}: {error}", err=True)
            refused = True
    if refused:
        sys.exit(1)


def say_runs(runs: Sequence[Run], *, as_json: bool) -> None:
    """Print how runs ended; exit with 1 if one did not succeed."""
    if as_json:
        echo_json([run_as_plain(run) for run in runs])
    else:
        for run in runs:
            say(run_in_words(run))
    if not all(run.status.is_good for run in runs):
        sys.exit(1)


def wait_for(
    application: Application, names: Sequence[str], tickets: Sequence[RunHandle]
) -> list[Run]:
    """Return the runs once they ended; meanwhile show their progress on a terminal."""
    is_shown = sys.stderr.isatty()
    while is_shown and not all(ticket.future.done() for ticket in tickets):
        under_way = [application.progress(name) for name in names]
        said = "; ".join(_in_words(progress) for progress in under_way if progress is not None)
        click.echo(f"\r\x1b[K{said}", err=True, nl=False)
        time.sleep(_PROGRESS_EVERY_S)
    if is_shown:
        click.echo("\r\x1b[K", err=True, nl=False)
    return [ticket.wait() for ticket in tickets]


def _in_words(progress: Progress) -> str:
    said = f"{progress.dataset} {progress.stage}"
    if progress.records:
        said += f", {progress.records:,} records"
    elif progress.bytes_done:
        said += f", {progress.bytes_done / 1e6:,.1f}"
        said += f" of {progress.bytes_total / 1e6:,.1f} MB" if progress.bytes_total else " MB"
    return f"{said}, {progress.elapsed_s:.1f} s"
