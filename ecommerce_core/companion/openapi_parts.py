"""Parts of descriptions in OpenAPI 3.1."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from ecommerce_core.companion.http import JSON, PROBLEM

Schema = dict[str, Any]

NULL = "null"
TEXT = "text/plain"

PROBLEMS = {
    400: "There is not one valid Host header",
    403: "No valid token where one is needed, or a browser's request from another site",
    408: "The body took too long to arrive",
    413: "The body is larger than 64 KiB",
    421: "The server does not answer to this host",
    500: "Something nobody foresaw; the details are in the server's log",
    502: "The peer failed: nothing was changed, the reason is in the answer",
    503: "The database or the application cannot take the work now; try again",
}


def without_bodies(responses: Schema) -> Schema:
    """Return the same answers as a HEAD gets them."""
    return {
        code: {key: value for key, value in response.items() if key != "content"}
        for code, response in responses.items()
    }


def responses_of(own: dict[int, Schema], problems: Sequence[int]) -> Schema:
    """Return answers by status: ``own``, and the problems that are the same on every route."""
    described = own | {code: as_problem(PROBLEMS[code]) for code in problems}
    for code, response in described.items():
        if code == 503:
            response["headers"] = {"Retry-After": {"schema": {"type": "string"}, "required": True}}
    return {str(code): response for code, response in sorted(described.items())}


def content_of(description: str, schemas: dict[str, Schema]) -> Schema:
    """Return an answer in these media types."""
    content = {media_type: {"schema": schema} for media_type, schema in schemas.items()}
    return {"description": description, "content": content}


def as_json(description: str, schema: str) -> Schema:
    """Return an answer in JSON."""
    return content_of(description, {JSON: ref_to(schema)})


def as_result(description: str, *, text: str) -> Schema:
    """Return a callback's answer, as text or as JSON."""
    return content_of(
        description, {TEXT: {"type": "string", "pattern": text}, JSON: ref_to("Result")}
    )


def as_problem(description: str) -> Schema:
    """Return a problem, as text or as JSON."""
    return content_of(description, {TEXT: {"type": "string"}, PROBLEM: ref_to("Problem")})


def ref_to(schema: str) -> Schema:
    """Return a reference to a schema that is described elsewhere."""
    return {"$ref": f"#/components/schemas/{schema}"}


def object_of(properties: Schema, *, closed: bool = True) -> Schema:
    """Return the schema of an object with these members."""
    schema: Schema = {"type": "object", "properties": properties, "required": list(properties)}
    if closed:
        schema["additionalProperties"] = False
    return schema


def map_of(values: Schema) -> Schema:
    """Return the schema of an object whose members all have the schema ``values``."""
    return {"type": "object", "additionalProperties": values}


MAYBE_TEXT: Schema = {"type": ["string", NULL]}
MAYBE_SECONDS: Schema = {"type": ["number", NULL], "minimum": 0}
MAYBE_MOMENT: Schema = {"type": ["string", NULL], "format": "date-time"}
