"""The routes that answer with rows: authorise, make the file or answer 304, and send it."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable
from datetime import UTC, datetime
from functools import partial

from starlette.types import Receive, Scope

from ecommerce_core.application import Application
from ecommerce_core.companion.data_routes.addresses import WIRE, DataRoute, parameters_of
from ecommerce_core.companion.data_routes.auditing import note_export, note_token
from ecommerce_core.companion.data_routes.authorization import authorize
from ecommerce_core.companion.data_routes.explore import ExploreRoute, ExploreRoutes
from ecommerce_core.companion.data_routes.headers import headers_of, is_known, next_link
from ecommerce_core.companion.data_routes.making import Made, Question, make_changes, make_rows
from ecommerce_core.companion.data_routes.request import Asked, pairs_of, parse
from ecommerce_core.companion.data_routes.stream import (
    FileReply,
    Sending,
    run_stoppably,
    unless_gone,
)
from ecommerce_core.companion.http import (
    RETRY_LATER,
    Answer,
    ClientDisconnected,
    Problem,
    Reply,
    header,
)
from ecommerce_core.companion.service import Service
from ecommerce_core.domain import (
    ChangesRemoved,
    RowsPreparing,
    Run,
    StoreError,
    make_fact,
)
from ecommerce_core.storage import NeedsMemory, Reader, Version, Work

# Enough for files of rows in stored order, or of a million rows in any other.
MEMORY_MB = 64
# Formats that take a minute for what takes the others a second.
_SLOW = frozenset({"xlsx", WIRE})

logger = logging.getLogger(__name__)


class DataRoutes:
    """Answers all data routes of a server.

    It makes one large file at a time, and beside it one slow one and two single pages, each in a
    thread of its own: the default ones serve Streamlit's files. Files are made on one core with
    little memory; single pages, and files that need more, with the memory and threads of the pages'
    reader.
    """

    def __init__(self, *, send_timeout_s: float) -> None:
        self._sending = Sending(timeout_s=send_timeout_s)
        self._lanes = {
            "large": asyncio.Semaphore(1),
            "slow": asyncio.Semaphore(1),
            "page": asyncio.Semaphore(2),
        }
        self._app: Application | None = None
        self._small: Reader | None = None
        self._explore = ExploreRoutes(self._sending)

    def attach(self, app: Application) -> None:
        """Use the application's rows from now on."""
        self._app = app
        self._small = Reader(app.snapshots, memory_mb=MEMORY_MB, threads=1)
        app.run_observers.append(self._let_go)

    def release(self) -> None:
        """Cancel all requests, since a stopping server waits for them. Any thread may call it."""
        self._sending.release()

    def close(self) -> None:
        """Stop the threads and close the reader's files."""
        self._sending.close()
        if self._app is not None:
            self._app.run_observers.remove(self._let_go)
        if self._small is not None:
            self._small.close()

    def answer_of(self, route: DataRoute | ExploreRoute) -> Answer:
        """Return the handler of one route."""
        if isinstance(route, ExploreRoute):
            return partial(self._explore.answer, route)
        return partial(self._answer, route)

    async def _answer(
        self, route: DataRoute, service: Service, scope: Scope, receive: Receive
    ) -> Reply | FileReply:
        """Answer with a file. Raises Problem, ClientDisconnected."""
        self._sending.follow()
        now = datetime.now(UTC)
        pairs = pairs_of(scope["query_string"])
        grant = authorize(service, scope, route.path, pairs=pairs, now=now)
        note_token(self._sending, service, scope, grant)
        asked = parse(pairs, parameters_of(route))
        question = Question(
            route.dataset,
            route.file_format,
            asked,
            now,
            next_link=partial(next_link, service.app.links, route, asked, pairs=pairs, grant=grant),
        )
        with self._sending.explaining():
            try:
                version = await self._run(partial(_look_up, service, route, asked))
                headers = headers_of(question, route, version)
                if is_known(header(scope["headers"], b"if-none-match"), headers["ETag"]):
                    kept = {name: headers[name] for name in ("ETag", "Cache-Control")}
                    return Reply(304, b"", headers=tuple(kept.items()))
                if scope["method"] == "HEAD":
                    return self._sending.reply(headers, None)
                made = await unless_gone(receive, self._make(service, route, question))
            except (StoreError, NeedsMemory) as error:
                raise _problem(error) from error
        if made is None:
            raise ClientDisconnected
        headers = headers_of(question, route, made.version) | {"Content-Length": str(made.size)}
        if not asked.is_page:
            who = grant.actor.name if grant is not None and grant.actor.name else "-"
            logger.info("%s: %d bytes for %s", route.path, made.size, who)
            note_export(self._sending, service, route.path, grant, made)
        return self._sending.reply(headers, made)

    async def _make(self, service: Service, route: DataRoute, question: Question) -> Made:
        work, large = Work(), service.app.reader
        small = self._small or large

        def make() -> Made:
            if route.of_changes:
                return make_changes(question, service.app.changes, work=work)
            if question.asked.is_page:
                return make_rows(question, large, work=work)
            try:
                return make_rows(question, small, work=work)
            except NeedsMemory:
                return make_rows(question, large, work=work)

        is_slow = route.file_format in _SLOW
        lane = "page" if question.asked.is_page else "slow" if is_slow else "large"
        async with self._lanes[lane]:
            return await run_stoppably(self._sending.executor, make, work.stop)

    async def _run(self, work: Callable[[], Version]) -> Version:
        return await asyncio.get_running_loop().run_in_executor(self._sending.executor, work)

    def _let_go(self, _run: Run) -> None:
        """Close outdated snapshots: one takes disk space for as long as it is open."""
        if self._small is not None:
            self._small.let_go()


def _look_up(service: Service, route: DataRoute, asked: Asked) -> Version:
    """Return the version that readers see. Raises StoreError, and Problem for unknown runs."""
    if route.of_changes:
        if asked.from_run is None or asked.to_run is None:
            raise Problem(400, make_fact("runs_needed"))
        for name, number in (("from", asked.from_run), ("to", asked.to_run)):
            run = service.app.store.run(number)
            if run is None or run.dataset != route.dataset.name:
                of = route.dataset.name
                raise Problem(
                    404, make_fact("run_of_another", name=name, number=number, dataset=of)
                )
    return service.app.reader.rows_version(route.dataset)


def _problem(error: StoreError | NeedsMemory) -> Problem:
    if isinstance(error, NeedsMemory):
        return Problem(503, make_fact("rows_too_many_to_sort"), RETRY_LATER)
    if isinstance(error, ChangesRemoved):
        return Problem(410, error.fact)
    if isinstance(error, RowsPreparing):
        return Problem(503, error.fact, RETRY_LATER)
    # The error's text may contain the path of a file.
    logger.warning("rows could not be read: %s", error)
    return Problem(503, make_fact("rows_not_read"), RETRY_LATER)
