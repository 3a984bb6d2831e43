"""Read the scheduler's JSON answers: pure functions over bodies, no network.

If a clock, or a list as a whole, violates the contract, PeerContractError is raised, and nothing
else is ever raised.
"""

from __future__ import annotations

import math
import re
from collections.abc import Callable, Iterable
from datetime import datetime
from typing import TypeVar

import msgspec

from ecommerce_core.domain import Clock, Oddity, PeerContractError, Task

PEER = "scheduler"
WIRE_TIME = "%d/%m/%Y-%H:%M:%S"
# The element of a row that may be any JSON.
DATA = 4
# Longer texts of a task are shown in part.
LONGEST_TEXT = 200

T = TypeVar("T")

_NUMBER = re.compile(r"[+-]?[0-9]+(\.[0-9]*)?([eE][+-]?[0-9]{1,3})?")
_NOT_JSON = (msgspec.MsgspecError, UnicodeDecodeError, RecursionError)


def is_json(body: bytes | bytearray) -> bool:
    """Return True if ``body`` is a JSON document, whatever its content."""
    try:
        msgspec.json.decode(body, type=msgspec.Raw)
    except _NOT_JSON:
        return False
    return True


def parse_clock(body: bytes | bytearray) -> Clock:
    """Parse the answer of ``clock/info``: ``[time, speed, paused]``, the last two perhaps strings.

    Elements after the third are ignored. Raises PeerContractError.
    """
    try:
        fields = msgspec.json.decode(body)
    except _NOT_JSON as error:
        raise PeerContractError("clock_not_json", peer=PEER, reason=shorten(str(error))) from error
    if not isinstance(fields, list) or len(fields) < 3:
        raise PeerContractError("clock_not_a_list", peer=PEER, value=shown(fields))
    time, speed, paused = fields[:3]
    return Clock(
        _expect(_wire_time, time, "time", "a time like 31/12/2019-23:59:59"),
        _expect(_speed, speed, "speed", "a finite number, 0 or more"),
        _expect(_flag, paused, "pause", "true or false"),
    )


def _expect(read: Callable[[object], T], value: object, what: str, takes: str) -> T:
    try:
        return read(value)
    except (ValueError, OverflowError) as error:
        raise PeerContractError(
            "clock_value_wrong", peer=PEER, what=what, value=shown(value), takes=takes
        ) from error


def _wire_time(value: object) -> datetime:
    if not isinstance(value, str):
        raise ValueError("its time is not a text")
    try:
        return datetime.strptime(value, WIRE_TIME)
    except ValueError as error:
        raise ValueError(f"its time {shown(value)} is not like 31/12/2019-23:59:59") from error


def _speed(value: object) -> float:
    if isinstance(value, str) and not _NUMBER.fullmatch(value.strip()):
        raise ValueError("not a number")
    if isinstance(value, bool) or not isinstance(value, str | int | float):
        raise ValueError("not a number")
    speed = float(value)
    if not math.isfinite(speed) or speed < 0:
        raise ValueError("out of range")
    return speed


def _flag(value: object) -> bool:
    if isinstance(value, bool):
        return value
    if not isinstance(value, str) or value.lower() not in {"true", "false"}:
        raise ValueError("neither true nor false")
    return value.lower() == "true"


def parse_tasks_json(body: bytes | bytearray) -> list[Task]:
    """Return the tasks of the answer to ``schedule/json``, sorted by time.

    Each row is ``[time, target_url, target_app, recurrence, data, name, source_app, …]``; elements
    after these are ignored. ``data`` that is neither a string nor null is kept as its JSON text.
    Anybody may have written a row: a faulty one is read as far as it can be, and its ``oddities``
    name the faults. Raises PeerContractError if the body is not a list.
    """
    try:
        rows = msgspec.json.decode(body, type=list[msgspec.Raw])
    except _NOT_JSON as error:
        raise PeerContractError("tasks_not_json", peer=PEER, reason=shorten(str(error))) from error
    return sort_tasks([_task(row) for row in rows])


_NULL = msgspec.Raw(b"null")
_FIELDS = 7


def _task(row: msgspec.Raw) -> Task:
    try:
        fields = msgspec.json.decode(row, type=list[msgspec.Raw])
    except _NOT_JSON:
        return odd_task(_json_text(row), Oddity.INCOMPLETE)
    odd: dict[Oddity, None] = {} if len(fields) >= _FIELDS else {Oddity.INCOMPLETE: None}
    fields += [_NULL] * (_FIELDS - len(fields))
    time, url, app, recurrence, data, name, source = (
        _text(raw, odd) if number != DATA else _data(raw, odd)
        for number, raw in enumerate(fields[:_FIELDS])
    )
    return checked_task(
        name=name or "",
        source_app=source or "",
        target_app=app,
        target_url=url,
        next_fire_time=time_or_none(time or "", (WIRE_TIME,)),
        recurrence=recurrence or "",
        data=data,
        oddities=odd,
    )


def checked_task(
    *,
    name: str,
    source_app: str,
    target_app: str | None,
    target_url: str | None,
    next_fire_time: datetime | None,
    recurrence: str,
    data: str | None,
    target: str | None = None,
    oddities: Iterable[Oddity] = (),
) -> Task:
    """Return a task whose ``oddities`` also name what is missing or too long in it.

    ``target`` is application and URL as one text, if they cannot be told apart.
    """
    odd = dict.fromkeys(oddities)
    if target is None:
        target = (target_app or "") + (target_url or "")
        if not target_app:
            odd[Oddity.NO_APPLICATION] = None
        if not target_url:
            odd[Oddity.INCOMPLETE] = None
    if next_fire_time is None:
        odd[Oddity.NO_TIME] = None
    if max(map(len, (name, source_app, target, recurrence))) > LONGEST_TEXT:
        odd[Oddity.TOO_LONG] = None
    return Task(
        name=name,
        source_app=source_app,
        target=target,
        target_app=target_app,
        target_url=target_url,
        next_fire_time=next_fire_time,
        recurrence=recurrence,
        data=data,
        oddities=tuple(odd),
    )


def odd_task(text: str, *oddities: Oddity) -> Task:
    """Return an entry of which nothing is known but its text."""
    found = (*oddities, Oddity.NO_TIME)
    return Task("", "", shorten(text), None, None, None, "", None, tuple(dict.fromkeys(found)))


def time_or_none(text: str, forms: Iterable[str]) -> datetime | None:
    """Return a time in one of the forms, or None if it is in none of them."""
    for form in forms:
        try:
            return datetime.strptime(text, form)
        except ValueError:
            continue
    return None


def _text(raw: msgspec.Raw, odd: dict[Oddity, None]) -> str | None:
    """Return a text, or None for null. A value of another type is kept as its JSON text."""
    if bytes(raw).strip() == b"null":
        return None
    try:
        return msgspec.json.decode(raw, type=str)
    except _NOT_JSON:
        odd[Oddity.WRONG_TYPE] = None
        return _json_text(raw)


def _data(raw: msgspec.Raw, odd: dict[Oddity, None]) -> str | None:
    # Any JSON is allowed here.
    return _text(raw, odd) if bytes(raw).strip()[:1] in {b'"', b"n"} else _json_text(raw)


def _json_text(raw: msgspec.Raw) -> str:
    return bytes(raw).decode("utf-8", "replace").strip()


def sort_tasks(tasks: list[Task]) -> list[Task]:
    """Return the tasks by the time at which they are due; those without a time last."""
    return sorted(tasks, key=lambda task: task.next_fire_time or datetime.max)


def shown(value: object) -> str:
    """Return ``value`` as Python writes it, at most 60 characters."""
    try:
        return shorten(repr(value), length=60)
    except (ValueError, RecursionError):
        return f"a {type(value).__name__} too large to show"


def shorten(text: str, *, length: int = 120) -> str:
    """Return at most ``length`` characters of ``text``."""
    return text if len(text) <= length else text[: length - 1] + "…"
