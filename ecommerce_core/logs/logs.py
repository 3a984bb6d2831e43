"""Formats of the log: lines for people, or one JSON object per line for programs.

No line ever holds a customer's data or a secret. Of an exception only its kind and place are
logged, since its text may repeat the value that caused it.
"""

from __future__ import annotations

import json
import logging
import sys
import threading
import time
import traceback
from dataclasses import asdict
from datetime import UTC, datetime
from functools import partial
from types import TracebackType
from typing import Any

from ecommerce_core.domain import Fact, NewDelivery, Outcome, Run
from ecommerce_core.logs.line_stream import take_over, target_of
from ecommerce_core.logs.terminal import terminal_safe

ROOT = "ecommerce_core"
runs = logging.getLogger(f"{ROOT}.runs")
deliveries = logging.getLogger(f"{ROOT}.deliveries")
refusals = logging.getLogger(f"{ROOT}.refusals")

_SERVED = frozenset({Outcome.EXECUTED, Outcome.JOINED})
# The characters that are kept of a record that anybody else logs.
LONGEST = 2_000
# POSIX writes this much to a pipe in one piece, even if others write at the same moment: with
# ``2>&1`` two streams end in one pipe.
LONGEST_LINE_BYTES = 4_000

Raised = tuple[type[BaseException], BaseException, TracebackType | None] | tuple[None, None, None]


class TextFormatter(logging.Formatter):
    """Lines for people, in which nothing can control the terminal."""

    def __init__(self, *, has_head: bool = True) -> None:
        super().__init__()
        self._has_head = has_head

    def format(self, record: logging.LogRecord) -> str:
        """Return the record as a line, with more lines if something was raised."""
        head = f"{self.formatTime(record)} {record.levelname} {record.name}: "
        line = (head if self._has_head else "") + _message(record)
        more = _raised(record.exc_info) if record.exc_info else []
        return "\n".join(terminal_safe(one, longest=LONGEST) for one in [line, *more])

    def formatException(self, ei: Raised) -> str:  # noqa: N802 - logging's own name
        """Return where it was raised, and its kind."""
        return "\n".join(_raised(ei))


class JsonFormatter(logging.Formatter):
    """One JSON object per record: ``time`` (UTC), ``level``, ``logger``, ``message``.

    The values of ``extra={"fields": {...}}`` are added. The line is ASCII, so that nothing in it
    can control a terminal.
    """

    def format(self, record: logging.LogRecord) -> str:
        """Return the record as one line."""
        line = _json_head(
            at=record.created,
            level=record.levelname,
            logger=record.name,
            message=_message(record),
        )
        fields = getattr(record, "fields", None)
        if isinstance(fields, dict):
            line |= {name: value for name, value in fields.items() if name not in line}
        if record.exc_info:
            line["exception"] = _kinds(record.exc_info)
            line["traceback"] = _places(record.exc_info)
        return _json_text(line)


def set_up(form: str) -> None:
    """Show our records on stderr, and all records in the same format: ``text`` or ``json``.

    A further call includes the loggers that others have set up meanwhile.
    """
    ours = logging.getLogger(ROOT)
    formatter = JsonFormatter() if form == "json" else TextFormatter()
    if not ours.handlers:
        ours.addHandler(logging.StreamHandler())
    ours.setLevel(logging.INFO)
    ours.propagate = False
    everybody = logging.getLogger()
    if form == "json" and not everybody.handlers:
        everybody.addHandler(logging.StreamHandler())
    # Records of loggers that have no handler and do not propagate go here.
    logging.lastResort = logging.StreamHandler()
    logging.lastResort.setLevel(logging.WARNING)
    loggers = [everybody, *logging.Logger.manager.loggerDict.values()]
    handlers = [one for logger in loggers for one in getattr(logger, "handlers", [])]
    for handler in [*handlers, logging.lastResort]:
        if isinstance(handler, logging.StreamHandler):
            handler.setFormatter(formatter)
            handler.setStream(target_of(handler.stream))
    logging.getLogger("uvicorn.error").addFilter(_is_worth_a_line)
    if form == "json":
        logging.captureWarnings(True)
    sys.excepthook = _log_end
    threading.excepthook = _log_end_of_thread
    sys.unraisablehook = _log_unraisable


def take_over_streams(form: str) -> None:
    """Put text that is written to stderr or stdout without logging into the same format.

    In the format for people, stdout is left alone: it holds the framework's own messages.
    """
    if form == "json":
        for name in ("stdout", "stderr"):
            take_over(name, partial(_json_line, name))
    else:
        take_over("stderr", partial(terminal_safe, longest=LONGEST))


def set_up_command_line() -> None:
    """Escape a command's warnings for the terminal."""
    if logging.lastResort is not None:
        logging.lastResort.setFormatter(TextFormatter(has_head=False))


def log_run(run: Run, *, error: BaseException | None = None) -> None:
    """Log one line for a run that ended. Of an error only the kind: its text may quote the peer."""
    counts = asdict(run.counts)
    said = ", ".join(f"{count} {name}" for name, count in counts.items() if count)
    kind = None if error is None else type(error).__name__
    fields = {
        "event": "run",
        "run": run.id,
        "dataset": run.dataset,
        "action": run.action.value,
        "trigger": run.trigger.value,
        "status": run.status.value,
        "counts": counts,
        "bytes": run.body_bytes,
        "seconds": run.duration_s,
        "error": kind,
        "code": None if run.error is None else run.error.code,
    }
    runs.log(
        logging.INFO if run.status.is_good else logging.WARNING,
        "%s: run %d, %s, %s after %.2f s: %s",
        run.dataset,
        run.id,
        run.action.value.replace("_", " "),
        run.status.value,
        run.duration_s or 0.0,
        kind or said or "nothing to do",
        extra={"fields": fields},
    )


def log_delivery(delivery: NewDelivery, *, error: BaseException | None = None) -> None:
    """Log one line for a callback. The reason of a refusal is our own text, so it is logged."""
    kind = None if error is None else type(error).__name__
    refused = delivery.reason if delivery.outcome is Outcome.REFUSED else None
    reason = str(refused) if refused is not None else kind
    fields = {
        "event": "delivery",
        "dataset": delivery.dataset,
        "outcome": delivery.outcome.value,
        "run": delivery.run_id,
        "seconds": delivery.duration_s,
        "reason": reason,
        "code": None if delivery.reason is None else delivery.reason.code,
    }
    level = logging.INFO if delivery.outcome in _SERVED else logging.WARNING
    deliveries.log(
        level,
        "%s: callback %s%s",
        delivery.dataset,
        delivery.outcome.value,
        f": {reason}" if reason else "",
        extra={"fields": fields},
    )


def log_refusal(status: int, *, method: str, reason: Fact) -> None:
    """Log one line for a request that the middleware refused."""
    fields = {
        "event": "refusal",
        "status": status,
        "method": method,
        "reason": str(reason),
        "code": reason.code,
    }
    refusals.warning("refused a %s with %d: %s", method, status, reason, extra={"fields": fields})


def _is_worth_a_line(record: logging.LogRecord) -> bool:
    """Return False for what uvicorn says of every WebSocket that is refused with an answer.

    The refusal has a line of ours.
    """
    return record.msg != "ASGI callable returned without completing handshake."


def _log_end(kind: type[BaseException], error: BaseException, places: TracebackType | None) -> None:
    if issubclass(kind, KeyboardInterrupt):
        return
    logging.getLogger(ROOT).critical("not foreseen", exc_info=(kind, error, places))


def _log_unraisable(args: sys.UnraisableHookArgs) -> None:
    if args.exc_value is not None:
        raised = (args.exc_type, args.exc_value, args.exc_traceback)
        logging.getLogger(ROOT).error("raised where nobody could catch it", exc_info=raised)


def _log_end_of_thread(args: threading.ExceptHookArgs) -> None:
    if args.exc_value is None or issubclass(args.exc_type, SystemExit):
        return
    name = args.thread.name if args.thread is not None else "?"
    raised = (args.exc_type, args.exc_value, args.exc_traceback)
    logging.getLogger(ROOT).error("the thread %s ended", name, exc_info=raised)


def _message(record: logging.LogRecord) -> str:
    try:
        return record.getMessage()[:LONGEST]
    except Exception:  # the arguments do not fit or have no text
        return _text(record.msg)[:LONGEST]


def _text(value: object) -> str:
    """Return the text of any logged value, or its kind if that fails. Never raises."""
    try:
        return str(value)
    except Exception:  # the exception's own text must not be logged
        return f"<{type(value).__name__}>"


def _json_head(*, at: float, level: str, logger: str, message: str) -> dict[str, Any]:
    moment = datetime.fromtimestamp(at, UTC).isoformat(timespec="milliseconds")
    return {"time": moment, "level": level.lower(), "logger": logger, "message": message}


def _json_line(name: str, text: str) -> str:
    """Return the JSON line for a text that was written to a stream without logging."""
    message = text.strip()[:LONGEST]
    return _json_text(_json_head(at=time.time(), level="INFO", logger=name, message=message))


def _json_text(line: dict[str, Any]) -> str:
    """Return one line of ASCII, with the longest values cut until it is short enough."""
    while True:
        text = json.dumps(line, default=_text)
        excess = len(text) - LONGEST_LINE_BYTES
        if excess <= 0:
            return text
        sizes = {name: len(json.dumps(value, default=_text)) for name, value in line.items()}
        longest = max(sizes, key=lambda name: sizes[name])
        value = line[longest] if isinstance(line[longest], str | list) else _text(line[longest])
        if not value:  # only very many field names are as long as that
            return text
        share = max(1 - excess / sizes[longest], 0.5)  # others may be as long
        kept = min(int(len(value) * share), len(value) - 1)
        # The last places of a traceback are where it was raised.
        line[longest] = value[len(value) - kept :] if isinstance(value, list) else value[:kept]


def _raised(raised: Any) -> list[str]:
    return [*_places(raised), f"raised {_kinds(raised)}"]


def _kinds(raised: Any) -> str:
    """Return the exception's kind, followed by those that caused it."""
    names: list[str] = []
    error: BaseException | None = raised[1]
    while error is not None and len(names) < 10:
        names.append(type(error).__name__)
        error = error.__cause__ or error.__context__
    return " from ".join(names) or "nothing"


def _places(raised: Any) -> list[str]:
    return [
        f"{place.filename}:{place.lineno} in {place.name}"
        for place in traceback.extract_tb(raised[2])
    ]
