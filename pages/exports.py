"""Files of all rows that match: made at once where they are few, by a thread where they are many.

A large file is written by one of a few threads of its own, into a temporary
file that goes when its session lets go of it; a page only looks how far it is.
"""

from __future__ import annotations

import tempfile
from collections.abc import Callable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass, field
from datetime import UTC, datetime
from io import BytesIO
from typing import BinaryIO, cast

import streamlit as st

from ecommerce_core import ui
from ecommerce_core.dataset import Dataset, Row
from ecommerce_core.query import Difference, Query

AT_ONCE_ROWS = 20_000
FORMATS = {"csv": "CSV", "xlsx": "Excel", "json": "JSON", "parquet": "Parquet"}
# Two at a time for all sessions: more would only slow the pages down.
_threads = ThreadPoolExecutor(max_workers=2, thread_name_prefix="export")


@dataclass
class Export:
    """A file in the making. ``done`` of ``total`` rows are written; ``given_up`` ends it."""

    name: str
    mime: str
    total: int
    file: BinaryIO
    done: int = 0
    given_up: bool = False
    future: Future[None] | None = field(default=None, repr=False)


def _chunks(dataset: Dataset, query: Query, export: Export) -> Iterator[list[Row]]:
    for rows in ui.application().store.iter_rows(dataset, query):
        if export.given_up:
            return
        ui.application()  # raises where the server ends: it must not wait for a file
        yield rows
        export.done += len(rows)


def begin(dataset: Dataset, query: Query, file_format: str, total: int) -> None:
    """Callback: let a thread write the file."""
    give_up(dataset.name)
    export = Export(
        ui.export_file_name(dataset, file_format, datetime.now(UTC)),
        ui.MIME_TYPES[file_format],
        total,
        cast(BinaryIO, tempfile.TemporaryFile()),  # noqa: SIM115 - until the session lets go of it
    )
    chunks = _chunks(dataset, query, export)
    export.future = _threads.submit(
        ui.write_export,
        file_format,
        dataset,
        chunks,
        export.file,
        language=ui.language().code,
    )
    st.session_state[f"_{dataset.name}_export"] = export


def give_up(name: str) -> None:
    """Callback: let go of a file, ready or not."""
    export: Export | None = st.session_state.pop(f"_{name}_export", None)
    if export is not None:
        export.given_up = True


def at_once(dataset: Dataset, query: Query, file_format: str) -> Callable[[], bytes]:
    """What makes the whole file in memory when it is called."""
    store, language = ui.application().store, ui.language().code

    def make() -> bytes:
        out = BytesIO()
        rows = store.iter_rows(dataset, query)
        ui.write_export(file_format, dataset, rows, out, language=language)
        return out.getvalue()

    return make


def changes_csv(chunks: Callable[[], Iterator[list[Difference]]]) -> Callable[[], bytes]:
    """What makes a CSV file of differences when it is called."""
    language = ui.language().code

    def make() -> bytes:
        out = BytesIO()
        ui.write_changes_csv(chunks(), out, language=language)
        return out.getvalue()

    return make
