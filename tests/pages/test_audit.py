"""The audit on Activity, and what pages write into it."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path

import pytest

from ecommerce_core.application import Application
from ecommerce_core.domain import AuditAction, NewAuditEntry, Recurrence
from ecommerce_core.domain.access import LOCAL_OPERATOR
from ecommerce_core.sandbox import Sandbox
from tests.support.page_session import Page, installed
from tests.support.peers import Peers


@pytest.fixture
def app(peers: Peers, tmp_path: Path) -> Iterator[Application]:
    yield from installed(peers.url, tmp_path)


def note(app: Application, action: AuditAction, actor: str) -> None:
    app.store.record_audit(NewAuditEntry(datetime.now(UTC), action, actor, "products", {"rows": 9}))


def test_activity_lists_the_audit_and_filters_it(app: Application) -> None:
    assert "Nothing yet" in Page.open(app, "activity").texts()
    note(app, AuditAction.ROWS_EXPORTED, "ada")
    note(app, AuditAction.CLOCK_PAUSED, "bob")
    page = Page.open(app, "activity")
    table = page.table_named("Audit, newest first")
    assert list(table["action"]) == ["clock paused", "rows exported"]
    assert list(table["actor"]) == ["bob", "ada"]
    assert list(table["details"]) == ["rows 9", "rows 9"]

    page.at.selectbox(key="audit_actor").set_value("ada").run()
    assert list(page.sound().table_named("Audit, newest first")["actor"]) == ["ada"]
    links = [one.proto.url for one in page.at.get("link_button")]
    assert "audit.csv?actor=ada" in links
    page.at.selectbox(key="audit_action").set_value(AuditAction.CLOCK_PAUSED).run()
    assert "No results" in page.sound().texts()
    page.click("all_audit")
    assert len(page.table_named("Audit, newest first")) == 2


def test_what_people_do_with_the_scheduler_is_in_the_audit(tmp_path: Path) -> None:
    with Sandbox(products=3, customers=1, tick_s=None) as sandbox:
        for app in installed(sandbox.url, tmp_path):
            at = app.scheduler.fetch_clock().simulated_at.replace(year=2040)
            app.scheduler_control.add_task(
                app.datasets["products"],
                actor=LOCAL_OPERATOR,
                simulated_at=at,
                recurrence=Recurrence.HOUR,
            )
            app.scheduler_control.set_speed(7, actor=LOCAL_OPERATOR)
            app.scheduler_control.pause(actor=LOCAL_OPERATOR)
            app.scheduler_control.resume(actor=LOCAL_OPERATOR)
            app.scheduler_control.delete_tasks(
                "get_products", actor=LOCAL_OPERATOR, source="e-commerce"
            )
            audit = app.store.list_audit()[::-1]

    assert [(one.action, one.subject) for one in audit] == [
        (AuditAction.TASK_ADDED, "get_products"),
        (AuditAction.CLOCK_SPEED_SET, ""),
        (AuditAction.CLOCK_PAUSED, ""),
        (AuditAction.CLOCK_RESUMED, ""),
        (AuditAction.TASKS_DELETED, "get_products"),
    ]
    assert audit[0].details["recurrence"] == "hour"
    assert audit[1].details == {"speed": 7}
    assert audit[4].details["count"] == 1
