"""The links to data routes that pages offer: what is looked at, as a question to a route."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import tzinfo
from urllib.parse import urlencode

from ecommerce_core.companion.data_routes.request import Pairs
from ecommerce_core.datasets import Dataset, View, format_question, is_day, minute_of
from ecommerce_core.domain import TICKET, Grant, SignedLinks


def ask_rows(
    view: View, dataset: Dataset, *, language: str, zone: tzinfo, columns: Sequence[str] = ()
) -> Pairs:
    """What a view asks of the rows. Its days begin where ``zone`` says, wherever the link is used.

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


def ask_changes(view: View, runs: tuple[int, int], *, language: str) -> Pairs:
    """What a view asks of the changes between two runs."""
    pairs = [("from", str(runs[0])), ("to", str(runs[1]))]
    pairs += [("kind", view.kind)] if view.kind else []
    pairs += [("q", view.search)] if view.search else []
    return [*pairs, ("lang", language)]


def link_to(path: str, pairs: Pairs, *, links: SignedLinks, grant: Grant | None) -> str:
    """A link relative to the server's pages, so that it holds behind a proxy.

    It carries a ticket for ``grant``; if that is None, nobody signs in and it carries none.
    """
    if grant is not None:
        pairs = [*pairs, (TICKET, links.sign(path, pairs, grant=grant))]
    return f"{path}?{urlencode(pairs)}"
