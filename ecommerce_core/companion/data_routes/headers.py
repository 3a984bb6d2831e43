"""Headers of a file's answer: its name, its version, and the link to the next page."""

from __future__ import annotations

import hashlib
from dataclasses import replace
from datetime import UTC
from urllib.parse import urlencode

from ecommerce_core.companion.data_routes.addresses import MIME_TYPES, DataRoute
from ecommerce_core.companion.data_routes.making import Question
from ecommerce_core.companion.data_routes.request import Asked, Pairs
from ecommerce_core.datasets import query_of
from ecommerce_core.domain import TICKET, Grant, SignedLinks
from ecommerce_core.storage import Version

# Raise it when a format changes, so that cached files are outdated.
_REVISION = 1


def headers_of(question: Question, route: DataRoute, version: Version) -> dict[str, str]:
    return {
        "Content-Type": MIME_TYPES[route.file_format],
        "Content-Disposition": f'attachment; filename="{_file_name(question, route)}"',
        # A proxy might otherwise compress it again, or refuse to pass it on.
        "Content-Encoding": "identity",
        "Cache-Control": "private, no-cache",
        "ETag": _etag(question, route, version),
        "X-Content-Type-Options": "nosniff",
    }


def _file_name(question: Question, route: DataRoute) -> str:
    """Return a name such as ``products-filtered-2026-01-31-0815-UTC.csv``."""
    asked = question.asked
    what = [question.dataset.name]
    if route.of_changes:
        what.append(f"changes-{asked.from_run}-{asked.to_run}")
    if asked.is_filtered:
        what.append("filtered")
    if asked.is_page:
        what.append(f"page-{asked.page}")
    return f"{'-'.join(what)}-{question.now:%Y-%m-%d-%H%M}-UTC.{route.file_format}"


def _etag(question: Question, route: DataRoute, version: Version) -> str:
    """Return a weak tag: two files of the same rows may differ in the time of their making."""
    asked = replace(question.asked, tab="", layout="")
    query = query_of(asked, question.dataset, now=question.now, zone=UTC)
    about = repr((_REVISION, route.path, query, asked))
    return f'W/"{version}-{hashlib.sha256(about.encode("utf-8", "replace")).hexdigest()[:16]}"'


def is_known(if_none_match: str | None, etag: str) -> bool:
    known = [each.strip() for each in (if_none_match or "").split(",")]
    return "*" in known or etag.removeprefix("W/") in [each.removeprefix("W/") for each in known]


def next_link(
    links: SignedLinks,
    route: DataRoute,
    asked: Asked,
    *,
    pairs: Pairs,
    grant: Grant | None,
) -> str:
    """Return the address of the next page, relative to this one's."""
    others = [pair for pair in pairs if pair[0] not in {"page", "size"}]
    query = [*others, ("page", str(asked.page + 1)), ("size", str(asked.size))]
    if grant is not None:
        query.append((TICKET, links.sign(route.path, query, grant=grant)))
    return f"{route.path.rpartition('/')[2]}?{urlencode(query)}"
