"""Helpers of the embedded peers' Starlette applications: JSON, HTML errors, large bodies."""

from __future__ import annotations

import json
from collections.abc import AsyncIterator, Sequence
from html import escape
from http import HTTPStatus

from starlette.applications import Starlette
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import HTMLResponse, Response, StreamingResponse
from starlette.routing import BaseRoute

_PIECE_BYTES = 256 * 1024


def json_answer(content: object, *, status: int = 200) -> Response:
    """Return JSON spaced as by Python's own ``json``, ASCII only."""
    return Response(json.dumps(content), status_code=status, media_type="application/json")


def html_error(status: int, text: str) -> Response:
    """Return an error page as web frameworks write it for people."""
    title = f"{status} {HTTPStatus(status).phrase}"
    return HTMLResponse(
        f"<!doctype html>\n<html lang=en>\n<title>{title}</title>\n"
        f"<h1>{HTTPStatus(status).phrase}</h1>\n<p>{escape(text)}</p>\n",
        status_code=status,
    )


def large_json_answer(body: bytearray) -> Response:
    """Return a body that may be hundreds of megabytes, sent piece by piece.

    Given the whole body, the transport would copy all that a slow client has not read yet.
    """

    view = memoryview(body)

    async def pieces() -> AsyncIterator[bytes]:
        for start in range(0, len(body), _PIECE_BYTES):
            yield bytes(view[start : start + _PIECE_BYTES])

    return StreamingResponse(
        pieces(), media_type="application/json", headers={"Content-Length": str(len(body))}
    )


def peer_app(routes: Sequence[BaseRoute]) -> Starlette:
    """Return an application whose errors are HTML pages and which adds no redirects of its own."""

    async def error_page(request: Request, error: Exception) -> Response:
        status = error.status_code if isinstance(error, HTTPException) else 500
        response = html_error(status, f"{request.method} {request.url.path}")
        if isinstance(error, HTTPException) and error.headers:
            response.headers.update(error.headers)
        return response

    app = Starlette(routes=routes, exception_handlers={HTTPException: error_page})
    app.router.redirect_slashes = False
    return app
