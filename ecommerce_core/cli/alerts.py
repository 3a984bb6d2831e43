"""Commands about alerts and the audit: what is wrong, whether messages arrive, who did what."""

from __future__ import annotations

import sys

import click

from ecommerce_core.alerts import title_of, todo_of
from ecommerce_core.cli.common import echo_json, json_option, opened, operator, say
from ecommerce_core.cli.words import alert_as_plain, audit_as_plain, moment
from ecommerce_core.domain import AuditAction, Language


@click.group()
def alerts() -> None:
    """See what is wrong, as the running server has noted it, and try the message services."""


@alerts.command(name="list")
@click.option("--all", "every", is_flag=True, help="Also those that are over.")
@click.option("--limit", type=click.IntRange(1, 1_000), default=50, show_default=True)
@json_option
def list_alerts(*, every: bool, limit: int, as_json: bool) -> None:
    """List the open alerts, the newest first."""
    with opened(needs_gateway=False) as application:
        store = application.store
        found = store.list_alerts(limit=limit) if every else store.open_alerts()[::-1][:limit]
        labels = {name: one.label for name, one in application.datasets.items()}
    if as_json:
        echo_json([alert_as_plain(record) for record in found])
        return
    for record in found:
        alert = record.alert
        ended = "" if record.ended_at is None else f", over since {moment(record.ended_at)}"
        say(f"{alert.severity:8} {title_of(alert, Language(), labels=labels)} ({alert.code})")
        say(f"{'':8} since {moment(alert.since_at)}{ended}")
        if record.ended_at is None:
            say(f"{'':8} {todo_of(alert, Language())}")


@alerts.command(name="test")
def send_test() -> None:
    """Send a test through each service of ECOMMERCE_ALERT_URLS; 1 unless all took it."""
    with opened(needs_gateway=False) as application:
        if not application.settings.alert_urls:
            raise click.UsageError(
                "ECOMMERCE_ALERT_URLS is not set: it takes URLs as Apprise does."
            )
        taken = application.send_test_message(actor=operator())
    for name, is_taken in taken.items():
        say(f"{name}: {'sent' if is_taken else 'takes no messages'}", err=not is_taken)
    if not all(taken.values()):
        sys.exit(1)


@click.command()
@click.option("--limit", type=click.IntRange(1, 100_000), default=50, show_default=True)
@click.option("--action", type=click.Choice([one.value for one in AuditAction]))
@click.option("--actor", help="Of this one only.")
@json_option
def audit(limit: int, action: str | None, actor: str | None, *, as_json: bool) -> None:
    """List who did what beyond runs, the newest first."""
    wanted = None if action is None else AuditAction(action)
    with opened(needs_gateway=False) as application:
        found = application.store.list_audit(limit=limit, action=wanted, actor=actor)
    if as_json:
        echo_json([audit_as_plain(entry) for entry in found])
        return
    for entry in found:
        details = ", ".join(f"{name} {value}" for name, value in entry.details.items())
        said = f"{moment(entry.at)}  {entry.actor or '-'}  {entry.action.replace('_', ' ')}"
        say(f"{said}  {entry.subject}" + (f" ({details})" if details else ""))
