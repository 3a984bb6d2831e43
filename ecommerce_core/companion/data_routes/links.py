"""Links to data routes on pages: a page's view as the query of a route."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from datetime import tzinfo
from urllib.parse import urlencode

from ecommerce_core.companion.data_routes.explore import ExploreRoute
from ecommerce_core.companion.data_routes.request import Pairs, changes_known
from ecommerce_core.datasets import (
    Dataset,
    View,
    format_changes,
    format_question,
    is_day,
    minute_of,
)
from ecommerce_core.domain import TICKET, Grant, SignedLinks


def ask_rows(
    view: View, dataset: Dataset, *, language: str, zone: tzinfo, columns: Sequence[str] = ()
) -> Pairs:
    """Return a view's query for rows. Its days begin as in ``zone``, wherever the link is used.

    ``columns`` are fields, all of them if there are none.
    """
    pairs: Pairs = []
    since = {column.address for column in dataset.row_columns if column.name in view.since}
    for name, said in format_question(view, dataset).items():
        for value in said if isinstance(said, list) else [said]:
            is_local = name in since and is_day(value)
            pairs.append((name, minute_of(value, zone) if is_local else value))
    if columns:
        pairs.append(("columns", ",".join(columns)))
    return [*pairs, ("lang", language)]


def ask_changes(view: View, dataset: Dataset, runs: tuple[int, int], *, language: str) -> Pairs:
    """Return a view's query for the changes between two runs."""
    asked = replace(view, from_run=runs[0], to_run=runs[1])
    known = changes_known(dataset)
    pairs: Pairs = []
    for name, said in {**format_question(asked, dataset), **format_changes(asked, dataset)}.items():
        if name in known and said is not None:
            pairs += [(name, value) for value in (said if isinstance(said, list) else [said])]
    return [*pairs, ("lang", language)]


def link_to_sql(
    sql: str, file_format: str, *, language: str, links: SignedLinks, grant: Grant | None
) -> str:
    """Return a link to the answer to an SQL query, as a file."""
    pairs = [("sql", sql), ("lang", language)]
    return link_to(ExploreRoute(file_format).path, pairs, links=links, grant=grant)


def link_to(path: str, pairs: Pairs, *, links: SignedLinks, grant: Grant | None) -> str:
    """Return a link relative to the server's pages, so that it works behind a proxy.

    It is signed for ``grant``, or not signed if that is None because nobody has to sign in.
    """
    if grant is not None:
        pairs = [*pairs, (TICKET, links.sign(path, pairs, grant=grant))]
    return f"{path}?{urlencode(pairs)}"
