"""What people change at the scheduler: its list and everybody's clock, by who may."""

from __future__ import annotations

from datetime import datetime

from ecommerce_core.datasets import Dataset
from ecommerce_core.domain import Actor, Permission, Recurrence, Task
from ecommerce_core.scheduler.client import Scheduler


class Steering:
    """Asks whether the actor may, then the scheduler. Every method raises NotAllowed, PeerError."""

    def __init__(self, scheduler: Scheduler) -> None:
        self._scheduler = scheduler

    def add_task(
        self, dataset: Dataset, *, actor: Actor, simulated_at: datetime, recurrence: Recurrence
    ) -> Task:
        """Schedule the callback that fetches ``dataset``; what was stored. Raises TaskError."""
        actor.check(Permission.CHANGE)
        return self._scheduler.add_task(dataset, simulated_at=simulated_at, recurrence=recurrence)

    def delete_tasks(self, name: str, *, actor: Actor, source: str) -> int:
        """Delete all tasks of that name and source; returns their number."""
        actor.check(Permission.CHANGE)
        return self._scheduler.delete_tasks(name, source=source)

    def delete_all(self, source: str, *, actor: Actor) -> int:
        """Delete all tasks of that source; returns their number."""
        actor.check(Permission.CHANGE)
        return self._scheduler.delete_all(source)

    def pause(self, *, actor: Actor) -> None:
        """Stop the clock, for everybody, at its next tick."""
        actor.check(Permission.CHANGE)
        self._scheduler.pause()

    def resume(self, *, actor: Actor) -> None:
        """Let the clock run again from its next tick."""
        actor.check(Permission.CHANGE)
        self._scheduler.resume()

    def set_speed(self, speed: float, *, actor: Actor) -> None:
        """Simulated seconds per real second, for everybody. Raises TaskError."""
        actor.check(Permission.CHANGE)
        self._scheduler.set_speed(speed)
