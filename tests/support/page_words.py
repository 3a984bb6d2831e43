"""Everything that a page shows or reads aloud: labels, cells, hints and titles of charts."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from typing import Any

from streamlit.testing.v1.element_tree import Block, Dataframe

from tests.support.page_session import Page

# The fields of Streamlit's messages that a visitor reads.
READ = {"label", "body", "help", "placeholder", "options", "title", "alt", "text", "caption"}
# The parts of a component's data and of a chart's specification that a visitor reads.
READ_IN_JSON = {"text", "title", "said", "words", "labels", "begins", "label", "help"}


def texts_of(page: Page) -> set[str]:
    """Return all texts of a page, each once."""
    found = {text for block in (page.at.main, page.at.sidebar) for text in _of_block(block)}
    return {text for text in (*found, *page.toasts) if text.strip()}


def _of_block(block: Block) -> Iterator[str]:
    if block.proto is not None:
        yield from _of_message(block.proto)
    for child in block.children.values():
        if isinstance(child, Block):
            yield from _of_block(child)
            continue
        yield from _of_message(child.proto)
        if isinstance(child, Dataframe):
            yield from _of_table(child)


def _of_table(table: Dataframe) -> Iterator[str]:
    yield from _of_json(json.loads(table.proto.columns or "{}"), is_read=False)
    frame = table.value
    for column in frame.columns:
        for cell in frame[column]:
            # A pill and the actions of a row are lists of texts.
            parts = cell if not isinstance(cell, str) and hasattr(cell, "__iter__") else [cell]
            yield from (part for part in parts if isinstance(part, str))


def _of_message(message: Any) -> Iterator[str]:
    for field, value in message.ListFields():
        values = value if field.is_repeated else [value]
        for one in values:
            if hasattr(one, "ListFields"):
                yield from _of_message(one)
            elif isinstance(one, str):
                if field.name in READ:
                    yield one
                elif field.name in {"json", "spec"}:
                    yield from _of_json(json.loads(one or "{}"), is_read=False)


def _of_json(value: Any, *, is_read: bool) -> Iterator[str]:
    if isinstance(value, Mapping):
        for name, one in value.items():
            yield from _of_json(one, is_read=is_read or name in READ_IN_JSON)
    elif isinstance(value, list):
        for one in value:
            yield from _of_json(one, is_read=is_read)
    elif is_read and isinstance(value, str):
        yield value
