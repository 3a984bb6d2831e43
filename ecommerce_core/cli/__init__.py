"""The command line: the pages' actions for scripts and terminals. Safe beside a running server."""

from __future__ import annotations

import click

from ecommerce_core import __version__, logs
from ecommerce_core.cli.alerts import alerts, audit
from ecommerce_core.cli.datasets import clear, confirm, discard, runs, sync, undo
from ecommerce_core.cli.files import backup, copy, restore
from ecommerce_core.cli.sandbox import sandbox
from ecommerce_core.cli.state import doctor, status
from ecommerce_core.cli.tasks import tasks

EXIT_CODES = """\b
Exit codes:
  0  done
  1  a peer, the store or the run said no, or nobody said yes
  2  wrong use, or a setting that makes no sense"""


@click.group(context_settings={"help_option_names": ["-h", "--help"]}, epilog=EXIT_CODES)
@click.version_option(__version__, prog_name="ecommerce-dashboard")
def cli() -> None:
    """Feed and look after the e-commerce store, beside a running server or without one.

    Settings come from ECOMMERCE_… variables, the same as the server's.
    """
    logs.set_up_command_line()


for command in (
    sync,
    clear,
    undo,
    runs,
    confirm,
    discard,
    status,
    doctor,
    backup,
    restore,
    copy,
    tasks,
    alerts,
    audit,
    sandbox,
):
    cli.add_command(command)
