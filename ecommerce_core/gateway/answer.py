"""Read a peer's answer, up to a size and without trusting it."""

from __future__ import annotations

import html
import re
import time
from contextlib import suppress
from dataclasses import dataclass

from urllib3.response import BaseHTTPResponse

from ecommerce_core.domain import (
    PeerContractError,
    PeerDisconnected,
    PeerError,
    PeerFailed,
    PeerRefused,
    PeerTooLarge,
    PeerUnreachable,
)
from ecommerce_core.gateway.deadline import Call
from ecommerce_core.gateway.errors import peer_errors

DOWN = frozenset({502, 503, 504})

_PIECE_BYTES = 256 * 2**10
_REPORT_EVERY_S = 0.1
# Encodings in a chain ("gzip, gzip") are refused: urllib3 bounds only the output of the last one,
# so the first can still swell in memory.
_ENCODINGS = frozenset({"", "identity", "gzip", "x-gzip", "deflate"})
_REASON_BYTES, _REASON_S, _REASON_CHARACTERS = 4096, 2.0, 200


@dataclass(frozen=True, slots=True)
class Answer:
    """A peer's answer with 2xx, or with 304 to a conditional request.

    ``body`` is decompressed and, for 204 and 304, empty. ``etag`` and ``last_modified`` are the
    peer's own values, for the next fetch.
    """

    peer: str
    status: int
    body: bytes | bytearray
    not_modified: bool
    etag: str | None
    last_modified: str | None
    content_type: str


def read_answer(call: Call, response: BaseHTTPResponse) -> Answer:
    status, headers = response.status, response.headers
    not_modified = status == 304 and bool(call.headers)
    if status in DOWN:
        raise PeerUnreachable("peer_down", peer=call.peer, status=status)
    if 400 <= status < 600:
        raise _refusal(call, response)
    if not (200 <= status < 300 and status != 206) and not not_modified:
        raise PeerContractError("status_unexpected", peer=call.peer, status=status)
    body = bytearray() if not_modified else _read_body(call, response)
    return Answer(
        peer=call.peer,
        status=status,
        body=body,
        not_modified=not_modified,
        etag=validator(headers.get("ETag") or call.headers.get("If-None-Match")),
        last_modified=validator(
            headers.get("Last-Modified") or call.headers.get("If-Modified-Since")
        ),
        content_type=clean(headers.get("Content-Type", "")),
    )


def _read_body(call: Call, response: BaseHTTPResponse) -> bytearray:
    encoding = response.headers.get("Content-Encoding", "").lower()
    if encoding not in _ENCODINGS:
        raise PeerContractError("encoding_unexpected", peer=call.peer, encoding=clean(encoding))
    total = response.length_remaining if encoding in ("", "identity") else None
    if total is not None and total > call.max_body_bytes:
        raise _too_large(call)
    body = bytearray()
    reported_at = time.monotonic()
    while piece := _read_piece(call, response):
        call.may_try_again = False
        if len(body) + len(piece) > call.max_body_bytes:
            raise _too_large(call)
        body += piece
        if call.on_progress and time.monotonic() - reported_at >= _REPORT_EVERY_S:
            call.on_progress(len(body), total)
            reported_at = time.monotonic()
    # http.client takes headers that were cut off for complete ones; then there is neither a length
    # nor a byte of the body.
    if not body and response.length_remaining is None and not response.chunked:
        raise PeerDisconnected("no_answer", peer=call.peer)
    if call.on_progress:
        call.on_progress(len(body), total)
    return body


def _read_piece(call: Call, response: BaseHTTPResponse) -> bytes:
    """Return the bytes that have arrived, at most one piece; empty at the end."""
    with peer_errors(call):
        piece: bytes | None = response.read1(_PIECE_BYTES, decode_content=True)
    return piece or b""


def _too_large(call: Call) -> PeerTooLarge:
    return PeerTooLarge("answer_too_large", peer=call.peer, limit_mb=call.max_body_bytes / 2**20)


def _refusal(call: Call, response: BaseHTTPResponse) -> PeerError:
    """Return the error for a 4xx or 5xx, with the peer's own words if it sent any."""
    reason = _read_reason(call, response)
    status = response.status
    if status == 404 and "no route matched" in reason.lower():
        return PeerUnreachable("no_route", peer=call.peer, status=status)
    kind = PeerRefused if status < 500 else PeerFailed
    code = "peer_refused" if status < 500 else "peer_failed"
    if not reason:
        return kind(code, peer=call.peer, status=status)
    return kind(f"{code}_with_reason", peer=call.peer, status=status, reason=reason)


def _read_reason(call: Call, response: BaseHTTPResponse) -> str:
    """Return the beginning of an error's body as one line of text, or "" if it cannot be read."""
    if response.headers.get("Content-Encoding", "").lower() not in _ENCODINGS:
        return ""
    enough_at = time.monotonic() + _REASON_S
    body = b""
    with suppress(PeerError):
        while len(body) < _REASON_BYTES and time.monotonic() < enough_at:
            piece = _read_piece(call, response)
            if not piece:
                break
            body += piece
    text = body[:_REASON_BYTES].decode("utf-8", "replace")
    if "html" in response.headers.get("Content-Type", "").lower() or text.lstrip()[:1] == "<":
        text = re.sub(r"(?is)<(script|style|head)\b.*?</\1\s*>|<!--.*?-->|<[^>]*>", " ", text)
        text = html.unescape(text)
    return clean(text)


def clean(text: str) -> str:
    """Return one line of at most 200 printable characters: no controls, no direction marks."""
    words = "".join(c if c.isprintable() else " " if c.isspace() else "" for c in text).split()
    return " ".join(words)[:_REASON_CHARACTERS]


def validator(value: str | None) -> str | None:
    """Return ``value`` if it can be sent back unchanged as a header, else None."""
    if not value or len(value) > 512 or not value.isprintable():
        return None
    return value if max(value) <= "\xff" else None
