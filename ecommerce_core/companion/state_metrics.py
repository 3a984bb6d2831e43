"""What Prometheus reads of how things stand: alerts, callbacks, scheduler, snapshots, backups."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from contextlib import suppress
from datetime import UTC, datetime

from prometheus_client.core import GaugeMetricFamily, Metric
from prometheus_client.registry import Collector

from ecommerce_core.application import Application
from ecommerce_core.datasets import Dataset
from ecommerce_core.domain import (
    Alert,
    AlertCode,
    ExpectedOutcome,
    MonitorSnapshot,
    PartState,
    SchedulerState,
    StoreError,
)
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
        held = GaugeMetricFamily(
            "ecommerce_answer_held", "1 while an answer waits for a decision", labels=["dataset"]
        )
        for name in self._app.datasets:
            is_held = any(one.code is AlertCode.ANSWER_HELD and one.subject == name for one in told)
            held.add_metric([name], is_held)
        yield held

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


class SchedulerCollector(Collector):
    """Tells of the scheduler what its monitor read last; nothing before it has read anything."""

    def __init__(self, seen: MonitorSnapshot) -> None:
        self._seen = seen

    def collect(self) -> Iterator[Metric]:
        """Return the gauges of clock and list."""
        if self._seen.state is not SchedulerState.UNKNOWN:
            now = datetime.now(UTC)
            yield from self._clock(now)
            yield from self._tasks()

    def _clock(self, now: datetime) -> Iterator[Metric]:
        clock, read_at = self._seen.reading.clock, self._seen.reading.read_at
        still_since = self._seen.standing_still_since
        yield GaugeMetricFamily(
            "ecommerce_scheduler_standing_still_seconds",
            "Seconds for which the clock has been standing still, though it is not paused",
            value=0.0 if still_since is None else _age_s(still_since, now),
        )
        if clock is None or read_at is None:
            return
        for name, text, value in (
            ("speed", "Simulated seconds per second", clock.speed),
            ("paused", "1 while the simulated clock is paused", clock.paused),
            (
                "age_seconds",
                "Seconds since the simulated clock was read last",
                _age_s(read_at, now),
            ),
        ):
            yield GaugeMetricFamily(f"ecommerce_clock_{name}", text, value=value)

    def _tasks(self) -> Iterator[Metric]:
        seen = self._seen
        up = GaugeMetricFamily(
            "ecommerce_scheduler_up",
            "1 if the scheduler's clock, or its list of tasks, can be read",
            labels=["part"],
        )
        for part, state in (("clock", seen.clock_state), ("tasks", seen.list_state)):
            up.add_metric([part], float(state is PartState.UP))
        yield up
        tasks = GaugeMetricFamily(
            "ecommerce_scheduler_tasks", "Tasks in the scheduler's list", labels=["state"]
        )
        tasks.add_metric(["listed"], len(seen.tasks))
        tasks.add_metric(["odd"], len(seen.odd_tasks))
        tasks.add_metric(["lost"], len(seen.lost_tasks))
        yield tasks


def _age_s(at: datetime, now: datetime) -> float:
    return max((now - at).total_seconds(), 0.0)
