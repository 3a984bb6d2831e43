"""Requests and responses, and the middleware before every route."""

from ecommerce_core.companion.http.endpoint import Answer, Endpoint
from ecommerce_core.companion.http.middleware import HostGuard, show
from ecommerce_core.companion.http.responses import (
    JSON,
    PROBLEM,
    RETRY_LATER,
    TEXT,
    ClientDisconnected,
    Headers,
    Problem,
    Reply,
    encode_json,
    has_body,
    header,
    prefers_async,
    send_reply,
    wants_json,
)
from ecommerce_core.companion.http.security_headers import SecurityHeaders, answer_unforeseen_error
from ecommerce_core.companion.http.served_paths import PREFIX, ServedPaths
from ecommerce_core.companion.http.sign_in import CALLBACK_PATH, check_exposure, read_providers

__all__ = [
    "CALLBACK_PATH",
    "JSON",
    "PREFIX",
    "PROBLEM",
    "RETRY_LATER",
    "TEXT",
    "Answer",
    "ClientDisconnected",
    "Endpoint",
    "Headers",
    "HostGuard",
    "Problem",
    "Reply",
    "SecurityHeaders",
    "ServedPaths",
    "answer_unforeseen_error",
    "check_exposure",
    "encode_json",
    "has_body",
    "header",
    "prefers_async",
    "read_providers",
    "send_reply",
    "show",
    "wants_json",
]
