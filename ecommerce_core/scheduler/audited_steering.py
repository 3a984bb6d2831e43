"""What people change at the scheduler, told to the audit once it is done."""

from __future__ import annotations

from datetime import datetime
from typing import Protocol

from ecommerce_core.datasets import Dataset
from ecommerce_core.domain import Actor, AlertDetail, AuditAction, Recurrence, Task
from ecommerce_core.scheduler.client import Scheduler
from ecommerce_core.scheduler.steering import Steering


class Audit(Protocol):
    """Writes down what somebody did."""

    def __call__(
        self, action: AuditAction, *, by: Actor, subject: str = "", **details: AlertDetail
    ) -> None:
        """Write one line. Never raises."""
        ...


class AuditedSteering(Steering):
    """Steering that writes each change down, after it was made."""

    def __init__(self, scheduler: Scheduler, *, audit: Audit) -> None:
        super().__init__(scheduler)
        self._audit = audit

    def add_task(
        self, dataset: Dataset, *, actor: Actor, simulated_at: datetime, recurrence: Recurrence
    ) -> Task:
        """As Steering does."""
        task = super().add_task(
            dataset, actor=actor, simulated_at=simulated_at, recurrence=recurrence
        )
        self._audit(
            AuditAction.TASK_ADDED,
            by=actor,
            subject=task.name,
            dataset=dataset.name,
            recurrence=recurrence,
            simulated_at=simulated_at.isoformat(),
        )
        return task

    def delete_tasks(self, name: str, *, actor: Actor, source: str) -> int:
        """As Steering does."""
        count = super().delete_tasks(name, actor=actor, source=source)
        self._audit(AuditAction.TASKS_DELETED, by=actor, subject=name, source=source, count=count)
        return count

    def delete_all(self, source: str, *, actor: Actor) -> int:
        """As Steering does."""
        count = super().delete_all(source, actor=actor)
        self._audit(AuditAction.TASKS_DELETED, by=actor, source=source, count=count)
        return count

    def pause(self, *, actor: Actor) -> None:
        """As Steering does."""
        super().pause(actor=actor)
        self._audit(AuditAction.CLOCK_PAUSED, by=actor)

    def resume(self, *, actor: Actor) -> None:
        """As Steering does."""
        super().resume(actor=actor)
        self._audit(AuditAction.CLOCK_RESUMED, by=actor)

    def set_speed(self, speed: float, *, actor: Actor) -> None:
        """As Steering does."""
        super().set_speed(speed, actor=actor)
        self._audit(AuditAction.CLOCK_SPEED_SET, by=actor, speed=speed)
