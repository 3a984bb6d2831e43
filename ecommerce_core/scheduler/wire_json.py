"""What the scheduler answers in JSON, read: pure functions over bodies, no network.

Everything that is not what the contract says raises PeerContractError, and
nothing else is ever raised. Rows are counted from 1 in messages.
"""

from __future__ import annotations

import math
import re
from collections.abc import Callable
from datetime import datetime
from typing import TypeVar

import msgspec

from ecommerce_core.domain import Clock, PeerContractError, Task

PEER = "scheduler"
WIRE_TIME = "%d/%m/%Y-%H:%M:%S"

T = TypeVar("T")

_NUMBER = re.compile(r"[+-]?[0-9]+(\.[0-9]*)?([eE][+-]?[0-9]{1,3})?")
_NOT_JSON = (msgspec.MsgspecError, UnicodeDecodeError, RecursionError)


def is_json(body: bytes | bytearray) -> bool:
    """True where ``body`` is a JSON document, whatever it holds."""
    try:
        msgspec.json.decode(body, type=msgspec.Raw)
    except _NOT_JSON:
        return False
    return True


def parse_clock(body: bytes | bytearray) -> Clock:
    """The answer to ``clock/info``: ``[time, speed, paused]``, the last two perhaps as strings.

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
    """The answer to ``schedule/json``, sorted by time.

    Each row is ``[time, target_url, target_app, recurrence, data, name,
    source_app, …]``; elements after these are ignored. ``data`` that is neither
    a string nor null is kept as its JSON text. Raises PeerContractError; one
    row that cannot be read spoils the list, for a list that quietly lacks a
    task is worse than none.
    """
    try:
        rows = msgspec.json.decode(body, type=list[msgspec.Raw])
    except _NOT_JSON as error:
        raise PeerContractError("tasks_not_json", peer=PEER, reason=shorten(str(error))) from error
    tasks = []
    for number, row in enumerate(rows, start=1):
        try:
            tasks.append(_task(row))
        except (ValueError, *_NOT_JSON) as error:
            raise unreadable(number, error) from error
    return sort_tasks(tasks)


def _task(row: msgspec.Raw) -> Task:
    fields = msgspec.json.decode(row, type=list[msgspec.Raw])
    if len(fields) < 7:
        raise ValueError(f"{len(fields)} elements where at least 7 belong")
    time, url, app, recurrence, name, source = (
        _text(fields[index], what)
        for index, what in (
            (0, "time"),
            (1, "target URL"),
            (2, "target application"),
            (3, "recurrence"),
            (5, "name"),
            (6, "source"),
        )
    )
    return Task(
        name=name,
        source_app=source,
        target=app + url,
        target_app=app,
        target_url=url,
        next_fire_time=_wire_time(time),
        recurrence=recurrence,
        data=_data(fields[4]),
    )


def _text(raw: msgspec.Raw, what: str) -> str:
    try:
        return msgspec.json.decode(raw, type=str)
    except _NOT_JSON as error:
        raise ValueError(f"its {what} is not a text") from error


def _data(raw: msgspec.Raw) -> str | None:
    text = bytes(raw).decode().strip()
    if text == "null":
        return None
    return msgspec.json.decode(text, type=str) if text.startswith('"') else text


def sort_tasks(tasks: list[Task]) -> list[Task]:
    """The tasks by the time at which they are due; at one time, in the scheduler's order."""
    return sorted(tasks, key=lambda task: task.next_fire_time)


def unreadable(number: int, error: Exception) -> PeerContractError:
    """The error for row ``number`` (from 1) of the list; to be raised from ``error``."""
    return PeerContractError(
        "task_unreadable", peer=PEER, number=number, reason=shorten(str(error))
    )


def shown(value: object) -> str:
    """``value`` as Python writes it, at most 60 characters."""
    try:
        return shorten(repr(value), length=60)
    except (ValueError, RecursionError):
        return f"a {type(value).__name__} too large to show"


def shorten(text: str, *, length: int = 120) -> str:
    """``text``, at most ``length`` characters of it."""
    return text if len(text) <= length else text[: length - 1] + "…"
