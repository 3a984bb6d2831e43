"""The overview: open issues, the last day, and the next callbacks."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from ecommerce_core.application import Application
from ecommerce_core.domain import NewDelivery, Outcome, Recurrence, Run, RunStatus, Trigger
from ecommerce_core.domain.access import LOCAL_OPERATOR
from ecommerce_core.sandbox import Sandbox
from ecommerce_core.storage import BackupSchedule
from tests.support.page_session import Page, catalogue, ended, installed
from tests.support.peers import Peers
from tests.support.waiting import until

DAY = timedelta(days=1)


@pytest.fixture
def app(peers: Peers, tmp_path: Path) -> Iterator[Application]:
    peers.bodies["catalogue-produit"] = catalogue(60)
    peers.bodies["crm"] = b"[]"
    yield from installed(peers.url, tmp_path)


@pytest.fixture
def sandbox_app(tmp_path: Path) -> Iterator[Application]:
    with Sandbox(products=5, customers=5) as sandbox:
        yield from installed(sandbox.url, tmp_path)


def sync(app: Application, name: str = "products") -> Run:
    return app.request_sync(name, actor=LOCAL_OPERATOR, trigger=Trigger.MANUAL).wait(10)


def backdate(app: Application, run: Run, by: timedelta) -> None:
    """Date a run, and the rows it brought, back by ``by``."""
    at = (datetime.now(UTC) - by).strftime("%Y-%m-%dT%H:%M:%S.000Z")
    with app.store.writing() as db:
        db.execute("UPDATE run SET started_at = ?, finished_at = ? WHERE id = ?", [at, at, run.id])
        db.execute("UPDATE product SET first_seen_at = ?", [at])


def links(page: Page) -> dict[str, str]:
    """Return the page's links: their queries by label."""
    return {link.proto.label: link.proto.query_string for link in page.at.get("page_link")}


def test_what_changed_since_yesterday_is_counted_and_leads_to_the_changes(
    app: Application, peers: Peers
) -> None:
    old = sync(app)
    backdate(app, old, 2 * DAY)
    answer = catalogue(62).replace(b'"prix": 424', b'"prix": 399', 1).replace(b"X59", b"X99")
    peers.bodies["catalogue-produit"] = answer
    new = sync(app)
    page = Page.open(app, "overview")

    assert "3 added, 1 changed, 1 withdrawn" in page.texts()
    assert f"from={old.id}&to={new.id}" in links(page)["What changed"]


def test_a_shop_of_today_counts_its_changes_since_the_first_fetch(app: Application) -> None:
    sync(app)
    told = ":small[since the first fetch: nothing has changed]"
    assert told in Page.open(app, "overview").texts()
    backdate(app, app.store.list_runs()[0], 2 * DAY)
    page = Page.open(app, "overview")
    assert "since the first fetch" not in page.texts()
    assert ":small[nothing has changed]" in page.texts()
    assert "What changed" not in links(page)


def test_runs_and_callbacks_of_the_last_day_are_counted_and_what_failed_is_a_click_away(
    app: Application, peers: Peers
) -> None:
    backdate(app, sync(app), 2 * DAY)
    del peers.bodies["catalogue-produit"]
    sync(app)
    old, new = datetime.now(UTC) - 2 * DAY, datetime.now(UTC)
    app.store.record_deliveries(
        [
            NewDelivery(at, "products", outcome, None, None, None, None, 0.1)
            for at, outcome in (
                (old, Outcome.FAILED),
                (new, Outcome.EXECUTED),
                (new, Outcome.REFUSED),
            )
        ]
    )
    page = Page.open(app, "overview")

    assert ":green-badge[:material/check_circle: 1 callback executed]" in page.texts()
    assert "status=failed" in links(page)[":red-badge[:material/error: 1 run failed]"]
    assert "outcome=refused" in links(page)[":red-badge[:material/block: 1 callback refused]"]
    assert app.store.run_counts_since(old - DAY) == {RunStatus.SUCCEEDED: 1, RunStatus.FAILED: 1}
    assert app.store.delivery_counts_since(new) == {Outcome.EXECUTED: 1, Outcome.REFUSED: 1}


def test_each_open_problem_has_the_button_that_settles_it(app: Application, peers: Peers) -> None:
    sync(app)
    peers.bodies["catalogue-produit"] = catalogue(21)
    sync(app)
    page = Page.open(app, "overview")
    assert "A fetch is held: products" in page.texts()
    assert "All is well" not in page.texts()
    page.click("discard_products")
    assert app.store.held_run("products") is None

    del peers.bodies["crm"]
    sync(app, "customers")
    page = Page.open(app, "overview")
    assert "The last fetch failed: customers" in page.texts()
    peers.bodies["crm"] = b"[]"
    newest = app.store.newest_run_id()
    page.click("retry_customers")
    until(lambda: ended(app, "customers", newest))
    page.at.run()
    assert "The last fetch failed" not in page.sound().texts()


def test_a_silent_scheduler_is_a_problem_with_a_button_and_its_reason(app: Application) -> None:
    until(lambda: app.monitor.snapshot().list_error is not None)
    page = Page.open(app, "overview")

    assert "**The scheduler does not answer**" in page.texts()
    assert "The gateway has no route for scheduler" in page.texts()
    page.click("retry_scheduler")


def test_backups_that_fail_are_told_with_their_reason(app: Application, tmp_path: Path) -> None:
    in_the_way = tmp_path / "backups"
    in_the_way.write_text("a file where the folder should be")
    failing = BackupSchedule(app.store, in_the_way, every=DAY, keep=2)
    failing.start()
    app.backups = failing
    until(lambda: failing.state.error is not None)

    assert "**No backup could be made**" in Page.open(app, "overview").texts()
    assert "Aucune sauvegarde" in Page.open(app, "overview", locale="fr-FR").texts()


def test_the_next_three_callbacks_are_told_in_both_clocks(tmp_path: Path) -> None:
    with Sandbox(products=5, customers=5) as sandbox:
        for app in installed(sandbox.url, tmp_path):
            sync(app)
            at = app.scheduler.fetch_clock().simulated_at
            for hours in (9, 3, 5, 7):
                app.scheduler.add_task(
                    app.datasets["products"],
                    simulated_at=at + timedelta(hours=hours),
                    recurrence=Recurrence.NONE,
                )
            app.monitor.poll()
            told = Page.open(app, "overview").told("ecommerce_live_text")
            coming = [one["text"] for one in told if "get_products" in one["text"]]

            assert len(coming) == 3
            assert all(" in " in one and "simulated · once" in one for one in coming)


def verdict(page: Page) -> str:
    """Return the line beside the title."""
    return str(page.at.markdown[0].value) if page.at.markdown else ""


def test_the_overview_says_in_one_line_whether_everything_is_all_right(
    sandbox_app: Application,
) -> None:
    until(lambda: sandbox_app.monitor.snapshot().listed_at is not None)
    assert "Not fetched yet: products · Not fetched yet: customers" in verdict(
        Page.open(sandbox_app, "overview")
    )
    sync(sandbox_app)
    sync(sandbox_app, "customers")
    assert ":green-badge[:material/check_circle: All is well]" in verdict(
        Page.open(sandbox_app, "overview")
    )
    sandbox_app.clear("customers", actor=LOCAL_OPERATOR, trigger=Trigger.MANUAL)
    page = Page.open(sandbox_app, "overview")
    assert "Cleared: customers" in verdict(page)
    assert "All is well" not in page.texts()


def test_an_answer_with_rejected_records_is_not_all_well(app: Application, peers: Peers) -> None:
    peers.bodies["catalogue-produit"] = catalogue(3).replace(b'"prix": 424', b'"prix": "x"', 1)
    run = sync(app)
    page = Page.open(app, "overview")

    assert "Records were rejected: products" in verdict(page)
    assert "All is well" not in page.texts()
    assert f"run={run.id}" in links(page)["1 record rejected"]


def test_after_a_clear_the_overview_offers_the_undo_and_no_first_steps(
    app: Application,
) -> None:
    sync(app)
    app.clear("products", actor=LOCAL_OPERATOR, trigger=Trigger.MANUAL)
    page = Page.open(app, "overview")

    assert ":green[:material/check_circle:] Fetch products" in page.texts()
    page.click("undo_clear_products")
    assert app.store.totals(app.datasets["products"]).current == 60
    assert "60 returned" in page.texts()


def test_the_steps_go_once_each_has_been_done(sandbox_app: Application) -> None:
    sync(sandbox_app)
    sync(sandbox_app, "customers")
    assert "Get started" in Page.open(sandbox_app, "overview").texts()
    at = sandbox_app.scheduler.fetch_clock().simulated_at
    sandbox_app.scheduler_control.add_task(
        sandbox_app.datasets["products"],
        simulated_at=at + timedelta(hours=3),
        recurrence=Recurrence.DAY,
        actor=LOCAL_OPERATOR,
    )
    assert "Get started" not in Page.open(sandbox_app, "overview").texts()


def test_a_dataset_says_how_often_it_is_fetched_and_when_next(sandbox_app: Application) -> None:
    sync(sandbox_app)
    at = sandbox_app.scheduler.fetch_clock().simulated_at
    sandbox_app.scheduler.add_task(
        sandbox_app.datasets["products"],
        simulated_at=at + timedelta(hours=3),
        recurrence=Recurrence.DAY,
    )
    sandbox_app.monitor.poll()
    page = Page.open(sandbox_app, "overview")

    told = [one["text"] for one in page.told("ecommerce_live_text")]
    assert any(one.startswith("Scheduled every day, next in ") for one in told)
    assert "Not scheduled." in page.texts()
