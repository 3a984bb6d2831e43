"""Answer explore routes: a process runs the query, a thread of the server writes the file."""

from __future__ import annotations

import asyncio
import json
import logging
from datetime import UTC, datetime

from starlette.types import Receive, Scope

from ecommerce_core.companion.data_routes.addresses import MIME_TYPES
from ecommerce_core.companion.data_routes.auditing import note_export, note_token
from ecommerce_core.companion.data_routes.authorization import authorize
from ecommerce_core.companion.data_routes.explore.asking import AskedSql, ExploreRoute, parse_sql
from ecommerce_core.companion.data_routes.making import Made, made_of, temporary
from ecommerce_core.companion.data_routes.request import pairs_of
from ecommerce_core.companion.data_routes.stream import (
    FileReply,
    Sending,
    run_stoppably,
    unless_gone,
)
from ecommerce_core.companion.http import RETRY_LATER, ClientDisconnected, Problem
from ecommerce_core.companion.service import Service
from ecommerce_core.domain import (
    LOCAL_OPERATOR,
    Actor,
    ExploreBusy,
    ExploreCancelled,
    ExploreError,
    ExploreFailed,
    ExploreRefused,
    NotAllowed,
    RowsPreparing,
    StoreError,
    make_fact,
)
from ecommerce_core.storage import (
    BOM,
    IN_FILE,
    Found,
    NeedsMemory,
    Version,
    Work,
    write_csv,
    write_json,
    write_parquet,
    write_xlsx,
)

logger = logging.getLogger(__name__)


class ExploreRoutes:
    """Answers SQL queries with files."""

    def __init__(self, sending: Sending) -> None:
        self._sending = sending
        # Other files are made beside these.
        self._lane = asyncio.Semaphore(2)

    async def answer(
        self, route: ExploreRoute, service: Service, scope: Scope, receive: Receive
    ) -> FileReply:
        """Answer with a file. Raises Problem, ClientDisconnected."""
        self._sending.follow()
        now = datetime.now(UTC)
        pairs = pairs_of(scope["query_string"])
        grant = authorize(service, scope, route.path, pairs=pairs, now=now)
        note_token(self._sending, service, scope, grant)
        asked = parse_sql(pairs)
        actor = LOCAL_OPERATOR if grant is None else grant.actor
        headers = {
            "Content-Type": MIME_TYPES[route.file_format],
            "Content-Disposition": (
                f'attachment; filename="explore-{now:%Y-%m-%d-%H%M}-UTC.{route.file_format}"'
            ),
            "Content-Encoding": "identity",
            "Cache-Control": "private, no-store",
            "X-Content-Type-Options": "nosniff",
        }
        if scope["method"] == "HEAD":
            return self._sending.reply(headers, None)
        with self._sending.explaining():
            try:
                made = await unless_gone(receive, self._make(service, route, asked, actor))
            except (ExploreError, NotAllowed, StoreError, NeedsMemory) as error:
                raise _problem(error) from error
        if made is None:
            raise ClientDisconnected
        logger.info("%s: %d bytes for %s", route.path, made.size, actor.name or "-")
        note_export(self._sending, service, route.path, grant, made)
        return self._sending.reply(headers | {"Content-Length": str(made.size)}, made)

    async def _make(
        self, service: Service, route: ExploreRoute, asked: AskedSql, actor: Actor
    ) -> Made:
        exploration = service.app.explore(asked.sql, actor=actor, limits=IN_FILE)
        try:
            found = await asyncio.wrap_future(exploration.future)
        except asyncio.CancelledError:
            exploration.cancel()
            raise
        work = Work()
        try:
            async with self._lane:
                return await run_stoppably(
                    self._sending.executor,
                    lambda: _write(found, service, route.file_format, asked.language, work),
                    work.stop,
                )
        finally:
            found.close()


def _write(found: Found, service: Service, file_format: str, language: str, work: Work) -> Made:
    """Write it. Raises Problem if rows are cut, StoreError, OSError, Stopped, NeedsMemory."""
    reader = service.app.reader
    if found.is_cut:
        raise Problem(422, make_fact("explore_too_many_rows", most=IN_FILE.rows))
    head, tail = b"", b""
    with reader.at_nothing() as cursor, work.on(cursor), temporary(reader) as out:
        selection = found.select_from(work)
        if file_format == "csv":
            head = BOM
            write_csv(selection, out, language=language)
        elif file_format == "xlsx":
            write_xlsx(selection, out, title="Explore", folder=reader.folder)
        elif file_format == "parquet":
            write_parquet(selection, out)
        else:
            about = json.dumps({"total": write_json(selection, out)})
            head, tail = about[:-1].encode() + b', "rows": ', b"}\n"
        return made_of(out, Version(), found.rows, head=head, tail=tail)


def _problem(error: ExploreError | NotAllowed | StoreError | NeedsMemory) -> Problem:
    if isinstance(error, NotAllowed):
        return Problem(403, error.fact)
    if isinstance(error, ExploreBusy | ExploreCancelled):
        return Problem(503, error.fact, RETRY_LATER)
    if isinstance(error, ExploreRefused | ExploreFailed):
        return Problem(400, error.fact)
    if isinstance(error, ExploreError):  # a valid query that exceeds a limit
        return Problem(422, error.fact)
    if isinstance(error, NeedsMemory):
        return Problem(503, make_fact("rows_too_many_to_sort"), RETRY_LATER)
    if isinstance(error, RowsPreparing):
        return Problem(503, error.fact, RETRY_LATER)
    logger.warning("rows could not be read: %s", error)
    return Problem(503, make_fact("rows_not_read"), RETRY_LATER)
