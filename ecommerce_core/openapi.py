"""The companion, described in OpenAPI 3.1: what ``/ecommerce/openapi.json`` answers."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import fields
from typing import Any

from ecommerce_core.dataset import Dataset
from ecommerce_core.health import Reason, StoreState
from ecommerce_core.models import Counts, RunStatus
from ecommerce_core.prefix import PREFIX
from ecommerce_core.registration import RegistrationStatus
from ecommerce_core.replies import JSON, PROBLEM

Schema = dict[str, Any]

_NULL = "null"
_TEXT = "text/plain"

_PROBLEMS = {
    400: "There is not one valid Host header",
    403: "No valid token where one is needed, or a browser's request from another site",
    408: "The body took too long to arrive",
    413: "The body is larger than 64 KiB",
    421: "The server does not answer to this host",
    500: "Something nobody foresaw; the details are in the server's log",
    502: "The peer failed: nothing was changed, the reason is in the answer",
    503: "The database or the application cannot take the work now; try again",
}


def describe(datasets: Iterable[Dataset], *, with_token: bool) -> Schema:
    """The description. ``with_token`` says that callbacks have to carry a token."""
    paths: Schema = {
        f"/{dataset.callback_path}": {"post": _callback(dataset, with_token=with_token)}
        for dataset in datasets
    }
    paths |= {
        f"{PREFIX}/healthz": _readable(
            "Whether the application can do its work",
            "health",
            {200: _json("Ready", "Health"), 503: _json("Not ready; see reasons", "Health")},
        ),
        f"{PREFIX}/metrics": _readable(
            "Counters and gauges for Prometheus",
            "metrics",
            {200: _content("Prometheus' text format, 0.0.4", {_TEXT: {"type": "string"}})},
        ),
        f"{PREFIX}/openapi.json": _readable(
            "This description",
            "description",
            {200: _content("OpenAPI 3.1", {JSON: {"type": "object"}})},
        ),
    }
    return {
        "openapi": "3.1.0",
        "info": {
            "title": "E-commerce companion",
            "version": "1",
            "description": (
                "What the scheduler calls, and what watches over the application. Every route "
                "answers other methods with 405 and `Allow`, and hosts that are not allowed "
                "with 421."
            ),
        },
        "paths": paths,
        "components": {"schemas": _schemas()},
    }


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
        "responses": _responses(
            {
                200: _result("Done: the store holds what the peer said", text="^Done\n"),
                202: _accepted(),
            },
            [400, 403, 408, 413, 421, 500, 502, 503],
        ),
    }
    if with_token:
        operation["requestBody"] = {
            "description": "The token that tasks added by the dashboard carry in their `data`",
            "required": True,
            "content": {_TEXT: {"schema": {"type": "string", "maxLength": 65_536}}},
        }
    return operation


def _accepted() -> Schema:
    response = _result(
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
    described = _responses(responses, problems)
    if 503 in responses:
        # Before the server is up there is no health to tell, only the problem.
        described["503"]["content"] |= _problem("")["content"]
    return {
        "get": {"operationId": f"get_{name}", "summary": summary, "responses": described},
        "head": {"operationId": f"head_{name}", "summary": summary, "responses": _bare(described)},
    }


def _bare(responses: Schema) -> Schema:
    return {
        code: {key: value for key, value in response.items() if key != "content"}
        for code, response in responses.items()
    }


def _responses(own: dict[int, Schema], problems: Sequence[int]) -> Schema:
    described = own | {code: _problem(_PROBLEMS[code]) for code in problems}
    for code, response in described.items():
        if code == 503:
            response["headers"] = {"Retry-After": {"schema": {"type": "string"}, "required": True}}
    return {str(code): response for code, response in sorted(described.items())}


def _content(description: str, schemas: dict[str, Schema]) -> Schema:
    content = {media_type: {"schema": schema} for media_type, schema in schemas.items()}
    return {"description": description, "content": content}


def _json(description: str, schema: str) -> Schema:
    return _content(description, {JSON: _ref(schema)})


def _result(description: str, *, text: str) -> Schema:
    return _content(description, {_TEXT: {"type": "string", "pattern": text}, JSON: _ref("Result")})


def _problem(description: str) -> Schema:
    return _content(description, {_TEXT: {"type": "string"}, PROBLEM: _ref("Problem")})


def _ref(schema: str) -> Schema:
    return {"$ref": f"#/components/schemas/{schema}"}


def _object(properties: Schema, *, closed: bool = True) -> Schema:
    schema: Schema = {"type": "object", "properties": properties, "required": list(properties)}
    if closed:
        schema["additionalProperties"] = False
    return schema


def _map(values: Schema) -> Schema:
    return {"type": "object", "additionalProperties": values}


_MAYBE_TEXT: Schema = {"type": ["string", _NULL]}
# The kind of an error: what it says is for who may read the pages or the log.
_MAYBE_KIND: Schema = {"type": ["string", _NULL], "pattern": "^[A-Za-z]+$"}
_MAYBE_SECONDS: Schema = {"type": ["number", _NULL], "minimum": 0}
_MAYBE_MOMENT: Schema = {"type": ["string", _NULL], "format": "date-time"}


def _schemas() -> Schema:
    return {**_answers(), **_health()}


def _answers() -> Schema:
    """What callbacks are answered with."""
    ended = [status.value for status in RunStatus if status.is_good or status is RunStatus.HELD]
    result: Schema = {
        "status": {"enum": ["accepted", *ended]},
        "dataset": {"type": "string"},
        "run_id": {"type": ["integer", _NULL]},
        "joined": {"type": "boolean"},
        "counts": {"anyOf": [_ref("Counts"), {"type": _NULL}]},
        "error": _MAYBE_TEXT,
    }
    problem = _object(
        {
            "type": {"const": "about:blank"},
            "title": {"type": "string"},
            "status": {"type": "integer"},
            "detail": {"type": "string"},
        },
        closed=False,
    )
    problem["description"] = (
        "RFC 9457. Of a run that failed it also has `run_status`, `dataset`, `run_id`, `joined`, "
        "`counts` and `error`; where no thread could be started, `reasons` with `no_thread`."
    )
    count = {"type": "integer", "minimum": 0}
    return {
        "Counts": _object({field.name: count for field in fields(Counts)}),
        "Result": _object(result),
        "Problem": problem,
    }


def _health() -> Schema:
    """What ``healthz`` answers."""
    peer: Schema = {
        "state": {"enum": ["up", "down", "unknown"]},
        "last_answer_at": _MAYBE_MOMENT,
        "last_answer_age_s": _MAYBE_SECONDS,
        "last_error_age_s": _MAYBE_SECONDS,
        "last_error": _MAYBE_KIND,
    }
    registration: Schema = {
        "state": {"enum": [status.value for status in RegistrationStatus]},
        "at": _MAYBE_MOMENT,
        "error": _MAYBE_KIND,
    }
    backups: Schema = {
        "state": {"enum": ["off", "ok", "failing"]},
        "last_at": _MAYBE_MOMENT,
        "last_age_s": _MAYBE_SECONDS,
    }
    health: Schema = {
        "status": {"enum": ["ready", "not ready"]},
        "reasons": {"type": "array", "items": {"enum": [reason.value for reason in Reason]}},
        "store": {"enum": [state.value for state in StoreState]},
        "workers": _map({"type": "boolean"}),
        "peers": _map(_ref("Peer")),
        "registration": _ref("Registration"),
        "backups": _ref("Backups"),
    }
    return {
        "Peer": _object(peer),
        "Registration": _object(registration),
        "Backups": _object(backups),
        "Health": _object(health),
    }
