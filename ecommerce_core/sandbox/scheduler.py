"""The embedded scheduler: a simulated clock, a list of tasks, and the one loop that fires them."""

from __future__ import annotations

import bisect
import json
import logging
import math
import threading
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from datetime import datetime, timedelta

from ecommerce_core.sandbox.callback import CallbackAborted, Caller
from ecommerce_core.sandbox.data import ORIGIN

logger = logging.getLogger(__name__)

TIME_FORMAT = "%d/%m/%Y-%H:%M:%S"
RECURRENCES: Mapping[str, timedelta] = {
    "minute": timedelta(minutes=1),
    "hour": timedelta(hours=1),
    "day": timedelta(days=1),
    "week": timedelta(weeks=1),
}


class TaskRefused(Exception):  # noqa: N818 - it is the peer's answer, not a fault of ours
    """The scheduler answers 422; the text says why."""


@dataclass(frozen=True, slots=True)
class Task:
    """One entry of the list. Only its time is checked; a field that was left out is None."""

    time: datetime
    target_url: object
    target_app: object
    recurrence: str
    data: object
    name: object
    source_app: object

    def order(self) -> tuple[object, ...]:
        """Return the sort key of the list. Fields of two entries that tie may not be comparable."""
        return (
            self.time,
            self.target_url,
            self.target_app,
            self.recurrence,
            self.data,
            self.name,
            self.source_app,
        )


class Scheduler:
    """The clock and its tasks.

    Each tick moves the clock by ``speed`` simulated seconds and fires the due tasks. Once started,
    the loop ticks every ``tick_s`` real seconds; if ``tick_s`` is None only ``tick()`` does. All
    other methods may be called from any thread while a callback blocks the loop.
    """

    def __init__(
        self, *, speed: float = 50, start_at: datetime = ORIGIN, tick_s: float | None = 1.0
    ) -> None:
        self._start_at = start_at
        self._tick_s = tick_s
        self._lock = threading.Lock()
        self._tick_lock = threading.Lock()
        self._now = start_at
        # When the speed was last changed: a reset keeps the seconds that have passed since.
        self._changed_at = start_at
        # A task that cannot be called ends the loop of the real scheduler; its clock stands still.
        self._has_ended = False
        self._speed = speed
        self._paused = False
        self._tasks: list[Task] = []
        self._firing: Task | None = None
        self._commands: list[Callable[[], None]] = []
        self._caller: Caller | None = None
        self._stopping = threading.Event()
        self._thread: threading.Thread | None = None

    # The clock

    def now(self) -> datetime:
        """Return the simulated time."""
        return self._now

    def info(self) -> tuple[datetime, float, bool]:
        """Return simulated time, speed in simulated seconds per tick, and whether it is paused."""
        with self._lock:
            return self._now, self._speed, self._paused

    def pause(self) -> None:
        """Stop the clock from the next tick on."""
        self._at_next_tick(lambda: self._set_paused(paused=True))

    def resume(self) -> None:
        """Resume the clock from the next tick on."""
        self._at_next_tick(lambda: self._set_paused(paused=False))

    def switch(self) -> None:
        """Pause or resume the clock, whichever applies."""
        self._at_next_tick(lambda: self._set_paused(paused=not self._paused))

    def set_speed(self, speed: float) -> None:
        """Set the speed at once; a value that is not above 0, or not finite, changes nothing."""
        if not (math.isfinite(speed) and speed > 0):
            return
        with self._lock:
            self._speed = speed
            self._changed_at = self._now

    def reset(self) -> None:
        """Drop every task at once, and set the clock back.

        The seconds that passed since the last change of speed are kept. A paused clock stays
        paused.
        """
        with self._lock:
            self._tasks.clear()
            self._firing = None
            self._now = self._start_at + (self._now - self._changed_at)
            self._changed_at = self._start_at

    def restart(self) -> None:
        """Begin anew, as a process that was started again: nothing of before is known."""
        with self._lock:
            self._tasks.clear()
            self._commands.clear()
            self._firing = None
            self._now = self._changed_at = self._start_at
            self._paused = self._has_ended = False

    def _at_next_tick(self, command: Callable[[], None]) -> None:
        with self._lock:
            self._commands.append(command)

    def _set_paused(self, *, paused: bool) -> None:
        self._paused = paused

    # The tasks

    def tasks(self) -> list[Task]:
        """Return the list, sorted by time, without the task whose callback is under way."""
        with self._lock:
            return list(self._tasks)

    def add(self, fields: Mapping[str, object]) -> Task:
        """Put a task into the list; an unknown recurrence becomes none.

        Raises TaskRefused, and TypeError if it ties with another entry up to fields that do not
        compare.
        """
        for required in ("target_url", "time"):
            if fields.get(required) is None:
                raise TaskRefused(f"{required} is missing")
        try:
            due_at = datetime.strptime(str(fields["time"]), TIME_FORMAT)
        except ValueError as error:
            raise TaskRefused("time does not match the format " + TIME_FORMAT) from error
        recurrence = fields.get("recurrence")
        task = Task(
            time=due_at,
            target_url=fields["target_url"],
            target_app=fields.get("target_app"),
            recurrence=recurrence
            if isinstance(recurrence, str) and recurrence in RECURRENCES
            else "none",
            data=fields.get("data"),
            name=fields.get("name", "default"),
            source_app=fields.get("source_app", "Unknown"),
        )
        with self._lock:
            if due_at < self._now:
                raise TaskRefused("time lies before the clock")
            bisect.insort(self._tasks, task, key=Task.order)
        return task

    def delete(self, *, source: str, name: str | None = None) -> None:
        """Delete every task of that source, or only those with that name."""

        def matches(task: Task) -> bool:
            return task.source_app == source and name in {None, task.name}

        with self._lock:
            self._tasks = [task for task in self._tasks if not matches(task)]
            if self._firing is not None and matches(self._firing):
                # Its callback is under way: it will not be put back.
                self._firing = None

    # The loop

    def start(self, caller: Caller) -> None:
        """Start to tick, with callbacks through ``caller``."""
        self._caller = caller
        self._stopping.clear()
        if self._tick_s is not None:
            self._thread = threading.Thread(
                target=self._run, args=(self._tick_s,), name="sandbox-scheduler", daemon=True
            )
            self._thread.start()

    def stop(self, timeout_s: float = 1.0) -> None:
        """End the loop, and abort a callback that is under way."""
        self._stopping.set()
        if self._caller is not None:
            self._caller.abort()
        if self._thread is not None:
            self._thread.join(timeout_s)
            self._thread = None

    def _run(self, tick_s: float) -> None:
        next_at = time.monotonic()
        while True:
            # The clock stood still during a long callback, and does not catch up.
            next_at = max(next_at + tick_s, time.monotonic())
            if self._stopping.wait(next_at - time.monotonic()):
                return
            self.tick()

    def tick(self) -> None:
        """Tick once: run the pending commands, move the clock, fire every due task in order.

        Returns when the last callback has answered.
        """
        with self._tick_lock:
            if self._has_ended:
                return
            with self._lock:
                for command in self._commands:
                    command()
                self._commands.clear()
                if not self._paused:
                    self._advance()
            while not self._stopping.is_set():
                task = self._take_due()
                if task is None:
                    return
                if task.target_app is None and task.recurrence in RECURRENCES:
                    logger.warning("A recurring task without application ended the loop")
                    self._has_ended = True
                    return
                self._fire(task)
                self._put_back(task)

    def _advance(self) -> None:
        try:
            self._now += timedelta(seconds=self._speed)
        except OverflowError:
            # The calendar ends with the year 9999.
            self._paused = True

    def _take_due(self) -> Task | None:
        with self._lock:
            if not self._tasks or self._tasks[0].time > self._now:
                return None
            self._firing = self._tasks.pop(0)
            return self._firing

    def _put_back(self, task: Task) -> None:
        with self._lock:
            kept, self._firing = self._firing, None
            period = RECURRENCES.get(task.recurrence)
            if kept is None or period is None or task.time > datetime.max - period:
                return
            again = replace(task, time=task.time + period)
            bisect.insort(self._tasks, again, key=lambda one: one.time)

    def _fire(self, task: Task) -> None:
        if self._caller is None:
            return
        try:
            self._caller.post(
                _text(task.target_url), host=_text(task.target_app), body=_text(task.data)
            )
        except CallbackAborted:
            pass
        except Exception as error:  # noqa: BLE001 - no task, however odd, may end the loop
            logger.info("A callback could not be delivered: %s", type(error).__name__)


def _text(value: object) -> str:
    """Return a field of a task as text; a value that is no text as its JSON."""
    if value is None:
        return ""
    return value if isinstance(value, str) else json.dumps(value)
