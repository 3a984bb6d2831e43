"""The companion, described in OpenAPI 3.1: what ``/ecommerce/openapi.json`` answers."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import fields

from ecommerce_core.companion.data_routes import (
    describe_explore,
    describe_rows,
    schemas_of_rows,
)
from ecommerce_core.companion.health import Reason, StoreState
from ecommerce_core.companion.http import JSON, PREFIX
from ecommerce_core.companion.openapi_parts import (
    MAYBE_MOMENT,
    MAYBE_SECONDS,
    MAYBE_TEXT,
    NULL,
    TEXT,
    Schema,
    as_json,
    as_problem,
    as_result,
    content_of,
    map_of,
    object_of,
    ref_to,
    responses_of,
    without_bodies,
)
from ecommerce_core.datasets import Dataset
from ecommerce_core.domain import TICKET, Counts, PartState, RunStatus
from ecommerce_core.gateway import RegistrationStatus
from ecommerce_core.storage import SnapshotCode


def describe(
    datasets: Collection[Dataset], *, with_token: bool, with_sign_in: bool = False
) -> Schema:
    """The description. ``with_token`` says that callbacks have to carry a token.

    ``with_sign_in``: rows are for who has signed in.
    """
    paths: Schema = {
        f"/{dataset.callback_path}": {"post": _callback(dataset, with_token=with_token)}
        for dataset in datasets
    }
    paths |= {
        f"{PREFIX}/healthz": _readable(
            "Whether the application can do its work",
            "health",
            {200: as_json("Ready", "Health"), 503: as_json("Not ready; see reasons", "Health")},
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
            "schemas": {**_schemas(), **schemas_of_rows(datasets)},
            "securitySchemes": {
                "token": {"type": "http", "scheme": "bearer"},
                "ticket": {"type": "apiKey", "in": "query", "name": TICKET},
            },
        },
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
        # Before the server is up there is no health to tell, only the problem.
        described["503"]["content"] |= as_problem("")["content"]
    return {
        "get": {"operationId": f"get_{name}", "summary": summary, "responses": described},
        "head": {
            "operationId": f"head_{name}",
            "summary": summary,
            "responses": without_bodies(described),
        },
    }


# The kind of an error: what it says is for who may read the pages or the log.
_MAYBE_KIND: Schema = {"type": ["string", NULL], "pattern": "^[A-Za-z]+$"}


# The values of which the text of a code is made; one may be such an object with code and details.
_DETAILS: Schema = {"type": "object"}


def _schemas() -> Schema:
    return {**_answers(), **_health()}


def _answers() -> Schema:
    """What callbacks are answered with."""
    ended = [status.value for status in RunStatus if status.is_good or status is RunStatus.HELD]
    result: Schema = {
        "status": {"enum": ["accepted", *ended]},
        "dataset": {"type": "string"},
        "run_id": {"type": ["integer", NULL]},
        "joined": {"type": "boolean"},
        "counts": {"anyOf": [ref_to("Counts"), {"type": NULL}]},
        "error": MAYBE_TEXT,
        "code": MAYBE_TEXT,
        "details": _DETAILS,
    }
    problem = object_of(
        {
            "type": {"const": "about:blank"},
            "title": {"type": "string"},
            "status": {"type": "integer"},
            "detail": {"type": "string"},
            "code": {"type": "string"},
            "details": _DETAILS,
        },
        closed=False,
    )
    problem["description"] = (
        "RFC 9457. `detail` is made of `code` and `details`. Of a run that failed it also has "
        "`run_status`, `dataset`, `run_id`, `joined`, `counts` and `error`; where no thread could "
        "be started, `reasons` with `no_thread`."
    )
    count = {"type": "integer", "minimum": 0}
    return {
        "Counts": object_of({field.name: count for field in fields(Counts)}),
        "Result": object_of(result),
        "Problem": problem,
    }


def _health() -> Schema:
    """What ``healthz`` answers."""
    peer: Schema = {
        "state": {"enum": ["up", "partly", "down", "unknown"]},
        "last_answer_at": MAYBE_MOMENT,
        "last_answer_age_s": MAYBE_SECONDS,
        "last_error_age_s": MAYBE_SECONDS,
        "last_error": _MAYBE_KIND,
    }
    registration: Schema = {
        "state": {"enum": [status.value for status in RegistrationStatus]},
        "at": MAYBE_MOMENT,
        "error": _MAYBE_KIND,
    }
    backups: Schema = {
        "state": {"enum": ["off", "ok", "failing"]},
        "last_at": MAYBE_MOMENT,
        "last_age_s": MAYBE_SECONDS,
    }
    snapshot: Schema = {
        "state": {"enum": [*(code.value for code in SnapshotCode), "unknown"]},
        "error": MAYBE_TEXT,
    }
    part: Schema = {"enum": [state.value for state in PartState]}
    scheduler: Schema = {
        "clock": part,
        "clock_age_s": MAYBE_SECONDS,
        "tasks": part,
        "tasks_age_s": MAYBE_SECONDS,
        "standing_still_since": MAYBE_MOMENT,
        "odd_tasks": {"type": "integer", "minimum": 0},
        "lost_tasks": {"type": "integer", "minimum": 0},
    }
    health: Schema = {
        "status": {"enum": ["ready", "not ready"]},
        "reasons": {"type": "array", "items": {"enum": [reason.value for reason in Reason]}},
        "store": {"enum": [state.value for state in StoreState]},
        "workers": map_of({"type": "boolean"}),
        "peers": map_of(ref_to("Peer")),
        "registration": ref_to("Registration"),
        "backups": ref_to("Backups"),
        "snapshots": map_of(ref_to("Snapshot")),
        "scheduler": ref_to("Scheduler"),
    }
    return {
        "Peer": object_of(peer),
        "Registration": object_of(registration),
        "Backups": object_of(backups),
        "Snapshot": object_of(snapshot),
        "Scheduler": object_of(scheduler),
        "Health": object_of(health),
    }
