"""What Prometheus reads of how things stand: alerts, callbacks, clock, snapshots, backups."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from contextlib import suppress
from datetime import UTC, datetime

from prometheus_client.core import GaugeMetricFamily, Metric
from prometheus_client.registry import Collector

from ecommerce_core.application import Application
from ecommerce_core.datasets import Dataset
from ecommerce_core.domain import Alert, AlertCode, ExpectedOutcome, StoreError
from ecommerce_core.storage import SnapshotCode


class StateCollector(Collector):
    """Reads an application once for each scrape. ``count_sockets``: how many pages listen.

    What cannot be read just now has no series; that is what ``ecommerce_store_up`` tells.
    """

    def __init__(self, app: Application, count_sockets: Callable[[], int]) -> None:
        self._app = app
        self._count_sockets = count_sockets

    def collect(self) -> Iterator[Metric]:
        """Return every gauge."""
        now = datetime.now(UTC)
        told = [alert for alert in self._app.alerts.current() if alert.inhibited_by is None]
        yield from self._alerts(told)
        yield from self._clock(told, now)
        with suppress(StoreError):
            yield from self._store(now)
        backups = self._app.backups.state
        age = GaugeMetricFamily(
            "ecommerce_backup_age_seconds", "Age of the newest backup; no series without one"
        )
        if backups.last_at is not None:
            age.add_metric([], _age_s(backups.last_at, now))
        yield age
        sockets = "Pages that listen for changes"
        yield GaugeMetricFamily("ecommerce_live_sockets", sockets, value=self._count_sockets())

    def _alerts(self, told: Sequence[Alert]) -> Iterator[Metric]:
        alerts = GaugeMetricFamily(
            "ecommerce_alerts", "Open alerts that no other explains", labels=["code", "severity"]
        )
        for code in AlertCode:
            alerts.add_metric([code, code.severity], sum(one.code is code for one in told))
        yield alerts
        lost = GaugeMetricFamily(
            "ecommerce_tasks_lost", "Tasks that vanished without our doing", labels=["dataset"]
        )
        held = GaugeMetricFamily(
            "ecommerce_answer_held", "1 while an answer waits for a decision", labels=["dataset"]
        )
        for name in self._app.datasets:
            lost.add_metric([name], sum(_count(one) for one in told if _is_lost(one, name)))
            is_held = any(one.code is AlertCode.ANSWER_HELD and one.subject == name for one in told)
            held.add_metric([name], is_held)
        yield lost
        yield held

    def _clock(self, told: Sequence[Alert], now: datetime) -> Iterator[Metric]:
        seen = self._app.monitor.snapshot()
        clock = seen.reading.clock
        families = {
            name: GaugeMetricFamily(f"ecommerce_clock_{name}", text)
            for name, text in {
                "speed": "Simulated seconds per second",
                "paused": "1 while the simulated clock is paused",
                "age_seconds": "Seconds since the simulated clock was read last",
            }.items()
        }
        if clock is not None and seen.reading.read_at is not None:
            families["speed"].add_metric([], clock.speed)
            families["paused"].add_metric([], clock.paused)
            families["age_seconds"].add_metric([], _age_s(seen.reading.read_at, now))
        yield from families.values()
        yield GaugeMetricFamily(
            "ecommerce_clock_stands_still",
            "1 while the simulated clock does not move though it is not paused",
            value=any(alert.code is AlertCode.CLOCK_STANDS_STILL for alert in told),
        )

    def _store(self, now: datetime) -> Iterator[Metric]:
        """Yield what is read from the store. Raises StoreError."""
        expected = GaugeMetricFamily(
            "ecommerce_expected_callbacks",
            "Callbacks that were due, of those that the journal keeps, by what became of them",
            labels=["dataset", "outcome"],
        )
        counts: dict[tuple[str, str], int] = {
            (name, outcome): 0 for name in self._app.datasets for outcome in ExpectedOutcome
        }
        for task in self._app.store.expected_summary():
            for outcome in ExpectedOutcome:
                key = task.dataset, outcome
                if key in counts:
                    counts[key] += getattr(task, outcome)
        for labels, count in counts.items():
            expected.add_metric(labels, count)
        families = {
            name: GaugeMetricFamily(f"ecommerce_snapshot_{name}", text, labels=["dataset"])
            for name, text in {
                "version": "The run whose rows readers see",
                "age_seconds": "Seconds since that run ended",
                "behind": "1 while readers see other rows than are stored",
            }.items()
        }
        for dataset in self._app.datasets.values():
            self._snapshot(dataset, families, now)
        yield expected
        yield from families.values()

    def _snapshot(
        self, dataset: Dataset, families: dict[str, GaugeMetricFamily], now: datetime
    ) -> None:
        state, labels = self._app.reader.state(dataset), [dataset.name]
        families["behind"].add_metric(labels, state.code is not SnapshotCode.CURRENT)
        if state.shown is not None:
            families["version"].add_metric(labels, state.shown.run_id)
            if state.shown.ended_at is not None:
                families["age_seconds"].add_metric(labels, _age_s(state.shown.ended_at, now))


def _age_s(at: datetime, now: datetime) -> float:
    return max((now - at).total_seconds(), 0.0)


def _is_lost(alert: Alert, dataset: str) -> bool:
    return alert.code is AlertCode.TASKS_LOST and alert.concerns(dataset)


def _count(alert: Alert) -> int:
    count = alert.details.get("count")
    return count if isinstance(count, int) else 1
