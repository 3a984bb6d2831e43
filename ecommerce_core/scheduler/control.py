"""Changes by people at the scheduler: its list and the shared clock, if their role allows it.

The tasks that they schedule here are kept in the database as wanted, so that their loss at the
scheduler is noticed.
"""

from __future__ import annotations

import logging
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime, timedelta
from itertools import count

from ecommerce_core.datasets import Dataset
from ecommerce_core.domain import (
    Actor,
    EcommerceError,
    Permission,
    Recurrence,
    Task,
    TaskError,
    TaskEvent,
    WantedTask,
    next_sensible_time,
)
from ecommerce_core.scheduler.client import Scheduler
from ecommerce_core.scheduler.verification import series_of_task
from ecommerce_core.scheduler.wishes import Wishes
from ecommerce_core.storage import Store

logger = logging.getLogger(__name__)

# If a task is lost again so soon, somebody is deleting it: people decide then.
KEPT_AGAIN_AFTER = timedelta(minutes=10)
# A task that is edited again and again has one of at most this many names.
MOST_NAMES = 100


class SchedulerControl:
    """Checks the actor's permission, then asks the scheduler.

    Every method raises NotAllowed, PeerError, StoreError. ``app_name`` is the name under which our
    tasks stand in the list.
    """

    def __init__(
        self, scheduler: Scheduler, store: Store, *, app_name: str, datasets: Mapping[str, Dataset]
    ) -> None:
        self._scheduler = scheduler
        self._app_name = app_name
        self._datasets = datasets
        self._wishes = Wishes(store, app_name=app_name)

    def add_task(
        self,
        dataset: Dataset,
        *,
        actor: Actor,
        simulated_at: datetime,
        recurrence: Recurrence,
        name: str | None = None,
    ) -> Task:
        """Schedule the callback that fetches ``dataset``; return the task. Raises TaskError."""
        actor.check(Permission.CHANGE)
        name = name or dataset.task_name
        wish = self._wishes.add(
            dataset.name, name, simulated_at, recurrence, actor=actor.name or None
        )
        try:
            task = self._scheduler.add_task(
                dataset, simulated_at=simulated_at, recurrence=recurrence, name=name
            )
        except TaskError:
            self._wishes.withdraw(wish)
            raise
        self._wishes.confirm(wish, task, TaskEvent.ADDED, actor=actor.name or None)
        return task

    def delete_tasks(self, name: str, *, actor: Actor, source: str) -> int:
        """Delete all tasks of that name and source, and return their number."""
        actor.check(Permission.CHANGE)
        if source == self._app_name:
            self._wishes.delete(name, actor=actor.name or None)
        return self._scheduler.delete_tasks(name, source=source)

    def delete_all(self, source: str, *, actor: Actor) -> int:
        """Delete all tasks of that source, and return their number."""
        actor.check(Permission.CHANGE)
        if source == self._app_name:
            self._wishes.delete(None, actor=actor.name or None)
        return self._scheduler.delete_all(source)

    def delete_each(self, tasks: Sequence[Task], *, actor: Actor) -> int:
        """Delete only these tasks of ours; return their number.

        The scheduler deletes by name: others of the same name are first added under a free name.
        Raises TaskError if one of them cannot be.
        """
        actor.check(Permission.CHANGE)
        for name in dict.fromkeys(task.name for task in tasks):
            going = [task for task in tasks if task.name == name]
            self._move_others(name, going, by=actor)
            self.delete_tasks(name, actor=actor, source=self._app_name)
        return len(tasks)

    def edit_task(
        self, task: Task, *, actor: Actor, simulated_at: datetime, recurrence: Recurrence
    ) -> Task:
        """Replace a task of ours; the old one stays until the new one is read back.

        Raises TaskError if the new one is refused (the old one stays), or if the old one could not
        be deleted then (both are in the list).
        """
        actor.check(Permission.CHANGE)
        dataset = self._dataset_of(task)
        name = self._move_others(task.name, [task], by=actor)
        new = self.add_task(
            dataset, actor=actor, simulated_at=simulated_at, recurrence=recurrence, name=name
        )
        try:
            self.delete_tasks(task.name, actor=actor, source=self._app_name)
        except EcommerceError as error:
            raise TaskError(
                "task_not_replaced",
                name=new.name,
                reason=error.fact,
            ) from error
        return new

    def add_again(self, tasks: Sequence[WantedTask], *, actor: Actor) -> int:
        """Add lost tasks again, at their next sensible time; return their number.

        Tries them all, then raises the first error: TaskError or PeerError.
        """
        actor.check(Permission.CHANGE)
        return self._add_lost(tasks, TaskEvent.ADDED_AGAIN, by=actor.name or None)

    def forget(self, tasks: Sequence[WantedTask], *, actor: Actor) -> int:
        """Stop wanting lost tasks; return their number."""
        actor.check(Permission.CHANGE)
        return self._wishes.forget(tasks, actor=actor.name or None)

    def keep(self, tasks: Sequence[WantedTask]) -> None:
        """Add lost tasks again without a request, once each. Never raises.

        A task that is lost again soon after is not added again: somebody is deleting it.
        """
        now = datetime.now(UTC)
        for task in tasks:
            if task.kept_at is not None and now - task.kept_at < KEPT_AGAIN_AFTER:
                self._wishes.note(task, TaskEvent.NOT_KEPT)
                logger.warning("task %s was lost again soon after: it is left to people", task.name)
                continue
            try:
                kept = self._wishes.keep(task, now)
                if kept is not None:
                    self._add_lost([kept], TaskEvent.KEPT, by=None)
                    logger.info("added the lost task %s again", task.name)
            except EcommerceError as error:
                self._wishes.note(task, TaskEvent.NOT_KEPT)
                logger.warning("the lost task %s was not added again: %s", task.name, error)

    def pause(self, *, actor: Actor) -> None:
        """Stop the clock, for everybody, at its next tick."""
        actor.check(Permission.CHANGE)
        self._scheduler.pause()

    def resume(self, *, actor: Actor) -> None:
        """Resume the clock at its next tick, for everybody."""
        actor.check(Permission.CHANGE)
        self._scheduler.resume()

    def set_speed(self, speed: float, *, actor: Actor) -> None:
        """Set the simulated seconds per real second, for everybody. Raises TaskError."""
        actor.check(Permission.CHANGE)
        self._scheduler.set_speed(speed)

    def _add_lost(self, tasks: Sequence[WantedTask], event: TaskEvent, *, by: str | None) -> int:
        added = 0
        failed: EcommerceError | None = None
        for lost in tasks:
            dataset = self._datasets.get(lost.dataset)
            if dataset is None:
                continue
            try:
                clock = self._scheduler.fetch_clock()
                at = next_sensible_time(
                    lost.simulated_at,
                    lost.recurrence,
                    clock_at=clock.simulated_at,
                    speed=clock.speed,
                )
                wish = None if at is None else self._wishes.move(lost, at)
                if at is None or wish is None:
                    continue  # somebody else has added or deleted it meanwhile
                recurrence = _recurrence(lost.recurrence)
                task = self._scheduler.add_task(
                    dataset, simulated_at=at, recurrence=recurrence, name=lost.name
                )
                self._wishes.confirm(wish, task, event, actor=by)
                added += 1
            except EcommerceError as error:
                failed = failed or error
        if failed is not None:
            raise failed
        return added

    def _move_others(self, name: str, going: Sequence[Task], *, by: Actor) -> str:
        """Give the other tasks of that name a free name; return a name that is free after that."""
        ours = [task for task in self._scheduler.fetch_tasks() if task.source_app == self._app_name]
        # A recurring task may have moved on since it was shown.
        left = [series_of_task(task) for task in going]
        others = []
        for task in ours:
            if series_of_task(task) in left:
                left.remove(series_of_task(task))
            elif task.name == name:
                others.append(task)
        if left:
            raise TaskError(
                "task_changed_meanwhile",
                name=name,
            )
        taken = {task.name for task in ours}
        base = next((d.task_name for d in self._datasets.values() if name in _names(d)), name)
        free = next(_numbered(base, n) for n in count(1) if _numbered(base, n) not in taken)
        clock = self._scheduler.fetch_clock() if others else None
        for task in others:
            at = task.next_fire_time
            if at is not None and clock is not None and at <= clock.simulated_at:
                at = next_sensible_time(
                    at, task.recurrence, clock_at=clock.simulated_at, speed=clock.speed
                )
            if at is None:
                raise TaskError("task_without_time", name=name)
            self.add_task(
                self._dataset_of(task),
                actor=by,
                simulated_at=at,
                recurrence=_recurrence(task.recurrence),
                name=free,
            )
        return free

    def _dataset_of(self, task: Task) -> Dataset:
        for dataset in self._datasets.values():
            if task.target == self._app_name + dataset.callback_path:
                return dataset
        raise TaskError(
            "task_calls_elsewhere",
            name=task.name,
            target=task.target,
        )


def _names(dataset: Dataset) -> set[str]:
    """Return the names that tasks of the dataset have had."""
    return {_numbered(dataset.task_name, number) for number in range(1, MOST_NAMES)}


def _numbered(base: str, number: int) -> str:
    return base if number == 1 else f"{base}-{number}"


def _recurrence(text: str) -> Recurrence:
    try:
        return Recurrence(text)
    except ValueError:
        return Recurrence.NONE
