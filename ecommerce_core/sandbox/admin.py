"""The embedded gateway's administration: services, and the hosts that are routed to them."""

from __future__ import annotations

import threading
import uuid
from collections.abc import Awaitable, Callable
from typing import Any
from urllib.parse import parse_qsl, urlsplit

from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from ecommerce_core.sandbox.web import json_answer

Endpoint = Callable[[Request], Awaitable[Response]]
Entry = dict[str, Any]

_PAGE = 100
_LONGEST_BODY = 64 * 1024


class Registry:
    """The services by name and the routes by id. Safe for threads."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._services: dict[str, Entry] = {}
        self._routes: dict[str, Entry] = {}

    def url_of(self, host: str) -> str | None:
        """Return the URL that a host is routed to, or None if there is no route."""
        with self._lock:
            for route in self._routes.values():
                if host in (name.lower() for name in route["hosts"]):
                    service_id = route["service"]["id"]
                    return next(
                        str(service["url"])
                        for service in self._services.values()
                        if service["id"] == service_id
                    )
        return None

    def add_service(self, name: str, url: str) -> Response:
        """Return 201 with the service, or 409 if the name is taken."""
        with self._lock:
            if name in self._services:
                return _problem(409, f"UNIQUE violation detected on '{{name=\"{name}\"}}'")
            self._services[name] = service = {"id": str(uuid.uuid4()), "name": name, "url": url}
            return json_answer(_shown(service), status=201)

    def add_route(self, name: str, hosts: list[str]) -> Response:
        """Return 201 with the route, or 404 if there is no such service."""
        with self._lock:
            service = self._find(name)
            if service is None:
                return _problem(404, "Not found")
            route = {"id": str(uuid.uuid4()), "hosts": hosts, "service": {"id": service["id"]}}
            self._routes[str(route["id"])] = route
            return json_answer(route, status=201)

    def list_routes(self, offset: int) -> Response:
        """Return a page of routes, and the address of the next page."""
        with self._lock:
            routes = list(self._routes.values())
        end = offset + _PAGE
        following = f"/routes?offset={end}" if end < len(routes) else None
        return json_answer({"data": routes[offset:end], "next": following})

    def show_service(self, name: str) -> Response:
        """Return the service, or 404 if there is none."""
        with self._lock:
            service = self._find(name)
            return _problem(404, "Not found") if service is None else json_answer(_shown(service))

    def delete_route(self, route_id: str) -> Response:
        """Return 204, whether or not the route existed."""
        with self._lock:
            self._routes.pop(route_id, None)
        return Response(status_code=204)

    def delete_service(self, name: str) -> Response:
        """Return 204, whether or not the service existed, or 400 while it has routes."""
        with self._lock:
            service = self._find(name)
            if service is None:
                return Response(status_code=204)
            used = (route["service"]["id"] == service["id"] for route in self._routes.values())
            if any(used):
                detail = "an existing 'routes' entity references this 'services' entity"
                return _problem(400, detail)
            del self._services[service["name"]]
        return Response(status_code=204)

    def _find(self, name: str) -> Entry | None:
        known = self._services.values()
        return next((one for one in known if name in (one["name"], one["id"])), None)


def admin_app(registry: Registry) -> Starlette:
    """Return the application that serves ``registry``, with and without a slash at the end."""

    async def services(request: Request) -> Response:
        fields = await _form(request)
        name, url = fields.get("name", [""])[0], fields.get("url", [""])[0]
        if not name or urlsplit(url).scheme not in {"http", "https"} or not urlsplit(url).hostname:
            return _problem(400, "schema violation (name or url: required field missing)")
        return registry.add_service(name, url)

    async def service(request: Request) -> Response:
        name = request.path_params["name"]
        if request.method == "DELETE":
            return registry.delete_service(name)
        return registry.show_service(name)

    async def service_routes(request: Request) -> Response:
        hosts = (await _form(request)).get("hosts[]", [])
        if not hosts:
            return _problem(400, "schema violation (must set one of 'hosts', 'paths')")
        return registry.add_route(request.path_params["name"], hosts)

    async def routes(request: Request) -> Response:
        offset = request.query_params.get("offset", "0")
        return registry.list_routes(int(offset) if offset.isdecimal() else 0)

    async def route(request: Request) -> Response:
        return registry.delete_route(request.path_params["id"])

    paths: list[tuple[str, Endpoint, list[str]]] = [
        ("/services", services, ["POST"]),
        ("/services/{name}", service, ["GET", "DELETE"]),
        ("/services/{name}/routes", service_routes, ["POST"]),
        ("/routes", routes, ["GET"]),
        ("/routes/{id}", route, ["DELETE"]),
    ]
    app = Starlette(
        routes=[
            Route(path + slash, endpoint, methods=methods)
            for path, endpoint, methods in paths
            for slash in ("", "/")
        ]
    )
    app.router.redirect_slashes = False
    return app


async def _form(request: Request) -> dict[str, list[str]]:
    body = bytearray()
    async for piece in request.stream():
        body += piece
        if len(body) > _LONGEST_BODY:
            return {}
    fields: dict[str, list[str]] = {}
    for name, value in parse_qsl(body.decode("utf-8", "replace")):
        fields.setdefault(name, []).append(value)
    return fields


def _shown(service: Entry) -> Entry:
    """Return a service as the administration shows it: its URL in parts."""
    parts = urlsplit(service["url"])
    return {
        "id": service["id"],
        "name": service["name"],
        "protocol": parts.scheme,
        "host": parts.hostname,
        "port": parts.port or (443 if parts.scheme == "https" else 80),
        "path": parts.path or None,
    }


def _problem(status: int, message: str) -> Response:
    return json_answer({"message": message}, status=status)
