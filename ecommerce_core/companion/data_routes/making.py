"""Makes the file that answers a question: on the disk first, so that nobody waits for its reader.

While a file is made it holds a version of the rows, a thread and some memory. Afterwards it is
bytes on the disk, without a name, however slowly they are taken.
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

# What a field was and is may be a number.
MIXED = frozenset({"old", "new"})


@dataclass(frozen=True, slots=True)
class Made:
    """A file, ready to be sent: ``head``, what ``file`` holds from its beginning, ``tail``."""

    file: BinaryIO
    head: bytes
    tail: bytes
    size: int
    version: Version


@dataclass(frozen=True, slots=True)
class Question:
    """What is asked, of which dataset, in which format, and which address leads to the next page.

    ``now`` is the moment from which an age counts back.
    """

    dataset: Dataset
    file_format: str
    asked: Asked
    now: datetime
    next_link: Callable[[], str]


def make_rows(question: Question, reader: Reader, *, work: Work) -> Made:
    """The rows that match, or one page of them. Raises StoreError, OSError, Stopped."""
    dataset, asked = question.dataset, question.asked
    query = query_of(asked, dataset, now=question.now, zone=UTC)
    columns = chosen_columns(asked, dataset.row_columns)
    with reader.at(dataset) as view, work.on(view.cursor):
        if question.file_format == WIRE:
            chunks = iter([view.list_rows(query)]) if asked.is_page else view.iter_rows(query)
            with temporary(reader) as out:
                write_wire(dataset, chunks, out, work=work)
                return made_of(out, view.version)
        total = view.count_rows(query) if asked.is_page else None
        sql, values = view.select(query, page_of=total)
        selection = Selection(work, sql, values, columns)
        return _make(question, selection, reader, view.version, total)


def make_changes(question: Question, changes: ChangeReader, *, work: Work) -> Made:
    """What differs between two runs, or one page of it. Raises StoreError, OSError, Stopped."""
    dataset, asked = question.dataset, question.asked
    query = change_query_of(asked, dataset)
    with (
        changes.at(dataset, asked.from_run or 0, asked.to_run or 0) as view,
        work.on(view.rows.cursor),
    ):
        total = view.count_entries(query) if asked.is_page else None
        sql, values = view.select(query, is_page=asked.is_page)
        columns = chosen_columns(asked, change_columns(dataset))
        selection = Selection(work, sql, values, columns, MIXED)
        return _make(question, selection, changes.reader, view.rows.version, total)


def _make(
    question: Question,
    selection: Selection,
    reader: Reader,
    version: Version,
    total: int | None,
) -> Made:
    """``total``: how many rows match where one page of them is asked for."""
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
            head, tail = _envelope(question, version, written if total is None else total)
        return made_of(out, version, head=head, tail=tail)


def _envelope(question: Question, version: Version, total: int) -> tuple[bytes, bytes]:
    """What stands around the rows in JSON."""
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
    """A file without a name: nobody else finds it, and it ends with whoever has it open."""
    out = cast(BinaryIO, tempfile.TemporaryFile(dir=reader.folder))  # noqa: SIM115
    try:
        yield out
    except BaseException:
        # Not later, when Python lets go of the exception: there may be little room.
        with suppress(OSError):
            out.close()
        raise


def made_of(out: BinaryIO, version: Version, *, head: bytes = b"", tail: bytes = b"") -> Made:
    size = len(head) + out.seek(0, 2) + len(tail)
    out.seek(0)
    return Made(out, head, tail, size, version)
