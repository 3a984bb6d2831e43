"""The routes that programs call: the scheduler's callbacks, health, metrics, description.

And the WebSocket that pages listen to.

They stand in Streamlit's server, which protects no custom route. A callback
waits for its run without holding a thread, and whatever may block goes to a
few threads of the companion's own: the default ones serve Streamlit's files.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Awaitable, Callable, Iterable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from urllib.parse import urlsplit

from starlette.middleware import Middleware
from starlette.routing import Route, WebSocketRoute
from starlette.types import Receive, Scope, Send

from ecommerce_core import health, live_route, metrics, openapi
from ecommerce_core.callbacks import CallbackHandler, CallerGone
from ecommerce_core.dataset import Dataset
from ecommerce_core.deliveries import ClockPeek, DeliveryLog
from ecommerce_core.delivery import Delivery
from ecommerce_core.guard import HostGuard
from ecommerce_core.models import Outcome
from ecommerce_core.outcomes import RETRY_LATER
from ecommerce_core.prefix import PREFIX
from ecommerce_core.replies import (
    JSON,
    Problem,
    Reply,
    encode_json,
    has_body,
    header,
    send_reply,
    wants_json,
)
from ecommerce_core.served import ServedApplication, Service
from ecommerce_core.served_paths import ServedPaths
from ecommerce_core.settings import Settings

logger = logging.getLogger(__name__)

# Relative, so that it leads home from / and from the prefix alone, behind any proxy.
HOME = f"{PREFIX[1:]}/"

Answer = Callable[[Service, Scope, Receive], Awaitable[Reply]]

_NO_THREAD = "the server could not start a thread"
_NO_THREAD_CODE: dict[str, object] = {"reasons": ["no_thread"]}
_UNFORESEEN = "something went wrong on our side; it is in the log"


class Companion:
    """The companion's routes and the guard in front of the whole server.

    Both are needed before there is an application; until ``attach`` and after
    ``close`` the routes answer 503. ``body_timeout_s`` is how long a request's
    body may take to arrive.
    """

    def __init__(self, datasets: Iterable[Dataset], *, body_timeout_s: float = 10.0) -> None:
        self._datasets = {f"/{dataset.callback_path}": dataset for dataset in datasets}
        # The clock, health and metrics: one thread each at most.
        self._executor = ThreadPoolExecutor(3, thread_name_prefix="companion")
        self._clock = ClockPeek(self._executor)
        self._service: Service | None = None
        self._released = False
        self._live = live_route.LiveRoute(self._serving)
        self._handlers = {
            path: CallbackHandler(dataset, clock=self._clock, body_timeout_s=body_timeout_s)
            for path, dataset in self._datasets.items()
        }

    def attach(self, app: ServedApplication) -> Service:
        """Serve ``app`` from now on: count its runs and requests, journal its callbacks."""
        counted = metrics.Metrics(
            datasets=(dataset.name for dataset in self._datasets.values()),
            peers=health.peer_names(self._datasets.values()),
        )
        deliveries = DeliveryLog(app.record_deliveries)
        self._service = service = Service(app, counted, deliveries, health.PeerErrors())
        app.run_observers.append(counted.observe_run)
        app.gateway.observers += [counted.observe_request, service.peer_errors.observe]
        app.live.observers.append(self._live.hear)
        deliveries.start()
        return service

    def release(self) -> None:
        """Stop serving: answer with 503, those who wait for a run too. Their runs go on.

        A server that shuts down waits for its callers, and these for a peer that
        may be silent for minutes. Any thread and a signal handler may call it.
        """
        self._released = True
        self._live.close()
        for handler in self._handlers.values():
            handler.release()

    def close(self) -> None:
        """Stop serving, and write what is still to be journalled.

        To be called after the application has stopped, so that the callbacks of
        the runs that it ended are in the journal, too.
        """
        self.release()
        service, self._service = self._service, None
        self._executor.shutdown(wait=True, cancel_futures=True)
        if service is not None:
            service.app.run_observers.remove(service.metrics.observe_run)
            service.app.gateway.observers.remove(service.metrics.observe_request)
            service.app.live.observers.remove(self._live.hear)
            service.app.gateway.observers.remove(service.peer_errors.observe)
            for handler in self._handlers.values():
                handler.abandon()
            service.deliveries.stop()

    def routes(self) -> list[Route | WebSocketRoute]:
        """The routes, whole paths. Each answers every method: none falls through to a page."""
        routes: list[Route | WebSocketRoute] = [
            self._route(path, _redirect_home, "GET", "HEAD") for path in ("/", PREFIX)
        ]
        # A socket's path takes no plain request, which would be answered with a page otherwise.
        routes += [
            WebSocketRoute(live_route.PATH, self._live),
            self._route(live_route.PATH, _want_a_websocket, "GET", "HEAD"),
        ]
        routes += [
            self._route(path, handler.answer, "POST") for path, handler in self._handlers.items()
        ]
        readable: dict[str, Answer] = {
            "healthz": self._shared(self._check_health),
            "metrics": self._shared(self._render_metrics),
            "openapi.json": self._describe,
        }
        routes += [
            self._route(f"{PREFIX}/{name}", answer, "GET", "HEAD")
            for name, answer in readable.items()
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
        """The guard for the whole server: allowed are settings' hosts, our name and address.

        ``only_this_machine``: nobody else is answered, whatever address was bound. Streamlit's
        routes for signing in and for agents are closed unless asked for.
        """
        extra = [bind_address] if bind_address else []
        # What the gateway was told to call us is what it writes into Host.
        extra += [urlsplit(settings.public_url).hostname or ""] if settings.public_url else []
        return Middleware(
            HostGuard,
            allowed_hosts=[*settings.allowed_hosts, settings.app_name, *extra],
            served=ServedPaths(
                (route.path for route in self.routes()),
                with_sign_in=with_sign_in,
                with_agent_api=with_agent_api,
            ),
            callback_paths=self._datasets,
            only_this_machine=only_this_machine,
            on_refusal=self._journal_refusal,
        )

    def _route(self, path: str, answer: Answer, *methods: str) -> Route:
        return Route(path, _Endpoint(self._serving, answer, methods), name=path)

    def _serving(self) -> Service | None:
        return None if self._released else self._service

    def _journal_refusal(self, path: str, reason: str) -> None:
        service = self._service
        if service is None:
            logger.warning("a callback was refused while there is no journal: %s", reason)
            return
        delivery = Delivery(service.deliveries, self._datasets[path], metrics=service.metrics)
        delivery.journal(Outcome.REFUSED, reason=reason)

    def _shared(self, make: Callable[[Service], Reply]) -> Answer:
        """``make`` in a thread; who asks while it is at it gets the same answer."""
        under_way: asyncio.Future[Reply] | None = None

        async def answer(service: Service, scope: Scope, receive: Receive) -> Reply:
            nonlocal under_way
            if under_way is None or under_way.done():
                loop = asyncio.get_running_loop()
                try:
                    under_way = loop.run_in_executor(self._executor, make, service)
                except RuntimeError as error:  # the machine gives us no thread
                    raise Problem(503, _NO_THREAD, RETRY_LATER, members=_NO_THREAD_CODE) from error
            return await asyncio.shield(under_way)

        return answer

    def _check_health(self, service: Service) -> Reply:
        app = service.app
        state = health.check(
            app.store,
            app.gateway,
            datasets=self._datasets.values(),
            workers=app.workers_alive(),
            journal=service.deliveries,
            peer_errors=service.peer_errors,
            registration=app.registration.state,
            backups=app.backups.state,
        )
        body = encode_json(state.as_dict())
        return Reply(200, body, JSON) if state.is_ready else Reply(503, body, JSON, RETRY_LATER)

    def _render_metrics(self, service: Service) -> Reply:
        body = service.metrics.render(service.app.store, self._datasets.values())
        return Reply(200, body, metrics.CONTENT_TYPE)

    async def _describe(self, service: Service, scope: Scope, receive: Receive) -> Reply:
        description = openapi.describe(
            self._datasets.values(), with_token=bool(service.app.settings.callback_secrets)
        )
        return Reply(200, encode_json(description), JSON)


class _Endpoint:
    """An ASGI endpoint: checks the method, sends the answer, lets no exception out.

    It is no function, so that Starlette routes every method to it.
    """

    def __init__(
        self,
        get_service: Callable[[], Service | None],
        answer: Answer,
        methods: tuple[str, ...],
    ) -> None:
        self._get_service = get_service
        self._answer = answer
        self._methods = methods

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        try:
            reply = await self._reply(scope, receive)
        except CallerGone:
            return
        except Problem as problem:
            reply = problem.reply(as_json=wants_json(header(scope["headers"], b"accept")))
        except Exception:
            logger.exception("%s %s failed", scope["method"], scope["path"])
            as_json = wants_json(header(scope["headers"], b"accept"))
            reply = Problem(500, _UNFORESEEN).reply(as_json=as_json)
        if scope["method"] != "POST" and has_body(scope["headers"]):
            # Its body was not read, and may never end.
            reply = replace(reply, closes=True)
        await send_reply(reply, scope, receive, send)

    async def _reply(self, scope: Scope, receive: Receive) -> Reply:
        if scope["method"] not in self._methods:
            allowed = ", ".join(self._methods)
            raise Problem(
                405,
                f"this address takes {allowed}",
                (("Allow", allowed),),
                closes=has_body(scope["headers"]),
            )
        service = self._get_service()
        if service is None:
            detail = "the application is starting or stopping"
            raise Problem(503, detail, RETRY_LATER, closes=has_body(scope["headers"]))
        return await self._answer(service, scope, receive)


async def _want_a_websocket(service: Service, scope: Scope, receive: Receive) -> Reply:
    raise Problem(426, "this address takes a WebSocket", (("Upgrade", "websocket"),))


async def _redirect_home(service: Service, scope: Scope, receive: Receive) -> Reply:
    return Reply(307, b"", headers=(("Location", HOME),))
