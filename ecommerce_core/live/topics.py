"""Topics of the pages: for each a value that changes when pages that show it are out of date."""

from __future__ import annotations

from collections.abc import Callable, Hashable, Mapping
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta

from ecommerce_core.datasets import Dataset
from ecommerce_core.domain import ClockReading, PeerHealth, Progress, RunStatus, make_fact
from ecommerce_core.gateway import Gateway, Registration
from ecommerce_core.live.broadcaster import Seen
from ecommerce_core.scheduler import SchedulerMonitor
from ecommerce_core.storage import BackupSchedule, Store

# The scheduler monitor polls every second; a snapshot this old is no longer valid.
SILENT_AFTER = timedelta(seconds=6)


def has_failed(health: PeerHealth) -> bool:
    """Return True if a peer's last call failed."""
    if health.last_error is None:
        return False
    answered_at = health.last_answer_at
    return answered_at is None or (health.last_error_at or answered_at) > answered_at


@dataclass(frozen=True, slots=True)
class LiveLook:
    """Reads the state of everything that pages show.

    ``progress`` returns a dataset's sync under way, ``shown`` the version of its rows for readers,
    ``alerts`` the last alerts found.
    """

    store: Store
    gateway: Gateway
    monitor: SchedulerMonitor
    backups: BackupSchedule
    registration: Registration
    datasets: Mapping[str, Dataset]
    progress: Callable[[str], Progress | None]
    shown: Callable[[str], Hashable]
    alerts: Callable[[], Hashable]

    def look(self) -> Seen:
        """Read the state once. The topics are the dataset names and those below. Raises StoreError.

        ``runs`` and ``begun``: the journal of runs; ``deliveries``; ``tasks``: the scheduler's
        list; ``clock``: speed, pause, and whether it is known; ``expected``: the expected
        callbacks; ``problems``: failures that pages show.
        """
        clock = self._clock()
        topics: dict[str, Hashable] = {}
        begun = []
        under_way = {name: self.progress(name) for name in self.datasets}
        for name, progress in under_way.items():
            runs = self.store.list_runs(dataset=name, limit=2)
            # For pages, a stored run has only ended when readers see its rows.
            running = [
                run
                for run in runs
                if run.status is RunStatus.RUNNING or (progress and progress.run_id == run.id)
            ]
            begun += [run.id for run in running]
            ended = next((run for run in runs if run not in running), None)
            held = self.store.held_run(name)
            topics[name] = (
                None if ended is None else (ended.id, ended.status, ended.resolution),
                None if held is None else held.id,
                self.shown(name),
            )
        topics["runs"] = tuple(topics[name] for name in self.datasets)
        topics["begun"] = tuple(begun)
        topics["deliveries"] = self.store.newest_delivery_id()
        topics["expected"] = self.store.expected_mark()
        seen = self.monitor.snapshot()
        topics["tasks"] = (
            seen.tasks,
            seen.listed_at is not None,
            seen.list_error,
            seen.era_at,
            tuple(task.id for task in seen.lost_tasks),
        )
        known = clock.clock
        still = seen.standing_still_since, seen.holding
        topics["clock"] = None if known is None else (known.speed, known.paused, *still)
        topics["problems"] = self._problems(clock)
        runs_under_way = tuple(each for each in under_way.values() if each)
        is_still = seen.standing_still_since is not None
        return Seen(topics, clock, runs_under_way, is_still=is_still)

    def _clock(self) -> ClockReading:
        found, now = self.monitor.snapshot().reading, datetime.now(UTC)
        if found.error is None and found.read_at is not None and now - found.read_at > SILENT_AFTER:
            return replace(found, error=make_fact("scheduler_silent"))
        return found

    def _problems(self, clock: ClockReading) -> Hashable:
        peers = dict.fromkeys(dataset.peer for dataset in self.datasets.values())
        return (
            clock.error,
            self.monitor.snapshot().list_error,
            tuple(has_failed(self.gateway.health(peer)) for peer in peers),
            self.backups.state.error,
            self.registration.state.error,
            tuple(callback.id for callback in self.monitor.missed_now()),
            self.alerts(),
        )
