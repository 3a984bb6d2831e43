"""The metrics, parsed with Prometheus' own parser."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import closing, suppress
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from prometheus_client.parser import text_string_to_metric_families

from ecommerce_core.application import Application
from ecommerce_core.companion import Companion, Metrics
from ecommerce_core.companion.state_metrics import SchedulerCollector
from ecommerce_core.datasets import DATASETS
from ecommerce_core.domain import (
    Action,
    Clock,
    ClockReading,
    Counts,
    MonitorSnapshot,
    Oddity,
    Outcome,
    Run,
    RunStatus,
    StoreDamaged,
    Task,
    Trigger,
    said,
)
from ecommerce_core.sandbox import Sandbox
from ecommerce_core.settings import Settings
from ecommerce_core.storage import Reader, Snapshots, Store
from tests.support.companion_server import (
    CUSTOMERS_CALLBACK,
    PRODUCTS_CALLBACK,
    Served,
    with_a_page,
)
from tests.support.peers import Peers, products
from tests.support.waiting import until

NOW = datetime.now(UTC)
RUN = Run(
    id=1,
    dataset="products",
    action=Action.SYNC,
    trigger=Trigger.CALLBACK,
    status=RunStatus.PARTIAL,
    started_at=NOW - timedelta(seconds=3),
    finished_at=NOW,
    counts=Counts(fetched=10, added=4, updated=3, unchanged=2, withdrawn=5, rejected=1),
    body_bytes=100,
    stages_s={},
    error=None,
    simulated_at=None,
    task_name=None,
    confirms_run_id=None,
    resolution=None,
)


class Scraped:
    """The samples of one scrape."""

    def __init__(self, text: bytes) -> None:
        self.samples = {
            (sample.name, frozenset(sample.labels.items())): sample.value
            for family in text_string_to_metric_families(text.decode())
            for sample in family.samples
        }

    def __call__(self, name: str, **labels: str) -> float | None:
        return self.samples.get((name, frozenset(labels.items())))


@pytest.fixture
def metrics() -> Metrics:
    return Metrics(datasets=["products", "customers"], peers=["crm", "scheduler"])


@pytest.fixture
def server(application: Application, peers: Peers) -> Iterator[Served]:
    companion = Companion(DATASETS.values())
    companion.attach(application)
    with Served(with_a_page(companion.routes())) as running:
        yield running
    application.stop()
    companion.close()


def scrape(metrics: Metrics, store: Store) -> Scraped:
    snapshots = Snapshots(store.path, store)
    with suppress(StoreDamaged):
        for dataset in DATASETS.values():
            snapshots.publish(dataset)
    with closing(Reader(snapshots)) as reader:
        return Scraped(metrics.render(store, reader, DATASETS.values()))


def test_runs_are_counted_by_dataset_trigger_and_status(metrics: Metrics, store: Store) -> None:
    for run in (RUN, RUN, replace(RUN, status=RunStatus.FAILED)):
        metrics.observe_run(run)
    scraped = scrape(metrics, store)

    of = {"dataset": "products", "action": "sync", "trigger": "callback"}
    assert scraped("ecommerce_runs_total", **of, status="partial") == 2
    assert scraped("ecommerce_runs_total", **of, status="failed") == 1
    timed = {"dataset": "products", "action": "sync"}
    assert scraped("ecommerce_run_duration_seconds_count", **timed) == 3
    assert scraped("ecommerce_run_duration_seconds_sum", **timed) == 9
    assert scraped("ecommerce_run_duration_seconds_bucket", **timed, le="2.5") == 0
    assert scraped("ecommerce_run_duration_seconds_bucket", **timed, le="5.0") == 3


def test_rows_are_counted_by_what_runs_did_with_them(metrics: Metrics, store: Store) -> None:
    metrics.observe_run(RUN)
    scraped = scrape(metrics, store)

    for outcome, count in {"added": 4, "updated": 3, "withdrawn": 5, "rejected": 1}.items():
        assert scraped("ecommerce_run_rows_total", dataset="products", outcome=outcome) == count
    assert scraped("ecommerce_run_rows_total", dataset="products", outcome="fetched") is None


def test_a_held_run_counts_no_rows_and_a_running_one_not_at_all(
    metrics: Metrics, store: Store
) -> None:
    metrics.observe_run(replace(RUN, status=RunStatus.HELD))
    metrics.observe_run(replace(RUN, status=RunStatus.RUNNING, finished_at=None))
    scraped = scrape(metrics, store)

    assert sum(v for (name, _), v in scraped.samples.items() if name == "ecommerce_runs_total") == 1
    assert scraped("ecommerce_run_rows_total", dataset="products", outcome="added") is None


def test_a_clock_that_was_set_back_makes_no_negative_duration(
    metrics: Metrics, store: Store
) -> None:
    metrics.observe_run(replace(RUN, finished_at=RUN.started_at - timedelta(hours=1)))

    timed = {"dataset": "products", "action": "sync"}
    assert scrape(metrics, store)("ecommerce_run_duration_seconds_sum", **timed) == 0


def test_what_is_not_known_is_counted_as_other(metrics: Metrics, store: Store) -> None:
    for number in range(50):
        metrics.observe_request(f"peer-{number}", f"Error{number}")
        metrics.observe_delivery(f"dataset-{number}", Outcome.REFUSED)
    metrics.observe_request("crm", "PeerTimedOut")
    scraped = scrape(metrics, store)

    assert scraped("ecommerce_peer_requests_total", service="other", result="other") == 50
    assert scraped("ecommerce_peer_requests_total", service="crm", result="PeerTimedOut") == 1
    assert scraped("ecommerce_deliveries_total", dataset="other", outcome="refused") == 50


def test_refusals_that_the_journal_does_not_keep_have_a_counter(
    metrics: Metrics, store: Store
) -> None:
    for dataset in ("products", "products", "somebody else's"):
        metrics.observe_refusal_not_kept(dataset)
    scraped = scrape(metrics, store)

    name = "ecommerce_refused_deliveries_not_kept_total"
    assert scraped(name, dataset="products") == 2
    assert scraped(name, dataset="other") == 1


def test_two_applications_count_apart(metrics: Metrics, store: Store) -> None:
    other = Metrics(datasets=["products"], peers=["crm"])
    metrics.observe_delivery("products", Outcome.EXECUTED)

    name, labels = "ecommerce_deliveries_total", {"dataset": "products", "outcome": "executed"}
    assert scrape(metrics, store)(name, **labels) == 1
    assert scrape(other, store)(name, **labels) is None


def test_a_store_that_cannot_be_read_costs_its_own_series_only(
    metrics: Metrics, store: Store
) -> None:
    assert scrape(metrics, store)("ecommerce_store_up") == 1
    metrics.observe_delivery("products", Outcome.EXECUTED)
    store.path.write_bytes(b"garbage" * 1_000)
    scraped = scrape(metrics, store)

    assert scraped("ecommerce_store_up") == 0
    assert scraped("ecommerce_store_rows", dataset="products", state="current") is None
    assert scraped("ecommerce_deliveries_total", dataset="products", outcome="executed") == 1


def test_a_callback_is_seen_in_every_metric_that_it_touches(
    server: Served, application: Application, peers: Peers
) -> None:
    peers.serve_products(products(30))
    before = Scraped(server.ask("GET", "/ecommerce/metrics").body)
    server.ask("POST", PRODUCTS_CALLBACK)
    peers.serve_products(products(29))
    server.ask("POST", PRODUCTS_CALLBACK)
    # Readers see the rows shortly after the callback is answered.
    until(lambda: application.reader.totals(DATASETS["products"]).current == 29)
    answer = server.ask("GET", "/ecommerce/metrics")
    scraped = Scraped(answer.body)

    assert answer.headers["content-type"].startswith("text/plain; version=0.0.4")
    of = {"dataset": "products"}
    assert before("ecommerce_store_rows", **of, state="current") == 0
    assert before("ecommerce_last_good_sync_age_seconds", **of) is None
    assert scraped("ecommerce_store_rows", **of, state="current") == 29
    assert scraped("ecommerce_store_rows", **of, state="withdrawn") == 1
    assert 0 <= (scraped("ecommerce_last_good_sync_age_seconds", **of) or 0) < 10
    assert scraped("ecommerce_deliveries_total", **of, outcome="executed") == 2
    requests = {"service": "catalogue-produit", "result": "ok"}
    assert scraped("ecommerce_peer_requests_total", **requests) == 2
    runs = {"action": "sync", "trigger": "callback", "status": "succeeded"}
    assert scraped("ecommerce_runs_total", **of, **runs) == 2


def test_how_things_stand_is_read_at_each_scrape(
    server: Served, application: Application, peers: Peers
) -> None:
    peers.serve_products(products(40))
    server.ask("POST", PRODUCTS_CALLBACK)
    until(lambda: application.reader.totals(DATASETS["products"]).current == 40)
    peers.serve_products(products(3))
    server.ask("POST", PRODUCTS_CALLBACK)
    server.ask("POST", CUSTOMERS_CALLBACK)
    scraped = Scraped(server.ask("GET", "/ecommerce/metrics").body)

    held = {"code": "answer_held", "severity": "warning"}
    failed = {"code": "fetch_failed", "severity": "critical"}
    assert scraped("ecommerce_alerts", **held) == 1
    assert scraped("ecommerce_alerts", **failed) == 1
    assert scraped("ecommerce_alerts", code="store_full", severity="critical") == 0
    assert scraped("ecommerce_answer_held", dataset="products") == 1
    assert scraped("ecommerce_answer_held", dataset="customers") == 0
    assert scraped("ecommerce_snapshot_version", dataset="products") == 1
    assert scraped("ecommerce_snapshot_behind", dataset="products") == 0
    assert 0 <= (scraped("ecommerce_snapshot_age_seconds", dataset="products") or -1) < 60
    assert scraped("ecommerce_expected_callbacks", dataset="products", outcome="missed") == 0
    assert scraped("ecommerce_live_sockets") == 0
    assert scraped("ecommerce_messages_total", service="ping", result="failed") == 0
    # There is no backup, and nobody has read a clock.
    assert scraped("ecommerce_backup_age_seconds") is None
    assert scraped("ecommerce_clock_speed") is None


def test_the_simulated_clock_is_told_as_the_monitor_read_it(
    settings: Settings, tmp_path: Path
) -> None:
    with Sandbox(products=3, customers=1, speed=7) as sandbox:
        backed_up = replace(settings, backup_dir=tmp_path / "backups")
        app = Application.open(backed_up, gateway_url=sandbox.url)
        companion = Companion(DATASETS.values())
        companion.attach(app)
        app.start()
        with Served(with_a_page(companion.routes())) as running:
            until(lambda: app.monitor.snapshot().reading.clock is not None)
            until(lambda: app.backups.state.last_at is not None)
            scraped = Scraped(running.ask("GET", "/ecommerce/metrics").body)
        app.stop()
        companion.close()
        app.close()
    assert scraped("ecommerce_clock_speed") == 7
    assert scraped("ecommerce_clock_paused") == 0
    assert scraped("ecommerce_scheduler_standing_still_seconds") == 0
    assert scraped("ecommerce_scheduler_tasks", state="lost") == 0
    assert 0 <= (scraped("ecommerce_clock_age_seconds") or 0) < 30
    assert 0 <= (scraped("ecommerce_backup_age_seconds") or 0) < 60


def test_the_scheduler_is_told_in_its_parts_as_its_monitor_sees_it(
    metrics: Metrics, store: Store
) -> None:
    odd = Task("", "", "x", None, "x", None, "", None, (Oddity.NO_TIME,))
    seen = MonitorSnapshot(
        tasks=(odd,),
        listed_at=NOW - timedelta(minutes=1),
        reading=ClockReading(Clock(datetime(2019, 1, 7), 50, paused=False), NOW, None),
        list_error=said("scheduler answered 500"),
        # Not NOW, which is when the tests were collected.
        standing_still_since=datetime.now(UTC) - timedelta(seconds=90),
    )
    with closing(Reader(Snapshots(store.path, store))) as reader:
        scraped = Scraped(metrics.render(store, reader, (), SchedulerCollector(seen)))
        unknown = Scraped(metrics.render(store, reader, (), SchedulerCollector(MonitorSnapshot())))

    assert scraped("ecommerce_scheduler_up", part="clock") == 1
    assert scraped("ecommerce_scheduler_up", part="tasks") == 0
    assert 90 <= (scraped("ecommerce_scheduler_standing_still_seconds") or 0) < 300
    assert scraped("ecommerce_scheduler_tasks", state="odd") == 1
    assert scraped("ecommerce_scheduler_tasks", state="lost") == 0
    assert unknown("ecommerce_scheduler_up", part="clock") is None
