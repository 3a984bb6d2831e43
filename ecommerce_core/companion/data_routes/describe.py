"""Describe the data routes in OpenAPI 3.1, derived from the parameters and the columns."""

from __future__ import annotations

from collections.abc import Collection

from ecommerce_core.companion.data_routes.addresses import (
    MIME_TYPES,
    WIRE,
    DataRoute,
    list_routes,
    parameters_of,
)
from ecommerce_core.companion.data_routes.request import change_columns
from ecommerce_core.companion.http import PREFIX
from ecommerce_core.companion.openapi_parts import (
    MAYBE_TEXT,
    NULL,
    Schema,
    as_problem,
    content_of,
    object_of,
    ref_to,
    responses_of,
    without_bodies,
)
from ecommerce_core.datasets import Column, Dataset, Kind, Parameter

_NEEDED = frozenset({"from", "to"})


def describe_rows(datasets: Collection[Dataset], *, with_sign_in: bool) -> Schema:
    """Return the paths of all data routes. ``with_sign_in``: they need a token or a signed link."""
    return {
        f"{PREFIX}/{route.path}": _path(route, with_sign_in=with_sign_in)
        for route in list_routes(datasets)
    }


def schemas_of_rows(datasets: Collection[Dataset]) -> Schema:
    """Return the schemas of the routes' JSON answers."""
    rows = {_schema_name(each): _envelope(each.row_columns) for each in datasets}
    changes = {_changes_name(each): _envelope(change_columns(each)) for each in datasets}
    return {**rows, **changes}


def _path(route: DataRoute, *, with_sign_in: bool) -> Schema:
    name = route.path.replace("/", "_").replace(".", "_")
    what = "What changed between two runs" if route.of_changes else "The rows that match"
    operation: Schema = {
        "summary": f"{what}: {route.dataset.name} as {_format_name(route)}",
        "description": (
            "The query string of the page's address. All rows, unless `page` or `size` is there: "
            "one page then."
        ),
        "parameters": [*map(_parameter, parameters_of(route).values()), _IF_NONE_MATCH],
    }
    responses = _responses(route)
    if with_sign_in:
        operation["security"] = [{"token": []}, {"ticket": []}]
    return {
        "get": {"operationId": f"get_{name}", **operation, "responses": responses},
        "head": {
            "operationId": f"head_{name}",
            **operation,
            "responses": without_bodies(responses),
        },
    }


_IF_NONE_MATCH: Schema = {
    "name": "If-None-Match",
    "in": "header",
    "description": "The `ETag` of an answer that one has: 304 if it still holds",
    "schema": {"type": "string"},
}


def _parameter(parameter: Parameter) -> Schema:
    described: Schema = {
        "name": parameter.name,
        "in": "query",
        "description": parameter.takes,
        "schema": parameter.schema,
    }
    if parameter.schema.get("type") == "array":
        described |= {"style": "form", "explode": parameter.repeats}
    if parameter.name in _NEEDED:
        described["required"] = True
    return described


def _responses(route: DataRoute) -> Schema:
    media_type = MIME_TYPES[route.file_format].partition(";")[0]
    found = content_of("The file", {media_type: _body(route)})
    headers: Schema = {"ETag": {"schema": {"type": "string"}, "required": True}}
    disposition = {"schema": {"type": "string"}, "required": True}
    found["headers"] = {**headers, "Content-Disposition": disposition}
    refused = as_problem(
        "What makes no sense, and what would; or there is not one valid Host header"
    )
    unsigned = as_problem("Rows are for who has signed in: a token or a link's ticket is needed")
    unknown = {404: as_problem("There is no such run of the dataset")} if route.of_changes else {}
    return responses_of(
        {
            **unknown,
            200: found,
            304: {"description": "Nothing has changed", "headers": headers},
            400: refused,
            401: unsigned,
            403: as_problem("The link was made for another question, or holds no longer"),
        },
        [421, 500, 503],
    )


def _body(route: DataRoute) -> Schema:
    if route.file_format == WIRE:
        rows: Schema = {"type": "array", "items": {"type": "object"}}
        name = route.dataset.list_name
        return rows if name is None else object_of({name: rows})
    if route.file_format != "json":
        return {"type": "string", "format": "binary"}
    return ref_to((_changes_name if route.of_changes else _schema_name)(route.dataset))


def _changes_name(dataset: Dataset) -> str:
    return f"{_schema_name(dataset)}Changes"


def _envelope(columns: Collection[Column]) -> Schema:
    row = object_of({column.field: _value(column) for column in columns})
    # The caller may choose the columns, so none is required.
    del row["required"]
    return object_of(
        {
            "dataset": {"type": "string"},
            "version": {"type": "integer", "minimum": 0},
            "as_of": {**MAYBE_TEXT, "format": "date-time"},
            "total": {"type": "integer", "minimum": 0},
            "next": {**MAYBE_TEXT, "format": "uri-reference"},
            "rows": {"type": "array", "items": row},
        }
    )


def _value(column: Column) -> Schema:
    of_kind: dict[Kind, Schema] = {
        Kind.NUMBER: {"type": "number"},
        Kind.MONEY: {"type": "number", "description": "Euros, to the cent"},
        Kind.MOMENT: {"type": "string", "format": "date-time"},
    }
    schema = of_kind.get(column.kind, {"type": "string"})
    return {**schema, "type": [schema["type"], NULL]} if column.nullable else schema


def _schema_name(dataset: Dataset) -> str:
    return f"{dataset.name.capitalize()}Rows"


def _format_name(route: DataRoute) -> str:
    names = {"csv": "CSV", "xlsx": "Excel", "json": "JSON", "parquet": "Parquet"}
    return names.get(route.file_format, "the peer's own JSON")
