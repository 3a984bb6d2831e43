"""Make the file that answers a request: on the disk first, so that a slow client holds nothing.

While a file is made it holds a version of the rows, a thread and some memory. Afterwards it is
bytes on the disk, without a name, however slowly they are read.
"""

from __future__ import annotations

import json
import tempfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import BinaryIO, cast

from ecommerce_core.companion.data_routes.addresses import WIRE
from ecommerce_core.companion.data_routes.request import Asked, change_columns, chosen_columns
from ecommerce_core.datasets import Dataset, change_query_of, query_of
from ecommerce_core.storage import (
    BOM,
    ChangeReader,
    Reader,
    Selection,
    Version,
    Work,
    to_text,
    write_csv,
    write_json,
    write_parquet,
    write_wire,
    write_xlsx,
)

# A field's old and new value may be a number.
MIXED = frozenset({"old", "new"})


@dataclass(frozen=True, slots=True)
class Made:
    """A file, ready to be sent: ``head``, what ``file`` holds from its beginning, ``tail``.

    ``rows`` is how many rows match, for the audit.
    """

    file: BinaryIO
    head: bytes
    tail: bytes
    size: int
    version: Version
    rows: int


@dataclass(frozen=True, slots=True)
class Question:
    """A request: its dataset, its format, its parsed query, and the link to the next page.

    ``now`` is the moment from which an age counts back.
    """

    dataset: Dataset
    file_format: str
    asked: Asked
    now: datetime
    next_link: Callable[[], str]


def make_rows(question: Question, reader: Reader, *, work: Work) -> Made:
    """Make a file of the matching rows, or of one page. Raises StoreError, OSError, Stopped."""
    dataset, asked = question.dataset, question.asked
    query = query_of(asked, dataset, now=question.now, zone=UTC)
    columns = chosen_columns(asked, dataset.row_columns)
    with reader.at(dataset) as view, work.on(view.cursor):
        rows = view.count_rows(query)
        if question.file_format == WIRE:
            chunks = iter([view.list_rows(query)]) if asked.is_page else view.iter_rows(query)
            with temporary(reader) as out:
                write_wire(dataset, chunks, out, work=work)
                return made_of(out, view.version, rows)
        sql, values = view.select(query, page_of=rows if asked.is_page else None)
        selection = Selection(work, sql, values, columns)
        return _make(question, selection, reader, view.version, rows)


def make_changes(question: Question, changes: ChangeReader, *, work: Work) -> Made:
    """Make a file of differences of two runs, or one page. Raises StoreError, OSError, Stopped."""
    dataset, asked = question.dataset, question.asked
    query = change_query_of(asked, dataset)
    with (
        changes.at(dataset, asked.from_run or 0, asked.to_run or 0) as view,
        work.on(view.rows.cursor),
    ):
        total = view.count_entries(query)
        sql, values = view.select(query, is_page=asked.is_page)
        columns = chosen_columns(asked, change_columns(dataset))
        selection = Selection(work, sql, values, columns, MIXED)
        return _make(question, selection, changes.reader, view.rows.version, total)


def _make(
    question: Question,
    selection: Selection,
    reader: Reader,
    version: Version,
    total: int,
) -> Made:
    """``total``: how many rows match, whether all of them or a page are asked for."""
    head, tail = b"", b""
    with temporary(reader) as out:
        if question.file_format == "csv":
            head = BOM
            write_csv(selection, out, language=question.asked.language)
        elif question.file_format == "xlsx":
            title = question.dataset.name.capitalize()
            write_xlsx(selection, out, title=title, folder=reader.folder)
        elif question.file_format == "parquet":
            write_parquet(selection, out)
        else:
            written = write_json(selection, out)
            head, tail = _envelope(question, version, total if question.asked.is_page else written)
        return made_of(out, version, total, head=head, tail=tail)


def _envelope(question: Question, version: Version, total: int) -> tuple[bytes, bytes]:
    """Return the JSON before and after the rows."""
    asked = question.asked
    has_more = asked.is_page and asked.page * asked.size < total
    about = {
        "dataset": question.dataset.name,
        "version": version.run_id,
        "as_of": to_text(version.ended_at),
        "total": total,
        "next": question.next_link() if has_more else None,
    }
    return json.dumps(about)[:-1].encode() + b', "rows": ', b"}\n"


@contextmanager
def temporary(reader: Reader) -> Iterator[BinaryIO]:
    """Open a file without a name: nobody else finds it, and it disappears when it is closed."""
    out = cast(BinaryIO, tempfile.TemporaryFile(dir=reader.folder))  # noqa: SIM115
    try:
        yield out
    except BaseException:
        # Not when Python releases the exception, which may be late: the disk may be almost full.
        with suppress(OSError):
            out.close()
        raise


def made_of(
    out: BinaryIO, version: Version, rows: int, *, head: bytes = b"", tail: bytes = b""
) -> Made:
    size = len(head) + out.seek(0, 2) + len(tail)
    out.seek(0)
    return Made(out, head, tail, size, version, rows)
