"""The explore routes, described in OpenAPI 3.1."""

from __future__ import annotations

from ecommerce_core.companion.data_routes.addresses import MIME_TYPES
from ecommerce_core.companion.data_routes.explore.asking import ExploreRoute, list_explore_routes
from ecommerce_core.companion.http import PREFIX
from ecommerce_core.companion.openapi_parts import (
    Schema,
    as_problem,
    content_of,
    object_of,
    responses_of,
    without_bodies,
)
from ecommerce_core.domain import LANGUAGES
from ecommerce_core.storage import IN_FILE, SQL_CHARS

_SQL: Schema = {
    "name": "sql",
    "in": "query",
    "required": True,
    "description": (
        "One SELECT statement in DuckDB's SQL, of the tables that the page lists. It ends with 422 "
        "if it takes longer, or more memory, than it may."
    ),
    "schema": {"type": "string", "maxLength": SQL_CHARS},
}


def describe_explore(*, with_sign_in: bool) -> Schema:
    """Describe the paths of all explore routes. ``with_sign_in``: by token or signed link."""
    return {
        f"{PREFIX}/{route.path}": _path(route, with_sign_in=with_sign_in)
        for route in list_explore_routes()
    }


def _path(route: ExploreRoute, *, with_sign_in: bool) -> Schema:
    operation: Schema = {
        "summary": f"The answer to a question in SQL, as {route.file_format}",
        "description": (
            f"Read-only. At most {IN_FILE.rows} rows; what is more is refused and not cut off."
        ),
        "parameters": [_SQL, *(_language(name) for name in ("lang", "language"))],
    }
    if with_sign_in:
        operation["security"] = [{"token": []}, {"ticket": []}]
    responses = responses_of(
        {
            200: _file(route),
            400: as_problem("What is asked is no SELECT of the public tables; or no valid Host"),
            401: as_problem("Rows are for who has signed in: a token or a ticket is needed"),
            403: as_problem("The link was made for another question, or holds no longer"),
            422: as_problem("The question takes longer, or its answer is more, than it may"),
        },
        [421, 500, 503],
    )
    name = f"explore_{route.file_format}"
    return {
        "get": {"operationId": f"get_{name}", **operation, "responses": responses},
        "head": {
            "operationId": f"head_{name}",
            **operation,
            "responses": without_bodies(responses),
        },
    }


def _language(name: str) -> Schema:
    schema = {"type": "string", "enum": list(LANGUAGES)}
    return {"name": name, "in": "query", "description": "The form of CSV", "schema": schema}


def _file(route: ExploreRoute) -> Schema:
    body: Schema = {"type": "string", "format": "binary"}
    if route.file_format == "json":
        rows = {"type": "array", "items": {"type": "object"}}
        body = object_of({"total": {"type": "integer", "minimum": 0}, "rows": rows})
    media_type = MIME_TYPES[route.file_format].partition(";")[0]
    found = content_of("The file", {media_type: body})
    disposition: Schema = {"schema": {"type": "string"}, "required": True}
    found["headers"] = {"Content-Disposition": disposition}
    return found
