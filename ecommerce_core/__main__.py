"""The command line: ``python -m ecommerce_core``. Safe beside a running server.

Exit codes: 0 done; 1 the peer, the store or the run said no; 2 wrong use or settings.
"""

from __future__ import annotations

import os
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager

import click

from ecommerce_core.application import DATASETS, Application
from ecommerce_core.errors import EcommerceError, SettingsError
from ecommerce_core.models import Query, Run, RunStatus, Trigger
from ecommerce_core.settings import Settings

# A dead address: commands that never ask a peer must not need a gateway.
NO_GATEWAY = "http://127.0.0.1:9"

dataset_argument = click.argument("dataset", type=click.Choice([*DATASETS, "all"]))
run_argument = click.argument("run_id", type=click.IntRange(min=1))


@contextmanager
def _application(*, needs_gateway: bool) -> Iterator[Application]:
    try:
        settings = Settings.from_env(os.environ)
    except SettingsError as error:
        raise click.UsageError(str(error)) from error
    if needs_gateway and settings.gateway_url is None:
        raise click.UsageError(
            "ECOMMERCE_GATEWAY_URL is not set: it takes the gateway's base URL. "
            "`python -m ecommerce_core sandbox --port 8000` starts one to try with."
        )
    try:
        application = Application.open(settings, gateway_url=settings.gateway_url or NO_GATEWAY)
        application.start()
        try:
            yield application
        finally:
            application.stop()
    except EcommerceError as error:
        raise click.ClickException(str(error)) from error


@click.group(context_settings={"help_option_names": ["-h", "--help"]})
def cli() -> None:
    """Feed and look after the e-commerce store. Settings come from ECOMMERCE_… variables."""


@cli.command()
@dataset_argument
def sync(dataset: str) -> None:
    """Fetch products, customers or all from their peers."""
    with _application(needs_gateway=True) as application:
        tickets = [application.request_sync(name, trigger=Trigger.CLI) for name in _names(dataset)]
        runs = [ticket.wait() for ticket in tickets]
    for run in runs:
        click.echo(_in_words(run))
    if not all(run.status.is_good for run in runs):
        sys.exit(1)


@cli.command()
@dataset_argument
@click.option("--yes", is_flag=True, help="Do not ask.")
def clear(dataset: str, *, yes: bool) -> None:
    """Empty a dataset. `undo` brings it back until its next sync."""
    with _application(needs_gateway=False) as application:
        names = _names(dataset)
        everything = Query(with_withdrawn=True)
        rows = sum(
            application.store.count_rows(application.datasets[name], everything) for name in names
        )
        if not yes:
            click.confirm(f"Clear {rows:,} rows of {' and '.join(names)}?", abort=True)
        for name in names:
            click.echo(_in_words(application.clear(name, trigger=Trigger.CLI)))


@cli.command()
@dataset_argument
def undo(dataset: str) -> None:
    """Bring back what the last clear took."""
    with _application(needs_gateway=False) as application:
        for name in _names(dataset):
            click.echo(_in_words(application.undo_clear(name, trigger=Trigger.CLI)))


@cli.command()
@run_argument
def confirm(run_id: int) -> None:
    """Apply the answer that a held run keeps."""
    with _application(needs_gateway=False) as application:
        run = application.confirm(run_id, trigger=Trigger.CLI).wait()
    click.echo(_in_words(run))
    if not run.status.is_good:
        sys.exit(1)


@cli.command()
@run_argument
def discard(run_id: int) -> None:
    """Let go of the answer that a held run keeps."""
    with _application(needs_gateway=False) as application:
        application.discard(run_id)
    click.echo(f"run {run_id}: discarded, nothing was changed")


@cli.command()
@click.option("--limit", type=click.IntRange(1, 10_000), default=20, show_default=True)
def runs(limit: int) -> None:
    """List the newest runs."""
    with _application(needs_gateway=False) as application:
        for run in application.store.list_runs(limit=limit):
            click.echo(_in_words(run))


@cli.command()
def status() -> None:
    """Say what the store holds and how the last syncs went."""
    with _application(needs_gateway=False) as application:
        click.echo(f"database   {application.store.path}")
        for name, dataset in application.datasets.items():
            totals = application.store.totals(dataset)
            click.echo(f"{name:10} {totals.current:,} rows, {totals.withdrawn:,} withdrawn")
            run = application.store.last_run(name)
            if run is not None:
                click.echo(f"{'':10} {_in_words(run)}")


@cli.command()
@click.option("--port", type=click.IntRange(0, 65_535), default=8000, show_default=True)
@click.option(
    "--speed", type=click.FloatRange(min=0, min_open=True), default=50.0, show_default=True
)
@click.option(
    "--app-url",
    default="http://127.0.0.1:8501",
    show_default=True,
    help="Where the scheduler's callbacks go.",
)
def sandbox(port: int, speed: float, app_url: str) -> None:
    """Run the embedded peers and their gateway alone, until Ctrl-C."""
    from ecommerce_core.sandbox import Sandbox

    try:
        settings = Settings.from_env(os.environ)
    except SettingsError as error:
        raise click.UsageError(str(error)) from error
    peers = Sandbox(
        products=settings.sandbox_products,
        customers=settings.sandbox_customers,
        speed=speed,
        app_url=app_url,
        app_name=settings.app_name,
        port=port,
    )
    try:
        url = peers.start()
    except OSError as error:
        raise click.ClickException(f"port {port} cannot be used: {error.strerror}") from error
    click.echo(f"sandbox gateway at {url}; callbacks go to {app_url}; Ctrl-C ends it")
    try:
        threading.Event().wait()
    except KeyboardInterrupt:
        click.echo("stopping")
    finally:
        peers.stop()


def _names(dataset: str) -> list[str]:
    return list(DATASETS) if dataset == "all" else [dataset]


def _in_words(run: Run) -> str:
    counts = run.counts
    said = f"run {run.id}: {run.dataset} {run.action.replace('_', ' ')} {run.status}"
    if run.status in {RunStatus.RUNNING, RunStatus.INTERRUPTED, RunStatus.FAILED}:
        return f"{said}: {run.error}" if run.error else said
    numbers = (
        f"{counts.fetched:,} fetched, {counts.added:,} added, {counts.updated:,} updated, "
        f"{counts.unchanged:,} unchanged, {counts.withdrawn:,} withdrawn, "
        f"{counts.rejected:,} rejected in {run.duration_s or 0:.2f} s"
    )
    return f"{said}: {numbers}" + (f". {run.error}" if run.error else "")


if __name__ == "__main__":
    cli(prog_name="python -m ecommerce_core")
