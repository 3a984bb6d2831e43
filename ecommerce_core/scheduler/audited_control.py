"""What people change at the scheduler, told to the audit once it is done."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Protocol

from ecommerce_core.datasets import Dataset
from ecommerce_core.domain import Actor, AlertDetail, AuditAction, Recurrence, Task, WantedTask
from ecommerce_core.scheduler.client import Scheduler
from ecommerce_core.scheduler.control import SchedulerControl
from ecommerce_core.storage import Store


class Audit(Protocol):
    """Writes down what somebody did."""

    def __call__(
        self, action: AuditAction, *, by: Actor, subject: str = "", **details: AlertDetail
    ) -> None:
        """Write one line. Never raises."""
        ...


class AuditedSchedulerControl(SchedulerControl):
    """Scheduler control that writes each change down, after it was made."""

    def __init__(
        self,
        scheduler: Scheduler,
        store: Store,
        *,
        app_name: str,
        datasets: Mapping[str, Dataset],
        audit: Audit,
    ) -> None:
        super().__init__(scheduler, store, app_name=app_name, datasets=datasets)
        self._audit = audit

    def add_task(
        self,
        dataset: Dataset,
        *,
        actor: Actor,
        simulated_at: datetime,
        recurrence: Recurrence,
        name: str | None = None,
    ) -> Task:
        """As SchedulerControl does."""
        task = super().add_task(
            dataset, actor=actor, simulated_at=simulated_at, recurrence=recurrence, name=name
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
        """As SchedulerControl does."""
        count = super().delete_tasks(name, actor=actor, source=source)
        self._audit(AuditAction.TASKS_DELETED, by=actor, subject=name, source=source, count=count)
        return count

    def delete_all(self, source: str, *, actor: Actor) -> int:
        """As SchedulerControl does."""
        count = super().delete_all(source, actor=actor)
        self._audit(AuditAction.TASKS_DELETED, by=actor, source=source, count=count)
        return count

    def edit_task(
        self, task: Task, *, actor: Actor, simulated_at: datetime, recurrence: Recurrence
    ) -> Task:
        """As SchedulerControl does; its deletion and its addition are written down, too."""
        new = super().edit_task(task, actor=actor, simulated_at=simulated_at, recurrence=recurrence)
        self._audit(AuditAction.TASK_EDITED, by=actor, subject=task.name, recurrence=recurrence)
        return new

    def add_again(self, tasks: Sequence[WantedTask], *, actor: Actor) -> int:
        """As SchedulerControl does."""
        count = super().add_again(tasks, actor=actor)
        self._audit(AuditAction.TASKS_ADDED_AGAIN, by=actor, count=count)
        return count

    def forget(self, tasks: Sequence[WantedTask], *, actor: Actor) -> int:
        """As SchedulerControl does."""
        count = super().forget(tasks, actor=actor)
        self._audit(AuditAction.TASKS_FORGOTTEN, by=actor, count=count)
        return count

    def pause(self, *, actor: Actor) -> None:
        """As SchedulerControl does."""
        super().pause(actor=actor)
        self._audit(AuditAction.CLOCK_PAUSED, by=actor)

    def resume(self, *, actor: Actor) -> None:
        """As SchedulerControl does."""
        super().resume(actor=actor)
        self._audit(AuditAction.CLOCK_RESUMED, by=actor)

    def set_speed(self, speed: float, *, actor: Actor) -> None:
        """As SchedulerControl does."""
        super().set_speed(speed, actor=actor)
        self._audit(AuditAction.CLOCK_SPEED_SET, by=actor, speed=speed)
