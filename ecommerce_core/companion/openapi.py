"""Describe the companion in OpenAPI 3.1: the answer of ``/ecommerce/openapi.json``."""

from __future__ import annotations

from collections.abc import Collection

from ecommerce_core.companion.audit_route import FORMATS, AuditRoute
from ecommerce_core.companion.data_routes import (
    MIME_TYPES,
    describe_explore,
    describe_rows,
    schemas_of_rows,
)
from ecommerce_core.companion.http import JSON, PREFIX
from ecommerce_core.companion.openapi_parts import (
    TEXT,
    Schema,
    as_json,
    as_problem,
    as_result,
    content_of,
    ref_to,
    responses_of,
    without_bodies,
)
from ecommerce_core.companion.openapi_schemas import list_schemas
from ecommerce_core.datasets import Dataset
from ecommerce_core.domain import (
    TICKET,
    AuditAction,
)


def describe(
    datasets: Collection[Dataset], *, with_token: bool, with_sign_in: bool = False
) -> Schema:
    """Return the description. ``with_token``: callbacks have to carry a token.

    ``with_sign_in``: rows need a signed link or a token.
    """
    paths: Schema = {
        f"/{dataset.callback_path}": {"post": _callback(dataset, with_token=with_token)}
        for dataset in datasets
    }
    paths |= {
        f"{PREFIX}/healthz": _readable(
            "Whether the application can do its work",
            "health",
            {
                200: as_json("Ready, or degraded; see alerts", "Health"),
                503: as_json("Not ready; see reasons", "Health"),
            },
        ),
        f"{PREFIX}/metrics": _readable(
            "Counters and gauges for Prometheus",
            "metrics",
            {200: content_of("Prometheus' text format, 0.0.4", {TEXT: {"type": "string"}})},
        ),
        f"{PREFIX}/openapi.json": _readable(
            "This description",
            "description",
            {200: content_of("OpenAPI 3.1", {JSON: {"type": "object"}})},
        ),
    }
    paths |= {
        f"{PREFIX}/{one.path}": _audit(one, with_sign_in=with_sign_in)
        for one in map(AuditRoute, FORMATS)
    }
    paths |= describe_rows(datasets, with_sign_in=with_sign_in)
    paths |= describe_explore(with_sign_in=with_sign_in)
    return {
        "openapi": "3.1.0",
        "info": {
            "title": "E-commerce companion",
            "version": "1",
            "description": (
                "What the scheduler calls, what watches over the application, and its rows. "
                "Every route answers other methods with 405 and `Allow`, and hosts that are not "
                "allowed with 421."
            ),
        },
        "paths": paths,
        "components": {
            "schemas": {**list_schemas(), **schemas_of_rows(datasets)},
            "securitySchemes": {
                "token": {"type": "http", "scheme": "bearer"},
                "ticket": {"type": "apiKey", "in": "query", "name": TICKET},
            },
        },
    }


def _audit(route: AuditRoute, *, with_sign_in: bool) -> Schema:
    lines: Schema = {"type": "array", "items": ref_to("AuditLine")}
    if route.file_format == "csv":
        lines = {"type": "string"}
    media_type = MIME_TYPES[route.file_format]
    description = _readable(
        "Who did what, beyond runs, newest first",
        f"audit_{route.file_format}",
        {200: content_of("The lines that match", {media_type: lines})},
    )
    problems = responses_of({}, [400, 403])
    if with_sign_in:
        problems |= {"401": as_problem("Neither a token nor a link's ticket")}
    for operation in description.values():
        operation["parameters"] = [
            {"name": "action", "in": "query", "schema": {"enum": list(map(str, AuditAction))}},
            {"name": "actor", "in": "query", "schema": {"type": "string"}},
        ]
        operation["responses"] = {**operation["responses"], **problems}
        if with_sign_in:
            operation["security"] = [{"token": []}, {"ticket": []}]
    description["head"]["responses"] = without_bodies(description["head"]["responses"])
    return description


def _callback(dataset: Dataset, *, with_token: bool) -> Schema:
    operation: Schema = {
        "operationId": dataset.task_name,
        "summary": f"Fetch the {dataset.name} from {dataset.peer}, and answer when it is done",
        "description": (
            "Who asks while a sync runs shares the next one, so that the answer is at least as "
            "new as the question. Asking twice changes nothing."
        ),
        "parameters": [
            {
                "name": "Prefer",
                "in": "header",
                "description": "`respond-async` answers at once with 202 (RFC 7240)",
                "schema": {"type": "string", "examples": ["respond-async"]},
            }
        ],
        "responses": responses_of(
            {
                200: as_result("Done: the store holds what the peer said", text="^Done\n"),
                202: _accepted(),
            },
            [400, 403, 408, 413, 421, 500, 502, 503],
        ),
    }
    if with_token:
        operation["requestBody"] = {
            "description": "The token that tasks added by the dashboard carry in their `data`",
            "required": True,
            "content": {TEXT: {"schema": {"type": "string", "maxLength": 65_536}}},
        }
    return operation


def _accepted() -> Schema:
    response = as_result(
        "Either accepted (`Prefer: respond-async`): `run_id` is null where the run waits for "
        "another; or held: the answer was fetched, but would withdraw so much that an operator "
        "has to confirm the run",
        text="^(Accepted|Held)",
    )
    response["headers"] = {
        "Location": {
            "description": "The page that shows the run",
            "required": True,
            "schema": {"type": "string"},
        },
        "Preference-Applied": {"schema": {"const": "respond-async"}},
    }
    return response


def _readable(summary: str, name: str, responses: dict[int, Schema]) -> Schema:
    problems = [code for code in (400, 421, 500, 503) if code not in responses]
    described = responses_of(responses, problems)
    if 503 in responses:
        # Before the application has started there is no health, only the problem.
        described["503"]["content"] |= as_problem("")["content"]
    return {
        "get": {"operationId": f"get_{name}", "summary": summary, "responses": described},
        "head": {
            "operationId": f"head_{name}",
            "summary": summary,
            "responses": without_bodies(described),
        },
    }
