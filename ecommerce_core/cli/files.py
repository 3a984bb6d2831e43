"""Commands that back up and restore the database file."""

from __future__ import annotations

from contextlib import ExitStack
from pathlib import Path

import click

from ecommerce_core.cli.common import called_with, errors_in_words, opened, read_settings
from ecommerce_core.cli.words import size_in_words
from ecommerce_core.datasets import migrations_of
from ecommerce_core.domain import SettingsError
from ecommerce_core.logs import terminal_safe
from ecommerce_core.settings import Settings, hide_password
from ecommerce_core.storage import (
    copy_store,
    kept_by_server,
    lock_path,
    open_store,
    restore_backup,
    write_backup,
)

_NEW_FILE = click.Path(dir_okay=False, path_type=Path)
_FILE = click.Path(exists=True, dir_okay=False, path_type=Path)


@click.command()
@click.argument("file", type=_NEW_FILE)
@click.option("--force", is_flag=True, help="Replace FILE if it exists.")
def backup(file: Path, *, force: bool) -> None:
    """Copy the database into FILE, while the server works.

    The copy is of one moment, checked after it is written, and there whole or not at all.
    """
    settings = read_settings()
    _refuse_server(settings)
    database = settings.database
    if not database.exists():
        raise click.ClickException(f"{database} is not there: nothing to back up")
    with opened(needs_gateway=False) as application:
        done = write_backup(application.store, file.absolute(), replace_existing=force)
    click.echo(f"{file}: {size_in_words(done.bytes)}, checked, in {done.seconds:.2f} s")


@click.command()
@click.argument("file", type=_FILE)
@click.option("--yes", is_flag=True, help="Do not ask.")
def restore(file: Path, *, yes: bool) -> None:
    """Replace the database with FILE, a backup. Stop the server first.

    FILE is checked before anything changes; the database that it replaces is kept beside it.
    """
    settings = read_settings()
    _refuse_server(settings)
    if not yes:
        click.confirm(f"Replace {settings.database} by a copy of {file}?", abort=True)
    datasets = called_with()
    locks = [lock_path(settings.database, name) for name in datasets]
    with errors_in_words():
        done = restore_backup(
            settings.database,
            file.absolute(),
            locks=locks,
            more_migrations=migrations_of(datasets),
        )
    click.echo(f"{done.database} holds what {file} held")
    if done.kept is not None:
        click.echo(f"what it held before is in {done.kept}")


@click.command()
@click.argument("source")
@click.argument("target")
def copy(source: str, target: str) -> None:
    """Copy the store SOURCE into TARGET, which must be empty: a path or a URL each.

    All of it, rows, journals and state, as of one moment, and read back before it is committed.
    Stop the servers first: what they store after that moment is not in TARGET.
    """
    more = migrations_of(called_with())
    with errors_in_words(), ExitStack() as stack:
        stores = []
        for text, is_new in ((source, False), (target, True)):
            try:
                named = Settings.from_env({"ECOMMERCE_DATABASE": text})
            except SettingsError as error:
                raise click.UsageError(terminal_safe(str(error))) from error
            store = open_store(
                named.database, url=named.database_url, create=is_new, more_migrations=more
            )
            stack.callback(store.close)
            stores.append(store)
        for table in copy_store(*stores):
            click.echo(f"{table.name:18} {table.rows:>12,} rows, sha256 {table.digest[:16]}")
    click.echo("copied, and read back")


def _refuse_server(settings: Settings) -> None:
    if settings.database_url is not None:
        raise click.ClickException(str(kept_by_server(hide_password(settings.database_url))))
