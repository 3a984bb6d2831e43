"""The command that runs the embedded peers alone."""

from __future__ import annotations

import threading

import click

from ecommerce_core.cli.common import read_settings, say


@click.command()
@click.option("--port", type=click.IntRange(0, 65_535), default=8000, show_default=True)
@click.option(
    "--admin-port",
    type=click.IntRange(0, 65_535),
    help="Port of the gateway's administration; by default the next one after --port.",
)
@click.option("--speed", type=click.FloatRange(0, min_open=True), default=50, show_default=True)
@click.option(
    "--app-url",
    default="http://127.0.0.1:8501",
    show_default=True,
    help="Where the scheduler's callbacks go until a server registers itself.",
)
def sandbox(port: int, admin_port: int | None, speed: float, app_url: str) -> None:
    """Run the embedded peers and their gateway alone, until Ctrl-C."""
    from ecommerce_core.sandbox import Sandbox

    settings = read_settings()
    if admin_port is None:
        admin_port = port + 1 if 0 < port < 65_535 else 0
    try:
        peers = Sandbox(
            products=settings.sandbox_products,
            customers=settings.sandbox_customers,
            speed=speed,
            app_url=app_url,
            app_name=settings.app_name,
            port=port,
            admin_port=admin_port,
        )
    except ValueError as error:
        raise click.UsageError(str(error)) from error
    try:
        url = peers.start()
    except OSError as error:
        reason = f"port {port} or {admin_port} cannot be used: {error.strerror}"
        raise click.ClickException(reason) from error
    say(
        f"sandbox gateway at {url}, its administration at {peers.admin_url}; "
        f"callbacks go to {app_url}; Ctrl-C ends it"
    )
    try:
        threading.Event().wait()
    except KeyboardInterrupt:
        say("stopping")
    finally:
        peers.stop()
