"""The scheduler's client: its simulated clock, its list of tasks, and changes of both."""

from __future__ import annotations

import logging
import sys
import threading
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import AbstractContextManager, ExitStack, contextmanager
from datetime import datetime
from typing import TYPE_CHECKING

from ecommerce_core.domain import (
    Clock,
    ClockReading,
    ListForm,
    PeerContractError,
    PeerError,
    PeerRefused,
    Recurrence,
    Task,
    TaskError,
    estimate,
    occurrences,
    period,
    real_delay,
)
from ecommerce_core.scheduler.clock_cache import ClockCache, SharedFetch
from ecommerce_core.scheduler.tokens import make_token
from ecommerce_core.scheduler.verification import find_stored, not_there, to_wire, unknown
from ecommerce_core.scheduler.wire_html import parse_tasks_html
from ecommerce_core.scheduler.wire_json import (
    PEER,
    is_json,
    parse_clock,
    parse_tasks_json,
    shown,
)

if TYPE_CHECKING:
    from ecommerce_core.datasets import Dataset
    from ecommerce_core.gateway import Answer, Gateway

__all__ = [
    "Scheduler",
    "estimate",
    "occurrences",
    "parse_clock",
    "parse_tasks_html",
    "parse_tasks_json",
    "period",
    "real_delay",
]

logger = logging.getLogger(__name__)

CLOCK_BYTES = 64 * 2**10
LIST_BYTES = 4 * 2**20
# Which of the two lists a scheduler has does not change from one poll to the next.
REMEMBER_HTML_S = 60.0
# The age up to which a page may show a list.
TASKS_FRESH_S = 2.0


class Scheduler:
    """The scheduler behind ``gateway``. Safe to share between threads.

    ``app_name`` is the target and the source of our own tasks; with ``secrets``, they carry a token
    made with the first one. ``own_tasks`` maps the URLs that our tasks call to their names.
    ``settle_s`` is how long to wait before a list without the task just added is read again.
    ``deletion_observers`` make a context, from the tasks, in which we delete them;
    ``addition_observers`` are called with each task before we add it.
    """

    def __init__(
        self,
        gateway: Gateway,
        *,
        app_name: str,
        secrets: tuple[str, ...] = (),
        own_tasks: Mapping[str, str] | None = None,
        settle_s: float = 1.0,
    ) -> None:
        self._gateway = gateway
        self._app_name = app_name
        self._secrets = secrets
        self._own_tasks = dict(own_tasks or {})
        self._settle_s = settle_s
        # The form of the last list that could be read.
        self.list_form: ListForm | None = None
        self._html_until = 0.0
        self.deletion_observers: list[Callable[[list[Task]], AbstractContextManager[None]]] = []
        self.addition_observers: list[Callable[[Task], None]] = []
        # The lists before and after a change are compared, so changes of ours must not overlap.
        self._changing = threading.RLock()
        self._cache = ClockCache(lambda: self._fetch_clock(timeout_s=2, deadline_s=3))
        self._tasks = SharedFetch(
            lambda: self.fetch_tasks(timeout_s=2, deadline_s=3), interval_s=TASKS_FRESH_S
        )

    def fetch_clock(self) -> Clock:
        """Return the present clock. Raises PeerError."""
        return self._fetch_clock(timeout_s=5, deadline_s=10)

    def reading(self) -> ClockReading:
        """Return the clock, fetched at most once a second for all callers together.

        The last good clock stays if an error follows it. Never raises PeerError.
        """
        return self._cache.reading()

    def fetch_reading(self) -> ClockReading:
        """Return a new reading, to see a change. A change takes effect at the next tick."""
        return self._cache.fetch_reading()

    def fetch_tasks(self, *, timeout_s: float = 10, deadline_s: float = 20) -> list[Task]:
        """Return everybody's tasks, sorted by time. Raises PeerError.

        From ``schedule/json``; from the page ``schedule/list`` if the scheduler has no JSON, and
        then for a minute without trying JSON again.
        """
        if time.monotonic() >= self._html_until:
            try:
                body = self._fetch_list("schedule/json", timeout_s, deadline_s).body
                tasks = parse_tasks_json(body)
                self.list_form = ListForm.JSON
                return tasks
            except PeerRefused as error:
                if error.status != 404:
                    raise
            except PeerContractError:
                if is_json(body):
                    raise
        self._html_until = 0.0
        page = self._fetch_list("schedule/list", timeout_s, deadline_s).body
        tasks, self.list_form = parse_tasks_html(
            page, app_name=self._app_name, own_tasks=self._own_tasks
        )
        self._html_until = time.monotonic() + REMEMBER_HTML_S
        return tasks

    def shared_tasks(self) -> list[Task]:
        """Return the tasks for display: one request every 2 s for all callers.

        An error is kept as long and raised for all: a silent scheduler delays one caller, for 3 s,
        and not every part of every page. Raises PeerError.
        """
        return self._tasks.get()

    def add_task(
        self,
        dataset: Dataset,
        *,
        simulated_at: datetime,
        recurrence: Recurrence,
        name: str | None = None,
    ) -> Task:
        """Schedule the callback that fetches ``dataset``, and return what the scheduler stored.

        It is sent once, whatever happens; if the answer is lost, the list shows whether the task
        arrived. A task whose time has passed meanwhile, and that does not recur, has run and is
        returned as it was sent.

        Raises TaskError if the scheduler would refuse or refused it, or stored it otherwise than
        requested (it then stays); PeerError if it was not added, or if that is unknown, which the
        message distinguishes.
        """
        wanted = self._new_task(dataset, simulated_at, recurrence, name or dataset.task_name)
        with self._change_of_list():
            self._check_ahead(simulated_at, wanted)
            before = self.fetch_tasks()
            for observer in self.addition_observers:
                observer(wanted)
            lost = self._post_task(wanted)
            try:
                stored = self._look_for(wanted, before)
                passed = stored is None and self.fetch_clock().simulated_at >= simulated_at
            except PeerError as error:
                raise unknown(lost, error) from (lost or error)
        if stored is None:
            if lost is not None:
                raise not_there(lost, passed=passed) from lost
            if not (passed and recurrence == Recurrence.NONE):
                raise TaskError("task_not_listed", name=wanted.name)
        logger.info("added task %s, recurrence %s", wanted.name, wanted.recurrence)
        return stored or wanted

    def delete_tasks(self, name: str, *, source: str) -> int:
        """Delete all tasks of that name and source, and return their number. Raises PeerError."""
        return self._delete("schedule/delete", name=name, source=source)

    def delete_all(self, source: str) -> int:
        """Delete all tasks of that source, and return their number. Raises PeerError."""
        return self._delete("app/delete", name=None, source=source)

    def pause(self) -> None:
        """Stop the clock, for everybody, at its next tick. Raises PeerError."""
        self._change_clock("clock/pause")

    def resume(self) -> None:
        """Resume the clock at its next tick, for everybody. Raises PeerError."""
        self._change_clock("clock/resume")

    def set_speed(self, speed: float) -> None:
        """Set the simulated seconds per real second, for everybody. Raises TaskError, PeerError."""
        if isinstance(speed, bool) or not 0 < speed <= sys.float_info.max:
            raise TaskError("clock_speed_invalid", speed=shown(speed))
        text = str(int(speed)) if speed == int(speed) and speed < 1e15 else repr(float(speed))
        self._change_clock("clock/speed", params={"new": text})

    def cut(self) -> None:
        """Cut the calls under way, which end with PeerTimedOut, so that threads can end."""
        self._gateway.cut_calls(PEER)

    def _fetch_clock(self, *, timeout_s: float, deadline_s: float) -> Clock:
        # A page waits for this, so it reports a silent scheduler early.
        answer = self._gateway.fetch(
            PEER,
            "clock/info",
            timeout_s=timeout_s,
            deadline_s=deadline_s,
            max_body_bytes=CLOCK_BYTES,
        )
        return parse_clock(answer.body)

    def _fetch_list(self, path: str, timeout_s: float, deadline_s: float) -> Answer:
        return self._gateway.fetch(
            PEER, path, timeout_s=timeout_s, deadline_s=deadline_s, max_body_bytes=LIST_BYTES
        )

    def _new_task(
        self, dataset: Dataset, simulated_at: datetime, recurrence: str, name: str
    ) -> Task:
        if recurrence not in set(Recurrence):
            raise TaskError("task_recurrence_unknown", recurrence=shown(str(recurrence)))
        if simulated_at.tzinfo is not None:
            raise TaskError("task_time_with_zone", time=simulated_at)
        url = dataset.callback_path
        secret = next(iter(self._secrets), None)
        return Task(
            name=name,
            source_app=self._app_name,
            target=self._app_name + url,
            target_app=self._app_name,
            target_url=url,
            next_fire_time=simulated_at.replace(microsecond=0),
            recurrence=str(recurrence),
            data="" if secret is None else make_token(secret, app_name=self._app_name, url=url),
        )

    def _check_ahead(self, simulated_at: datetime, wanted: Task) -> None:
        try:
            clock_at = self.fetch_clock().simulated_at
        except PeerContractError:
            return  # a clock that makes no sense is no reason not to ask: the scheduler refuses it
        if simulated_at.replace(microsecond=0) <= clock_at:
            raise TaskError("task_time_passed", time=wanted.next_fire_time, clock=clock_at)

    def _post_task(self, task: Task) -> PeerError | None:
        """Send a task once. Return the error after which it is unknown whether it arrived."""
        try:
            self._gateway.send(PEER, "schedule/add", json=to_wire(task))
        except PeerRefused as error:
            if error.status != 422:
                raise
            raise TaskError(
                "task_refused", name=task.name, time=task.next_fire_time, reason=error.fact
            ) from error
        except PeerError as error:
            return error
        return None

    def _look_for(self, wanted: Task, before: list[Task]) -> Task | None:
        # The second look is for an answer that was lost before the scheduler had stored the task.
        for wait_s in (0.0, self._settle_s):
            time.sleep(wait_s)
            stored = find_stored(wanted, before, self.fetch_tasks())
            if stored is not None:
                return stored
        return None

    def _delete(self, path: str, *, name: str | None, source: str) -> int:
        with self._change_of_list():
            tasks = [task for task in self.fetch_tasks() if task.source_app == source]
            going = [task for task in tasks if name is None or task.name == name]
            params = {"source": source} if name is None else {"name": name, "source": source}
            with ExitStack() as observed:
                for observer in self.deletion_observers:
                    observed.enter_context(observer(going))
                self._gateway.send(PEER, path, params=params)
        logger.info("deleted %d tasks from the scheduler", len(going))
        return len(going)

    @contextmanager
    def _change_of_list(self) -> Iterator[None]:
        with self._changing:
            try:
                yield
            finally:
                self._tasks.expire()

    def _change_clock(self, path: str, *, params: dict[str, str] | None = None) -> None:
        self._gateway.send(PEER, path, params=params)
        self._cache.expire()
        logger.info("changed the simulated clock: %s", path)
