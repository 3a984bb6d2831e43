"""Keep in the database which tasks people want to be in the scheduler's list."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from datetime import UTC, datetime

from ecommerce_core.domain import (
    Task,
    TaskEvent,
    Wanted,
    WantedChange,
    WantedTask,
    record_of,
)
from ecommerce_core.storage import Store

# The scheduler monitor may change a wanted task at the same moment: then it is tried again.
_TRIES = 3


class Wishes:
    """Writes what people want before the scheduler is asked, so that nothing is forgotten.

    The scheduler monitor compares it with the list (``wanted.py``). Every method raises StoreError.
    """

    def __init__(self, store: Store, *, app_name: str) -> None:
        self._store = store
        self._app_name = app_name

    def add(
        self, dataset: str, name: str, simulated_at: datetime, recurrence: str, *, actor: str | None
    ) -> WantedTask:
        """Store a task that is about to be added."""
        task = WantedTask(
            0,
            dataset,
            name,
            self._app_name,
            str(recurrence),
            simulated_at.replace(microsecond=0, tzinfo=None),
            Wanted.ADDING,
            datetime.now(UTC),
            actor,
        )
        [stored] = self._store.change_wanted_tasks([WantedChange(None, task)])
        return stored

    def confirm(self, wish: WantedTask, task: Task, event: TaskEvent, *, actor: str | None) -> None:
        """Note that the scheduler has stored the task."""
        now = datetime.now(UTC)
        at = task.next_fire_time or wish.simulated_at
        for _ in range(_TRIES):
            known = self._find(wish)
            after = None
            if known is not None:
                after = replace(known, state=Wanted.LISTED, simulated_at=at, since_at=now)
            record = record_of(replace(wish, simulated_at=at), event, now, actor=actor)
            stored = self._store.change_wanted_tasks([WantedChange(known, after, record)])
            if stored or known is None:
                return

    def withdraw(self, wish: WantedTask) -> None:
        """Note that the scheduler has refused the task."""
        known = self._find(wish)
        if known is not None:
            self._store.change_wanted_tasks([WantedChange(known, None)])

    def delete(self, name: str | None, *, actor: str | None) -> None:
        """Note that all tasks of that name, or with None all, are about to be deleted."""
        now = datetime.now(UTC)
        changes = []
        for task in self._store.list_wanted_tasks():
            if name not in {None, task.name} or task.state is Wanted.DELETING:
                continue
            after = None
            if task.state is not Wanted.LOST:
                after = replace(task, state=Wanted.DELETING, since_at=now)
            record = record_of(task, TaskEvent.DELETED, now, actor=actor)
            changes.append(WantedChange(task, after, record))
        self._store.change_wanted_tasks(changes)

    def move(self, wish: WantedTask, simulated_at: datetime) -> WantedTask | None:
        """Set another time for a lost task; return None if it is not lost any more."""
        known = self._find(wish)
        if known is None or known.state is not Wanted.LOST:
            return None
        after = replace(known, simulated_at=simulated_at)
        stored = self._store.change_wanted_tasks([WantedChange(known, after)])
        return stored[0] if stored else None

    def keep(self, wish: WantedTask, now: datetime) -> WantedTask | None:
        """Note that the server adds a lost task again; return None if it is not lost any more."""
        known = self._find(wish)
        if known is None or known.state is not Wanted.LOST:
            return None
        after = replace(known, kept_at=now)
        stored = self._store.change_wanted_tasks([WantedChange(known, after)])
        return stored[0] if stored else None

    def forget(self, tasks: Sequence[WantedTask], *, actor: str | None) -> int:
        """Stop wanting lost tasks; return their number."""
        now = datetime.now(UTC)
        known = [one for task in tasks if (one := self._find(task)) is not None]
        lost = [one for one in known if one.state is Wanted.LOST]
        self._store.change_wanted_tasks(
            [
                WantedChange(one, None, record_of(one, TaskEvent.FORGOTTEN, now, actor=actor))
                for one in lost
            ]
        )
        return len(lost)

    def note(self, task: WantedTask, event: TaskEvent) -> None:
        """Record in the journal what happened to a task."""
        record = record_of(task, event, datetime.now(UTC))
        self._store.change_wanted_tasks([WantedChange(None, None, record)])

    def _find(self, wish: WantedTask) -> WantedTask | None:
        every = self._store.list_wanted_tasks()
        return next((task for task in every if task.id == wish.id), None)
