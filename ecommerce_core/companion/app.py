"""The routes that programs call: the scheduler's callbacks, health, metrics, description.

And the WebSocket of the pages. They run in Streamlit's server, which protects no custom route. A
callback waits for its run without holding a thread, and work that may block goes to a few threads
of the companion's own: the default ones serve Streamlit's files.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable, Iterable
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from typing import Any
from urllib.parse import urlsplit

from starlette.middleware import Middleware
from starlette.routing import Route, WebSocketRoute
from starlette.types import Receive, Scope

from ecommerce_core.application import Application
from ecommerce_core.companion import health, live_channel, metrics, openapi, state_metrics
from ecommerce_core.companion.audit_route import FORMATS as AUDIT_FORMATS
from ecommerce_core.companion.audit_route import AuditRoute
from ecommerce_core.companion.callbacks import CallbackHandler
from ecommerce_core.companion.data_routes import (
    DataRoute,
    DataRoutes,
    ExploreRoute,
    list_explore_routes,
    list_routes,
)
from ecommerce_core.companion.http import (
    JSON,
    PREFIX,
    RETRY_LATER,
    Answer,
    Endpoint,
    HostGuard,
    Problem,
    Reply,
    ServedPaths,
    encode_json,
)
from ecommerce_core.companion.service import Service
from ecommerce_core.datasets import Dataset
from ecommerce_core.domain import Fact, Outcome, make_fact
from ecommerce_core.scheduler import CallbackContext, ClockPeek, DeliveryWriter
from ecommerce_core.settings import Settings

logger = logging.getLogger(__name__)

# Relative, so that it leads home from / and from the prefix alone, behind any proxy.
HOME = f"{PREFIX[1:]}/"

_NO_THREAD_CODE: dict[str, object] = {"reasons": ["no_thread"]}


class Companion:
    """The companion's routes and the guard in front of the whole server.

    Both are needed before there is an application; until ``attach`` and after ``close`` the routes
    answer 503. ``body_timeout_s`` is how long a request's body may take to arrive,
    ``send_timeout_s`` how long a client may take to read a piece of a file.
    """

    def __init__(
        self,
        datasets: Iterable[Dataset],
        *,
        body_timeout_s: float = 10.0,
        send_timeout_s: float = 60.0,
    ) -> None:
        self._datasets = {f"/{dataset.callback_path}": dataset for dataset in datasets}
        # At most one thread each for the clock, health and metrics.
        self._executor = ThreadPoolExecutor(3, thread_name_prefix="companion")
        self._clock = ClockPeek(self._executor)
        self._data = DataRoutes(send_timeout_s=send_timeout_s)
        self._service: Service | None = None
        self._released = False
        self._live = live_channel.LiveRoute(self._serving)
        self._handlers = {
            path: CallbackHandler(dataset, clock=self._clock, body_timeout_s=body_timeout_s)
            for path, dataset in self._datasets.items()
        }

    def attach(self, app: Application) -> Service:
        """Serve ``app`` from now on: count its runs and requests, journal its callbacks."""
        counted = metrics.Metrics(
            datasets=(dataset.name for dataset in self._datasets.values()),
            peers=health.peer_names(self._datasets.values()),
        )
        deliveries = DeliveryWriter(app.record_deliveries)
        self._service = service = Service(app, counted, deliveries, health.PeerErrors())
        self._data.attach(app)
        app.run_observers.append(counted.observe_run)
        app.gateway.observers += [counted.observe_request, service.peer_errors.observe]
        app.live.observers.append(self._live.hear)
        for name, observers in app.message_observers().items():
            counted.expect_messages(name)
            observers.append(partial(counted.observe_message, name))
        deliveries.start()
        return service

    def release(self) -> None:
        """Stop serving: answer 503, also to callers that wait for a run. Their runs go on.

        A server that shuts down waits for its callers, and these for a peer that may be silent for
        minutes. Any thread and a signal handler may call it.
        """
        self._released = True
        self._data.release()
        self._live.close()
        for handler in self._handlers.values():
            handler.release()

    def close(self) -> None:
        """Stop serving, and write what is still to be journalled.

        Call it after the application has stopped, so that the callbacks of the runs that it ended
        are in the journal, too.
        """
        self.release()
        service, self._service = self._service, None
        self._executor.shutdown(wait=True, cancel_futures=True)
        self._data.close()
        if service is not None:
            service.app.run_observers.remove(service.metrics.observe_run)
            service.app.gateway.observers.remove(service.metrics.observe_request)
            service.app.live.observers.remove(self._live.hear)
            service.app.gateway.observers.remove(service.peer_errors.observe)
            for handler in self._handlers.values():
                handler.abandon()
            service.deliveries.stop()

    def routes(self) -> list[Route | WebSocketRoute]:
        """Return the routes, with full paths. Each answers every method, so none reaches a page."""
        routes: list[Route | WebSocketRoute] = [
            self._route(path, _redirect_home, "GET", "HEAD") for path in ("/", PREFIX)
        ]
        # A plain request to a socket's path would be answered with a page otherwise.
        routes += [
            WebSocketRoute(live_channel.PATH, self._live),
            self._route(live_channel.PATH, _want_a_websocket, "GET", "HEAD"),
        ]
        routes += [
            self._route(path, handler.answer, "POST") for path, handler in self._handlers.items()
        ]
        readable: dict[str, Answer] = {
            "healthz": self._shared(self._check_health),
            "metrics": self._shared(self._render_metrics),
            "openapi.json": self._describe,
            **{one.path: one.answer(self._in_thread) for one in map(AuditRoute, AUDIT_FORMATS)},
        }
        routes += [
            self._route(f"{PREFIX}/{name}", answer, "GET", "HEAD")
            for name, answer in readable.items()
        ]
        files: list[DataRoute | ExploreRoute] = [*list_explore_routes()]
        files += list_routes(self._datasets.values())
        routes += [
            self._route(f"{PREFIX}/{route.path}", self._data.answer_of(route), "GET", "HEAD")
            for route in files
        ]
        return routes

    def guard(
        self,
        settings: Settings,
        *,
        bind_address: str | None = None,
        only_this_machine: bool = False,
        with_sign_in: bool = False,
        with_agent_api: bool = False,
    ) -> Middleware:
        """Return the guard for the whole server. It allows the settings' hosts and our addresses.

        ``only_this_machine``: requests over any other address are refused, whatever address was
        bound. Streamlit's routes for signing in and for agents are closed unless requested.
        """
        routes = self.routes()
        extra = [bind_address] if bind_address else []
        # The gateway writes the host under which we registered into Host.
        extra += [urlsplit(settings.public_url).hostname or ""] if settings.public_url else []
        return Middleware(
            HostGuard,
            allowed_hosts=[*settings.allowed_hosts, *extra],
            app_name=settings.app_name,
            app_paths=[*self._datasets, f"{PREFIX}/healthz"],
            served=ServedPaths(
                (route.path for route in routes if isinstance(route, Route)),
                dataset_pages=(dataset.name for dataset in self._datasets.values()),
                sockets=(route.path for route in routes if isinstance(route, WebSocketRoute)),
                with_sign_in=with_sign_in,
                with_agent_api=with_agent_api,
            ),
            callback_paths=self._datasets,
            only_this_machine=only_this_machine,
            on_refusal=self._journal_refusal,
        )

    def _route(self, path: str, answer: Answer, *methods: str) -> Route:
        return Route(path, Endpoint(self._serving, answer, methods), name=path)

    def _serving(self) -> Service | None:
        return None if self._released else self._service

    def _journal_refusal(self, path: str, reason: Fact) -> None:
        service = self._service
        if service is None:
            logger.warning("a callback was refused while there is no journal: %s", reason)
            return
        delivery = CallbackContext(
            service.deliveries, self._datasets[path], metrics=service.metrics
        )
        delivery.journal(Outcome.REFUSED, reason=reason)

    def _shared(self, make: Callable[[Service], Reply]) -> Answer:
        """Run ``make`` in a thread; requests that arrive meanwhile share its answer."""
        under_way: asyncio.Future[Reply] | None = None

        async def answer(service: Service, scope: Scope, receive: Receive) -> Reply:
            nonlocal under_way
            if under_way is None or under_way.done():
                loop = asyncio.get_running_loop()
                try:
                    under_way = loop.run_in_executor(self._executor, make, service)
                except RuntimeError as error:  # the machine has no thread left
                    raise Problem(
                        503, make_fact("no_thread"), RETRY_LATER, members=_NO_THREAD_CODE
                    ) from error
            return await asyncio.shield(under_way)

        return answer

    async def _in_thread(self, work: Callable[[], Any]) -> Any:
        return await asyncio.get_running_loop().run_in_executor(self._executor, work)

    def _check_health(self, service: Service) -> Reply:
        app = service.app
        state = health.check(
            app.store,
            app.gateway,
            app.reader,
            datasets=self._datasets.values(),
            workers=app.workers_alive(),
            locks=app.locks_usable(),
            journal=service.deliveries,
            peer_errors=service.peer_errors,
            registration=app.registration.state,
            backups=app.backups.state,
            server=health.describe_server(app),
            alerts=app.alerts.current(),
            scheduler=app.monitor.snapshot(),
        )
        body = encode_json(state.as_dict())
        return Reply(200, body, JSON) if state.is_ready else Reply(503, body, JSON, RETRY_LATER)

    def _render_metrics(self, service: Service) -> Reply:
        app = service.app
        body = service.metrics.render(
            app.store,
            app.reader,
            self._datasets.values(),
            state_metrics.StateCollector(app, lambda: self._live.sockets),
            state_metrics.SchedulerCollector(app.monitor.snapshot()),
        )
        return Reply(200, body, metrics.CONTENT_TYPE)

    async def _describe(self, service: Service, scope: Scope, receive: Receive) -> Reply:
        description = openapi.describe(
            self._datasets.values(),
            with_token=bool(service.app.settings.callback_secrets),
            with_sign_in=service.app.access.must_sign_in,
        )
        return Reply(200, encode_json(description), JSON)


async def _want_a_websocket(service: Service, scope: Scope, receive: Receive) -> Reply:
    raise Problem(426, make_fact("websocket_needed"), (("Upgrade", "websocket"),))


async def _redirect_home(service: Service, scope: Scope, receive: Receive) -> Reply:
    return Reply(307, b"", headers=(("Location", HOME),))
