"""The application's counters, in Prometheus' text format.

Each application has a registry of its own. Label values come from fixed sets, anything else is
counted as ``other``: no peer and no caller can create series.
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
from ecommerce_core.domain import Outcome, Run, RunStatus, errors
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
        for name in self._datasets:
            self._refusals_not_kept.labels(name)  # from 0 on, before the first one
        self._requests = Counter(
            "ecommerce_peer_requests",
            "Requests to peers by how they ended: ok or the kind of error",
            ["service", "result"],
            registry=self._registry,
        )

        self._messages = Counter(
            "ecommerce_messages",
            "Messages about alerts, and pings, by whether the service took them",
            ["service", "result"],
            registry=self._registry,
        )

    def expect_messages(self, service: str) -> None:
        """Count the messages of a service from 0 on: an increase from nothing is none."""
        for result in ("sent", "failed"):
            self._messages.labels(service, result)

    def observe_message(self, service: str, is_taken: bool) -> None:
        """Count a message. ``service`` comes from the settings, so there are few."""
        self._messages.labels(service, "sent" if is_taken else "failed").inc()

    def observe_run(self, run: Run) -> None:
        """Count a run that ended; ignore one that still runs."""
        if run.status is RunStatus.RUNNING:
            return
        dataset = _one_of(self._datasets, run.dataset)
        self._runs.labels(dataset, run.action.value, run.trigger.value, run.status.value).inc()
        if run.duration_s is not None:
            # A wall clock that was set back must not make a histogram decrease.
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
        self, store: Store, reader: Reader, datasets: Iterable[Dataset], *others: Collector
    ) -> bytes:
        """Return everything in Prometheus' text format (CONTENT_TYPE). It reads the store: blocks.

        If the store cannot be read, its own series are missing and ``ecommerce_store_up`` is 0; the
        counters are there all the same. ``others`` are read once, too.
        """
        at_scrape = CollectorRegistry(auto_describe=False)
        for collector in (_StoreCollector(store, reader, datasets), *others):
            at_scrape.register(collector)
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


def _one_of(known: frozenset[str], name: str) -> str:
    return name if name in known else OTHER
