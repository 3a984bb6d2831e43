"""The declaration of the notes, the decoder of their peer's records, and their migration."""

from __future__ import annotations

import json
from dataclasses import dataclass
from datetime import datetime
from typing import Annotated, Any

import msgspec

from ecommerce_core.datasets import (
    CUSTOMERS,
    PRODUCTS,
    Body,
    Column,
    Dataset,
    Filter,
    Kind,
    Record,
    register,
)
from ecommerce_core.domain import to_text
from tests.support.peers import Peers


@dataclass(frozen=True, slots=True)
class Note:
    """A note as the store holds it."""

    number: str
    subject: str
    author: str
    state: str | None
    cost: int | None
    pages: int
    answer: str | None
    due: datetime | None
    ticket: int
    first_seen_at: datetime
    updated_at: datetime
    withdrawn_at: datetime | None


class NoteRecord(Record, frozen=True, gc=False):
    """A note as it is stored."""

    number: str
    subject: str
    author: str
    state: str | None
    cost: int | None
    pages: int
    answer: str | None
    due: str | None
    ticket: int


class _WireNote(msgspec.Struct, frozen=True, gc=False):
    no: Annotated[str, msgspec.Meta(min_length=1)]
    subject: str
    author: str
    pages: int
    ticket: int
    state: str | None = None
    cost: int | None = None
    answer: str | None = None
    due: Annotated[datetime, msgspec.Meta(tz=True)] | None = None


class _Answer(msgspec.Struct, gc=False):
    notes: msgspec.Raw


_find = msgspec.json.Decoder(_Answer)
_decode = msgspec.json.Decoder(_WireNote)


class NoteDecoder:
    """Decodes the notebook's answers."""

    is_repeatable = True

    def find_list(self, body: Body | memoryview) -> msgspec.Raw:
        return _find.decode(body).notes

    def decode(self, raw: Body | msgspec.Raw) -> NoteRecord:
        wire = _decode.decode(raw)
        return NoteRecord(
            number=wire.no,
            subject=wire.subject,
            author=wire.author,
            state=wire.state,
            cost=wire.cost,
            pages=wire.pages,
            answer=wire.answer,
            due=to_text(wire.due),
            ticket=wire.ticket,
        )

    def key_of(self, fields: dict[str, Any]) -> str | None:
        return fields["no"] if isinstance(fields.get("no"), str) else None


def _to_wire(row: Note) -> dict[str, Any]:
    return {
        "no": row.number,
        "subject": row.subject,
        "author": row.author,
        "state": row.state,
        "cost": row.cost,
        "pages": row.pages,
        "answer": row.answer,
        "due": to_text(row.due),
        "ticket": row.ticket,
    }


def m_notes(db: Any) -> None:
    """Create the notes, and a second table for the rows that were cleared last."""
    columns = """
        number TEXT PRIMARY KEY NOT NULL,
        subject TEXT NOT NULL,
        author TEXT NOT NULL,
        state TEXT,
        cost INTEGER,
        pages INTEGER NOT NULL,
        answer TEXT,
        due TEXT,
        ticket INTEGER NOT NULL,
        first_seen_at TEXT NOT NULL,
        updated_at TEXT NOT NULL,
        withdrawn_at TEXT,
        fingerprint INTEGER
    """
    for table in ("note", "note_cleared"):
        db.execute(f"CREATE TABLE {table} ({columns}) STRICT, WITHOUT ROWID")


NOTES = Dataset(
    name="notes",
    label="notes",
    help="What was noted about deliveries.",
    icon="sticky_note_2",
    peer="notebook",
    path_variable="ECOMMERCE_NOTEBOOK_PATH",
    table="note",
    columns=(
        Column("number", Kind.ID, "Note number", address="no", searched=True),
        Column("subject", Kind.TEXT, "Subject", searched=True),
        Column("author", Kind.TEXT, "Author", filter=Filter.CHOICE, on_overview=True),
        Column("state", Kind.TEXT, "State", nullable=True, filter=Filter.CHOICE),
        Column(
            "cost",
            Kind.MONEY,
            "Cost",
            "What it cost us.",
            field="cost_eur",
            nullable=True,
            filter=Filter.RANGE,
            on_overview=True,
        ),
        Column("pages", Kind.NUMBER, "Pages", address="length", filter=Filter.RANGE),
        Column("answer", Kind.TEXT, "Answer", nullable=True, filter=Filter.PRESENCE),
        Column(
            "due",
            Kind.MOMENT,
            "Due",
            filter_label="Due since",
            nullable=True,
            filter=Filter.SINCE,
        ),
        Column("ticket", Kind.NUMBER, "Ticket", sortable=False, grouped=False, shown=False),
    ),
    default_sort="subject",
    title=("subject",),
    search_help="Subject or number",
    row_type=Note,
    list_name="notes",
    decoder=NoteDecoder,
    callback_path="ecommerce/load-notes",
    task_name="get_notes",
    task_app="notebook",
    to_wire=_to_wire,
    migrations=(m_notes,),
)

WITH_NOTES = register(PRODUCTS, CUSTOMERS, NOTES)

AUTHORS, STATES = ("Ada", "Bob", "Zoé"), ("open", "closed", None)


def note(number: int, **fields: Any) -> dict[str, Any]:
    """Return a note as the notebook writes it: n costs n euros, every fourth is incomplete."""
    return {
        "no": f"N-{number}",
        "subject": f"Pallet {number:02}",
        "author": AUTHORS[number % 3],
        "state": STATES[number % 3],
        "cost": None if number % 4 == 0 else 100 * number,
        "pages": number,
        "answer": "yes" if number % 2 else None,
        "due": f"2026-01-{number:02}T08:00:00+01:00" if 0 < number < 29 else None,
        "ticket": 12_000 + number,
        **fields,
    }


def serve_notes(peers: Peers, notes: list[dict[str, Any]]) -> None:
    """Let the notebook answer with these notes."""
    peers.bodies["notebook"] = json.dumps({"notes": notes}).encode()
