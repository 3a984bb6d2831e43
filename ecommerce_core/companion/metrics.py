"""What the application counts, in Prometheus' text format.

Each application has a registry of its own. Label values come from fixed sets,
anything else is counted as ``other``: no peer and no caller can make series.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from contextlib import suppress
from dataclasses import asdict
from datetime import UTC, datetime

from prometheus_client import CollectorRegistry, Counter, Histogram, generate_latest
from prometheus_client.core import GaugeMetricFamily, Metric
from prometheus_client.exposition import CONTENT_TYPE_PLAIN_0_0_4
from prometheus_client.registry import Collector

from ecommerce_core.datasets import Dataset
from ecommerce_core.domain import (
    MonitorSnapshot,
    Outcome,
    PartState,
    Run,
    RunStatus,
    SchedulerState,
    errors,
)
from ecommerce_core.storage import Reader, Store

CONTENT_TYPE = CONTENT_TYPE_PLAIN_0_0_4
OTHER = "other"

_DURATION_BUCKETS_S = (0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30, 60, 120, 300)
_RESULTS = frozenset(
    {
        "ok",
        *(
            name
            for name, value in vars(errors).items()
            if isinstance(value, type) and issubclass(value, errors.PeerError)
        ),
    }
)


class Metrics:
    """The application's counters.

    ``datasets`` and ``peers`` are the names that get series of their own.
    """

    def __init__(self, *, datasets: Iterable[str], peers: Iterable[str]) -> None:
        self._datasets = frozenset(datasets)
        self._peers = frozenset(peers)
        self._registry = CollectorRegistry(auto_describe=False)
        self._runs = Counter(
            "ecommerce_runs",
            "Runs that ended",
            ["dataset", "action", "trigger", "status"],
            registry=self._registry,
        )
        self._durations = Histogram(
            "ecommerce_run_duration_seconds",
            "How long a run took from start to end",
            ["dataset", "action"],
            buckets=_DURATION_BUCKETS_S,
            registry=self._registry,
        )
        self._rows = Counter(
            "ecommerce_run_rows",
            "Records by what runs did with them",
            ["dataset", "outcome"],
            registry=self._registry,
        )
        self._deliveries = Counter(
            "ecommerce_deliveries",
            "Callbacks by what became of them",
            ["dataset", "outcome"],
            registry=self._registry,
        )
        self._refusals_not_kept = Counter(
            "ecommerce_refused_deliveries_not_kept",
            "Refused callbacks that are counted, and not in the journal",
            ["dataset"],
            registry=self._registry,
        )
        self._requests = Counter(
            "ecommerce_peer_requests",
            "Requests to peers by how they ended: ok or the kind of error",
            ["service", "result"],
            registry=self._registry,
        )

    def observe_run(self, run: Run) -> None:
        """Count a run that ended; one that still runs is not counted."""
        if run.status is RunStatus.RUNNING:
            return
        dataset = _one_of(self._datasets, run.dataset)
        self._runs.labels(dataset, run.action.value, run.trigger.value, run.status.value).inc()
        if run.duration_s is not None:
            # A wall clock that was set back must not make a histogram go down.
            self._durations.labels(dataset, run.action.value).observe(max(run.duration_s, 0.0))
        if run.status is RunStatus.HELD:
            return
        for outcome, count in asdict(run.counts).items():
            if outcome != "fetched":
                self._rows.labels(dataset, outcome).inc(count)

    def observe_delivery(self, dataset: str, outcome: Outcome) -> None:
        """Count a callback that arrived."""
        self._deliveries.labels(_one_of(self._datasets, dataset), outcome.value).inc()

    def observe_refusal_not_kept(self, dataset: str) -> None:
        """Count a refused callback that the journal does not keep."""
        self._refusals_not_kept.labels(_one_of(self._datasets, dataset)).inc()

    def observe_request(self, peer: str, result: str) -> None:
        """Count a request to a peer. ``result`` is ``ok`` or the name of an error's class."""
        self._requests.labels(_one_of(self._peers, peer), _one_of(_RESULTS, result)).inc()

    def render(
        self,
        store: Store,
        reader: Reader,
        datasets: Iterable[Dataset],
        *,
        scheduler: MonitorSnapshot | None = None,
    ) -> bytes:
        """Everything in Prometheus' text format (CONTENT_TYPE). Reads the store, so it blocks.

        A store that cannot be read costs its own series and is told as
        ``ecommerce_store_up 0``; the counters are there all the same. ``scheduler`` is what its
        monitor read last.
        """
        at_scrape = CollectorRegistry(auto_describe=False)
        at_scrape.register(_StoreCollector(store, reader, datasets))
        if scheduler is not None and scheduler.state is not SchedulerState.UNKNOWN:
            at_scrape.register(_SchedulerCollector(scheduler))
        return generate_latest(self._registry) + generate_latest(at_scrape)


class _StoreCollector(Collector):
    def __init__(self, store: Store, reader: Reader, datasets: Iterable[Dataset]) -> None:
        self._store = store
        self._reader = reader
        self._datasets = datasets

    def collect(self) -> Iterator[Metric]:
        rows = GaugeMetricFamily(
            "ecommerce_store_rows", "Rows in the store", labels=["dataset", "state"]
        )
        age = GaugeMetricFamily(
            "ecommerce_last_good_sync_age_seconds",
            "Seconds since the store last held what the peer said; no series before that",
            labels=["dataset"],
        )
        up = 1
        for dataset in self._datasets:
            name = dataset.name
            try:
                last = self._store.last_good_run(name)
                with suppress(errors.RowsPreparing):
                    totals = self._reader.totals(dataset)
                    rows.add_metric([name, "current"], totals.current)
                    rows.add_metric([name, "withdrawn"], totals.withdrawn)
            except errors.StoreError:
                up = 0
                continue
            if last is not None:
                since = datetime.now(UTC) - (last.finished_at or last.started_at)
                age.add_metric([name], max(since.total_seconds(), 0.0))
        yield rows
        yield age
        yield GaugeMetricFamily("ecommerce_store_up", "1 where the store can be read", value=up)


class _SchedulerCollector(Collector):
    def __init__(self, seen: MonitorSnapshot) -> None:
        self._seen = seen

    def collect(self) -> Iterator[Metric]:
        seen = self._seen
        up = GaugeMetricFamily(
            "ecommerce_scheduler_up",
            "1 where the scheduler's clock, or its list of tasks, can be read",
            labels=["part"],
        )
        for part, state in (("clock", seen.clock_state), ("tasks", seen.list_state)):
            up.add_metric([part], float(state is PartState.UP))
        yield up
        still_s = 0.0
        if seen.standing_still_since is not None:
            still_s = max((datetime.now(UTC) - seen.standing_still_since).total_seconds(), 0.0)
        yield GaugeMetricFamily(
            "ecommerce_scheduler_standing_still_seconds",
            "Seconds for which the clock has been standing still, though it is not paused",
            value=still_s,
        )
        tasks = GaugeMetricFamily(
            "ecommerce_scheduler_tasks", "Tasks in the scheduler's list", labels=["state"]
        )
        tasks.add_metric(["listed"], len(seen.tasks))
        tasks.add_metric(["odd"], len(seen.odd_tasks))
        tasks.add_metric(["lost"], len(seen.lost_tasks))
        yield tasks


def _one_of(known: frozenset[str], name: str) -> str:
    return name if name in known else OTHER
